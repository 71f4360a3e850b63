"""Opening hours are read however people write them, or refused with the part that is wrong."""

# ruff: noqa: RUF001  # characters that look alike are what is tested

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.clock import ClockError, Span, parse_week


def hours(text: str) -> list[str]:
    """A week in short: Monday first, each day's spans."""
    return [
        " ".join(f"{span.start:%H:%M}-{span.end:%H:%M}" for span in day)
        for day in parse_week(text)
    ]


OFFICE = ["08:30-17:15"] * 5 + [""] * 2
NURSERY = ["07:00-19:00"] * 6 + [""]


@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("8:30-17:15", OFFICE),
        (" 08:30 ~ 17:15 ", OFFICE),
        ("８：３０～１７：１５", OFFICE),
        ("8:30〜17:15", OFFICE),
        ("8:30–17:15", OFFICE),
        ("8時30分から17時15分まで", OFFICE),
        ("8時半ー17時15分", OFFICE),
        ("平日 8:30-17:15", OFFICE),
        ("Mon-Fri 8:30-17:15", OFFICE),
        ("Monday-Friday: 8:30-17:15", OFFICE),
        ("月-金8:30-17:15", OFFICE),
        ("月曜日〜金曜日 8:30-17:15", OFFICE),
        ("月曜から金曜 8:30-17:15", OFFICE),
        ("月火水木金 8:30-17:15", OFFICE),
        ("月・火・水・木・金 8:30-17:15", OFFICE),
        ("月-土 7:00-19:00", NURSERY),
        ("Mon-Sat 7:00-19:00", NURSERY),
        ("MON-SAT 7-19", NURSERY),
        ("8:30-12:00,13:00-17:15", ["08:30-12:00 13:00-17:15"] * 5 + [""] * 2),
        ("13:00-17:15 8:30-12:00", ["08:30-12:00 13:00-17:15"] * 5 + [""] * 2),
        ("8:30-12:00、13:00-17:15", ["08:30-12:00 13:00-17:15"] * 5 + [""] * 2),
        ("Mon-Fri 9-18; Sat 9-12", ["09:00-18:00"] * 5 + ["09:00-12:00", ""]),
        ("月-金 9-18、土 9-12", ["09:00-18:00"] * 5 + ["09:00-12:00", ""]),
        ("月-金 9-18\n土 9-12", ["09:00-18:00"] * 5 + ["09:00-12:00", ""]),
        ("土日 10-16", [""] * 5 + ["10:00-16:00"] * 2),
        ("Fri-Mon 9-12", ["09:00-12:00"] + [""] * 3 + ["09:00-12:00"] * 3),
        ("Wed 9-12; Wed 13-17", ["", "", "09:00-12:00 13:00-17:00", "", "", "", ""]),
        ("毎日 0:00-24:00", ["00:00-00:00"] * 7),
        ("daily 9-24", ["09:00-00:00"] * 7),
        ("火 22:00-6:00", ["", "22:00-00:00", "00:00-06:00", "", "", "", ""]),
        ("日 22:00-6:00", ["00:00-06:00", "", "", "", "", "", "22:00-00:00"]),
        ("日 18:00-0:00", [""] * 6 + ["18:00-00:00"]),
    ],
)
def test_opening_hours_are_understood(text, week):
    assert hours(text) == week


@pytest.mark.parametrize(
    ("text", "reason", "part"),
    [
        ("", "unreadable", ""),
        ("休み", "unreadable", "休み"),
        ("8:30", "unreadable", "8:30"),
        ("8:30-17:15 Mon", "unreadable", "8:30-17:15 mon"),
        ("月 9-12 土", "unreadable", "月 9-12 土"),
        ("8:30-17:15 (昼休みあり)", "unreadable", "(昼休みあり)"),
        ("9-25", "time", "25"),
        ("24:00-3:00", "time", "24:00"),
        ("9:60-12:00", "time", "9:60"),
        ("Monkey 9-12", "day_name", "monkey"),
        ("mo-fr 9-12", "day_name", "mo"),
        ("9:00-9:00", "span", "09:00"),
        ("9-12, 11-13", "overlap", "9-12, 11-13"),
        ("毎日 22:00-6:00, 5:00-7:00", "overlap", "毎日 22:00-6:00, 5:00-7:00"),
        ("8:30-17:15; 月 9:00-10:00", "overlap", "8:30-17:15; 月 9:00-10:00"),
    ],
)
def test_what_cannot_be_understood_is_named(text, reason, part):
    with pytest.raises(ClockError) as refused:
        parse_week(text)
    assert (refused.value.reason, refused.value.text) == (reason, part)


@given(st.text() | st.text("月火土日-~ー:,; 0123456789monfri平毎曜時分半から"))
def test_any_text_is_a_week_or_refused(text):
    try:
        week = parse_week(text)
    except ClockError:
        return
    assert len(week) == 7
    assert any(week)


TIMES = st.integers(0, 24 * 60 - 1)


@given(TIMES, TIMES)
def test_every_span_lasts_as_long_as_written_also_past_midnight(start, end):
    text = f"日 {start // 60}:{start % 60:02}-{end // 60}:{end % 60:02}"
    if start == end != 0:
        with pytest.raises(ClockError):
            parse_week(text)
        return
    total = sum(
        (span.end.hour * 60 + span.end.minute or 24 * 60)
        - (span.start.hour * 60 + span.start.minute)
        for day in parse_week(text)
        for span in day
    )
    assert total == (end - start) % (24 * 60) or (start == end == 0 and total == 24 * 60)


def test_a_span_within_a_day_ends_after_it_begins():
    assert Span(time(22), time(0)).end == time(0)
    with pytest.raises(ClockError):
        Span(time(22), time(6))
