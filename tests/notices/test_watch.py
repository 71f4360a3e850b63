"""The web process looks whether the worker is alive, and tells the operators once."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from accounts.states import Role
from kitting.jobs.actions import beat, claim_incident, open_incident
from kitting.jobs.models import Heartbeat, Incident
from kitting.management.watching import keep_watch
from kitting.notices.actions.watch import GRACE, watch
from kitting.site.models import SiteProfile
from kitting.site.queries import wall_clock
from tests.factories import NOW, GrantFactory, UserFactory

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import Settings

    from tests.sink import Sink

OPERATORS = ["ops@asahi.example.jp", "night@asahi.example.jp"]
LATE = timedelta(minutes=20)


@pytest.fixture(autouse=True)
def _operators(settings: Settings) -> None:
    settings.OPERATORS_EMAIL = OPERATORS


def beats(*, sweep: timedelta, deliver: timedelta) -> datetime:
    """Let both have beaten so long ago; returns the time on the wall."""
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    now = wall_clock()
    beat(name="sweep", now=now - sweep)
    beat(name="deliver", now=now - deliver)
    return now


def look_twice(now: datetime) -> list[bool]:
    """Look, and once more when a restart would be over."""
    return [watch(now=now), watch(now=now + GRACE)]


@pytest.mark.django_db
def test_a_dead_worker_is_told_once_to_all_operators(sink: Sink) -> None:
    now = beats(sweep=LATE, deliver=LATE)
    assert look_twice(now) == [False, True]
    assert not any(watch(now=now + timedelta(hours=hour)) for hour in range(1, 9))
    (mail,) = sink.mails
    assert mail["To"] == ", ".join(OPERATORS)
    assert mail["Auto-Submitted"] == "auto-generated"
    body = mail.get_content()
    assert "見回り" in body
    assert "送信" in body
    assert "/readyz" in body


@pytest.mark.django_db
def test_only_what_is_late_is_named(sink: Sink) -> None:
    look_twice(beats(sweep=LATE, deliver=timedelta()))
    assert "・見回り" in sink.mails[0].get_content()
    assert "・メール" not in sink.mails[0].get_content()


@pytest.mark.django_db
def test_a_restart_is_no_incident(sink: Sink) -> None:
    now = beats(sweep=LATE, deliver=LATE)
    assert not watch(now=now)
    beats(sweep=timedelta(), deliver=timedelta())
    assert not watch(now=now + GRACE)
    assert sink.mails == []
    assert Incident.objects.get().ended_at is not None


@pytest.mark.django_db
def test_the_next_incident_is_told_again(sink: Sink) -> None:
    look_twice(beats(sweep=LATE, deliver=LATE))
    assert not watch(now=beats(sweep=timedelta(), deliver=timedelta()) + GRACE)
    now = beats(sweep=LATE, deliver=LATE) + 2 * GRACE
    assert look_twice(now) == [False, True]
    assert len(set(sink.message_ids)) == 2


@pytest.mark.django_db
def test_a_worker_that_never_ran_is_told_too(sink: Sink) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    assert look_twice(wall_clock()) == [False, True]
    assert len(sink.mails) == 1


@pytest.mark.django_db
def test_a_mail_server_that_is_away_is_tried_again_later(
    settings: Settings, sink: Sink
) -> None:
    now = beats(sweep=LATE, deliver=LATE)
    port, settings.EMAIL_PORT = settings.EMAIL_PORT, 1
    assert look_twice(now) == [False, False]
    settings.EMAIL_PORT = port
    assert not watch(now=now + 2 * GRACE)
    assert watch(now=now + timedelta(minutes=10))
    assert len(sink.mails) == 1


@pytest.mark.django_db
def test_without_operators_the_help_desk_is_told(settings: Settings, sink: Sink) -> None:
    settings.OPERATORS_EMAIL, settings.HELP_DESK_EMAIL = [], "help@asahi.example.jp"
    look_twice(beats(sweep=LATE, deliver=LATE))
    assert sink.mails[0]["To"] == "help@asahi.example.jp"


@pytest.mark.django_db
def test_an_incident_is_open_once() -> None:
    open_incident(kind="late", what="sweep", since=NOW, now=NOW)
    open_incident(kind="late", what="deliver", since=NOW, now=NOW)
    assert Incident.objects.get().what == "sweep"
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.create(kind="late", what="x", since=NOW, found_at=NOW)
    with pytest.raises(IntegrityError), transaction.atomic():
        Incident.objects.update(ended_at=NOW - LATE)


@pytest.mark.django_db
def test_who_died_while_telling_is_replaced() -> None:
    open_incident(kind="late", what="sweep", since=NOW, now=NOW)
    first = claim_incident(kind="late", found_before=NOW, now=NOW)
    assert first is not None
    assert claim_incident(kind="late", found_before=NOW, now=NOW) is None
    assert claim_incident(kind="late", found_before=NOW, now=NOW + LATE) == first


@pytest.mark.django_db(transaction=True)
def test_eight_processes_at_once_send_one_mail(sink: Sink) -> None:
    now = beats(sweep=LATE, deliver=LATE)
    together = threading.Barrier(8)
    told: list[bool] = []

    def look() -> None:
        together.wait()
        told.extend(look_twice(now))
        connection.close()

    threads = [threading.Thread(target=look) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(told) == 1
    assert len(sink.mails) == 1


@pytest.mark.django_db(transaction=True)
def test_the_thread_of_a_web_process_looks_and_tells(sink: Sink) -> None:
    beats(sweep=LATE, deliver=LATE)
    watch(now=wall_clock() - GRACE)
    stopping = threading.Event()
    thread = threading.Thread(target=keep_watch, args=(stopping,), kwargs={"seconds": 0.05})
    thread.start()
    try:
        waiting = threading.Event()
        for _turn in range(200):
            if sink.mails:
                break
            waiting.wait(0.05)
    finally:
        stopping.set()
        thread.join()
    assert len(sink.mails) == 1


# --- the red bar ------------------------------------------------------------------------------------


def page_of(role: Role | None) -> str:
    person = GrantFactory.create(role=role).person if role else UserFactory.create()
    client = Client(headers={"accept-language": "ja"})
    client.force_login(person)
    return client.get("/accounts/logout/").content.decode()


@pytest.mark.django_db
def test_every_page_of_it_says_since_when_and_nobody_elses() -> None:
    now = beats(sweep=LATE, deliver=LATE)
    Heartbeat.objects.update(at=now.replace(hour=1, minute=23) - timedelta(days=1))
    watch(now=now)
    assert "10:23 から" in page_of(Role.IT)
    assert "10:23 から" not in page_of(None)


@pytest.mark.django_db
def test_the_bar_goes_by_what_is_true_now() -> None:
    watch(now=beats(sweep=LATE, deliver=LATE))
    assert 'role="alert"' in page_of(Role.IT)
    now = beats(sweep=timedelta(), deliver=timedelta())
    assert 'role="alert"' not in page_of(Role.IT)
    watch(now=now)
    assert SiteProfile.objects.get().late_since is None
