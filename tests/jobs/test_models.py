"""What the database itself refuses about long work and heartbeats."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from kitting.jobs.models import Heartbeat, Job
from kitting.jobs.states import JobState
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def make(**fields: Any) -> Job:
    return Job.objects.create(kind="labels", created_at=NOW, heard_at=NOW, **fields)


def test_one_open_job_a_kind() -> None:
    make()
    with pytest.raises(IntegrityError), transaction.atomic():
        make(state=JobState.RUNNING)
    Job.objects.create(kind="import", created_at=NOW, heard_at=NOW)
    assert Job.objects.count() == 2


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("job_finished_has_a_moment", {"state": JobState.DONE}),
        ("job_finished_has_a_moment", {"finished_at": NOW}),
        ("job_done_within_total", {"done": 2, "total": 1}),
    ],
)
def test_the_database_refuses_a_job_that_cannot_be(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        make(**fields)


def test_a_heartbeat_has_one_row_a_name() -> None:
    Heartbeat.objects.create(name="sweep", at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Heartbeat.objects.create(name="sweep", at=NOW)
