"""People of a site under test, and whether what is kept about them is true; run as a program.

`walkers 20` lets so many people begin and prints who they are and by which session they come in.
`drift` replays the events of every journey and prints how many rows say something else.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.models import Journey


def main(verb: str, *numbers: str) -> None:
    """Do one thing and print what came of it."""
    django.setup()
    verbs: dict[str, Callable[..., object]] = {
        "walkers": walkers,
        "drift": drift,
    }
    found = verbs[verb](*map(int, numbers))
    print(json.dumps(found))  # noqa: T201  # the answer


def walkers(count: int) -> list[dict[str, Any]]:
    """Begin journeys. They work from paper, so that nobody asks why they press so fast."""
    from django.db import transaction  # noqa: PLC0415  # after set-up

    from kitting.journeys.actions import Who, begin, go_on_paper  # noqa: PLC0415  # after set-up
    from kitting.journeys.states import Via  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up
    from tests.factories import (  # noqa: PLC0415  # after set-up
        DepartmentFactory,
        DeviceFactory,
        JourneyFactory,
        LoanFactory,
        PlaceFactory,
        UserFactory,
    )

    _, now = current()
    who = Who(via=Via.BOX)
    taken = first_free()
    with transaction.atomic():
        section = {"name": f"{taken}課", "parent__name": f"{taken}部"}
        where = {
            "department": DepartmentFactory.create(**section),
            "place": PlaceFactory.create(name=f"{taken}庁舎"),
        }
        made = []
        for number in range(taken, taken + count):
            loan = LoanFactory.create(
                person=UserFactory.create(staff_number=f"{number:06d}", **where),
                device=DeviceFactory.create(
                    serial_number=f"SN{number:08d}", asset_tag=f"CB-{number:06d}"
                ),
            )
            journey = JourneyFactory.create(loan=loan, created_at=now)
            begin(journey_id=journey.pk, who=who, now=now)
            go_on_paper(journey_id=journey.pk, who=who, now=now)
            made.append(journey)
    return [_by_box(journey) for journey in made]


def first_free() -> int:
    """Return a staff number that nobody has."""
    from accounts.models import User  # noqa: PLC0415  # after set-up

    return 500_000 + User.objects.count()


def _by_box(journey: Journey) -> dict[str, Any]:
    from django.contrib.sessions.backends.db import SessionStore  # noqa: PLC0415  # after set-up

    from kitting.journeys.queries import BOX_KEY  # noqa: PLC0415  # after set-up

    journey.refresh_from_db()
    session = SessionStore()
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.create()
    return {
        "journey": journey.pk,
        "cookie": session.session_key,
        "steps": [str(key) for key, _milestone, _required in journey.step_keys],
        "optional": [
            str(key) for key, _milestone, is_required in journey.step_keys if not is_required
        ],
    }


def drift() -> dict[str, int]:
    """Count journeys whose row is not what their events say, and events that stand twice."""
    from kitting.journeys import actions, rules  # noqa: PLC0415  # after set-up
    from kitting.journeys.models import Journey  # noqa: PLC0415  # after set-up

    found = {"journeys": 0, "events": 0, "presses": 0, "differ": 0, "doubled": 0}
    for journey in Journey.objects.exclude(begun_at=None).prefetch_related("events"):
        events = sorted(journey.events.all(), key=lambda event: event.number)
        plan = rules.plan_from(journey.step_keys)
        said = rules.replay(plan, [actions.fact_of(event) for event in events])
        wanted = actions.row_values(plan, said)
        keys = [event.client_key for event in events if event.client_key]
        is_true = {name: getattr(journey, name) for name in wanted} == wanted
        in_order = [event.number for event in events] == list(range(1, len(events) + 1))
        found["journeys"] += 1
        found["events"] += len(events)
        found["presses"] += len(set(keys))
        found["differ"] += not (is_true and in_order)
        found["doubled"] += len(keys) - len(set(keys))
    return found


if __name__ == "__main__":
    main(*sys.argv[1:])
