"""What happens to a device from its arrival to its end, each step an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from kitting.devices.models import Device, DeviceEvent, DeviceEventNote, Loan
from kitting.devices.states import IN_USE, MOVES, DeviceEventKind, DeviceState, LoanKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accounts.models import User

BATCH = 500


class NotInThatStateError(Exception):
    """A device cannot do what was asked in the state it is in; carries that state."""

    def __init__(self, state: DeviceState) -> None:
        super().__init__(state)
        self.state = state


@dataclass(frozen=True)
class Deed:
    """Who does something to a device, when, and why in their own words."""

    now: datetime
    by: User | None = None
    why: str = ""


@transaction.atomic
def happen(
    *,
    device_id: int,
    kind: DeviceEventKind,
    deed: Deed,
    loan: Loan | None = None,
    after: DeviceState | None = None,
    data: Mapping[str, str] | None = None,
) -> DeviceEvent:
    """Let something happen to a device, by compare-and-swap, and write it down.

    `after` is another state than the usual one after this kind. Raises `NotInThatStateError`.
    """
    step = _step_on(device_id, kind, after=after)
    return _write_down(device_id, kind, step, deed=deed, loan=loan, data=data)


def _step_on(
    device_id: int, kind: DeviceEventKind, *, after: DeviceState | None = None
) -> tuple[DeviceState, DeviceState]:
    allowed, usual = MOVES[kind]
    before = _state_of(device_id)
    target = after or usual or before
    if before not in allowed or not Device.objects.filter(pk=device_id, state=before).update(
        state=target
    ):
        raise NotInThatStateError(_state_of(device_id))
    return before, target


def _write_down(
    device_id: int,
    kind: DeviceEventKind,
    step: tuple[DeviceState, DeviceState],
    *,
    deed: Deed,
    loan: Loan | None = None,
    data: Mapping[str, str] | None = None,
) -> DeviceEvent:
    event = DeviceEvent.objects.create(
        device_id=device_id,
        kind=kind,
        before=step[0],
        after=step[1],
        at=deed.now,
        actor=deed.by,
        loan=loan,
        data=dict(data or {}),
    )
    if deed.why:
        DeviceEventNote.objects.create(event=event, text=deed.why)
    return event


def _state_of(device_id: int) -> DeviceState:
    return DeviceState(Device.objects.values_list("state", flat=True).get(pk=device_id))


@transaction.atomic
def receive(
    *, devices: Sequence[Device], deed: Deed, data: Mapping[str, str] | None = None
) -> int:
    """Note that boxes have arrived; those that had already stay as they are. Returns how many."""
    fresh = [device.pk for device in devices if device.arrived_at is None]
    locked = Device.objects.select_for_update().filter(pk__in=fresh, arrived_at__isnull=True)
    states = dict(locked.filter(state__in=IN_USE).values_list("pk", "state"))
    Device.objects.filter(pk__in=states).update(arrived_at=deed.now)
    DeviceEvent.objects.bulk_create(
        [
            DeviceEvent(
                device_id=pk,
                kind=DeviceEventKind.RECEIVED,
                before=state,
                after=state,
                at=deed.now,
                actor=deed.by,
                data=dict(data or {}),
            )
            for pk, state in sorted(states.items())
        ],
        batch_size=BATCH,
    )
    return len(states)


def write_lendings(
    *, taken: Sequence[int], lent: Sequence[int], deed: Deed, data: Mapping[str, str]
) -> None:
    """Write down which devices, by id, a sheet has taken from somebody and lent to somebody, in this order.

    The loans are not named: they go with the sheet when it is taken back, events stay.
    """
    steps = [(pk, DeviceEventKind.UNBOUND, DeviceState.LENT, DeviceState.STOCK) for pk in taken]
    steps += [(pk, DeviceEventKind.BOUND, DeviceState.STOCK, DeviceState.LENT) for pk in lent]
    events = DeviceEvent.objects.bulk_create(
        [
            DeviceEvent(
                device_id=pk,
                kind=kind,
                before=before,
                after=after,
                at=deed.now,
                actor=deed.by,
                data=dict(data),
            )
            for pk, kind, before, after in steps
        ],
        batch_size=BATCH,
    )
    if deed.why:
        DeviceEventNote.objects.bulk_create(
            [DeviceEventNote(event=event, text=deed.why) for event in events], batch_size=BATCH
        )


@transaction.atomic
def unreceive(*, device: Device, deed: Deed) -> bool:
    """Take back that a box has arrived; tells whether it was noted."""
    if not Device.objects.filter(pk=device.pk, arrived_at__isnull=False).update(
        arrived_at=None
    ):
        return False
    happen(device_id=device.pk, kind=DeviceEventKind.NOT_RECEIVED, deed=deed)
    return True


@transaction.atomic
def hand_over(*, loan: Loan, deed: Deed) -> bool:
    """Note that a lent box was handed out: of any number at once, one wins and is told so."""
    if (
        not Loan.objects.open()
        .filter(pk=loan.pk, handed_over_at__isnull=True)
        .update(handed_over_at=deed.now)
    ):
        return False
    happen(device_id=loan.device_id, kind=DeviceEventKind.HANDED_OUT, deed=deed, loan=loan)
    return True


@transaction.atomic
def take_back(*, loan: Loan, deed: Deed) -> bool:
    """Take back that a box was handed out; tells whether it was."""
    if (
        not Loan.objects.open()
        .filter(pk=loan.pk, handed_over_at__isnull=False)
        .update(handed_over_at=None)
    ):
        return False
    happen(device_id=loan.device_id, kind=DeviceEventKind.TAKEN_BACK, deed=deed, loan=loan)
    return True


@dataclass(frozen=True)
class For:
    """For whom a device is lent: a person, else a department; and where."""

    department_id: int
    person: User | None = None
    place_id: int | None = None
    kind: LoanKind = LoanKind.PERSONAL


@transaction.atomic
def lend(*, device: Device, whom: For, kind: DeviceEventKind, deed: Deed) -> Loan:
    """Lend a device from stock. Raises `NotInThatStateError`; of any number at once, one wins."""
    step = _step_on(device.pk, kind)
    loan = Loan.objects.create(
        device=device,
        kind=whom.kind,
        person=whom.person,
        department_id=whom.department_id,
        place_id=whom.place_id,
        started_at=deed.now,
    )
    _write_down(device.pk, kind, step, deed=deed, loan=loan)
    return loan


@transaction.atomic
def end_loan(*, device_id: int, now: datetime) -> Loan | None:
    """End the loan of a device, if it has one; journeys are the caller's."""
    loan = Loan.objects.open().select_for_update().filter(device_id=device_id).first()
    if loan is not None:
        loan.ended_at = now
        loan.save(update_fields=["ended_at"])
    return loan
