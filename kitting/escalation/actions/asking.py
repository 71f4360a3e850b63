"""Help is asked for: by the person, a caller, whoever holds a box."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import count_try
from accounts.ready import Ready
from kitting.devices.models import Device, Loan
from kitting.escalation.actions.counting import count_question
from kitting.escalation.actions.errors import (
    JourneyOverError,
    NotLostError,
    TooManyReportsError,
)
from kitting.escalation.actions.helping import take
from kitting.escalation.actions.outages import gather
from kitting.escalation.actions.rows import Said, locked, locked_journey, note_said
from kitting.escalation.actions.waiting import (
    add_words,
    await_answer,
    begin_waiting,
    close_by_progress,
    wait_anew,
)
from kitting.escalation.channels import Telling, tell_person
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import organisation_book
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
from kitting.notices.actions.sheaf import Sheaf

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from kitting.journeys.models import Journey
    from kitting.lib.photos import Photo


REPORTS_PER_CLIENT = 5
REPORT_WINDOW = timedelta(hours=1)


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
    journey = locked_journey(journey.pk)
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
    said = Said(words=words, choice=choice, step=step, photo=photo)
    return _ask(journey, said, wish=wish, source=Source.PERSON, actor=who.actor, now=now)


@transaction.atomic
def ask_for(*, journey: Journey, words: str, by: User, source: Source, now: datetime) -> Ticket:
    """Note a call or a visit: help asked for on somebody's behalf. Raises `JourneyOverError`."""
    journey = locked_journey(journey.pk)
    said = Said(words=words, step=journey.current_step)
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
    said = Said(words=words, photo=photo)
    if ticket.state == TicketState.RESOLVED:
        return reopen(ticket, said, actor=actor, now=now)
    return add_words(ticket, said, actor=actor, now=now)


def reopen(ticket: Ticket, said: Said, *, actor: User | None, now: datetime) -> Ticket:
    """Open a resolved ticket again, or add to the one that was opened since."""
    other = (
        Ticket.objects.open().filter(kind=ticket.kind, **ticket.subject).order_by("pk").first()
    )
    if other is not None:
        return add_words(locked(other), said, actor=actor, now=now)
    note_said(ticket, EntryKind.STILL, said, actor=actor, now=now)
    return wait_anew(ticket, book=organisation_book(), now=now)


_open_of = Ready(
    lambda journey: (
        Ticket.objects.open()
        .filter(journey=journey, kind__in=(TicketKind.HELP, TicketKind.QUIET))
        .order_by("pk")
    ),
    int,
)


def _ask(  # see ask
    journey: Journey,
    said: Said,
    *,
    wish: Wish,
    source: Source,
    actor: User | None,
    now: datetime,
) -> Ticket:
    open_now = _open_of.rows(journey.pk)
    known = next((one for one in open_now if one.kind == TicketKind.HELP), None)
    if known is not None:
        return add_words(locked(known), said, actor=actor, now=now)
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
    count_question(ticket)
    for found in open_now:
        if found.taken_by_id is None:
            close_by_progress(locked(found), why="asked", now=now)
    sheaf = Sheaf()
    knows = actor if source != Source.PERSON else None
    telling = Telling(ticket, organisation_book(), now, knows=knows, sheaf=sheaf)
    if gather(ticket, book=telling.book, now=now) is None:
        begin_waiting(telling, said, actor=actor)
    else:  # its outage is told to IT once, not each question
        note_said(ticket, EntryKind.OPENED, said, actor=actor, now=now)
        await_answer(ticket, book=telling.book, now=now)
    tell_person(telling, kind="received")
    sheaf.write()
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
    said = Said(words=words)
    ticket = locked(ticket)
    if not is_new:
        return add_words(ticket, said, actor=by, now=now)
    begin_waiting(Telling(ticket, organisation_book(), now, knows=by), said, actor=by)
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
    ticket, is_new = about_device(device, kind, source=source, now=now)
    said = Said(words=words)
    if not is_new:
        return add_words(ticket, said, actor=actor, now=now)
    begin_waiting(Telling(ticket, organisation_book(), now, knows=actor), said, actor=actor)
    return ticket


def about_device(
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
