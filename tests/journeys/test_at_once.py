"""One press that comes several times in the same moment: a double click, a line that sends again."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection, connections, transaction

from kitting.journeys import actions
from kitting.journeys.models import Journey
from kitting.journeys.states import Method, Via, Why
from tests.factories import NOW

if TYPE_CHECKING:
    from kitting.journeys.actions import Moved

pytestmark = pytest.mark.django_db(transaction=True)
TIMES = 4
PATIENCE = 30  # seconds
WAITING = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)
WHO = actions.Who(via=Via.BOX)
Press = "Callable[..., Moved]"


def others_wait() -> bool:
    if connection.vendor != "postgresql":
        return True  # SQLite lets one write after the other: they wait before they look
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(WAITING)
        return cursor.fetchone() == (TIMES,)


def all_at_once(journey: Journey, press: Press, **said: str) -> list[Moved]:
    """Let the same press come several times while somebody else holds the journey."""

    def come() -> Moved:
        try:
            return press(
                journey_id=journey.pk,
                step_key=journey.step_keys[0][0],
                who=WHO,
                now=NOW,
                client_key="once",
                **said,
            )
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
    journey: Journey, press: Press, said: dict[str, str]
) -> None:
    if press is actions.undo_step:
        actions.finish_step(
            journey_id=journey.pk, step_key=journey.step_keys[0][0], who=WHO, now=NOW
        )
    before = journey.events.count()
    moved = all_at_once(journey, press, **said)
    assert sorted(one.changed for one in moved) == [False] * (TIMES - 1) + [True]
    assert not any(one.already for one in moved)
    assert journey.events.filter(client_key="once").count() == 1
    assert journey.events.count() == before + 1
