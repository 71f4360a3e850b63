"""Sheets that people bring: rows out of CSV or XLSX, whoever saved them; and CSV for them."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import warnings
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from kitting.lib.cells import (
    REASONS,
    SheetError,
    clean_date,
    clean_number_string,
    clean_text,
    safe_cell,
    unsafe_cell,
)
from kitting.lib.later import Later
from kitting.lib.workbook import DEFAULT, Limits, workbook_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

openpyxl = Later("openpyxl")

__all__ = [
    "DEFAULT",
    "REASONS",
    "Limits",
    "Matching",
    "Row",
    "SheetError",
    "Stream",
    "Table",
    "clean_date",
    "clean_number_string",
    "clean_text",
    "match_headers",
    "open_table",
    "read_table",
    "safe_cell",
    "write_csv",
]

# The order in which programs usually separate; the first wins where none makes more columns.
_DELIMITERS = (",", "\t", ";")
_SAMPLE_CHARACTERS = 65_536
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig", "utf-8"),
    (b"\xff\xfe", "utf-16-le", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be", "utf-16-be"),
)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_OTHER_FORMATS = (b"%PDF", b"{\\rtf", b"<")
_WEB_PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|body|table|meta)[\s>]", re.IGNORECASE)
_BINARY = re.compile(rb"[\x01-\x08\x0e-\x1a\x1c-\x1f]")
_BINARY_SAMPLE_BYTES = 1024
_JIS_ESCAPE = b"\x1b$"
# What half-width kana never do, but EUC-JP read as CP932 soon does: brackets and commas, a
# sound mark after a kana that takes none, a small kana or a long vowel to begin with.
_NO_HALF_KANA = re.compile(
    "[\uff61-\uff64]"
    "|(?<![\uff73\uff76-\uff84\uff8a-\uff8e])\uff9e"
    "|(?<![\uff8a-\uff8e])\uff9f"
    "|(?<![\uff66-\uff9f])[\uff67-\uff70]"
)
# Bytes that CP932 leaves open, and what decoding makes of them.
_NO_CP932 = re.compile("[\x80\uf8f0-\uf8f3]")
_NO_LETTER_OF_HEADER = re.compile(r"[\s_・\-\u2010-\u2015\u2212]+")


class Row(NamedTuple):
    """One filled row: its number as a spreadsheet program shows it, and its cells by header."""

    number: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Table:
    """What a sheet holds, cells as they were written; blank rows are left out."""

    headers: list[str]
    rows: list[Row]
    encoding: str
    kind: Literal["csv", "xlsx"]


@dataclass(frozen=True, slots=True)
class Stream:
    """A sheet that is read row by row, once; `lines` is about how many rows it has.

    Reading on may raise `SheetError` at any row.
    """

    headers: list[str]
    rows: Iterator[Row]
    encoding: str
    kind: Literal["csv", "xlsx"]
    lines: int


@dataclass(frozen=True, slots=True)
class Matching:
    """Which column of a sheet holds which field.

    `ambiguous` names the headers that could all be meant by a field; it is in none of the others.
    """

    columns: dict[str, str]
    unknown: list[str]
    missing: list[str]
    ambiguous: dict[str, list[str]]


def read_table(data: bytes, filename: str, *, limits: Limits = DEFAULT) -> Table:
    """Read a sheet of any encoding, CSV (comma, tab, semicolon) or XLSX, by what is in it.

    The name of the file decides nothing. `encoding` is empty for XLSX. Raises `SheetError`.
    """
    sheet = open_table(data, filename, limits=limits)
    return Table(sheet.headers, list(sheet.rows), sheet.encoding, sheet.kind)


def open_table(data: bytes, filename: str, *, limits: Limits = DEFAULT) -> Stream:
    """Open a sheet as `read_table` does, to be read row by row."""
    if len(data) > limits.file_bytes:
        raise SheetError("too_large", limit=limits.file_bytes)
    if data.startswith(_ZIP):
        headers, rows = _rows(_quietly(workbook_rows(data, limits)), limits)
        return Stream(headers, rows, "", "xlsx", 0)
    text = _decoded(data)
    headers, rows = _rows(_records(text), limits)
    return Stream(headers, rows, text.encoding, "csv", data.count(b"\n"))


def _quietly(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    """Read on without the library's warnings of charts, styles and rules, none of which are read."""
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            row = next(rows, None)
        if row is None:
            return
        yield row


def match_headers(headers: Sequence[str], aliases: Mapping[str, Sequence[str]]) -> Matching:
    """Find the column of each field by the field's own name or one of its aliases.

    Letter case, width, spaces, underscores, hyphens and middle dots do not count. An alias that
    two fields share raises `ValueError`.
    """
    fields = _fields_by_name(aliases)
    found: dict[str, list[str]] = {}
    unknown = []
    for header in headers:
        field = fields.get(_folded(header))
        if field is None:
            unknown.append(header)
        else:
            found.setdefault(field, []).append(header)
    return Matching(
        columns={field: names[0] for field, names in found.items() if len(names) == 1},
        unknown=unknown,
        missing=[field for field in aliases if field not in found],
        ambiguous={field: names for field, names in found.items() if len(names) > 1},
    )


def write_csv(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a CSV that spreadsheet programs open rightly and that runs nothing in them.

    UTF-8 with byte order mark, CRLF, formula starts disarmed; `read_table` gives the same back.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe_cell(cell) for cell in headers])
    writer.writerows([safe_cell(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text whose bytes are all characters of its encoding, as it was found out.

    It is decoded again, piece by piece, while it is read: whole, it takes up to four bytes a character.
    """

    data: bytes
    start: int
    codec: str
    encoding: str
    beginning: str
    is_disarmed: bool

    def lines(self) -> io.TextIOWrapper:
        """Return the lines with whatever ends them."""
        raw = io.BytesIO(self.data)
        raw.seek(self.start)
        return io.TextIOWrapper(raw, encoding=self.codec, newline="")


def _decoded(data: bytes) -> _Text:
    """Find the characters of a text file."""
    marked = next((known for known in _BYTE_ORDER_MARKS if data.startswith(known[0])), None)
    start = 0
    if marked is None:
        _refuse_other_formats(data)
        text, name = _unmarked(data)
        codec = name
    else:
        mark, name, codec = marked
        start = len(mark)
        text = _strictly(data[start:], codec)
    if text is None:
        raise SheetError("encoding")
    if "\0" in text:
        raise SheetError("nul")
    beginning = text.lstrip("\r\n")[:_SAMPLE_CHARACTERS]
    return _Text(data, start, codec, name, beginning, is_disarmed="'" in text)


def _unmarked(data: bytes) -> tuple[str | None, str]:
    text = _strictly(data, "utf-8")
    if text is not None:
        return text, "utf-8"
    text, other = _strictly(data, "cp932"), _strictly(data, "euc_jp")
    if text is not None and _NO_CP932.search(text):
        text = None
    if other is not None and (text is None or _NO_HALF_KANA.search(text)):
        return other, "euc_jp"
    return text, "cp932"


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _refuse_other_formats(data: bytes) -> None:
    if data.startswith(_OLE):
        raise SheetError("password" if _OLE_ENCRYPTED in data else "old_excel")
    if _WEB_PAGE.match(data):
        raise SheetError("web_page")
    if _BINARY.search(data[:_BINARY_SAMPLE_BYTES]) or data.lstrip().startswith(_OTHER_FORMATS):
        raise SheetError("not_a_sheet")
    if _JIS_ESCAPE in data:
        raise SheetError("encoding")


def _records(text: _Text) -> Iterator[list[str]]:
    """Yield the records of a CSV, blank ones too, so that counting them gives row numbers."""
    reader = csv.reader(text.lines(), delimiter=_delimiter(text.beginning), strict=True)
    is_disarmed = text.is_disarmed
    row = 0
    try:
        for record in reader:
            row += 1
            yield list(map(unsafe_cell, record)) if is_disarmed else record
    except csv.Error as error:
        reason = "cell_too_long" if "limit" in str(error) else "quotes"
        raise SheetError(reason, row=row + 1, limit=csv.field_size_limit()) from error


def _delimiter(start: str) -> str:
    widths = {
        delimiter: len(
            next(csv.reader(io.StringIO(start, newline=""), delimiter=delimiter), "")
        )
        for delimiter in _DELIMITERS
    }
    return max(_DELIMITERS, key=lambda delimiter: widths[delimiter])


def _rows(records: Iterable[list[str]], limits: Limits) -> tuple[list[str], Iterator[Row]]:
    """Take the first filled record for the headers and the others for rows."""
    filled = _filled(records)
    _, first = next(filled, (0, []))
    headers = _headers(first, limits)
    return [header for header in headers if header], _rows_below(headers, filled, limits)


def _filled(records: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that hold anything, each with its number; most do in the first cell."""
    for number, cells in enumerate(records, start=1):
        if cells and (cells[0].strip() or any(map(str.strip, cells))):
            yield number, cells


def _rows_below(
    headers: list[str], filled: Iterable[tuple[int, list[str]]], limits: Limits
) -> Iterator[Row]:
    for count, (number, cells) in enumerate(filled):
        if count == limits.rows:
            raise SheetError("too_many_rows", limit=limits.rows)
        yield Row(number, _cells(headers, cells, number, limits))


def _headers(first: list[str], limits: Limits) -> list[str]:
    """Clean the names of the columns; those without one stay as empty texts."""
    headers = [clean_text(cell) for cell in first]
    while headers and not headers[-1]:
        headers.pop()
    if not headers:
        raise SheetError("empty")
    if len(headers) > limits.columns:
        raise SheetError("too_many_columns", limit=limits.columns)
    if not any(map(str.isalpha, "".join(headers))):
        raise SheetError("no_header")
    repeated = [header for header, times in Counter(headers).items() if header and times > 1]
    if repeated:
        raise SheetError("duplicate_headers", header=repeated[0])
    return headers


def _cells(
    headers: list[str], values: list[str], number: int, limits: Limits
) -> dict[str, str]:
    """Give each value of a row its header; short rows are filled up with empty texts."""
    # Most rows are shorter than one cell may be.
    if (
        len("".join(values)) > limits.cell_characters
        and max(map(len, values)) > limits.cell_characters
    ):
        raise SheetError("cell_too_long", row=number, limit=limits.cell_characters)
    width = len(headers)
    if len(values) == width and "" not in headers:
        return dict(zip(headers, values, strict=True))
    for place, value in enumerate(values):
        if value and (place >= width or not headers[place]) and value.strip():
            letter = openpyxl.utils.get_column_letter(place + 1)
            raise SheetError("cell_without_header", row=number, column=letter)
    padding = [""] * (width - len(values))
    return {
        header: value
        for header, value in zip(headers, values + padding, strict=False)
        if header
    }


def _fields_by_name(aliases: Mapping[str, Sequence[str]]) -> dict[str, str]:
    fields: dict[str, str] = {}
    for field, names in aliases.items():
        for name in (field, *names):
            if fields.setdefault(_folded(name), field) != field:
                raise ValueError(f"{name} is an alias of {field} and {fields[_folded(name)]}")
    return fields


def _folded(header: str) -> str:
    plain = unicodedata.normalize("NFKC", header).casefold()
    return _NO_LETTER_OF_HEADER.sub("", plain)
