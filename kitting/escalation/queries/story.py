"""A ticket's story and a person's whole way, line by line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.urls import reverse

from kitting.escalation.models import Ticket, TicketEntry, TicketPhoto
from kitting.escalation.states import EntryKind
from kitting.guides.queries.errors import error_view
from kitting.guides.queries.lists import choice_text, step_name
from kitting.guides.queries.shapes import TROUBLE
from kitting.journeys.models import Event, Journey
from kitting.journeys.states import EventKind, Result, Via
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accounts.models import User


EVENTS_MOST = 40
WAY_MOST = 300


# The words of IT that are meant for the person; nothing else may be read in a box session.
ANSWERS = (EntryKind.REPLY, EntryKind.RESOLVED, EntryKind.GOING)


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as a page shows it: where the reader gets it, and its size in points."""

    url: str
    width: int
    height: int


@dataclass(frozen=True)
class StoryLine:
    """One thing that happened, from the ticket or from the journey."""

    at: datetime
    kind: str
    actor: User | None
    text: str = ""
    step: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    photos: Sequence[ShownPhoto] = ()
    of_journey: bool = False
    by_itself: bool = False


def how_sure(journey: Journey) -> list[tuple[str, int]]:
    """Return how many steps of a journey are how sure, surest first. One query."""
    found = Counter(journey.records.values_list("result", flat=True))
    return [(str(result.label), found[result]) for result in Result if found[result]]


def story(ticket: Ticket, *, language: str) -> list[StoryLine]:
    """Return what happened, oldest first, with the journey around it: for helpers."""
    journey = ticket.journey
    edition_id = journey.edition_id if journey else None
    words = site_words(language=language)
    lines = [
        _event_line(event, edition_id, language, words)
        for event in reversed(_events_around(journey))
    ]
    entries = ticket.entries.select_related("actor").prefetch_related("photos")
    lines += [
        _entry_line(entry, edition_id, language, words)
        for entry in entries.order_by("at", "pk")
    ]
    return sorted(lines, key=lambda line: line.at)


def _read_about(
    event: Event, edition_id: int | None, language: str, words: Mapping[str, str]
) -> str:
    """Return which hint or which error somebody read about, as it stands in the guide."""
    reason = event.data.get("reason", "")
    if event.kind == EventKind.TROUBLE_OPENED:
        return choice_text(
            edition_id, event.step_key, f"{TROUBLE}{reason}", language, words=words
        )
    if event.kind == EventKind.ERROR_OPENED:
        error = error_view(edition_id, reason, language, words=words)
        return (
            "\n".join(part for part in (error.sentence, error.for_it) if part) if error else ""
        )
    return ""


@dataclass(frozen=True)
class WayLine:
    """One thing on the whole way of a journey, and the ticket it belongs to, if any."""

    line: StoryLine
    ticket: Ticket | None


def whole_way(journey: Journey, *, language: str, limit: int = WAY_MOST) -> list[WayLine]:
    """Return what happened on a journey and its tickets, newest first: for helpers (five queries)."""
    words = site_words(language=language)
    silent = (EventKind.HELP_CHANGED, EventKind.STEP_LIKELY)
    events = Event.objects.filter(journey=journey).exclude(kind__in=silent)
    lines = [
        WayLine(_event_line(event, journey.edition_id, language, words), None)
        for event in events.order_by("-number")[:limit]
    ]
    tickets = {
        ticket.pk: ticket for ticket in Ticket.objects.filter(journey=journey).order_by("pk")
    }
    entries = (
        TicketEntry.objects.filter(ticket__in=tickets)
        .select_related("actor")
        .prefetch_related("photos")
    )
    for entry in entries.order_by("-at", "-pk")[:limit]:
        line = _entry_line(entry, journey.edition_id, language, words)
        lines.append(WayLine(line, tickets[entry.ticket_id]))
    return sorted(lines, key=lambda one: one.line.at, reverse=True)[:limit]


def _event_line(
    event: Event, edition_id: int | None, language: str, words: Mapping[str, str]
) -> StoryLine:
    return StoryLine(
        at=event.at,
        kind=event.kind,
        actor=None,
        step=step_name(edition_id, event.step_key, language, words=words),
        text=_read_about(event, edition_id, language, words),
        data=event.data,
        of_journey=True,
        by_itself=event.via == Via.SYSTEM,
    )


def _entry_line(
    entry: TicketEntry, edition_id: int | None, language: str, words: Mapping[str, str]
) -> StoryLine:
    key, choice = entry.data.get("step", ""), entry.data.get("choice", "")
    picked = choice_text(edition_id, key, choice, language, words=words) if choice else ""
    return StoryLine(
        at=entry.at,
        kind=entry.kind,
        actor=entry.actor,
        text="\n".join(part for part in (picked, entry.text) if part),
        data=entry.data,
        photos=[
            shown(photo, "escalation:photo", entry.ticket_id) for photo in entry.photos.all()
        ],
    )


def _events_around(journey: Journey | None) -> list[Event]:
    """Return the last things that happened on a journey, newest first."""
    if journey is None:
        return []
    silent = (EventKind.HELP_CHANGED, EventKind.STEP_LIKELY)
    events = Event.objects.filter(journey=journey).exclude(kind__in=silent)
    return list(events.order_by("-number")[:EVENTS_MOST])


def shown(photo: TicketPhoto, page: str, *keys: int | None) -> ShownPhoto:
    """Return a photo's address and measures for the page."""
    return ShownPhoto(reverse(page, args=[*keys, photo.pk]), photo.width, photo.height)
