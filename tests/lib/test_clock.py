"""Working time is what a person with a wall clock and a calendar would count, minute by minute."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays as national_holidays
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kitting.lib.clock import (
    JAPAN,
    YEAR_END,
    Calendar,
    ClockError,
    Holidays,
    add_working,
    add_working_days,
    is_open,
    is_working_day,
    next_open,
    parse_week,
    working_between,
)

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
CITY_HALL = Calendar(parse_week("8:30-17:15"), Holidays("JP"))
NURSERY = Calendar(parse_week("月-土 7:00-19:00"), Holidays("JP"), counts_days=True)
LUNCH = Calendar(parse_week("8:30-12:00,13:00-17:15"), Holidays("JP"))
ALWAYS = parse_week("毎日 0:00-24:00")


def tokyo(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=JAPAN)


def always_in(zone: str) -> Calendar:
    return Calendar(ALWAYS, Holidays(None), year_end=None, zone=ZoneInfo(zone))


# A second reckoning that shares nothing with the first: ask the wall clock every minute --------

WEEKS = {
    "8:30-17:15": ((range(5), "08:30", "17:15"),),
    "8:30-12:00,13:00-17:15": ((range(5), "08:30", "12:00"), (range(5), "13:00", "17:15")),
    "Mon-Sat 7:00-19:00": ((range(6), "07:00", "19:00"),),
    "毎日 22:00-6:00": ((range(7), "22:00", "24:00"), (range(7), "00:00", "06:00")),
    "毎日 0:30-2:45": ((range(7), "00:30", "02:45"),),
    "Sun 1:15-1:45": (((6,), "01:15", "01:45"),),
    "毎日 0:00-24:00": ((range(7), "00:00", "24:00"),),
}
COUNTRIES = {
    "Asia/Tokyo": "JP",
    "Europe/London": "GB",
    "America/New_York": "US",
    "Australia/Lord_Howe": "AU",
}
FREE_DAYS = {
    country: set(national_holidays.country_holidays(country, years=range(2023, 2033)))
    for country in COUNTRIES.values()
}


class WallClock:
    """The calendar told again by asking every minute."""

    def __init__(self, week: str, zone: str) -> None:
        self.rules = WEEKS[week]
        self.zone = ZoneInfo(zone)
        self.free = FREE_DAYS[COUNTRIES[zone]]
        self.calendar = Calendar(parse_week(week), Holidays(COUNTRIES[zone]), zone=self.zone)

    def is_open(self, moment: datetime) -> bool:
        wall = moment.astimezone(self.zone)
        if wall.date() in self.free or f"{wall:%m%d}" >= "1229" or f"{wall:%m%d}" <= "0103":
            return False
        return any(
            wall.weekday() in days and start <= f"{wall:%H:%M}" < end
            for days, start, end in self.rules
        )

    def open_minutes(self, start: datetime, minutes: int) -> int:
        return sum(self.is_open(start + step * MINUTE) for step in range(minutes))

    def after(self, start: datetime, minutes: int) -> datetime | None:
        """The first open minute before which that many were; None past three weeks."""
        moment = start
        for _ in range(21 * 24 * 60):
            if self.is_open(moment):
                if not minutes:
                    return moment
                minutes -= 1
            moment += MINUTE
        return None


CLOCKS = st.builds(WallClock, st.sampled_from(list(WEEKS)), st.sampled_from(list(COUNTRIES)))
# Summer time begins and ends in these weeks, so that half of all trials meet it.
CHANGES = [
    datetime(year, month, day, tzinfo=UTC)
    for year in range(2024, 2031)
    for month, day in ((3, 7), (3, 26), (4, 1), (9, 30), (10, 24), (11, 1), (12, 27), (2, 27))
]
MOMENTS = st.one_of(
    st.integers(0, 7 * 365 * 24 * 60).map(
        lambda minute: datetime(2024, 1, 1, tzinfo=UTC) + minute * MINUTE
    ),
    st.builds(
        lambda day, minute: day + minute * MINUTE,
        st.sampled_from(CHANGES),
        st.integers(0, 8 * 24 * 60),
    ),
)
LONDON = WallClock("Sun 1:15-1:45", "Europe/London")
LORD_HOWE = WallClock("毎日 0:30-2:45", "Australia/Lord_Howe")


@given(CLOCKS, MOMENTS)
def test_open_is_what_the_wall_clock_says(clock, at):
    assert is_open(clock.calendar, at) == clock.is_open(at)


@given(CLOCKS, MOMENTS, st.integers(0, 4 * 24 * 60))
@example(LONDON, datetime(2026, 3, 28, 20, tzinfo=UTC), 720)
@example(LONDON, datetime(2026, 10, 24, 20, tzinfo=UTC), 720)
@example(LORD_HOWE, datetime(2026, 4, 4, 10, tzinfo=UTC), 720)
@example(LORD_HOWE, datetime(2026, 10, 3, 10, tzinfo=UTC), 720)
def test_working_time_is_the_open_minutes(clock, start, minutes):
    assert working_between(
        clock.calendar, start, start + minutes * MINUTE
    ) == MINUTE * clock.open_minutes(start, minutes)


@given(CLOCKS, MOMENTS, st.integers(0, 3 * 525))
@example(LONDON, datetime(2026, 3, 28, 20, tzinfo=UTC), 10)
@example(LONDON, datetime(2026, 10, 24, 20, tzinfo=UTC), 45)
def test_added_working_time_ends_where_counting_ends(clock, start, minutes):
    expected = clock.after(start, minutes)
    assume(expected is not None)
    assert add_working(clock.calendar, start, minutes * MINUTE) == expected


@given(CLOCKS, MOMENTS, st.integers(0, 500_000))  # half an hour a week needs ten years for more
def test_added_time_has_passed_at_its_end_which_is_open(clock, start, seconds):
    amount = timedelta(seconds=seconds)
    end = add_working(clock.calendar, start, amount)
    assert working_between(clock.calendar, start, end) == amount
    assert is_open(clock.calendar, end)
    assert end.tzinfo is UTC


@given(CLOCKS, MOMENTS, st.integers(0, 3000), st.integers(0, 3000))
def test_two_additions_are_one_and_later_is_never_earlier(clock, start, one, two):
    calendar = clock.calendar
    halfway = add_working(calendar, start, one * MINUTE)
    whole = add_working(calendar, start, (one + two) * MINUTE)
    assert add_working(calendar, halfway, two * MINUTE) == whole
    assert add_working(calendar, start + two * MINUTE, one * MINUTE) >= halfway


@given(CLOCKS, MOMENTS)
def test_next_open_is_the_first_open_minute(clock, at):
    first = clock.after(at, 0)
    assume(first is not None)
    assert next_open(clock.calendar, at) == first


@given(CLOCKS, MOMENTS, st.integers(0, 2000), st.integers(0, 2000), st.integers(0, 2000))
def test_time_adds_up_and_a_pause_takes_off_its_own(clock, start, one, two, three):
    calendar = clock.calendar
    pause = (start + one * MINUTE, start + (one + two) * MINUTE)
    end = pause[1] + three * MINUTE
    assert working_between(calendar, start, end, [pause, pause]) == working_between(
        calendar, start, pause[0]
    ) + working_between(calendar, pause[1], end)


@given(CLOCKS, MOMENTS, st.integers(0, 5), st.integers(0, 4000))
def test_days_end_in_opening_hours_of_the_right_day_and_never_go_back(clock, start, days, more):
    calendar = clock.calendar
    end = add_working_days(calendar, start, days)
    assert is_open(calendar, end)
    assert add_working_days(calendar, start + more * MINUTE, days) >= end - 2 * HOUR


# Japan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "on",
    [
        date(2026, 11, 23),  # 勤労感謝の日
        date(2026, 5, 6),  # substitute holiday
        date(2026, 9, 22),  # between two holidays
        date(2026, 12, 29),
        date(2026, 12, 31),
        date(2027, 1, 1),
        date(2027, 1, 3),
        date(2026, 11, 21),
        date(2026, 11, 22),
    ],
)
def test_city_hall_is_closed(on):
    assert not is_working_day(CITY_HALL, on)


@pytest.mark.parametrize(
    "on", [date(2026, 12, 28), date(2027, 1, 4), date(2028, 2, 29), date(2026, 11, 24)]
)
def test_city_hall_is_open(on):
    assert is_working_day(CITY_HALL, on)


@pytest.mark.parametrize(
    ("start", "amount", "end"),
    [
        (tokyo(2026, 10, 6, 16, 50), 2 * HOUR, tokyo(2026, 10, 7, 10, 5)),
        (tokyo(2026, 11, 20, 17, 0), HOUR, tokyo(2026, 11, 24, 9, 15)),
        (tokyo(2026, 12, 28, 17, 0), HOUR, tokyo(2027, 1, 4, 9, 15)),
        (tokyo(2026, 10, 3, 12, 0), HOUR, tokyo(2026, 10, 5, 9, 30)),
        (tokyo(2026, 10, 6, 8, 30), 8.75 * HOUR, tokyo(2026, 10, 7, 8, 30)),
        (tokyo(2026, 10, 6, 20, 0), 0 * HOUR, tokyo(2026, 10, 7, 8, 30)),
        (tokyo(2028, 2, 28, 17, 0), HOUR, tokyo(2028, 2, 29, 9, 15)),
    ],
)
def test_working_hours_of_the_city_hall(start, amount, end):
    assert add_working(CITY_HALL, start, amount) == end


def test_lunch_is_not_worked():
    assert add_working(LUNCH, tokyo(2026, 10, 6, 11, 30), HOUR) == tokyo(2026, 10, 6, 13, 30)
    assert (
        working_between(LUNCH, tokyo(2026, 10, 6, 0, 0), tokyo(2026, 10, 7, 0, 0))
        == 7.75 * HOUR
    )


@pytest.mark.parametrize(
    ("start", "days", "end"),
    [
        (tokyo(2026, 10, 6, 10, 0), 0, tokyo(2026, 10, 6, 10, 0)),
        (tokyo(2026, 10, 6, 10, 0), 2, tokyo(2026, 10, 8, 10, 0)),
        (tokyo(2026, 10, 9, 18, 59), 1, tokyo(2026, 10, 10, 18, 59)),
        (tokyo(2026, 10, 10, 10, 0), 1, tokyo(2026, 10, 13, 10, 0)),  # Sunday, スポーツの日
        (tokyo(2026, 10, 11, 10, 0), 1, tokyo(2026, 10, 14, 7, 0)),
        (tokyo(2026, 12, 28, 8, 0), 1, tokyo(2027, 1, 4, 8, 0)),
        (tokyo(2026, 10, 6, 5, 0), 1, tokyo(2026, 10, 7, 7, 0)),
        (tokyo(2026, 10, 6, 23, 0), 1, tokyo(2026, 10, 8, 7, 0)),
    ],
)
def test_working_days_of_a_nursery(start, days, end):
    assert add_working_days(NURSERY, start, days) == end


def test_days_end_within_the_shorter_hours_of_the_last_day():
    calendar = Calendar(parse_week("Mon-Fri 9:00-18:00; Sat 9:00-12:00"), Holidays(None))
    friday_afternoon = tokyo(2026, 10, 9, 15, 0)
    assert add_working_days(calendar, friday_afternoon, 1) == tokyo(2026, 10, 12, 9, 0)


def test_own_closed_days_and_no_year_end():
    closed = frozenset({date(2026, 10, 7)})
    calendar = Calendar(parse_week("8:30-17:15"), Holidays(None), closed, year_end=None)
    assert not is_working_day(calendar, date(2026, 10, 7))
    assert is_working_day(calendar, date(2026, 12, 30))
    assert is_working_day(calendar, date(2026, 11, 23))


def test_year_end_may_lie_within_one_year():
    calendar = Calendar(parse_week("毎日 9-17"), Holidays(None), year_end=((8, 13), (8, 15)))
    closed = [day for day in range(10, 20) if not is_working_day(calendar, date(2026, 8, day))]
    assert closed == [13, 14, 15]


def test_other_countries_and_regions_have_their_own_holidays():
    assert date(2026, 11, 26) in Holidays("US")
    assert date(2026, 1, 2) in Holidays("GB", "SCT")
    assert date(2026, 1, 2) not in Holidays("GB", "ENG")
    assert date(2026, 1, 1) not in Holidays(None)
    assert date(2026, 1, 1) not in Holidays("")


# Pauses --------------------------------------------------------------------------------------


def test_pauses_overlap_reach_outside_and_last():
    start, end = tokyo(2026, 10, 6, 9, 0), tokyo(2026, 10, 6, 15, 0)
    pauses = [
        (tokyo(2026, 10, 5, 9, 0), tokyo(2026, 10, 6, 10, 0)),
        (tokyo(2026, 10, 6, 9, 30), tokyo(2026, 10, 6, 10, 30)),
        (tokyo(2026, 10, 6, 14, 0), None),
        (tokyo(2026, 10, 7, 14, 0), None),
        (tokyo(2026, 10, 6, 12, 0), tokyo(2026, 10, 6, 11, 0)),
    ]
    assert working_between(CITY_HALL, start, end, pauses) == 3.5 * HOUR
    assert working_between(CITY_HALL, start, end, [(start, None)]) == 0 * HOUR


def test_no_time_passes_backwards():
    assert working_between(CITY_HALL, tokyo(2026, 10, 7, 9), tokyo(2026, 10, 6, 9)) == 0 * HOUR


# Summer time ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "on", "hours"),
    [
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Tokyo", date(2026, 3, 29), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),  # the day that Samoa left out
    ],
)
def test_days_are_as_long_as_the_clock_makes_them(zone, on, hours):
    calendar = always_in(zone)
    noon = datetime.combine(on, time(12), tzinfo=UTC)
    minutes = sum(
        is_open(calendar, noon + step * MINUTE)
        for step in range(-26 * 60, 26 * 60)
        if (noon + step * MINUTE).astimezone(calendar.zone).date() == on
    )
    start = datetime.combine(on, time(0), tzinfo=calendar.zone)
    end = datetime.combine(on + DAY, time(0), tzinfo=calendar.zone)
    assert working_between(calendar, start, end) == hours * HOUR == minutes * MINUTE


def test_an_hour_that_the_clock_skips_is_not_worked_and_one_it_repeats_is_worked_twice():
    calendar = Calendar(
        parse_week("Sun 1:15-1:45"), Holidays(None), zone=ZoneInfo("Europe/London")
    )
    assert next_open(calendar, datetime(2026, 3, 28, tzinfo=UTC)).date() == date(2026, 4, 5)
    night = datetime(2026, 10, 25, tzinfo=UTC)
    assert working_between(calendar, night, night + 3 * HOUR) == HOUR
    assert add_working(calendar, night, timedelta(minutes=40)) == night + timedelta(minutes=85)


# What cannot be reckoned with ----------------------------------------------------------------


@pytest.mark.parametrize(
    "calendar",
    [
        Calendar(((),) * 7, Holidays(None)),
        Calendar(parse_week("8:30-17:15"), Holidays(None), year_end=((1, 1), (12, 31))),
    ],
    ids=["no hours", "closed all year"],
)
def test_a_calendar_that_never_opens_is_refused(calendar):
    start = tokyo(2026, 10, 6, 9)
    with pytest.raises(ClockError, match="no opening hours for 400 days"):
        next_open(calendar, start)
    with pytest.raises(ClockError, match="no opening hours for 400 days"):
        add_working(calendar, start, HOUR)
    with pytest.raises(ClockError) as refused:
        add_working_days(calendar, start, 1)
    assert refused.value.reason == "never_open"
    assert working_between(calendar, start, start + 30 * DAY) == 0 * HOUR


def test_a_calendar_that_closes_for_good_is_refused_too():
    closed = frozenset(date(2026, 10, 7) + step * DAY for step in range(500))
    calendar = Calendar(parse_week("8:30-17:15"), Holidays(None), closed)
    with pytest.raises(ClockError) as refused:
        add_working_days(calendar, tokyo(2026, 10, 6, 9), 1)
    assert refused.value.reason == "never_open"


@pytest.mark.parametrize(
    ("reckon", "reason"),
    [
        (lambda: is_open(CITY_HALL, datetime(2026, 10, 6, 9)), "naive"),  # noqa: DTZ001  # what is refused
        (lambda: add_working(CITY_HALL, tokyo(2026, 10, 6), -MINUTE), "negative"),
        (lambda: add_working_days(CITY_HALL, tokyo(2026, 10, 6), -1), "negative"),
        (lambda: add_working_days(CITY_HALL, tokyo(2026, 10, 6), 10**6), "too_far"),
        (lambda: add_working(CITY_HALL, tokyo(2026, 10, 6), 40_000 * HOUR), "too_far"),
        (lambda: date(2026, 10, 6) in Holidays("ZZ"), "country"),
        (lambda: Calendar((), Holidays(None)), "week"),
        (
            lambda: Calendar((CITY_HALL.week[0] * 2,) * 7, Holidays(None)),
            "week",
        ),
    ],
)
def test_what_cannot_be_reckoned_with_is_named(reckon, reason):
    with pytest.raises(ClockError) as refused:
        reckon()
    assert refused.value.reason == reason


def test_the_usual_year_end():
    assert YEAR_END == ((12, 29), (1, 3))
    assert CITY_HALL.year_end == YEAR_END


def test_equal_calendars_share_what_was_looked_up():
    """Two weeks ahead costs microseconds, also for a calendar that was built anew."""
    start = tokyo(2026, 10, 6, 16, 50)
    rounds = 200
    began = datetime.now(UTC)
    for _ in range(rounds):
        add_working(Calendar(CITY_HALL.week, Holidays("JP")), start, 80 * HOUR)
    # A hundred times what it takes, so that a busy machine passes and a lost cache does not.
    assert datetime.now(UTC) - began < rounds * timedelta(milliseconds=2)
