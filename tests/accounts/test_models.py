"""Every promise of the tables of people is kept by the database."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from accounts.models import ClosedDay, Department, Grant, Throttle, User
from accounts.states import Role
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


def refused(constraint):
    """Expect the database itself to refuse, for this reason."""
    return pytest.raises(IntegrityError, match=constraint)


def test_a_calendar_is_closed_once_a_day():
    hours = WorkingHoursFactory.create()
    ClosedDay.objects.create(hours=hours, on=date(2026, 12, 28))
    with refused("hours_id|closed_day_once_a_calendar"):
        ClosedDay.objects.create(hours=hours, on=date(2026, 12, 28))


@pytest.mark.parametrize(
    ("factory", "field"),
    [(PlaceFactory, "name"), (UserFactory, "username"), (UserFactory, "staff_number")],
)
def test_names_that_identify_are_given_once(factory, field):
    first = factory.create()
    others = (
        {"email": "", "username": "x", "staff_number": "x"} if factory is UserFactory else {}
    )
    with refused(field):
        factory.create(**(others | {field: getattr(first, field)}))


def test_working_hours_have_one_row_a_name():
    hours = WorkingHoursFactory.create(name="7:00-19:00")
    with refused("name"):
        type(hours).objects.create(name="7:00-19:00")


def test_a_section_is_named_once_below_its_bureau():
    section = DepartmentFactory.create()
    with refused("parent_id|department_name_once_below_its_parent"):
        Department.objects.create(name=section.name, parent=section.parent)


def test_two_bureaus_may_both_have_a_general_affairs_section():
    DepartmentFactory.create(name="総務課")
    DepartmentFactory.create(name="総務課")
    assert Department.objects.filter(name="総務課").count() == 2


def test_a_bureau_is_named_once():
    bureau = BureauFactory.create()
    with refused("name|department_name_once_on_top"):
        Department.objects.create(name=bureau.name)


def test_a_name_is_free_again_after_a_reorganisation():
    BureauFactory.create(name="総務部", valid_to_on=date(2027, 3, 31))
    BureauFactory.create(name="総務部")
    assert Department.objects.filter(name="総務部").count() == 2


def test_a_department_ends_after_it_begins():
    with refused("department_ends_after_it_begins"):
        Department.objects.create(
            name="総務部", valid_from_on=date(2027, 4, 1), valid_to_on=date(2027, 3, 31)
        )


@pytest.mark.parametrize("field", ["email", "account"])
def test_an_address_is_one_persons_in_any_case(field):
    UserFactory.create(**{field: "a.ono@asahi.example.jp"})
    with refused(f"person_{field}_once"):
        UserFactory.create(**{field: "A.Ono@asahi.example.jp"})


def test_many_people_may_have_no_address():
    UserFactory.create_batch(2, email="", account="")
    assert User.objects.filter(email="", account="").count() == 2


@pytest.mark.parametrize(
    ("from_on", "to_on"),
    [(None, date(2026, 12, 1)), (date(2026, 12, 2), date(2026, 12, 1))],
)
def test_leave_ends_after_it_begins(from_on, to_on):
    with refused("person_leave_ends_after_it_begins"):
        UserFactory.create(leave_from_on=from_on, leave_to_on=to_on)


def test_a_person_reads_a_language_that_is_there():
    with refused("person_language_known"):
        UserFactory.create(language="xx")


@pytest.mark.parametrize("scope", ["nothing", "department", "place"])
def test_a_right_is_given_once(scope):
    scopes = {
        "nothing": {"role": Role.IT},
        "department": {"role": Role.LEAD, "department": DepartmentFactory.create()},
        "place": {"role": Role.LEAD, "place": PlaceFactory.create()},
    }
    grant = GrantFactory.create(**scopes[scope])
    with refused("grant_once"):
        GrantFactory.create(person=grant.person, **scopes[scope])


def test_only_leads_have_a_scope():
    with refused("grant_scope_is_for_leads"):
        GrantFactory.create(role=Role.IT, department=DepartmentFactory.create())


def test_a_lead_without_a_scope_cannot_be():
    with refused("grant_lead_has_a_scope"):
        GrantFactory.create(role=Role.LEAD)


def test_a_right_that_nobody_knows_cannot_be():
    with refused("grant_role_known"):
        GrantFactory.create(role="mayor")


@pytest.mark.parametrize("role", [Role.DESK, Role.IT, Role.IT_LEAD, Role.AUDITOR])
def test_the_roll_names_leads_and_nobody_else(role):
    with refused("grant_by_roll_names_leads_only"):
        GrantFactory.create(role=role, from_roll=True)


def test_a_counter_has_one_row():
    Throttle.objects.create(key="box:1", expires_at=NOW)
    with refused("key"):
        Throttle.objects.create(key="box:1", expires_at=NOW)


def test_a_counter_never_falls_below_nothing():
    counter = Throttle.objects.create(key="box:1", expires_at=NOW)
    with refused("throttle_counts_up|count"), transaction.atomic():
        Throttle.objects.filter(pk=counter.pk).update(count=-1)


def test_rights_hold_from_their_first_day_to_their_last():
    first, last = date(2026, 11, 10), date(2026, 11, 12)
    days = [date(2026, 11, day) for day in (9, 10, 12, 13)]
    for since, until, held in (
        (first, last, [0, 1, 1, 0]),
        (first, None, [0, 1, 1, 1]),
        (None, last, [1, 1, 1, 0]),
        (None, None, [1, 1, 1, 1]),
    ):
        grant = GrantFactory.create(from_on=since, to_on=until)
        own = Grant.objects.filter(pk=grant.pk)
        assert [own.valid(on=day).count() for day in days] == held
        assert [grant.is_valid(day) for day in days] == held
