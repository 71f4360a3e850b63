"""What the person who asked reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from accounts.ready import Ready
from kitting.escalation.models import Ticket, TicketEntry, TicketPhoto
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.queries.story import ANSWERS, StoryLine, shown
from kitting.escalation.states import OPEN, Reason, TicketKind, TicketState
from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from accounts.queries import Rights
    from kitting.journeys.models import Journey


OUTLOOK_MOST = 200
# Enough to show a screen from every side; and what one journey may send a day, however often it asks.
PHOTOS_A_TICKET = 6
PHOTOS_A_DAY = 20


def own_story(ticket: Ticket, *, by_box: bool, sent: Collection[str] = ()) -> list[StoryLine]:
    """Return what the person of a ticket reads of it, oldest first: no names, no helpers' notes.

    In a box session only IT's answers are readable; what was written there before, by whomever, is
    not, and of photos only what this browser has `sent` (digests).
    """
    person_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    return [
        StoryLine(
            at=entry.at,
            kind=entry.kind,
            actor=None,
            text=entry.text if _may_read(entry, person_id, by_box=by_box) else "",
            photos=[
                shown(photo, "escalation:own_photo", ticket.journey_id, ticket.pk)
                for photo in entry.photos.all()
                if photo.digest in sent or _may_read(entry, person_id, by_box=by_box)
            ],
        )
        for entry in ticket.entries.filter(to_person=True)
        .prefetch_related("photos")
        .order_by("at", "pk")
    ]


def own_photo(
    photo_id: int, *, ticket: Ticket, by_box: bool, sent: Collection[str]
) -> TicketPhoto | None:
    """Return a photo of an own ticket if this visitor may see it; None otherwise."""
    photo = _photos_of(ticket).filter(pk=photo_id, entry__to_person=True).first()
    person_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    if photo is None:
        return None
    may_see = photo.digest in sent or _may_read(photo.entry, person_id, by_box=by_box)
    return photo if may_see else None


def photo_in_scope(photo_id: int, *, ticket_id: int, rights: Rights) -> TicketPhoto | None:
    """Return a photo of a ticket a helper may see; None otherwise."""
    ticket = Ticket.objects.in_scope(rights).filter(pk=ticket_id).first()
    return _photos_of(ticket).filter(pk=photo_id).first() if ticket else None


def _photos_of(ticket: Ticket) -> QuerySet[TicketPhoto]:
    return TicketPhoto.objects.filter(entry__ticket=ticket).select_related("entry")


_sent_by = Ready(
    lambda journey: TicketPhoto.objects.filter(entry__ticket__journey=journey).select_related(
        "entry__ticket"
    ),
    int,
)


def album_is_full(*, journey: Journey, now: datetime) -> bool:
    """Tell whether the open question of a journey, or the journey today, has photos enough."""
    sent = _sent_by.rows(journey.pk)
    about = [photo.entry.ticket for photo in sent]
    of_ticket = sum(one.kind == TicketKind.HELP and one.state in OPEN for one in about)
    today = sum(photo.sent_at > now - timedelta(days=1) for photo in sent)
    return of_ticket >= PHOTOS_A_TICKET or today >= PHOTOS_A_DAY


def _may_read(entry: TicketEntry, person_id: int | None, *, by_box: bool) -> bool:
    if entry.kind in ANSWERS:
        return True
    return not by_box and entry.actor_id in (None, person_id)


@dataclass(frozen=True)
class Outlook:
    """What somebody who asks may expect: `minutes` of IT's working time to an answer (0 unknown).

    `opens_at` is when IT is there again, where it is not there now.
    """

    minutes: int = 0
    opens_at: datetime | None = None


def answer_outlook(*, now: datetime) -> Outlook:
    """Return how soon an answer may be expected: the median of the last thirty days."""
    calendar = organisation_book().default
    answered = Ticket.objects.filter(
        kind=TicketKind.HELP,
        first_answer_at__isnull=False,
        opened_at__gte=now - timedelta(days=30),
    ).order_by("-opened_at")[:OUTLOOK_MOST]
    minutes = [
        clock.working_between(calendar, opened, answer).total_seconds() / 60
        for opened, answer in answered.values_list("opened_at", "first_answer_at")
        if answer is not None
    ]
    opens_at = clock.next_open(calendar, now)
    return Outlook(
        minutes=max(1, round(median(minutes))) if minutes else 0,
        opens_at=opens_at if opens_at > now else None,
    )


@dataclass(frozen=True)
class OwnHelp:
    """What the pages of a journey say about help: the person's question, or a gentle word."""

    ticket: Ticket | None = None
    answer: StoryLine | None = None
    is_nudge: bool = False
    reason: str = ""


def _tickets_to_show(journey_id: int, step_key: str) -> QuerySet[Ticket]:
    asked = Q(kind=TicketKind.HELP) & (
        Q(state__in=OPEN) | Q(state=TicketState.RESOLVED, asked_better_at__isnull=True)
    )
    noticed = Q(
        kind=TicketKind.QUIET,
        state__in=OPEN,
        reason__in=(Reason.SLOW, Reason.FAILING),
        step_key=step_key,
    )
    tickets = Ticket.objects.filter(
        asked | noticed, journey=journey_id, merged_into__isnull=True
    )
    return tickets.order_by("-opened_at")[:5]


_asked_or_noticed = Ready(_tickets_to_show, int, str)


def own_help(journey: Journey, *, by_box: bool) -> OwnHelp:
    """Return what a person should see of help on an own journey; one query while nothing was asked.

    A question is shown while it is open, or until the person said whether it works. Where the sweep
    noticed trouble at a step, the guide offers help by itself.
    """
    found = _asked_or_noticed.rows(journey.pk, journey.current_step)
    own = next((ticket for ticket in found if ticket.kind == TicketKind.HELP), None)
    if own is None:
        return OwnHelp(is_nudge=bool(found), reason=found[0].reason if found else "")
    own.journey = journey
    answers = [line for line in own_story(own, by_box=by_box) if line.kind in ANSWERS]
    return OwnHelp(ticket=own, answer=answers[-1] if answers else None)
