"""One round of the sweep: with nothing due, and with 500 due, in two sizes of a city."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import connection, transaction

from kitting.escalation.actions.sweeping import BATCH, Swept, sweep
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.models import Journey
from kitting.journeys.states import Status
from kitting.notices.models import Notice
from tests.bench import measure
from tests.bench.city import found_city, multiply, settle
from tests.bench.measure import Cost, Run, milliseconds
from tests.bench.sweepers import ABOUT as MANY_AT_ONCE
from tests.bench.sweepers import races
from tests.factories import NOW

if TYPE_CHECKING:
    from collections.abc import Callable

PEOPLE, TIMES = 2_650, 19
ROUNDS = {"idle": 7, "due": 2}
IDLE_REPEAT = 20
RACED = 5_000
LATER = NOW + timedelta(days=3)
ABOUT = f"""\
`sweep` at a moment at which nobody is due; with {BATCH} people due of whom nothing is wrong; and
with {BATCH} due who never began, so that each gets a ticket and a message. The floor of the first is
one look-up by primary key, as many statements as the sweep then has; its rival asks every open
journey when it is due. The floor of the others does the least for {BATCH} rows: one after the other
in a transaction of its own, a row is locked and changed.

{MANY_AT_ONCE}"""
HEAD = (
    "Journeys, what is due",
    "ms CPU",
    "ms passed",
    "statements",
    "floor ms CPU",
    "ratio (CPU)",
)


@dataclass(frozen=True)
class Case:
    """One thing the sweep is measured at: what it does, and what is compared with it."""

    name: str
    act: Callable[[], object]
    floor: Callable[[], object]
    before: Callable[[], object] = measure.nothing
    rounds: int = ROUNDS["due"]
    repeat: int = 1


def expect(**counts: int) -> Swept:
    """Sweep once; it must have done what is expected."""
    done = sweep(now=NOW)
    assert done == Swept(**counts), done
    return done


def one_look_up(key: int) -> None:
    Journey.objects.filter(pk=key).values_list("pk").first()


def ask_everybody() -> None:
    due = [
        key
        for key, at in Journey.objects.open().values_list("pk", "attention_at")
        if at is not None and at <= NOW
    ]
    assert not due


def touch_each(keys: list[int]) -> None:
    for key in keys:
        with transaction.atomic():
            Journey.objects.select_for_update().get(pk=key)
            Journey.objects.filter(pk=key).update(attention_at=LATER)


def make_due(keys: list[int]) -> None:
    """Let some people be due, and nothing be known of them from the round before."""
    Notice.objects.all().delete()
    Ticket.objects.filter(kind=TicketKind.QUIET, journey__in=keys).delete()
    Journey.objects.filter(pk__in=keys).update(attention_at=NOW)


def cases() -> list[Case]:
    people = Journey.objects.order_by("pk").filter(tickets__isnull=True)
    under_way, absent = (
        list(people.filter(status=status).values_list("pk", flat=True)[:BATCH])
        for status in (Status.IN_PROGRESS, Status.NOT_STARTED)
    )
    assert len(under_way) == len(absent) == BATCH
    some_key = absent[0]
    return [
        Case(
            "nothing",
            partial(expect),
            partial(one_look_up, some_key),
            rounds=ROUNDS["idle"],
            repeat=IDLE_REPEAT,
        ),
        Case(
            f"{BATCH}, nothing wrong",
            partial(expect, looked=BATCH, due=BATCH),
            partial(touch_each, under_way),
            before=partial(make_due, under_way),
        ),
        Case(
            f"{BATCH}, all never began",
            partial(expect, looked=BATCH, opened=BATCH, due=BATCH),
            partial(touch_each, absent),
            before=partial(make_due, absent),
        ),
    ]


def measured(case: Case) -> tuple[Cost, Cost, int]:
    """Return what a case costs, what its floor costs, and how many statements it has."""
    counts = []
    costs = measure.side_by_side(
        case.rounds,
        {
            "floor": Run(case.floor),
            "sweep": Run(
                lambda: counts.append(measure.statements(case.act)), before=case.before
            ),
        },
        repeat=case.repeat,
    )
    return costs["sweep"], costs["floor"], max(counts)


def find() -> list[str]:
    rows, growth = [], dict[str, list[float]]()
    settle(found_city(NOW), 0, PEOPLE)
    for times in (1, TIMES):
        multiply(times)
        for case in cases():
            cost, floor, count = measured(case)
            growth.setdefault(case.name, []).append(cost.cpu)
            rows.append(
                (
                    f"{PEOPLE * times:,}, {case.name}",
                    milliseconds(cost.cpu),
                    milliseconds(cost.wall),
                    f"{count:,}",
                    milliseconds(floor.cpu),
                    measure.ratio(cost.times(floor)),
                )
            )
    rival = measure.side_by_side(3, {"rival": Run(ask_everybody)})["rival"]
    grown = ", ".join(f"{name}: {large / small:.1f}" for name, (small, large) in growth.items())
    raced = [races(RACED, now=NOW)] if connection.vendor == "postgresql" else []
    return [
        measure.table(HEAD, rows),
        *raced,
        f"How many times the CPU for {TIMES} times the people: {grown}.",
        f"The rival takes {milliseconds(rival.cpu)} ms of CPU at {PEOPLE * TIMES:,} journeys.",
    ]


if __name__ == "__main__":
    measure.bench(name="sweep", about=ABOUT, find=find)
