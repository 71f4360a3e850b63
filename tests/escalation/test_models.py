"""Every promise the table of tickets makes, broken once."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from accounts.queries import Rights
from kitting.escalation.models import Ticket
from kitting.escalation.states import OPEN, TicketKind, TicketState
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason
from tests.factories import (
    NOW,
    DepartmentFactory,
    DeviceFactory,
    JourneyFactory,
    PlaceFactory,
    TicketFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def refused(constraint: str, **fields: object) -> None:
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        TicketFactory.create(**fields)
    assert constraint in str(error.value) or "UNIQUE" in str(error.value)


def test_a_ticket_is_about_exactly_one_thing():
    refused("ticket_has_one_subject", journey=None)
    refused("ticket_has_one_subject", device=DeviceFactory.create())
    refused("ticket_has_one_subject", journey=None, device=DeviceFactory.create(),
            person=UserFactory.create())  # fmt: skip


@pytest.mark.parametrize("state", [state for state in OPEN if state != TicketState.NEW])
def test_one_ticket_of_a_kind_is_open_about_a_journey(state):
    journey = JourneyFactory.create()
    TicketFactory.create(journey=journey)
    refused("ticket_one_open_a_journey_and_kind", journey=journey, state=state)
    TicketFactory.create(journey=journey, kind=TicketKind.QUIET)
    TicketFactory.create(journey=journey, state=TicketState.RESOLVED, resolved_at=NOW)


@pytest.mark.parametrize(
    ("subject", "factory"), [("device", DeviceFactory), ("person", UserFactory)]
)
def test_one_ticket_of_a_kind_is_open_about_a_device_or_a_person(subject, factory):
    about = {"journey": None, subject: factory.create()}
    TicketFactory.create(**about, kind=TicketKind.LOSS)
    refused(f"ticket_one_open_a_{subject}_and_kind", **about, kind=TicketKind.LOSS)
    TicketFactory.create(**about, kind=TicketKind.FOUND)


def test_a_resolved_ticket_has_a_moment_and_an_open_one_none():
    refused("ticket_resolved_has_a_moment", state=TicketState.RESOLVED)
    refused("ticket_resolved_has_a_moment", resolved_at=NOW)


def test_a_taken_ticket_has_a_moment():
    refused("ticket_taken_has_a_moment", taken_by=UserFactory.create())


def test_a_ticket_is_known_by_its_number():
    ticket = TicketFactory.create()
    assert str(ticket) == f"H-{ticket.pk:04d}"


def test_a_subject_is_what_another_ticket_is_compared_by():
    journey = JourneyFactory.create()
    device = DeviceFactory.create()
    assert TicketFactory.create(journey=journey).subject == {"journey_id": journey.pk}
    about_device = TicketFactory.create(journey=None, device=device)
    assert about_device.subject == {"device_id": device.pk}


def test_a_ticket_of_a_journey_that_is_over_waits_for_nobody():
    ticket = TicketFactory.create(answer_by=NOW)
    about_device = TicketFactory.create(
        journey=None, device=DeviceFactory.create(), answer_by=NOW
    )
    assert set(Ticket.objects.waiting()) == {ticket, about_device}
    Journey.objects.update(closed_at=NOW, close_reason=CloseReason.LOAN_ENDED)
    assert set(Ticket.objects.waiting()) == {about_device}
    assert set(Ticket.objects.open()) == {ticket, about_device}


def test_a_lead_sees_a_journeys_ticket_where_its_person_is_today():
    before, now = DepartmentFactory.create(), DepartmentFactory.create()
    ticket = TicketFactory.create(department=before, journey__department=now)
    seen_before = Rights(departments=frozenset({before.pk}))
    seen_now = Rights(departments=frozenset({now.pk}))
    assert list(Ticket.objects.in_scope(seen_before)) == []
    assert list(Ticket.objects.in_scope(seen_now)) == [ticket]


def test_a_lead_of_a_place_sees_what_is_reported_there():
    place = PlaceFactory.create()
    here = TicketFactory.create(journey=None, device=DeviceFactory.create(), place=place)
    TicketFactory.create(journey=None, device=DeviceFactory.create())
    scope = Ticket.objects.in_scope(Rights(places=frozenset({place.pk})))
    assert list(scope) == [here]
    assert list(Ticket.objects.in_scope(Rights())) == []
