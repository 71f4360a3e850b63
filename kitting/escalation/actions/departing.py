"""The roll is taken in, and devices of people who leave are asked back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.queries import local_day
from accounts.roll import RollResult, import_roll
from kitting.devices.actions.life import Deed, NotInThatStateError, end_loan, happen
from kitting.devices.actions.moving import move_loans
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceEventKind, DeviceState
from kitting.escalation.actions.asking import about_device
from kitting.escalation.actions.ladder import raise_by_itself
from kitting.escalation.actions.matters import close_journeys
from kitting.escalation.actions.rows import add_entry
from kitting.escalation.actions.waiting import CLOSED, NOTHING
from kitting.escalation.channels import Telling
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import EntryKind, Source, TicketKind
from kitting.journeys import actions as journeys
from kitting.journeys.states import CloseReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from accounts.forms import PersonRow
    from accounts.models import User
    from accounts.queries import CalendarBook
    from accounts.taking import Order
    from kitting.devices.models import LoanQuerySet


@transaction.atomic
def take_in_roll(
    *,
    rows: Iterable[PersonRow],
    order: Order,
) -> RollResult:
    """Take the roll in, let devices move with their people, and follow who left; all or nothing."""
    result = import_roll(rows=rows, order=order)
    if not (order.dry_run or result.flaws or result.is_stale):
        if move_loans(moves=result.moves, batch=order.batch):
            journeys.follow_loans(now=order.now, batch=order.batch)
        follow_departures(now=order.now)
    return result


@transaction.atomic
def follow_departures(*, now: datetime) -> int:
    """Close the journeys of people whose leaving date has come and ask their devices back."""
    gone = who_left(now)
    book = organisation_book() if gone else None
    done = [depart_one(pk, book=book, now=now) for pk in gone if book]
    return done.count(CLOSED)


def who_left(now: datetime) -> list[int]:
    """Return the devices of people who left that are not asked back yet."""
    return list(loans_of_gone(now).order_by("pk").values_list("device_id", flat=True))


def loans_of_gone(now: datetime) -> LoanQuerySet:
    """Return the loans of people who left that are not asked back yet."""
    return (
        Loan.objects.open()
        .filter(person__left_on__lte=local_day(now))
        .exclude(device__state__in=(DeviceState.RETURNING, DeviceState.LOST))
    )


@transaction.atomic
def depart_one(device_id: int, *, book: CalendarBook, now: datetime) -> str:
    """End the loan of somebody who left, and ask the lead to get the device back."""
    device = (
        Device.objects.select_for_update(skip_locked=True)
        .exclude(state__in=(DeviceState.RETURNING, DeviceState.LOST))
        .filter(pk=device_id)
        .first()
    )
    if device is None:  # another sweeper was here first
        return NOTHING
    try:
        happen(device_id=device_id, kind=DeviceEventKind.ASKED_BACK, deed=Deed(now=now))
    except NotInThatStateError:  # it is at IT already: nobody has to bring it
        close_journeys(device, reason=CloseReason.PERSON_LEFT, now=now)
        end_loan(device_id=device_id, now=now)
        return CLOSED
    close_journeys(device, reason=CloseReason.PERSON_LEFT, now=now)
    ask_for_return(device=device, source=Source.SWEEP, book=book, now=now)
    return CLOSED


@transaction.atomic
def ask_for_return(
    *,
    device: Device,
    source: Source,
    now: datetime,
    by: User | None = None,
    book: CalendarBook | None = None,
) -> None:
    """Open the ticket by which a device comes back, and ask its lead to bring it; one that is open stays."""
    ticket, is_new = about_device(device, TicketKind.RETURN, source=source, now=now)
    if is_new:
        add_entry(ticket, EntryKind.OPENED, now, actor=by)
        raise_by_itself(Telling(ticket, book or organisation_book(), now), first=True)
