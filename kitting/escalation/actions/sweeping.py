"""One round over the journeys and tickets whose moment has come."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError, transaction

from kitting.escalation import rules
from kitting.escalation.actions.climbing import RAISED, STUMBLED, climb, progressed, rest_of
from kitting.escalation.actions.departing import depart_one, loans_of_gone, who_left
from kitting.escalation.actions.ladder import raise_by_itself
from kitting.escalation.actions.rows import add_entry, locked
from kitting.escalation.actions.waiting import (
    CLOSED,
    LOOKED,
    NOTHING,
    OPENED,
    close_by_progress,
    set_noticed,
)
from kitting.escalation.channels import Telling
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import (
    LadderBook,
    halts_lately,
    ladder_book,
    learned_patience,
    minutes_by_step,
    organisation_book,
    signs_by_journey,
)
from kitting.escalation.states import OPEN, EntryKind, Reason, Source, TicketKind
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.escalation.queries.ladder import Sign


log = logging.getLogger(__name__)


BATCH = 500


# A row the sweep stumbled over is looked at again later, so that one cannot stop the rest.
STUMBLE = timedelta(hours=1)


# What a step takes where its guide does not say.
USUAL_MINUTES = 5
# A helper's word on one of these lets the clocks of the person begin anew.
ABOUT_BEING_STUCK = (TicketKind.HELP, TicketKind.QUIET)


# What deciding about a journey looks at; nothing of the texts.
FOR_LOOKING = (
    *("begun_at", "opened_at", "last_event_at", "ready_at", "paused_until", "on_paper"),
    *("arrived_at", "department_id", "wave_id"),
    *("created_at", "attention_at", "event_count", "current_step", "edition_id", "place_id"),
    *(
        "person__hours_id",
        "person__leave_from_on",
        "person__leave_to_on",
        "person__place__hours_id",
    ),
    *("wave__starts_at", "wave__held_at", "loan__handed_over_at"),
)


@dataclass(frozen=True)
class Swept:
    """What one round of the sweep did; `due` is how many rows it had in hand."""

    looked: int = 0
    opened: int = 0
    closed: int = 0
    raised: int = 0
    departed: int = 0
    stumbled: int = 0
    due: int = 0

    def __add__(self, other: Swept) -> Swept:
        return Swept(
            looked=self.looked + other.looked,
            opened=self.opened + other.opened,
            closed=self.closed + other.closed,
            raised=self.raised + other.raised,
            departed=self.departed + other.departed,
            stumbled=self.stumbled + other.stumbled,
            due=self.due + other.due,
        )


def sweep(*, now: datetime, limit: int = BATCH) -> Swept:
    """Look at every journey and ticket whose moment has come; safe to run twice and side by side.

    Walks partial indexes over due rows only: with nothing due it costs one statement. What goes
    wrong with one row is logged, the row is looked at again an hour later, and the rest goes on.
    """
    if not _is_anything_due(now):
        return Swept()
    return _sweep_departures(now) + _sweep_journeys(now, limit) + _sweep_tickets(now, limit)


def _is_anything_due(now: datetime) -> bool:
    """Ask about all three kinds of rows at once: mostly there are none."""
    gone = loans_of_gone(now).values("pk")
    journeys_due = Journey.objects.needing_attention(now=now).values("pk")
    tickets_due = Ticket.objects.due(now=now).values("pk")
    return gone.union(journeys_due, tickets_due, all=True).exists()


def _sweep_departures(now: datetime) -> Swept:
    gone = who_left(now)
    book = organisation_book() if gone else None
    outcomes = [
        _safely("device", pk, partial(depart_one, pk, book=book, now=now))
        for pk in gone
        if book
    ]
    return Swept(departed=outcomes.count(CLOSED), stumbled=outcomes.count(STUMBLED))


def _sweep_journeys(now: datetime, limit: int) -> Swept:
    due = list(
        Journey.objects.needing_attention(now=now)
        .order_by("attention_at", "pk")
        .values_list("pk", "event_count")[:limit]
    )
    if not due:
        return Swept()
    # The signs are read after the counts: whoever moved in between is looked at next time.
    sight = _Sight(
        now=now,
        book=organisation_book(),
        event_counts=dict(due),
        minutes=minutes_by_step(),
        signs=signs_by_journey([pk for pk, _count in due]),
        halts=halts_lately(now=now),
        learned=learned_patience(),
        ladders=ladder_book(),
    )
    calm = _put_off(sight)
    outcomes = {
        pk: LOOKED if pk in calm else _safely("journey", pk, partial(_look, pk, sight))
        for pk, _count in due
    }
    stumbled = [pk for pk, outcome in outcomes.items() if outcome == STUMBLED]
    if stumbled:
        Journey.objects.filter(pk__in=stumbled).update(attention_at=now + STUMBLE)
    found = list(outcomes.values())
    return Swept(
        looked=sum(outcome in (LOOKED, OPENED, CLOSED) for outcome in found),
        opened=found.count(OPENED),
        closed=found.count(CLOSED),
        stumbled=len(stumbled),
        due=len(due),
    )


def _sweep_tickets(now: datetime, limit: int) -> Swept:
    due = list(
        Ticket.objects.due(now=now)
        .order_by("due_at", "pk")
        .values_list("pk", flat=True)[:limit]
    )
    if not due:
        return Swept()
    climb_now = partial(
        climb,
        now=now,
        book=organisation_book(),
        halts=halts_lately(now=now),
        ladders=ladder_book(),
    )
    outcomes = {pk: _safely("ticket", pk, partial(climb_now, ticket_id=pk)) for pk in due}
    stumbled = [pk for pk, outcome in outcomes.items() if outcome == STUMBLED]
    if stumbled:
        Ticket.objects.filter(pk__in=stumbled).update(due_at=now + STUMBLE)
    found = list(outcomes.values())
    return Swept(
        closed=found.count(CLOSED),
        raised=found.count(RAISED),
        stumbled=len(stumbled),
        due=len(due),
    )


def _safely(what: str, pk: int, act: Callable[[], str]) -> str:
    """Give one row its turn; whatever goes wrong with it, the others have theirs."""
    try:
        return act()
    except (InterfaceError, OperationalError):
        raise  # the database's trouble, not this row's: the next round begins anew
    except Exception:
        log.exception("The sweep stumbled over %s %s", what, pk)
        return STUMBLED


@dataclass(frozen=True)
class _Sight:
    """What one round of the sweep knows before it looks at anybody."""

    now: datetime
    book: CalendarBook
    event_counts: Mapping[int, int]
    minutes: Mapping[tuple[int, str], int]
    signs: Mapping[int, Sequence[Sign]]
    halts: Sequence[rules.Halt] = ()
    learned: Mapping[str, timedelta] = field(default_factory=dict)
    ladders: LadderBook = field(default_factory=LadderBook)


def _put_off(sight: _Sight) -> set[int]:
    """Look at all in two queries, and let those be looked at later about whom there is nothing to say.

    Most rows of a busy morning are such. Who moved meanwhile, or needs more than a later look, is
    left to `_look`.
    """
    past: dict[int, list[Ticket]] = {}
    known = Ticket.objects.filter(journey_id__in=sight.event_counts).order_by("opened_at", "pk")
    for ticket in known:
        past.setdefault(ticket.journey_id or 0, []).append(ticket)
    rows = (
        Journey.objects.open()
        .filter(pk__in=sight.event_counts)
        .select_related("person__place", "wave", "loan")
        .only(*FOR_LOOKING)
    )
    return {
        journey.pk
        for journey in rows
        if _safely(
            "journey",
            journey.pk,
            partial(_put_one_off, journey, past.get(journey.pk, ()), sight),
        )
        == LOOKED
    }


def _put_one_off(journey: Journey, past: Sequence[Ticket], sight: _Sight) -> str:
    is_open = {t.kind for t in past if t.state in OPEN}
    signs = sight.signs.get(journey.pk, ())
    if TicketKind.QUIET in is_open or any(s.kind == EventKind.OTHER_ACCOUNT for s in signs):
        return NOTHING
    calendar = sight.book.of_person(journey.person)
    look_at: datetime | None = rules.RECHECK_WITH_TICKET.until(calendar, sight.now)
    if TicketKind.HELP not in is_open:
        judged = rules.judge(_watched(journey, past, sight), calendar=calendar, now=sight.now)
        if judged.reason is not None:
            return NOTHING
        look_at = judged.look_again_at
    # Every action on a journey counts an event or sets the due moment: who moved is not overwritten.
    is_same = Journey.objects.open().filter(
        pk=journey.pk,
        event_count=sight.event_counts[journey.pk],
        attention_at=journey.attention_at,
        attention_at__lte=sight.now,
    )
    return LOOKED if is_same.update(attention_at=look_at) else NOTHING


@transaction.atomic
def _look(pk: int, sight: _Sight) -> str:
    """Judge one journey: open a ticket, close one that progress has answered, or look later."""
    journey = (
        Journey.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("person__place", "wave", "loan")
        .filter(pk=pk, closed_at__isnull=True, attention_at__lte=sight.now)
        .first()
    )
    if journey is None or journey.event_count != sight.event_counts[pk]:
        return NOTHING  # another sweeper was here first, or the person moved just now
    past = list(Ticket.objects.filter(journey=journey).order_by("opened_at", "pk"))
    _look_for_other_account(journey, past, sight)
    outcome = _close_found(journey, past, now=sight.now)
    calendar = sight.book.of_person(journey.person)
    verdict = rules.Verdict(look_again_at=rules.RECHECK_WITH_TICKET.until(calendar, sight.now))
    if not any(t.kind in ABOUT_BEING_STUCK and t.state in OPEN for t in past):
        judged = rules.judge(_watched(journey, past, sight), calendar=calendar, now=sight.now)
        if judged.reason is None:
            verdict = judged
        else:
            _open_found(journey, TicketKind.QUIET, judged.reason, sight)
            outcome = OPENED
    Journey.objects.filter(pk=pk).update(attention_at=verdict.look_again_at)
    return outcome


def _watched(journey: Journey, past: Sequence[Ticket], sight: _Sight) -> rules.Watched:
    wave = journey.wave
    expected = journey.loan.handed_over_at or (wave.starts_at if wave else journey.created_at)
    helped_at = max(
        (t.resolved_at for t in past if t.kind in ABOUT_BEING_STUCK and t.resolved_at),
        default=None,
    )
    since = max(at for at in (journey.created_at, journey.opened_at, helped_at) if at)
    weights = {
        EventKind.CHECK_FAILED: rules.CHECK_WEIGHT,
        EventKind.TROUBLE_OPENED: rules.HINT_WEIGHT,
        EventKind.ERROR_OPENED: rules.ERROR_WEIGHT,
    }
    return rules.Watched(
        begun_at=journey.begun_at,
        expected_from=max(expected, journey.created_at),
        opened_at=journey.opened_at,
        last_event_at=journey.last_event_at,
        is_ready=journey.ready_at is not None,
        step_minutes=sight.minutes.get(
            (journey.edition_id or 0, journey.current_step), USUAL_MINUTES
        ),
        failing_weight=sum(
            weights.get(EventKind(sign.kind), 0)
            for sign in sight.signs.get(journey.pk, ())
            if sign.step == journey.current_step and sign.at >= since
        ),
        helped_at=helped_at,
        on_paper=journey.reads_paper,
        rest=rest_of(journey, sight.halts),
        learned=sight.learned.get(journey.current_step),
        patience=sight.ladders.patience_of(journey),
    )


def _close_found(journey: Journey, past: Sequence[Ticket], *, now: datetime) -> str:
    """Close what the sweep opened and nobody took, if the person went on by themselves."""
    for ticket in past:
        if ticket.kind == TicketKind.QUIET and ticket.state in OPEN:
            fresh = locked(ticket)
            if progressed(journey, fresh) and fresh.taken_by_id is None:
                close_by_progress(fresh, why="progress", now=now)
                ticket.state, ticket.resolved_at = fresh.state, fresh.resolved_at
                return CLOSED
    return LOOKED


def _look_for_other_account(journey: Journey, past: Sequence[Ticket], sight: _Sight) -> None:
    """Open a ticket when somebody else's account turned up where this journey was open."""
    arrived = [
        sign.at
        for sign in sight.signs.get(journey.pk, ())
        if sign.kind == EventKind.OTHER_ACCOUNT
    ]
    known = [t for t in past if t.kind == TicketKind.OTHER_ACCOUNT]
    is_open = any(t.state in OPEN for t in known)
    handled = max((t.opened_at for t in known), default=None)
    if arrived and not is_open and (handled is None or handled < max(arrived)):
        _open_found(journey, TicketKind.OTHER_ACCOUNT, Reason.REPORTED, sight)


def _open_found(journey: Journey, kind: TicketKind, reason: Reason, sight: _Sight) -> None:
    ticket = Ticket.objects.create(
        kind=kind,
        journey=journey,
        reason=reason,
        source=Source.SWEEP,
        step_key=journey.current_step,
        department_id=journey.department_id,
        place_id=journey.place_id,
        opened_at=sight.now,
    )
    add_entry(ticket, EntryKind.OPENED, sight.now, data={"reason": reason})
    set_noticed(ticket, is_noticed=True)
    raise_by_itself(Telling(ticket, sight.book, sight.now), first=True)
