"""Two boxes at each other's desks: both say so, and nobody's progress becomes the other's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts.states import Role
from kitting.devices.actions.life import Deed
from kitting.devices.models import Device, Loan
from kitting.devices.states import LoanKind
from kitting.escalation.actions.swaps import CannotSwapError, exchange, tell_wrong_box
from kitting.escalation.models import Ticket, WrongBox
from kitting.escalation.states import TicketKind, TicketState
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def two(guide):
    """Two journeys of one department, whose boxes lie at each other's desks."""
    section = DepartmentFactory.create()
    return [
        JourneyFactory.create(
            loan=LoanFactory.create(
                person=UserFactory.create(department=section), handed_over_at=NOW
            )
        )
        for _n in range(2)
    ]


def says(holder: Journey, box: Journey, *, now=NOW, client: str = "a") -> Ticket:
    return tell_wrong_box(
        device=box.loan.device,
        staff_number=holder.person.staff_number or "",
        words="",
        client=client,
        by=None,
        now=now,
    )


def devices(two) -> list[int]:
    return [Loan.objects.open().get(person=journey.person).device_id for journey in two]


def test_once_both_have_said_so_the_boxes_are_exchanged(two):
    here = devices(two)
    first = says(two[0], two[1])
    assert devices(two) == here
    second = says(two[1], two[0], now=LATER)
    assert devices(two) == here[::-1]
    for ticket in (first, second):
        ticket.refresh_from_db()
        assert ticket.state == TicketState.RESOLVED
    assert not WrongBox.objects.filter(settled_at__isnull=True).exists()
    assert Loan.objects.open().filter(handed_over_at=LATER).count() == 2
    assert not Device.objects.filter(said_elsewhere_at__isnull=False).exists()


def test_progress_stays_with_its_person(two):
    begin(journey_id=two[0].pk, who=Who(via=Via.BOX), now=NOW)
    for key in ("check-box", "screen-lock", "touchpad-practice"):
        finish_step(journey_id=two[0].pk, step_key=key, who=Who(via=Via.BOX), now=NOW)
    says(two[0], two[1])
    says(two[1], two[0], now=LATER)
    one, other = (Journey.objects.open().get(person=journey.person) for journey in two)
    assert set(one.records.values_list("step_key", flat=True)) == {"touchpad-practice"}
    assert (other.begun_at, other.records.count()) == (None, 0)
    assert one.loan.device == two[1].loan.device


def test_one_side_alone_changes_nothing_and_is_told_to_it(two):
    here = devices(two)
    says(two[0], two[1])
    says(two[0], two[1], now=LATER)
    assert devices(two) == here
    assert Ticket.objects.open().get(kind=TicketKind.WRONG_BOX).device == two[1].loan.device


def test_a_third_box_is_not_drawn_in(two):
    third = JourneyFactory.create()
    here = devices([*two, third])
    says(two[0], two[1])
    says(two[1], third, now=LATER)
    assert devices([*two, third]) == here


def test_the_page_says_the_same_whatever_number_is_typed(two):
    pages = []
    for number in (two[0].person.staff_number, "999999", ""):
        client = Client(headers={"accept-language": "ja"})
        told = client.post(
            f"/d/{two[1].loan.device.code}/report/wrong_box",
            {"words": "", "staff_number": number},
        )
        pages.append((told.status_code, client.get(told["Location"]).text.count("<p")))
    assert len(set(pages)) == 1


def test_the_other_one_is_asked_in_the_guide_and_says_yes(two):
    begin(journey_id=two[1].pk, who=Who(via=Via.BOX), now=NOW)
    says(two[0], two[1])
    here = devices(two)
    browser = Client(headers={"accept-language": "ja"})
    session = browser.session
    session[BOX_KEY] = {"journey": two[1].pk, "epoch": two[1].box_epoch}
    session.save()
    page = browser.get(f"/j/{two[1].pk}/").text
    assert str(two[0].loan.device.asset_tag) in page
    assert two[0].person.name not in page
    browser.post(f"/j/{two[1].pk}/swap")
    assert devices(two) == here[::-1]
    assert browser.get(f"/j/{two[1].pk}/").status_code == 404


def test_a_lead_of_one_side_only_cannot_exchange(two):
    ticket = says(two[0], two[1])
    two[0].person.department = elsewhere = DepartmentFactory.create()
    Loan.objects.filter(person=two[0].person).update(department=elsewhere, place=None)
    here = devices(two)
    lead = GrantFactory.create(role=Role.LEAD, department=two[1].department).person
    client = Client()
    client.force_login(lead)
    assert client.post(f"/tickets/{ticket.pk}/exchange").status_code == 404
    assert devices(two) == here
    client.force_login(GrantFactory.create(role=Role.IT).person)
    client.post(f"/tickets/{ticket.pk}/exchange")
    assert devices(two) == here[::-1]


def test_a_lead_of_both_exchanges_from_the_ticket(two):
    ticket = says(two[0], two[1])
    here = devices(two)
    client = Client(headers={"accept-language": "ja"})
    client.force_login(GrantFactory.create(role=Role.LEAD, department=two[0].department).person)
    assert two[0].person.name in client.get(f"/tickets/{ticket.pk}/").text
    client.post(f"/tickets/{ticket.pk}/exchange")
    assert devices(two) == here[::-1]
    assert client.post(f"/tickets/{ticket.pk}/exchange").status_code == 404


def test_what_nobody_has_alone_is_not_exchanged(two):
    shared = LoanFactory.create(kind=LoanKind.SHARED, person=None)
    device = two[0].loan.device
    for other in (shared.device, device):
        with pytest.raises(CannotSwapError):
            exchange(one=device, other=other, deed=Deed(now=NOW))
    assert devices(two)[0] == device.pk


def test_a_box_is_told_to_be_wrong_by_one_at_a_time(two):
    told = {"device": two[0].loan.device, "told_at": NOW, "ticket": says(two[1], two[0])}
    with pytest.raises(IntegrityError), transaction.atomic():
        WrongBox.objects.create(holder=two[1].person, **told)
