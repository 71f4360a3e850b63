"""Cells come into one form without losing what makes a name or a number what it is."""

# ruff: noqa: RUF001  # characters that look alike are what is tested

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.cells import REASONS
from kitting.lib.sheets import (
    SheetError,
    clean_date,
    clean_number_string,
    clean_text,
    safe_cell,
)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("小池　健太", "小池 健太"),
        ("  小池 \t 健太\n", "小池 健太"),
        ("職員\r\n番号", "職員 番号"),
        ("ｵﾉ ｹﾝﾀ", "オノ ケンタ"),
        ("ﾊﾟｿｺﾝｶﾞ", "パソコンガ"),
        ("Ａ棟１階（北）", "A棟1階(北)"),
        ("s010203＠asahi．example．jp", "s010203@asahi.example.jp"),
        ("か\u3099き", "がき"),
        ("Jose\u0301", "José"),
        ("小池\u200b健太\ufeff", "小池健太"),
        ("a\xa0b", "a b"),
        ("", ""),
        ("　", ""),
    ],
)
def test_text_becomes_one_line_of_usual_widths(written, kept):
    assert clean_text(written) == kept


@pytest.mark.parametrize(
    "name",
    [
        "髙橋",
        "山﨑",
        "𠮷田",
        "辻\U000e0100",  # a variation selector chooses the shape
        "神\ufe00",
        "\ufa19谷",  # a compatibility kanji that NFC would replace
        "㈱あさひ",
        "①番",
        "👩‍💻",
        "مرحبا",
        "第三保育所・分園",
        "センター",
    ],
)
def test_every_kanji_and_sign_stays_as_written(name):
    assert clean_text(name) == name


@given(st.text())
def test_cleaning_twice_changes_nothing(text):
    once = clean_text(text)
    assert clean_text(once) == once


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("010203", "010203"),
        (" ０１０２０３ ", "010203"),
        ("'010203", "010203"),
        ("cb-000123", "CB-000123"),
        ("ＣＢ－０００１２３", "CB-000123"),
        ("CB‐000123", "CB-000123"),
        ("CB−000123", "CB-000123"),
        ("5cd4 c62h66", "5CD4C62H66"),
        ("5CD12E34", "5CD12E34"),
        ("12E34", "12E34"),
        ("5E34", "5E34"),
        ("B0:A3:4B:F5:B1:10", "B0:A3:4B:F5:B1:10"),
        ("", ""),
    ],
)
def test_numbers_that_are_names_keep_their_zeros(written, kept):
    assert clean_number_string(written) == kept


@pytest.mark.parametrize(
    "spoilt", ["1.23E+10", "1E+05", " 5e-7 ", "１．２３Ｅ＋１０", "-1.5E+12"]
)
def test_numbers_that_a_spreadsheet_spoilt_are_refused(spoilt):
    with pytest.raises(SheetError, match="spoilt") as refused:
        clean_number_string(spoilt)
    assert refused.value.reason == "exponent"
    assert refused.value.details == {"text": spoilt.strip()}


@pytest.mark.parametrize(
    "written",
    [
        "2026-10-06",
        "2026-10-6",
        "2026/10/6",
        "2026.10.06",
        "２０２６／１０／６",
        "20261006",
        "2026年10月6日",
        " 2026年 10月 6日 ",
        "R8.10.6",
        "r8/10/06",
        "Ｒ８．１０．６",
        "R.8.10.6",
        "R08-10-06",
        "令和8年10月6日",
        "令和 8 年 10 月 6 日",
        "㋿8年10月6日",
        "H38.10.6",
        "2026-10-06 00:00",
        "2026-10-06 00:00:00",
        "2026-10-06T00:00:00",
        "2026/10/6 0:00:00",
    ],
)
def test_a_day_is_read_however_it_is_written(written):
    assert clean_date(written) == date(2026, 10, 6)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("令和元年5月1日", date(2019, 5, 1)),
        ("平成31年4月30日", date(2019, 4, 30)),
        ("S63.12.31", date(1988, 12, 31)),
        ("2028-02-29", date(2028, 2, 29)),
    ],
)
def test_eras_and_leap_days(written, day):
    assert clean_date(written) == day


@pytest.mark.parametrize("empty", ["", " ", "　"])
def test_no_day_is_none(empty):
    assert clean_date(empty) is None


@pytest.mark.parametrize(
    "written",
    [
        "46301",  # a day serial
        "46301.0",
        "2026-13-01",
        "2027-02-29",
        "2026-00-10",
        "10/6/2026",
        "26/10/6",
        "2026-10/06",
        "2026-10-06 08:30",
        "20261306",
        "R0.10.6.1",
        "令和8年10月",
        "T8.10.6",
        "あした",
    ],
)
def test_what_is_no_day_is_refused(written):
    with pytest.raises(SheetError) as refused:
        clean_date(written)
    assert refused.value.reason == "date"
    assert refused.value.details == {"text": written}


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"]
)
def test_no_cell_begins_like_a_formula(start):
    assert safe_cell(f"{start}cmd|' /C calc'!A0") == f"'{start}cmd|' /C calc'!A0"


@pytest.mark.parametrize("text", ["", "小池 健太", "010203", "a=b", " =1", "'quoted'"])
def test_harmless_cells_stay_as_they_are(text):
    assert safe_cell(text) == text


def test_only_known_reasons_are_given():
    with pytest.raises(KeyError):
        SheetError("because")
    assert "encoding" in REASONS
