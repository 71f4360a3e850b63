"""Many at once is the same as one after the other: what a sweep writes in batches, row by row."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.db.models import Sum

from accounts.states import Role
from kitting.escalation.actions import sweeping
from kitting.escalation.models import Offer, Plea, Ticket, TicketEntry
from kitting.escalation.states import TicketKind
from kitting.journeys.actions.checking import fail_check, note_other_account
from kitting.journeys.models import Journey, Tally
from kitting.notices.models import Notice, Outlet
from kitting.notices.states import OutletEvent
from tests.escalation.town import BY_BOX, Town, ask, at, finish, finish_all, sweep_until
from tests.factories import DepartmentFactory, GrantFactory, PlaceFactory, WaveFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import Department

pytestmark = pytest.mark.django_db

TEN = at("11-10 10:00")
# Numbers of rows differ from one play to the next, whatever is in them.
NUMBERS = {"id", "ticket", "message_id", "about"}


def settle(town: Town) -> None:
    """Let people be stuck in every way, with every kind of helper there or away."""
    nobody = DepartmentFactory.create()
    away = DepartmentFactory.create()
    GrantFactory.create(
        person=town.person(leave_from_on=date(2026, 11, 1), leave_to_on=date(2026, 12, 20)),
        role=Role.LEAD,
        department=away,
    )
    GrantFactory.create(person=town.it, role=Role.LEAD, department=town.department)
    Outlet.objects.create(
        label="IT",
        url="https://chat.example.jp/x",
        events=list(OutletEvent.values),
        created_at=TEN,
    )
    settle_people(town, nobody, away)


def settle_people(town: Town, nobody: Department, away: Department) -> None:
    twice = town.person()
    town.journey(twice)
    town.journey(twice)
    for _ in range(3):
        town.journey()
        town.journey(town.teacher())
    town.journey(town.person(email=""))
    town.journey(town.person(email="", department=nobody))
    town.journey(town.person(department=away, place=PlaceFactory.create()))
    town.journey(town.person(language="en"))
    town.journey(town.person(leave_from_on=date(2026, 11, 9), leave_to_on=date(2026, 11, 20)))
    town.journey(wave=WaveFactory.create(starts_at=at("11-11 09:00")))
    town.begun(when=TEN)
    town.begun(town.person(email=""), when=TEN)
    settle_who_began(town)


def settle_who_began(town: Town) -> None:
    failing = town.begun(when=TEN)
    for _ in range(3):
        fail_check(
            journey_id=failing.pk,
            step_key=failing.current_step,
            reason="",
            who=BY_BOX,
            now=at("11-10 10:10"),
        )
    helper = finish_all(town.begun(town.person(), when=TEN), now=at("11-10 11:00"))
    Offer.objects.create(person=helper.person, offered_at=at("11-10 11:05"))
    strange = town.begun(when=TEN)
    note_other_account(journey_id=strange.pk, who=BY_BOX, now=at("11-10 10:20"))
    ask(town.begun(when=TEN), now=at("11-10 10:05"))


def rows_of(model: Any, order: Callable[[Any], Any], said: dict[str, str]) -> list[Any]:
    """Return the rows of a table without their numbers, and texts without those of tickets."""
    found = []
    for row in sorted(model.objects.all(), key=order):
        values = {
            field.name: getattr(row, field.attname)
            for field in model._meta.concrete_fields
            if field.name not in NUMBERS
        }
        found.append({name: _plain(value, said) for name, value in values.items()})
    return found


def _plain(value: Any, said: dict[str, str]) -> Any:
    for number, word in said.items():
        value = value.replace(number, word) if isinstance(value, str) else value
    return value


def everything() -> dict[str, list[Any]]:
    """Return all that a sweep may have written."""
    tickets = {
        ticket.pk: f"{ticket.journey_id} {ticket.kind} {ticket.opened_at}"
        for ticket in Ticket.objects.all()
    }
    said = {}
    for pk, name in tickets.items():
        said |= {f"ticket:{pk}:": f"{name}:", f"/tickets/{pk}/": f"/{name}/"}
        said[Ticket.objects.get(pk=pk).number] = name
    for plea in Plea.objects.all():
        said[f"/pleas/{plea.pk}/"] = f"/{tickets[plea.ticket_id]}/"
    return {
        "journeys": rows_of(Journey, lambda row: row.pk, said),
        "tickets": rows_of(Ticket, lambda row: tickets[row.pk], said),
        "entries": rows_of(TicketEntry, lambda row: (tickets[row.ticket_id], row.pk), said),
        "pleas": rows_of(Plea, lambda row: (tickets[row.ticket_id], row.person_id), said),
        "notices": sorted(
            rows_of(Notice, lambda row: row.pk, said), key=lambda n: n["dedupe_key"]
        ),
        "tallies": kept_counts(),
    }


def kept_counts() -> list[Any]:
    """Return the sums of the kept counts: on how many lines they stand is nobody's concern."""
    about = ("kind", "key", "department", "place", "wave", "edition")
    sums = Tally.objects.values(*about).annotate(sum=Sum("number")).exclude(sum=0)
    return sorted(sums, key=str)


def played(until: str) -> dict[str, list[Any]]:
    """Sweep until a moment, look at what is there, and let it not have happened."""
    mark = transaction.savepoint()
    sweep_until(at(until))
    found = everything()
    transaction.savepoint_rollback(mark)
    return found


@pytest.mark.parametrize("counters", [False, True])
def test_together_is_the_same_as_one_by_one(
    town: Town, settings: Any, monkeypatch: pytest.MonkeyPatch, counters: bool
) -> None:
    settings.BOARD_COUNTERS = counters
    settle(town)
    until = "11-27 12:00"
    together = played(until)
    with monkeypatch.context() as alone:
        for act in ("_look_at_many", "climb_many"):
            alone.setattr(sweeping, act, lambda _rows, **_sight: {})
        one_by_one = played(until)
    for name, rows in together.items():
        assert rows == one_by_one[name], name
    assert bool(together["tallies"]) == counters
    kinds = {notice["kind"] for notice in together["notices"]}
    assert {"nudge", "colleague_asked", "lead_stuck", "it_stuck", "it_lead_stuck"} <= kinds
    assert {row["kind"] for row in together["tickets"]} >= {
        TicketKind.QUIET,
        TicketKind.HELP,
        TicketKind.OTHER_ACCOUNT,
    }
    assert {row["lane"] for row in together["notices"]} >= {"normal", "gather", "outlet"}


@pytest.mark.parametrize("counters", [False, True])
def test_a_round_of_many_costs_as_many_statements_as_one_of_few(
    town: Town, settings: Any, django_assert_max_num_queries: Any, counters: bool
) -> None:
    settings.BOARD_COUNTERS = counters
    for _ in range(60):
        town.journey()
    with django_assert_max_num_queries(45):
        swept = sweeping.sweep(now=at("11-12 12:00"))
    assert swept.opened == 60
    assert Notice.objects.filter(kind="nudge").count() == 60
    with django_assert_max_num_queries(45):
        swept = sweeping.sweep(now=at("11-18 12:00"))
    assert swept.raised == 60


def test_who_goes_on_is_left_in_peace_by_a_round(town: Town) -> None:
    moved = town.begun(when=TEN)
    finish(moved, now=at("11-10 10:20"))
    assert sweeping.sweep(now=at("11-10 10:21")).opened == 0
