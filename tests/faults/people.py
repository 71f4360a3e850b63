"""People of a site under test, and whether what is kept about them is true; run as a program.

`walkers 20` lets so many people begin and prints who they are and by which session they come in.
`boxes 20` puts so many boxes aside for as many people, and signs somebody in behind the counter.
`roll 3000` brings a roll of so many new people and has it taken in once a worker is there.
`city 2650` lets so many people move in who are in the middle of their rollout.
`desk` signs somebody of IT in.
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
        "boxes": boxes,
        "desk": desk,
        "roll": roll,
        "city": city,
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
        DeviceFactory,
        JourneyFactory,
        LoanFactory,
        UserFactory,
    )

    _, now = current()
    who = Who(via=Via.BOX)
    taken = first_free()
    with transaction.atomic():
        where = own_section(taken)
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


def own_section(number: int) -> dict[str, Any]:
    """Make a department and a place that no other run of this program has made."""
    from tests.factories import DepartmentFactory, PlaceFactory  # noqa: PLC0415  # after set-up

    section = {"name": f"{number}課", "parent__name": f"{number}部"}
    return {
        "department": DepartmentFactory.create(**section),
        "place": PlaceFactory.create(name=f"{number}庁舎"),
    }


def desk() -> str:
    """Sign somebody of IT in and return by which session."""
    from django.test import Client  # noqa: PLC0415  # after set-up

    from accounts.states import Role  # noqa: PLC0415  # after set-up
    from tests.factories import GrantFactory, UserFactory  # noqa: PLC0415  # after set-up

    number = first_free()
    person = UserFactory.create(staff_number=str(number), **own_section(number))
    GrantFactory.create(person=person, role=Role.IT)
    client = Client()
    client.force_login(person, backend="kitting.signin.Backend")
    return str(client.session.session_key)


def boxes(count: int) -> list[dict[str, str]]:
    """Put boxes aside for people; return each box's code and its person's staff number."""
    from tests.factories import (  # noqa: PLC0415  # after set-up
        DeviceFactory,
        JourneyFactory,
        LoanFactory,
        UserFactory,
    )

    taken = first_free()
    where = own_section(taken)
    made = []
    for number in range(taken, taken + count):
        loan = LoanFactory.create(
            person=UserFactory.create(staff_number=str(number), **where),
            device=DeviceFactory.create(
                serial_number=f"BX{number:08d}", asset_tag=f"BX-{number:06d}"
            ),
        )
        JourneyFactory.create(loan=loan)
        made.append({"box": loan.device.code, "person": loan.person.staff_number})
    return made


def roll(count: int) -> int:
    """Bring a roll, look at what it would change, and order it; return the import's number."""
    from kitting.imports import actions  # noqa: PLC0415  # after set-up
    from kitting.imports.models import Import  # noqa: PLC0415  # after set-up
    from kitting.imports.tasks import work_off  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up

    _, now = current()
    bringing = actions.Bringing("roll", "roll.csv", None, now)
    run = actions.bring(data=sheet(count), bringing=bringing)
    work_off()
    run = Import.objects.get(pk=run.pk)
    assert run.state == "ready", run.flaws[:3]
    actions.order(run=run)
    return int(run.pk)


def city(count: int) -> int:
    """Let people move in, each with a device and a journey; return how many journeys there are."""
    from kitting.journeys.models import Journey  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up
    from tests.bench.city import found_city, settle  # noqa: PLC0415  # after set-up

    settle(found_city(current()[1]), 1, count + 1)
    return Journey.objects.count()


def sheet(count: int) -> bytes:
    """Write a roll of new people, whose names tell them from all others."""
    from tests.sheets import people, somebody  # noqa: PLC0415  # after set-up

    return people(*[somebody(f"{900_000 + n}", 氏名=f"新人 {n}") for n in range(count)])


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
