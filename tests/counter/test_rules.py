"""Who gets which box: every fact that decides, alone."""

from __future__ import annotations

import pytest

from kitting.counter.rules import BoxFacts, PersonFacts, judge, judge_arrival
from kitting.counter.states import Outcome
from kitting.devices.states import DeviceState
from kitting.escalation.rules import numbers_meant

KEPT = BoxFacts("open", DeviceState.LENT, department_id=1, person_id=7)
SHARED = BoxFacts("open", DeviceState.LENT, department_id=1)
FREE = BoxFacts("open", DeviceState.STOCK)
KOIKE = PersonFacts(7, department_id=1)
ONO = PersonFacts(8, department_id=1)
AWAY = PersonFacts(9, department_id=2)


def changed(facts, **more):
    return type(facts)(**{name: getattr(facts, name) for name in facts.__slots__} | more)


@pytest.mark.parametrize(
    ("box", "person", "outcome"),
    [
        (KEPT, KOIKE, Outcome.HANDED),
        (KEPT, ONO, Outcome.OTHERS),
        (KEPT, AWAY, Outcome.OTHER_DEPARTMENT),
        (changed(KEPT, is_handed=True), KOIKE, Outcome.ALREADY),
        (changed(KEPT, is_handed=True), ONO, Outcome.HELD),
        (changed(KEPT, in_scope=False), KOIKE, Outcome.NOT_YOURS),
        (SHARED, ONO, Outcome.HANDED),
        (SHARED, AWAY, Outcome.OTHER_DEPARTMENT),
        (FREE, KOIKE, Outcome.BOUND),
        (FREE, changed(KOIKE, has_other=True), Outcome.HAS_ONE),
        (FREE, changed(KOIKE, in_scope=False), Outcome.NOT_YOURS),
        (FREE, changed(KOIKE, department_id=None), Outcome.NO_DEPARTMENT),
        (FREE, changed(KOIKE, has_left=True), Outcome.LEFT),
        (FREE, None, Outcome.UNKNOWN_PERSON),
        (BoxFacts("unreadable"), KOIKE, Outcome.UNREADABLE),
        (BoxFacts("unknown"), KOIKE, Outcome.UNKNOWN),
        (BoxFacts("retired"), KOIKE, Outcome.OLD_LABEL),
        (BoxFacts("unbound"), KOIKE, Outcome.NO_DEVICE),
    ],
)
def test_every_fact_has_its_answer(box, person, outcome):
    assert judge(box, person, typed=True) == outcome


@pytest.mark.parametrize(
    "state", [state for state in DeviceState if state not in ("stock", "lent")]
)
def test_a_device_that_is_elsewhere_in_its_life_is_not_handed_out(state):
    assert judge(changed(KEPT, state=state), KOIKE, typed=True) == Outcome(state)


def test_a_second_device_is_given_on_purpose_only():
    has_one = changed(KOIKE, has_other=True)
    assert judge(FREE, has_one, typed=True, forced=True) == Outcome.BOUND


def test_without_a_number_the_counter_asks_who_it_is():
    assert judge(KEPT, None, typed=False) == Outcome.NO_PERSON


def test_a_box_arrives_once():
    assert judge_arrival(FREE) == Outcome.ARRIVED
    assert judge_arrival(changed(FREE, is_arrived=True)) == Outcome.HERE_BEFORE
    assert judge_arrival(changed(FREE, state=DeviceState.LOST)) == Outcome.LOST


def test_zeros_in_front_may_be_left_out():
    assert "000203" in numbers_meant("203")
    assert "203" in numbers_meant("000203")
    assert numbers_meant("") == numbers_meant("0") == numbers_meant("9" * 14) == []
