"""What helpers do with a ticket: take, answer, note, resolve, go, pass on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from kitting.escalation.actions.counting import count_minutes
from kitting.escalation.actions.errors import (
    AlreadyTakenError,
    NobodyReadsError,
    TicketEndedError,
)
from kitting.escalation.actions.ladder import raise_further
from kitting.escalation.actions.rows import FOR_TELLING, add_entry, open_locked, wrote_before
from kitting.escalation.actions.waiting import (
    await_answer,
    level_of_helper,
    set_answered,
    set_help,
    set_resolved,
    wait_of_taker,
)
from kitting.escalation.channels import Telling, tell_person
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.states import EntryKind, Level, TicketKind, TicketState
from kitting.journeys.states import HelpState

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


@transaction.atomic
def take(*, ticket: Ticket, by: User, now: datetime) -> Ticket:
    """Take a ticket; of two at once one wins, the other learns who (`AlreadyTakenError`).

    Whoever takes it is awaited from now on, in their own working time. Raises `TicketEndedError`.
    """
    fresh = Ticket.objects.select_related("journey").get(pk=ticket.pk)
    won = fresh.taken_by_id is None and Ticket.objects.open().filter(
        pk=fresh.pk, taken_by__isnull=True
    ).update(
        taken_by=by,
        taken_at=now,
        state=TicketState.TAKEN,
        level=level_of_helper(fresh, by, now=now),
        due_at=wait_of_taker(fresh).until(organisation_book().of_person(by), now),
        held_at=None,
        snoozed_until=None,
    )
    # Not locked: the row is held by now, and a journey is never locked after its ticket.
    ticket = Ticket.objects.select_related(*FOR_TELLING).get(pk=fresh.pk)
    if ticket.state == TicketState.RESOLVED:
        raise TicketEndedError
    if ticket.taken_by_id != by.pk:
        raise AlreadyTakenError(ticket.taken_by)
    if won:
        add_entry(ticket, EntryKind.TAKEN, now, actor=by)
    return ticket


@transaction.atomic
def reply(*, ticket: Ticket, by: User, words: str, now: datetime) -> Ticket:
    """Answer the person: readable in the guide at once, by mail where there is one.

    From now on the person is awaited. Raises `TicketEndedError`, `NobodyReadsError`.
    """
    ticket = open_locked(ticket)
    if ticket.kind != TicketKind.HELP or ticket.journey is None:
        raise NobodyReadsError
    if wrote_before(ticket, EntryKind.REPLY, words, by=by, now=now):
        return ticket
    book = organisation_book()
    first = ladder_book().of_ticket(ticket, answered=True).rungs[0]
    ticket.state = TicketState.ANSWERED
    ticket.level, ticket.level_asks = first.level, 1
    ticket.due_at = first.wait.until(book.of_person(ticket.journey.person), now)
    set_answered(ticket, by=by, now=now)
    set_help(ticket, HelpState.ANSWERED, now)
    entry = add_entry(ticket, EntryKind.REPLY, now, actor=by, text=words, to_person=True)
    telling = Telling(ticket, book, now)
    tell_person(telling, kind="reply", words=words, part=f"reply{entry.pk}")
    return ticket


@transaction.atomic
def note(
    *,
    ticket: Ticket,
    by: User,
    words: str,
    now: datetime,
    outcome: str = "",
    minutes: int = 0,
) -> Ticket:
    """Write something down for the helpers; the person does not see it. The minutes add up."""
    if not wrote_before(ticket, EntryKind.NOTE, words, by=by, now=now):
        data = {"outcome": outcome, "minutes": minutes}
        add_entry(ticket, EntryKind.NOTE, now, actor=by, text=words, data=data)
        Ticket.objects.filter(pk=ticket.pk).update(minutes_spent=F("minutes_spent") + minutes)
        count_minutes(minutes)
    return ticket


@transaction.atomic
def resolve(
    *,
    ticket: Ticket,
    by: User,
    words: str,
    now: datetime,
    outcome: str = "",
    minutes: int = 0,
) -> Ticket:
    """End a ticket; who asked is then asked whether it works now. Raises `TicketEndedError`.

    `outcome` says how it was solved, `minutes` what it took the helper.
    """
    ticket = open_locked(ticket)
    ticket.minutes_spent += minutes
    count_minutes(minutes)
    set_answered(ticket, by=by, now=now)
    set_resolved(ticket, by=by, now=now)
    entry = add_entry(
        ticket,
        EntryKind.RESOLVED,
        now,
        actor=by,
        text=words,
        to_person=bool(words),
        data={"outcome": outcome, "minutes": minutes},
    )
    if ticket.kind == TicketKind.HELP:
        telling = Telling(ticket, organisation_book(), now)
        tell_person(telling, kind="resolved", words=words, part=f"resolved{entry.pk}")
    return ticket


@transaction.atomic
def go(*, ticket: Ticket, by: User, now: datetime) -> Ticket:
    """Say "I'll go": that is an answer, and the person learns that somebody comes.

    Raises `AlreadyTakenError`, `TicketEndedError`.
    """
    ticket = take(ticket=open_locked(ticket), by=by, now=now)
    last = ticket.entries.filter(kind=EntryKind.GOING, actor=by).order_by("-pk").first()
    if last is not None and not ticket.is_waiting:
        return ticket
    ticket.state = TicketState.TAKEN
    ticket.level = level_of_helper(ticket, by, now=now)
    wait = ladder_book().of_ticket(ticket, answered=True).taken
    ticket.due_at = wait.until(organisation_book().of_person(by), now)
    set_answered(ticket, by=by, now=now)
    set_help(ticket, HelpState.ANSWERED, now)
    add_entry(ticket, EntryKind.GOING, now, actor=by, to_person=True)
    return ticket


@transaction.atomic
def pass_to_it(*, ticket: Ticket, by: User, words: str, now: datetime) -> Ticket:
    """Hand a lead's ticket to IT; who asked waits for an answer again. Raises `TicketEndedError`."""
    ticket = open_locked(ticket)
    book = organisation_book()
    ticket.state = TicketState.NEW
    ticket.level, ticket.level_asks = Level.LEAD, 0
    ticket.taken_by = None
    ticket.taken_at = None
    ticket.round += 1
    ticket.save(update_fields=["state", "level", "level_asks", "taken_by", "taken_at", "round"])
    add_entry(ticket, EntryKind.PASSED, now, actor=by, text=words)
    await_answer(ticket, book=book, now=now)
    raise_further(Telling(ticket, book, now, knows=by), further=True)
    return ticket
