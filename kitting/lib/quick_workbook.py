"""Ordinary workbooks, read by a library ten times as fast; whatever is unusual is left to the other.

Nothing is unpacked by that library: the parts it may see are unpacked here, none larger than the
archive's directory says, and looked at before.
"""

from __future__ import annotations

import html
import io
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PARTS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/sharedStrings\.xml|xl/styles\.xml|xl/worksheets/[^/]+\.xml"
)
# A place beyond AZ131071: the library keeps every cell of the rectangle, filled or not. What begins with a plain
# character is looked for several times as fast as what begins with a border or a choice.
_FAR_AWAY = re.compile(
    rb"""r\s*=\s*["'](?:[A-Z]{3}|[B-Z][A-Z]\d|[A-Z]{0,2}(?:13[2-9]\d{3}|1[4-9]\d{4}|[2-9]\d{5}|\d{7}))"""
)
# Characters written as numbers, errors, whatever a document type may declare.
_WRITTEN = re.compile(rb"_x[0-9A-Fa-f]{4}_")
_ERROR = re.compile(rb"""\bt\s*=\s*["']e["']""")
_ERROR_AT_ALL = (b'"e"', b"'e'")
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")
# So much white that one of these may lie in two pieces.
_AS_SPACES, _MUCH_WHITE = bytes.maketrans(b"\t\n\r\v\f", b" " * 5), b" " * 200
_PIECE, _OVERLAP = 2**20, 2**10  # bytes
_FORMAT = re.compile(rb"""\bformatCode\s*=\s*["']([^"']*)["']""")
_USED_FORMAT = re.compile(rb"""\bnumFmtId\s*=\s*["'](\d+)["']""")
# Formats that both libraries read alike; the others may hide zeros or days of an era.
_PLAIN_FORMAT = re.compile(
    r"General|@|0|#,##0|0\.0+|yyyy[-/]m{1,2}[-/]d{1,2}(?:\\? h{1,2}:mm(?::ss)?)?(?:;@)?",
    re.IGNORECASE,
)
_JAPANESE_TIME_FORMATS = frozenset({*range(27, 37), *range(50, 59)})


def quick_rows(data: bytes) -> Iterator[list[str]] | None:
    """Return every row of the first visible sheet as texts, or nothing if the workbook is unusual.

    The archive's directory must have been judged before.
    """
    try:
        sheet = _opened(data)
    except Exception:  # noqa: BLE001  # whatever it is, the other library says what is wrong
        return None
    except BaseException as error:
        # A panic of the library's own language is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        return None
    return None if sheet is None else _rows(sheet)


def _opened(data: bytes) -> Any:
    """Open the first visible sheet of an ordinary workbook; nothing for an unusual one."""
    with NamedTemporaryFile(suffix=".xlsx") as stored:
        if not _ordinary_copy(data, stored):
            return None
        stored.flush()
        workbook = CalamineWorkbook.from_path(stored.name)
        visible = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.visible == SheetVisibleEnum.Visible
            and sheet.typ == SheetTypeEnum.WorkSheet
        ]
        sheet = workbook.get_sheet_by_name(visible[0]) if visible else None
    return None if sheet is None or sheet.start is None else sheet


def _ordinary_copy(data: bytes, stored: IO[bytes]) -> bool:
    """Unpack the parts that matter into an archive on disk, none beyond the size its entry names.

    Tells whether all of them are ordinary; a piece of a part is held at a time.
    """
    seen: set[str] = set()
    with ZipFile(io.BytesIO(data)) as archive, ZipFile(stored, "w", ZIP_STORED) as copy:
        for entry in archive.infolist():
            if not _PARTS.fullmatch(entry.filename):
                continue
            if entry.filename in seen:
                raise BadZipFile(entry.filename)
            seen.add(entry.filename)
            with archive.open(entry) as part, copy.open(entry.filename, "w") as written:
                if not all(
                    _is_ordinary(entry.filename, piece) for piece in _pieces(part, written)
                ):
                    return False
    return True


def _pieces(part: IO[bytes], written: IO[bytes]) -> Iterator[bytes]:
    """Copy a part and yield it piece by piece, each with the end of the one before it."""
    before = b""
    while piece := part.read(_PIECE):
        written.write(piece)
        whole = before + piece
        yield whole
        before = whole[-_OVERLAP:]


def _is_ordinary(name: str, piece: bytes) -> bool:
    if _is_unusual(piece):
        return False
    if name == "[Content_Types].xml":
        return b"spreadsheetml.worksheet" in piece
    if name.startswith("xl/worksheets/"):
        return not _FAR_AWAY.search(piece)
    return name != "xl/styles.xml" or _has_plain_formats(piece)


def _is_unusual(piece: bytes) -> bool:
    return bool(
        any(word in piece for word in _DECLARATIONS)
        or _WRITTEN.search(piece)
        or (any(word in piece for word in _ERROR_AT_ALL) and _ERROR.search(piece))
        or _MUCH_WHITE in piece.translate(_AS_SPACES)
    )


def _has_plain_formats(styles: bytes) -> bool:
    codes = (html.unescape(code.decode("utf-8", "replace")) for code in _FORMAT.findall(styles))
    used = {int(number) for number in _USED_FORMAT.findall(styles)}
    return all(map(_PLAIN_FORMAT.fullmatch, codes)) and not used & _JAPANESE_TIME_FORMATS


def _rows(sheet: Any) -> Iterator[list[str]]:
    # Rows come from the first one on, cells from the first filled column on.
    before = [""] * sheet.start[1]
    for row in sheet.iter_rows():
        yield before + [value if type(value) is str else _text(value) for value in row]


def _text(value: object) -> str:
    """Write a value as the other library's reader does."""
    return str(_WRITERS.get(type(value), str)(value))


def _number(value: Any) -> str:
    # Fifteen digits are what a spreadsheet program itself shows of a number.
    return f"{Decimal(f'{value:.15g}'):f}" if value % 1 else str(int(value))


def _moment(value: Any) -> str:
    if value.time() == time(0):
        return str(value.date().isoformat())
    return str(value.isoformat(sep=" ", timespec="auto" if value.second else "minutes"))


def _time_of_day(value: Any) -> str:
    return str(value.isoformat(timespec="auto" if value.second else "minutes"))


_WRITERS: Mapping[type, Any] = {
    bool: lambda value: str(value).upper(),
    int: _number,
    float: _number,
    datetime: _moment,
    date: lambda value: value.isoformat(),
    time: _time_of_day,
    timedelta: str,
}
