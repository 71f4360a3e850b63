"""Both readers of workbooks say the same; what is unusual goes to the careful one."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import date, datetime
from datetime import time as time_of_day

import pytest
from openpyxl import Workbook

from kitting.lib.quick_workbook import quick_rows
from kitting.lib.sheets import SheetError, read_table
from kitting.lib.workbook import DEFAULT, careful_rows, write_workbook
from tests.lib.test_workbook import SHEET, book, saved, sheet_of, with_part

ORDINARY = {
    "words": book(["職員番号", "氏名"], ["010203", "髙橋　健太"], [None, None], ["7", None], [None, "𠮷"]),
    "numbers": book(["a", "b", "c"], [1, 2.5, -3], [10203, 0.1 + 0.2, 1e-7], [12300000000, 0, 1e20]),
    "truth": book(["a", "b"], [True, False]),
    "begins below": book([None], [None, None, "a"], [None, None, "1"]),
    "lines": book(["a"], ["line one\nline two"], ["  spaces  "]),
    "formulas": book(["a"], ["=1+1"], ["x"]),
    "texts only": write_workbook(["a", "b"], [["001", "=1+1"], ["", "x"]]),
}  # fmt: skip


def days() -> bytes:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(["a", "b", "c"])
    sheet.append([date(2026, 10, 6), datetime(2026, 10, 6, 8, 30), time_of_day(8, 30)])  # noqa: DTZ001  # sheets know no zones
    for cell, number_format in (("A2", "yyyy/m/d"), ("B2", "yyyy/m/d h:mm"), ("C2", "h:mm")):
        sheet[cell].number_format = number_format
    return saved(workbook)


ORDINARY["days"] = days()


def cut(rows: list[list[str]]) -> list[list[str]]:
    """Rows without the empty cells and rows at their ends, which say nothing."""
    found = [list(row) for row in rows]
    for row in found:
        while row and not row[-1]:
            row.pop()
    while found and not found[-1]:
        found.pop()
    return found


@pytest.mark.parametrize("name", ORDINARY)
def test_both_readers_say_the_same(name):
    data = ORDINARY[name]
    quick = quick_rows(data)
    careful = cut(list(careful_rows(data, DEFAULT)))
    if quick is not None:
        assert cut(list(quick)) == careful
    assert quick is not None or name == "days"


def padded() -> bytes:
    workbook = Workbook()
    sheet = workbook.worksheets[0]
    sheet.append(["a"])
    sheet.append([203])
    sheet["A2"].number_format = "000000"
    return saved(workbook)


A1 = '<row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'


FAR = '<row r="2"><c  r  =  "XFD2"><v>1</v></c></row>'


def across_two_pieces() -> bytes:
    """A cell far away whose name stands across the end of the first piece that is looked at."""
    alone = sheet_of(f"{A1}<!---->{FAR}")
    at = zipfile.ZipFile(io.BytesIO(alone)).read(SHEET).index(FAR.encode())
    return sheet_of(f"{A1}<!--{'x' * (2**20 - at - 20)}-->{FAR}")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(padded(), id="zeros that only the format shows"),
        pytest.param(
            sheet_of(A1 + '<row r="2"><c r="XFD2"><v>1</v></c></row>'), id="far right"
        ),
        pytest.param(
            sheet_of(A1 + '<row r="1048576"><c r="A1048576"><v>1</v></c></row>'), id="far below"
        ),
        pytest.param(
            sheet_of(A1 + "<row r='1048576'><c r='XFD1048576'><v>1</v></c></row>"),
            id="far away in other quotes",
        ),
        pytest.param(
            sheet_of(A1 + '<row r="2"><c r="A2" t="e"><v>#N/A</v></c></row>'), id="an error"
        ),
        pytest.param(sheet_of(A1 + " " * 200), id="much white"),
        pytest.param(across_two_pieces(), id="far away between two pieces"),
        pytest.param(with_part(SHEET, b"<worksheet>no end"), id="broken"),
        pytest.param(book(), id="empty"),
        pytest.param(b"PK\x03\x04", id="no archive"),
    ],
)
def test_what_is_unusual_is_left_to_the_careful_reader(data):
    assert quick_rows(data) is None


def test_a_part_that_unpacks_to_more_than_it_says_is_not_unpacked_whole():
    data = bytearray(with_part(SHEET, b"<worksheet>" + b" " * (30 * 2**20)))
    entry = zipfile.ZipFile(io.BytesIO(data)).getinfo(SHEET)
    lying = bytes(data).replace(
        entry.file_size.to_bytes(4, "little"), (1000).to_bytes(4, "little")
    )
    began = time.perf_counter()
    assert quick_rows(lying) is None
    with pytest.raises(SheetError):
        read_table(lying, "a.xlsx")
    assert time.perf_counter() - began < 5
