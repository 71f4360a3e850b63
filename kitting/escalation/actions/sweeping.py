"""One round over the journeys and tickets whose moment has come."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Model

from accounts.bulk import write_many
from accounts.models import Department, Place
from kitting.escalation import rules
from kitting.escalation.actions.climbing import (
    RAISED,
    STUMBLED,
    claim_tickets,
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
    from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook
    from kitting.escalation.queries.ladder import Sign


log = logging.getLogger(__name__)

Row = TypeVar("Row", Journey, Ticket)
M = TypeVar("M", bound=Model)

BATCH = 500
# So many rows are locked and written in one transaction: whoever presses a button meanwhile waits for no more.
TOGETHER = 250

# A row the sweep stumbled over is looked at again later, so that one cannot stop the rest.
STUMBLE = timedelta(hours=1)


# What a step takes where its guide does not say.
USUAL_MINUTES = 5
# A helper's word on one of these lets the clocks of the person begin anew.
ABOUT_BEING_STUCK = (TicketKind.HELP, TicketKind.QUIET)


# What deciding about a journey looks at, and saying something about it; nothing of its guide.
FOR_LOOKING = (
    *("begun_at", "opened_at", "last_event_at", "ready_at", "paused_until", "on_paper"),
    *("arrived_at", "department_id", "wave_id", "created_at", "attention_at", "event_count"),
    *("current_step", "edition_id", "place_id", "is_noticed", "help_state", "at_home_at"),
    *("fast_until", "active_seconds", "opened_seconds", "ready_seconds", "asked_at"),
    *("person__hours_id", "person__place_id", "person__leave_from_on", "person__leave_to_on"),
    *("person__name", "person__username", "person__email", "person__language"),
    *("person__extension", "loan__handed_over_at"),
    *("loan__device__asset_tag", "loan__device__serial_number"),
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
    if not Journey.objects.needing_attention(now=now).exists():
        return Swept()
    sight = _Sight(
        now=now,
        book=organisation_book(),
        minutes=minutes_by_step(),
        halts=halts_lately(now=now),
        learned=learned_patience(),
        ladders=ladder_book(),
    )
    came = _in_turns(
        _Kind(
            "journey",
            claim=partial(_claim_journeys, now=now),
            act=partial(_look_at_many, sight=sight),
            alone=partial(_look, sight=sight),
            put_off=lambda keys: Journey.objects.filter(pk__in=keys).update(
                attention_at=now + STUMBLE
            ),
        ),
        limit,
    )
    return Swept(
        looked=came[LOOKED] + came[OPENED] + came[CLOSED],
        opened=came[OPENED],
        closed=came[CLOSED],
        stumbled=came[STUMBLED],
        due=came.total(),
    )


def _sweep_tickets(now: datetime, limit: int) -> Swept:
    if not Ticket.objects.due(now=now).exists():
        return Swept()
    sight: dict[str, Any] = {
        "now": now,
        "book": organisation_book(),
        "halts": halts_lately(now=now),
        "ladders": ladder_book(),
    }
    came = _in_turns(
        _Kind(
            "ticket",
            claim=partial(claim_tickets, now=now),
            act=partial(climb_many, **sight, known={}),
            alone=partial(climb, **sight),
            put_off=lambda keys: Ticket.objects.filter(pk__in=keys).update(
                due_at=now + STUMBLE
            ),
        ),
        limit,
    )
    return Swept(
        closed=came[CLOSED],
        raised=came[RAISED],
        stumbled=came[STUMBLED],
        due=came.total(),
    )


@dataclass(frozen=True)
class _Kind(Generic[Row]):
    """How rows of a kind have their turn: many together, or one alone."""

    name: str
    # Locks so many that are due and free; returns the keys of all it found, and the rows it holds.
    claim: Callable[[int], tuple[list[int], dict[int, Row]]]
    # Says what came of each, without those that are to have their turn alone.
    act: Callable[[dict[int, Row]], dict[int, str]]
    alone: Callable[[int], str]
    put_off: Callable[[list[int]], object]


def _in_turns(kind: _Kind[Row], limit: int) -> Counter[str]:
    """Give what is due its turn, 250 at once, until so many had it; returns how often came what."""
    came: Counter[str] = Counter()
    while came.total() < limit:
        most = min(TOGETHER, limit - came.total())
        keys, outcomes = _together(kind, most)
        for pk in keys:
            if pk not in outcomes:
                outcomes[pk] = _safely(kind.name, pk, partial(kind.alone, pk))
        stumbled = [pk for pk, outcome in outcomes.items() if outcome == STUMBLED]
        if stumbled:
            kind.put_off(stumbled)
        came.update(outcomes.values())
        if len(keys) < most:
            break
    return came


def _together(kind: _Kind[Row], most: int) -> tuple[list[int], dict[int, str]]:
    """Give many rows their turn in one transaction; where that goes wrong each is to have its own."""
    keys: list[int] = []
    try:
        with transaction.atomic():
            keys, rows = kind.claim(most)
            return keys, kind.act(rows)
    except (InterfaceError, OperationalError):
        raise
    except Exception:  # which of them it was shows when each has its turn
        if not keys:
            raise
        log.warning("The sweep looks at %s %ss one by one", len(keys), kind.name, exc_info=True)
        return keys, {}


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
    minutes: Mapping[tuple[int, str], int]
    halts: Sequence[rules.Halt] = ()
    learned: Mapping[str, timedelta] = field(default_factory=dict)
    ladders: LadderBook = field(default_factory=LadderBook)
    # Places, waves, departments by number, and what all messages of the round have in common.
    alike: dict[type[Model], dict[int, Any]] = field(default_factory=dict)
    known: dict[Hashable, Any] = field(default_factory=dict)

    def recheck_at(self, journey: Journey) -> datetime:
        """Return when somebody is looked at again who has a ticket; on one calendar all at once."""
        calendar = self.book.of_person(journey.person)
        key = ("recheck", id(calendar))
        if key not in self.known:
            self.known[key] = rules.RECHECK_WITH_TICKET.until(calendar, self.now)
        found: datetime = self.known[key]
        return found

    def of(self, model: type[M], keys: set[int | None]) -> dict[int, M]:
        """Return rows that many have alike, each read once in a round."""
        have = self.alike.setdefault(model, {})
        if new := keys - have.keys() - {None}:
            have |= model._default_manager.in_bulk(new)
        return have


def _claim_journeys(most: int, *, now: datetime) -> tuple[list[int], dict[int, Journey]]:
    """Lock journeys that are due; those somebody else is at are passed over: nobody waits."""
    rows = (
        Journey.objects.needing_attention(now=now)
        .select_for_update(of=("self",), skip_locked=True)
        .select_related("person", "loan__device")
        .only(*FOR_LOOKING)
        .order_by("attention_at")[:most]
    )
    mine = {row.pk: row for row in sorted(rows, key=attrgetter("attention_at", "pk"))}
    return list(mine), mine


def _look_at_many(mine: dict[int, Journey], sight: _Sight) -> dict[int, str]:
    """Look at many that are locked, in a dozen statements.

    What speaks of trouble is read once they are locked: whoever moved in between is seen, or was skipped.
    """
    _share(mine.values(), sight)
    past, signs = _tickets_of(mine), signs_by_journey(list(mine))
    outcomes: dict[int, str] = {}
    later: dict[datetime | None, list[int]] = {}
    found: dict[int, Reason] = {}
    for pk, journey in mine.items():
        verdict = _judged(journey, past.get(pk, ()), signs.get(pk, ()), sight)
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
        _open_many({pk: mine[pk] for pk in found}, found, sight)
    return outcomes


def _tickets_of(journeys: Collection[int]) -> dict[int, list[Ticket]]:
    found: dict[int, list[Ticket]] = {}
    for ticket in Ticket.objects.filter(journey__in=journeys).order_by("opened_at", "pk"):
        found.setdefault(ticket.journey_id or 0, []).append(ticket)
    return found


def _share(journeys: Collection[Journey], sight: _Sight) -> None:
    """Give journeys their departments, places and waves: rows that many have alike are read once."""
    people = [journey.person for journey in journeys]
    here = {row.place_id for row in journeys} | {row.place_id for row in people}
    places = sight.of(Place, here)
    waves = sight.of(Wave, {row.wave_id for row in journeys})
    departments = sight.of(Department, {row.department_id for row in journeys})
    for person in people:
        person.place = places.get(person.place_id or 0)
    for journey in journeys:
        journey.place = places.get(journey.place_id or 0)
        journey.wave = waves.get(journey.wave_id or 0)
        journey.department = departments[journey.department_id]


def _judged(
    journey: Journey, past: Sequence[Ticket], signs: Sequence[Sign], sight: _Sight
) -> rules.Verdict | None:
    """Return what is to be said about a journey; nothing where more than that is to be done."""
    is_open = {t.kind: t for t in past if t.state in OPEN}
    found = is_open.get(TicketKind.QUIET)
    if any(s.kind == EventKind.OTHER_ACCOUNT for s in signs):
        return None
    if found and progressed(journey, found):
        return None
    if found or TicketKind.HELP in is_open:
        return rules.Verdict(look_again_at=sight.recheck_at(journey))
    watched = _watched(journey, past, signs, sight)
    return rules.judge(watched, calendar=sight.book.of_person(journey.person), now=sight.now)


def _look_later(at: Mapping[datetime | None, Sequence[int]]) -> None:
    for moment, keys in at.items():
        Journey.objects.filter(pk__in=keys).update(attention_at=moment)


def _open_many(
    journeys: Mapping[int, Journey], why: Mapping[int, Reason], sight: _Sight
) -> None:
    """Open a ticket each for journeys that are locked: the same as `_open_found` does for one."""
    tickets = [
        _ticket(journey, TicketKind.QUIET, why[pk], sight) for pk, journey in journeys.items()
    ]
    write_many(tickets)
    notice_many(journeys.values())
    said = Round(known=sight.known)
    said.look_up_days([one.person_id for one in journeys.values()], since=sight.now)
    later: dict[datetime | None, list[int]] = {}
    for (pk, journey), ticket in zip(journeys.items(), tickets, strict=True):
        telling = Telling(ticket, sight.book, sight.now, round=said)
        tell_story(telling, EntryKind.OPENED, reason=why[pk])
        raise_by_itself(telling, sight.ladders, first=True)
        later.setdefault(sight.recheck_at(journey), []).append(pk)
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
    if journey is None:
        return NOTHING  # another sweeper was here first, or the person moves just now
    past = list(Ticket.objects.filter(journey=journey).order_by("opened_at", "pk"))
    signs = signs_by_journey([pk]).get(pk, ())
    _look_for_other_account(journey, past, signs, sight)
    outcome = _close_found(journey, past, now=sight.now)
    calendar = sight.book.of_person(journey.person)
    verdict = rules.Verdict(look_again_at=sight.recheck_at(journey))
    if not any(t.kind in ABOUT_BEING_STUCK and t.state in OPEN for t in past):
        watched = _watched(journey, past, signs, sight)
        judged = rules.judge(watched, calendar=calendar, now=sight.now)
        if judged.reason is None:
            verdict = judged
        else:
            _open_found(journey, TicketKind.QUIET, judged.reason, sight)
            outcome = OPENED
    Journey.objects.filter(pk=pk).update(attention_at=verdict.look_again_at)
    return outcome


def _watched(
    journey: Journey, past: Sequence[Ticket], signs: Sequence[Sign], sight: _Sight
) -> rules.Watched:
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
            for sign in signs
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


def _look_for_other_account(
    journey: Journey, past: Sequence[Ticket], signs: Sequence[Sign], sight: _Sight
) -> None:
    """Open a ticket when somebody else's account turned up where this journey was open."""
    arrived = [sign.at for sign in signs if sign.kind == EventKind.OTHER_ACCOUNT]
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
