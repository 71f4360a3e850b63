"""Tickets whose matter lies elsewhere: a lost device, Google's word, another desk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from kitting.devices.actions.life import Deed, NotInThatStateError, happen
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceEventKind, DeviceState
from kitting.escalation.actions.errors import NotLostError
from kitting.escalation.actions.ladder import raise_by_itself
from kitting.escalation.actions.rows import add_entry, locked, locked_journey, open_locked
from kitting.escalation.actions.waiting import close_by_progress
from kitting.escalation.channels import Telling
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import OPEN, EntryKind, Reason, Source, TicketKind, TicketState
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accounts.models import User


@transaction.atomic
def mark_lost(*, ticket: Ticket, by: User, now: datetime) -> Ticket:
    """Confirm a loss: the loan and the journey end, its box sessions with it, the device is lost.

    What else was open about the journey ends too. Raises `TicketEndedError`, `NotLostError`.
    """
    ticket = open_locked(ticket)
    device = ticket.device or (ticket.journey.loan.device if ticket.journey else None)
    if device is None or ticket.kind != TicketKind.LOSS:
        raise NotLostError
    _note_lost(device, deed=Deed(now=now, by=by))
    close_journeys(device, reason=CloseReason.LOST, but=ticket, now=now)
    Loan.objects.open().filter(device=device).update(ended_at=now)
    add_entry(ticket, EntryKind.NOTE, now, actor=by, data={"device": "lost"})
    return ticket


def _note_lost(device: Device, *, deed: Deed) -> None:
    try:
        happen(device_id=device.pk, kind=DeviceEventKind.LOST, deed=deed)
    except NotInThatStateError as error:
        if error.state != DeviceState.LOST:
            raise NotLostError from error


@transaction.atomic
def open_by_directory(
    *, journey: Journey, differences: Mapping[str, str], now: datetime
) -> Ticket | None:
    """Open a ticket where Google's directory contradicts a journey; None if there is nothing new.

    `differences` by kind: what Google shows. One that somebody has resolved is not opened again
    while Google shows the very same.
    """
    journey = locked_journey(journey.pk)
    what = "; ".join(f"{kind}={seen}" for kind, seen in sorted(differences.items()))
    last = (
        Ticket.objects.filter(journey=journey, kind=TicketKind.DIRECTORY)
        .order_by("-pk")
        .first()
    )
    if last is not None and (last.state in OPEN or _opened_for(last) == what):
        return None
    ticket = Ticket.objects.create(
        kind=TicketKind.DIRECTORY,
        journey=journey,
        reason=Reason.REPORTED,
        source=Source.SWEEP,
        step_key=journey.current_step,
        department_id=journey.department_id,
        place_id=journey.place_id,
        opened_at=now,
    )
    add_entry(ticket, EntryKind.OPENED, now, data={"differences": what})
    for kind, seen in sorted(differences.items()):
        add_entry(ticket, EntryKind.NOTE, now, data={"finding": kind, "seen": seen})
    raise_by_itself(Telling(ticket, organisation_book(), now), first=True)
    return ticket


def _opened_for(ticket: Ticket) -> str:
    opened = ticket.entries.filter(kind=EntryKind.OPENED).order_by("-pk").first()
    return str(opened.data.get("differences", "")) if opened else ""


@transaction.atomic
def close_by_directory(*, ticket: Ticket, now: datetime) -> bool:
    """End a ticket of `open_by_directory` that Google's word has settled, unless somebody has it."""
    ticket = locked(ticket)
    if ticket.state == TicketState.RESOLVED or ticket.taken_by_id is not None:
        return False
    close_by_progress(ticket, why="agrees", now=now)
    return True


@transaction.atomic
def note_on_loss(*, device: Device, what: str, by: User | None, now: datetime) -> int:
    """Write into the open losses of a device what became of it at Google; returns how many."""
    about_it = Q(device=device) | Q(journey__loan__device=device)
    losses = list(Ticket.objects.open().filter(about_it, kind=TicketKind.LOSS))
    for ticket in losses:
        add_entry(ticket, EntryKind.NOTE, now, actor=by, data={"device": what})
    return len(losses)


def close_journeys(
    device: Device, *, reason: CloseReason, now: datetime, but: Ticket | None = None
) -> None:
    """End the journeys of a device, and every ticket about them: nobody can walk or read on."""
    open_journeys = list(Journey.objects.open().filter(loan__device=device))
    journeys.close_journeys(open_journeys, reason=reason, now=now)
    for ticket in Ticket.objects.open().filter(journey__in=open_journeys).order_by("pk"):
        if ticket != but:
            close_by_progress(locked(ticket), why="journey_over", now=now)
