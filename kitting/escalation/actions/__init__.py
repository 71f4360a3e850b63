"""Everything that opens, raises, answers and ends tickets."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import OperationalError, transaction
from django.db.models import F, Q

from accounts.actions import count_try, write_audit
from accounts.models import User
from accounts.queries import local_day
from accounts.roll import RollResult, import_roll
from accounts.states import IT_ROLES
from kitting.devices.actions import (
    Deed,
    NotInThatStateError,
    end_loan,
    happen,
    move_loans,
)
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceEventKind, DeviceState
from kitting.escalation import rules
from kitting.escalation.actions.outages import gather
from kitting.escalation.actions.rungs import ask_level
from kitting.escalation.channels import Telling, about, tell_leads, tell_person
from kitting.escalation.models import StepPace, Ticket, TicketEntry, TicketPhoto
from kitting.escalation.queries import (
    LadderBook,
    album_is_full,
    finished_ways,
    halts_lately,
    ladder_book,
    learned_patience,
    minutes_by_step,
    organisation_book,
    signs_by_journey,
)
from kitting.escalation.states import (
    OPEN,
    EntryKind,
    Level,
    Reason,
    Source,
    TicketKind,
    TicketState,
    Wish,
)
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason, EventKind, HelpState
from kitting.notices.actions import cancel as cancel_notices
from kitting.rollout.models import Wave
from kitting.rollout.states import HeldWhy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.forms import PersonRow
    from accounts.queries import CalendarBook
    from kitting.escalation.queries import Sign
    from kitting.lib import clock
    from kitting.lib.photos import Photo

log = logging.getLogger(__name__)

REPORTS_PER_CLIENT = 5
REPORT_WINDOW = timedelta(hours=1)
BATCH = 500
# A file may lie there for a moment before the row that names it is written.
UNCLAIMED = timedelta(days=1)
# A row the sweep stumbled over is looked at again later, so that one cannot stop the rest.
STUMBLE = timedelta(hours=1)
# The same words twice within a minute are one press that arrived twice.
DOUBLE_PRESS = timedelta(minutes=1)
# What the person (or a caller in their name) says; a helper's words are other entries.
SAID = (EntryKind.OPENED, EntryKind.MERGED, EntryKind.STILL)
# What a step takes where its guide does not say.
USUAL_MINUTES = 5
# A helper's word on one of these lets the clocks of the person begin anew.
ABOUT_BEING_STUCK = (TicketKind.HELP, TicketKind.QUIET)
# What the wording of a message looks at.
FOR_TELLING = (
    "journey__person__place",
    "journey__loan__device",
    "journey__department",
    "journey__place",
    "journey__wave",
    "person__place",
    "device",
    "department",
    "place",
    "taken_by",
)
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
# What may come of one row's turn in the sweep.
NOTHING, LOOKED, OPENED, CLOSED = "", "looked", "opened", "closed"
RAISED, STUMBLED = "raised", "stumbled"
# What people bring to IT from a box page: the leads, who hand boxes out, hear of it too.
LEADS_HEAR_OF = (TicketKind.HELP, TicketKind.WRONG_BOX)


class TicketError(Exception):
    """A ticket cannot do what was asked."""


class AlreadyTakenError(TicketError):
    """Somebody else took it a moment before; carries who."""

    def __init__(self, by: User | None) -> None:
        super().__init__()
        self.by = by


class TooManyReportsError(TicketError):
    """One browser reported the same box too often."""


class TicketEndedError(TicketError):
    """The ticket is resolved already."""


class NobodyReadsError(TicketError):
    """There is no page on which the person could read an answer to this ticket."""


class NotLostError(TicketError):
    """Only a report of a loss can mark a device as lost."""


class AlbumFullError(TicketError):
    """There are photos enough, of the question or of the journey today."""


class JourneyOverError(TicketError):
    """The device went back, was exchanged or lost: nothing can be asked about it any more."""


@dataclass(frozen=True)
class _Said:
    """What somebody says when asking: own words, a photo, what was picked, on which step's page."""

    words: str = ""
    choice: str = ""
    step: str = ""
    photo: Photo | None = None

    @property
    def facts(self) -> dict[str, object]:
        return {"choice": self.choice, "step": self.step}


# --- asking --------------------------------------------------------------------------------------


@transaction.atomic
def ask(  # noqa: PLR0913  # a question has this many facts, and callers name each
    *,
    journey: Journey,
    choice: str,
    words: str,
    wish: Wish,
    who: journeys.Who,
    now: datetime,
    step_key: str = "",
    photo: Photo | None = None,
    client_key: str | None = None,
) -> Ticket:
    """Ask for help on a journey: IT at once, the lead is told. Asking again is said once more.

    The same form sent twice (`client_key`) is one question.

    `choice` names the trouble or reason picked on the page of `step_key` (the current step unless
    told), `words` are the person's own. What the sweep had opened and nobody took is closed: the
    person has spoken. Raises `JourneyOverError`, `AlbumFullError`.
    """
    journey = _locked_journey(journey.pk)
    if client_key and not journeys.take_press(
        client=client_key,
        sequence=0,
        path=f"help {journey.pk}",
        client_at=who.client_at,
        now=now,
    ):
        known = Ticket.objects.filter(journey=journey, kind=TicketKind.HELP).order_by("-pk")
        if (ticket := known.first()) is not None:
            return ticket
    step = step_key or journey.current_step
    said = _Said(words=words, choice=choice, step=step, photo=photo)
    return _ask(journey, said, wish=wish, source=Source.PERSON, actor=who.actor, now=now)


@transaction.atomic
def ask_for(*, journey: Journey, words: str, by: User, source: Source, now: datetime) -> Ticket:
    """Note a call or a visit: help asked for on somebody's behalf. Raises `JourneyOverError`."""
    journey = _locked_journey(journey.pk)
    said = _Said(words=words, step=journey.current_step)
    return _ask(journey, said, wish=Wish.PHONE, source=source, actor=by, now=now)


@transaction.atomic
def take_call(  # noqa: PLR0913  # a call has this many facts, and the one caller names each
    *,
    kind: TicketKind,
    words: str,
    by: User,
    now: datetime,
    journey: Journey | None = None,
    device: Device | None = None,
    person: User | None = None,
    keep: bool = False,
) -> Ticket:
    """Note a call: a loss of a device, or help about a journey, else a person, else a device.

    `keep` gives the ticket to the one who answered the phone, unless somebody has it already.
    """
    if kind == TicketKind.LOSS and device is not None:
        ticket = _report(device, kind, words=words, source=Source.PHONE, actor=by, now=now)
    elif journey is not None:
        ticket = ask_for(journey=journey, words=words, by=by, source=Source.PHONE, now=now)
    elif person is not None:
        ticket = _ask_about_person(person, words=words, by=by, now=now)
    elif device is not None:
        ticket = _report(device, kind, words=words, source=Source.PHONE, actor=by, now=now)
    else:
        raise JourneyOverError
    if keep and ticket.taken_by_id is None:
        ticket = take(ticket=ticket, by=by, now=now)
    return ticket


@transaction.atomic
def report(
    *,
    device: Device,
    kind: TicketKind,
    words: str,
    client: str,
    now: datetime,
    by: User | None = None,
) -> Ticket:
    """Report something about a box without a journey: help, not my box, lost, found.

    Anyone who holds the box may do so; limited per browser. Raises `TooManyReportsError`.
    """
    key = f"report:{device.pk}:{client}"
    if not count_try(key=key, limit=REPORTS_PER_CLIENT, window=REPORT_WINDOW, now=now):
        raise TooManyReportsError
    source = Source.BOX_PAGE if by is None else Source.STAFF
    return _report(device, kind, words=words, source=source, actor=by, now=now)


@transaction.atomic
def report_loss(  # see take_call
    *,
    device: Device | None,
    person: User | None,
    words: str,
    source: Source,
    actor: User | None,
    now: datetime,
) -> Ticket:
    """Open the ticket of a loss, past everybody's quiet hours: of a device, else of a person."""
    if device is not None:
        kind = TicketKind.LOSS
        return _report(device, kind, words=words, source=source, actor=actor, now=now)
    if person is None:
        raise NotLostError
    return _ask_about_person(
        person, words=words, by=actor, now=now, kind=TicketKind.LOSS, source=source
    )


@transaction.atomic
def say_again(
    *,
    ticket: Ticket,
    words: str,
    actor: User | None,
    now: datetime,
    photo: Photo | None = None,
) -> Ticket:
    """Add words or a photo of the person to a ticket; one answered or resolved waits again.

    Raises `AlbumFullError`.
    """
    ticket = locked(ticket)
    said = _Said(words=words, photo=photo)
    if ticket.state == TicketState.RESOLVED:
        return _reopen(ticket, said, actor=actor, now=now)
    return _say_again(ticket, said, actor=actor, now=now)


# --- the person's answer ---------------------------------------------------------------------------


@transaction.atomic
def better(*, ticket: Ticket, actor: User | None, now: datetime) -> Ticket:
    """Take the person's word that it works now."""
    return _over(locked(ticket), EntryKind.BETTER, actor=actor, now=now)


@transaction.atomic
def cancel(*, ticket: Ticket, actor: User | None, now: datetime) -> Ticket:
    """Let the person take the question back."""
    ticket = locked(ticket)
    if ticket.state == TicketState.RESOLVED:
        return ticket
    return _over(ticket, EntryKind.CANCELLED, actor=actor, now=now)


@transaction.atomic
def still(*, ticket: Ticket, words: str, actor: User | None, now: datetime) -> Ticket:
    """Take the person's word that it does not work yet: what was answered waits for IT again.

    A question that nobody has answered yet keeps its place.
    """
    ticket = locked(ticket)
    said = _Said(words=words)
    if ticket.state == TicketState.RESOLVED:
        return _reopen(ticket, said, actor=actor, now=now)
    if not _said_before(ticket, said, now=now):
        _note_said(ticket, EntryKind.STILL, said, actor=actor, now=now)
    return ticket if ticket.is_waiting else _renew(ticket, book=organisation_book(), now=now)


def _over(ticket: Ticket, kind: EntryKind, *, actor: User | None, now: datetime) -> Ticket:
    if ticket.asked_better_at is not None:
        return ticket
    if ticket.state != TicketState.RESOLVED:
        _resolve(ticket, by=actor, now=now)
        cancel_notices(about=about(ticket))
    ticket.asked_better_at = now
    ticket.save(update_fields=["asked_better_at"])
    _entry(ticket, kind, now, actor=actor, to_person=True)
    return ticket


def _reopen(ticket: Ticket, said: _Said, *, actor: User | None, now: datetime) -> Ticket:
    """Open a resolved ticket again, or add to the one that was opened since."""
    other = (
        Ticket.objects.open().filter(kind=ticket.kind, **ticket.subject).order_by("pk").first()
    )
    if other is not None:
        return _say_again(locked(other), said, actor=actor, now=now)
    _note_said(ticket, EntryKind.STILL, said, actor=actor, now=now)
    return _renew(ticket, book=organisation_book(), now=now)


# --- helpers' moves --------------------------------------------------------------------------------


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
        _entry(ticket, EntryKind.TAKEN, now, actor=by)
    return ticket


@transaction.atomic
def reply(*, ticket: Ticket, by: User, words: str, now: datetime) -> Ticket:
    """Answer the person: readable in the guide at once, by mail where there is one.

    From now on the person is awaited. Raises `TicketEndedError`, `NobodyReadsError`.
    """
    ticket = _open(ticket)
    if ticket.kind != TicketKind.HELP or ticket.journey is None:
        raise NobodyReadsError
    if _wrote_before(ticket, EntryKind.REPLY, words, by=by, now=now):
        return ticket
    book = organisation_book()
    first = ladder_book().of_ticket(ticket, answered=True).rungs[0]
    ticket.state = TicketState.ANSWERED
    ticket.level, ticket.level_asks = first.level, 1
    ticket.due_at = first.wait.until(book.of_person(ticket.journey.person), now)
    _answered(ticket, by=by, now=now)
    _set_help(ticket, HelpState.ANSWERED, now)
    entry = _entry(ticket, EntryKind.REPLY, now, actor=by, text=words, to_person=True)
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
    if not _wrote_before(ticket, EntryKind.NOTE, words, by=by, now=now):
        data = {"outcome": outcome, "minutes": minutes}
        _entry(ticket, EntryKind.NOTE, now, actor=by, text=words, data=data)
        Ticket.objects.filter(pk=ticket.pk).update(minutes_spent=F("minutes_spent") + minutes)
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
    ticket = _open(ticket)
    ticket.minutes_spent += minutes
    _answered(ticket, by=by, now=now)
    _resolve(ticket, by=by, now=now)
    entry = _entry(
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
    ticket = take(ticket=_open(ticket), by=by, now=now)
    last = ticket.entries.filter(kind=EntryKind.GOING, actor=by).order_by("-pk").first()
    if last is not None and not ticket.is_waiting:
        return ticket
    ticket.state = TicketState.TAKEN
    ticket.level = level_of_helper(ticket, by, now=now)
    wait = ladder_book().of_ticket(ticket, answered=True).taken
    ticket.due_at = wait.until(organisation_book().of_person(by), now)
    _answered(ticket, by=by, now=now)
    _set_help(ticket, HelpState.ANSWERED, now)
    _entry(ticket, EntryKind.GOING, now, actor=by, to_person=True)
    return ticket


@transaction.atomic
def pass_to_it(*, ticket: Ticket, by: User, words: str, now: datetime) -> Ticket:
    """Hand a lead's ticket to IT; who asked waits for an answer again. Raises `TicketEndedError`."""
    ticket = _open(ticket)
    book = organisation_book()
    ticket.state = TicketState.NEW
    ticket.level, ticket.level_asks = Level.LEAD, 0
    ticket.taken_by = None
    ticket.taken_at = None
    ticket.round += 1
    ticket.save(update_fields=["state", "level", "level_asks", "taken_by", "taken_at", "round"])
    _entry(ticket, EntryKind.PASSED, now, actor=by, text=words)
    _await_answer(ticket, book=book, now=now)
    _raise(Telling(ticket, book, now, knows=by), further=True)
    return ticket


@transaction.atomic
def mark_lost(*, ticket: Ticket, by: User, now: datetime) -> Ticket:
    """Confirm a loss: the loan and the journey end, its box sessions with it, the device is lost.

    What else was open about the journey ends too. Raises `TicketEndedError`, `NotLostError`.
    """
    ticket = _open(ticket)
    device = ticket.device or (ticket.journey.loan.device if ticket.journey else None)
    if device is None or ticket.kind != TicketKind.LOSS:
        raise NotLostError
    _note_lost(device, deed=Deed(now=now, by=by))
    _close_journeys(device, reason=CloseReason.LOST, but=ticket, now=now)
    Loan.objects.open().filter(device=device).update(ended_at=now)
    _entry(ticket, EntryKind.NOTE, now, actor=by, data={"device": "lost"})
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
    journey = _locked_journey(journey.pk)
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
    _entry(ticket, EntryKind.OPENED, now, data={"differences": what})
    for kind, seen in sorted(differences.items()):
        _entry(ticket, EntryKind.NOTE, now, data={"finding": kind, "seen": seen})
    _raise_by_itself(Telling(ticket, organisation_book(), now), first=True)
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
    _close_by_progress(ticket, why="agrees", now=now)
    return True


@transaction.atomic
def note_on_loss(*, device: Device, what: str, by: User | None, now: datetime) -> int:
    """Write into the open losses of a device what became of it at Google; returns how many."""
    about_it = Q(device=device) | Q(journey__loan__device=device)
    losses = list(Ticket.objects.open().filter(about_it, kind=TicketKind.LOSS))
    for ticket in losses:
        _entry(ticket, EntryKind.NOTE, now, actor=by, data={"device": what})
    return len(losses)


def _close_journeys(
    device: Device, *, reason: CloseReason, now: datetime, but: Ticket | None = None
) -> None:
    """End the journeys of a device, and every ticket about them: nobody can walk or read on."""
    open_journeys = list(Journey.objects.open().filter(loan__device=device))
    journeys.close_journeys(open_journeys, reason=reason, now=now)
    for ticket in Ticket.objects.open().filter(journey__in=open_journeys).order_by("pk"):
        if ticket != but:
            _close_by_progress(locked(ticket), why="journey_over", now=now)


@transaction.atomic
def close_over(*, ticket: Ticket, now: datetime, why: str = "journey_over") -> None:
    """End a ticket whose matter is over: the device is elsewhere by now."""
    fresh = locked(ticket)
    if fresh.state != TicketState.RESOLVED:
        _close_by_progress(fresh, why=why, now=now)


def wait_of_taker(ticket: Ticket) -> rules.Wait:
    """Return how long whoever takes a ticket has before the next rung hears of it."""
    return ladder_book().of_ticket(ticket, answered=False).taken


def level_of_helper(ticket: Ticket, by: User, *, now: datetime) -> Level:
    """Return the rung a helper stands on, and never a lower one than the ticket has reached."""
    team = User.objects.with_role(*IT_ROLES, on=local_day(now))
    own = Level.IT if team.filter(pk=by.pk).exists() else Level.LEAD
    return max(own, Level(ticket.level), key=rules.height)


# --- people who leave --------------------------------------------------------------------------------


@transaction.atomic
def take_in_roll(
    *,
    rows: Iterable[PersonRow],
    now: datetime,
    dry_run: bool = False,
    by: User | None = None,
    batch: str = "",
    expect: str = "",
) -> RollResult:
    """Take the roll in, let devices move with their people, and follow who left; all or nothing."""
    result = import_roll(rows=rows, now=now, dry_run=dry_run, by=by, batch=batch, expect=expect)
    if not (dry_run or result.flaws or result.is_stale):
        if move_loans(moves=result.moves, batch=batch):
            journeys.follow_loans(now=now, batch=batch)
        follow_departures(now=now)
    return result


@transaction.atomic
def follow_departures(*, now: datetime) -> int:
    """Close the journeys of people whose leaving date has come and ask their devices back."""
    gone = _gone(now)
    book = organisation_book() if gone else None
    done = [_depart(pk, book=book, now=now) for pk in gone if book]
    return done.count(CLOSED)


def _gone(now: datetime) -> list[int]:
    """Return the devices of people who left that are not asked back yet."""
    loans = (
        Loan.objects.open()
        .filter(person__left_on__lte=local_day(now))
        .exclude(device__state__in=(DeviceState.RETURNING, DeviceState.LOST))
    )
    return list(loans.order_by("pk").values_list("device_id", flat=True))


@transaction.atomic
def _depart(device_id: int, *, book: CalendarBook, now: datetime) -> str:
    device = (
        Device.objects.select_for_update(skip_locked=True)
        .exclude(state__in=(DeviceState.RETURNING, DeviceState.LOST))
        .filter(pk=device_id)
        .first()
    )
    if device is None:  # another sweeper was here first
        return NOTHING
    try:
        happen(device_id=device_id, kind=DeviceEventKind.ASKED_BACK, deed=Deed(now=now))
    except NotInThatStateError:  # it is at IT already: nobody has to bring it
        _close_journeys(device, reason=CloseReason.PERSON_LEFT, now=now)
        end_loan(device_id=device_id, now=now)
        return CLOSED
    _close_journeys(device, reason=CloseReason.PERSON_LEFT, now=now)
    ticket, is_new = _about_device(device, TicketKind.RETURN, source=Source.SWEEP, now=now)
    if is_new:
        _entry(ticket, EntryKind.OPENED, now)
        _raise_by_itself(Telling(ticket, book, now), first=True)
    return CLOSED


# --- a wave on hold ------------------------------------------------------------------------------------


@transaction.atomic
def hold_wave(
    *,
    wave: Wave,
    now: datetime,
    by: User | None = None,
    why: HeldWhy = HeldWhy.HAND,
    stuck: int = 0,
    begun: int = 0,
) -> bool:
    """Stop the clocks of everybody in a wave; tell whether they ran.

    `stuck` of `begun` people is what it was held for, where it was held by itself.
    """
    held = Wave.objects.filter(pk=wave.pk, held_at__isnull=True).update(
        held_at=now, held_why=why, held_by=by, held_stuck=stuck, held_begun=begun
    )
    if held:
        data = {"why": why.value, "stuck": stuck, "begun": begun}
        write_audit(action="wave.held", now=now, by=by, subject=wave.name, data=data)
    return bool(held)


@transaction.atomic
def release_wave(*, wave: Wave, now: datetime, by: User | None = None) -> int:
    """Let the clocks of a wave run again, from now on; return how many journeys go on.

    Whoever pauses for longer goes on pausing.
    """
    released = Wave.objects.filter(pk=wave.pk, held_at__isnull=False).update(
        held_at=None, held_why="", held_by=None, held_stuck=0, held_begun=0, released_at=now
    )
    if not released:
        return 0
    write_audit(action="wave.released", now=now, by=by, subject=wave.name)
    waiting = Journey.objects.open().filter(
        Q(paused_until__isnull=True) | Q(paused_until__lte=now),
        wave=wave,
        ready_at__isnull=True,
    )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    for pk in keys:
        journeys.pause(journey_id=pk, until=now, who=journeys.SYSTEM, now=now)
    return len(keys)


# --- what finished journeys teach ----------------------------------------------------------------------


@transaction.atomic
def learn_pace(*, now: datetime) -> int:
    """Learn from finished journeys when a step is slow; returns how many steps changed.

    Until there are thirty of them, nothing is learned and the author's minutes hold.
    """
    pace = rules.learn(finished_ways())
    if pace is None:
        return 0
    known = {row.step_key: row for row in StepPace.objects.select_for_update()}
    changed = 0
    for step, usual in pace.usual.items():
        limit = pace.slow_after(step) or rules.SLOW_FLOOR
        figures = {
            "usual_seconds": round(usual.total_seconds()),
            "slow_seconds": round(limit.total_seconds()),
            "factor": pace.factor,
            "journeys": pace.journeys,
        }
        row = known.get(step)
        if row is None or any(getattr(row, name) != figures[name] for name in figures):
            StepPace.objects.update_or_create(
                step_key=step, defaults={**figures, "learned_at": now}
            )
            changed += 1
    return changed


# --- the sweep -----------------------------------------------------------------------------------------


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

    Walks partial indexes over due rows only: with nothing due it costs three statements. What goes
    wrong with one row is logged, the row is looked at again an hour later, and the rest goes on.
    """
    return _sweep_departures(now) + _sweep_journeys(now, limit) + _sweep_tickets(now, limit)


def _sweep_departures(now: datetime) -> Swept:
    gone = _gone(now)
    book = organisation_book() if gone else None
    outcomes = [
        _safely("device", pk, partial(_depart, pk, book=book, now=now)) for pk in gone if book
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
    except OperationalError:
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
        rest=_rest_of(journey, sight.halts),
        learned=sight.learned.get(journey.current_step),
        patience=sight.ladders.patience_of(journey),
    )


def _rest_of(journey: Journey, halts: Sequence[rules.Halt]) -> rules.Rest:
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


def _close_found(journey: Journey, past: Sequence[Ticket], *, now: datetime) -> str:
    """Close what the sweep opened and nobody took, if the person went on by themselves."""
    for ticket in past:
        if ticket.kind == TicketKind.QUIET and ticket.state in OPEN:
            fresh = locked(ticket)
            if _progressed(journey, fresh) and fresh.taken_by_id is None:
                _close_by_progress(fresh, why="progress", now=now)
                ticket.state, ticket.resolved_at = fresh.state, fresh.resolved_at
                return CLOSED
    return LOOKED


def _progressed(journey: Journey, ticket: Ticket) -> bool:
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
    _entry(ticket, EntryKind.OPENED, sight.now, data={"reason": reason})
    _raise_by_itself(Telling(ticket, sight.book, sight.now), first=True)


# --- the ladder ----------------------------------------------------------------------------------------


@transaction.atomic
def climb(
    *,
    ticket_id: int,
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
    outcome = _end_or_wait(Telling(ticket, book, now), ladders, halts)
    if outcome:
        return outcome
    _raise_by_itself(Telling(ticket, book, now), ladders)
    return RAISED


def _end_or_wait(telling: Telling, ladders: LadderBook, halts: Sequence[rules.Halt]) -> str:
    """Close or put off a ticket whose journey is over or whose person needs nobody now."""
    ticket, now, journey = telling.ticket, telling.now, telling.ticket.journey
    if journey is None:
        return NOTHING
    if journey.closed_at is not None:
        return _close_by_progress(ticket, why="journey_over", now=now)
    _follow_person(ticket, journey)
    if ticket.kind != TicketKind.QUIET:
        return NOTHING
    calendar = telling.book.of_person(journey.person)
    known = _Known(
        ladder=ladders.of_ticket(ticket),
        patience=ladders.patience_of(journey),
        rest=_rest_of(journey, halts).lasts_until(calendar, now),
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
    if known.ladder.stops_on_progress and _progressed(journey, ticket):
        if ticket.taken_by_id is None:
            return _close_by_progress(ticket, why="progress", now=now)
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


def _follow_person(ticket: Ticket, journey: Journey) -> None:
    """Let the ticket of somebody who was moved be the new lead's."""
    here = (journey.department_id, journey.place_id)
    if (ticket.department_id, ticket.place_id) != here:
        ticket.department, ticket.place = journey.department, journey.place
        ticket.save(update_fields=["department", "place"])


def _raise_by_itself(
    telling: Telling, ladders: LadderBook | None = None, *, first: bool = False
) -> None:
    if _raise(telling, ladders, first=first):
        ticket = telling.ticket
        _entry(ticket, EntryKind.RAISED, telling.now, data={"level": ticket.level})


def _raise(
    telling: Telling,
    ladders: LadderBook | None = None,
    *,
    first: bool = False,
    further: bool = False,
) -> bool:
    """Ask the next rung that can be reached; those that cannot are skipped with their reason.

    `first` begins at the foot of the ladder. A rung may be asked several times before the next, but
    not where somebody there said that it goes `further`. At the top the highest that can be reached hears of it again, a round later, as often as the rule
    says. Tells whether anybody could be asked.
    """
    ticket = telling.ticket
    ladder = (ladders or ladder_book()).of_ticket(ticket)
    telling = replace(telling, ladder=ladder)
    here = None if first else ladder.at(Level(ticket.level))
    if first:
        ticket.level_asks = 0
    if here and not further and ticket.level_asks < here.times and _ask_again(telling, [here]):
        return True
    above = ladder.above(None if first else Level(ticket.level))
    if any(_ask_rung(telling, rung) for rung in above):
        return True
    below = [rung for rung in reversed(ladder.rungs) if rung not in above]
    if ladder.repeats_most is not None and here and ticket.level_asks > ladder.repeats_most:
        return _fall_silent(telling)
    if _ask_again(telling, below):
        return True
    ticket.due_at = ladder.rungs[-1].wait.until(telling.book.default, telling.now)
    ticket.save(update_fields=["round", "due_at"])
    return False


def _ask_again(telling: Telling, rungs: Sequence[rules.Rung]) -> bool:
    """Ask the first of some rungs that can be reached, a round later: said anew, once."""
    telling.ticket.round += 1
    return any(_ask_rung(telling, rung) for rung in rungs)


def _fall_silent(telling: Telling) -> bool:
    """Tell nobody again, as the rule says: the ticket stays open in IT's queue."""
    ticket = telling.ticket
    ticket.due_at = None
    ticket.save(update_fields=["due_at"])
    _entry(ticket, EntryKind.QUIETED, telling.now)
    return False


def _ask_rung(telling: Telling, rung: rules.Rung) -> bool:
    ticket = telling.ticket
    asked = ask_level(replace(telling, rung=rung), rung.level)
    if asked.why_not:
        skipped = {"level": rung.level, "why": asked.why_not}
        _entry(ticket, EntryKind.SKIPPED, telling.now, data=skipped)
        return False
    is_same = ticket.level == rung.level
    ticket.level_asks = ticket.level_asks + 1 if is_same else 1
    ticket.level = rung.level
    ticket.due_at = rung.wait.until(asked.calendar, telling.now)
    ticket.snoozed_until = None
    ticket.save(update_fields=["round", "level", "level_asks", "due_at", "snoozed_until"])
    return True


# --- small common moves --------------------------------------------------------------------------------


def _locked_journey(journey_id: int) -> Journey:
    """Lock a journey: two presses at once find each other here. Raises `JourneyOverError`."""
    journey = (
        Journey.objects.select_for_update(of=("self",))
        .select_related("person__place", "department", "place", "loan__device")
        .get(pk=journey_id)
    )
    if journey.closed_at is not None:
        raise JourneyOverError
    return journey


def locked(ticket: Ticket) -> Ticket:
    """Lock a ticket, after its journey: whoever locks in one order never waits in a circle."""
    if ticket.journey_id is not None:
        Journey.objects.select_for_update().only("pk").get(pk=ticket.journey_id)
    return (
        Ticket.objects.select_for_update(of=("self",))
        .select_related(*FOR_TELLING)
        .get(pk=ticket.pk)
    )


def _open(ticket: Ticket) -> Ticket:
    mine = locked(ticket)
    if mine.state == TicketState.RESOLVED:
        raise TicketEndedError
    return mine


def _entry(  # noqa: PLR0913  # a line of a story has this many sides
    ticket: Ticket,
    kind: EntryKind,
    now: datetime,
    *,
    actor: User | None = None,
    text: str = "",
    to_person: bool = False,
    data: Mapping[str, object] | None = None,
) -> TicketEntry:
    return TicketEntry.objects.create(
        ticket=ticket,
        kind=kind,
        at=now,
        actor=actor,
        text=text,
        to_person=to_person,
        data={key: str(value) for key, value in (data or {}).items() if value},
    )


def _ask(  # see ask
    journey: Journey,
    said: _Said,
    *,
    wish: Wish,
    source: Source,
    actor: User | None,
    now: datetime,
) -> Ticket:
    known = Ticket.objects.open().filter(journey=journey, kind=TicketKind.HELP).first()
    if known is not None:
        return _say_again(locked(known), said, actor=actor, now=now)
    ticket = Ticket.objects.create(
        kind=TicketKind.HELP,
        journey=journey,
        reason=Reason.ASKED,
        choice=said.choice,
        source=source,
        level=Level.IT,
        step_key=said.step,
        wish=wish,
        department=journey.department,
        place=journey.place,
        opened_at=now,
    )
    for found in Ticket.objects.open().filter(journey=journey, kind=TicketKind.QUIET):
        if found.taken_by_id is None:
            _close_by_progress(locked(found), why="asked", now=now)
    telling = Telling(
        ticket, organisation_book(), now, knows=actor if source != Source.PERSON else None
    )
    if gather(ticket, book=telling.book, now=now) is None:
        _begin_waiting(telling, said, actor=actor)
    else:  # its outage is told to IT once, not each question
        _note_said(ticket, EntryKind.OPENED, said, actor=actor, now=now)
        _await_answer(ticket, book=telling.book, now=now)
    tell_person(telling, kind="received")
    return ticket


def _ask_about_person(  # see report_loss
    person: User,
    *,
    words: str,
    by: User | None,
    now: datetime,
    kind: TicketKind = TicketKind.HELP,
    source: Source = Source.PHONE,
) -> Ticket:
    """Open a ticket about somebody without a journey, or add to the one that is open."""
    ticket, is_new = Ticket.objects.get_or_create(
        person=person,
        kind=kind,
        state__in=OPEN,
        defaults={
            "state": TicketState.NEW,
            "reason": Reason.ASKED if kind == TicketKind.HELP else Reason.REPORTED,
            "source": source,
            "level": Level.IT,
            "wish": Wish.PHONE,
            "department_id": person.department_id,
            "place_id": person.place_id,
            "opened_at": now,
        },
    )
    said = _Said(words=words)
    ticket = locked(ticket)
    if not is_new:
        return _say_again(ticket, said, actor=by, now=now)
    _begin_waiting(Telling(ticket, organisation_book(), now, knows=by), said, actor=by)
    return ticket


def _report(  # see report
    device: Device,
    kind: TicketKind,
    *,
    words: str,
    source: Source,
    actor: User | None,
    now: datetime,
) -> Ticket:
    ticket, is_new = _about_device(device, kind, source=source, now=now)
    said = _Said(words=words)
    if not is_new:
        return _say_again(ticket, said, actor=actor, now=now)
    _begin_waiting(Telling(ticket, organisation_book(), now, knows=actor), said, actor=actor)
    return ticket


def _about_device(
    device: Device, kind: TicketKind, *, source: Source, now: datetime
) -> tuple[Ticket, bool]:
    """Return the open ticket of a kind about a device, and whether it was made now."""
    loan = Loan.objects.open().filter(device=device).first()
    ticket, is_new = Ticket.objects.get_or_create(
        device=device,
        kind=kind,
        state__in=OPEN,
        defaults={
            "state": TicketState.NEW,
            "reason": Reason.ASKED if kind == TicketKind.HELP else Reason.REPORTED,
            "source": source,
            "level": Level.IT,
            "department_id": loan.department_id if loan else None,
            "place_id": loan.place_id if loan else None,
            "opened_at": now,
        },
    )
    return locked(ticket), is_new


def _begin_waiting(telling: Telling, said: _Said, *, actor: User | None) -> None:
    """Let somebody wait for an answer from now on: IT hears at once, the leads are told."""
    ticket = telling.ticket
    _note_said(ticket, EntryKind.OPENED, said, actor=actor, now=telling.now)
    _await_answer(ticket, book=telling.book, now=telling.now)
    _raise(telling, first=True)
    if ticket.kind in LEADS_HEAR_OF:
        tell_leads(telling, kind="lead_asked")


def _say_again(ticket: Ticket, said: _Said, *, actor: User | None, now: datetime) -> Ticket:
    if _said_before(ticket, said, now=now):
        return ticket
    _note_said(ticket, EntryKind.MERGED, said, actor=actor, now=now)
    if ticket.state == TicketState.ANSWERED:
        return _renew(ticket, book=organisation_book(), now=now)
    return ticket


def _note_said(
    ticket: Ticket, kind: EntryKind, said: _Said, *, actor: User | None, now: datetime
) -> None:
    entry = _entry(
        ticket, kind, now, actor=actor, text=said.words, to_person=True, data=said.facts
    )
    if said.photo is not None and ticket.journey is not None:
        if album_is_full(journey=ticket.journey, now=now):
            raise AlbumFullError
        _keep(said.photo, entry)


def _keep(photo: Photo, entry: TicketEntry) -> None:
    """Lay a photo down under a name nobody can guess; without its row it is cleared away later."""
    name = token_hex(16)
    TicketPhoto.objects.create(
        entry=entry,
        name=storages["photos"].save(f"{name[:2]}/{name}.jpg", ContentFile(photo.jpeg)),
        digest=photo.digest,
        width=photo.width,
        height=photo.height,
        sent_at=entry.at,
    )


def forget_photos(*, now: datetime) -> int:
    """Delete photos some time after their ticket was resolved, and files that belong to none.

    Returns how many files went. `PHOTO_DAYS` after the answer; a file without a row (its ticket is
    gone, or its writing was cut off) after a day.
    """
    over = TicketPhoto.objects.filter(
        entry__ticket__state=TicketState.RESOLVED,
        entry__ticket__resolved_at__lte=now - timedelta(days=settings.PHOTO_DAYS),
    )
    over.delete()
    album = storages["photos"]
    folders = album.listdir("")[0] if album.exists("") else []
    files = [f"{folder}/{file}" for folder in folders for file in album.listdir(folder)[1]]
    kept = set(TicketPhoto.objects.values_list("name", flat=True))
    lost = [
        name
        for name in files
        if name not in kept and album.get_modified_time(name) < now - UNCLAIMED
    ]
    for name in lost:
        album.delete(name)
    return len(lost)


def _said_before(ticket: Ticket, said: _Said, *, now: datetime) -> bool:
    """Tell whether the very same was said a moment ago: one press that arrived twice."""
    last = ticket.entries.filter(kind__in=SAID).order_by("-pk").first()
    return (
        last is not None
        and ticket.is_waiting
        and now - last.at < DOUBLE_PRESS
        and (last.text, last.data.get("choice", "")) == (said.words, said.choice)
        and (
            said.photo is None
            or TicketPhoto.objects.filter(entry=last, digest=said.photo.digest).exists()
        )
    )


def _wrote_before(
    ticket: Ticket, kind: EntryKind, words: str, *, by: User, now: datetime
) -> bool:
    """Tell whether a helper wrote the very same a moment ago: one press that arrived twice."""
    last = ticket.entries.order_by("-pk").first()
    return (
        last is not None
        and (last.kind, last.text, last.actor_id) == (kind, words, by.pk)
        and now - last.at < DOUBLE_PRESS
    )


def _renew(ticket: Ticket, *, book: CalendarBook, now: datetime) -> Ticket:
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
    _await_answer(ticket, book=book, now=now)
    _raise(Telling(ticket, book, now), first=True)
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
    _await_answer(ticket, book=book, now=now)
    return ticket


def end(ticket: Ticket, *, by: User, now: datetime) -> None:
    """Resolve a ticket without a word, because its matter goes on elsewhere; needs it locked."""
    _resolve(ticket, by=by, now=now)
    cancel_notices(about=about(ticket))


def _await_answer(ticket: Ticket, *, book: CalendarBook, now: datetime) -> None:
    """Note by when an answer is due; what Kitto found makes nobody wait."""
    if ticket.source == Source.SWEEP:
        return
    wait = ladder_book().of_ticket(ticket, answered=False).answer
    ticket.answer_by = wait.until(book.default, now)
    ticket.save(update_fields=["answer_by"])
    _set_help(ticket, HelpState.ASKED, now)


def _answered(ticket: Ticket, *, by: User, now: datetime) -> None:
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


def _resolve(ticket: Ticket, *, by: User | None, now: datetime) -> None:
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
    _set_help(ticket, HelpState.NONE, now)
    if ticket.kind == TicketKind.QUIET:  # the clock of its person begins anew
        Journey.objects.open().filter(tickets=ticket).update(attention_at=now)


def _close_by_progress(ticket: Ticket, *, why: str, now: datetime) -> str:
    """End a ticket that needs nobody any more, and take back what waits to be said about it."""
    _resolve(ticket, by=None, now=now)
    cancel_notices(about=about(ticket))
    _entry(ticket, EntryKind.CLOSED_BY_PROGRESS, now, data={"why": why})
    return CLOSED


def _set_help(ticket: Ticket, help_state: HelpState, now: datetime) -> None:
    """Let the person's state follow the ticket they asked with; found tickets change nothing."""
    journey = ticket.journey
    if ticket.kind != TicketKind.HELP or journey is None or journey.closed_at is not None:
        return
    journeys.set_help_state(journey_id=journey.pk, help_state=help_state, now=now)
