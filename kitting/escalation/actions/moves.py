"""What helpers do with a ticket beside answering: put off, hold, give away, join, open again.

Every move says what its page had seen (`seen`, the last line of the story that moved the ticket):
of two at once the second learns who was first, and nothing is done twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import User
from accounts.queries import local_day
from accounts.states import IT_ROLES
from kitting.escalation import actions
from kitting.escalation.actions.counting import count_minutes
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.actions.waiting import set_help
from kitting.escalation.channels import Telling, about, message
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.queries.moves import last_move, may_see, subject_person_id
from kitting.escalation.states import EntryKind, Level, TicketKind, TicketState
from kitting.journeys.states import HelpState
from kitting.lib import clock
from kitting.notices.actions import cancel as cancel_notices

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

# What can be joined with another ticket; a loss or a device to be returned has an end of its own.
MAY_JOIN = (
    TicketKind.HELP,
    TicketKind.QUIET,
    TicketKind.WRONG_BOX,
    TicketKind.TOO_FAST,
    TicketKind.OTHER_ACCOUNT,
)

# What helpers are told about one ticket; the person's own messages stay.
TO_HELPERS = (
    *("it_asked", "it_stuck", "it_lead_stuck"),
    *("lead_stuck", "lead_asked", "colleague_asked"),
)


class MovedError(actions.TicketError):
    """Somebody else moved the ticket since this page was opened; carries who."""

    def __init__(self, by: User | None) -> None:
        super().__init__()
        self.by = by


class NotTogetherError(actions.TicketError):
    """These two tickets are not about one person, or one of them cannot be joined."""


class CannotHelpError(actions.TicketError):
    """The ticket cannot be given to this person: they may not see it, or are away."""


class StillOpenError(actions.TicketError):
    """Only what was resolved can be opened again, and not while another one is open for it."""


@dataclass(frozen=True)
class Move:
    """Who moves which ticket, when, and what their page had seen of it."""

    ticket: Ticket
    by: User
    seen: int
    now: datetime


@transaction.atomic
def snooze(move: Move, *, until: datetime, reason: str) -> Ticket:
    """Put a ticket off until a moment: nobody is told before; who waits is told until when.

    Raises `TicketEndedError`, `MovedError`.
    """
    ticket = _mine(move)
    ticket.due_at = ticket.snoozed_until = until
    ticket.held_at = None
    if ticket.answer_by is not None:
        ticket.answer_by = max(until, ticket.answer_by)
    ticket.save(update_fields=["due_at", "snoozed_until", "held_at", "answer_by"])
    _say(move, ticket, EntryKind.SNOOZED, text=reason, data={"until": until.isoformat()})
    _hush(ticket)
    return ticket


@transaction.atomic
def not_today(move: Move) -> Ticket:
    """Let a lead say "not today": what Kitto found waits for the next morning, once a ticket.

    What somebody asked is with IT anyway and waits for nobody; a second time goes to the next rung.
    Raises `TicketEndedError`, `MovedError`.
    """
    ticket = _mine(move)
    again = ticket.entries.filter(kind=EntryKind.NOT_TODAY).exists()
    _say(move, ticket, EntryKind.NOT_TODAY)
    if ticket.kind != TicketKind.QUIET:
        return ticket
    calendar = organisation_book().of_person(move.by)
    morning = clock.next_open(calendar, clock.add_working_days(calendar, move.now, 1))
    ticket.due_at = move.now if again else morning
    ticket.snoozed_until = None if again else morning
    ticket.save(update_fields=["due_at", "snoozed_until"])
    return ticket


@transaction.atomic
def hold(move: Move, *, reason: str) -> Ticket:
    """Put a ticket on hold until somebody takes it off: the ladder stands still.

    Raises `TicketEndedError`, `MovedError`.
    """
    ticket = _mine(move)
    ticket.held_at = ticket.held_at or move.now
    ticket.snoozed_until = None
    ticket.save(update_fields=["held_at", "snoozed_until"])
    _say(move, ticket, EntryKind.HELD, text=reason)
    _hush(ticket)
    return ticket


@transaction.atomic
def release(move: Move) -> Ticket:
    """Take a ticket off hold, or back from being put off: its clock begins anew.

    Raises `TicketEndedError`, `MovedError`.
    """
    ticket = _mine(move)
    book, ladder = organisation_book(), ladder_book().of_ticket(ticket)
    rung = ladder.at(Level(ticket.level)) or ladder.rungs[0]
    wait = ladder.taken if ticket.taken_by_id else rung.wait
    ticket.due_at = wait.until(book.of_person(move.by), move.now)
    ticket.held_at = ticket.snoozed_until = None
    if ticket.answer_by is not None:
        ticket.answer_by = ladder.answer.until(book.default, move.now)
    ticket.save(update_fields=["due_at", "held_at", "snoozed_until", "answer_by"])
    _say(move, ticket, EntryKind.RELEASED)
    return ticket


@transaction.atomic
def reassign(move: Move, *, to: User, reason: str) -> Ticket:
    """Give a ticket to another helper, who is told and awaited from now on.

    Raises `TicketEndedError`, `MovedError`, `CannotHelpError`.
    """
    ticket = _mine(move)
    if to.is_on_leave(local_day(move.now)) or not may_see(to, ticket, now=move.now):
        raise CannotHelpError
    book = organisation_book()
    ticket.taken_by, ticket.taken_at = to, move.now
    ticket.state = TicketState.TAKEN
    ticket.level = actions.level_of_helper(ticket, to, now=move.now)
    ticket.round += 1
    wait = ladder_book().of_ticket(ticket, answered=False).taken
    ticket.due_at = wait.until(book.of_person(to), move.now)
    ticket.held_at = ticket.snoozed_until = None
    ticket.save(
        update_fields=[
            "taken_by", "taken_at", "state", "level", "round", "due_at", "held_at",
            "snoozed_until",
        ]
    )  # fmt: skip
    _say(move, ticket, EntryKind.REASSIGNED, text=reason, data={"to": to.name})
    if to != move.by:
        telling = Telling(ticket, book, move.now)
        message(telling, to, kind="given_to_you", level=Level(ticket.level))
    return ticket


@transaction.atomic
def merge(move: Move, *, into: Ticket) -> Ticket:
    """Join a ticket with another of the same person: its story goes along, one stays open.

    Who waits on either waits on the one that stays, as long as the shorter of both. The question on
    a journey always stays: its person reads the answer there. Raises `TicketEndedError`,
    `MovedError`, `NotTogetherError`.
    """
    kept, ticket = _both(move, into)
    if not may_join(ticket, kept):
        raise NotTogetherError
    waits = [at for at in (kept.answer_by, ticket.answer_by) if at is not None]
    dues = [at for at in (kept.due_at, ticket.due_at) if at is not None]
    kept.answer_by, kept.due_at = min(waits, default=None), min(dues, default=None)
    kept.minutes_spent += ticket.minutes_spent
    count_minutes(ticket.minutes_spent)
    kept.save(update_fields=["answer_by", "due_at", "minutes_spent"])
    if kept.answer_by is not None:
        set_help(kept, HelpState.ASKED, move.now)
    actions.end(ticket, by=move.by, now=move.now)
    ticket.merged_into = kept
    ticket.save(update_fields=["merged_into"])
    _say(move, ticket, EntryKind.JOINED, data={"other": kept.number})
    _say(move, kept, EntryKind.TOOK_IN, data={"other": ticket.number})
    return kept


@transaction.atomic
def reopen(move: Move, *, reason: str) -> Ticket:
    """Open a resolved ticket again: whoever does has it, and who asked waits for an answer again.

    Raises `StillOpenError`, `JourneyOverError`, `MovedError`.
    """
    ticket = actions.locked(move.ticket)
    _check(move, ticket)
    others = Ticket.objects.open().filter(kind=ticket.kind, **ticket.subject)
    if ticket.state != TicketState.RESOLVED or ticket.merged_into_id or others.exists():
        raise StillOpenError
    if ticket.journey is not None and ticket.journey.closed_at is not None:
        raise actions.JourneyOverError
    _say(move, ticket, EntryKind.REOPENED, text=reason)
    return actions.wait_again(ticket, by=move.by, now=move.now)


def may_join(ticket: Ticket, kept: Ticket) -> bool:
    """Tell whether a ticket can be joined with one that stays."""
    person_id = subject_person_id(ticket)
    is_question = ticket.kind == TicketKind.HELP and ticket.journey_id is not None
    return (
        person_id is not None
        and person_id == subject_person_id(kept)
        and ticket.kind in MAY_JOIN
        and not is_question
        and TicketState.RESOLVED not in (ticket.state, kept.state)
        and ticket.pk != kept.pk
    )


def helpers_for(ticket: Ticket, *, now: datetime) -> list[User]:
    """Return who of IT could be given a ticket: whoever is there today, in the order of the roll."""
    day = local_day(now)
    team = User.objects.with_role(*IT_ROLES, on=day).order_by("kana", "pk")
    return [
        person for person in team if not person.is_on_leave(day) and person != ticket.taken_by
    ]


def _mine(move: Move) -> Ticket:
    ticket = actions.locked(move.ticket)
    if ticket.state == TicketState.RESOLVED:
        raise actions.TicketEndedError
    _check(move, ticket)
    return ticket


def _check(move: Move, ticket: Ticket) -> None:
    last = last_move(ticket)
    if last is not None and last.pk > move.seen:
        raise MovedError(last.actor)


def _both(move: Move, into: Ticket) -> tuple[Ticket, Ticket]:
    """Lock two tickets, the older first, so that two who join them the other way round do not wait."""
    both = sorted((move.ticket, into), key=lambda one: one.pk)
    locked = {one.pk: actions.locked(one) for one in both}
    ticket, kept = locked[move.ticket.pk], locked[into.pk]
    if TicketState.RESOLVED in (ticket.state, kept.state):
        raise actions.TicketEndedError
    _check(move, ticket)
    return kept, ticket


def _say(
    move: Move,
    ticket: Ticket,
    kind: EntryKind,
    *,
    text: str = "",
    data: Mapping[str, str] | None = None,
) -> TicketEntry:
    return add_entry(ticket, kind, move.now, actor=move.by, text=text, data=data)


def _hush(ticket: Ticket) -> None:
    """Take back what waits to be said to helpers about a ticket that rests now."""
    cancel_notices(about=about(ticket), kinds=TO_HELPERS)
