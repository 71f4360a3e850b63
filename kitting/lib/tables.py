"""Tables that leave the house: several in one CSV or one workbook, with numbers that stay numbers."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.lib.cells import safe_cell
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openpyxl.worksheet.worksheet import Worksheet

openpyxl = Later("openpyxl")

Cell = str | int | float | None

# What a name of a sheet must not hold, and how long it may be.
_NO_NAME = re.compile(r"[\[\]:*?/\\']")
_NAME_MOST = 31
# So wide that everything can be read, and no wider than a page.
_WIDTHS = (8, 60)
_UPRIGHT_MOST = 6  # columns that an upright page holds
_WIDE = 0x2E80  # from here on a character takes the room of two


@dataclass(frozen=True)
class OutTable:
    """One table: its title, the names of its columns, its rows, and what must be said about it."""

    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def tables_csv(tables: Sequence[OutTable]) -> bytes:
    """Write tables below each other, an empty line between them.

    UTF-8 with byte order mark and CRLF. Texts that begin like a formula are disarmed; numbers are
    plain, so that a program reads -5 as minus five.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for at, table in enumerate(tables):
        if at:
            writer.writerow([])
        writer.writerow([safe_cell(table.title)])
        writer.writerows([safe_cell(note)] for note in table.notes)
        writer.writerow([safe_cell(header) for header in table.headers])
        writer.writerows([_plain(cell) for cell in row] for row in table.rows)
    return out.getvalue().encode("utf-8-sig")


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return safe_cell(cell) if isinstance(cell, str) else str(cell)


def tables_workbook(tables: Sequence[OutTable]) -> bytes:
    """Write a workbook, a sheet a table; texts are texts even where they begin like a formula."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for table in tables:
        # The library numbers names that are taken.
        sheet = book.create_sheet(_NO_NAME.sub(" ", table.title)[:_NAME_MOST].strip())
        heading = len(table.notes) + 2
        lines = [(table.title,), *((note,) for note in table.notes), table.headers, *table.rows]
        for number, line in enumerate(lines, 1):
            _write(sheet, number, line, bold=number in (1, heading))
        _lay_out(sheet, table)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _write(sheet: Worksheet, number: int, row: Sequence[Cell], *, bold: bool) -> None:
    for column, value in enumerate(row, 1):
        cell = sheet.cell(number, column)
        if isinstance(value, str):
            cell.value = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", value)
            cell.data_type, cell.number_format = "s", "@"
        else:
            cell.value = value
        if bold:
            cell.font = openpyxl.styles.Font(bold=True)
        elif isinstance(value, str) and _width(value) > _WIDTHS[1] and len(row) > 1:
            cell.alignment = openpyxl.styles.Alignment(wrap_text=True, vertical="top")


def _lay_out(sheet: Worksheet, table: OutTable) -> None:
    """Make columns as wide as what stands in them, keep the headings in sight, print on A4."""
    least, most = _WIDTHS
    for at, header in enumerate(table.headers):
        cells = [header, *(row[at] for row in table.rows)]
        width = max(_width(str(cell)) for cell in cells if cell is not None)
        sheet.column_dimensions[openpyxl.utils.get_column_letter(at + 1)].width = min(
            max(width + 2, least), most
        )
    heading = len(table.notes) + 2
    sheet.freeze_panes = f"A{heading + 1}"
    sheet.print_title_rows = f"{heading}:{heading}"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = openpyxl.worksheet.properties.PageSetupProperties(
        fitToPage=True
    )
    if len(table.headers) > _UPRIGHT_MOST:
        sheet.page_setup.orientation = sheet.ORIENTATION_LANDSCAPE


def _width(text: str) -> int:
    return sum(2 if ord(sign) >= _WIDE else 1 for sign in text)
