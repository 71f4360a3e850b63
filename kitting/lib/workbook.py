"""XLSX workbooks: the rows of the first visible sheet as the text that people see in it."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, cast
from zipfile import BadZipFile, ZipFile

from kitting.lib.cells import SheetError
from kitting.lib.later import Later
from kitting.lib.quick_workbook import quick_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from openpyxl.cell.read_only import ReadOnlyCell

openpyxl = Later("openpyxl")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a sheet may be: sizes in bytes, the rest as counts.

    `ratio` is how many times larger than its file a workbook may become when unpacked.
    """

    file_bytes: int = 20 * 2**20
    rows: int = 100_000
    columns: int = 200
    cell_characters: int = 32_767
    unpacked_bytes: int = 128 * 2**20
    ratio: int = 200
    files: int = 2_000


DEFAULT = Limits()

_MOST_ROWS_OF_A_SHEET = 1_048_576
_DIRECTORY_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 1
# Formats that a Japanese spreadsheet program refers to by number only (ECMA-376, 18.8.30).
_JAPANESE_TIME_FORMATS = frozenset({*range(27, 37), *range(50, 59)})
# Such as 000000 or "CB-"000000: fixed words, then as many digits as there are zeros.
_PADDED = re.compile(r'((?:"[^"]*"|\\.|-)*)(0+)')
_LITERAL = re.compile(r'"([^"]*)"|\\(.)')
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def workbook_rows(data: bytes, limits: Limits) -> Iterator[list[str]]:
    """Yield every row of the first visible sheet as texts, blank rows too.

    The size is judged from the archive's directory before anything is unpacked. Raises
    `SheetError` (not_a_sheet, password, zip_bomb, damaged, empty, cell_error, nul).
    """
    _check_archive(data, limits)
    quick = quick_rows(data)
    if quick is not None:
        yield from quick
        return
    yield from careful_rows(data, limits)


def careful_rows(data: bytes, limits: Limits) -> Iterator[list[str]]:
    """Yield the same rows by the slower library, which knows how each cell is shown."""
    try:
        yield from _rows(data, limits)
    except SheetError:
        raise
    except Exception as error:
        # The library has no error of its own: broken parts surface as whatever they hit.
        raise SheetError("damaged") from error


def write_workbook(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write an XLSX of texts only: no cell is a number, a date or a formula for anybody."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for row in (headers, *rows):
        cells = []
        for text in row:
            cell = openpyxl.cell.WriteOnlyCell(
                sheet, value=openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE.sub("", text)
            )
            cell.data_type, cell.number_format = "s", "@"
            cells.append(cell)
        sheet.append(cells)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def _check_archive(data: bytes, limits: Limits) -> None:
    # Counted before the directory is read, which costs memory for every entry in it.
    if data.count(_DIRECTORY_ENTRY) > limits.files:
        raise SheetError("zip_bomb")
    try:
        with ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
    except (BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise SheetError("damaged") from error
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise SheetError("password")
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > min(limits.unpacked_bytes, limits.ratio * len(data)):
        raise SheetError("zip_bomb")
    if not any(entry.filename == "xl/workbook.xml" for entry in entries):
        raise SheetError("not_a_sheet")


def _rows(data: bytes, limits: Limits) -> Iterator[list[str]]:
    workbook = openpyxl.load_workbook(
        io.BytesIO(data), read_only=True, data_only=True, keep_links=False
    )
    visible = [sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
    if not visible:
        raise SheetError("empty")
    sheet = visible[0]
    # What the file says about its own size is often wrong; one column more than allowed is
    # enough to see that there are too many.
    sheet.reset_dimensions()
    # The stubs promise the cells of a workbook that can be written; this one is read only.
    rows = cast(
        "Iterator[tuple[ReadOnlyCell, ...]]", sheet.iter_rows(max_col=limits.columns + 1)
    )
    previous: tuple[ReadOnlyCell, ...] = ()
    for number, cells in enumerate(rows, start=1):
        if number > _MOST_ROWS_OF_A_SHEET:
            raise SheetError("too_many_rows", limit=limits.rows)
        # Rows that the file leaves out are one and the same tuple, maybe a million times.
        if cells is previous:
            yield []
            continue
        previous = cells
        yield [
            "" if cell.value is None else _text(cell, number, column)
            for column, cell in enumerate(cells, start=1)
        ]
    workbook.close()


def _text(cell: ReadOnlyCell, row: int, column: int) -> str:
    """Write a value as a person sees it, but days always as 2026-10-06."""
    value = cell.value
    if cell.data_type == "e":
        letter = openpyxl.utils.get_column_letter(column)
        raise SheetError("cell_error", row=row, column=letter, text=str(value))
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, (int, float)):
        return _number_text(value, cell)
    return _unescaped(value) if isinstance(value, str) else _time_text(value)


def _number_text(value: float, cell: ReadOnlyCell) -> str:
    if cell.style_array.numFmtId in _JAPANESE_TIME_FORMATS:
        return _time_text(openpyxl.utils.datetime.from_excel(value))
    if value % 1:
        # Fifteen digits are what a spreadsheet program itself shows of a number.
        return f"{Decimal(f'{value:.15g}'):f}"
    padded = _PADDED.fullmatch(cell.number_format)
    whole = str(int(value))
    if padded is None or value < 0:
        return whole
    return _LITERAL.sub(_literal_text, padded[1]) + whole.zfill(len(padded[2]))


def _time_text(value: object) -> str:
    if isinstance(value, datetime) and value.time() == time(0):
        return value.date().isoformat()
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="auto" if value.second else "minutes")
    if isinstance(value, time):
        return value.isoformat(timespec="auto" if value.second else "minutes")
    return str(value)


def _literal_text(match: re.Match[str]) -> str:
    return match[1] if match[2] is None else match[2]


def _unescaped(text: str) -> str:
    plain = _ESCAPED.sub(_character, text) if "_x" in text else text
    if "\0" in plain:
        raise SheetError("nul")
    return plain


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16))
