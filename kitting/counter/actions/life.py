"""What IT does with a device through its life; every change says who and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from kitting.devices.actions.life import Deed, For, NotInThatStateError, end_loan, happen, lend
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceEventKind, DeviceState, LoanKind
from kitting.escalation import actions as escalation
from kitting.escalation.actions.departing import ask_for_return
from kitting.escalation.actions.swaps import swap_device
from kitting.escalation.models import Ticket
from kitting.escalation.states import Source, TicketKind
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.actions.resting import pause
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason, Via

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# A device in repair reminds nobody; whoever has it back goes on at once.
REPAIR_REST = timedelta(days=60)
# Which tickets are over when a device is back, or found.
BACK = (TicketKind.RETURN,)
HERE = (TicketKind.LOSS, TicketKind.FOUND)


class NobodyHasItError(Exception):
    """The device is lent to nobody, so that nobody can get another one for it."""


@transaction.atomic
def give_back(*, device: Device, deed: Deed) -> None:
    """Take a device back: loan and journey end, its return is settled."""
    happen(device_id=device.pk, kind=DeviceEventKind.RETURNED, deed=deed, loan=_loan_of(device))
    _end(device, deed=deed)
    _close(device, BACK, deed=deed)


@transaction.atomic
def send_to_repair(*, device: Device, deed: Deed) -> None:
    """Send a device to be repaired; its person keeps it on loan, and nobody is reminded."""
    loan = _loan_of(device)
    is_spare = device.state in (DeviceState.SPARE, DeviceState.RETURNING)
    happen(device_id=device.pk, kind=DeviceEventKind.SENT_TO_REPAIR, deed=deed, loan=loan)
    if is_spare:  # nobody waits to have it back
        _end(device, deed=deed)
    else:
        _rest(device, until=deed.now + REPAIR_REST, deed=deed)


@transaction.atomic
def repaired(*, device: Device, deed: Deed) -> None:
    """Take a device from repair: back to its person, else to stock."""
    loan = _loan_of(device)
    after = DeviceState.LENT if loan else DeviceState.STOCK
    kind = DeviceEventKind.REPAIRED
    happen(device_id=device.pk, kind=kind, deed=deed, loan=loan, after=after)
    _rest(device, until=deed.now, deed=deed)


@transaction.atomic
def ask_back(*, device: Device, deed: Deed) -> None:
    """Ask a device back; from now on nobody sets it up, and its lead is asked to bring it."""
    loan = _loan_of(device)
    happen(device_id=device.pk, kind=DeviceEventKind.ASKED_BACK, deed=deed, loan=loan)
    _close_journeys(device, reason=CloseReason.LOAN_ENDED, deed=deed)
    ask_for_return(device=device, source=Source.STAFF, by=deed.by, now=deed.now)


@transaction.atomic
def lose(*, device: Device, deed: Deed) -> None:
    """Note a loss at once: the ticket past quiet hours, loan and journey end, box sessions too."""
    ticket = escalation.report_loss(
        device=device,
        person=None,
        words=deed.why,
        source=Source.STAFF,
        actor=deed.by,
        now=deed.now,
    )
    if deed.by is not None:
        escalation.mark_lost(ticket=ticket, by=deed.by, now=deed.now)


@transaction.atomic
def find(*, device: Device, deed: Deed) -> None:
    """Note that a lost device is here again; IT looks at it before anybody uses it."""
    happen(device_id=device.pk, kind=DeviceEventKind.FOUND, deed=deed)
    _close(device, HERE, deed=deed)


@transaction.atomic
def check(*, device: Device, deed: Deed) -> None:
    """Put a found device back in stock after a look at it."""
    happen(device_id=device.pk, kind=DeviceEventKind.CHECKED, deed=deed)


@transaction.atomic
def retire(*, device: Device, deed: Deed) -> None:
    """Take a device out of use for ever; its history stays."""
    happen(device_id=device.pk, kind=DeviceEventKind.RETIRED, deed=deed, loan=_loan_of(device))
    _end(device, deed=deed)


VERBS: Mapping[DeviceEventKind, Callable[..., None]] = {
    DeviceEventKind.RETURNED: give_back,
    DeviceEventKind.SENT_TO_REPAIR: send_to_repair,
    DeviceEventKind.REPAIRED: repaired,
    DeviceEventKind.ASKED_BACK: ask_back,
    DeviceEventKind.LOST: lose,
    DeviceEventKind.FOUND: find,
    DeviceEventKind.CHECKED: check,
    DeviceEventKind.RETIRED: retire,
}


@transaction.atomic
def do(*, device: Device, kind: DeviceEventKind, seen: DeviceState, deed: Deed) -> None:
    """Do one thing with a device as somebody saw it. Raises `NotInThatStateError`."""
    VERBS[kind](device=_check_seen(device, seen), deed=deed)


@transaction.atomic
def swap(
    *, device: Device, new: Device, seen: DeviceState, old_goes: DeviceState, deed: Deed
) -> Loan:
    """Give the person of a device another one from stock, as somebody saw it."""
    _check_seen(device, seen)
    return swap_device(device=device, new=new, deed=deed, old_goes=old_goes)


@transaction.atomic
def lend_spare(*, device: Device, spare: Device, deed: Deed) -> Loan:
    """Lend a spare to whoever has a device, for as long as theirs is away.

    The own loan and the own progress stay. Raises `NobodyHasItError`, `NotInThatStateError`.
    """
    loan = _loan_of(device)
    if loan is None or loan.person is None:
        raise NobodyHasItError
    whom = For(
        department_id=loan.department_id,
        person=loan.person,
        place_id=loan.place_id,
        kind=LoanKind.SPARE,
    )
    spare_loan = lend(device=spare, whom=whom, kind=DeviceEventKind.LENT_SPARE, deed=deed)
    spare_loan.handed_over_at = deed.now
    spare_loan.save(update_fields=["handed_over_at"])
    return spare_loan


def _check_seen(device: Device, seen: DeviceState) -> Device:
    fresh = Device.objects.select_for_update().get(pk=device.pk)
    if fresh.state != seen:
        raise NotInThatStateError(DeviceState(fresh.state))
    return fresh


def _loan_of(device: Device) -> Loan | None:
    loans = Loan.objects.open().filter(device=device)
    return loans.select_related("person", "department", "place").first()


def _end(device: Device, *, deed: Deed) -> None:
    _close_journeys(device, reason=CloseReason.LOAN_ENDED, deed=deed)
    end_loan(device_id=device.pk, now=deed.now)


def _close_journeys(device: Device, *, reason: CloseReason, deed: Deed) -> None:
    journeys = list(Journey.objects.open().filter(loan__device=device))
    for ticket in Ticket.objects.open().filter(journey__in=journeys).order_by("pk"):
        escalation.close_over(ticket=ticket, now=deed.now)
    who = Who(via=Via.STAFF, actor=deed.by)
    close_journeys(journeys, reason=reason, now=deed.now, who=who)


def _rest(device: Device, *, until: datetime, deed: Deed) -> None:
    who = Who(via=Via.STAFF, actor=deed.by)
    for pk in Journey.objects.open().filter(loan__device=device).values_list("pk", flat=True):
        pause(journey_id=pk, until=until, who=who, now=deed.now)


def _close(device: Device, kinds: tuple[TicketKind, ...], *, deed: Deed) -> None:
    open_ones = Ticket.objects.open().filter(device=device, kind__in=kinds).order_by("pk")
    for ticket in open_ones:
        escalation.close_over(ticket=ticket, now=deed.now, why="device_here")
