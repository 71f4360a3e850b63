"""Labels as ink: fonts, sheets, codes. Knows neither tables nor Django, so that a process of its own can draw."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from kitting.labels import rules
from kitting.labels.sheets import (
    DESIGNS,
    MM,
    NO_CORRECTION,
    Correction,
    Face,
    Kind,
    Label,
    Line,
    Sheet,
    Tape,
    Wording,
)
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import BinaryIO

    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

# Pages that ask for labels are many, and few of them draw.
rl_config = Later("reportlab.rl_config")
metrics, fonts = Later("reportlab.pdfbase.pdfmetrics"), Later("reportlab.pdfbase.ttfonts")
pdfgen, paths = Later("reportlab.pdfgen.canvas"), Later("reportlab.pdfgen.pathobject")

FONTS = Path(__file__).parents[1] / "fonts"
# What stands for a character that the fonts lack; type setters call it geta.
GETA = "〓"
FILES = {
    Face.REGULAR: "BIZUDPGothic-Regular",
    Face.BOLD: "BIZUDPGothic-Bold",
    Face.MONO: "BIZUDGothic-Bold",
}
_RULER = 50  # mm
_NOTE_MARGIN = 8.5  # mm
EDGE = {Kind.BOX: 3.0, Kind.DEVICE: 1.5}  # mm of white at the right of a label


class LabelError(ValueError):
    """Labels that cannot be drawn; nothing has been written."""


class NothingToPrintError(LabelError):
    """No box with a code was chosen."""


class AddressError(LabelError):
    """The site's address must not stand on labels: `fault` says why."""

    def __init__(self, fault: rules.AddressFault, site_url: str) -> None:
        """Keep what is wrong and the address."""
        super().__init__(fault, site_url)
        self.fault = fault
        self.site_url = site_url


class ExamplesLeftError(LabelError):
    """The site still shows words of the guide's example: `words` are what is left to set."""

    def __init__(self, words: list[str]) -> None:
        """Keep the words that are still examples."""
        super().__init__(words)
        self.words = words


class SheetTooSmallError(LabelError):
    """A kind of label cannot be read on a sheet of this size."""

    def __init__(self, kind: Kind, sheet: Sheet | Tape) -> None:
        """Keep the kind of label and the paper."""
        super().__init__(kind, sheet.key)
        self.kind = kind
        self.sheet = sheet


class StartOutsideError(LabelError):
    """The first free place is not on the sheet, which has `count` of them."""

    def __init__(self, count: int) -> None:
        """Keep the number of places."""
        super().__init__(count)
        self.count = count


class AddressTooLongError(LabelError):
    """A QR code would be too fine to be read."""

    def __init__(self, address: str) -> None:
        """Keep the address."""
        super().__init__(address)
        self.address = address


class MissingGlyphError(LabelError):
    """Some texts hold characters that the fonts lack."""

    def __init__(self, found: dict[str, tuple[str, ...]]) -> None:
        """Keep the characters by the asset tag or code of their label ("" for the fixed words)."""
        super().__init__(found)
        self.found = found


def unheard(_drawn: int) -> None:
    """Let progress pass: nobody waits for it."""


@dataclass(frozen=True)
class Printing:
    """One file of a printing: a kind of label, its sheets, and the file to write.

    `start` (from 1) is the first free place of the first sheet; `apart` begins a new one for each place
    of work.
    """

    kind: Kind
    sheet: Sheet
    output: BinaryIO
    start: int = 1
    correction: Correction = NO_CORRECTION
    apart: bool = False


def draw_sheets(
    *,
    labels: Iterable[Label],
    printing: Printing,
    words: Wording,
    heard: Callable[[int], None] = unheard,
) -> int:
    """Draw one kind of label of all devices on sheets of one size; return the number of pages.

    Writes a PDF with vector codes and embedded fonts, row by row in the order given. A kind has its
    own size of paper and so its own file: no printer stops to have its paper changed in the middle
    of one. `heard` gets the number of labels drawn with each page.
    Raises `LabelError` before anything is written.
    """
    listed = list(labels)
    if not listed:
        return 0
    check(listed, printing, words)
    sheet, start = printing.sheet, printing.start
    canvas = canvas_for(printing.output, sheet.paper, words.language)
    canvas.setTitle(f"{words.title} {sheet.name}")
    pen = Pen(canvas, printing.kind, sheet, words)
    heads = [label.place for label in listed]
    parts = rules.dealt(sheet, heads, start, apart=printing.apart)
    for number, part in enumerate(parts, start=1):
        here = listed[part.first : part.first + part.labels]
        correct(canvas, printing.correction, sheet)
        if part.place == 0:  # a sheet in second use has its notes already
            pen.notes(here, number, len(parts))
        for place, label in enumerate(here, part.place):
            pen.label(label, rules.position(sheet, place))
        canvas.showPage()
        heard(part.first + part.labels)
    canvas.save()
    return len(parts)


def canvas_for(output: BinaryIO, paper: tuple[float, float], language: str) -> Canvas:
    """Begin a file of pages of one size (mm) that asks printers not to scale."""
    canvas: Canvas = pdfgen.Canvas(
        output,
        pagesize=(paper[0] * MM, paper[1] * MM),
        pageCompression=1,
        invariant=1,
        lang=language,
        initialFontName=font_of(Face.REGULAR).fontName,
    )
    canvas.setCreator("Kitto")
    canvas.setViewerPreference("PrintScaling", "None")
    return canvas


def correct(canvas: Canvas, correction: Correction, sheet: Sheet) -> None:
    """Undo on this page what a printer does wrong: sizes from the upper left corner, then place."""
    if correction == NO_CORRECTION:
        return
    height = sheet.paper[1] * MM
    canvas.translate(correction.right * MM, height - correction.down * MM)
    canvas.scale(correction.scale_x, correction.scale_y)
    canvas.translate(0, -height)


def check(labels: list[Label], printing: Printing, words: Wording) -> None:
    """Make sure that labels can be drawn on a sheet; raises `LabelError`."""
    sheet, kind = printing.sheet, printing.kind
    if not 1 <= printing.start <= sheet.count:
        raise StartOutsideError(sheet.count)
    if not rules.holds(sheet, kind):
        raise SheetTooSmallError(kind, sheet)
    check_labels(labels, kind, words)


def check_labels(labels: list[Label], kind: Kind, words: Wording) -> None:
    """Make sure that codes can be read and that the fonts have every character."""
    longest = max((label.url for label in labels), key=len, default="")
    if not rules.is_readable(kind, len(rules.matrix(longest))):
        raise AddressTooLongError(longest)
    check_texts(
        {"": words.texts} | {label.asset_tag or label.code: label.texts for label in labels}
    )


def check_texts(texts: Mapping[str, tuple[str, ...]]) -> None:
    """Make sure that the fonts have every character of some texts by owner."""
    known = font_of(Face.REGULAR).face.charToGlyph
    lacking = {
        owner: rules.missing_glyphs(rules.printable(" ".join(text)), known)
        for owner, text in texts.items()
    }
    if found := {owner: characters for owner, characters in lacking.items() if characters}:
        raise MissingGlyphError(found)


def with_geta(text: str) -> str:
    """Return a text as it is set, with a mark for each character the fonts lack."""
    plain = rules.printable(text)
    lacking = rules.missing_glyphs(plain, font_of(Face.REGULAR).face.charToGlyph)
    return "".join(GETA if sign in lacking else sign for sign in plain)


@cache
def font_of(face: Face) -> TTFont:
    """Return a face of the fonts that are embedded, ready to be set."""
    # Without it reportlab writes streams as text, a quarter larger; whoever draws needs a font first.
    rl_config.change(useA85=0)
    font: TTFont = fonts.TTFont(FILES[face], FONTS / f"{FILES[face]}.ttf")
    metrics.registerFont(font)
    return font


def measure(line: Line) -> float:
    """Return the width of a line in points, by the widths of its font."""
    return float(font_of(line.face).stringWidth(line.text, line.size))


class Pen:
    """Draws labels of one kind on a canvas; what many labels share is stored once in the file."""

    def __init__(self, canvas: Canvas, kind: Kind, sheet: Sheet, words: Wording) -> None:
        self._canvas = canvas
        self._kind = kind
        self._sheet = sheet
        self._words = words
        self._frame = rules.frame(sheet, kind)
        self._room = rules.Room(self._frame.width - EDGE[kind] * MM, measure)
        self._forms: dict[tuple[str, str], str] = {}
        # Where a printer has coarse dots, a module of a code is a whole number of them.
        self.dots_per_mm = 0.0

    def label(self, label: Label, cell: rules.Cell) -> None:
        """Draw one label at its place."""
        canvas = self._canvas
        form = self._form(label)
        canvas.saveState()
        canvas.translate(
            cell.left * MM, (self._sheet.paper[1] - cell.top - self._frame.shift) * MM
        )
        canvas.scale(self._frame.scale, self._frame.scale)
        canvas.doForm(form)
        self._lines(rules.own_lines(self._kind, label, self._words, self._room))
        self._code(label.url)
        canvas.restoreState()

    def notes(self, labels: list[Label], page: int, pages: int) -> None:
        """Write into the margin what lies on this page; on the first, a ruler to prove the scale."""
        sheet, words = self._sheet, self._words
        last = rules.position(sheet, sheet.count - 1)
        bottom = sheet.paper[1] - last.top - sheet.label_height
        if min(sheet.top, bottom) < _NOTE_MARGIN:
            return
        left, right = max(sheet.left, 10.0), sheet.paper[0] - max(sheet.left, 10.0)
        height = sheet.paper[1] - max(rules.UNPRINTABLE + 2.6, sheet.top * 0.55)
        self._canvas.setFont(font_of(Face.REGULAR).fontName, rules.SMALLEST_TEXT)
        self._canvas.drawString(left * MM, height * MM, f"{words.title}  {sheet.name}")
        here = f"{labels[0].asset_tag} \N{EN DASH} {labels[-1].asset_tag}"
        self._canvas.drawRightString(right * MM, height * MM, f"{here}    {page} / {pages}")
        if page == 1:
            self._ruler(left, max(rules.UNPRINTABLE, bottom * 0.45))

    def _ruler(self, left: float, height: float) -> None:
        canvas = self._canvas
        canvas.saveState()
        canvas.translate(left * MM, height * MM)
        canvas.setLineWidth(0.2 * MM)
        marks = [
            (at, 3.0 if at % 10 == 0 else 2.0 if at % 5 == 0 else 1.2)
            for at in range(_RULER + 1)
        ]
        canvas.lines(
            [(0, 0, _RULER * MM, 0), *((at * MM, 0, at * MM, tall * MM) for at, tall in marks)]
        )
        canvas.setFont(font_of(Face.REGULAR).fontName, rules.SMALLEST_TEXT)
        canvas.drawString((_RULER + 3) * MM, 0.2 * MM, self._words.ruler)
        canvas.restoreState()

    def _form(self, label: Label) -> str:
        key = (label.host, label.help_line)
        if key not in self._forms:
            height = ceil(DESIGNS[self._kind].height * MM)
            name = self._forms[key] = f"fixed{len(self._forms)}"
            self._canvas.beginForm(name, 0, -height, ceil(self._frame.width), 0)
            self._fixed(label)
            self._canvas.endForm()
        return self._forms[key]

    def _fixed(self, label: Label) -> None:
        lines = rules.fixed_lines(self._kind, label, self._words, self._room)
        left = rules.BESIDE[self._kind]
        if self._words.watermark:
            self._watermark(left, self._room.right)
        if self._kind == Kind.BOX:
            self._canvas.setLineWidth(0.7)
            self._canvas.line(left, -34.4, self._room.right, -34.4)
        self._lines(lines)

    def _watermark(self, left: float, right: float) -> None:
        # Behind the words only: grey next to a code's modules would cost readability.
        mark = Line(self._words.watermark, left, 0, 1, Face.BOLD)
        size = min(56.0, 0.8 * (right - left) / measure(mark))
        middle = DESIGNS[self._kind].height / 2 * MM
        self._canvas.saveState()
        self._canvas.setFillGray(0.88)
        self._canvas.setFont(font_of(Face.BOLD).fontName, size)
        self._canvas.drawCentredString((left + right) / 2, -middle - size * 0.35, mark.text)
        self._canvas.restoreState()

    def _lines(self, lines: list[Line]) -> None:
        text = self._canvas.beginText()
        for line in lines:
            text.setFont(font_of(line.face).fontName, line.size)
            text.setTextOrigin(line.left, -line.baseline)
            text.textOut(line.text)
        self._canvas.drawText(text)

    def _code(self, address: str) -> None:
        left, top, side = DESIGNS[self._kind].qr
        if self.dots_per_mm:
            fitted = rules.whole_dots(
                side, len(rules.matrix(address)), self.dots_per_mm * self._frame.scale
            )
            gap = (side - fitted) / 2
            left, top, side = left + gap, top + gap, fitted
        draw_code(self._canvas, address, left * MM, -top * MM, side * MM)


def draw_code(canvas: Canvas, address: str, left: float, top: float, side: float) -> None:
    """Draw an address as a QR code with its quiet zone, in points from the upper left corner."""
    modules, path = _outline(address)
    module = side / (modules + 2 * rules.QUIET_ZONE)
    canvas.saveState()
    canvas.translate(left + rules.QUIET_ZONE * module, top - rules.QUIET_ZONE * module)
    canvas.scale(module, -module)
    canvas.drawPath(paths.PDFPathObject([path]), stroke=0, fill=1)
    canvas.restoreState()


@lru_cache(maxsize=4096)  # the second label of a pair finds its code ready
def _outline(address: str) -> tuple[int, str]:
    # One path for the whole code, so that no renderer shows seams between its rectangles.
    rows = rules.matrix(address)
    runs = [
        f"{run.start()} {y} {run.end() - run.start()} 1 re"
        for y, row in enumerate(rows)
        for run in rules.DARK.finditer(bytes(row))
    ]
    return len(rows), " ".join(runs)
