"""What a roll means is decided by plain values."""

from __future__ import annotations

import pytest

from accounts.rules import COLUMNS, are_shifts, language_of, normal_hours
from kitting.lib.sheets import match_headers
from kitting.lib.weeks import ClockError, parse_week
from tests.sheets import ASAHI


@pytest.mark.parametrize(
    "text",
    ["8:30-17:15", "08:30-17:15", "8:30〜17:15", "8時30分から17時15分まで", "月-金 8:30-17:15"],
)
def test_hours_written_in_many_ways_are_one_pattern(text):
    assert normal_hours(text) == "8:30-17:15"


@pytest.mark.parametrize(
    "text", ["月-土 7:00-19:00", "8:30-12:00,13:00-17:15", "Tue-Sat 9:30-18:00"]
)
def test_other_hours_keep_their_meaning(text):
    assert parse_week(normal_hours(text)) == parse_week(text)


def test_hours_that_are_none_are_refused():
    with pytest.raises(ClockError):
        normal_hours("交代制")


@pytest.mark.parametrize(
    ("hours", "shifts"),
    [
        ("7:00-19:00", True),
        ("8:30-18:00", False),
        ("8:30-18:01", True),
        ("8:30-17:15", False),
        ("22:00-6:00", True),
        ("8:30-12:00,13:00-19:00", True),
        ("0:00-0:00", True),
    ],
)
def test_hours_longer_than_a_day_of_work_are_those_of_a_place_with_shifts(hours, shifts):
    assert are_shifts(parse_week(hours)) is shifts


@pytest.mark.parametrize(
    ("word", "language"),
    [("日本語", "ja"), ("ja", "ja"), ("English", "en"), ("Português", "en"), ("", "")],
)
def test_whoever_reads_neither_language_gets_english(word, language):
    assert language_of(word) == language


def test_every_column_of_the_demo_city_is_known_and_none_twice():
    headers = (ASAHI / "staff.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    matching = match_headers(headers, COLUMNS)
    assert (matching.unknown, matching.ambiguous) == ([], {})
