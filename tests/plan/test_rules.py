"""Appointments as calendars read them, and when there is room to begin."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from kitting.lib import clock
from kitting.plan import rules

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = clock.Calendar(
    week=clock.parse_week("8:30-17:15"), holidays=clock.Holidays("JP"), zone=TOKYO
)
TEN = datetime(2026, 11, 20, 10, 0, tzinfo=TOKYO)


def appointment(**facts: Any) -> rules.Appointment:
    values = {
        "uid": "1@asahi.example.jp",
        "sequence": 3,
        "stamp": datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC),
        "starts_at": TEN,
        "ends_at": TEN + timedelta(hours=1),
        "title": "第3回; 保育課, 第三保育所",
    }
    return rules.Appointment(**{**values, **facts})


def read(data: bytes) -> Any:
    calendar = icalendar.Calendar.from_ical(data)
    [event] = calendar.walk("VEVENT")
    return calendar, event


def test_a_calendar_program_reads_what_was_meant() -> None:
    data = rules.calendar_file(
        [appointment(place="本庁舎", words="一行目\n二行目", url="https://a/")]
    )
    calendar, event = read(data)
    assert (event["UID"], int(event["SEQUENCE"])) == ("1@asahi.example.jp", 3)
    assert event.decoded("DTSTAMP") == datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC)
    assert event.decoded("DTSTART") == TEN
    assert event["DTSTART"].params["TZID"] == "Asia/Tokyo"
    assert [str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")] == ["Asia/Tokyo"]
    assert str(event["SUMMARY"]) == "第3回; 保育課, 第三保育所"
    assert (str(event["LOCATION"]), str(event["DESCRIPTION"])) == ("本庁舎", "一行目\n二行目")
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))


def test_the_same_appointment_is_written_the_same_twice() -> None:
    assert rules.calendar_file([appointment()]) == rules.calendar_file([appointment()])


def test_a_wave_of_several_days_is_each_working_day() -> None:
    last = date(2026, 11, 25)
    closed = rules.closed_days(OFFICE, TEN.date(), last)
    assert closed == (date(2026, 11, 21), date(2026, 11, 22), date(2026, 11, 23))
    _calendar, event = read(rules.calendar_file([appointment(last_on=last, closed=closed)]))
    assert event["RRULE"]["FREQ"] == ["DAILY"]
    assert event["RRULE"]["UNTIL"] == [datetime(2026, 11, 25, 1, 0, tzinfo=UTC)]
    without = {day.dt.date() for line in event["EXDATE"] for day in line.dts}
    assert without == set(closed)


def test_a_wave_of_one_day_does_not_repeat() -> None:
    _calendar, event = read(rules.calendar_file([appointment(last_on=TEN.date())]))
    assert "RRULE" not in event


def test_the_working_day_before_a_monday_is_a_friday_and_before_a_holiday_ends_earlier() -> (
    None
):
    assert rules.day_before(OFFICE, date(2026, 11, 16)) == date(2026, 11, 13)
    assert rules.day_before(OFFICE, date(2026, 11, 24)) == date(2026, 11, 20)


def test_a_day_ends_when_its_hours_end() -> None:
    assert rules.closing_time(OFFICE, TEN.date()) == time(17, 15)
    assert rules.closing_time(OFFICE, date(2026, 11, 21)) == rules.EVENING


def test_there_is_room_again_when_enough_of_those_beginning_are_through() -> None:
    begun = [TEN - timedelta(minutes=n) for n in (31, 29, 20, 5)]
    assert rules.come_back_at(begun, None, TEN) is None
    assert rules.come_back_at(begun, 4, TEN) is None
    assert rules.come_back_at(begun, 3, TEN) == TEN + timedelta(minutes=1)
    assert rules.come_back_at(begun, 2, TEN) == TEN + timedelta(minutes=10)
