"""What the worker runs: at once where it can, again without harm, and it says that it lives."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command
from django.db import transaction

from kitting.celery import app
from kitting.jobs.models import Heartbeat
from kitting.notices import tasks
from kitting.notices.actions import queue
from kitting.notices.models import Notice
from kitting.notices.states import Channel, Lane, NoticeState
from kitting.site.queries import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django import DjangoCaptureOnCommitCallbacks
    from pytest_django.fixtures import Settings

    from tests.sink import Sink

pytestmark = pytest.mark.django_db


def put(key: str, lane: Lane = Lane.NORMAL) -> None:
    _, now = current()
    queue(
        dedupe_key=key,
        kind="test",
        channel=Channel.MAIL,
        language="ja",
        subject="件名",
        body="本文",
        address="s010203@asahi.example.jp",
        now=now - timedelta(seconds=1),
        lane=lane,
    )


def point_at(broker: str) -> None:
    app.conf.update(broker_url=broker)
    app.pool.force_close_all()  # type: ignore[attr-defined]  # the stubs know another pool
    tasks.forget_broker()


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """A broker nobody listens at."""
    before = app.conf.broker_url
    point_at("redis://127.0.0.1:1/0")
    yield
    point_at(before)


def test_running_a_task_twice_sends_once(sink: Sink) -> None:
    put("k1")
    tasks.deliver()
    tasks.deliver()
    assert len(sink.mails) == 1


def test_each_task_empties_its_own_lane(sink: Sink) -> None:
    put("k1")
    put("code", Lane.SIGN_IN)
    tasks.deliver_sign_in()
    assert Notice.objects.get(state=NoticeState.SENT).lane == Lane.SIGN_IN
    tasks.deliver()
    assert not Notice.objects.waiting().exists()


def test_more_than_a_round_leaves_in_one_task(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "ROUND_LIMIT", 3)
    for number in range(10):
        put(f"k{number}")
    tasks.deliver()
    assert len(sink.mails) == 10
    assert sink.connections == 1


def test_a_round_says_that_it_lives_and_how_the_outbox_stands(
    settings: Settings,
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    put("k1")
    tasks.deliver()
    said = json.loads(Heartbeat.objects.get(name="deliver").detail)
    assert said["unreachable"]
    assert (said["waiting"], said["retrying"]) == (1, 1)


def test_the_command_runs_one_round_and_counts(sink: Sink) -> None:
    put("k1")
    put("k2")
    sink.recipient_answers.append("550 no such user")
    out = StringIO()
    call_command("deliver", stdout=out)
    assert "normal: 1 sent, 1 failed, 0 postponed" in out.getvalue()


def test_a_page_wakes_the_worker_after_its_transaction(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
        tasks.wake()
    assert len(callbacks) == 1


@pytest.mark.usefixtures("dead_broker")
def test_a_dead_broker_costs_a_page_nothing(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    started = time.monotonic()
    for _ in range(20):
        with django_capture_on_commit_callbacks(execute=True):
            tasks.wake()
    assert time.monotonic() - started < 3
