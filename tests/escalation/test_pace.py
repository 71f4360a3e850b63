"""What "slow" means is learned from journeys that ended well."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.escalation import rules
from kitting.escalation.actions.pace import learn_pace
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import StepPace, Ticket
from kitting.journeys.actions.resting import pause
from tests.escalation.town import BY_BOX, ask, at, finish, finish_all, sweep_until

MINUTE = timedelta(minutes=1)


def ways(number: int, *, seed: int = 1, steps: int = 20) -> list[dict[str, timedelta]]:
    chance = random.Random(seed)
    return [
        {f"s{n}": MINUTE * 3 * chance.lognormvariate(0, 0.6) for n in range(steps)}
        for _way in range(number)
    ]


def test_below_thirty_journeys_nothing_is_learned():
    assert rules.learn(ways(29)) is None
    assert rules.learn(ways(30)) is not None


@pytest.mark.parametrize("seed", range(5))
def test_replayed_journeys_raise_at_most_two_false_alarms_in_a_hundred(seed):
    known = ways(400, seed=seed)
    known += [{f"s{n}": MINUTE * 40 * (1 + n % 3) for n in range(20)} for _ in range(30)]
    pace = rules.learn(known)
    assert pace is not None
    assert pace.factor > 1
    assert rules.false_alarms(pace, known) <= 0.02 * len(known)
    smaller = rules.Pace(pace.factor - rules.FACTOR_STEP, pace.usual, pace.journeys)
    assert rules.false_alarms(smaller, known) > 0.02 * len(known)


@given(st.lists(st.integers(1, 500), min_size=30, max_size=60))
def test_nine_in_ten_stay_at_or_below_what_is_usual(minutes):
    pace = rules.learn([{"s": MINUTE * m} for m in minutes])
    assert pace is not None
    below = sum(MINUTE * m <= pace.usual["s"] for m in minutes)
    assert below >= 0.9 * len(minutes)
    assert (pace.slow_after("s") or MINUTE) >= rules.SLOW_FLOOR
    assert pace.slow_after("unknown") is None


def walk(town, *, minutes: int) -> None:
    """Let somebody finish everything, so many minutes a step."""
    now = at("11-09 08:30")
    journey = town.begun(when=now)
    while not journey.ready_at:
        now += minutes * MINUTE
        finish(journey, now=now)


@pytest.mark.django_db
def test_the_sweep_goes_by_what_was_learned(town):
    for _person in range(30):
        walk(town, minutes=25)
    assert learn_pace(now=at("11-10 07:00")) > 10
    assert learn_pace(now=at("11-10 08:00")) == 0
    first = StepPace.objects.get(step_key="check-box")
    assert (first.usual_seconds, first.slow_seconds) == (25 * 60, 30 * 60)
    StepPace.objects.update(slow_seconds=90 * 60)
    town.begun(when=at("11-10 09:00"))
    sweep_until(at("11-10 10:29"))
    assert not Ticket.objects.exists()
    sweep(now=at("11-10 10:30"))
    assert Ticket.objects.get().reason == "slow"


@pytest.mark.django_db
def test_questions_pauses_shifts_and_paper_teach_nothing(town):
    for number in range(31):
        journey = town.begun(when=at("11-09 08:30"))
        if number:
            ask(journey, now=at("11-09 08:40"))
        else:
            pause(
                journey_id=journey.pk,
                until=at("11-09 13:00"),
                who=BY_BOX,
                now=at("11-09 08:40"),
            )
        finish_all(journey, now=at("11-09 16:00"))
    learn_pace(now=at("11-10 07:00"))
    assert not StepPace.objects.filter(step_key="check-box").exists()
