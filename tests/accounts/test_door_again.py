"""Who has to wait at a box: the lead hears of it and opens the door again; nobody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.guides.actions import load_guide
from kitting.journeys.queries import BOX_KEY
from kitting.notices.models import Notice
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    shipped_guide,
)

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.models import Journey

pytestmark = pytest.mark.django_db


@pytest.fixture
def journey() -> Journey:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    return JourneyFactory.create(loan=LoanFactory.create())


@pytest.fixture
def lead(journey: Journey) -> User:
    return GrantFactory.create(role=Role.LEAD, department=journey.department).person


def signed_in(person: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    client.cookies["django_language"] = "en"
    return client


def type_number(client: Client, journey: Journey, number: str) -> int:
    code = journey.loan.device.code
    return client.post(f"/d/{code}/begin", {"staff_number": number}).status_code


def test_the_lead_hears_of_it_and_lets_the_person_try_again(
    journey: Journey, lead: User
) -> None:
    person, code = Client(), journey.loan.device.code
    right = journey.person.staff_number or ""
    person.get(f"/d/{code}")
    assert [type_number(person, journey, "1") for _n in range(3)] == [422, 422, 429]
    assert type_number(person, journey, right) == 429
    notice = Notice.objects.get(kind="box_guesses")
    assert (notice.person, f"/d/{code}" in notice.body) == (lead, True)
    client = signed_in(lead)
    assert "Let them try again" in client.get(f"/d/{code}").content.decode()
    assert client.post(f"/d/{code}/again").status_code == 302
    assert "Let them try again" not in client.get(f"/d/{code}").content.decode()
    assert type_number(person, journey, right) == 302
    assert AuditEntry.objects.get(action="box.opened_again").actor == lead


def test_nobody_elses_lead_opens_it(journey: Journey) -> None:
    strange = GrantFactory.create(role=Role.LEAD, department=DepartmentFactory.create()).person
    code = journey.loan.device.code
    client = signed_in(strange)
    for _n in range(3):
        type_number(Client(), journey, "1")
    assert "Let them try again" not in client.get(f"/d/{code}").content.decode()
    assert client.post(f"/d/{code}/again").status_code == 404


def test_a_lockout_ends_no_open_session_and_the_public_guide_stays_readable(
    journey: Journey,
) -> None:
    code = journey.loan.device.code
    inside, guesser = Client(), Client()
    assert type_number(inside, journey, journey.person.staff_number or "") == 302
    for _n in range(12):
        type_number(guesser, journey, "1")
    assert inside.get(f"/j/{journey.pk}/").status_code == 200
    for path in (f"/d/{code}", f"/d/{code}/booklet", "/errors/", "/prepare/"):
        assert guesser.get(path).status_code == 200


def test_a_box_session_shows_neither_name_nor_mail_nor_number(journey: Journey) -> None:
    person, client = journey.person, Client()
    type_number(client, journey, person.staff_number or "")
    person.account = "rio.account"
    person.save()
    for path in (f"/j/{journey.pk}/", f"/j/{journey.pk}/s/check-box/", f"/j/{journey.pk}/ask"):
        page = client.get(path).content.decode()
        for secret in (person.name, person.email, person.staff_number, person.account):
            assert str(secret) not in page


def test_a_box_session_ends_with_the_browser_that_signs_in_or_out(journey: Journey) -> None:
    client = Client()
    type_number(client, journey, journey.person.staff_number or "")
    assert client.get(f"/j/{journey.pk}/").status_code == 200
    client.post("/accounts/logout/")
    assert BOX_KEY not in client.session
    assert client.get(f"/j/{journey.pk}/").status_code == 404
