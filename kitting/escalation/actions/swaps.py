"""Devices change hands: one for another, and two boxes that lie at each other's desks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import count_try
from accounts.models import User
from kitting.devices.actions.life import Deed, For, end_loan, hand_over, happen, lend
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceEventKind, DeviceState, LoanKind
from kitting.escalation import actions
from kitting.escalation.models import Ticket, WrongBox
from kitting.escalation.queries.boxes import own_box_of
from kitting.escalation.rules import numbers_meant
from kitting.escalation.states import OPEN, TicketKind
from kitting.journeys.actions.errors import SYSTEM, Who
from kitting.journeys.actions.loans import carry_over, close_journeys
from kitting.journeys.models import Journey
from kitting.journeys.rules import plain_number
from kitting.journeys.states import CloseReason, Via

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

ABOUT_BOXES = (TicketKind.SWAP, TicketKind.WRONG_BOX)


class CannotSwapError(Exception):
    """Two devices cannot be exchanged; carries why: "no_loan", "same", "changed", "scope"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@transaction.atomic
def swap_device(
    *, device: Device, new: Device, deed: Deed, old_goes: DeviceState = DeviceState.STOCK
) -> Loan:
    """Give whoever has a device another one from stock; what they have learned goes with them.

    Steps that belong to the device are done anew. `old_goes`: where the old one goes from here.
    Raises `CannotSwapError`, `NotInThatStateError`.
    """
    if device.pk == new.pk:
        raise CannotSwapError("same")
    _lock([device.pk, new.pk])
    loan = end_loan(device_id=device.pk, now=deed.now)
    if loan is None:
        raise CannotSwapError("no_loan")
    journey = _leave(loan, deed=deed, old_goes=old_goes)
    fresh = _enter(loan, new, deed=deed)
    _go_on(journey, fresh, deed=deed)
    _settle(device, deed=deed)
    return fresh


@transaction.atomic
def exchange(*, one: Device, other: Device, deed: Deed) -> tuple[Loan, Loan]:
    """Let two people have each other's devices; nobody's progress becomes the other's.

    Raises `CannotSwapError`, `NotInThatStateError`.
    """
    if one.pk == other.pk:
        raise CannotSwapError("same")
    _lock([one.pk, other.pk])
    loans = [end_loan(device_id=device.pk, now=deed.now) for device in (one, other)]
    first, second = loans
    if first is None or second is None:
        raise CannotSwapError("no_loan")
    if first.kind != LoanKind.PERSONAL or second.kind != LoanKind.PERSONAL:
        raise CannotSwapError("no_loan")
    journeys = [_leave(loan, deed=deed, old_goes=DeviceState.STOCK) for loan in (first, second)]
    fresh = (_enter(first, other, deed=deed), _enter(second, one, deed=deed))
    for journey, loan in zip(journeys, fresh, strict=True):
        _go_on(journey, loan, deed=deed)
    for device in (one, other):
        _settle(device, deed=deed)
    return fresh


def _lock(keys: Iterable[int]) -> None:
    """Lock devices in one order, so that two exchanges at once take turns."""
    list(Device.objects.select_for_update().filter(pk__in=keys).order_by("pk").only("pk"))


def _leave(loan: Loan, *, deed: Deed, old_goes: DeviceState) -> Journey | None:
    """Let a person leave a device: its journey ends, and every box session with it."""
    journey = Journey.objects.open().filter(loan=loan).first()
    who = Who(via=Via.STAFF, actor=deed.by) if deed.by else SYSTEM
    if journey is not None:
        tickets = Ticket.objects.filter(journey=journey, state__in=OPEN).order_by("pk")
        for ticket in tickets:
            actions.close_over(ticket=ticket, now=deed.now)
        close_journeys([journey], reason=CloseReason.SWAPPED, now=deed.now, who=who)
    happen(
        device_id=loan.device_id,
        kind=DeviceEventKind.SWAPPED_OUT,
        deed=deed,
        loan=loan,
        after=old_goes,
    )
    return journey


def _enter(old: Loan, device: Device, *, deed: Deed) -> Loan:
    whom = For(
        department_id=old.department_id,
        person=old.person,
        place_id=old.place_id,
        kind=LoanKind(old.kind),
    )
    loan = lend(device=device, whom=whom, kind=DeviceEventKind.SWAPPED_IN, deed=deed)
    if old.handed_over_at is not None:
        hand_over(loan=loan, deed=replace(deed, why=""))
    return loan


def _go_on(journey: Journey | None, loan: Loan, *, deed: Deed) -> None:
    if journey is not None:
        who = Who(via=Via.STAFF, actor=deed.by) if deed.by else SYSTEM
        carry_over(old=journey, loan=loan, who=who, now=deed.now)


def _settle(device: Device, *, deed: Deed) -> None:
    """End what was open about a wrong box or an exchange: it is done."""
    open_ones = Ticket.objects.open().filter(device=device, kind__in=ABOUT_BOXES)
    for ticket in open_ones.order_by("pk"):
        actions.close_over(ticket=ticket, now=deed.now, why="exchanged")
    Device.objects.filter(pk=device.pk).update(said_elsewhere_at=None)
    WrongBox.objects.filter(device=device, settled_at__isnull=True).update(
        settled_at=deed.now, settled_by=deed.by
    )


# --- not my box -----------------------------------------------------------------------------------


@transaction.atomic
def tell_wrong_box(  # one fact each, and the one caller names them
    *,
    device: Device,
    staff_number: str,
    words: str,
    client: str,
    by: User | None,
    now: datetime,
) -> Ticket:
    """Take in that somebody holds a box that is not theirs, with their own number if they like.

    Where whoever this box is for has said the same of the other box, both have confirmed, and the
    two are exchanged at once; the page says the same in every case. Raises `TooManyReportsError`.
    """
    ticket = actions.report(
        device=device, kind=TicketKind.WRONG_BOX, words=words, client=client, now=now, by=by
    )
    number = plain_number(staff_number)
    # Tries are counted for every number alike, before any is looked up.
    key = f"wrong-box:{device.pk}:{client}"
    within = count_try(
        key=key, limit=actions.REPORTS_PER_CLIENT, window=actions.REPORT_WINDOW, now=now
    )
    holder = _holder(number) if number and within else None
    if holder is None:
        return ticket
    WrongBox.objects.filter(device=device, settled_at__isnull=True).update(settled_at=now)
    told = WrongBox.objects.create(device=device, holder=holder, ticket=ticket, told_at=now)
    # Noted on the row every page of a journey has in hand, so that asking costs nothing.
    Device.objects.filter(pk=device.pk).update(said_elsewhere_at=now)
    _exchange_if_both_said(told, now=now)
    return ticket


def _holder(number: str) -> User | None:
    people = User.objects.filter(staff_number__in=numbers_meant(number), is_active=True)
    loans = Loan.objects.open().with_person().filter(person__in=people)
    found = [loan.person for loan in loans.select_related("person")[:2]]
    return found[0] if len(found) == 1 else None


def _exchange_if_both_said(told: WrongBox, *, now: datetime) -> None:
    other = own_box_of(told)
    if other is None:
        return
    said = WrongBox.objects.filter(
        device=other.device, holder=_person_of(told.device), settled_at__isnull=True
    )
    if said.exists():
        exchange(one=told.device, other=other.device, deed=Deed(now=now))


def _person_of(device: Device) -> User | None:
    loan = Loan.objects.open().filter(device=device).select_related("person").first()
    return loan.person if loan else None


@transaction.atomic
def confirm_exchange(*, told: WrongBox, deed: Deed) -> tuple[Loan, Loan]:
    """Exchange the two boxes: the other person, a lead or IT has confirmed it.

    Raises `CannotSwapError` where it was settled a moment ago or one side has no box.
    """
    told = WrongBox.objects.select_for_update(of=("self",)).get(pk=told.pk)
    other = own_box_of(told) if told.settled_at is None else None
    if other is None:
        raise CannotSwapError("changed")
    return exchange(one=told.device, other=other.device, deed=deed)
