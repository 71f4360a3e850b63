"""Readings above kanji (furigana): which piece of a text gets one, and the text as HTML."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ALL_KANJI = 0  # every kanji is above this grade
PRIMARY_SCHOOL = 6
_LATER = PRIMARY_SCHOOL + 1
_NEAR = 8  # a figure and what counts it stand that close together

_GRADES = Path(__file__).parent / "data" / "school_kanji.txt"
_KANJI = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々"
_KANA = "ぁ-ゖァ-ヺー"
_RUN = re.compile(f"[{_KANJI}]+|[^{_KANJI}]+")
_HAS_KANJI = re.compile(f"[{_KANJI}]")
_MARK = re.compile(r"\{([^{}|]+)\|([^{}|]+)\}")
_READING = re.compile(f"[{_KANA}]+")

# After a figure: the usual reading, and another one after figures that end in certain digits.
_MINUTE = dict.fromkeys("013468", "ぷん")
_COUNTERS: dict[str, tuple[str, dict[str, str]]] = {
    "分間": ("ふんかん", dict.fromkeys(_MINUTE, "ぷんかん")),
    "分": ("ふん", _MINUTE),
    "本": ("ほん", {**dict.fromkeys("0168", "ぽん"), "3": "ぼん"}),
    "階": ("かい", {"3": "がい"}),
    **{
        word: (reading, {})
        for word, reading in (
            *(
                ("回目", "かいめ"),
                ("番目", "ばんめ"),
                ("行目", "ぎょうめ"),
                ("日間", "にちかん"),
            ),
            *(("秒間", "びょうかん"), ("年間", "ねんかん"), ("日前", "にちまえ")),
            *(("回", "かい"), ("枚", "まい"), ("台", "だい"), ("人", "にん"), ("件", "けん")),
            *(("日", "にち"), ("月", "がつ"), ("年", "ねん"), ("時", "じ"), ("秒", "びょう")),
            *(("個", "こ"), ("字", "じ"), ("度", "ど"), ("桁", "けた"), ("問", "もん")),
            *(
                ("番", "ばん"),
                ("行", "ぎょう"),
                ("倍", "ばい"),
                ("点", "てん"),
                ("週", "しゅう"),
            ),
            *(("通", "つう"), ("名", "めい"), ("冊", "さつ"), ("歳", "さい"), ("円", "えん")),
        )
    },
}
_SHORT_DAYS = frozenset((*range(2, 11), 14, 20, 24))  # ふつか to とおか, はつか
_FIGURE = re.compile(r"(\d+)\s*$")
_FIRST_OF_COUNTER = frozenset(word[0] for word in _COUNTERS)


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text in its order, and how it is read where that is to be shown."""

    base: str
    reading: str | None = None


class Marked(str):
    """A text whose author said how some words are read; as a string it is the plain text."""

    __slots__ = ("parts",)
    parts: tuple[Piece, ...]

    @property
    def with_marks(self) -> str:
        """Return the text as its author wrote it."""
        return "".join(
            part.base if part.reading is None else f"{{{part.base}|{part.reading}}}"
            for part in self.parts
        )


def grade_of(kanji: str) -> int:
    """Return the school grade (1 to 6) in which a kanji is learnt; 7 for all others."""
    return _grades().get(kanji, _LATER)


@cache
def school_kanji() -> tuple[str, ...]:
    """Return the kanji of each grade, first grade first."""
    lines = _GRADES.read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


@cache
def _grades() -> dict[str, int]:
    return {kanji: grade for grade, line in enumerate(school_kanji(), 1) for kanji in line}


def has_kanji(text: str) -> bool:
    """Tell whether there is anything in a text that needs a reading."""
    return _HAS_KANJI.search(text) is not None


# --- what the author marked ----------------------------------------------------------------------


def marked(text: str, fill: Callable[[str], str] = str) -> str:
    """Take the author's marks, such as {市|し}, out of a text and remember them beside it.

    `fill` puts words into what lies between the marks. Without a mark it is a plain string.
    """
    parts = tuple(_marks(text, fill))
    if all(part.reading is None for part in parts):
        return "".join(part.base for part in parts)
    found = Marked("".join(part.base for part in parts))
    found.parts = parts
    return found


def _marks(text: str, fill: Callable[[str], str]) -> Iterator[Piece]:
    end = 0
    for mark in _MARK.finditer(text):
        if mark.start() > end:
            yield Piece(fill(text[end : mark.start()]))
        yield Piece(mark[1], mark[2])
        end = mark.end()
    if end < len(text):
        yield Piece(fill(text[end:]))


def bad_marks(text: str) -> list[str]:
    """Return the marks of a text that cannot be: no kanji in the word, or more than kana above it."""
    return [
        mark[0]
        for mark in _MARK.finditer(text)
        if not has_kanji(mark[1]) or not _READING.fullmatch(mark[2])
    ]


# --- the list of words ---------------------------------------------------------------------------


def align(word: str, reading: str) -> tuple[Piece, ...] | None:
    """Lay a reading over a word, so that kana stand under no kana: 開く and ひらく give 開 (ひら), く.

    A word with a figure may be read as a whole (1 人, ひとり). None where the two do not fit.
    """
    runs = _RUN.findall(word)
    pattern = "".join(f"([{_KANA}]+?)" if has_kanji(run) else re.escape(run) for run in runs)
    found = re.fullmatch(pattern, reading)
    if found:
        readings = iter(found.groups())
        return tuple(Piece(run, next(readings) if has_kanji(run) else None) for run in runs)
    whole = word[:1].isdigit() and _READING.fullmatch(reading)
    return (Piece(word, reading),) if whole else None


def read_list(text: str) -> dict[str, str]:
    """Return the words of a list with their readings; a line is `word: reading  # remark`."""
    lines = (line.partition("#")[0].partition(":") for line in text.splitlines())
    return {word.strip(): reading.strip() for word, _colon, reading in lines if reading.strip()}


class Readings:
    """A reviewed list of words with their readings, ready to be looked up; never changed."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Take word and reading; what does not fit together is left out."""
        self._words: dict[str, list[tuple[str, tuple[Piece, ...]]]] = {}
        for word in sorted(words, key=len, reverse=True):
            laid = align(word, words[word])
            if laid and has_kanji(word):
                self._words.setdefault(word[0], []).append((word, laid))

    def at(self, text: str, place: int, before: str) -> tuple[str, tuple[Piece, ...]] | None:
        """Return the longest word that stands at a place, and its pieces.

        `before` is what stands before it: 1 人 is no word in 21 人.
        """
        counted = _counter(text, place, before)
        for word, laid in self._words.get(text[place], ()):
            if counted and len(word) <= len(counted.base):
                break
            if text.startswith(word, place) and not (word[0].isdigit() and _is_figure(before)):
                return word, laid
        return (counted.base, (counted,)) if counted else None


def _is_figure(before: str) -> bool:
    return before[-1:].isdigit() or before[-1:] in {".", "/", ":", "-"}


def _counter(text: str, place: int, before: str) -> Piece | None:
    figure = _FIGURE.search(before)
    if text[place] not in _FIRST_OF_COUNTER or not figure:
        return None
    number = int(figure[1])
    for word, (usual, others) in _COUNTERS.items():
        if text.startswith(word, place):
            is_short_day = word == "日" and number in _SHORT_DAYS
            return Piece(word, "か" if is_short_day else others.get(str(number % 10), usual))
    return None


# --- the pieces of a text ------------------------------------------------------------------------


def pieces(text: str, readings: Readings, *, above: int, before: str = "") -> list[Piece]:
    """Cut a text into pieces; those with a kanji above that school grade have their reading.

    What the author marked wins over the list, the longest word of the list over shorter ones. `before`
    is the text that stands just before, where a figure changes the reading of what counts it.
    """
    found: list[Piece] = []
    for part in text.parts if isinstance(text, Marked) else (Piece(str(text)),):
        if part.reading is not None:
            found.append(part)
            continue
        so_far = found[-1].base if found else before
        found.extend(_whole(list(_listed(part.base, readings, so_far))))
    return _joined(found, above)


def _listed(text: str, readings: Readings, before: str) -> Iterator[Piece]:
    place = 0
    while place < len(text):
        known = readings.at(text, place, before + text[max(0, place - _NEAR) : place])
        if known is None:
            yield Piece(text[place])
            place += 1
        else:
            yield from known[1]
            place += len(known[0])


def _whole(found: list[Piece]) -> list[Piece]:
    """Leave a row of kanji without any reading where a part of it is unknown: half a word misleads."""
    result: list[Piece] = []
    for are_kanji, group in groupby(found, key=lambda piece: has_kanji(piece.base)):
        row = list(group)
        if are_kanji and any(piece.reading is None for piece in row):
            row = [Piece(piece.base) for piece in row]
        result.extend(row)
    return result


def _joined(found: list[Piece], above: int) -> list[Piece]:
    """Drop the readings nobody asked for, and put neighbours without a reading together."""
    result: list[Piece] = []
    for piece in found:
        is_hard = any(grade_of(kanji) > above for kanji in piece.base if has_kanji(kanji))
        if piece.reading is not None and is_hard:
            result.append(piece)
        elif result and result[-1].reading is None:
            result[-1] = Piece(result[-1].base + piece.base)
        else:
            result.append(Piece(piece.base))
    return result


def aloud(text: str, readings: Readings) -> str:
    """Return a text as it is read out: every known word in kana."""
    return "".join(piece.reading or piece.base for piece in pieces(text, readings, above=0))


# --- HTML ----------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""(<span\ data-yomi="[^"]*">[^<]*</span>|<!--.*?-->|<(?:[^<>"']|"[^"]*"|'[^']*')*>)""",
    re.DOTALL | re.VERBOSE,
)
_YOMI = re.compile(r'<span data-yomi="([^"]*)">([^<]*)</span>')
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_OTHER_LANGUAGE = re.compile(r"""\s(?:lang="(?!ja)|translate="no")""")
# What is no running text, or already has its reading.
_UNTOUCHED = frozenset(
    ("script", "style", "title", "svg", "textarea", "option", "template", "ruby", "code")
)
_VOID = frozenset(("area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"))


def as_yomi(text: str) -> str:
    """Return a text whose marked words are HTML that looks the same but knows the reading."""
    return _MARK.sub(r'<span data-yomi="\2">\1</span>', text)


def annotated(html: str, readings: Readings, *, above: int) -> str:
    """Put readings above the words of safe HTML, leaving tags, attributes and other languages alone.

    Each text with a reading stays one element, so that it is one item of a row. Readings are hidden from
    screen readers, which know the words: the names of buttons and links stay as they are.
    """
    result: list[str] = []
    before = ""
    within = _Within()
    for token in _TOKEN.split(html):
        if not token:
            continue
        yomi = _YOMI.fullmatch(token) if token[0] == "<" else None
        if yomi and not within.untouched:
            piece = Piece(yomi[2], yomi[1])
            result.append("".join(map(_as_ruby, _joined([piece], above))))
            before = piece.base
        elif token[0] == "<":
            within.see(token)
            result.append(token)
        else:
            result.append(token if within.untouched else _text(token, readings, above, before))
            before = token if token.strip() else before
    return "".join(result)


class _Within:
    """Knows whether the text that comes next is left alone."""

    def __init__(self) -> None:
        self._name = ""
        self._depth = 0

    @property
    def untouched(self) -> bool:
        return self._depth > 0

    def see(self, token: str) -> None:
        tag = _TAG.match(token)
        if tag is None or tag[2] in _VOID or token.endswith("/>"):
            return
        if self._depth:
            if tag[2] == self._name:
                self._depth += -1 if tag[1] else 1
        elif not tag[1] and (tag[2] in _UNTOUCHED or _OTHER_LANGUAGE.search(token)):
            self._name, self._depth = tag[2], 1


def _text(text: str, readings: Readings, above: int, before: str) -> str:
    if not has_kanji(text):
        return text
    found = pieces(text, readings, above=above, before=before)
    if all(piece.reading is None for piece in found):
        return text
    return f'<span class="yo">{"".join(_as_ruby(piece) for piece in found)}</span>'


def _as_ruby(piece: Piece) -> str:
    """Return a piece of text that is already safe, with its reading above it."""
    if piece.reading is None:
        return piece.base
    return f'<ruby>{piece.base}<rt aria-hidden="true">{piece.reading}</rt></ruby>'
