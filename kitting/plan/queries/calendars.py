"""Waves and own beginnings as appointments."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings

from kitting.escalation.queries.ladder import organisation_book
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_lines
from kitting.guides.states import Milestone
from kitting.plan import rules

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.journeys.models import Journey
    from kitting.plan.queries.starts import Start
    from kitting.rollout.models import Rollout, Wave

# The minutes of a clock are counted from here, so that the numbers of calendars stay small.
COUNTED_FROM = 29_000_000
# How long somebody needs where no guide says it.
USUAL_MINUTES = 60


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "kitto.invalid"


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def wave_appointment(wave: Wave, *, title: str, words: str, url: str) -> rules.Appointment:
    """Return a wave as an appointment: each working day where it has hours, else from first to last."""
    calendar = organisation_book().default
    starts = wave.starts_at.astimezone(_zone())
    first, last = starts.date(), max(wave.ends_on, starts.date())
    daily = wave.to_time is not None and wave.to_time > starts.time()
    end = wave.to_time if daily and wave.to_time else rules.closing_time(calendar, last)
    ends = starts.replace(hour=end.hour, minute=end.minute)
    if not daily:
        ends = ends.replace(year=last.year, month=last.month, day=last.day)
    return rules.Appointment(
        uid=f"{wave.calendar_uid}@{_host()}",
        sequence=wave.version,
        stamp=wave.written_at,
        starts_at=starts,
        ends_at=max(ends, starts + rules.BEGINNING),
        title=title,
        place="、".join(place.name for place in wave.places.all()),
        words=words,
        url=url,
        last_on=last if daily else None,
        closed=rules.closed_days(calendar, first, last) if daily else (),
    )


def rollout_appointments(rollout: Rollout) -> list[rules.Appointment]:
    """Return every wave of a rollout as an appointment: departments and places, nobody's name."""
    waves = rollout.waves.prefetch_related("departments", "places").order_by("starts_at", "pk")
    return [
        wave_appointment(
            wave,
            title=f"{rollout.name} {wave.name}",
            words="、".join(department.name for department in wave.departments.all()),
            url="",
        )
        for wave in waves
    ]


def own_appointment(
    journey: Journey, start: Start, *, title: str, words: str, url: str, now: datetime
) -> rules.Appointment:
    """Return somebody's own beginning as an appointment, as long as the guide takes."""
    starts = start.at.astimezone(_zone())
    return rules.Appointment(
        uid=f"start-{journey.pk}-{start.wave.calendar_uid}@{_host()}",
        # The own time may change at any moment and back: what is fetched later is newer.
        sequence=int(now.timestamp()) // 60 - COUNTED_FROM,
        stamp=now,
        starts_at=starts,
        ends_at=starts + timedelta(minutes=minutes_to_ready()),
        title=title,
        place=start.place.name if start.place else "",
        words=words,
        url=url,
    )


def minutes_to_ready() -> int:
    """Return how long the published guide takes until a device can be used."""
    edition = published_edition()
    lines = step_lines(edition.pk, settings.LANGUAGE_CODE) if edition else []
    needed = [
        line.minutes for line in lines if line.milestone == Milestone.READY and line.required
    ]
    return sum(needed) or USUAL_MINUTES
