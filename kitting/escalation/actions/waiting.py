"""Who waits for whom, and the end of waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import User
from accounts.queries import local_day
from accounts.states import IT_ROLES
from kitting.escalation import rules
from kitting.escalation.actions.ladder import raise_further
from kitting.escalation.actions.rows import Said, add_entry, locked, note_said, said_before
from kitting.escalation.channels import Telling, about, tell_leads
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.states import EntryKind, Level, Source, TicketKind, TicketState
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.journeys.states import HelpState
from kitting.notices.actions import cancel as cancel_notices

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.escalation.models import Ticket
    from kitting.escalation.queries.ladder import LadderBook


# What may come of one row's turn in the sweep.
NOTHING, LOOKED, OPENED, CLOSED = "", "looked", "opened", "closed"


# What people bring to IT from a box page: the leads, who hand boxes out, hear of it too.
LEADS_HEAR_OF = (TicketKind.HELP, TicketKind.WRONG_BOX)


@transaction.atomic
def close_over(*, ticket: Ticket, now: datetime, why: str = "journey_over") -> None:
    """End a ticket whose matter is over: the device is elsewhere by now."""
    fresh = locked(ticket)
    if fresh.state != TicketState.RESOLVED:
        close_by_progress(fresh, why=why, now=now)


def wait_of_taker(ticket: Ticket) -> rules.Wait:
    """Return how long whoever takes a ticket has before the next rung hears of it."""
    return ladder_book().of_ticket(ticket, answered=False).taken


def level_of_helper(ticket: Ticket, by: User, *, now: datetime) -> Level:
    """Return the rung a helper stands on, and never a lower one than the ticket has reached."""
    team = User.objects.with_role(*IT_ROLES, on=local_day(now))
    own = Level.IT if team.filter(pk=by.pk).exists() else Level.LEAD
    return max(own, Level(ticket.level), key=rules.height)


def begin_waiting(telling: Telling, said: Said, *, actor: User | None) -> None:
    """Let somebody wait for an answer from now on: IT hears at once, the leads are told."""
    ticket = telling.ticket
    note_said(ticket, EntryKind.OPENED, said, actor=actor, now=telling.now)
    ladders = ladder_book()
    await_answer(ticket, book=telling.book, now=telling.now, ladders=ladders)
    raise_further(telling, ladders, first=True)
    if ticket.kind in LEADS_HEAR_OF:
        tell_leads(telling, kind="lead_asked")


def add_words(ticket: Ticket, said: Said, *, actor: User | None, now: datetime) -> Ticket:
    """Add a person's words to an open ticket; one that was answered waits again."""
    if said_before(ticket, said, now=now):
        return ticket
    note_said(ticket, EntryKind.MERGED, said, actor=actor, now=now)
    if ticket.state == TicketState.ANSWERED:
        return wait_anew(ticket, book=organisation_book(), now=now)
    return ticket


def wait_anew(ticket: Ticket, *, book: CalendarBook, now: datetime) -> Ticket:
    """Let an answered or resolved ticket wait again, a round later; who had it keeps it."""
    ticket.state = TicketState.TAKEN if ticket.taken_by_id else TicketState.NEW
    ticket.round += 1
    ticket.resolved_at = None
    ticket.resolved_by = None
    ticket.asked_better_at = None
    ticket.held_at = ticket.snoozed_until = None
    ticket.save(
        update_fields=[
            "state", "round", "resolved_at", "resolved_by", "asked_better_at", "held_at",
            "snoozed_until",
        ]
    )  # fmt: skip
    await_answer(ticket, book=book, now=now)
    set_noticed(ticket, is_noticed=True)
    raise_further(Telling(ticket, book, now), first=True)
    return ticket


def wait_again(ticket: Ticket, *, by: User, now: datetime) -> Ticket:
    """Let a resolved ticket be somebody's again, a round later; needs it locked.

    Who asked waits for an answer again; nobody is told, because whoever opened it is at it.
    """
    book = organisation_book()
    ticket.state, ticket.taken_by, ticket.taken_at = TicketState.TAKEN, by, now
    ticket.round += 1
    ticket.level = level_of_helper(ticket, by, now=now)
    ticket.due_at = wait_of_taker(ticket).until(book.of_person(by), now)
    ticket.resolved_at = ticket.resolved_by = ticket.asked_better_at = None
    ticket.save(
        update_fields=[
            "state", "taken_by", "taken_at", "round", "level", "due_at", "resolved_at",
            "resolved_by", "asked_better_at",
        ]
    )  # fmt: skip
    await_answer(ticket, book=book, now=now)
    set_noticed(ticket, is_noticed=True)
    return ticket


def end(ticket: Ticket, *, by: User, now: datetime) -> None:
    """Resolve a ticket without a word, because its matter goes on elsewhere; needs it locked."""
    set_resolved(ticket, by=by, now=now)
    cancel_notices(about=about(ticket))


def await_answer(
    ticket: Ticket, *, book: CalendarBook, now: datetime, ladders: LadderBook | None = None
) -> None:
    """Note by when an answer is due; what Kitto found makes nobody wait."""
    if ticket.source == Source.SWEEP:
        return
    wait = (ladders or ladder_book()).of_ticket(ticket, answered=False).answer
    ticket.answer_by = wait.until(book.default, now)
    ticket.save(update_fields=["answer_by"])
    set_help(ticket, HelpState.ASKED, now)


def set_answered(ticket: Ticket, *, by: User, now: datetime) -> None:
    """Save a ticket that somebody has just answered: nobody waits for an answer any more."""
    ticket.held_at = ticket.snoozed_until = None
    ticket.first_answer_at = ticket.first_answer_at or now
    ticket.answer_by = None
    if ticket.taken_by_id is None:
        ticket.taken_by = by
        ticket.taken_at = now
    ticket.save(
        update_fields=[
            "state", "level", "level_asks", "due_at", "first_answer_at", "answer_by", "taken_by",
            "taken_at", "minutes_spent", "held_at", "snoozed_until",
        ]
    )  # fmt: skip


def set_resolved(ticket: Ticket, *, by: User | None, now: datetime) -> None:
    """Save a ticket as resolved; whoever asked with it waits no more."""
    ticket.state = TicketState.RESOLVED
    ticket.resolved_at = now
    ticket.resolved_by = by
    ticket.due_at = ticket.answer_by = ticket.held_at = ticket.snoozed_until = None
    ticket.save(
        update_fields=[
            "state", "resolved_at", "resolved_by", "due_at", "answer_by", "held_at",
            "snoozed_until",
        ]
    )  # fmt: skip
    set_help(ticket, HelpState.NONE, now)
    set_noticed(ticket, is_noticed=False)
    if ticket.kind == TicketKind.QUIET:  # the clock of its person begins anew
        Journey.objects.open().filter(tickets=ticket).update(attention_at=now)


def close_by_progress(ticket: Ticket, *, why: str, now: datetime) -> str:
    """End a ticket that needs nobody any more, and take back what waits to be said about it."""
    set_resolved(ticket, by=None, now=now)
    cancel_notices(about=about(ticket))
    add_entry(ticket, EntryKind.CLOSED_BY_PROGRESS, now, data={"why": why})
    return CLOSED


def set_help(ticket: Ticket, help_state: HelpState, now: datetime) -> None:
    """Let the person's state follow the ticket they asked with; found tickets change nothing."""
    journey = ticket.journey
    if ticket.kind != TicketKind.HELP or journey is None or journey.closed_at is not None:
        return
    journeys.set_help_state(journey_id=journey.pk, help_state=help_state, now=now)


def set_noticed(ticket: Ticket, *, is_noticed: bool) -> None:
    """Let the board know whom Kitto noticed: who has an open ticket of that kind."""
    if ticket.kind == TicketKind.QUIET and ticket.journey_id is not None:
        journeys.set_noticed(journey_id=ticket.journey_id, is_noticed=is_noticed)
