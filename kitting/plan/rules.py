"""Appointments as calendars read them (RFC 5545), and what keeps people from beginning at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from kitting.lib import clock
from kitting.lib.later import Later
from kitting.lib.weeks import MIDNIGHT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from icalendar import Event

icalendar = Later("icalendar")

PRODUCT = "-//Kitto//Kitto//JA"
# How soon subscribers look again.
FEED_EVERY, FEED_EVERY_TEXT = timedelta(hours=1), "PT1H"
# Whoever began so long ago is not beginning any more: the others may.
BEGINNING = timedelta(minutes=30)
# What a day ends with where a place is closed all day.
EVENING = time(17, 0)


@dataclass(frozen=True, slots=True)
class Appointment:
    """One appointment: `closed` are days between the first and `last_on` on which it is not."""

    uid: str
    sequence: int
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    title: str
    place: str = ""
    words: str = ""
    url: str = ""
    last_on: date | None = None
    closed: tuple[date, ...] = ()


def calendar_file(appointments: Sequence[Appointment], *, name: str = "") -> bytes:
    """Write appointments as one calendar file, with the rules of their time zone.

    One with a name is a feed: programs that subscribe to it show the name and come back by the hour.
    """
    calendar = icalendar.Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    if name:
        calendar.add("name", name)
        calendar.add("x-wr-calname", name)
        calendar.add("refresh-interval", FEED_EVERY, parameters={"VALUE": "DURATION"})
        calendar.add("x-published-ttl", FEED_EVERY_TEXT)
    for appointment in appointments:
        calendar.add_component(_event(appointment))
    calendar.add_missing_timezones()
    written: bytes = calendar.to_ical()
    return written


def _event(appointment: Appointment) -> Event:
    event: Event = icalendar.Event()
    event.add("uid", appointment.uid)
    event.add("sequence", appointment.sequence)
    event.add("dtstamp", appointment.stamp)
    event.add("last-modified", appointment.stamp)
    event.add("dtstart", appointment.starts_at)
    event.add("dtend", appointment.ends_at)
    event.add("summary", appointment.title)
    for name, text in (
        ("location", appointment.place),
        ("description", appointment.words),
        ("url", appointment.url),
    ):
        if text:
            event.add(name, text)
    if appointment.last_on is not None:
        _repeat(event, appointment)
    return event


def _repeat(event: Event, appointment: Appointment) -> None:
    """Let an appointment be each day until the last, but for the closed ones."""
    starts = appointment.starts_at
    last = datetime.combine(appointment.last_on or starts.date(), starts.time(), starts.tzinfo)
    if last <= starts:
        return
    event.add("rrule", icalendar.vRecur({"FREQ": ["DAILY"], "UNTIL": [last.astimezone(UTC)]}))
    for day in appointment.closed:
        event.add("exdate", datetime.combine(day, starts.time(), starts.tzinfo))


def closing_time(calendar: clock.Calendar, on: date) -> time:
    """Return when a day ends by a calendar."""
    spans = calendar.week[on.weekday()]
    return spans[-1].end if spans and spans[-1].end != MIDNIGHT else EVENING


def closed_days(calendar: clock.Calendar, first: date, last: date) -> tuple[date, ...]:
    """Return the days from the first to the last on which nobody works."""
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(day for day in days if not clock.is_working_day(calendar, day))


def day_before(calendar: clock.Calendar, on: date) -> date:
    """Return the last working day before a day."""
    day = on - timedelta(days=1)
    for _try in range(31):
        if clock.is_working_day(calendar, day):
            break
        day -= timedelta(days=1)
    return day


def come_back_at(
    begun: Sequence[datetime], limit: int | None, now: datetime
) -> datetime | None:
    """Return when there is room to begin again, or nothing if there is room now.

    `begun` are the moments at which people at the same place began lately.
    """
    beginning = sorted(at for at in begun if at > now - BEGINNING)
    if limit is None or len(beginning) < limit:
        return None
    return beginning[len(beginning) - limit] + BEGINNING
