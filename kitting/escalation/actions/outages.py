"""Noticing that something is broken for many, and gathering their questions in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.models import Place
from kitting.escalation import rules
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.channels import about, tell_it_of_outage
from kitting.escalation.models import Outage, Ticket
from kitting.escalation.queries.broken import outage_for, rush_at
from kitting.escalation.states import EntryKind, TicketKind
from kitting.notices.actions import cancel as cancel_notices
from kitting.site.actions import note_outages

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import User
    from accounts.queries import CalendarBook
    from kitting.escalation.queries.broken import Rush

# What is told to helpers about one question; the person's own messages stay.
TO_HELPERS = ("it_asked", "lead_asked")


def gather(ticket: Ticket, *, book: CalendarBook, now: datetime) -> Outage | None:
    """Put a question to the outage it belongs to, known or noticed just now; None if it is single.

    Needs the ticket locked. The first to notice tells IT once; whoever else asks joins silently.
    """
    step, choice = ticket.step_key, ticket.choice
    if not step or ticket.journey_id is None:
        return None
    outage = outage_for(step=step, place_id=ticket.place_id, choice=choice)
    if outage is None:
        outage = _notice_at_place(ticket, book=book, now=now) or _notice_trouble(
            ticket, book=book, now=now
        )
    if outage is None:
        return None
    join(ticket, outage, now=now)
    return outage


def _notice_at_place(ticket: Ticket, *, book: CalendarBook, now: datetime) -> Outage | None:
    if ticket.place_id is None:
        return None
    rush = rush_at(step=ticket.step_key, place_id=ticket.place_id, now=now)
    if rush is None or not rush.is_outage:
        return None
    outage = open_outage(step=ticket.step_key, rush=rush, book=book, now=now)
    return spread_to(outage, place_id=ticket.place_id, now=now)


def _notice_trouble(ticket: Ticket, *, book: CalendarBook, now: datetime) -> Outage | None:
    if not ticket.choice:
        return None
    rush = rush_at(step=ticket.step_key, choice=ticket.choice, now=now)
    if rush is None or not rush.is_outage:
        return None
    outage = open_outage(
        step=ticket.step_key, choice=ticket.choice, rush=rush, book=book, now=now
    )
    Outage.objects.filter(pk=outage.pk).update(everywhere=True)
    outage.everywhere = True
    _gather_earlier(outage, Ticket.objects.filter(choice=outage.choice), now=now)
    return outage


def open_outage(
    *,
    step: str,
    book: CalendarBook,
    now: datetime,
    choice: str = "",
    rush: Rush | None = None,
) -> Outage:
    """Return the open outage of a step (or of one trouble of it); a new one is told to IT, once."""
    known = Outage.objects.open().filter(step_key=step, choice=choice)
    outage = known.first()
    if outage is not None:
        return outage
    try:
        with transaction.atomic():
            outage = Outage.objects.create(
                step_key=step,
                choice=choice,
                opened_at=now,
                asking=rush.asking if rush else 0,
                active=rush.active if rush else 0,
                usual=rush.usual if rush else 0,
            )
    except IntegrityError:  # somebody else's question opened it a moment before
        return known.get()
    note_outages(are_open=True)
    tell_it_of_outage(outage, book=book, now=now)
    return outage


def spread_to(outage: Outage, *, place_id: int, now: datetime) -> Outage:
    """Let an outage be at one more place; at many it is everywhere. Nobody is alarmed again."""
    if not outage.everywhere:
        outage.places.add(Place.objects.get(pk=place_id))
        if outage.places.count() >= rules.EVERYWHERE_FROM:
            Outage.objects.filter(pk=outage.pk).update(everywhere=True)
            outage.everywhere = True
    here = (
        Ticket.objects.all() if outage.everywhere else Ticket.objects.filter(place_id=place_id)
    )
    _gather_earlier(outage, here, now=now)
    return outage


def _gather_earlier(outage: Outage, tickets: QuerySet[Ticket], *, now: datetime) -> None:
    """Let the questions join by which the outage was noticed; whoever is at one keeps it."""
    waiting = Ticket.objects.open().filter(
        pk__in=tickets.values("pk"),
        kind=TicketKind.HELP,
        step_key=outage.step_key,
        outage__isnull=True,
        taken_by__isnull=True,
        opened_at__gt=now - rules.OUTAGE_WINDOW,
        journey__isnull=False,
    )
    for ticket in waiting.select_for_update(skip_locked=True, of=("self",)).order_by("pk"):
        join(ticket, outage, now=now)


def join(ticket: Ticket, outage: Outage, *, now: datetime) -> None:
    """Let a question wait with its outage: no rung is asked about it until that ends."""
    if ticket.outage_id == outage.pk:
        return
    Ticket.objects.filter(pk=ticket.pk).update(outage=outage, due_at=None, outage_answers=0)
    ticket.outage, ticket.due_at, ticket.outage_answers = outage, None, 0
    cancel_notices(about=about(ticket), kinds=TO_HELPERS)
    add_entry(ticket, EntryKind.OUTAGE, now, data={"outage": outage.pk})


@transaction.atomic
def declare_outage(
    *, step: str, places: list[Place], by: User, book: CalendarBook, now: datetime
) -> Outage:
    """Say by hand that something is broken at some places, or everywhere where none is named."""
    outage = open_outage(step=step, book=book, now=now)
    Outage.objects.filter(pk=outage.pk, opened_by__isnull=True).update(opened_by=by)
    if places:
        for place in places:
            spread_to(outage, place_id=place.pk, now=now)
    else:
        Outage.objects.filter(pk=outage.pk).update(everywhere=True)
        outage.everywhere = True
        _gather_earlier(outage, Ticket.objects.all(), now=now)
    return outage
