"""Bring a ticket whose moment has come to the next rung, or end it."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from django.db import transaction

from kitting.escalation import rules
from kitting.escalation.actions.ladder import raise_by_itself, write_round
from kitting.escalation.actions.rows import FOR_TELLING
from kitting.escalation.actions.waiting import LOOKED, NOTHING, close_by_progress
from kitting.escalation.channels import Round, Telling
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import LadderBook, ladder_book
from kitting.escalation.states import Level, Reason, TicketKind
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.lib import clock


RAISED, STUMBLED = "raised", "stumbled"


def rest_of(journey: Journey, halts: Sequence[rules.Halt]) -> rules.Rest:
    """Return what lets a person rest: held waves, outages, notices, leave, あとで."""
    stopping = tuple(
        halt
        for halt in halts
        if halt.covers(
            place_id=journey.place_id, wave_id=journey.wave_id, step=journey.current_step
        )
    )
    return rules.Rest(
        halts=stopping,
        paused_until=journey.paused_until,
        held=bool(journey.wave and journey.wave.held_at),
        leave_from_on=journey.person.leave_from_on,
        leave_to_on=journey.person.leave_to_on,
    )


def progressed(journey: Journey, ticket: Ticket) -> bool:
    """Tell whether the person went on by themselves since the sweep opened a ticket."""
    if journey.ready_at is not None:
        return True
    if journey.paused_until and journey.paused_until > ticket.opened_at:
        return True
    if journey.reads_paper and _told_of_paper(journey, since=ticket.opened_at):
        return True
    if ticket.reason == Reason.NEVER_STARTED:
        wave = journey.wave
        is_put_off = wave is not None and wave.starts_at > ticket.opened_at
        return journey.begun_at is not None or is_put_off
    if ticket.reason == Reason.SILENT:
        return journey.last_event_at is not None and journey.last_event_at > ticket.opened_at
    return journey.current_step != ticket.step_key


def _told_of_paper(journey: Journey, *, since: datetime) -> bool:
    """Tell whether the silence was explained after a ticket was opened: somebody works from paper."""
    return journey.events.filter(kind=EventKind.PAPER, at__gt=since).exists()


@transaction.atomic
def climb(
    ticket_id: int,
    *,
    book: CalendarBook,
    now: datetime,
    halts: Sequence[rules.Halt] = (),
    ladders: LadderBook | None = None,
) -> str:
    """Ask the next rung about a ticket whose moment has come; returns what happened.

    What the sweep found does not climb while its person rests, and ends when the person went on,
    as far as its rule says so.
    """
    ticket = _due_ticket(ticket_id, now=now)
    if ticket is None:
        return NOTHING
    ladders = ladders or ladder_book()
    return _turn(Telling(ticket, book, now), ladders, halts)


def climb_many(
    tickets: dict[int, Ticket],
    *,
    book: CalendarBook,
    now: datetime,
    halts: Sequence[rules.Halt],
    ladders: LadderBook,
    known: dict[Hashable, Any],
) -> dict[int, str]:
    """Do what `climb` does for many claimed tickets, and write what is said of them together.

    `known` is what all messages of a round have in common.
    """
    said = Round(known=known)
    stuck = [t.journey.person_id if t.journey else t.person_id for t in tickets.values()]
    said.look_up_days([pk for pk in stuck if pk], since=now)
    outcomes = {
        pk: _turn(Telling(ticket, book, now, round=said), ladders, halts)
        for pk, ticket in tickets.items()
    }
    write_round(said)
    return outcomes


def _turn(telling: Telling, ladders: LadderBook, halts: Sequence[rules.Halt]) -> str:
    outcome = _end_or_wait(telling, ladders, halts)
    if not outcome:
        raise_by_itself(telling, ladders)
    return outcome or RAISED


def _end_or_wait(telling: Telling, ladders: LadderBook, halts: Sequence[rules.Halt]) -> str:
    """Close or put off a ticket whose journey is over or whose person needs nobody now."""
    ticket, now, journey = telling.ticket, telling.now, telling.ticket.journey
    if journey is None:
        return NOTHING
    if journey.closed_at is not None:
        return close_by_progress(ticket, why="journey_over", now=now)
    _follow_person(ticket, journey)
    if ticket.kind != TicketKind.QUIET:
        return NOTHING
    calendar = telling.book.of_person(journey.person)
    known = _Known(
        ladder=ladders.of_ticket(ticket),
        patience=ladders.patience_of(journey),
        rest=rest_of(journey, halts).lasts_until(calendar, now),
    )
    return _leave_alone(ticket, journey, calendar, known, now=now)


@dataclass(frozen=True)
class _Known:
    """What decides whether somebody is left alone: their rule, and until when they rest."""

    ladder: rules.Ladder
    patience: rules.Patience
    rest: datetime | None


def _leave_alone(
    ticket: Ticket, journey: Journey, calendar: clock.Calendar, known: _Known, *, now: datetime
) -> str:
    """Close or put off what the sweep found, if its person went on, rests, or may just be away."""
    heard_at = journey.last_event_at or ticket.opened_at
    resting = known.rest if known.ladder.stops_on_rest else None
    look_at = resting or rules.away_until(
        Reason(ticket.reason),
        Level(ticket.level),
        heard_since=heard_at > ticket.opened_at,
        silent_at=known.patience.silence.until(calendar, heard_at),
        now=now,
    )
    if known.ladder.stops_on_progress and progressed(journey, ticket):
        if ticket.taken_by_id is None:
            return close_by_progress(ticket, why="progress", now=now)
        look_at = known.ladder.taken.until(calendar, now)  # whoever took it ends it
    if look_at is None:
        return NOTHING
    ticket.due_at = look_at
    ticket.save(update_fields=["due_at"])
    return LOOKED


def _due_ticket(ticket_id: int, *, now: datetime) -> Ticket | None:
    """Return a due ticket, its journey locked before it; nothing if somebody else is at it."""
    due = Ticket.objects.due(now=now).filter(pk=ticket_id)
    journey_id = due.values_list("journey_id", flat=True).first()
    if journey_id is not None:
        row = Journey.objects.select_for_update(skip_locked=True).filter(pk=journey_id)
        if row.values_list("pk", flat=True).first() is None:
            return None
    return (
        due.select_for_update(of=("self",), skip_locked=True)
        .select_related(*FOR_TELLING)
        .first()
    )


def claim_tickets(most: int, *, now: datetime) -> tuple[list[int], dict[int, Ticket]]:
    """Lock tickets that are due, and their journeys; returns all keys found, and the tickets that are free.

    Nothing is waited for, so that the order of the locks does not matter: what somebody else is at is
    passed over. A ticket is read once its journey is locked.
    """
    due = Ticket.objects.due(now=now).select_for_update(skip_locked=True)
    rows_due = due.order_by("due_at").values_list("due_at", "pk", "journey_id")[:most]
    found = {pk: journey_id for _at, pk, journey_id in sorted(rows_due, key=itemgetter(0, 1))}
    rows = Journey.objects.select_for_update(skip_locked=True).filter(pk__in=found.values())
    held = {None, *rows.order_by("pk").values_list("pk", flat=True)}
    free = [pk for pk, journey_id in found.items() if journey_id in held]
    tickets = Ticket.objects.filter(pk__in=free).select_related(*FOR_TELLING).in_bulk()
    return list(found), {pk: tickets[pk] for pk in free}


def _follow_person(ticket: Ticket, journey: Journey) -> None:
    """Let the ticket of somebody who was moved be the new lead's."""
    here = (journey.department_id, journey.place_id)
    if (ticket.department_id, ticket.place_id) != here:
        ticket.department, ticket.place = journey.department, journey.place
        ticket.save(update_fields=["department", "place"])
