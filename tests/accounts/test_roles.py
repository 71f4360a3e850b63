"""Roles are given by the IT lead, hold at once, and never leave the site without one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.actions import PersonLeftError
from accounts.models import AuditEntry, Grant, SignIn
from accounts.queries import local_day
from accounts.roles import (
    LastLeadError,
    OfTheRollError,
    OwnRightsError,
    RoleValues,
    give_role,
    take_role,
)
from accounts.states import Role
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    SignInFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db
TODAY = local_day(NOW)


@pytest.fixture
def lead() -> User:
    return GrantFactory.create(role=Role.IT_LEAD).person


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def give(person: User, role: Role, by: User) -> Grant:
    return give_role(person=person, values=RoleValues(role), by=by, now=NOW)


# --- what is given holds, and is written down ----------------------------------------------------


def test_the_it_lead_names_a_lead_with_days_and_a_deputy(lead: User) -> None:
    person, department = UserFactory.create(), DepartmentFactory.create()
    client = browser(lead)
    values = {
        "role": "lead",
        "department": str(department.pk),
        "is_deputy": "on",
        "from_on": "2026-01-01",
        "to_on": "2099-03-31",
    }
    answer = client.post(f"/accounts/roles/{person.pk}/", values)
    assert answer.status_code == 302
    grant = person.grants.get()
    assert (grant.department, grant.is_deputy, grant.granted_by) == (department, True, lead)
    assert (str(grant.from_on), str(grant.to_on)) == ("2026-01-01", "2099-03-31")
    entry = AuditEntry.objects.get(action="role.granted")
    assert (entry.actor, entry.data["role"]) == (lead, "lead")
    assert person.name in client.get("/accounts/roles/").content.decode()


def test_giving_a_role_again_changes_its_days(lead: User) -> None:
    person = UserFactory.create()
    give(person, Role.DESK, lead)
    give_role(person=person, values=RoleValues(Role.DESK, to_on=TODAY), by=lead, now=NOW)
    assert [g.to_on for g in person.grants.all()] == [TODAY]


def test_a_role_and_a_department_hold_from_the_next_request_on(lead: User) -> None:
    here, elsewhere = DepartmentFactory.create(), DepartmentFactory.create()
    person = UserFactory.create()
    JourneyFactory.create(loan=LoanFactory.create(department=here))
    client = browser(person)
    page = reverse("dashboard:department", args=[here.pk])
    reachable = [client.get(page).status_code]
    grant = give_role(person=person, values=RoleValues(Role.LEAD, here), by=lead, now=NOW)
    reachable.append(client.get(page).status_code)
    take_role(grant=grant, by=lead, now=NOW)
    give_role(person=person, values=RoleValues(Role.LEAD, elsewhere), by=lead, now=NOW)
    reachable.append(client.get(page).status_code)
    assert reachable == [404, 200, 404]


def test_whoever_gets_or_loses_a_guarded_role_signs_in_anew(lead: User) -> None:
    person = UserFactory.create()
    client = browser(person)
    assert client.get("/accounts/browsers/").status_code == 200
    grant = give(person, Role.IT, lead)
    assert client.get("/accounts/browsers/").status_code == 302
    person.refresh_from_db()
    client = browser(person)
    take_role(grant=grant, by=lead, now=NOW)
    assert client.get("/accounts/browsers/").status_code == 302


def test_a_role_of_one_day_is_over_on_the_next(lead: User) -> None:
    person = UserFactory.create()
    give_role(
        person=person,
        values=RoleValues(Role.DESK, from_on=TODAY, to_on=TODAY),
        by=lead,
        now=NOW,
    )
    days = [TODAY - timedelta(days=1), TODAY, TODAY + timedelta(days=1)]
    assert [Grant.objects.valid(on=d).filter(person=person).exists() for d in days] == [
        False,
        True,
        False,
    ]


# --- what nobody may do --------------------------------------------------------------------------


def test_nobody_gives_a_role_to_themselves(lead: User) -> None:
    with pytest.raises(OwnRightsError):
        give(lead, Role.AUDITOR, lead)
    answer = browser(lead).post(f"/accounts/roles/{lead.pk}/", {"role": "auditor"})
    assert answer.status_code == 422
    assert [g.role for g in lead.grants.all()] == [Role.IT_LEAD]


def test_the_last_it_lead_stays(lead: User) -> None:
    second = UserFactory.create()
    grant = give(second, Role.IT_LEAD, lead)
    pk = grant.pk
    take_role(grant=lead.grants.get(), by=second, now=NOW)
    with transaction.atomic(), pytest.raises(LastLeadError):
        take_role(grant=grant, by=second, now=NOW)
    second.refresh_from_db()
    answer = browser(second).post(f"/accounts/roles/take/{pk}/")
    assert answer.status_code == 302
    assert Grant.objects.filter(role=Role.IT_LEAD).count() == 1


@pytest.mark.parametrize("days", [{"to_on": TODAY}, {"from_on": TODAY + timedelta(days=1)}])
def test_an_it_lead_who_ends_or_has_yet_to_begin_is_none(lead: User, days: dict) -> None:
    second = UserFactory.create()
    give_role(person=second, values=RoleValues(Role.IT_LEAD, **days), by=lead, now=NOW)
    with pytest.raises(LastLeadError):
        take_role(grant=lead.grants.get(), by=second, now=NOW)


def test_an_it_lead_who_leaves_soon_is_none(lead: User) -> None:
    second = UserFactory.create(left_on=TODAY + timedelta(days=20))
    give(second, Role.IT_LEAD, lead)
    with pytest.raises(LastLeadError):
        take_role(grant=lead.grants.get(), by=second, now=NOW)


def test_who_left_gets_no_role(lead: User) -> None:
    with pytest.raises(PersonLeftError):
        give(UserFactory.create(left_on=TODAY), Role.DESK, lead)


def test_what_the_roll_says_is_changed_there(lead: User) -> None:
    grant = GrantFactory.create(
        role=Role.LEAD, department=DepartmentFactory.create(), from_roll=True
    )
    with pytest.raises(OfTheRollError):
        take_role(grant=grant, by=lead, now=NOW)
    with pytest.raises(OfTheRollError):
        give_role(
            person=grant.person,
            values=RoleValues(Role.LEAD, grant.department, to_on=TODAY),
            by=lead,
            now=NOW,
        )


def test_days_in_the_wrong_order_are_refused_by_page_and_table(lead: User) -> None:
    person = UserFactory.create()
    values = {"role": "desk", "from_on": "2099-02-01", "to_on": "2099-01-01"}
    answer = browser(lead).post(f"/accounts/roles/{person.pk}/", values)
    assert answer.status_code == 422
    with pytest.raises(IntegrityError), transaction.atomic():
        GrantFactory.create(role=Role.DESK, from_on=TODAY, to_on=TODAY - timedelta(days=1))


def test_a_lead_needs_a_scope_and_others_have_none(lead: User) -> None:
    person, department = UserFactory.create(), DepartmentFactory.create()
    client = browser(lead)
    url = f"/accounts/roles/{person.pk}/"
    assert client.post(url, {"role": "lead"}).status_code == 422
    assert client.post(url, {"role": "desk", "department": department.pk}).status_code == 302
    assert person.grants.get().department is None


def test_it_may_not_give_itself_more(lead: User) -> None:
    it = GrantFactory.create(role=Role.IT).person
    client = browser(it)
    for url in (f"/accounts/roles/{it.pk}/", f"/accounts/roles/{UserFactory.create().pk}/"):
        assert client.post(url, {"role": "it_lead"}).status_code == 404
    grant = lead.grants.get()
    assert client.post(f"/accounts/roles/take/{grant.pk}/").status_code == 404


# --- the pages -----------------------------------------------------------------------------------


def test_the_list_takes_as_many_queries_for_three_as_for_one(lead: User) -> None:
    client, counts = browser(lead), []
    for more in (1, 2):
        for _n in range(more):
            GrantFactory.create(role=Role.DESK, granted_by=lead)
            GrantFactory.create(
                role=Role.LEAD, department=DepartmentFactory.create(), granted_by=lead
            )
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get("/accounts/roles/?q=職員")
        counts.append(len(queries))
    assert counts[0] == counts[1]


# --- browsers ------------------------------------------------------------------------------------


def test_somebody_sees_and_ends_only_own_browsers() -> None:
    person, other = UserFactory.create(), SignInFactory.create()
    laptop, phone = browser(person), browser(person)
    own = SignInFactory.create(
        person=person, session_key=phone.session.session_key, browser="Safari (iPhone)"
    )
    page = laptop.get("/accounts/browsers/").content.decode()
    assert "Safari (iPhone)" in page
    assert laptop.post(f"/accounts/browsers/{other.pk}/end/").status_code == 404
    assert laptop.post(f"/accounts/browsers/{own.pk}/end/").status_code == 302
    assert phone.get("/accounts/browsers/").status_code == 302
    assert laptop.get("/accounts/browsers/").status_code == 200
    assert SignIn.objects.filter(pk=other.pk).exists()


def test_signing_out_everywhere_ends_what_nobody_wrote_down_and_keeps_this_one() -> None:
    person, other = UserFactory.create(), browser(UserFactory.create())
    here, unknown = browser(person), browser(person)
    old_key = here.session.session_key
    assert here.post("/accounts/browsers/end/").status_code == 302
    assert here.get("/accounts/browsers/").status_code == 200
    assert unknown.get("/accounts/browsers/").status_code == 302
    assert other.get("/accounts/browsers/").status_code == 200
    assert here.session.session_key != old_key


def test_the_list_of_browsers_takes_one_query_however_many() -> None:
    person = UserFactory.create()
    client, counts = browser(person), []
    for more in (1, 2):
        SignInFactory.create_batch(more, person=person)
        with CaptureQueriesContext(connection) as queries:
            client.get("/accounts/browsers/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_it_lead_ends_every_session_of_somebody(lead: User) -> None:
    person = UserFactory.create()
    phone, client = browser(person), browser(lead)
    SignInFactory.create(person=person)
    path = f"/accounts/roles/{person.pk}/"
    assert f"{path}sessions/end/" in client.get(path).content.decode()
    assert phone.get("/accounts/browsers/").status_code == 200
    assert client.post(f"{path}sessions/end/").status_code == 302
    assert phone.get("/accounts/browsers/").status_code == 302
    assert not person.sign_ins.exists()
    assert AuditEntry.objects.get(action="sessions.ended").actor == lead
    assert client.post(f"/accounts/roles/{lead.pk}/sessions/end/").status_code == 403
