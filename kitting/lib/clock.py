"""Working time: when a place or a person can be expected to act, and how much of it passed.

A calendar is open where the wall clock of its zone says so. All moments that come in are aware
datetimes of any zone, all that go out are in UTC. Summer time needs no special case: an hour
that the clock skips is not worked, an hour that it repeats is worked twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from kitting.lib.later import Later
from kitting.lib.weeks import (
    DAYS_A_WEEK,
    MIDNIGHT,
    ClockError,
    Span,
    Week,
    is_in_order,
    parse_week,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

holidays = Later("holidays")

__all__ = [
    "JAPAN",
    "YEAR_END",
    "Calendar",
    "ClockError",
    "Holidays",
    "Span",
    "Week",
    "add_working",
    "add_working_days",
    "is_open",
    "is_working_day",
    "next_open",
    "parse_week",
    "working_between",
]

YEAR_END = ((12, 29), (1, 3))
JAPAN = ZoneInfo("Asia/Tokyo")

_DAY = timedelta(days=1)
_NOTHING = timedelta(0)
# No organisation closes for longer in one go; a calendar that does is a mistake in it.
_LONGEST_CLOSURE_DAYS = 400
_FURTHEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Holidays:
    """The national holidays of a country (ISO code such as JP), or none at all."""

    country: str | None
    region: str | None = None

    def __contains__(self, on: date) -> bool:
        """Tell whether the day is a national holiday; raises `ClockError` (country)."""
        if not self.country:
            return False
        return on in _holidays_of(self.country, self.region, on.year)


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a place is open or a person works: a weekly pattern and the days it does not hold.

    `week` holds seven days from Monday on. `year_end` is the first and last (month, day) of a
    yearly closure. `counts_days` marks shift work, where only whole days can be counted: callers
    then use `add_working_days` instead of `add_working`.
    """

    week: Week
    holidays: Holidays
    closed: frozenset[date] = frozenset()
    year_end: tuple[tuple[int, int], tuple[int, int]] | None = YEAR_END
    zone: ZoneInfo = JAPAN
    counts_days: bool = False

    def __post_init__(self) -> None:
        """Refuse a week that does not have seven days of ordered spans."""
        if len(self.week) != DAYS_A_WEEK:
            raise ClockError("week", "A week has seven days, from Monday on.")
        if not all(is_in_order(day) for day in self.week):
            raise ClockError("week", "The spans of a day must follow each other.")


def is_open(cal: Calendar, at: datetime) -> bool:
    """Tell whether the place is open at a moment."""
    moment = _utc(at)
    book = _book(cal)
    return any(start <= moment < end for start, end in book.intervals(book.date_of(moment)))


def is_working_day(cal: Calendar, on: date) -> bool:
    """Tell whether the place opens at all on a day of its own calendar."""
    return bool(_book(cal).spans(on))


def next_open(cal: Calendar, at: datetime) -> datetime:
    """Find the first moment from `at` on at which the place is open: `at` itself if it is.

    Raises `ClockError` (never_open).
    """
    moment = _utc(at)
    start, _ = next(_book(cal).intervals_after(moment))
    return max(start, moment)


def add_working(cal: Calendar, start: datetime, amount: timedelta) -> datetime:
    """Find the moment within opening hours when that much working time has passed.

    Time that runs out exactly at closing gives the next opening, so that nothing falls due
    when nobody is there; no time at all gives the next moment that is open.
    Raises `ClockError` (negative, never_open, too_far).
    """
    if amount < _NOTHING:
        raise ClockError("negative", "Working time cannot be added backwards.")
    moment, left = _utc(start), amount
    for opening, closing in _book(cal).intervals_after(moment):
        begin = max(opening, moment)
        if left < closing - begin:
            return begin + left
        left -= closing - begin
    raise ClockError("too_far", "So much working time does not pass within ten years.")


def working_between(
    cal: Calendar,
    start: datetime,
    end: datetime,
    pauses: Sequence[tuple[datetime, datetime | None]] = (),
) -> timedelta:
    """Measure the working time from `start` to `end` without the pauses; never negative.

    Pauses may overlap and reach outside; one whose end is None still lasts.
    """
    book, first, last = _book(cal), _utc(start), _utc(end)
    paused = _merged(
        (max(_utc(begin), first), last if stop is None else min(_utc(stop), last))
        for begin, stop in pauses
    )
    return sum(
        (-book.open_time(begin, stop) for begin, stop in paused), book.open_time(first, last)
    )


def add_working_days(cal: Calendar, start: datetime, days: int) -> datetime:
    """Find the same time of day that many working days later, moved into opening hours.

    A start outside opening hours counts from the next opening. For shift work, where a place's
    hours say nothing about a person's. Raises `ClockError` (negative, never_open, too_far).
    """
    if days < 0:
        raise ClockError("negative", "Working days cannot be added backwards.")
    if days > _FURTHEST_DAYS:
        raise ClockError("too_far", "So many working days do not pass within ten years.")
    opening = next_open(cal, start)
    wall = opening.astimezone(cal.zone)
    on = _book(cal).working_day_after(wall.date(), days)
    if on == wall.date():
        return opening
    return next_open(cal, datetime.combine(on, wall.time(), tzinfo=cal.zone))


class _Book:
    """What one calendar says day by day, looked up once and kept."""

    def __init__(self, cal: Calendar) -> None:
        self._cal = cal
        self._spans: dict[date, tuple[Span, ...]] = {}
        self._intervals: dict[date, tuple[tuple[datetime, datetime], ...]] = {}

    def date_of(self, moment: datetime) -> date:
        return moment.astimezone(self._cal.zone).date()

    def spans(self, on: date) -> tuple[Span, ...]:
        known = self._spans.get(on)
        if known is None:
            cal = self._cal
            closed = on in cal.closed or _is_year_end(cal, on) or on in cal.holidays
            known = self._spans[on] = () if closed else cal.week[on.weekday()]
        return known

    def intervals(self, on: date) -> tuple[tuple[datetime, datetime], ...]:
        """Return the opening hours of a local day as moments in UTC, in order."""
        known = self._intervals.get(on)
        if known is None:
            spans = self.spans(on)
            known = self._intervals[on] = (
                tuple(_moments(self._cal.zone, on, spans)) if spans else ()
            )
        return known

    def intervals_after(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Yield the opening hours that end after a moment, in order, for ten years."""
        on = self.date_of(moment)
        closed_days = 0
        for _ in range(_FURTHEST_DAYS):
            intervals = self.intervals(on)
            closed_days = 0 if intervals else closed_days + 1
            if closed_days > _LONGEST_CLOSURE_DAYS:
                raise _never_open()
            for interval in intervals:
                if interval[1] > moment:
                    yield interval
            on += _DAY

    def open_time(self, start: datetime, end: datetime) -> timedelta:
        if end <= start:
            return _NOTHING
        total, on, last = _NOTHING, self.date_of(start), self.date_of(end)
        while on <= last:
            for opening, closing in self.intervals(on):
                if opening < end and start < closing:
                    total += min(closing, end) - max(opening, start)
            on += _DAY
        return total

    def working_day_after(self, on: date, days: int) -> date:
        closed_days = 0
        while days:
            on += _DAY
            if self.spans(on):
                days -= 1
                closed_days = 0
            else:
                closed_days += 1
            if closed_days > _LONGEST_CLOSURE_DAYS:
                raise _never_open()
        return on


@lru_cache(maxsize=256)
def _book(cal: Calendar) -> _Book:
    return _Book(cal)


@lru_cache(maxsize=512)
def _holidays_of(country: str, region: str | None, year: int) -> frozenset[date]:
    try:
        return frozenset(holidays.country_holidays(country, subdiv=region, years=year))
    except NotImplementedError as error:
        raise ClockError(
            "country", f"No holidays are known for {country} {region or ''}.", country
        ) from error


def _is_year_end(cal: Calendar, on: date) -> bool:
    if cal.year_end is None:
        return False
    first, last = cal.year_end
    today = (on.month, on.day)
    return first <= today <= last if first <= last else today >= first or today <= last


def _never_open() -> ClockError:
    return ClockError(
        "never_open", f"The calendar has no opening hours for {_LONGEST_CLOSURE_DAYS} days."
    )


def _utc(at: datetime) -> datetime:
    if at.utcoffset() is None:
        raise ClockError("naive", "A moment needs a time zone.", at.isoformat())
    return at.astimezone(UTC)


def _merged(
    intervals: Iterable[tuple[datetime, datetime]],
) -> Iterator[tuple[datetime, datetime]]:
    reached: datetime | None = None
    for begin, stop in sorted(intervals):
        fresh = begin if reached is None else max(begin, reached)
        if fresh < stop:
            yield fresh, stop
            reached = stop


def _moments(
    zone: ZoneInfo, on: date, spans: tuple[Span, ...]
) -> Iterator[tuple[datetime, datetime]]:
    midnight = datetime.combine(on, MIDNIGHT, tzinfo=UTC)
    for offset, since, until in _offsets(zone, midnight):
        for span in spans:
            opening = datetime.combine(on, span.start, tzinfo=UTC)
            closing = datetime.combine(on, span.end, tzinfo=UTC)
            if closing == midnight:
                closing += _DAY
            start, end = max(opening - offset, since), min(closing - offset, until)
            if start < end:
                yield start, end


def _offsets(
    zone: ZoneInfo, midnight: datetime
) -> Iterator[tuple[timedelta, datetime, datetime]]:
    """Yield the distances to UTC in force around a local day, each from when until when.

    The window is wide enough for every zone on Earth (UTC-12 to UTC+14, one change a day).
    """
    since, until = midnight - timedelta(hours=15), midnight + timedelta(hours=39)
    before, after = _offset(zone, since), _offset(zone, until)
    if before == after:
        yield before, since, until
    else:
        change = _change(zone, since, until)
        yield before, since, change
        yield after, change, until


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Find the second at which the clocks are changed between two moments."""
    before = _offset(zone, low)
    second = timedelta(seconds=1)
    while high - low > second:
        middle = low + ((high - low) // 2) // second * second
        if _offset(zone, middle) == before:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or _NOTHING
