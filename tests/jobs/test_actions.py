"""Long work shows its progress, and work that died makes room."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitting.jobs import actions
from kitting.jobs.models import Heartbeat, Job
from kitting.jobs.queries import last_job, open_job
from kitting.jobs.states import JobState
from tests.factories import NOW

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(minutes=1)


def start(kind: str = "labels", total: int = 10) -> Job:
    job = actions.start_job(kind=kind, total=total, now=NOW)
    assert job
    return job


def test_a_beat_keeps_one_row_with_the_newest_moment() -> None:
    actions.beat(name="sweep", now=NOW, detail="first")
    actions.beat(name="sweep", now=LATER)
    beat = Heartbeat.objects.get()
    assert (beat.at, beat.detail) == (LATER, "")


def test_a_second_job_of_a_kind_waits_for_the_first() -> None:
    job = start()
    assert actions.start_job(kind="labels", total=1, now=LATER) is None
    assert actions.finish(job_id=job.pk, now=LATER)
    assert actions.start_job(kind="labels", total=1, now=LATER) is not None


def test_a_job_that_was_not_heard_of_makes_room() -> None:
    dead = start()
    assert actions.start_job(kind="labels", total=1, now=NOW + timedelta(minutes=6)) is not None
    dead.refresh_from_db()
    assert dead.state == JobState.FAILED


def test_progress_goes_forward_only() -> None:
    job = start()
    assert actions.advance(job_id=job.pk, done=6, now=NOW)
    assert actions.advance(job_id=job.pk, done=4, now=LATER)
    job.refresh_from_db()
    assert (job.state, job.done, job.percent, job.heard_at) == (JobState.RUNNING, 6, 60, LATER)


def test_the_worker_of_a_closed_job_is_told_to_stop() -> None:
    job = start()
    assert actions.fail(job_id=job.pk, now=NOW, message="stopped")
    assert not actions.advance(job_id=job.pk, done=1, now=LATER)
    assert not actions.finish(job_id=job.pk, now=LATER)
    assert open_job("labels") is None
    latest = last_job("labels")
    assert latest
    assert (latest.state, latest.message) == (JobState.FAILED, "stopped")


def test_finished_work_is_whole() -> None:
    job = start()
    actions.finish(job_id=job.pk, now=LATER)
    job.refresh_from_db()
    assert (job.percent, job.finished_at) == (100, LATER)
