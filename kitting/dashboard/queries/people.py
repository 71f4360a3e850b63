"""Down to the person: a department, one journey, one device."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.models import Department
from kitting.dashboard import rules
from kitting.dashboard.queries.scope import Scope, past_waves
from kitting.devices.models import Device, Loan
from kitting.devices.states import LoanKind
from kitting.escalation.models import Ticket
from kitting.escalation.queries.story import whole_way
from kitting.escalation.states import TicketKind
from kitting.guides.queries.lists import step_lines, step_name
from kitting.journeys.models import Journey, StepRecord
from kitting.journeys.states import Look, Result, Status
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accounts.queries import Rights
    from kitting.devices.models import LoanQuerySet
    from kitting.escalation.queries.story import WayLine


def own_loans(rights: Rights) -> LoanQuerySet:
    """Return the open loans somebody may see."""
    loans = Loan.objects.open()
    if rights.is_it:
        return loans
    return loans.filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))


@dataclass(frozen=True)
class PersonRow:
    """One person on a department's page."""

    journey: Journey
    step: str
    step_number: int
    ticket: Ticket | None


@dataclass(frozen=True)
class DepartmentPage:
    """The people of one department, those who need support first."""

    department: Department
    counts: rules.Counts
    people: list[PersonRow]
    shared: list[Loan]


ORDER = {Status.WAITING: 0, Status.IN_PROGRESS: 1, Status.NOT_STARTED: 2, Status.DONE: 3}
# Of several open tickets of one person, the one that somebody asked with.
SHOWN_FIRST = {TicketKind.HELP: 0, TicketKind.QUIET: 1}


def department_page(
    department_id: int, *, rights: Rights, language: str
) -> DepartmentPage | None:
    """Return one department as far as somebody may see it; None when nothing of it."""
    department = Department.objects.select_related("parent").filter(pk=department_id).first()
    if department is None:
        return None
    journeys = list(
        Journey.objects.open()
        .filter(Scope(rights, past=past_waves()).cells, department=department)
        .select_related("person", "place")
        .order_by("person__kana", "pk")
    )
    shared = list(
        own_loans(rights)
        .filter(kind=LoanKind.SHARED, department=department)
        .select_related("device", "place")
        .order_by("device__asset_tag")
    )
    leads_it = rights.is_it or department.pk in rights.departments
    if not (journeys or shared or leads_it):
        return None
    tickets = _tickets_of(journeys)
    words = site_words(language=language)
    people = [
        PersonRow(
            journey=journey,
            step=step_name(journey.edition_id, journey.current_step, language, words=words),
            step_number=_number_of(journey),
            ticket=tickets.get(journey.pk),
        )
        for journey in journeys
    ]
    # Who waits first, then whom Kitto noticed, then who was not heard of for longest.
    people.sort(
        key=lambda row: (
            ORDER[Status(row.journey.status)],
            row.ticket is None,
            row.journey.last_event_at or row.journey.created_at,
        )
    )
    return DepartmentPage(
        department, counted(Counter(j.status for j in journeys)), people, shared
    )


def _tickets_of(journeys: Sequence[Journey]) -> dict[int, Ticket]:
    tickets = sorted(
        Ticket.objects.open().filter(journey__in=[j.pk for j in journeys]),
        key=lambda ticket: (SHOWN_FIRST.get(TicketKind(ticket.kind), 2), ticket.pk),
    )
    first: dict[int, Ticket] = {}
    for ticket in tickets:
        if ticket.journey_id is not None:
            first.setdefault(ticket.journey_id, ticket)
    return first


def _number_of(journey: Journey) -> int:
    keys = [row[0] for row in journey.step_keys]
    return keys.index(journey.current_step) + 1 if journey.current_step in keys else 0


def counted(numbers: Mapping[str, int]) -> rules.Counts:
    """Return how many people stand where, from numbers by state."""
    return rules.Counts(
        done=numbers.get(Status.DONE, 0),
        in_progress=numbers.get(Status.IN_PROGRESS, 0),
        waiting=numbers.get(Status.WAITING, 0),
        not_started=numbers.get(Status.NOT_STARTED, 0),
    )


# --- one person -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepOnWay:
    """One step of a person's way: how far it is, since when, and how long it took (active time)."""

    number: int
    title: str
    look: Look
    record: StepRecord | None
    since: datetime | None
    minutes: int | None


@dataclass(frozen=True)
class JourneyPage:
    """One person's set-up of one device: the steps, the tickets and everything that happened."""

    journey: Journey
    steps: list[StepOnWay]
    tickets: list[Ticket]
    way: list[WayLine]

    @property
    def serial_masked(self) -> str:
        """Return the end of the serial number, which the sticker is compared with."""
        return masked(self.journey.loan.device.serial_number)

    @property
    def minutes(self) -> int | None:
        """Return the active minutes until ready, or so far."""
        seconds = self.journey.ready_seconds
        if seconds is None:
            seconds = self.journey.active_seconds if self.journey.begun_at else None
        return None if seconds is None else _minutes(seconds)


def journey_page(journey_id: int, *, rights: Rights, language: str) -> JourneyPage | None:
    """Return one person's way as far as somebody may see it; None when not (at most ten queries)."""
    journey = (
        Journey.objects.in_scope(rights)
        .select_related(
            "person", "department__parent", "place", "wave", "edition", "loan__device"
        )
        .filter(pk=journey_id)
        .first()
    )
    if journey is None:
        return None
    return JourneyPage(
        journey=journey,
        steps=_steps_on_way(journey, language),
        tickets=list(Ticket.objects.filter(journey=journey).order_by("-opened_at", "-pk")),
        way=whole_way(journey, language=language),
    )


def _steps_on_way(journey: Journey, language: str) -> list[StepOnWay]:
    if journey.edition_id is None:
        return []
    titles = {line.key: line.title for line in step_lines(journey.edition_id, language)}
    records = {record.step_key: record for record in journey.records.all()}
    steps = []
    for number, (key, *_more) in enumerate(journey.step_keys, 1):
        record = records.get(key)
        is_now = key == journey.current_step
        steps.append(
            StepOnWay(
                number=number,
                title=titles.get(key, key),
                look=_look(record, is_now=is_now),
                record=record,
                since=record.done_at if record else journey.opened_at if is_now else None,
                minutes=_minutes(record.seconds) if record and record.seconds else None,
            )
        )
    return steps


def _look(record: StepRecord | None, *, is_now: bool) -> Look:
    if record is None:
        return Look.NOW if is_now else Look.OPEN
    if record.result == Result.SKIPPED:
        return Look.SKIPPED
    return Look.LIKELY if record.is_supposed else Look.DONE


def _minutes(seconds: int) -> int:
    """Return within how many minutes something was done."""
    return max(1, (seconds + 59) // 60)


def masked(serial_number: str) -> str:
    """Return a serial number as pages show it."""
    return f"••••••{serial_number[-4:]}"


# --- one device -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class LoanOnPage:
    """One time a device was lent: for whom, from when to when, and how its set-up went."""

    loan: Loan
    journey: Journey | None


@dataclass(frozen=True)
class DevicePage:
    """One device and its whole life so far, newest first."""

    device: Device
    loans: list[LoanOnPage]
    tickets: list[Ticket]

    @property
    def serial_masked(self) -> str:
        """Return the end of the serial number."""
        return masked(self.device.serial_number)


def device_page(device_id: int, *, rights: Rights) -> DevicePage | None:
    """Return one device with its loans and tickets; for a lead only while it is with own people."""
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        return None
    if not (rights.is_it or own_loans(rights).filter(device=device).exists()):
        return None
    loans = Loan.objects.filter(device=device).select_related(
        "person", "department__parent", "place"
    )
    tickets = Ticket.objects.filter(Q(device=device) | Q(journey__loan__device=device))
    if not rights.is_it:  # what was before with others is not theirs to see
        loans = (
            own_loans(rights)
            .filter(device=device)
            .select_related("person", "department__parent", "place")
        )
        tickets = tickets.in_scope(rights)
    rows = list(loans.order_by("-started_at", "-pk"))
    journeys: dict[int, Journey] = {}
    for journey in Journey.objects.filter(loan__in=rows).order_by("pk"):
        journeys[journey.loan_id] = journey
    return DevicePage(
        device=device,
        loans=[LoanOnPage(loan, journeys.get(loan.pk)) for loan in rows],
        tickets=list(tickets.order_by("-opened_at", "-pk")[:50]),
    )
