"""How the words of a Japanese text are probably read: SudachiPy, used only while a guide is prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sudachipy import Dictionary, SplitMode

from kitting.lib.ruby import Marked, Readings, aloud, has_kanji

if TYPE_CHECKING:
    from collections.abc import Iterable

_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """How a word is probably read, with the sentence it was found in first; a person reviews it."""

    word: str
    reading: str
    sentence: str


def suggestions(texts: Iterable[str]) -> list[Suggestion]:
    """Return every word with kanji and its probable reading, each pair once, by word.

    A word with two readings stands there twice: its author decides, or marks it in the text.
    """
    tokenizer = Dictionary(dict="small").tokenizer(mode=SplitMode.A)
    found: dict[tuple[str, str], Suggestion] = {}
    for text in texts:
        for token in tokenizer.tokenize(_without_marked(text)):
            if has_kanji(token.surface()):
                pair = (token.surface(), token.reading_form().translate(_HIRAGANA))
                found.setdefault(pair, Suggestion(*pair, text))
    return [found[pair] for pair in sorted(found)]


def _without_marked(text: str) -> str:
    """Return a text with its author's readings in place of the words they stand above."""
    parts = text.parts if isinstance(text, Marked) else ()
    return "".join(part.reading or part.base for part in parts) or text


def unread(texts: Iterable[str], known: Readings) -> list[Suggestion]:
    """Return the suggestions for words that the list knows nothing of."""
    return [found for found in suggestions(texts) if has_kanji(aloud(found.word, known))]


def as_list(found: Iterable[Suggestion]) -> str:
    """Return suggestions as lines of a list of readings, each under the sentence it was found in."""
    return "".join(f"# {one.sentence}\n{one.word}: {one.reading}\n" for one in found)
