"""Who moved a ticket last, and who else may see it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Max, Q

from accounts.queries import local_day, rights_of
from kitting.devices.models import Loan
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.states import EntryKind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accounts.models import User
    from accounts.queries import Rights


# Lines of a story after which a page of the ticket is out of date for whoever wants to move it.
MOVES = (
    EntryKind.TAKEN,
    EntryKind.GOING,
    EntryKind.PASSED,
    EntryKind.REPLY,
    EntryKind.RESOLVED,
    EntryKind.REOPENED,
    EntryKind.SNOOZED,
    EntryKind.NOT_TODAY,
    EntryKind.HELD,
    EntryKind.RELEASED,
    EntryKind.REASSIGNED,
    EntryKind.JOINED,
    EntryKind.TOOK_IN,
)


def last_move(ticket: Ticket) -> TicketEntry | None:
    """Return the last line of a ticket's story by which a helper moved it, if any."""
    moves = ticket.entries.filter(kind__in=MOVES).select_related("actor")
    return moves.order_by("-pk").first()


def last_moves(tickets: Iterable[Ticket]) -> dict[int, int]:
    """Return the last line by which a helper moved each of some tickets (one query)."""
    moves = TicketEntry.objects.filter(ticket__in=list(tickets), kind__in=MOVES)
    return dict(moves.values("ticket").annotate(last=Max("pk")).values_list("ticket", "last"))


def not_today(*, by: int | None, now: datetime) -> set[int]:
    """Return the tickets of which somebody said "not today" today (one query)."""
    said = TicketEntry.objects.filter(
        kind=EntryKind.NOT_TODAY, actor_id=by, at__gt=now - timedelta(days=1)
    )
    today = local_day(now)
    return {pk for pk, at in said.values_list("ticket_id", "at") if local_day(at) == today}


def subject_person_id(ticket: Ticket) -> int | None:
    """Return whom a ticket is about: its person, or to whom its device is lent."""
    if ticket.journey is not None:
        return ticket.journey.person_id
    if ticket.person_id is not None:
        return ticket.person_id
    loans = Loan.objects.open().filter(device_id=ticket.device_id or 0)
    return loans.values_list("person_id", flat=True).first()


def others_of_person(ticket: Ticket, *, rights: Rights) -> list[Ticket]:
    """Return the other open tickets of the same person that a helper may see, oldest first."""
    person_id = subject_person_id(ticket)
    if person_id is None:
        return []
    lent = Loan.objects.open().filter(person_id=person_id).values("device_id")
    theirs = Q(journey__person_id=person_id) | Q(person_id=person_id) | Q(device__in=lent)
    found = Ticket.objects.open().in_scope(rights).filter(theirs).exclude(pk=ticket.pk)
    return list(found.select_related("journey").order_by("pk"))


def may_see(person: User, ticket: Ticket, *, now: datetime) -> bool:
    """Tell whether somebody may open a ticket, as a helper."""
    rights = rights_of(person, on=local_day(now))
    return Ticket.objects.in_scope(rights).filter(pk=ticket.pk).exists()
