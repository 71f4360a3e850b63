"""Steps pressed faster than anybody can do them are asked about, and not counted until then."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from kitting.guides.actions import load_guide
from kitting.journeys import actions, rules
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import declare_done, finish_step
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind, Method, Result, Via
from tests.factories import NOW, JourneyFactory, shipped_guide

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db

BY_BOX = Who(via=Via.BOX)
SECOND = timedelta(seconds=1)


@pytest.fixture
def journey() -> Journey:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    made = JourneyFactory.create()
    begin(journey_id=made.pk, who=BY_BOX, now=NOW)
    return fresh(made)


def fresh(journey: Journey) -> Journey:
    return Journey.objects.get(pk=journey.pk)


def press(journey: Journey, number: int, *, every: timedelta, **fields: object) -> Journey:
    """Let the person press Done on so many steps, one after the other."""
    for count in range(number):
        key = fresh(journey).current_step
        finish_step(
            **{
                "journey_id": journey.pk,
                "step_key": key,
                "who": BY_BOX,
                "now": NOW + count * every,
                "watch_speed": True,
                **fields,
            }
        )
    return fresh(journey)


def test_what_nobody_can_have_done_is_not_counted(journey):
    found = press(journey, 10, every=SECOND / 2)
    assert (found.steps_done, found.fast_until) == (0, found.step_keys[9][0])
    assert found.current_step == found.step_keys[0][0]


@pytest.mark.parametrize(("number", "every"), [(10, 2 * SECOND), (9, SECOND / 2)])
def test_who_is_only_quick_is_believed(journey, number, every):
    found = press(journey, number, every=every)
    assert (found.steps_done, found.fast_until) == (number, "")


@pytest.mark.parametrize(
    "exempt",
    [
        {"watch_speed": False},  # what an offline browser sends later
        {"method": Method.PAPER},
        {"method": Method.SERVER, "result": Result.CONFIRMED},
    ],
)
def test_what_is_not_pressed_here_and_now_has_no_speed(journey, exempt):
    assert press(journey, 12, every=SECOND / 4, **exempt).steps_done == 12


def test_who_works_from_paper_enters_everything_in_a_burst(journey):
    actions.go_on_paper(journey_id=journey.pk, who=BY_BOX, now=NOW)
    assert press(journey, 12, every=SECOND / 4).steps_done == 12


def test_an_arrival_proves_many_steps_at_once(journey):
    actions.arrive(journey_id=journey.pk, who=BY_BOX, now=NOW)
    found = press(journey, 3, every=SECOND)
    assert (found.steps_done > 8, found.fast_until) == (True, "")


def test_asked_the_person_may_say_that_it_is_all_done(journey):
    found = press(journey, 10, every=SECOND / 2)
    moved = declare_done(journey_id=journey.pk, who=BY_BOX, now=after(journey))
    assert (moved.journey.steps_done, moved.journey.fast_until) == (10, "")
    assert set(found.records.values_list("method", flat=True)) == {Method.DECLARED}
    assert not declare_done(journey_id=journey.pk, who=BY_BOX, now=NOW).changed


def test_or_go_through_them_one_after_the_other(journey):
    press(journey, 10, every=SECOND / 2)
    found = press(journey, 1, every=SECOND)
    assert (found.steps_done, found.fast_until) == (1, "")


def test_replaying_the_events_gives_the_same(journey):
    found = press(journey, 10, every=SECOND / 2)
    facts = [actions.fact_of(event) for event in found.events.order_by("number")]
    assert EventKind.TOO_FAST in [fact.kind for fact in facts]
    plan = rules.plan_from(found.step_keys)
    assert rules.replay(plan, facts).fast_until == found.fast_until


def after(journey: Journey) -> datetime:
    return max(journey.events.values_list("at", flat=True)) + SECOND


def test_the_pages_ask_and_take_the_answer(client, journey):
    client.force_login(journey.person)
    press(journey, 10, every=SECOND / 2)
    for path in (f"/j/{journey.pk}/", f"/j/{journey.pk}/s/check-box/"):
        assert f"/j/{journey.pk}/declare" in client.get(path).content.decode()
    client.post(f"/j/{journey.pk}/declare")
    assert fresh(journey).steps_done == 10
