"""Who calls: found by name, extension, code, tag or serial number."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from accounts.models import User
from kitting.devices.models import BoxCode, Device, Loan
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import DEVICE, JOURNEY, PERSON
from kitting.escalation.states import TicketKind
from kitting.journeys.models import Journey
from kitting.journeys.rules import plain_number
from kitting.lib.codes import is_valid, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.devices.models import DeviceQuerySet


CALLERS_MOST = 20


STAFF_NUMBER_LONGEST = 13
# Readings are typed in either syllabary.
_HIRAGANA, _KATAKANA = range(0x3041, 0x3097), range(0x30A1, 0x30F7)
_TO_KATAKANA = dict(zip(_HIRAGANA, _KATAKANA, strict=True))
_TO_HIRAGANA = dict(zip(_KATAKANA, _HIRAGANA, strict=True))


@dataclass(frozen=True)
class Caller:
    """Somebody, or a device, that a call may be about."""

    subject: str
    pk: int
    person: User | None = None
    device: Device | None = None
    journey: Journey | None = None
    department: str = ""
    place: str = ""
    open_ticket: Ticket | None = None


@dataclass(frozen=True)
class Callers:
    """What was found for a text; `more` says that not everybody is shown."""

    rows: list[Caller]
    more: bool = False


def callers(text: str, *, limit: int = CALLERS_MOST) -> Callers:
    """Return whom or what a call may be about: by name, staff number, extension, tag or box code.

    People with a device come as their journey, others as themselves, devices without a person as
    devices. Five queries, whatever is found.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain_number(plain):
        return Callers([])
    people = list(_people_called(plain)[: limit + 1])
    devices = list(_devices_called(plain)[: limit + 1])
    loans = list(
        Loan.objects.open()
        .filter(Q(person__in=people) | Q(device__in=devices))
        .select_related("device", "person", "department", "place")
        .order_by("person__kana", "pk")
    )
    journeys = {
        journey.loan_id: journey
        for journey in Journey.objects.open().filter(loan__in=[loan.pk for loan in loans])
    }
    found = [_caller_of_loan(loan, journeys.get(loan.pk)) for loan in loans]
    lent_to = {loan.person_id for loan in loans}
    lent = {loan.device_id for loan in loans}
    found += [_caller_of_person(person) for person in people if person.pk not in lent_to]
    found += [_caller_of_device(device) for device in devices if device.pk not in lent]
    return Callers(_with_tickets(found[:limit]), more=len(found) > limit)


def caller(subject: str, pk: int) -> Caller | None:
    """Return whom or what a call is about: an open journey, a person or a device."""
    found: Caller | None = None
    if subject == JOURNEY:
        journey = (
            Journey.objects.open()
            .select_related("person", "loan__device", "loan__department", "loan__place")
            .filter(pk=pk)
            .first()
        )
        found = _caller_of_loan(journey.loan, journey) if journey else None
    elif subject == PERSON:
        person = User.objects.select_related("department", "place").filter(pk=pk).first()
        found = _caller_of_person(person) if person else None
    elif subject == DEVICE:
        device = Device.objects.filter(pk=pk).first()
        found = _caller_of_device(device) if device else None
    return _with_tickets([found])[0] if found else None


def _people_called(plain: str) -> QuerySet[User]:
    number = plain_number(plain).lstrip("0")
    found: QuerySet[User] = (
        User.objects.filter(is_active=True, staff_number__isnull=False)
        .select_related("department", "place")
        .filter(
            Q(name__holds=plain)
            | Q(kana__holds=plain.translate(_TO_KATAKANA))
            | Q(kana__holds=plain.translate(_TO_HIRAGANA))
            | Q(staff_number__in=[number.zfill(n) for n in range(1, STAFF_NUMBER_LONGEST)])
            | Q(extension=plain)
        )
        .order_by("kana", "pk")
    )
    return found


def _devices_called(plain: str) -> DeviceQuerySet:
    code = normalise(plain)
    labelled = BoxCode.objects.filter(code=code, device__isnull=False)
    match = Q(asset_tag__iexact=plain) | Q(serial_number__iexact=plain)
    if is_valid(code):
        match |= Q(pk__in=labelled.values("device_id"))
    return Device.objects.filter(match).order_by("pk")


def _caller_of_loan(loan: Loan, journey: Journey | None) -> Caller:
    subject, pk = DEVICE, loan.device_id
    if journey is not None:
        subject, pk = JOURNEY, journey.pk
    elif loan.person_id is not None:
        subject, pk = PERSON, loan.person_id
    return Caller(
        subject=subject,
        pk=pk,
        person=loan.person,
        device=loan.device,
        journey=journey,
        department=loan.department.name,
        place=loan.place.name if loan.place else "",
    )


def _caller_of_person(person: User) -> Caller:
    return Caller(
        subject=PERSON,
        pk=person.pk,
        person=person,
        department=person.department.name if person.department else "",
        place=person.place.name if person.place else "",
    )


def _caller_of_device(device: Device) -> Caller:
    return Caller(subject=DEVICE, pk=device.pk, device=device)


def _with_tickets(found: Sequence[Caller]) -> list[Caller]:
    """Add what is open already, so that nobody is asked to say everything twice."""
    tickets = (
        Ticket.objects.live()
        .filter(kind__in=(TicketKind.HELP, TicketKind.LOSS))
        .filter(
            Q(journey__in=[c.pk for c in found if c.subject == JOURNEY])
            | Q(person__in=[c.pk for c in found if c.subject == PERSON])
            | Q(device__in=[c.device.pk for c in found if c.device])
        )
        .order_by("-opened_at")
    )
    by_subject: dict[tuple[str, int], Ticket] = {}
    for ticket in tickets:
        for subject, pk in (
            (JOURNEY, ticket.journey_id),
            (PERSON, ticket.person_id),
            (DEVICE, ticket.device_id),
        ):
            if pk is not None:
                by_subject[subject, pk] = ticket
    return [
        replace(
            c,
            open_ticket=by_subject.get((c.subject, c.pk))
            or (by_subject.get((DEVICE, c.device.pk)) if c.device else None),
        )
        for c in found
    ]
