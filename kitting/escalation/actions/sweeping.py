"""One round over the journeys and tickets whose moment has come."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import InterfaceError, OperationalError, transaction

from accounts.models import Department, Place
from kitting.escalation import rules
from kitting.escalation.actions.climbing import (
    RAISED,
    STUMBLED,
    climb,
    climb_many,
    progressed,
    rest_of,
)
from kitting.escalation.actions.departing import depart_one, loans_of_gone, who_left
from kitting.escalation.actions.ladder import raise_by_itself, tell_story, write_round
from kitting.escalation.actions.rows import add_entry, locked
from kitting.escalation.actions.waiting import (
    CLOSED,
    LOOKED,
    NOTHING,
    OPENED,
    close_by_progress,
    set_noticed,
)
from kitting.escalation.channels import Round, Telling
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
from kitting.journeys.actions import notice_many
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.escalation.queries.ladder import Sign


log = logging.getLogger(__name__)


BATCH = 500
# So many rows are locked and written in one transaction: whoever presses a button meanwhile waits for no more.
TOGETHER = 100

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
        "person__place_id",
    ),
    "loan__handed_over_at",
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
    keys = [pk for pk, _count in due]
    outcomes = _together("journeys", keys, partial(_look_at_many, sight=sight))
    for pk in keys:
        if pk not in outcomes:
            outcomes[pk] = _safely("journey", pk, partial(_look, pk, sight))
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
    sight: dict[str, Any] = {
        "now": now,
        "book": organisation_book(),
        "halts": halts_lately(now=now),
        "ladders": ladder_book(),
    }
    climb_now, climb_many_now = partial(climb, **sight), partial(climb_many, **sight)
    outcomes = _together("tickets", due, climb_many_now)
    for pk in due:
        if pk not in outcomes:
            outcomes[pk] = _safely("ticket", pk, partial(climb_now, ticket_id=pk))
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


def _together(
    what: str, keys: Sequence[int], act: Callable[[Sequence[int]], dict[int, str]]
) -> dict[int, str]:
    """Give many rows their turn in one transaction; those among whom something goes wrong are left out."""
    outcomes: dict[int, str] = {}
    for at in range(0, len(keys), TOGETHER):
        some = keys[at : at + TOGETHER]
        try:
            outcomes |= act(some)
        except (InterfaceError, OperationalError):
            raise
        except Exception:  # which of them it was shows when each has its turn
            log.warning("The sweep looks at %s %s one by one", len(some), what, exc_info=True)
    return outcomes


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


@transaction.atomic
def _look_at_many(keys: Sequence[int], sight: _Sight) -> dict[int, str]:
    """Look at many in a dozen statements; returns what came of each, without those to be looked at alone.

    Rows are locked first, those somebody else is at are skipped: nobody waits, nothing is opened twice.
    """
    rows = (
        Journey.objects.open()
        .filter(pk__in=keys, attention_at__lte=sight.now)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("person", "loan")
        .only(*FOR_LOOKING)
    )
    mine = {row.pk: row for row in rows if row.event_count == sight.event_counts[row.pk]}
    _share(list(mine.values()))
    past = _tickets_of(mine)
    outcomes = {pk: NOTHING for pk in keys if pk not in mine}
    later: dict[datetime | None, list[int]] = {}
    found: dict[int, Reason] = {}
    for pk in keys:
        verdict = _judged(mine[pk], past.get(pk, ()), sight) if pk in mine else None
        if verdict is None:
            continue
        if verdict.reason is None:
            later.setdefault(verdict.look_again_at, []).append(pk)
            outcomes[pk] = LOOKED
        else:
            found[pk] = verdict.reason
            outcomes[pk] = OPENED
    _look_later(later)
    if found:
        _open_many(found, sight)
    return outcomes


def _tickets_of(journeys: Collection[int]) -> dict[int, list[Ticket]]:
    found: dict[int, list[Ticket]] = {}
    for ticket in Ticket.objects.filter(journey__in=journeys).order_by("opened_at", "pk"):
        found.setdefault(ticket.journey_id or 0, []).append(ticket)
    return found


def _share(journeys: Sequence[Journey]) -> None:
    """Give journeys their departments, places and waves: rows that many have alike are read once."""
    people = [journey.person for journey in journeys]
    here = {row.place_id for row in journeys} | {row.place_id for row in people}
    places = Place.objects.in_bulk(here - {None})
    waves = Wave.objects.in_bulk({row.wave_id for row in journeys} - {None})
    departments = Department.objects.in_bulk({row.department_id for row in journeys} - {None})
    for person in people:
        person.place = places.get(person.place_id)
    for journey in journeys:
        journey.place = places.get(journey.place_id)
        journey.wave = waves.get(journey.wave_id)
        journey.department = departments[journey.department_id]


def _judged(journey: Journey, past: Sequence[Ticket], sight: _Sight) -> rules.Verdict | None:
    """Return what is to be said about a journey; nothing where more than that is to be done."""
    is_open = {t.kind for t in past if t.state in OPEN}
    signs = sight.signs.get(journey.pk, ())
    if TicketKind.QUIET in is_open or any(s.kind == EventKind.OTHER_ACCOUNT for s in signs):
        return None
    calendar = sight.book.of_person(journey.person)
    if TicketKind.HELP in is_open:
        look_at = rules.RECHECK_WITH_TICKET.until(calendar, sight.now)
        return rules.Verdict(look_again_at=look_at)
    return rules.judge(_watched(journey, past, sight), calendar=calendar, now=sight.now)


def _look_later(at: Mapping[datetime | None, Sequence[int]]) -> None:
    for moment, keys in at.items():
        Journey.objects.filter(pk__in=keys).update(attention_at=moment)


def _open_many(found: Mapping[int, Reason], sight: _Sight) -> None:
    """Open a ticket each for journeys that are locked: the same as `_open_found` does for one."""
    rows = Journey.objects.select_related("person", "loan__device").filter(pk__in=found)
    journeys = {journey.pk: journey for journey in rows}
    _share(list(journeys.values()))
    tickets = Ticket.objects.bulk_create(
        [_ticket(journeys[pk], TicketKind.QUIET, why, sight) for pk, why in found.items()]
    )
    notice_many(journeys.values())
    said = Round()
    said.look_up_days([one.person_id for one in journeys.values()], since=sight.now)
    later: dict[datetime | None, list[int]] = {}
    for (pk, why), ticket in zip(found.items(), tickets, strict=True):
        telling = Telling(ticket, sight.book, sight.now, round=said)
        tell_story(telling, EntryKind.OPENED, reason=why)
        raise_by_itself(telling, sight.ladders, first=True)
        calendar = sight.book.of_person(journeys[pk].person)
        look_at = rules.RECHECK_WITH_TICKET.until(calendar, sight.now)
        later.setdefault(look_at, []).append(pk)
    write_round(said)
    _look_later(later)


@transaction.atomic
def _look(pk: int, sight: _Sight) -> str:
    """Judge one journey: open a ticket, close one that progress has answered, or look later."""
    journey = (
        Journey.objects.select_for_update(of=("self",), skip_locked=True)
        .select_related("person__place", "wave", "loan__device", "department", "place")
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
    ticket = _ticket(journey, kind, reason, sight)
    ticket.save()
    add_entry(ticket, EntryKind.OPENED, sight.now, data={"reason": reason})
    set_noticed(ticket, is_noticed=True)
    raise_by_itself(Telling(ticket, sight.book, sight.now), sight.ladders, first=True)


def _ticket(journey: Journey, kind: TicketKind, reason: Reason, sight: _Sight) -> Ticket:
    return Ticket(
        kind=kind,
        journey=journey,
        reason=reason,
        source=Source.SWEEP,
        step_key=journey.current_step,
        department=journey.department,
        place=journey.place,
        opened_at=sight.now,
    )
