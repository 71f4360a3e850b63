"""Account slips: the account for one person, a code to match it to the box, a blank for the password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitting.labels import rules
from kitting.labels.drawing import canvas_for, check_texts, draw_code, font_of, measure, unheard
from kitting.labels.sheets import MM, SLIP_SHEET, Face, Line

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from reportlab.pdfgen.canvas import Canvas

    from kitting.labels.sheets import Slip, SlipWords

_EDGE = 7.0 * MM
_QR = 24.0 * MM
_WIDTH, _HEIGHT = SLIP_SHEET.label_width * MM, SLIP_SHEET.label_height * MM
_BLANK = 10.0 * MM


def draw_slips(
    *,
    slips: list[Slip],
    words: SlipWords,
    output: BinaryIO,
    heard: Callable[[int], None] = unheard,
) -> int:
    """Draw account slips on plain paper, to be cut; return the number of pages.

    Raises `LabelError` before anything is written.
    """
    check_texts({"": words.texts} | {slip.person: slip.texts for slip in slips})
    canvas = canvas_for(output, SLIP_SHEET.paper, words.language)
    canvas.setTitle(words.title)
    pages = rules.pages(SLIP_SHEET, len(slips))
    for page in range(pages):
        here = slips[page * SLIP_SHEET.count : (page + 1) * SLIP_SHEET.count]
        _cut_lines(canvas)
        for place, slip in enumerate(here):
            cell = rules.position(SLIP_SHEET, place)
            canvas.saveState()
            canvas.translate(cell.left * MM, (SLIP_SHEET.paper[1] - cell.top) * MM)
            _slip(canvas, slip, words)
            canvas.restoreState()
        canvas.showPage()
        heard(page * SLIP_SHEET.count + len(here))
    canvas.save()
    return pages


def _cut_lines(canvas: Canvas) -> None:
    width, height = (edge * MM for edge in SLIP_SHEET.paper)
    canvas.saveState()
    canvas.setStrokeGray(0.6)
    canvas.setLineWidth(0.3)
    canvas.setDash(3, 3)
    canvas.line(width / 2, 0, width / 2, height)
    for row in range(1, SLIP_SHEET.rows):
        canvas.line(0, row * _HEIGHT, width, row * _HEIGHT)
    canvas.restoreState()


def _slip(canvas: Canvas, slip: Slip, words: SlipWords) -> None:
    inner = rules.Room(_WIDTH - _EDGE, measure)
    beside = rules.Room(_WIDTH - _EDGE - _QR, measure)
    if words.watermark:
        _watermark(canvas, words.watermark)
    _lines(
        canvas,
        beside,
        [
            Line(words.title, _EDGE, 28, 13, Face.BOLD),
            Line(rules.printable(slip.department), _EDGE, 43, 9.5),
            Line(rules.printable(slip.person), _EDGE, 58, 12, Face.BOLD),
            Line(f"{words.code} {slip.code}", _EDGE, 72, 9.5),
            Line(rules.printable(slip.when), _EDGE, 86, 9.5, Face.BOLD),
        ],
    )
    draw_code(canvas, slip.url, _WIDTH - _EDGE - _QR + 6, -_EDGE + 4, _QR)
    _lines(
        canvas,
        inner,
        [
            Line(words.account, _EDGE, 100, 9),
            _account(slip.account, inner),
            Line(words.password, _EDGE, 134, 9),
        ],
    )
    canvas.setLineWidth(0.6)
    canvas.rect(_EDGE, -138 - _BLANK, _WIDTH - 2 * _EDGE, _BLANK)
    _lines(
        canvas,
        inner,
        [
            Line(words.by_hand, _EDGE, 179, 9),
            Line(words.keep, _EDGE, 191, 9),
            Line(rules.printable(slip.help_line), _EDGE, 203, 9),
        ],
    )


def _account(account: str, room: rules.Room) -> Line:
    """Set an account as large as it goes and never cut it: half an address opens nothing."""
    line = Line(account, _EDGE, 117, 14, Face.MONO)
    while not room.fits(line) and line.size > 1:
        line = line._replace(size=line.size - 0.25)
    return line


def _lines(canvas: Canvas, room: rules.Room, lines: list[Line]) -> None:
    for line in lines:
        fitted = line if line.face == Face.MONO else room.shrink(line)
        canvas.setFont(font_of(fitted.face).fontName, fitted.size)
        canvas.drawString(fitted.left, -fitted.baseline, fitted.text)


def _watermark(canvas: Canvas, text: str) -> None:
    canvas.saveState()
    canvas.setFillGray(0.9)
    canvas.setFont(font_of(Face.BOLD).fontName, 46)
    canvas.drawCentredString(_WIDTH * 0.42, -_HEIGHT * 0.62, text)
    canvas.restoreState()
