"""Journeys follow the plan: whose wave is which, and when who has not begun is looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitting.guides.models import Edition, Guide
from kitting.journeys.actions.loans import BETWEEN_WAVES, follow_loans, follow_waves
from kitting.journeys.models import Journey
from kitting.rollout.states import RolloutState
from tests.factories import (
    NOW,
    DepartmentFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    RolloutFactory,
    UserFactory,
    WaveFactory,
)

pytestmark = pytest.mark.django_db

LATER = NOW + timedelta(days=3)


def due(journey: Journey):
    journey.refresh_from_db()
    return journey.wave, journey.attention_at


def test_who_has_not_begun_follows_the_wave_of_the_own_department_at_the_own_place():
    place, department = PlaceFactory.create(), DepartmentFactory.create()
    here, there, begun = (
        JourneyFactory.create(
            loan=LoanFactory.create(person=UserFactory.create(department=department, place=at))
        )
        for at in (place, PlaceFactory.create(), place)
    )
    edition = Edition.objects.create(
        guide=Guide.objects.create(slug="g"), number=1, title={}, digest="d", created_at=NOW
    )
    Journey.objects.filter(pk=begun.pk).update(begun_at=NOW, edition=edition)
    own = WaveFactory.create(starts_at=LATER)
    own.departments.set([department])
    own.places.set([place])
    bureau = WaveFactory.create(starts_at=NOW - timedelta(days=1))
    bureau.departments.set([department.parent])
    assert follow_waves(now=NOW) == 2
    assert due(here) == (own, LATER)
    assert due(there) == (bureau, NOW)
    assert due(begun) == (None, None)
    assert follow_waves(now=NOW) == 0


def test_when_a_wave_moves_its_people_are_looked_at_then_and_others_are_not():
    wave, other = WaveFactory.create(starts_at=NOW), WaveFactory.create(starts_at=NOW)
    moved, still = (JourneyFactory.create(wave=one, attention_at=NOW) for one in (wave, other))
    for one, journey in ((wave, moved), (other, still)):
        one.departments.set([journey.department])
    wave.starts_at = LATER
    wave.save()
    assert follow_waves(now=NOW, moved=[wave.pk]) == 1
    assert (due(moved), due(still)) == ((wave, LATER), (other, NOW))


def test_who_falls_out_of_all_waves_is_left_alone_for_a_day():
    journey = JourneyFactory.create(wave=WaveFactory.create(), attention_at=NOW)
    assert follow_waves(now=NOW) == 1
    assert due(journey) == (None, NOW + BETWEEN_WAVES)
    assert follow_waves(now=NOW) == 0


def test_who_belongs_to_a_rollout_that_is_over_stays_there():
    old = RolloutFactory.create(name="前", state=RolloutState.CLOSED)
    journey = JourneyFactory.create(wave=WaveFactory.create(rollout=old), attention_at=NOW)
    assert follow_waves(now=NOW) == 0
    assert due(journey)[0] is not None


def test_a_new_loan_begins_in_the_wave_of_its_department_and_place():
    loan = LoanFactory.create()
    wave = WaveFactory.create(starts_at=LATER)
    wave.places.set([loan.place])
    follow_loans(now=NOW)
    assert due(Journey.objects.get(loan=loan)) == (wave, LATER)


def test_the_statements_do_not_grow_with_the_people(django_assert_num_queries):
    department, place = DepartmentFactory.create(), PlaceFactory.create()
    WaveFactory.create(starts_at=LATER).departments.set([department])
    for people in (1, 3):
        for _one in range(people):
            person = UserFactory.create(department=department, place=place)
            JourneyFactory.create(loan=LoanFactory.create(person=person))
        # waves, departments, places, the tree, the pairs, one update, and a savepoint
        with django_assert_num_queries(8):
            assert follow_waves(now=NOW) == people
