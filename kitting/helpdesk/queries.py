"""Questions of the desk: who is called next, the round by place, answers used again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Q

from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import QueueRow, TicketPage, queue_of, ticket_page
from kitting.escalation.queries.moves import last_moves, not_today
from kitting.escalation.states import TicketKind, TicketState, Wish
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_name
from kitting.helpdesk.models import Look, Officer, SavedReply
from kitting.helpdesk.rules import LOOKING_SECONDS, fill_in, stops
from kitting.journeys.models import Journey
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import Rights

ROUND_MOST = 300
HISTORY_MOST = 5
# What a ticket gives to an answer used again, beside the words of the site.
TICKET_WORDS = ("step", "asset_tag", "ticket", "meeting")


@dataclass(frozen=True)
class NextCall:
    """Whom to call now: the ticket with its story, and what this person needed before."""

    page: TicketPage
    before: list[Ticket]
    waiting: int


def next_call(
    *, rights: Rights, now: datetime, language: str, after: int = 0
) -> NextCall | None:
    """Return the ticket due first that nobody else has taken, or None.

    `after` is a ticket to pass over this time: the one behind it in the queue comes.
    """
    rows = [
        row
        for row in queue_of(rights=rights, show="open", now=now, language=language)
        if row.ticket.taken_by_id in (None, rights.person_id) and row.ticket.is_waiting
    ]
    keys = [row.ticket.pk for row in rows]
    at = keys.index(after) + 1 if after in keys else 0
    ordered = rows[at:] + rows[:at]
    if not ordered:
        return None
    page = ticket_page(ordered[0].ticket.pk, rights=rights, now=now, language=language)
    if page is None:
        return None
    return NextCall(page=page, before=_before(page), waiting=len(rows))


def _before(page: TicketPage) -> list[Ticket]:
    """Return the last tickets of the same person, newest first."""
    if page.person is None:
        return []
    mine = Ticket.objects.filter(journey__person=page.person) | Ticket.objects.filter(
        person=page.person
    )
    return list(mine.exclude(pk=page.ticket.pk).order_by("-opened_at")[:HISTORY_MOST])


@dataclass(frozen=True)
class Stop:
    """One place of a round, with who waits there."""

    place: str
    phone: str
    rows: list[QueueRow]


def round_of(*, rights: Rights, now: datetime, language: str, visits_only: bool) -> list[Stop]:
    """Return who waits, place by place: the place with the most urgent person first."""
    rows = [
        row
        for row in queue_of(
            rights=rights, show="open", now=now, language=language, limit=ROUND_MOST
        )
        if not visits_only
        or row.ticket.wish == Wish.VISIT
        or row.ticket.taken_by_id == rights.person_id
    ]
    if not rights.is_it:
        said = not_today(by=rights.person_id, now=now)
        rows = [row for row in rows if row.ticket.pk not in said]
    seen = last_moves(row.ticket for row in rows)
    rows = [replace(row, seen=seen.get(row.ticket.pk, 0)) for row in rows]
    found = []
    for name, waiting in stops(rows, place=_place_name):
        place = waiting[0].ticket.place
        found.append(Stop(place=name, phone=place.phone if place else "", rows=waiting))
    return found


def _place_name(row: QueueRow) -> str:
    return row.ticket.place.name if row.ticket.place else ""


def many_choices(*, rights: Rights, now: datetime, language: str) -> list[QueueRow]:
    """Return the tickets that one answer can reach: asked on a journey, and open."""
    return [
        row
        for row in queue_of(
            rights=rights, show="open", now=now, language=language, limit=ROUND_MOST
        )
        if row.ticket.kind == TicketKind.HELP and row.ticket.journey_id
    ]


# --- answers used again -----------------------------------------------------------------------------


def reply_names() -> list[str]:
    """Return every name that may stand in braces in an answer."""
    return sorted({*site_words(language="ja"), *TICKET_WORDS})


def saved_replies(page: TicketPage, *, by: User) -> list[tuple[str, str]]:
    """Return the answers used again as title and text, filled in for a ticket and its reader.

    In the language the person reads; no word of the person is put in, because whoever holds the
    box can read the answer.
    """
    replies = list(SavedReply.objects.order_by("title"))
    if not replies:
        return []
    language = page.person.language if page.person else "ja"
    words = {**site_words(language=language), **_ticket_words(page, by, language)}
    return [(reply.title, fill_in(reply.text(language), words)) for reply in replies]


def _ticket_words(page: TicketPage, by: User, language: str) -> dict[str, str]:
    edition_id = page.journey.edition_id if page.journey else None
    key = page.ticket.step_key or (page.journey.current_step if page.journey else "")
    officer = Officer.objects.filter(person=by).first()
    return {
        "step": step_name(edition_id, key, language) if key else "",
        "asset_tag": page.device.asset_tag or "" if page.device else "",
        "ticket": page.ticket.number,
        "meeting": officer.meeting_url if officer else "",
    }


def meeting_url(person: User) -> str:
    """Return where somebody of IT meets people on screen."""
    return (
        Officer.objects.filter(person=person).values_list("meeting_url", flat=True).first()
        or ""
    )


# --- who looks --------------------------------------------------------------------------------------


def others_looking(ticket: Ticket, *, by: User, now: datetime) -> list[str]:
    """Return the names of others who have a ticket on their screen now."""
    since = now - timedelta(seconds=LOOKING_SECONDS)
    looks = Look.objects.filter(ticket=ticket, seen_at__gte=since).exclude(person=by)
    return list(looks.order_by("seen_at").values_list("person__name", flat=True))


def step_of(ticket: Ticket) -> tuple[int, str] | None:
    """Return the edition and step a note from a ticket would stand at, if there is one."""
    journey = ticket.journey
    key = ticket.step_key or (journey.current_step if journey else "")
    edition_id = journey.edition_id if journey else None
    if edition_id is None:
        edition = published_edition()
        edition_id = edition.pk if edition else None
    return (edition_id, key) if edition_id and key else None


def answers_given(ticket: Ticket) -> str:
    """Return the last answer of a ticket, as a beginning for a note of its step."""
    if ticket.state == TicketState.NEW:
        return ""
    entry = (
        ticket.entries.filter(to_person=True, kind__in=("reply", "resolved"))
        .exclude(text="")
        .order_by("-pk")
        .first()
    )
    return entry.text if entry else ""


# --- people without mail ------------------------------------------------------------------------------


@dataclass(frozen=True)
class OffMail:
    """Somebody without an e-mail address who is not ready: where to reach them, and why."""

    journey: Journey
    why: str

    @property
    def person(self) -> User:
        """Return who it is."""
        return self.journey.person


# Why somebody should be spoken to, most pressing first; the page has the words.
ANSWERED, ASKED, STUCK, ABSENT, UNDER_WAY = (
    "answered",
    "asked",
    "stuck",
    "not_begun",
    "under_way",
)
OFF_MAIL_MOST = 300


def people_without_mail(*, rights: Rights, now: datetime) -> list[OffMail]:
    """Return who of somebody's scope gets no mail and is not ready, most pressing first (two queries).

    Whose wave has not begun is left in peace.
    """
    due = Q(wave__isnull=True) | Q(wave__starts_at__lte=now) | Q(begun_at__isnull=False)
    journeys = list(
        Journey.objects.open()
        .in_scope(rights)
        .filter(due, person__email="", person__is_active=True, ready_at__isnull=True)
        .select_related("person", "department", "place")
        .order_by("place__name", "department__name", "person__kana", "pk")[:OFF_MAIL_MOST]
    )
    found: dict[int, set[str]] = {}
    tickets = Ticket.objects.open().filter(
        journey__in=[j.pk for j in journeys], kind__in=(TicketKind.HELP, TicketKind.QUIET)
    )
    for journey_id, kind, state in tickets.values_list("journey_id", "kind", "state"):
        found.setdefault(journey_id or 0, set()).add(_why_of(kind, state))
    rows = [OffMail(j, _most_pressing(j, found.get(j.pk, set()))) for j in journeys]
    order = (ANSWERED, ASKED, STUCK, ABSENT, UNDER_WAY)
    return sorted(rows, key=lambda row: order.index(row.why))


def _why_of(kind: str, state: str) -> str:
    if kind == TicketKind.QUIET:
        return STUCK
    return ANSWERED if state == TicketState.ANSWERED else ASKED


def _most_pressing(journey: Journey, known: set[str]) -> str:
    for why in (ANSWERED, ASKED, STUCK):
        if why in known:
            return why
    return UNDER_WAY if journey.begun_at else ABSENT
