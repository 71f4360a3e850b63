"""Who may do what, and from when on somebody is gone."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from accounts.models import User
from accounts.queries import NOBODY, calendar_book, leads_for, rights_of
from accounts.states import Role
from kitting.lib import clock
from tests.factories import (
    NOW,
    BureauFactory,
    DepartmentFactory,
    GrantFactory,
    PlaceFactory,
    UserFactory,
    WorkingHoursFactory,
)

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 10)


@pytest.mark.parametrize(("days", "works_here"), [(1, True), (0, False), (-1, False)])
def test_a_leaving_date_counts_from_its_morning_on(days: int, works_here: bool) -> None:
    person = UserFactory.create(left_on=TODAY + timedelta(days=days))
    GrantFactory.create(person=person, role=Role.IT)

    assert User.objects.present(on=TODAY).filter(pk=person.pk).exists() is works_here
    assert rights_of(person, on=TODAY).is_it is works_here


def test_a_lead_of_a_bureau_leads_its_sections() -> None:
    bureau = BureauFactory.create()
    section = DepartmentFactory.create(parent=bureau)
    elsewhere = DepartmentFactory.create()
    lead = GrantFactory.create(role=Role.LEAD, department=bureau).person

    rights = rights_of(lead, on=TODAY)

    assert rights.departments == {bureau.pk, section.pk}
    assert elsewhere.pk not in rights.departments
    assert rights.sees_board
    assert not rights.is_it


def test_a_right_outside_its_days_is_none() -> None:
    past = GrantFactory.create(role=Role.IT, to_on=TODAY - timedelta(days=1)).person
    to_come = GrantFactory.create(role=Role.IT, from_on=TODAY + timedelta(days=1)).person

    assert not rights_of(past, on=TODAY).is_it
    assert not rights_of(to_come, on=TODAY).is_it


def test_who_is_not_active_has_no_rights() -> None:
    person = GrantFactory.create(role=Role.IT_LEAD, person__is_active=False).person

    assert rights_of(person, on=TODAY) == NOBODY


def test_rights_cost_two_queries_at_most(django_assert_max_num_queries) -> None:
    lead = GrantFactory.create(role=Role.LEAD, department=BureauFactory.create()).person

    with django_assert_max_num_queries(2):
        rights_of(lead, on=TODAY)


def test_the_nearest_leads_are_asked_and_deputies_after_them() -> None:
    section = DepartmentFactory.create()
    deputy = GrantFactory.create(role=Role.LEAD, department=section, is_deputy=True).person
    lead = GrantFactory.create(role=Role.LEAD, department=section).person
    GrantFactory.create(role=Role.LEAD, department=section.parent)

    found = leads_for(department_id=section.pk, place_id=None, on=TODAY)

    assert found == [lead, deputy]


def test_without_an_own_lead_the_bureau_is_asked() -> None:
    section = DepartmentFactory.create()
    above = GrantFactory.create(role=Role.LEAD, department=section.parent).person

    assert leads_for(department_id=section.pk, place_id=None, on=TODAY) == [above]


def test_a_person_works_by_own_hours_else_by_those_of_the_place() -> None:
    nursery = WorkingHoursFactory.create(name="7:00-19:00", week="7:00-19:00", counts_days=True)
    office = WorkingHoursFactory.create()
    place = PlaceFactory.create(hours=nursery)
    teacher = UserFactory.create(place=place, hours=None)
    clerk = UserFactory.create(place=place, hours=office)

    book = calendar_book(country="JP")

    assert book.of_person(teacher).counts_days
    assert not book.of_person(clerk).counts_days
    assert not book.default.counts_days


def test_a_day_the_city_closed_is_no_working_day() -> None:
    office = WorkingHoursFactory.create()
    office.closed_days.create(on=TODAY, reason="停電")

    calendar = calendar_book(country="JP").by_hours(office.pk)

    assert not clock.is_open(calendar, NOW)
    assert clock.is_open(calendar, NOW + timedelta(days=1))


def test_a_lead_of_a_bureau_leads_the_units_of_its_sections_too() -> None:
    bureau = BureauFactory.create()
    unit = DepartmentFactory.create(parent=DepartmentFactory.create(parent=bureau))
    lead = GrantFactory.create(role=Role.LEAD, department=bureau).person

    assert unit.pk in rights_of(lead, on=TODAY).departments
    assert leads_for(department_id=unit.pk, place_id=None, on=TODAY) == [lead]


def test_the_nearest_department_above_that_has_a_lead_is_asked() -> None:
    bureau = BureauFactory.create()
    section = DepartmentFactory.create(parent=bureau)
    unit = DepartmentFactory.create(parent=section)
    GrantFactory.create(role=Role.LEAD, department=bureau)
    near = GrantFactory.create(role=Role.LEAD, department=section).person

    assert leads_for(department_id=unit.pk, place_id=None, on=TODAY) == [near]
