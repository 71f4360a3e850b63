"""IT's queue, and one ticket with everything about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db.models import F

from kitting.escalation.models import ON_HOLD, Ticket
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.queries.story import StoryLine, how_sure, story
from kitting.escalation.states import Level, TicketKind, TicketState
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import choice_text, step_name
from kitting.guides.queries.voice import SiteWords
from kitting.journeys.states import Status
from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import Rights
    from kitting.devices.models import Device
    from kitting.escalation.models import TicketQuerySet
    from kitting.escalation.queries.ladder import LadderBook
    from kitting.journeys.models import Journey


SHOWS = ("open", "mine", "found", "done")
JOURNEY, PERSON, DEVICE = "journey", "person", "device"


QUEUE_MOST = 100
# So many are counted beside the menu of every page, however many wait in a large city.
WAITING_MOST = 999


IN_QUEUE = (
    "journey__person",
    "journey__loan__device",
    "person",
    "device",
    "department",
    "place",
    "taken_by",
)


@dataclass(frozen=True)
class QueueRow:
    """One ticket in the queue; `subject` is the trouble or step it is about, in words.

    `minutes_left` to the answer, or since it was due, in working time; nothing while nobody waits.
    `seen` is the last move of its story, where a row itself can be moved. `next_level` is whom the
    ladder asks at `ticket.due_at` unless somebody acts: the present one again, or the one above.
    """

    ticket: Ticket
    subject: str
    minutes_left: int | None
    is_overdue: bool
    seen: int = 0
    next_level: Level | None = None


@dataclass(frozen=True)
class TicketPage:
    """One ticket with everything a helper wants to know before calling."""

    ticket: Ticket
    subject: str
    story: list[StoryLine]
    person: User | None
    device: Device | None
    journey: Journey | None
    step: str
    step_number: int
    sure: list[tuple[str, int]]
    serial_masked: str
    minutes_left: int | None
    is_overdue: bool


def queue_of(
    *, rights: Rights, show: str, now: datetime, language: str, limit: int = QUEUE_MOST
) -> list[QueueRow]:
    """Return tickets of somebody's scope: what is due first on top. At most ten queries.

    `show`: "open" what was asked or reached this reader, "found" what Kitto found and still asks
    the person or lead, "mine" taken by the reader, "done" resolved lately.
    """
    tickets = Ticket.objects.in_scope(rights).select_related(*IN_QUEUE)
    if show == "done":
        rows = tickets.filter(state=TicketState.RESOLVED).order_by("-resolved_at", "-pk")
    elif show == "mine":
        rows = _first_due(tickets.live().filter(taken_by_id=rights.person_id))
    elif show == "found":
        rows = tickets.live().filter(kind=TicketKind.QUIET).order_by("opened_at", "pk")
    else:
        # What still asks the person, or the lead, has not come to IT yet.
        below = [Level.PERSON, Level.COLLEAGUE, *([Level.LEAD] if rights.is_it else [])]
        rows = _first_due(
            tickets.live().single().exclude(kind=TicketKind.QUIET, level__in=below)
        )
    return _with_next_levels(_queue_rows(rows[:limit], now=now, language=language))


def _with_next_levels(rows: list[QueueRow]) -> list[QueueRow]:
    """Say with each row whom the ladder asks next (at most four queries)."""
    if not any(row.ticket.due_at for row in rows):
        return rows
    ladders = ladder_book()
    return [replace(row, next_level=_next_level(row.ticket, ladders)) for row in rows]


def _next_level(ticket: Ticket, ladders: LadderBook) -> Level | None:
    """Return whom the ladder asks when the ticket's moment comes, nobody having acted."""
    if ticket.due_at is None:
        return None
    here = Level(ticket.level)
    ladder = ladders.of_ticket(ticket)
    rung, above = ladder.at(here), ladder.above(here)
    if (rung and ticket.level_asks < rung.times) or not above:
        return here
    return above[0].level


def _first_due(tickets: TicketQuerySet) -> TicketQuerySet:
    """Order by what is due first; what is on hold comes last."""
    return tickets.order_by(
        ON_HOLD.asc(),
        F("answer_by").asc(nulls_last=True),
        "opened_at",
        "pk",
    )


def waiting_number(*, rights: Rights) -> int:
    """Return how many tickets of somebody's scope wait for an answer; past `WAITING_MOST` nobody counts on."""
    return Ticket.objects.in_scope(rights).waiting()[: WAITING_MOST + 1].count()


def longest_waiting(
    *,
    rights: Rights,
    now: datetime,
    language: str,
    limit: int,
    calendar: clock.Calendar,
    words: Mapping[str, str],
) -> list[QueueRow]:
    """Return the people whom the board counts as waiting, whoever is due first on top.

    One statement once the editions are kept: the organisation's calendar and the site's words are
    the caller's.
    """
    tickets = (
        Ticket.objects.in_scope(rights)
        .waiting()
        .filter(kind=TicketKind.HELP, journey__status=Status.WAITING)
        .select_related(*IN_QUEUE)
    )
    rows = list(_first_due(tickets)[:limit])
    subjects, left = _subjects(rows, words, language), _minutes_left(rows, calendar, now=now)
    return [QueueRow(t, subjects[t.pk], *left[t.pk]) for t in rows]


def _queue_rows(tickets: Iterable[Ticket], *, now: datetime, language: str) -> list[QueueRow]:
    rows = list(tickets)
    subjects = _subjects(rows, SiteWords(language), language)
    left = _minutes_left(rows, _calendar_for(rows), now=now)
    return [QueueRow(t, subjects[t.pk], *left[t.pk]) for t in rows]


def _calendar_for(tickets: Sequence[Ticket]) -> clock.Calendar | None:
    """Return IT's working time where anybody waits (three queries)."""
    return organisation_book().default if any(t.answer_by for t in tickets) else None


def _minutes_left(
    tickets: Sequence[Ticket], calendar: clock.Calendar | None, *, now: datetime
) -> dict[int, tuple[int | None, bool]]:
    """Return how long there is to each answer, in IT's working time, or since it was due.

    A loss counts by the clock on the wall.
    """
    left: dict[int, tuple[int | None, bool]] = {t.pk: (None, False) for t in tickets}
    for ticket in tickets:
        if ticket.answer_by is None or calendar is None:
            continue
        first, last = sorted((now, ticket.answer_by))
        span = (
            last - first
            if ticket.kind == TicketKind.LOSS
            else clock.working_between(calendar, first, last)
        )
        left[ticket.pk] = round(span.total_seconds() / 60), now > ticket.answer_by
    return left


def _subjects(
    tickets: Sequence[Ticket], words: Mapping[str, str], language: str
) -> dict[int, str]:
    """Return what tickets are about, in the words of their guide (one query at most)."""
    subjects = dict.fromkeys((ticket.pk for ticket in tickets), "")
    asked = [t for t in tickets if t.kind == TicketKind.HELP and (t.choice or t.step_key)]
    begun = all(t.journey and t.journey.edition_id for t in asked)
    current = None if begun else published_edition()
    for ticket in asked:
        edition_id = ticket.journey.edition_id if ticket.journey else None
        edition_id = edition_id or (current.pk if current else None)
        if edition_id is None:
            continue
        key = ticket.step_key
        subjects[ticket.pk] = (
            choice_text(edition_id, key, ticket.choice, language, words=words)
            if ticket.choice
            else ""
        ) or step_name(edition_id, key, language, words=words)
    return subjects


def subject_of(ticket: Ticket, language: str, *, by_step: bool = False) -> str:
    """Return the trouble or step a ticket is about, in words; `by_step` names the step alone."""
    edition_id = ticket.journey.edition_id if ticket.journey else None
    if by_step and edition_id:
        return step_name(edition_id, ticket.step_key, language)
    return _subjects([ticket], SiteWords(language), language)[ticket.pk]


def ticket_page(
    ticket_id: int, *, rights: Rights, now: datetime, language: str
) -> TicketPage | None:
    """Return a ticket somebody may see, with person, device and story; None otherwise."""
    ticket = (
        Ticket.objects.in_scope(rights)
        .select_related(
            *IN_QUEUE,
            "journey__person__department__parent",
            "person__department__parent",
            "department__parent",
        )
        .filter(pk=ticket_id)
        .first()
    )
    if ticket is None:
        return None
    journey = ticket.journey
    device = ticket.device or (journey.loan.device if journey else None)
    keys = [row[0] for row in journey.step_keys] if journey else []
    key = ticket.step_key or (journey.current_step if journey else "")
    edition_id = journey.edition_id if journey else None
    minutes_left, is_overdue = _minutes_left([ticket], _calendar_for([ticket]), now=now)[
        ticket.pk
    ]
    return TicketPage(
        ticket=ticket,
        subject=_subjects([ticket], SiteWords(language), language)[ticket.pk],
        story=story(ticket, language=language),
        person=journey.person if journey else ticket.person,
        device=device,
        journey=journey,
        step=step_name(edition_id, key, language),
        step_number=keys.index(key) + 1 if key in keys else 0,
        sure=how_sure(journey) if journey else [],
        serial_masked=f"••••••{device.serial_number[-4:]}" if device else "",
        minutes_left=minutes_left,
        is_overdue=is_overdue,
    )
