"""The test page of a printer: what must measure how much, and the labels' outlines to hold against them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitting.labels import rules
from kitting.labels.drawing import canvas_for, check_texts, correct, font_of
from kitting.labels.sheets import CROSS, MM, NO_CORRECTION, RULER, Correction, Face, Sheet

if TYPE_CHECKING:
    from typing import BinaryIO

    from reportlab.pdfgen.canvas import Canvas

    from kitting.labels.sheets import RulerWords

_ARM = 6.0  # mm
_LEADING = 15.0  # points
_LEFT = 25.0  # of the ruler up and down, mm
_BOX = (35.0, 112.0, 140.0, 62.0)  # of the words: left, bottom, width, height in mm


def draw_ruler(
    *,
    sheet: Sheet,
    words: RulerWords,
    output: BinaryIO,
    correction: Correction = NO_CORRECTION,
) -> None:
    """Draw the test page of one paper as PDF; raises `LabelError` before anything is written."""
    check_texts({"": words.texts})
    canvas = canvas_for(output, sheet.paper, words.language)
    canvas.setTitle(f"{words.title} {sheet.name}")
    correct(canvas, correction, sheet)
    _outlines(canvas, sheet)
    _cross(canvas, CROSS, sheet.paper[1] - CROSS)
    _words(canvas, words, sheet)
    middle = sheet.paper[1] / 2
    _ruler(canvas, (sheet.paper[0] - RULER) / 2, middle - RULER / 2 + 12, is_upright=False)
    _ruler(canvas, _LEFT, middle - RULER / 2, is_upright=True)
    canvas.showPage()
    canvas.save()


def _outlines(canvas: Canvas, sheet: Sheet) -> None:
    canvas.setLineWidth(0.1 * MM)
    canvas.setStrokeGray(0.45)
    width, height = sheet.label_width * MM, sheet.label_height * MM
    for number in range(sheet.count):
        cell = rules.position(sheet, number)
        bottom = (sheet.paper[1] - cell.top) * MM - height
        canvas.roundRect(cell.left * MM, bottom, width, height, sheet.corner * MM)
    canvas.setStrokeGray(0)


def _cross(canvas: Canvas, left: float, height: float) -> None:
    canvas.setLineWidth(0.2 * MM)
    canvas.line((left - _ARM) * MM, height * MM, (left + _ARM) * MM, height * MM)
    canvas.line(left * MM, (height - _ARM) * MM, left * MM, (height + _ARM) * MM)
    canvas.circle(left * MM, height * MM, 2 * MM)


def _words(canvas: Canvas, words: RulerWords, sheet: Sheet) -> None:
    left, bottom, width, height = (edge * MM for edge in _BOX)
    bottom += (sheet.paper[1] - 297.0) / 2 * MM
    canvas.setFillGray(1)
    canvas.rect(left, bottom, width, height, stroke=0, fill=1)
    canvas.setFillGray(0)
    y = bottom + height - 16
    lines = [
        (words.title, Face.BOLD, 14.0),
        (sheet.name, Face.REGULAR, 10.0),
        *((line, Face.BOLD, 13.0) for line in words.settings.splitlines()),
        *((line, Face.REGULAR, 10.0) for line in words.measure),
    ]
    for text, face, size in lines:
        canvas.setFont(font_of(face).fontName, size)
        canvas.drawString(left + 3 * MM, y, text)
        y -= max(_LEADING, size * 1.5)


def _ruler(canvas: Canvas, left: float, bottom: float, *, is_upright: bool) -> None:
    canvas.saveState()
    canvas.translate(left * MM, bottom * MM)
    if is_upright:
        canvas.rotate(90)
    canvas.setFillGray(1)
    canvas.rect(-4 * MM, -1 * MM, (RULER + 8) * MM, 11 * MM, stroke=0, fill=1)
    canvas.setFillGray(0)
    canvas.setLineWidth(0.15 * MM)
    marks = range(int(RULER) + 1)
    tall = {at: 5.0 if at % 10 == 0 else 3.5 if at % 5 == 0 else 2.2 for at in marks}
    canvas.lines(
        [(0, 0, RULER * MM, 0), *((at * MM, 0, at * MM, tall[at] * MM) for at in marks)]
    )
    canvas.setFont(font_of(Face.REGULAR).fontName, rules.SMALLEST_TEXT)
    for at in range(0, int(RULER) + 1, 10):
        canvas.drawCentredString(at * MM, 6 * MM, str(at))
    canvas.restoreState()
