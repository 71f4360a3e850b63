"""Everything about one person on paper: A4, fonts embedded. Knows no tables and no Django."""

from __future__ import annotations

import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.labels.drawing import GETA, font_of, with_geta
from kitting.labels.sheets import A4, MM, Face
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reportlab.pdfgen.canvas import Canvas
    from reportlab.platypus import Flowable

platypus, styling = Later("reportlab.platypus"), Later("reportlab.lib.styles")
PAPER = (A4[0] * MM, A4[1] * MM)
EDGE = 18 * MM
Row = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Section:
    """One kind of rows, in words; each row is names with their values."""

    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Record:
    """What is printed: the words at the top, then section by section."""

    title: str
    lead: str
    sections: tuple[Section, ...]
    geta_note: str
    language: str


def draw_record(record: Record) -> bytes:
    """Return a PDF of as many pages as it takes, with their numbers."""
    output = io.BytesIO()
    regular, bold = font_of(Face.REGULAR).fontName, font_of(Face.BOLD).fontName
    body = styling.ParagraphStyle(
        "body", fontName=regular, fontSize=9, leading=13, wordWrap="CJK"
    )
    heads = styling.ParagraphStyle(
        "head", body, fontName=bold, fontSize=11, leading=16, spaceBefore=10
    )
    title = styling.ParagraphStyle("title", heads, fontSize=15, leading=21)
    document = platypus.SimpleDocTemplate(
        output,
        pagesize=PAPER,
        leftMargin=EDGE,
        rightMargin=EDGE,
        topMargin=EDGE,
        bottomMargin=EDGE,
        title=record.title,
        creator="Kitto",
        lang=record.language,
        initialFontName=regular,
        invariant=1,
    )
    lines = list(_lines(record))
    if any(GETA in text for _style, text in lines):
        lines.append(("body", _set(record.geta_note)))
    styles = {"title": title, "head": heads, "body": body}
    story: list[Flowable] = [
        platypus.HRFlowable(width="100%", thickness=0.4, spaceBefore=3, spaceAfter=3)
        if style == "rule"
        else platypus.Paragraph(text, styles[style])
        for style, text in lines
    ]
    document.build(story, onFirstPage=_number, onLaterPages=_number)
    return output.getvalue()


def _number(canvas: Canvas, _document: object) -> None:
    canvas.setFont(font_of(Face.REGULAR).fontName, 8)
    canvas.drawRightString(PAPER[0] - EDGE, 10 * MM, str(canvas.getPageNumber()))


def _lines(record: Record) -> Iterator[tuple[str, str]]:
    yield "title", _set(record.title)
    yield "body", _set(record.lead)
    for section in record.sections:
        yield "head", _set(section.title)
        for row in section.rows:
            yield "rule", ""
            for name, value in row:
                yield "body", f"{_set(name)}: {_set(value)}"


def _set(text: str) -> str:
    return "<br/>".join(html.escape(with_geta(line), quote=False) for line in text.splitlines())
