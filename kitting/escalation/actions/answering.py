"""The person's word on an answer: better, not yet, never mind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kitting.escalation.actions.asking import reopen
from kitting.escalation.actions.rows import Said, add_entry, locked, note_said, said_before
from kitting.escalation.actions.waiting import set_resolved, wait_anew
from kitting.escalation.channels import about
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import EntryKind, TicketState
from kitting.notices.actions import cancel as cancel_notices

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from kitting.escalation.models import Ticket


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
    said = Said(words=words)
    if ticket.state == TicketState.RESOLVED:
        return reopen(ticket, said, actor=actor, now=now)
    if not said_before(ticket, said, now=now):
        note_said(ticket, EntryKind.STILL, said, actor=actor, now=now)
    return ticket if ticket.is_waiting else wait_anew(ticket, book=organisation_book(), now=now)


def _over(ticket: Ticket, kind: EntryKind, *, actor: User | None, now: datetime) -> Ticket:
    if ticket.asked_better_at is not None:
        return ticket
    if ticket.state != TicketState.RESOLVED:
        set_resolved(ticket, by=actor, now=now)
        cancel_notices(about=about(ticket))
    ticket.asked_better_at = now
    ticket.save(update_fields=["asked_better_at"])
    add_entry(ticket, kind, now, actor=actor, to_person=True)
    return ticket
