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
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PARTS = re.compile(
    r"\[Content_Types\]\.xml|_rels/\.rels|xl/workbook\.xml|xl/_rels/workbook\.xml\.rels"
    r"|xl/sharedStrings\.xml|xl/styles\.xml|xl/worksheets/[^/]+\.xml"
)
# A place beyond AZ131071: the library keeps every cell of the rectangle, filled or not.
_FAR_AWAY = re.compile(
    rb"""\br\s*=\s*["'](?:[A-Z]{3}|[B-Z][A-Z]\d|[A-Z]{0,2}(?:13[2-9]\d{3}|1[4-9]\d{4}|[2-9]\d{5}|\d{7}))"""
)
# Errors, characters written as numbers, and whatever a document type may declare.
_UNUSUAL = re.compile(rb"""\bt\s*=\s*["']e["']|_x[0-9A-Fa-f]{4}_|<!DOCTYPE|<!ENTITY""")
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
    parts = _parts(data)
    if not all(_is_ordinary(name, content) for name, content in parts.items()):
        return None
    stored = io.BytesIO()
    with ZipFile(stored, "w", ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    parts.clear()
    stored.seek(0)
    workbook = CalamineWorkbook.from_filelike(stored)
    visible = [
        sheet.name
        for sheet in workbook.sheets_metadata
        if sheet.visible == SheetVisibleEnum.Visible and sheet.typ == SheetTypeEnum.WorkSheet
    ]
    sheet = workbook.get_sheet_by_name(visible[0]) if visible else None
    return None if sheet is None or sheet.start is None else sheet


def _parts(data: bytes) -> dict[str, bytes]:
    """Unpack the parts that matter, none beyond the size its entry names."""
    parts: dict[str, bytes] = {}
    with ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            if _PARTS.fullmatch(entry.filename):
                if entry.filename in parts:
                    raise BadZipFile(entry.filename)
                parts[entry.filename] = archive.read(entry)
    return parts


def _is_ordinary(name: str, content: bytes) -> bool:
    if _UNUSUAL.search(content):
        return False
    if name == "[Content_Types].xml":
        return b"spreadsheetml.worksheet" in content
    if name.startswith("xl/worksheets/"):
        return not _FAR_AWAY.search(content)
    return name != "xl/styles.xml" or _has_plain_formats(content)


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
