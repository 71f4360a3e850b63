"""A sheet is read whoever saved it, or refused with one plain reason."""

# ruff: noqa: RUF001  # characters that look alike are what is tested

import csv
import io
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.sheets import Limits, SheetError, match_headers, read_table, write_csv

CITY = Path(__file__).parents[2] / "kitting" / "demo" / "data" / "asahi"
PEOPLE = "職員番号,氏名,フリガナ\r\n010203,髙橋　健太,タカハシ ケンタ\r\n000007,小野 修,オノ オサム\r\n"
ROWS = [
    {"職員番号": "010203", "氏名": "髙橋　健太", "フリガナ": "タカハシ ケンタ"},
    {"職員番号": "000007", "氏名": "小野 修", "フリガナ": "オノ オサム"},
]
HALF_WIDTH = "番号,氏名,ﾌﾘｶﾞﾅ\n010203,小池 健太,ｺｲｹ ｹﾝﾀ\n000007,小野 修,ｵﾉ ｵｻﾑ\n"
SMALL = Limits(file_bytes=10_000, rows=3, columns=4, cell_characters=20)


def table(text: str | bytes, name: str = "people.csv"):
    return read_table(text.encode() if isinstance(text, str) else text, name)


def rows(text: str | bytes) -> list[tuple[int, list[str]]]:
    return [(row.number, list(row.cells.values())) for row in table(text).rows]


# Encodings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (PEOPLE.encode("utf-8"), "utf-8"),
        (PEOPLE.encode("utf-8-sig"), "utf-8-sig"),
        (b"\xff\xfe" + PEOPLE.encode("utf-16-le"), "utf-16-le"),
        (b"\xfe\xff" + PEOPLE.encode("utf-16-be"), "utf-16-be"),
        (PEOPLE.encode("cp932"), "cp932"),
        (PEOPLE.replace("髙", "高").encode("euc_jp"), "euc_jp"),
        (PEOPLE.replace("\r\n", "\n").encode("cp932"), "cp932"),
        (PEOPLE.replace("\r\n", "\r").encode("utf-8"), "utf-8"),
        (PEOPLE.replace(",", "\t").encode("utf-8"), "utf-8"),
        (b"\xff\xfe" + PEOPLE.replace(",", "\t").encode("utf-16-le"), "utf-16-le"),
        (PEOPLE.replace(",", ";").encode("cp932"), "cp932"),
        (PEOPLE.rstrip().encode("utf-8"), "utf-8"),
        (("\r\n\r\n" + PEOPLE + ",,\r\n\r\n").encode("utf-8"), "utf-8"),
        (PEOPLE.replace("010203", '"010203"').encode("utf-8"), "utf-8"),
    ],
    ids=[
        "UTF-8",
        "UTF-8 with byte order mark",
        "UTF-16 little",
        "UTF-16 big",
        "CP932",
        "EUC-JP",
        "CP932, LF",
        "old Mac line ends",
        "tabs",
        "Unicode text of a spreadsheet",
        "semicolons",
        "no last line end",
        "blank rows around",
        "quotes",
    ],
)
def test_the_same_people_come_out_of_every_encoding(data, encoding):
    read = table(data)
    assert (read.kind, read.encoding) == ("csv", encoding)
    assert read.headers == ["職員番号", "氏名", "フリガナ"]
    expected = ROWS
    if encoding == "euc_jp":
        expected = [
            {name: cell.replace("髙", "高") for name, cell in row.items()} for row in ROWS
        ]
    assert [row.cells for row in read.rows] == expected


def test_half_width_kana_of_cp932_are_not_taken_for_euc():
    read = table(HALF_WIDTH.encode("cp932"))
    assert read.encoding == "cp932"
    assert read.rows[0].cells["フリガナ"] == "ｺｲｹ ｹﾝﾀ"


@pytest.mark.parametrize("kana", ["ｵﾉ", "ｶﾄｳ", "ｺﾞﾄｳ", "ﾌﾞﾝｶｸﾗﾌﾞ", "ﾊﾟｿｺﾝ", "ｼﾖｳｶﾞﾂｺｳ", "ｽｰﾊﾟｰ"])
def test_a_file_with_nothing_but_half_width_kana_is_cp932(kana):
    read = table(f"no,kana\n1,{kana}\n".encode("cp932"))
    assert (read.encoding, read.rows[0].cells["kana"]) == ("cp932", kana)


@pytest.mark.parametrize(
    "name", ["あさひ市", "総務課", "ひらがな", "カタカナ", "第三保育所", "小野 修", "佐藤 美咲"]
)
def test_short_euc_files_are_told_from_cp932(name):
    read = table(f"番号,名前\n1,{name}\n".encode("euc_jp"))
    assert (read.encoding, read.rows[0].cells["名前"]) == ("euc_jp", name)


@pytest.mark.parametrize(
    ("file", "encoding", "count"),
    [
        ("staff", "utf-8-sig", 2678),
        ("devices", "utf-8-sig", 2650),
        ("staff_cp932", "cp932", 2678),
        ("devices_cp932", "cp932", 2650),
    ],
)
def test_the_city_is_read_whole(file, encoding, count):
    read = read_table((CITY / f"{file}.csv").read_bytes(), f"{file}.csv")
    assert (read.encoding, len(read.rows)) == (encoding, count)
    assert [row.number for row in read.rows] == list(range(2, count + 2))
    assert all(len(row.cells) == len(read.headers) for row in read.rows)


@pytest.mark.parametrize("file", ["staff", "devices"])
def test_both_encodings_of_the_city_say_the_same(file):
    utf8 = read_table((CITY / f"{file}.csv").read_bytes(), "utf8.csv")
    cp932 = read_table((CITY / f"{file}_cp932.csv").read_bytes(), "cp932.csv")
    assert utf8.headers == cp932.headers
    # CP932 has no sign for some kanji, so that only rows without them can be the same.
    same = sum(one == two for one, two in zip(utf8.rows, cp932.rows, strict=True))
    assert same == len(utf8.rows)


def test_a_city_is_read_in_a_moment():
    data = (CITY / "staff.csv").read_bytes()
    fastest = min(_seconds(data) for _ in range(5))
    # Measured 0.03 s; the rest is for machines that do other things too.
    assert fastest < 0.3


def _seconds(data: bytes) -> float:
    began = time.perf_counter()
    read_table(data, "staff.csv")
    return time.perf_counter() - began


# Rows and cells ------------------------------------------------------------------------------


def test_row_numbers_are_those_of_a_spreadsheet():
    text = 'a,b\n1,"two\nlines\nhere"\n\n3,x\n , \n5,"also\r\ntwo"\n6,y\n'
    assert rows(text) == [
        (2, ["1", "two\nlines\nhere"]),
        (4, ["3", "x"]),
        (6, ["5", "also\r\ntwo"]),
        (7, ["6", "y"]),
    ]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a,b\n1\n", ["1", ""]),
        ("a,b\n1,\n", ["1", ""]),
        ("a,b\n,2\n", ["", "2"]),
        ("a,b\n1,2,,\n", ["1", "2"]),
        ("a,b,,\n1,2,,\n", ["1", "2"]),
        ("a,,b\n1,,2\n", ["1", "2"]),
        ('a,b\n1,"2, ""3"""\n', ["1", '2, "3"']),
        ('a,b\n1,14" screen\n', ["1", '14" screen']),
        ("a;b\n1;2,5\n", ["1", "2,5"]),
        ("a\tb\n1\t2;3\n", ["1", "2;3"]),
        ("a,b\n  1 , 2\n", ["  1 ", " 2"]),
        ("a,b\n001,'=1\n", ["001", "=1"]),
        ("a,b\n001,'quoted'\n", ["001", "'quoted'"]),
    ],
)
def test_cells_stay_as_written(text, cells):
    assert rows(text) == [(2, cells)]


def test_headers_are_cleaned():
    assert table('" 職員\n番号 ",ﾒｰﾙ,ＩＤ\n1,2,3\n').headers == ["職員 番号", "メール", "ID"]


def test_one_column_and_no_rows_are_fine():
    assert rows("serial\nS1\nS2\n") == [(2, ["S1"]), (3, ["S2"])]
    assert rows("serial,asset\n") == []


# Refusals ------------------------------------------------------------------------------------

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"


@pytest.mark.parametrize(
    ("data", "reason", "details"),
    [
        (b"", "empty", {}),
        (b"\xef\xbb\xbf", "empty", {}),
        (b"\xff\xfe", "empty", {}),
        (b"\r\n\r\n", "empty", {}),
        (b",,,\r\n , ,\r\n", "empty", {}),
        (b"x" * 10_001, "too_large", {"limit": 10_000}),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "not_a_sheet", {}),
        (PNG, "not_a_sheet", {}),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01", "not_a_sheet", {}),
        (b"GIF89a\x01\0\x01\0\x80\0\0", "not_a_sheet", {}),
        (b"\x7fELF\x02\x01\x01\0", "not_a_sheet", {}),
        (b"{\\rtf1\\ansi a,b}", "not_a_sheet", {}),
        (b"\n<html><table><tr><td>1", "web_page", {}),
        (b'<?xml version="1.0"?><Workbook/>', "not_a_sheet", {}),
        (OLE, "old_excel", {}),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "password", {}),
        (PEOPLE.encode("iso2022_jp", "replace"), "encoding", {}),
        ("a,b\n1,caf\xe9 \n".encode("latin-1"), "encoding", {}),
        ("a,b\n1,\x80\n".encode("latin-1"), "encoding", {}),
        (PEOPLE.encode() + b"\xff\xfd", "encoding", {}),
        (b"\xef\xbb\xbf" + PEOPLE.encode("cp932"), "encoding", {}),
        (b"\xff\xfea", "encoding", {}),
        (b"a,b\n1,\0\n", "nul", {}),
        (PEOPLE.encode("utf-16-le"), "not_a_sheet", {}),
        ("a,b\n1,2\n".encode("utf-16-le"), "nul", {}),
        (b'a,b\n1,2\n3,"4\n5,6\n', "quotes", {"row": 3, "limit": 131072}),
        (b'a,b\n1,"2"x\n', "quotes", {"row": 2, "limit": 131072}),
        (b"010203,2026\n010204,2027\n", "no_header", {}),
        (b"a,b,a\n1,2,3\n", "duplicate_headers", {"header": "a"}),
        ("氏名,氏名　\n1,2\n".encode(), "duplicate_headers", {"header": "氏名"}),
        (b"a,b,c,d,e\n1\n", "too_many_columns", {"limit": 4}),
        (b"a\n1\n2\n\n3\n4\n", "too_many_rows", {"limit": 3}),
        (b"a\n" + b"x" * 21 + b"\n", "cell_too_long", {"row": 2, "limit": 20}),
        (b"a,b\n1,2\n1,2,3\n", "cell_without_header", {"row": 3, "column": "C"}),
        (b"a,,b,,\n1,2,3,,5\n", "cell_without_header", {"row": 2, "column": "B"}),
    ],
)
def test_what_is_no_usable_sheet_is_refused_with_its_reason(data, reason, details):
    with pytest.raises(SheetError) as refused:
        read_table(data, "people.csv", limits=SMALL)
    assert (refused.value.reason, refused.value.details) == (reason, details)


def test_a_field_without_end_is_refused():
    with pytest.raises(SheetError) as refused:
        table('a,b\n1,"' + "x" * 200_000)
    assert refused.value.reason == "cell_too_long"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_table_or_refused(data):
    try:
        read = read_table(data, "anything")
    except SheetError:
        return
    assert read.headers


# Writing -------------------------------------------------------------------------------------


def test_csv_is_written_for_spreadsheets():
    data = write_csv(["職員番号", "氏名"], [["010203", "=HYPERLINK(1)"], ["7", 'a "b", c']])
    assert data == (
        b"\xef\xbb\xbf"
        + '職員番号,氏名\r\n010203,\'=HYPERLINK(1)\r\n7,"a ""b"", c"\r\n'.encode()
    )


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")).filter(
    lambda text: not text.startswith("'")
)


@given(st.lists(st.tuples(CELLS, CELLS).filter(lambda row: "".join(row).strip()), max_size=5))
def test_what_was_written_is_read_back(written):
    read = read_table(write_csv(["id", "text"], written), "export.csv")
    assert [tuple(row.cells.values()) for row in read.rows] == written


# Headers -------------------------------------------------------------------------------------

ALIASES = {
    "serial_number": ["Serial number", "シリアル番号", "S/N"],
    "asset_tag": ["Asset ID", "アセット ID", "資産番号", "備品番号"],
    "user": ["利用者", "ユーザー"],
}


@pytest.mark.parametrize(
    "header",
    [
        "serialNumber",
        "SERIAL_NUMBER",
        "serial-number",
        "ｼﾘｱﾙ番号",
        "シリアル 番号",
        "シリアル・番号",
        "s/n",
    ],
)
def test_headers_match_in_any_case_width_and_spacing(header):
    assert match_headers([header], ALIASES).columns == {"serial_number": header}


def test_headers_are_sorted_into_found_unknown_missing_and_ambiguous():
    matching = match_headers(["資産番号", "シリアル番号", "備品番号", "色"], ALIASES)
    assert matching.columns == {"serial_number": "シリアル番号"}
    assert matching.unknown == ["色"]
    assert matching.missing == ["user"]
    assert matching.ambiguous == {"asset_tag": ["資産番号", "備品番号"]}


def test_the_long_vowel_is_a_letter():
    assert match_headers(["ユーザ"], ALIASES).unknown == ["ユーザ"]


def test_aliases_of_two_fields_must_differ():
    with pytest.raises(ValueError, match="alias"):
        match_headers(["x"], {"one": ["場所"], "two": ["場 所"]})


@pytest.mark.parametrize(
    "text",
    [
        'a,b\r\n1,"two\r\nlines"\r\n',
        'a,b\r1,"two\rlines"\r',
        'a,b\n1,"two\n\nlines"\n3,4',
        "a,b\n1,2\u2028 3\n",
        'a,b\n\r\n1,"2\r\n"\n',
    ],
)
def test_lines_end_where_a_text_file_would_end_them(text):
    plain = [row for row in csv.reader(io.StringIO(text, newline="")) if row][1:]
    assert [list(row.cells.values()) for row in table(text).rows] == plain
