"""What tells whether everything that runs by itself is alive."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from kitting.jobs.models import Heartbeat, Job
from kitting.jobs.states import OPEN


@dataclass(frozen=True)
class Pulse:
    """One thing that runs by itself: the age of its last round, and how old it may become.

    `detail` is what the round said about itself, empty if it said nothing that can be read.
    """

    name: str
    limit: timedelta
    age: timedelta | None = None
    at: datetime | None = None
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Tell whether the last round is young enough."""
        return self.age is not None and self.age <= self.limit


def database_answers() -> bool:
    """Tell whether the database answers; the driver's errors pass through."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return bool(cursor.fetchone())


def pulses() -> dict[str, Pulse]:
    """Return the pulses of sweep and delivery by name, measured by the database's clock."""
    limits = {
        "sweep": timedelta(seconds=max(180, 3 * settings.SWEEP_SECONDS)),
        "deliver": timedelta(seconds=max(180, 3 * settings.DELIVER_SECONDS)),
    }
    beats = {
        beat.name: beat
        for beat in Heartbeat.objects.filter(name__in=limits).annotate(asked_at=Now())
    }
    found = {}
    for name, limit in limits.items():
        beat = beats.get(name)
        if beat is None:
            found[name] = Pulse(name, limit)
            continue
        # The demo's clock runs ahead: a beat from the future is a fresh one.
        age = max(beat.asked_at - beat.at, timedelta())
        found[name] = Pulse(name, limit, age, beat.at, _read(beat.detail))
    return found


def late_pulses() -> list[Pulse]:
    """Return what runs by itself and did not lately (one query)."""
    return [pulse for pulse in pulses().values() if not pulse.is_well]


def _read(detail: str) -> dict[str, Any]:
    try:
        said = json.loads(detail)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def open_job(kind: str) -> Job | None:
    """Return the work of a kind that is going on, if any."""
    return Job.objects.filter(kind=kind, state__in=OPEN).first()


def last_job(kind: str) -> Job | None:
    """Return the latest work of a kind, finished or not."""
    return Job.objects.filter(kind=kind).order_by("-created_at", "-pk").first()
