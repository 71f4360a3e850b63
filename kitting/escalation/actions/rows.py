"""The rows behind every move: locks, the lines of a ticket's story, photos."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.actions import write_audit
from accounts.ready import Ready
from kitting.escalation.actions.errors import AlbumFullError, JourneyOverError, TicketEndedError
from kitting.escalation.models import Ticket, TicketEntry, TicketPhoto
from kitting.escalation.queries.moves import subject_person_id
from kitting.escalation.queries.person import album_is_full
from kitting.escalation.states import EntryKind, TicketState
from kitting.journeys.models import Journey

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from accounts.models import User
    from kitting.lib.photos import Photo


# A file may lie there for a moment before the row that names it is written.
UNCLAIMED = timedelta(days=1)


# The same words twice within a minute are one press that arrived twice.
DOUBLE_PRESS = timedelta(minutes=1)
# What the person (or a caller in their name) says; a helper's words are other entries.
SAID = (EntryKind.OPENED, EntryKind.MERGED, EntryKind.STILL)


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


@dataclass(frozen=True)
class Said:
    """What somebody says when asking: own words, a photo, what was picked, on which step's page."""

    words: str = ""
    choice: str = ""
    step: str = ""
    photo: Photo | None = None

    @property
    def facts(self) -> dict[str, object]:
        return {"choice": self.choice, "step": self.step}


_for_asking = Ready(
    lambda pk: (
        Journey.objects.select_for_update(of=("self",))
        .select_related("person__place", "department", "place", "loan__device")
        .filter(pk=pk)
    ),
    int,
)


def locked_journey(journey_id: int) -> Journey:
    """Lock a journey: two presses at once find each other here. Raises `JourneyOverError`."""
    journey = _for_asking.first(journey_id)
    if journey is None:
        raise Journey.DoesNotExist
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


def open_locked(ticket: Ticket) -> Ticket:
    """Lock a ticket that is still open. Raises `TicketEndedError`."""
    mine = locked(ticket)
    if mine.state == TicketState.RESOLVED:
        raise TicketEndedError
    return mine


def add_entry(  # noqa: PLR0913  # a line of a story has this many sides
    ticket: Ticket,
    kind: EntryKind,
    now: datetime,
    *,
    actor: User | None = None,
    text: str = "",
    to_person: bool = False,
    data: Mapping[str, object] | None = None,
) -> TicketEntry:
    """Write one line of a ticket's story; what somebody does for others is in the audit log too.

    `data` goes in without what is empty. The log gets what was done to which ticket, never the words:
    those are erased with the ticket.
    """
    if actor is not None and actor.pk != subject_person_id(ticket):
        write_audit(action=f"ticket.{kind.value}", now=now, by=actor, subject=ticket.number)
    entry = entry_of(ticket, kind, now, data=data)
    entry.actor, entry.text, entry.to_person = actor, text, to_person
    entry.save()
    return entry


def entry_of(
    ticket: Ticket, kind: EntryKind, now: datetime, *, data: Mapping[str, object] | None = None
) -> TicketEntry:
    """Return a line of a ticket's story that is not written yet."""
    said = {key: str(value) for key, value in (data or {}).items() if value}
    return TicketEntry(ticket=ticket, kind=kind, at=now, data=said)


def note_said(
    ticket: Ticket, kind: EntryKind, said: Said, *, actor: User | None, now: datetime
) -> None:
    """Write down what a person said, with the photo. Raises `AlbumFullError`."""
    entry = add_entry(
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


def said_before(ticket: Ticket, said: Said, *, now: datetime) -> bool:
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


def wrote_before(
    ticket: Ticket, kind: EntryKind, words: str, *, by: User, now: datetime
) -> bool:
    """Tell whether a helper wrote the very same a moment ago: one press that arrived twice."""
    last = ticket.entries.order_by("-pk").first()
    return (
        last is not None
        and (last.kind, last.text, last.actor_id) == (kind, words, by.pk)
        and now - last.at < DOUBLE_PRESS
    )
