"""Tables that leave the house: nothing in them runs, and numbers stay numbers."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from kitting.lib.tables import OutTable, tables_csv, tables_workbook

RISKY = ("=1+1", "+81", "-5", "@cmd", "\t=1", "＝1", "＠x")
TABLE = OutTable("概要", ("a", "b"), (*((text, -5) for text in RISKY), ("", None)), ("注",))
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)


def test_a_csv_has_its_mark_disarms_texts_and_leaves_numbers_alone() -> None:
    data = tables_csv([TABLE, OutTable("二", ("c",), ((1.5,),))])
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[:3] == [["概要"], ["注"], ["a", "b"]]
    assert [row[0] for row in rows[3 : 3 + len(RISKY)]] == [f"'{text}" for text in RISKY]
    assert {row[1] for row in rows[3 : 3 + len(RISKY)]} == {"-5"}
    assert rows[-4:] == [[], ["二"], ["c"], ["1.5"]]


def test_a_workbook_keeps_texts_as_texts_and_numbers_as_numbers() -> None:
    book = load_workbook(io.BytesIO(tables_workbook([TABLE, TABLE])))
    assert len(set(book.sheetnames)) == 2
    cells = [(row[0], row[1]) for row in book.worksheets[0].iter_rows(min_row=4, max_row=10)]
    assert [text.value for text, _n in cells] == list(RISKY)
    assert {text.data_type for text, _n in cells} == {"s"}
    assert {(number.value, number.data_type) for _t, number in cells} == {(-5, "n")}
    assert book.worksheets[0].freeze_panes == "A4"


@given(words, words)
def test_any_title_and_any_text_can_be_written(title: str, text: str) -> None:
    table = OutTable(title, ("a",), ((text,),))
    book = load_workbook(io.BytesIO(tables_workbook([table, table])))
    assert (book.worksheets[0].cell(3, 1).value or "") == text
    rows = list(csv.reader(io.StringIO(tables_csv([table]).decode("utf-8-sig"), newline="")))
    assert rows[-1][0].removeprefix("'") == text.removeprefix("'")
