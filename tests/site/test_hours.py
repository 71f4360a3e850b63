"""Working time is kept on pages: weekly hours, closed days, places, leave."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from accounts.models import AuditEntry, ClosedDay, Place, User, WorkingHours
from accounts.queries import calendar_book
from accounts.states import Role
from kitting.lib import clock
from tests.factories import GrantFactory, PlaceFactory, UserFactory, WorkingHoursFactory

pytestmark = pytest.mark.django_db

WEEK = {"name": "図書館", "week": "火-日 9:00-12:00,13:00-18:00", "closes_year_end": "on"}


@pytest.fixture
def it() -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(GrantFactory.create(role=Role.IT).person)
    return client


def test_a_calendar_is_made_with_breaks_and_works(it):
    it.post("/settings/hours/", WEEK)
    row = WorkingHours.objects.get(name="図書館")
    calendar = calendar_book(country="JP").by_hours(row.pk)
    assert not clock.is_working_day(calendar, date(2026, 11, 9))  # a Monday
    assert clock.is_working_day(calendar, date(2026, 11, 3))  # a holiday on a Tuesday
    assert AuditEntry.objects.get().action == "hours.saved"


@pytest.mark.parametrize("wrong", [{"week": "25:00-26:00"}, {"week": "soon"}, {"name": ""}])
def test_what_nobody_can_read_is_refused(it, wrong):
    assert it.post("/settings/hours/", {**WEEK, **wrong}).status_code == 422
    assert not WorkingHours.objects.filter(name="図書館").exists()


def test_a_name_is_given_once(it):
    WorkingHoursFactory.create(name="図書館")
    assert it.post("/settings/hours/", WEEK).status_code == 422


def test_days_are_closed_in_a_row_and_taken_back(it):
    hours = WorkingHoursFactory.create()
    path = f"/settings/hours/{hours.pk}/closed"
    it.post(path, {"first": "2026-12-26", "last": "2026-12-28", "reason": "改修"})
    assert [day.on.day for day in ClosedDay.objects.order_by("on")] == [26, 27, 28]
    assert it.post(path, {"first": "2026-12-26", "last": "2027-12-26"}).status_code == 422
    day = ClosedDay.objects.order_by("on").first()
    assert day is not None
    it.post(f"{path}/{day.pk}/open")
    assert ClosedDay.objects.count() == 2


def test_a_day_may_close_everything(it):
    known = [WorkingHoursFactory.create(name=name) for name in ("a", "b")]
    it.post(
        f"/settings/hours/{known[0].pk}/closed", {"first": "2026-12-26", "everywhere": "on"}
    )
    assert set(ClosedDay.objects.values_list("hours_id", flat=True)) == {
        row.pk for row in WorkingHours.objects.all()
    }


def test_a_place_follows_another_calendar(it):
    place, hours = PlaceFactory.create(), WorkingHoursFactory.create(name="other")
    it.post(f"/settings/places/{place.pk}/hours", {f"p{place.pk}-hours": hours.pk})
    assert Place.objects.get(pk=place.pk).hours == hours


def test_somebody_is_away_until_a_day(it):
    person = UserFactory.create(name="山田 花子")
    assert "山田 花子" in it.get("/settings/leave/?q=山田").content.decode()
    path = f"/settings/leave/{person.pk}/"
    it.post(path, {"leave_from_on": "2026-11-10", "leave_to_on": "2099-12-31"})
    assert User.objects.get(pk=person.pk).is_on_leave(date(2026, 11, 20))
    assert "山田 花子" in it.get("/settings/leave/").content.decode()
    wrong = {"leave_from_on": "2026-11-10", "leave_to_on": "2026-11-01"}
    assert it.post(path, wrong).status_code == 422
