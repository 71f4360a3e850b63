"""What the tables of a journey refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind, Method, Result, Via
from tests.factories import NOW, JourneyFactory

if TYPE_CHECKING:
    from kitting.guides.models import Edition


def change(journey: Journey, **values: object) -> None:
    with transaction.atomic():
        Journey.objects.filter(pk=journey.pk).update(**values)


def record(journey: Journey, **values: object) -> StepRecord:
    fields = {
        "step_key": "check-box",
        "result": Result.CONFIRMED,
        "method": Method.SERVER,
        "done_at": NOW,
        **values,
    }
    with transaction.atomic():
        return StepRecord.objects.create(journey=journey, **fields)


def event(journey: Journey, number: int, **values: object) -> Event:
    fields = {"kind": EventKind.ENTERED, "at": NOW, "via": Via.BOX, **values}
    with transaction.atomic():
        return Event.objects.create(journey=journey, number=number, **fields)


def test_a_loan_has_one_open_journey(waiting: Journey) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        JourneyFactory.create(loan=waiting.loan)
    change(waiting, closed_at=NOW, close_reason="lost")
    JourneyFactory.create(loan=waiting.loan)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "asleep"},
        {"steps_done": 2, "steps_total": 1},
        {"ready_done": 2, "ready_total": 1},
        {"status": "done"},
        {"closed_at": NOW},
        {"close_reason": "lost"},
        {"begun_at": NOW},
    ],
    ids=str,
)
def test_a_journey_never_contradicts_itself(waiting: Journey, wrong: dict[str, object]) -> None:
    with pytest.raises(IntegrityError):
        change(waiting, **wrong)


def test_an_edition_is_frozen_by_beginning_and_not_before(
    waiting: Journey, guide: Edition
) -> None:
    with pytest.raises(IntegrityError):
        change(waiting, edition=guide)
    change(waiting, edition=guide, begun_at=NOW)


def test_a_step_has_one_record(journey: Journey) -> None:
    record(journey)
    with pytest.raises(IntegrityError):
        record(journey)


def test_a_record_has_a_known_result(journey: Journey) -> None:
    with pytest.raises(IntegrityError):
        record(journey, result="perhaps")


def test_events_are_numbered_once(journey: Journey) -> None:
    event(journey, 50)
    with pytest.raises(IntegrityError):
        event(journey, 50)


def test_a_press_is_kept_once(journey: Journey) -> None:
    event(journey, 50, client_key="a")
    event(journey, 51, client_key=None)
    event(journey, 52, client_key=None)
    with pytest.raises(IntegrityError):
        event(journey, 53, client_key="a")


def test_an_event_is_of_a_known_kind(journey: Journey) -> None:
    with pytest.raises(IntegrityError):
        event(journey, 50, kind="magic")
