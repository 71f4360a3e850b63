"""What the board says after a played rollout, counted once more from what happened and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from django.db.models import F

from accounts.queries import Rights, local_day
from accounts.states import Role
from kitting.counter.queries import tally
from kitting.dashboard.queries import overview
from kitting.demo.actions import playing
from kitting.journeys.models import Event, Journey
from tests.demo.conftest import BEGINS, ENDS

if TYPE_CHECKING:
    from tests.demo.conftest import City

pytestmark = pytest.mark.django_db

BREAK_SECONDS = 30 * 60


def told(  # noqa: C901  # one case a kind of event
    events: list[Event],
) -> tuple[str, object, int, bool]:
    """Return a person's state, day of being ready, active seconds and whether they never asked.

    Written without the product's own rules: only the words of the log.
    """
    ready_at, seconds, active, last = None, 0, 0, None
    begun = waiting = asked = False
    for event in events:
        if event.via in ("box", "sign_in"):
            gap = int((event.at - last).total_seconds()) if last else 0
            active += gap if 0 < gap <= BREAK_SECONDS else 0
            last = event.at
        if event.kind == "begun":
            begun = True
        elif event.kind == "help_changed":
            waiting = event.data["help_state"] == "asked"
            asked = asked or waiting
        elif event.kind == "ready":
            ready_at, seconds = event.at, active
        elif event.kind == "unready":
            ready_at = None
        elif event.kind == "closed":
            return "closed", None, 0, False
    if ready_at:
        return "done", local_day(ready_at), seconds, not asked
    state = "waiting" if waiting else "in_progress" if begun else "not_started"
    return state, None, 0, False


def test_whoever_has_begun_was_handed_a_box_at_the_counter(village: City) -> None:
    playing.play(seed=1, people=99, start=BEGINS, until=ENDS)
    begun = Journey.objects.filter(begun_at__isnull=False)
    assert begun.filter(loan__handed_over_at__lte=F("begun_at")).count() == begun.count()
    here = begun.filter(loan__ended_at__isnull=True).count()
    assert tally(Rights(roles=frozenset({Role.IT}))).handed == here > 0


def test_the_board_of_a_played_rollout_is_what_its_events_tell(village: City) -> None:
    playing.play(seed=1, people=99, start=BEGINS, until=ENDS)
    story: dict[int, list[Event]] = {journey.pk: [] for journey in village.journeys}
    for event in Event.objects.order_by("journey", "number"):
        story[event.journey_id].append(event)
    found = [told(events) for events in story.values()]
    states = Counter(state for state, *_more in found)
    board = overview(rights=Rights(roles=frozenset({Role.IT})), now=ENDS, language="ja")
    assert states["done"] >= 5  # the play has got somewhere, and times are shown
    for name in ("done", "in_progress", "waiting", "not_started"):
        assert getattr(board.counts, name) == states[name], name
    days = Counter(day for state, day, *_more in found if state == "done")
    total = 0
    for day, number in board.curve:
        total += days[day]
        assert number == total
    minutes = sorted(-(-seconds // 60) for state, _d, seconds, _a in found if state == "done")
    assert board.time
    assert board.time.median == minutes[-(-len(minutes) // 2) - 1]
    assert board.time.most == minutes[-(-len(minutes) * 9 // 10) - 1]
    assert board.alone == sum(alone for *_more, alone in found)
