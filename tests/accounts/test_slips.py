"""Printed slips: one person, once, for a week; never for IT, never from somebody else's lead."""

from __future__ import annotations

import re
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pypdfium2
import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import PersonLeftError
from accounts.doors import (
    GuardedPersonError,
    HasMailError,
    digest_of,
    issue_slip,
    revoke_slips,
    use_slip,
)
from accounts.models import AuditEntry, SignIn, Slip
from accounts.rules import SLIP_ALPHABET, SLIP_LENGTH, slip_secret, slip_shown
from accounts.states import Door, Role
from kitting.site.models import SiteProfile
from tests.factories import NOW, DepartmentFactory, GrantFactory, UserFactory

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db
WEEK = timedelta(days=7)
PAGE = "/accounts/slip/"


@pytest.fixture
def person() -> User:
    return UserFactory.create(email="")


@pytest.fixture
def it() -> User:
    return GrantFactory.create(role=Role.IT).person


def browser(who: User) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(who)
    return client


def issue(person: User, by: User, now: Any = NOW) -> str:
    return issue_slip(person=person, by=by, now=now, lifetime=WEEK)


def test_a_slip_holds_more_than_128_bits_and_the_table_only_its_digest(
    person: User, it: User
) -> None:
    assert len(set(SLIP_ALPHABET)) ** SLIP_LENGTH > 2**128
    secret = issue(person, it)
    slip = Slip.objects.get()
    assert (slip.digest, slip.issued_by) == (digest_of(secret), it)
    assert secret not in str(Slip.objects.values())


def test_it_works_once_and_until_its_day(person: User, it: User) -> None:
    secret = issue(person, it)
    assert use_slip(secret=secret, now=NOW + WEEK) is None
    assert use_slip(secret=secret, now=NOW + WEEK - timedelta(seconds=1)) == person
    assert use_slip(secret=secret, now=NOW) is None


def test_a_new_slip_and_a_word_of_it_end_the_old_one(person: User, it: User) -> None:
    first = issue(person, it)
    second = issue(person, it)
    assert use_slip(secret=first, now=NOW) is None
    assert revoke_slips(person=person, by=it, now=NOW) == 1
    assert use_slip(secret=second, now=NOW) is None


def test_nobody_with_mail_with_a_guarded_role_or_gone_gets_one(it: User) -> None:
    with pytest.raises(HasMailError):
        issue(UserFactory.create(), it)
    with pytest.raises(PersonLeftError):
        issue(UserFactory.create(email="", left_on="2020-01-01"), it)
    for role in (Role.IT, Role.IT_LEAD, Role.AUDITOR):
        guarded = GrantFactory.create(role=role, person=UserFactory.create(email="")).person
        with pytest.raises(GuardedPersonError):
            issue(guarded, it)


def test_who_left_or_became_it_signs_in_by_none(it: User) -> None:
    for change in ("left", "role"):
        person = UserFactory.create(email="")
        secret = issue(person, it)
        if change == "left":
            person.left_on = "2020-01-01"
            person.save()
        else:
            GrantFactory.create(role=Role.IT, person=person)
        assert use_slip(secret=secret, now=NOW) is None


def test_two_unused_slips_of_one_person_cannot_stand_in_the_table(
    person: User, it: User
) -> None:
    issue(person, it)
    facts = {"person": person, "issued_at": NOW, "expires_at": NOW + WEEK}
    with pytest.raises(IntegrityError), transaction.atomic():
        Slip.objects.create(digest="a", **facts)
    for wrong in (
        {"used_at": NOW, "revoked_at": NOW},
        {"used_at": NOW, "expires_at": NOW},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Slip.objects.create(digest="b", **facts | wrong)


def test_what_is_typed_is_read_as_people_write() -> None:
    secret = "K7M39QXPK7M39QXPK7M39QXPK7M3"
    for typed in (slip_shown(secret), secret.lower(), f" {secret[:14]}-{secret[14:]}\n"):
        assert slip_secret(typed) == secret
    wide = "".join(chr(ord(c) + 0xFEE0) for c in secret)
    assert slip_secret(wide) == secret


# --- the pages -----------------------------------------------------------------------------------


def printed(answer: Any) -> str:
    assert answer["Content-Type"] == "application/pdf"
    assert "no-store" in answer["Cache-Control"]
    page = pypdfium2.PdfDocument(BytesIO(answer.content))[0]
    return str(page.get_textpage().get_text_range())


def test_a_lead_prints_a_slip_and_the_person_signs_in_once(person: User) -> None:
    SiteProfile.objects.update_or_create(pk=1, defaults={"demo_seeded_at": NOW})
    lead = GrantFactory.create(role=Role.LEAD, department=person.department).person
    desk = browser(lead)
    assert person.name in desk.get("/slips/").content.decode()
    text = printed(desk.post(f"/slips/{person.pk}/"))
    assert person.name in text
    found = re.search(r"((?:[2-9A-Y]{4} ){6}[2-9A-Y]{4})", text)
    assert found
    client = Client()
    answer = client.post(PAGE, {"code": found[1].lower()})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(person.pk)
    assert SignIn.objects.get().door == Door.SLIP
    again = Client()
    assert again.post(PAGE, {"code": found[1]}).status_code == 422
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert {"slip.issued", "slip.used"} <= set(actions)


def test_slips_are_for_own_people_only(person: User, it: User) -> None:
    elsewhere = GrantFactory.create(
        role=Role.LEAD, department=DepartmentFactory.create()
    ).person
    strange = browser(elsewhere)
    assert person.name not in strange.get("/slips/").content.decode()
    assert strange.post(f"/slips/{person.pk}/").status_code == 404
    assert strange.post(f"/slips/{person.pk}/stop/").status_code == 404
    assert browser(person).get("/slips/").status_code == 404
    with_mail = UserFactory.create()
    assert browser(it).post(f"/slips/{with_mail.pk}/").status_code == 404
    assert not Slip.objects.exists()


def test_the_list_takes_as_many_queries_for_three_as_for_one(it: User) -> None:
    client, counts = browser(it), []
    for more in (1, 2):
        for _n in range(more):
            issue(UserFactory.create(email=""), it)
        with CaptureQueriesContext(connection) as queries:
            client.get("/slips/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_wrong_codes_of_a_browser_are_few() -> None:
    client = Client()
    client.get(PAGE)
    sentences = [
        client.post(PAGE, {"code": "K7M3"}, headers={"accept-language": "en"}).content.decode()
        for _n in range(12)
    ]
    assert ["Too many" in s for s in sentences] == [False] * 10 + [True] * 2


def test_a_site_may_do_without_slips(person: User, it: User) -> None:
    SiteProfile.objects.update_or_create(pk=1, defaults={"slip_entry_allowed": False})
    assert Client().get(PAGE).status_code == 404
    assert PAGE not in Client().get("/accounts/login/").content.decode()
    assert browser(it).get("/slips/").status_code == 404
