"""Draw the sheet for the steps before sign-in: one A4, both sides, for one box each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from django.utils import translation
from django.utils.translation import gettext

from kitting.labels import rules
from kitting.labels.actions import check_site
from kitting.labels.drawing import (
    AddressTooLongError,
    MissingGlyphError,
    NothingToPrintError,
    draw_code,
    font_of,
)
from kitting.labels.sheets import A4, MM, Face
from kitting.lib.codes import shown
from kitting.lib.later import Later
from kitting.lib.lines import broken

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from reportlab.pdfgen.canvas import Canvas

    from kitting.guides.queries.shapes import StepPage
    from kitting.labels.queries import PaperBox
    from kitting.site.models import SiteProfile

pdfgen = Later("reportlab.pdfgen.canvas")

_WIDTH, _HEIGHT = A4[0] * MM, A4[1] * MM
_EDGE = 12 * MM
_RIGHT = _WIDTH - _EDGE
_FOOT = 19 * MM  # above the paper's lower edge, where steps end
_QR = 38 * MM
_HEAD = 60 * MM  # of the first side: title, code, blanks
_BACK_HEAD = 12 * MM
_NUMBER = 9 * MM  # the column of a step's number
_SMALLEST_MODULE = 0.6 * MM
# The largest letters with which everything fits on two sides; 8 pt is the smallest for paper.
_SIZES = (11.0, 10.5, 10.0, 9.5, 9.0, 8.5, 8.0)
_LEADING = 1.45
_SIDES = 2


class _Row(NamedTuple):
    """One line of a step: its text, where it begins, how it is set; a sign stands before it."""

    text: str
    indent: float
    face: Face
    size: float
    sign: str = ""


@dataclass(frozen=True)
class _Block:
    """One step, set: its rows from the top down, and how high they are together."""

    number: int
    rows: tuple[_Row, ...]
    height: float


@dataclass(frozen=True)
class Words:
    """The fixed words of the sheet, in one language; without a pattern but `steps` and `call`."""

    language: str
    headline: str
    steps: str
    code: str
    asset: str
    wifi: str
    stuck: str
    scan: str
    done_when: str
    if_not: str
    next_title: str
    next_text: str
    watermark: str


def words_of(*, language: str, count: int, host: str, is_sample: bool) -> Words:
    """Return the fixed words of the sheet in a language."""
    with translation.override(language):
        return Words(
            language=language,
            headline=gettext("On paper: until you sign in"),
            steps=gettext("Steps 1 to %(count)s. Tick each box with a pencil.")
            % {"count": count},
            code=gettext("Box code"),
            asset=gettext("Asset no."),
            wifi=gettext("Wi-Fi password (write it here yourself)"),
            stuck=gettext("If you are stuck"),
            scan=gettext("Read it with a phone: the same guide, and help"),
            done_when=gettext("You should now see"),
            if_not=gettext("If it does not work"),
            next_title=gettext("From here, on the Chromebook"),
            next_text=gettext(
                "Open Chrome, type %(host)s in the bar at the top and press Enter. "
                "What you did on paper is noted by itself."
            )
            % {"host": host},
            watermark=gettext("Sample") if is_sample else "",
        )


def print_papers(
    *,
    boxes: Iterable[PaperBox],
    language: str,
    profile: SiteProfile,
    output: BinaryIO,
) -> int:
    """Write the sheets of boxes as one PDF, two pages each; return how many sheets.

    Prints for a printer that turns the paper: every sheet begins on a front. Nothing secret stands on
    them; passwords have a blank. Raises `LabelError` before anything is written.
    """
    check_site(profile)
    listed = list(boxes)
    if not listed:
        raise NothingToPrintError
    said = [
        words_of(
            language=language,
            count=len(box.view.steps),
            host=box.host,
            is_sample=profile.demo_seeded_at is not None,
        )
        for box in listed
    ]
    for box, words in zip(listed, said, strict=True):
        _check(box, words)
    canvas: Canvas = pdfgen.Canvas(
        output,
        pagesize=(_WIDTH, _HEIGHT),
        pageCompression=1,
        invariant=1,
        lang=language,
        initialFontName=font_of(Face.REGULAR).fontName,
    )
    canvas.setTitle(f"{said[0].headline} {listed[0].asset_tag}".strip())
    canvas.setCreator("Kitto")
    canvas.setViewerPreference("PrintScaling", "None")
    canvas.setViewerPreference("Duplex", "DuplexFlipLongEdge")
    for box, words in zip(listed, said, strict=True):
        _Sheet(canvas, box, words).draw()
    canvas.save()
    return len(listed)


def _check(box: PaperBox, words: Words) -> None:
    if _QR / (len(rules.matrix(box.url)) + 2 * rules.QUIET_ZONE) < _SMALLEST_MODULE:
        raise AddressTooLongError(box.url)
    known = font_of(Face.REGULAR).face.charToGlyph
    texts = [*box.texts, *(str(value) for value in vars(words).values())]
    if lacking := rules.missing_glyphs(rules.printable(" ".join(texts)), known):
        raise MissingGlyphError({box.asset_tag or box.code: lacking})


@lru_cache(maxsize=4096)  # the same sentences stand on every sheet of a printing
def _lines(text: str, width: float, face: Face, size: float) -> tuple[str, ...]:
    font = font_of(face)
    return tuple(
        broken(rules.printable(text), width, lambda part: float(font.stringWidth(part, size)))
    )


class _Sheet:
    """Draws both sides for one box."""

    def __init__(self, canvas: Canvas, box: PaperBox, words: Words) -> None:
        self._canvas = canvas
        self._box = box
        self._words = words

    def draw(self) -> None:
        blocks, size = self._set()
        sides = _sides(blocks)
        for number, side in enumerate(sides):
            self._watermark()
            top = self._front() if number == 0 else self._back_head()
            self._blocks(side, top, size, stretch=_gap(side, _room(number)))
            self._foot(number + 1, len(sides))
            self._canvas.showPage()

    def _set(self) -> tuple[list[_Block], float]:
        """Set all steps as large as two sides allow; without the hints if it must be."""
        steps = self._box.view.steps
        for with_hint in (True, False):
            for size in _SIZES:
                blocks = [self._block(step, size, with_hint=with_hint) for step in steps]
                if len(_sides(blocks)) <= _SIDES:
                    return blocks, size
        return blocks, size

    def _block(self, step: StepPage, size: float, *, with_hint: bool) -> _Block:
        rows = tuple(self._rows(step, size, with_hint=with_hint))
        return _Block(step.number, rows, sum(row.size * _LEADING for row in rows))

    def _rows(self, step: StepPage, size: float, *, with_hint: bool) -> Iterator[_Row]:
        words = self._words
        yield from _set_in(step.title, Face.BOLD, size * 1.25, sign="box", indent=0)
        for number, action in enumerate(step.actions, 1):
            yield from _set_in(action, Face.REGULAR, size, sign=f"{number}")
        goal = f"{words.done_when}{_colon(words.language)}{step.done_when}"
        yield from _set_in(goal, Face.BOLD, size, sign="check")
        if with_hint and step.troubles:
            hint = step.troubles[0]
            text = f"{words.if_not}{_colon(words.language)}{hint.symptom} → {hint.attempt}"
            yield from _set_in(text, Face.REGULAR, size * 0.92, sign="hint")

    def _front(self) -> float:
        canvas, box, words = self._canvas, self._box, self._words
        top = _HEIGHT - _EDGE
        left, right = _EDGE, _RIGHT - _QR - 5 * MM
        y = self._text(words.headline, left, top - 18, 20, right - left, Face.BOLD)
        y = self._text(box.view.title, left, y - 3, 11, right - left)
        y = self._text(words.steps, left, y - 1, 11, right - left)
        if box.when:
            y = self._text(box.when, left, y - 1, 11, right - left, Face.BOLD, most=1)
        self._desk(left, y + 4, right)
        self._blank(left, top - _HEAD + 7 * MM, right)
        draw_code(canvas, box.url, _RIGHT - _QR, top + 2 * MM, _QR)
        middle, y = _RIGHT - _QR / 2, top - _QR - 1 * MM
        y = self._centred(words.scan, middle, y, 7.5, _QR + 4 * MM)
        y = self._centred(words.code, middle, y - 2, 8, _QR)
        self._middle(shown(box.code), middle, y - 8, 17, Face.MONO)
        if box.asset_tag:
            self._middle(f"{words.asset} {box.asset_tag}", middle, y - 20, 9)
        return top - _HEAD

    def _desk(self, left: float, y: float, right: float) -> None:
        """Write whom to call into a frame: what people look for first."""
        canvas, words = self._canvas, self._words
        height = 13 * MM
        canvas.setLineWidth(1.2)
        canvas.roundRect(left, y - height, right - left, height, 2 * MM)
        canvas.setLineWidth(0.6)
        inner = right - left - 6 * MM
        self._text(words.stuck, left + 3 * MM, y - 12, 9, inner)
        self._text(self._box.help_line, left + 3 * MM, y - 28, 13, inner, Face.BOLD, most=1)

    def _blank(self, left: float, bottom: float, right: float) -> None:
        canvas = self._canvas
        self._text(self._words.wifi, left, bottom + 9.2 * MM, 9, right - left)
        canvas.setLineWidth(0.6)
        canvas.rect(left, bottom, right - left, 8 * MM)
        self._text(self._box.view.note, left, bottom - 9, 8, right - left, most=1)

    def _back_head(self) -> float:
        top = _HEIGHT - _EDGE
        self._text(self._words.headline, _EDGE, top - 10, 11, _RIGHT - _EDGE, Face.BOLD)
        name = f"{shown(self._box.code)}  {self._box.asset_tag}".strip()
        self._canvas.setFont(font_of(Face.REGULAR).fontName, 9)
        self._canvas.drawRightString(_RIGHT, top - 10, name)
        return top - _BACK_HEAD

    def _foot(self, number: int, count: int) -> None:
        canvas, words = self._canvas, self._words
        canvas.setLineWidth(0.6)
        if number == count:
            y = self._text(words.next_title, _EDGE, _FOOT - 11, 10.5, _RIGHT - _EDGE, Face.BOLD)
            self._text(words.next_text, _EDGE, y, 9, _RIGHT - _EDGE - 12 * MM, most=2)
            canvas.line(_EDGE, _FOOT, _RIGHT, _FOOT)
        canvas.setFont(font_of(Face.REGULAR).fontName, 8)
        canvas.drawRightString(_RIGHT, 8 * MM, f"{number} / {count}")

    def _blocks(
        self, blocks: Sequence[_Block], top: float, size: float, *, stretch: float
    ) -> None:
        y = top
        for block in blocks:
            self._disc(block.number, y - size * 0.62)
            canvas = self._canvas
            for row in block.rows:
                y -= row.size * _LEADING
                self._sign(row, y)
                canvas.setFont(font_of(row.face).fontName, row.size)
                canvas.drawString(_EDGE + _NUMBER + row.indent, y, row.text)
            y -= stretch
            if block is not blocks[-1]:
                canvas.setLineWidth(0.4)
                canvas.setStrokeGray(0.7)
                canvas.line(_EDGE, y + stretch / 2 - 2, _RIGHT, y + stretch / 2 - 2)
                canvas.setStrokeGray(0)

    def _disc(self, number: int, y: float) -> None:
        canvas = self._canvas
        middle = _EDGE + 3.2 * MM
        canvas.circle(middle, y - 2.4 * MM, 3.2 * MM, stroke=0, fill=1)
        canvas.setFillGray(1)
        canvas.setFont(font_of(Face.BOLD).fontName, 11)
        canvas.drawCentredString(middle, y - 2.4 * MM - 4, str(number))
        canvas.setFillGray(0)

    def _sign(self, row: _Row, y: float) -> None:
        canvas, left = self._canvas, _EDGE + _NUMBER
        size = row.size
        if row.sign.isdigit():
            canvas.setFont(font_of(Face.BOLD).fontName, size)
            canvas.drawString(left, y, row.sign)
        elif row.sign == "box":
            canvas.setLineWidth(0.8)
            canvas.rect(_RIGHT - size, y - 1, size, size)
        elif row.sign == "check":
            canvas.setLineWidth(1.4)
            canvas.lines(
                [
                    (left, y + size * 0.35, left + size * 0.3, y),
                    (left + size * 0.3, y, left + size * 0.85, y + size * 0.75),
                ]
            )
        elif row.sign == "hint":
            canvas.setFont(font_of(Face.BOLD).fontName, size)
            canvas.drawString(left + 1, y, "?")

    def _watermark(self) -> None:
        if not self._words.watermark:
            return
        canvas = self._canvas
        canvas.saveState()
        canvas.setFillGray(0.9)
        canvas.setFont(font_of(Face.BOLD).fontName, 110)
        canvas.translate(_WIDTH / 2, _HEIGHT * 0.36)
        canvas.rotate(45)
        canvas.drawCentredString(0, 0, self._words.watermark)
        canvas.restoreState()

    def _text(  # noqa: PLR0913  # where, how large, how wide: what setting a text takes
        self,
        text: str,
        left: float,
        y: float,
        size: float,
        width: float,
        face: Face = Face.REGULAR,
        *,
        most: int = 3,
    ) -> float:
        """Set a text in at most so many lines, smaller if it must be; return where the next begins."""
        while len(_lines(text, width, face, size)) > most and size > rules.SMALLEST_TEXT:
            size -= 0.5
        for line in _lines(text, width, face, size)[:most]:
            self._canvas.setFont(font_of(face).fontName, size)
            self._canvas.drawString(left, y, line)
            y -= size * _LEADING
        return y

    def _centred(self, text: str, middle: float, y: float, size: float, width: float) -> float:
        for line in _lines(text, width, Face.REGULAR, size)[:2]:
            self._middle(line, middle, y, size)
            y -= size * 1.25
        return y

    def _middle(
        self, text: str, middle: float, y: float, size: float, face: Face = Face.REGULAR
    ) -> None:
        self._canvas.setFont(font_of(face).fontName, size)
        self._canvas.drawCentredString(middle, y, text)


def _set_in(
    text: str, face: Face, size: float, *, sign: str = "", indent: float = 1.6
) -> Iterator[_Row]:
    """Set a text below its sign: the sign stands before the first line only."""
    before = indent * size
    end = 2.2 * size if sign == "box" else 0.0
    width = _RIGHT - _EDGE - _NUMBER - before - end
    for number, line in enumerate(_lines(text, width, face, size)):
        yield _Row(line, before, face, size, sign if number == 0 else "")


def _colon(language: str) -> str:
    return "：" if language == "ja" else ": "  # Japanese sets it full-width


def _room(side: int) -> float:
    head = _HEAD if side == 0 else _BACK_HEAD
    return _HEIGHT - _EDGE - head - _FOOT - 2 * MM


_LEAST_GAP, _MOST_GAP = 3.0 * MM, 8.0 * MM


def _sides(blocks: Sequence[_Block]) -> list[list[_Block]]:
    """Lay whole steps on sides, the first as full as it goes."""
    sides: list[list[_Block]] = [[]]
    used = 0.0
    for block in blocks:
        if sides[-1] and used + block.height > _room(len(sides) - 1):
            sides.append([])
            used = 0.0
        sides[-1].append(block)
        used += block.height + _LEAST_GAP
    return sides


def _gap(blocks: Sequence[_Block], room: float) -> float:
    """Return the space between steps that fills a side."""
    spare = room - sum(block.height for block in blocks)
    return min(_MOST_GAP, max(_LEAST_GAP, spare / max(1, len(blocks) - 1)))
