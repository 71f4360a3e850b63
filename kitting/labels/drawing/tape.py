"""Labels on tape: as pages of the tape's size, or as pictures with exactly the printer's dots."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from kitting.labels import rules
from kitting.labels.drawing import (
    EDGE,
    FILES,
    FONTS,
    AddressTooLongError,
    Pen,
    SheetTooSmallError,
    canvas_for,
    check_labels,
    measure,
    unheard,
)
from kitting.labels.sheets import DESIGNS, MM, Face, Kind, Label, Tape, Wording
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from PIL import Image, ImageDraw, ImageFont

    from kitting.labels.sheets import Line

images, drawing, fonts = Later("PIL.Image"), Later("PIL.ImageDraw"), Later("PIL.ImageFont")

_FEED = 3.0  # mm before and after a label that the printer cannot reach
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same labels make the same file


@dataclass(frozen=True)
class TapePrinting:
    """One file of a printing on tape; `as_pictures` is a ZIP of PNG files instead of a PDF."""

    kind: Kind
    tape: Tape
    output: BinaryIO
    as_pictures: bool = False


def draw_tape(
    *,
    labels: Iterable[Label],
    printing: TapePrinting,
    words: Wording,
    heard: Callable[[int], None] = unheard,
) -> int:
    """Draw one kind of label of all devices on tape; return how many labels.

    A module of a code is a whole number of the printer's dots, at least four.
    Raises `LabelError` before anything is written.
    """
    listed = list(labels)
    if not listed:
        return 0
    fit = check_tape(listed, printing, words)
    draw = _draw_pictures if printing.as_pictures else _draw_pages
    draw(listed, printing, words, fit, heard)
    return len(listed)


def check_tape(labels: list[Label], printing: TapePrinting, words: Wording) -> rules.Fit:
    """Make sure that labels can be drawn on tape; raises `LabelError`."""
    tape, kind = printing.tape, printing.kind
    fit = rules.on_tape(tape, kind)
    if fit is None:
        raise SheetTooSmallError(kind, tape)
    check_labels(labels, kind, words)
    longest = max((label.url for label in labels), key=len)
    side = DESIGNS[kind].qr[2] * rules.frame(fit.sheet, kind).scale
    dots = rules.dots_a_module(side, len(rules.matrix(longest)), tape.dots_per_mm)
    if dots < rules.SMALLEST_DOTS:
        raise AddressTooLongError(longest)
    return fit


def _draw_pages(
    labels: list[Label],
    printing: TapePrinting,
    words: Wording,
    fit: rules.Fit,
    heard: Callable[[int], None],
) -> None:
    tape = printing.tape
    width, height = fit.sheet.paper
    printed = height if not fit.is_turned else width
    length = tape.length or printed + 2 * _FEED
    canvas = canvas_for(printing.output, (tape.width, length), words.language)
    canvas.setTitle(f"{words.title} {tape.name}")
    pen = Pen(canvas, printing.kind, fit.sheet, words)
    pen.dots_per_mm = tape.dots_per_mm
    across = tape.dots / tape.dots_per_mm
    for number, label in enumerate(labels, 1):
        canvas.translate((tape.width - across) / 2 * MM, (length - printed) / 2 * MM)
        if fit.is_turned:
            canvas.translate(across * MM, 0)
            canvas.rotate(90)
        pen.label(label, rules.position(fit.sheet, 0))
        canvas.showPage()
        heard(number)
    canvas.save()


# --- dots ----------------------------------------------------------------------------------------


def _draw_pictures(
    labels: list[Label],
    printing: TapePrinting,
    words: Wording,
    fit: rules.Fit,
    heard: Callable[[int], None],
) -> None:
    brush = Brush(printing.kind, printing.tape, words, fit)
    with ZipFile(printing.output, "w", ZIP_STORED) as archive:
        for number, label in enumerate(labels, 1):
            data = BytesIO()
            dots = printing.tape.dots_per_inch
            brush.picture(label).save(data, "PNG", dpi=(dots, dots), optimize=False)
            name = f"{number:04d}-{rules.file_name(label.asset_tag or label.code)}.png"
            archive.writestr(ZipInfo(name, _LONG_AGO), data.getvalue())
            heard(number)


class Brush:
    """Paints labels of one kind in black and white, dot by dot; what they share is painted once."""

    def __init__(self, kind: Kind, tape: Tape, words: Wording, fit: rules.Fit) -> None:
        """Measure the label in dots."""
        self._kind = kind
        self._words = words
        self._fit = fit
        self._frame = rules.frame(fit.sheet, kind)
        self._dots_per_mm = tape.dots_per_mm
        self._room = rules.Room(self._frame.width - EDGE[kind] * MM, measure)
        long = round(fit.sheet.paper[fit.is_turned ^ 1] * tape.dots_per_mm)
        self._size = (long, tape.dots) if fit.is_turned else (tape.dots, long)
        self._grounds: dict[tuple[str, str], Image.Image] = {}

    def picture(self, label: Label) -> Image.Image:
        """Return a label as it goes to the printer: one bit a dot, as wide as the tape prints."""
        picture = self._ground(label).copy()
        draw: ImageDraw.ImageDraw = drawing.Draw(picture)
        draw.fontmode = "1"
        self._lines(draw, rules.own_lines(self._kind, label, self._words, self._room))
        self._code(draw, label.url)
        if not self._fit.is_turned:
            return picture
        return picture.transpose(images.Transpose.ROTATE_90)

    def _ground(self, label: Label) -> Image.Image:
        key = (label.host, label.help_line)
        if key not in self._grounds:
            picture: Image.Image = images.new("1", self._size, 1)
            draw = drawing.Draw(picture)
            draw.fontmode = "1"
            if self._words.watermark:
                self._watermark(draw)
            if self._kind == Kind.BOX:
                left, right = rules.BESIDE[self._kind], self._room.right
                ends = [self._at(left, 34.4), self._at(right, 34.4)]
                draw.line(ends, fill=0, width=max(1, round(0.25 * self._dots_per_mm)))
            self._lines(draw, rules.fixed_lines(self._kind, label, self._words, self._room))
            self._grounds[key] = picture
        return self._grounds[key]

    def _at(self, left: float, down: float) -> tuple[int, int]:
        """Return the dot of a place of the design, in points from its upper left corner."""
        scale = self._frame.scale * self._dots_per_mm / MM
        shift = self._frame.shift * self._dots_per_mm
        return round(left * scale), round(down * scale + shift)

    def _lines(self, draw: ImageDraw.ImageDraw, lines: Iterable[Line]) -> None:
        for line in lines:
            size = line.size * self._frame.scale * self._dots_per_mm / MM
            where = self._at(line.left, line.baseline)
            draw.text(where, line.text, fill=0, font=_font(line.face, size), anchor="ls")

    def _watermark(self, draw: ImageDraw.ImageDraw) -> None:
        # Black and white has no grey: the word stands in outline, small, where no text is.
        font = _font(Face.BOLD, 9 * self._frame.scale * self._dots_per_mm / MM)
        right, bottom = self._at(self._room.right, DESIGNS[self._kind].height * MM - 1.5)
        draw.text((right, bottom), self._words.watermark, fill=0, font=font, anchor="rs")

    def _code(self, draw: ImageDraw.ImageDraw, address: str) -> None:
        left, top, side = (edge * MM for edge in DESIGNS[self._kind].qr)
        rows = rules.matrix(address)
        (x, y), (x_end, _y_end) = self._at(left, top), self._at(left + side, top + side)
        module = (x_end - x) // (len(rows) + 2 * rules.QUIET_ZONE)
        spare = (x_end - x) - module * (len(rows) + 2 * rules.QUIET_ZONE)
        x, y = x + spare // 2, y + spare // 2
        for row, dark_ones in enumerate(rows, rules.QUIET_ZONE):
            for column, is_dark in enumerate(dark_ones, rules.QUIET_ZONE):
                if is_dark:
                    corner = (x + column * module, y + row * module)
                    opposite = (corner[0] + module - 1, corner[1] + module - 1)
                    draw.rectangle((corner, opposite), fill=0)


@lru_cache(maxsize=64)
def _font(face: Face, size: float) -> ImageFont.FreeTypeFont:
    font: ImageFont.FreeTypeFont = fonts.truetype(FONTS / f"{FILES[face]}.ttf", size)
    return font
