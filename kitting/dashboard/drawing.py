"""The loan register as a PDF: a table on A4 across, with embedded fonts. Knows no tables and no Django."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.labels.drawing import canvas_for, font_of, with_geta
from kitting.labels.rules import printable
from kitting.labels.sheets import MM, Face

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reportlab.pdfgen.canvas import Canvas

PAPER = (297.0, 210.0)  # mm
EDGE = 10.0  # mm
TOP = 30.0  # mm, of the first row of headings
HEADING = 8.0  # mm
ROW = 7.5  # mm
FOOT = 14.0  # mm
INSIDE = 1.2  # mm of white beside a text
LARGE, SMALL, LEAST = 8.0, 6.5, 3.0  # points
GREY = 0.93


@dataclass(frozen=True)
class Ledger:
    """What is printed: the words around the table, its columns with their widths in parts, its rows."""

    title: str
    subtitle: str
    headers: tuple[str, ...]
    widths: tuple[float, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str
    notes: tuple[str, ...]
    geta_note: str
    language: str


def draw_ledger(ledger: Ledger) -> bytes:
    """Return a PDF of as many pages as the rows need, headings and number on each."""
    output = io.BytesIO()
    canvas = canvas_for(output, PAPER, ledger.language)
    canvas.setTitle(ledger.title)
    pages = list(_pages(ledger.rows))
    pen = _Pen(canvas, ledger)
    for number, rows in enumerate(pages, 1):
        pen.page(rows, number, len(pages))
        canvas.showPage()
    canvas.save()
    return output.getvalue()


def _pages(rows: Sequence[tuple[str, ...]]) -> Iterator[Sequence[tuple[str, ...]]]:
    most = int((PAPER[1] - TOP - HEADING - FOOT) / ROW)
    for start in range(0, max(len(rows), 1), most):
        yield rows[start : start + most]


class _Pen:
    """Draws pages of one ledger; measures are mm from the upper left corner."""

    def __init__(self, canvas: Canvas, ledger: Ledger) -> None:
        self._canvas = canvas
        self._ledger = ledger
        part = (PAPER[0] - 2 * EDGE) / sum(ledger.widths)
        self._widths = [width * part for width in ledger.widths]
        texts = [cell for row in ledger.rows for cell in row]
        self._lacks_glyphs = any(with_geta(text) != printable(text) for text in texts)

    def page(self, rows: Sequence[tuple[str, ...]], number: int, pages: int) -> None:
        """Draw one page."""
        ledger = self._ledger
        self._text(ledger.title, EDGE, 17, 15, Face.BOLD)
        self._text(ledger.subtitle, EDGE, 25, 9)
        self._canvas.setFont(font_of(Face.REGULAR).fontName, 9)
        self._canvas.drawRightString(
            (PAPER[0] - EDGE) * MM, (PAPER[1] - 17) * MM, f"{number} / {pages}"
        )
        self._row(ledger.headers, TOP, HEADING, Face.BOLD)
        for at, row in enumerate(rows):
            self._row(row, TOP + HEADING + at * ROW, ROW, Face.REGULAR)
        if not rows:
            self._text(ledger.empty, EDGE + INSIDE, TOP + HEADING + 6, LARGE)
        notes = [*ledger.notes, *([ledger.geta_note] if self._lacks_glyphs else [])]
        self._text("  ".join(notes), EDGE, PAPER[1] - 7, 7.5)

    def _row(self, cells: Sequence[str], top: float, height: float, face: Face) -> None:
        canvas, left = self._canvas, EDGE
        bottom = (PAPER[1] - top - height) * MM
        if face == Face.BOLD:
            canvas.setFillGray(GREY)
            canvas.rect(
                EDGE * MM, bottom, sum(self._widths) * MM, height * MM, stroke=0, fill=1
            )
            canvas.setFillGray(0)
        canvas.setLineWidth(0.3)
        for cell, width in zip(cells, self._widths, strict=True):
            canvas.rect(left * MM, bottom, width * MM, height * MM)
            self._cell(cell, (left, top), (width, height), face)
            left += width

    def _cell(
        self, cell: str, at: tuple[float, float], size: tuple[float, float], face: Face
    ) -> None:
        room = (size[0] - 2 * INSIDE) * MM
        lines, points = _fitted(with_geta(cell), room, face)
        first = at[1] + size[1] / 2 + (points * 0.36 - (len(lines) - 1) * points * 0.58) / MM
        for number, line in enumerate(lines):
            self._text(line, at[0] + INSIDE, first + number * points * 1.16 / MM, points, face)

    def _text(
        self, text: str, left: float, baseline: float, size: float, face: Face = Face.REGULAR
    ) -> None:
        self._canvas.setFont(font_of(face).fontName, size)
        self._canvas.drawString(left * MM, (PAPER[1] - baseline) * MM, with_geta(text))


def _fitted(text: str, room: float, face: Face) -> tuple[list[str], float]:
    """Return a text on one line, or on two smaller ones, as small as it must be and never cut."""
    if _width(text, LARGE, face) <= room:
        return [text], LARGE
    size = SMALL
    while size > LEAST:
        lines = _broken(text, room, size, face)
        if len(lines) <= 2:  # noqa: PLR2004  # as many as a row holds
            return lines, size
        size -= 0.25
    return _broken(text, room, LEAST, face), LEAST


def _broken(text: str, room: float, size: float, face: Face) -> list[str]:
    lines = [""]
    for sign in text:
        if lines[-1] and _width(lines[-1] + sign, size, face) > room:
            lines.append("")
        lines[-1] += sign
    return lines


def _width(text: str, size: float, face: Face) -> float:
    return float(font_of(face).stringWidth(text, size))
