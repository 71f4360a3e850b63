"""What the pages of the plan say, worked out by hand for a small ward."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Place
from accounts.queries import rights_of
from accounts.states import Role
from kitting.devices.models import BoxCode
from kitting.journeys.models import Journey
from kitting.plan import queries
from kitting.plan.states import CheckKind
from kitting.rollout.actions import mark
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import ON_THE_SPOT, MarkKind
from kitting.site.models import Variable
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    LoanFactory,
    PlaceFactory,
    TicketFactory,
    UserFactory,
    WaveFactory,
)

if TYPE_CHECKING:
    from tests.plan.conftest import Ward

pytestmark = pytest.mark.django_db


def page(ward: Ward) -> queries.PlanPage:
    return queries.plan_page(Rollout.objects.get(pk=ward.wave.rollout_id), now=NOW)


def lacking(ward: Ward, *, by_lead: bool = False) -> dict[CheckKind, tuple[int, int]]:
    rights = rights_of(ward.lead if by_lead else ward.it, on=NOW.date())
    flight = queries.preflight(ward.wave, rights=rights, now=NOW)
    return {check.kind: (check.missing, check.among) for check in flight.red}


def test_the_plan_counts_each_wave_and_what_was_seen_of_help(ward: Ward):
    ready = ward.journey(begun=True)
    Journey.objects.filter(pk=ready.pk).update(
        ready_at=NOW, status="done", active_seconds=50 * 60
    )
    asks = ward.journey(begun=True)
    TicketFactory.create(journey=asks, answer_by=NOW, minutes_spent=12)
    Journey.objects.filter(pk=asks.pk).update(status="waiting")
    ward.journey(stuck=True)
    ward.journey()
    Wave.objects.filter(pk=ward.wave.pk).update(is_pilot=True)
    Rollout.objects.update(pilot_ready_percent=25, pilot_help_percent=30)
    found = page(ward)
    [row] = found.rows
    numbers = row.numbers
    assert (numbers.people, numbers.begun, numbers.ready, numbers.waiting) == (4, 3, 1, 1)
    assert (numbers.not_begun, numbers.going, row.stuck) == (1, 1, 2)
    assert (found.seen.begun, found.seen.asked, found.seen.answered) == (3, 1, 1)
    assert found.seen.minutes == 12
    assert found.pilot is not None
    assert found.pilot.median_minutes == 50
    assert [(c.kind, c.seen, c.met) for c in found.criteria] == [
        ("ready", 25, True),
        ("help", pytest.approx(33.3, abs=0.1), False),
    ]
    assert not found.all_met


def test_who_belongs_to_no_wave_is_counted(ward: Ward):
    ward.journey()
    LoanFactory.create()
    assert page(ward).nowhere == 1


def test_a_planned_rollout_counts_the_loans_it_will_be_for(ward: Ward):
    ward.journey()
    Rollout.objects.update(state="planned")
    [row] = page(ward).rows
    assert (row.numbers.people, row.numbers.begun) == (1, 0)


def queries_of(ward: Ward) -> tuple[int, int]:
    rights = rights_of(ward.it, on=NOW.date())
    with CaptureQueriesContext(connection) as plan:
        page(ward)
    with CaptureQueriesContext(connection) as flight:
        queries.preflight(Wave.objects.get(pk=ward.wave.pk), rights=rights, now=NOW)
    return len(plan), len(flight)


def test_the_number_of_queries_does_not_grow_with_the_plan(ward: Ward):
    ward.journey(stuck=True)
    first = queries_of(ward)
    for _wave in range(2):
        department, place = DepartmentFactory.create(), PlaceFactory.create()
        wave = WaveFactory.create()
        wave.departments.set([department])
        wave.places.set([place])
        person = UserFactory.create(department=department, place=place)
        LoanFactory.create(person=person)
        ward.journey(stuck=True)
    LoanFactory.create(person=UserFactory.create(department=ward.department))
    assert queries_of(ward) == first


# --- before the boxes go out -------------------------------------------------------------------------


def test_everything_that_is_missing_stands_on_the_red_list(ward: Ward):
    Variable.objects.create(key="it_phone", example="内線 1234")
    ward.journey(email="", account="")
    UserFactory.create(department=ward.department, place=ward.place)
    LoanFactory.create(person=UserFactory.create(department=ward.department, place=None))
    Place.objects.filter(pk=ward.place.pk).update(hours=None)
    ward.lead.grants.all().delete()
    assert lacking(ward) == {
        CheckKind.GUIDE: (1, 1),
        CheckKind.WORDS: (1, 1),
        CheckKind.DEVICES: (1, 3),
        CheckKind.LABELS: (2, 2),
        CheckKind.ACCOUNTS: (1, 2),
        CheckKind.LICENSED: (1, 1),
        CheckKind.PLACES: (1, 2),
        CheckKind.HOURS: (1, 1),
        CheckKind.LEADS: (1, 1),
        CheckKind.HELPER: (1, 1),
        CheckKind.CHARGED: (1, 1),
        CheckKind.WIFI: (1, 1),
    }


def test_what_was_done_leaves_the_red_list(ward: Ward):
    ward.journey()
    for kind in MarkKind:
        place = ward.place if kind in ON_THE_SPOT else None
        mark(wave=ward.wave, place=place, kind=kind, by=ward.it, now=NOW)
    BoxCode.objects.update(printed_at=NOW)
    Wave.objects.update(helper=ward.it)
    ward.wave.refresh_from_db()
    assert set(lacking(ward)) == {CheckKind.GUIDE}


def test_a_label_whose_code_was_retired_is_no_label(ward: Ward):
    ward.journey()
    BoxCode.objects.update(printed_at=NOW, retired_at=NOW)
    assert lacking(ward)[CheckKind.LABELS] == (1, 1)


def test_a_lead_sees_the_part_of_the_own_people_only(ward: Ward):
    other = DepartmentFactory.create()
    ward.wave.departments.add(other)
    ward.journey()
    LoanFactory.create(person=UserFactory.create(department=other))
    assert lacking(ward)[CheckKind.LABELS] == (2, 2)
    assert lacking(ward, by_lead=True)[CheckKind.LABELS] == (1, 1)
    stranger = GrantFactory.create(role=Role.LEAD, department=DepartmentFactory.create()).person
    assert not queries.may_see(ward.wave, rights_of(stranger, on=NOW.date()))


# --- when somebody begins ----------------------------------------------------------------------------


def test_whoever_comes_when_many_begin_learns_when_there_is_room(ward: Ward):
    Wave.objects.update(starts_limit=2)
    for minutes in (25, 10, 3):
        began = ward.journey(begun=True)
        Journey.objects.filter(pk=began.pk).update(begun_at=NOW - timedelta(minutes=minutes))
    waits = ward.journey()
    start = queries.start_of_loan(waits.loan, now=NOW)
    assert start is not None
    assert (start.beginning, start.later) == (3, NOW + timedelta(minutes=20))
    elsewhere = ward.journey()
    Journey.objects.filter(pk=elsewhere.pk).update(place=PlaceFactory.create())
    calm = queries.start_of_loan(elsewhere.loan, now=NOW)
    assert calm is not None
    assert (calm.beginning, calm.later) == (0, None)
    begun = queries.start_of_loan(began.loan, now=NOW)
    assert begun is None
