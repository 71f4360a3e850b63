"""One press that comes several times in the same moment: a double click, a line that sends again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from django.db import connection, connections, transaction
from django.test import Client
from django.urls import reverse

from kitting.escalation.models import TicketEntry
from kitting.journeys import actions
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind, Method, Via, Why
from tests.factories import NOW
from tests.journeys.test_views import kinds, phone, type_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.journeys.actions import Moved

__all__ = ["phone"]

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 4
PATIENCE = 30  # seconds
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
WHO = actions.Who(via=Via.BOX)
T = TypeVar("T")


def others_wait() -> bool:
    if connection.vendor != "postgresql":
        return True  # SQLite lets one write after the other: they wait before they look
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(WAITING)
        return cursor.fetchone() == (TIMES,)


def all_at_once(journey: Journey, act: Callable[[], T]) -> list[T]:
    """Let the same come several times while somebody else holds the journey."""

    def come() -> T:
        try:
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(TIMES) as pool:
        with transaction.atomic():
            Journey.objects.select_for_update().get(pk=journey.pk)
            coming = [pool.submit(come) for _time in range(TIMES)]
            until = time.monotonic() + PATIENCE
            while not others_wait():
                assert time.monotonic() < until, "they do not come"
                time.sleep(0.01)
        return [one.result() for one in coming]


@pytest.mark.parametrize(
    ("press", "said"),
    [
        (actions.finish_step, {}),
        (actions.finish_step, {"method": Method.BUTTON, "watch_speed": True}),
        (actions.undo_step, {}),
        (actions.skip_step, {"reason": Why.BY_CHOICE}),
        (actions.fail_check, {"reason": "unsupported"}),
        (actions.note_error, {"error": "wifi"}),
    ],
)
def test_a_press_that_comes_several_times_at_once_is_one_and_no_older_one(
    journey: Journey, press: Callable[..., Moved], said: dict[str, Any]
) -> None:
    step = {"journey_id": journey.pk, "step_key": journey.step_keys[0][0]}
    if press is actions.undo_step:
        actions.finish_step(**step, who=WHO, now=NOW)
    before = journey.events.count()
    moved = all_at_once(
        journey, lambda: press(**step, who=WHO, now=NOW, client_key="once", **said)
    )
    assert sorted(one.changed for one in moved) == [False] * (TIMES - 1) + [True]
    assert not any(one.already for one in moved)
    assert journey.events.filter(client_key="once").count() == 1
    assert journey.events.count() == before + 1


def test_a_number_typed_several_times_at_once_begins_once(waiting: Journey) -> None:
    came = all_at_once(waiting, lambda: type_number(Client(), "010203"))
    assert {(one.status_code, one.url) for one in came} == {
        (302, reverse("journeys:step", args=[waiting.pk, "check-box"]))
    }
    assert kinds(waiting).count(EventKind.BEGUN) == 1


def from_(phone: Client, address: str, form: dict[str, str]) -> Callable[[], Any]:
    """Return what sends a form as that browser does, and can be called from several threads."""
    cookies = phone.cookies

    def press() -> Any:
        browser = Client()
        browser.cookies = cookies
        return browser.post(address, form)

    return press


def test_a_whole_phase_said_several_times_at_once_is_said_once(
    waiting: Journey, phone: Client
) -> None:
    address = reverse("journeys:phase", args=[waiting.pk, "before_sign_in"])
    before = len(kinds(waiting))
    came = all_at_once(waiting, from_(phone, address, {"client_key": "one tab"}))
    assert {one.status_code for one in came} == {302}
    assert len({one.url for one in came}) == 1
    assert len(kinds(waiting)) == before + 8


def test_help_asked_several_times_at_once_is_one_question(
    waiting: Journey, phone: Client
) -> None:
    form = {"choice": "trouble-1", "words": "つながりません", "client_key": "one tab"}
    address = reverse("escalation:ask", args=[waiting.pk])
    came = all_at_once(waiting, from_(phone, address, form))
    assert {one.status_code for one in came} == {302}, came[0].content.decode()
    assert len({one.url for one in came}) == 1
    assert TicketEntry.objects.filter(text="つながりません").count() == 1
