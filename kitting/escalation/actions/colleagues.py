"""Colleagues who finished and say "I can help": the offer, and what they answer when asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kitting.escalation import actions
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.models import Offer, Plea, Ticket
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.states import EntryKind, Level, PleaAnswer, TicketState

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


@transaction.atomic
def offer_help(*, person: User, now: datetime) -> bool:
    """Note that somebody can help colleagues; tells whether that is new."""
    offer, is_new = Offer.objects.get_or_create(person=person, defaults={"offered_at": now})
    if is_new:
        return True
    again = Offer.objects.filter(pk=offer.pk, withdrawn_at__isnull=False)
    return bool(again.update(offered_at=now, withdrawn_at=None))


@transaction.atomic
def withdraw_offer(*, person: User, now: datetime) -> bool:
    """Take the offer back: nobody asks this person from now on; tells whether it stood."""
    standing = Offer.objects.standing().filter(person=person)
    return bool(standing.update(withdrawn_at=now))


@transaction.atomic
def answer_plea(*, plea: Plea, answer: PleaAnswer, words: str, now: datetime) -> Plea:
    """Take a colleague's word: going (the ladder waits), not now (the next is asked), or solved.

    What was already over stays so; the answer is kept in the story either way.
    """
    ticket = actions.locked(plea.ticket)
    plea = Plea.objects.select_for_update().get(pk=plea.pk)
    if plea.answer in (answer, PleaAnswer.HELPED):
        return plea
    plea.answer, plea.answered_at = answer, now
    plea.save(update_fields=["answer", "answered_at"])
    if ticket.state == TicketState.RESOLVED:
        return plea
    _note(ticket, plea, words, now=now)
    if answer == PleaAnswer.HELPED:
        actions.end(ticket, by=plea.person, now=now)
    elif ticket.level == Level.COLLEAGUE and ticket.taken_by_id is None:
        _wait_or_go_on(ticket, plea, now=now)
    return plea


def _note(ticket: Ticket, plea: Plea, words: str, *, now: datetime) -> None:
    kinds = {PleaAnswer.GOING: EntryKind.GOING, PleaAnswer.HELPED: EntryKind.RESOLVED}
    kind = kinds.get(PleaAnswer(plea.answer), EntryKind.NOTE)
    data = {"colleague": plea.answer}
    add_entry(ticket, kind, now, actor=plea.person, text=words, data=data)


def _wait_or_go_on(ticket: Ticket, plea: Plea, *, now: datetime) -> None:
    """Give who goes there the time of a helper; where they cannot, the next sweep asks on."""
    if plea.answer == PleaAnswer.GOING:
        wait = ladder_book().of_ticket(ticket).taken
        ticket.due_at = wait.until(organisation_book().of_person(plea.person), now)
    elif not ticket.pleas.exclude(answer=PleaAnswer.NOT_NOW).exists():
        ticket.due_at = now
    ticket.save(update_fields=["due_at"])
