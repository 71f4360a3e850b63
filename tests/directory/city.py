"""A small city on its way, beside what Google shows of its devices."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from kitting.directory.tasks import look_on
from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.states import Via
from kitting.models import DirectoryLook, StepRecord
from tests.directory.fake import a_device
from tests.factories import NOW, JourneyFactory, shipped_guide

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.guides.rules.shapes import GuideDraft
    from kitting.models import Journey

BOX = Who(via=Via.BOX)
BEGAN = NOW - timedelta(days=1)


@cache
def draft() -> GuideDraft:
    """Return the shipped guide, read once."""
    return shipped_guide()


def guide() -> None:
    """Publish the shipped guide."""
    load_guide(draft=draft(), now=BEGAN, publish=True)


def person_on_the_way(*, at: datetime = BEGAN, **loan: Any) -> Journey:
    """Return a journey that has begun, on a device of its own."""
    journey = JourneyFactory.create(
        **{f"loan__{name}": value for name, value in ({"started_at": BEGAN} | loan).items()}
    )
    begin(journey_id=journey.pk, who=BOX, now=at)
    journey.refresh_from_db()
    return journey


def say(journey: Journey, *keys: str, at: datetime = BEGAN) -> None:
    """Let the person say that steps are done."""
    for key in keys:
        finish_step(journey_id=journey.pk, step_key=key, who=BOX, now=at)


def at_google(journey: Journey, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a journey's device as Google would show it, enrolled and signed in by its person."""
    device, person = journey.loan.device, journey.person
    users = [{"type": "USER_TYPE_MANAGED", "email": person.account or person.email}]
    moment = "2026-11-10T00:00:00.000Z"
    return a_device(
        number,
        **{
            "serialNumber": device.serial_number,
            "annotatedAssetId": device.asset_tag,
            "recentUsers": users,
            "lastEnrollmentTime": moment,
            "lastSync": moment,
        }
        | changes,
    )


def result_of(journey: Journey, key: str) -> tuple[str, str, str]:
    """Return result, method and reason of a step, all empty if it has no mark."""
    record = StepRecord.objects.filter(journey=journey, step_key=key).first()
    return (record.result, record.method, record.reason) if record else ("", "", "")


def looked() -> DirectoryLook:
    """Look at Google once, and return the look as it ended."""
    held = look_on()
    assert held is not None
    return DirectoryLook.objects.get(pk=held.pk)
