"""What IT does about an outage: one answer to all, and its end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from accounts.actions import write_audit
from kitting.escalation import actions
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.models import Outage, Ticket
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.states import (
    Ending,
    EntryKind,
    TicketKind,
)
from kitting.journeys.models import Journey
from kitting.site.actions import note_outages

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

# So many hear of an answer at once; the rest within the next rounds of the sweep.
AT_ONCE = 50
# The end of an outage sends everybody on; those who need no one are not looked at in one moment.
LOOK_AFTER = timedelta(minutes=5)


@transaction.atomic
def answer_outage(*, outage: Outage, by: User, words: str, now: datetime) -> int:
    """Answer everybody who asks about an outage, now and later; returns how many heard already."""
    Outage.objects.filter(pk=outage.pk).update(
        answer=words, answered_by=by, answers=F("answers") + 1
    )
    return tell_askers(now=now)


@transaction.atomic
def end_outage(*, outage: Outage, by: User, ending: Ending, words: str, now: datetime) -> bool:
    """End an outage: its questions are resolved with a word, or each goes on by itself.

    Everybody's clock runs again, from now on. Tells whether it was open.
    """
    facts = {"answer": words, "answered_by": by} if words else {}
    ended = (
        Outage.objects.open()
        .filter(pk=outage.pk)
        .update(ended_at=now, ended_by=by, ending=ending, **facts)
    )
    if not ended:
        return False
    note_outages(are_open=Outage.objects.open().exists())
    write_audit(action="outage.ended", now=now, by=by, subject=str(outage))
    Journey.objects.open().filter(
        current_step=outage.step_key, ready_at__isnull=True, attention_at__gt=now
    ).update(attention_at=now + LOOK_AFTER)
    tell_askers(now=now)
    return True


@transaction.atomic
def tell_askers(*, now: datetime, limit: int = AT_ONCE) -> int:
    """Tell the next people in line what became of their outage; returns how many were told."""
    waiting = Ticket.objects.open().filter(
        Q(outage__ended_at__isnull=False) | Q(outage_answers__lt=F("outage__answers")),
        outage__isnull=False,
        kind=TicketKind.HELP,
        journey__closed_at__isnull=True,
    )
    told = 0
    for ticket in waiting.select_related("outage__answered_by", "journey").order_by("pk")[
        :limit
    ]:
        told += _tell(ticket, now=now)
    return told


def _tell(ticket: Ticket, *, now: datetime) -> bool:
    outage = ticket.outage
    if outage is None or ticket.journey_id is None:
        return False
    by = outage.answered_by or outage.ended_by
    if outage.ended_at is None and by is not None:
        actions.reply(ticket=ticket, by=by, words=outage.answer, now=now)
        Ticket.objects.filter(pk=ticket.pk).update(
            outage_answers=outage.answers, due_at=None, taken_by=None, taken_at=None
        )
    elif outage.ending == Ending.SOLVED and by is not None:
        actions.resolve(ticket=ticket, by=by, words=outage.answer, now=now)
    else:
        _go_on_alone(ticket, now=now)
    return True


def _go_on_alone(ticket: Ticket, *, now: datetime) -> None:
    """Let one question climb by itself again: whoever waits for an answer is due first."""
    book = organisation_book()
    first = ladder_book().of_ticket(ticket).rungs[0]
    Ticket.objects.filter(pk=ticket.pk).update(
        outage=None,
        level=first.level,
        level_asks=1,
        due_at=first.wait.until(book.default, now),
    )
    add_entry(ticket, EntryKind.SINGLE, now)
