"""Whether a box may be handed to somebody: plain facts in, one outcome out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.counter.states import Outcome, Stage
from kitting.devices.states import DeviceState

if TYPE_CHECKING:
    from collections.abc import Mapping

LABELS: Mapping[str, Outcome] = {
    "unreadable": Outcome.UNREADABLE,
    "unknown": Outcome.UNKNOWN,
    "retired": Outcome.OLD_LABEL,
    "unbound": Outcome.NO_DEVICE,
}
LIVES: Mapping[str, Outcome] = {
    DeviceState.LOST: Outcome.LOST,
    DeviceState.FOUND: Outcome.FOUND,
    DeviceState.REPAIR: Outcome.REPAIR,
    DeviceState.RETURNING: Outcome.RETURNING,
    DeviceState.RETIRED: Outcome.RETIRED,
    DeviceState.SPARE: Outcome.SPARE,
}


@dataclass(frozen=True, slots=True)
class BoxFacts:
    """What is known of a scanned box: its label, its device, for whom it is kept.

    `department_id` is set where it is kept for anybody; `person_id` is empty for a shared one.
    """

    label: str
    state: str = ""
    department_id: int | None = None
    person_id: int | None = None
    is_handed: bool = False
    is_arrived: bool = False
    in_scope: bool = True


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What is known of the person at the counter; `has_other` means another box of their own."""

    pk: int
    department_id: int | None = None
    has_left: bool = False
    has_other: bool = False
    in_scope: bool = True


def judge(
    box: BoxFacts, person: PersonFacts | None, *, typed: bool, forced: bool = False
) -> Outcome:
    """Return what comes of handing a box to somebody.

    `typed` tells whether any number was given; `forced` gives a second device on purpose.
    """
    return (
        _of_box(box)
        or _of_person(person, typed=typed)
        or (_of_kept(box, person) if box.department_id else _of_free(person, forced=forced))
        or Outcome.UNKNOWN_PERSON
    )


def judge_arrival(box: BoxFacts) -> Outcome:
    """Return what comes of noting that a box has arrived."""
    seen = _of_box(box)
    if seen not in (None, Outcome.RETURNING, Outcome.SPARE):
        return seen
    return Outcome.HERE_BEFORE if box.is_arrived else Outcome.ARRIVED


def _of_box(box: BoxFacts) -> Outcome | None:
    if box.label in LABELS:
        return LABELS[box.label]
    if not box.in_scope:
        return Outcome.NOT_YOURS
    return LIVES.get(box.state)


def _of_person(person: PersonFacts | None, *, typed: bool) -> Outcome | None:
    if person is None:
        return Outcome.UNKNOWN_PERSON if typed else Outcome.NO_PERSON
    return Outcome.LEFT if person.has_left else None


def _of_kept(box: BoxFacts, person: PersonFacts | None) -> Outcome | None:
    """Judge a box that is kept for a person or, shared, for a department."""
    if person is None:
        return None
    same_department = box.department_id == person.department_id
    is_theirs = box.person_id == person.pk or (box.person_id is None and same_department)
    if is_theirs:
        return Outcome.ALREADY if box.is_handed else Outcome.HANDED
    if box.is_handed:
        return Outcome.HELD
    return Outcome.OTHERS if same_department else Outcome.OTHER_DEPARTMENT


def _of_free(person: PersonFacts | None, *, forced: bool) -> Outcome | None:
    """Judge a box that is kept for nobody yet."""
    if person is None:
        return None
    if not person.in_scope:
        return Outcome.NOT_YOURS
    if person.department_id is None:
        return Outcome.NO_DEPARTMENT
    return Outcome.HAS_ONE if person.has_other and not forced else Outcome.BOUND


def stage(
    *, state: DeviceState, is_here: bool, is_handed: bool, has_begun: bool, is_ready: bool
) -> Stage:
    """Return where a device stands in its life, in one word."""
    if state == DeviceState.STOCK:
        return Stage.RECEIVED if is_here else Stage.EXPECTED
    if state != DeviceState.LENT:
        return Stage(state.value)
    if is_ready:
        return Stage.READY
    if has_begun:
        return Stage.IN_SET_UP
    if is_handed:
        return Stage.HANDED_OUT
    return Stage.KEPT
