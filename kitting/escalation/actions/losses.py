"""A device is lost: told by anybody at any hour, ticked off line by line."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.actions import count_try
from accounts.models import User
from accounts.queries import local_day
from accounts.states import IT_ROLES
from kitting.devices.models import Loan
from kitting.escalation import actions
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.models import LossReport, LossStep, Ticket
from kitting.escalation.queries.ladder import on_duty, organisation_book
from kitting.escalation.rules import numbers_meant
from kitting.escalation.states import EntryKind, LossLine, Source, TicketKind
from kitting.journeys.actions.resting import end_box_sessions
from kitting.journeys.rules import plain_number
from kitting.notices.actions import queue, queue_message, render
from kitting.notices.states import Channel

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.journeys.models import Journey

# A city hall stands behind one address, and a number that is told again and again is told once.
LOSSES_PER_CLIENT = 20
LOSSES_PER_NUMBER = 3
WINDOW = timedelta(hours=1)
TAKEN_AT_ONCE = 50


class TooManyLossesError(Exception):
    """One address, or one number, was told too often: the phone is the way now."""


@transaction.atomic
def tell_loss(
    *, staff_number: str, call_back: str, words: str, client: str, now: datetime
) -> LossReport:
    """Keep what somebody tells of a loss; whose it is is looked up later.

    The page never asks the roll, so that its answer and its time are the same to all. Raises
    `TooManyLossesError`.
    """
    number = plain_number(staff_number)[:20]
    limits = (
        (f"loss:{client}", LOSSES_PER_CLIENT),
        (f"loss-number:{number}", LOSSES_PER_NUMBER),
    )
    if not all(count_try(key=key, limit=most, window=WINDOW, now=now) for key, most in limits):
        raise TooManyLossesError
    return LossReport.objects.create(
        staff_number=number, call_back=call_back, words=words, told_at=now
    )


def take_losses(*, now: datetime) -> int:
    """Make a ticket of every loss that was told and not looked up yet; returns how many."""
    keys = list(
        LossReport.objects.filter(taken_at__isnull=True)
        .order_by("pk")
        .values_list("pk", flat=True)[:TAKEN_AT_ONCE]
    )
    return sum(_take(pk, now=now) for pk in keys)


@transaction.atomic
def _take(pk: int, *, now: datetime) -> bool:
    """Look one up, once, whoever runs beside; nobody's number alarms IT all the same."""
    won = LossReport.objects.filter(pk=pk, taken_at__isnull=True).update(taken_at=now)
    if not won:
        return False
    report = LossReport.objects.get(pk=pk)
    person = _person(report.staff_number)
    if person is None:
        _tell_of_stranger(report, now=now)
        return True
    loans = list(Loan.objects.open().filter(person=person).select_related("device")[:2])
    ticket = actions.report_loss(
        device=loans[0].device if len(loans) == 1 else None,
        person=person,
        words="\n".join(part for part in (report.call_back, report.words) if part),
        source=Source.LOSS_PAGE,
        actor=None,
        now=now,
    )
    LossReport.objects.filter(pk=pk).update(ticket=ticket, person=person)
    return True


def _person(number: str) -> User | None:
    found = list(
        User.objects.filter(staff_number__in=numbers_meant(number), is_active=True)[:2]
    )
    exact = [person for person in found if person.staff_number == number] or found
    return exact[0] if len(exact) == 1 else None


def _tell_of_stranger(report: LossReport, *, now: datetime) -> None:
    """Tell IT of a loss whose number is on no roll: the call-back is all there is."""
    link, matter = reverse("escalation:losses"), f"loss:{report.pk}"
    if settings.HELP_DESK_EMAIL:
        subject, body = render(
            kind="loss_unknown", person=None, channel=Channel.MAIL, context={"path": link}
        )
        queue(
            dedupe_key=f"{matter}:help_desk:{Channel.MAIL}",
            kind="loss_unknown",
            channel=Channel.MAIL,
            language=settings.LANGUAGE_CODE,
            subject=subject,
            body=body,
            now=now,
            address=settings.HELP_DESK_EMAIL,
            link=link,
            about=matter,
        )
    team = User.objects.with_role(*IT_ROLES, on=local_day(now)).order_by("pk")
    for person in on_duty(book=organisation_book(), now=now) or team:
        queue_message(
            kind="loss_unknown",
            person=person,
            about=matter,
            reason=matter,
            context={},
            link=link,
            now=now,
        )


@transaction.atomic
def lose_own(*, journey: Journey, words: str, by: User | None, now: datetime) -> Ticket:
    """Take a person's word that their device is gone: IT at once, their box sessions end."""
    ticket = actions.report_loss(
        device=journey.loan.device,
        person=None,
        words=words,
        source=Source.PERSON,
        actor=by,
        now=now,
    )
    end_box_sessions(journey_id=journey.pk)
    return ticket


@transaction.atomic
def settle_stranger(*, report: LossReport, by: User, now: datetime) -> bool:
    """Note that somebody called back about a loss whose number is on no roll."""
    rows = LossReport.objects.filter(pk=report.pk, ticket__isnull=True, settled_at__isnull=True)
    return bool(rows.update(settled_at=now, settled_by=by))


@transaction.atomic
def tick(*, ticket: Ticket, line: LossLine, by: User, now: datetime) -> bool:
    """Tick a line of the list of a loss; of two at once one is noted. Tells whether it was new."""
    if ticket.kind != TicketKind.LOSS:
        raise actions.NotLostError
    try:
        with transaction.atomic():
            LossStep.objects.create(ticket=ticket, line=line, done_at=now, done_by=by)
    except IntegrityError:
        return False
    _note(ticket, line, "done", by=by, now=now)
    return True


@transaction.atomic
def untick(*, ticket: Ticket, line: LossLine, by: User, now: datetime) -> bool:
    """Take a tick back; both stay in the story."""
    gone, _rows = LossStep.objects.filter(ticket=ticket, line=line).delete()
    if gone:
        _note(ticket, line, "undone", by=by, now=now)
    return bool(gone)


def _note(ticket: Ticket, line: LossLine, what: str, *, by: User, now: datetime) -> None:
    add_entry(
        ticket, EntryKind.NOTE, now, actor=by, data={"loss_line": str(line), "what": what}
    )
