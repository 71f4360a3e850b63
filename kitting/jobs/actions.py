"""Heartbeats, and the progress of long work."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest

from kitting.jobs.models import Heartbeat, Incident, Job
from kitting.jobs.states import OPEN, JobState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# Work that was not heard of for so long has died with its process.
DEAD_AFTER = timedelta(minutes=5)
TEXT_MAX = 200
# Who began to tell of an incident and was not heard of for so long did not tell it.
TELLING = timedelta(minutes=5)


def beat(*, name: str, now: datetime, detail: str = "") -> None:
    """Note that something that runs by itself has finished a round."""
    fields = {"at": now, "detail": detail[:TEXT_MAX]}
    if not Heartbeat.objects.filter(name=name).update(**fields):
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=name, **fields)],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["at", "detail"],
        )


def start_job(
    *, kind: str, total: int, now: datetime, data: Mapping[str, object] | None = None
) -> Job | None:
    """Open a piece of long work; return None while one of its kind is still going on.

    One that was not heard of for five minutes is closed as failed and makes room.
    """
    _bury(kind=kind, now=now)
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind, total=total, data=dict(data or {}), created_at=now, heard_at=now
            )
    except IntegrityError:
        if Job.objects.filter(kind=kind, state__in=OPEN).exists():
            return None
        raise


def take_up(*, prefix: str, now: datetime) -> Job | None:
    """Take the oldest work that waits and whose kind begins so; exactly one worker gets it.

    Work that died with its process is closed as failed on the way.
    """
    mine = Job.objects.filter(kind__startswith=prefix)
    mine.filter(state=JobState.RUNNING, heard_at__lt=now - DEAD_AFTER).update(
        state=JobState.FAILED, finished_at=now
    )
    waiting = mine.filter(state=JobState.WAITING)
    for job in waiting.order_by("created_at", "pk"):
        if waiting.filter(pk=job.pk).update(state=JobState.RUNNING, heard_at=now):
            return job
    return None


def advance(
    *, job_id: int, done: int, now: datetime, message: str = "", total: int | None = None
) -> bool:
    """Say how far the work is; False tells the worker that somebody closed it meanwhile.

    `done` never goes back: of two reports the higher one stays.
    """
    fields: dict[str, object] = {"state": JobState.RUNNING, "heard_at": now, "done": done}
    if message:
        fields["message"] = message[:TEXT_MAX]
    if total is not None:
        fields["total"] = total
    open_job = Job.objects.filter(pk=job_id, state__in=OPEN)
    if open_job.filter(done__lte=done).update(**fields):
        return True
    del fields["done"]
    return bool(open_job.update(**fields))


def finish(*, job_id: int, now: datetime, message: str = "") -> bool:
    """Close a piece of long work as done; False if it was closed before."""
    return _close(job_id, JobState.DONE, now=now, message=message)


def fail(*, job_id: int, now: datetime, message: str) -> bool:
    """Close a piece of long work as failed, with what people should know."""
    return _close(job_id, JobState.FAILED, now=now, message=message)


def _close(job_id: int, state: JobState, *, now: datetime, message: str) -> bool:
    fields: dict[str, object] = {"state": state, "finished_at": now, "heard_at": now}
    if message:
        fields["message"] = message[:TEXT_MAX]
    if state == JobState.DONE:
        fields["done"] = F("total")
    return bool(Job.objects.filter(pk=job_id, state__in=OPEN).update(**fields))


def _bury(*, kind: str, now: datetime) -> None:
    silent = Q(kind=kind, state__in=OPEN, heard_at__lt=now - DEAD_AFTER)
    Job.objects.filter(silent).update(state=JobState.FAILED, finished_at=now)


# --- incidents ------------------------------------------------------------------------------------


def open_incident(*, kind: str, what: str, since: datetime, now: datetime) -> None:
    """Note that something does not run; one that is open already is left as it is."""
    if not Incident.objects.filter(kind=kind, ended_at__isnull=True).exists():
        Incident.objects.bulk_create(
            [Incident(kind=kind, what=what, since=since, found_at=now)], ignore_conflicts=True
        )


def claim_incident(*, kind: str, found_before: datetime, now: datetime) -> Incident | None:
    """Let one of many processes tell of an open incident, and nobody else meanwhile.

    None where it was told, somebody is telling it, or it was found only just now.
    """
    untold = Incident.objects.filter(
        Q(claimed_until__isnull=True) | Q(claimed_until__lte=now),
        kind=kind,
        ended_at__isnull=True,
        told_at__isnull=True,
        found_at__lte=found_before,
    )
    incident = untold.first()
    if incident is None or not untold.filter(pk=incident.pk).update(
        claimed_until=now + TELLING
    ):
        return None
    return incident


def incident_told(*, incident: Incident, now: datetime) -> None:
    """Note that an incident was told; nobody tells it again."""
    Incident.objects.filter(pk=incident.pk).update(told_at=now)


def end_incident(*, kind: str, now: datetime) -> bool:
    """Note that it runs again; tells whether that is news."""
    return bool(
        Incident.objects.filter(kind=kind, ended_at__isnull=True).update(
            ended_at=Greatest(F("found_at"), Value(now))
        )
    )
