"""Everything that changes rows at the counter: boxes arrive, go out, and come back over it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.models import User
from kitting.counter import rules
from kitting.counter.models import Scan
from kitting.counter.queries import (
    Box,
    Visitor,
    box_of,
    carton_of,
    is_own,
    may_undo,
    sees_all,
    visitor_of,
)
from kitting.counter.states import GOOD, Mode, Outcome
from kitting.devices.actions.life import (
    Deed,
    For,
    NotInThatStateError,
    end_loan,
    hand_over,
    happen,
    lend,
    receive,
    take_back,
    unreceive,
)
from kitting.devices.models import Device, DeviceEvent, Loan
from kitting.devices.states import IN_USE, DeviceEventKind
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.loans import close_journeys, open_journey
from kitting.journeys.models import Journey
from kitting.journeys.rules import own_time
from kitting.journeys.states import CloseReason, Via

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.queries import Rights

# Whoever lost a race reads once more what is true now.
TRIES = 2


class CannotUndoError(Exception):
    """What a scan did cannot be taken back; carries why: "begun", "changed", "not_yours"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Typed:
    """One scan as it comes from a counter: whose device, the how many-th, what was read.

    `as_kept` hands the box to the person it is kept for; `forced` gives a second device on purpose.
    """

    client: str
    sequence: int
    box: str
    person: str = ""
    mode: Mode = Mode.HAND_OUT
    as_kept: bool = False
    forced: bool = False
    scanned_at: datetime | None = None


@dataclass(frozen=True)
class _Done:
    outcome: Outcome
    device: Device | None = None
    loan: Loan | None = None
    person: User | None = None
    boxes: int = 1


def take_scan(*, typed: Typed, by: User, rights: Rights, now: datetime) -> Scan:
    """Do what a scan asks for, once: the same scan again is answered as the first time."""
    known = _known(typed)
    if known is not None:
        return known
    try:
        return _take_scan(typed, by=by, rights=rights, now=now)
    except IntegrityError:
        known = _known(typed)  # the same scan arrived twice at once
        if known is None:
            raise
        return known


def _known(typed: Typed) -> Scan | None:
    rows = Scan.objects.select_related(
        "device", "person__department", "loan__department", "loan__person"
    )
    return rows.filter(client=typed.client, sequence=typed.sequence).first()


@transaction.atomic
def _take_scan(typed: Typed, *, by: User, rights: Rights, now: datetime) -> Scan:
    deed = Deed(now=now, by=by)
    done = (
        _arrive(typed, rights=rights, deed=deed)
        if typed.mode == Mode.ARRIVE
        else _hand_out(typed, rights=rights, deed=deed)
    )
    return Scan.objects.create(
        client=typed.client,
        sequence=typed.sequence,
        mode=typed.mode,
        outcome=done.outcome,
        device=done.device,
        loan=done.loan,
        person=done.person,
        boxes=done.boxes,
        by=by,
        at=now,
        scanned_at=own_time(typed.scanned_at, last=None, now=now),
    )


def _arrive(typed: Typed, *, rights: Rights, deed: Deed) -> _Done:
    box = box_of(typed.box, rights)
    outcome = rules.judge_arrival(box.facts)
    if outcome == Outcome.UNREADABLE:
        return _carton_arrives(typed, rights=rights, deed=deed)
    if outcome == Outcome.ARRIVED and box.device is not None:
        receive(devices=[box.device], deed=deed)
    return _Done(outcome, device=box.device, loan=box.loan)


def _carton_arrives(typed: Typed, *, rights: Rights, deed: Deed) -> _Done:
    carton = carton_of(typed.box, rights)
    if not carton:
        return _Done(Outcome.UNREADABLE)
    count = receive(devices=carton, deed=deed, data={"scan": _name(typed)})
    outcome = Outcome.ARRIVED if count else Outcome.HERE_BEFORE
    return _Done(outcome, boxes=count or len(carton))


def _name(scan: Typed | Scan) -> str:
    """Return what tells one scan from all others."""
    return f"{scan.client}:{scan.sequence}"


def _hand_out(typed: Typed, *, rights: Rights, deed: Deed) -> _Done:
    box, visitor = Box(rules.BoxFacts("unreadable")), Visitor()
    for _try in range(TRIES):
        box = box_of(typed.box, rights)
        visitor = _visitor(typed, box, rights, deed=deed)
        outcome = rules.judge(
            box.facts,
            visitor.facts,
            typed=bool(typed.person.strip()),
            forced=typed.forced and sees_all(rights),
        )
        if outcome not in GOOD:
            return _Done(outcome, device=box.device, loan=box.loan, person=visitor.person)
        loan = _give(box, visitor, deed=deed)
        if loan is not None:
            return _Done(outcome, device=box.device, loan=loan, person=visitor.person)
    return _Done(Outcome.HELD, device=box.device, loan=box.loan, person=visitor.person)


def _visitor(typed: Typed, box: Box, rights: Rights, *, deed: Deed) -> Visitor:
    number = typed.person
    if typed.as_kept and not number.strip() and box.facts.in_scope:
        kept_for = box.loan.person if box.loan else None
        number = (kept_for.staff_number or "") if kept_for else ""
    visitor = visitor_of(number, rights, now=deed.now, but=box.device)
    if visitor.person is None or box.loan is not None:
        return visitor
    # Two counters that give two free boxes to one person take turns.
    User.objects.select_for_update().only("pk").get(pk=visitor.person.pk)
    return visitor_of(number, rights, now=deed.now, but=box.device)


def _give(box: Box, visitor: Visitor, *, deed: Deed) -> Loan | None:
    """Hand a box over; None where somebody else was faster."""
    try:
        if box.loan is not None:
            return box.loan if hand_over(loan=box.loan, deed=deed) else None
        if box.device is None or visitor.person is None:
            return None
        return bind(device=box.device, person=visitor.person, deed=deed, handed=True)
    except NotInThatStateError:
        return None


@transaction.atomic
def bind(*, device: Device, person: User, deed: Deed, handed: bool = False) -> Loan:
    """Enter a free device for a person of a department, with its journey.

    Raises `NotInThatStateError`: of any number at once, one wins.
    """
    whom = For(department_id=person.department_id or 0, person=person, place_id=person.place_id)
    loan = lend(device=device, whom=whom, kind=DeviceEventKind.BOUND, deed=deed)
    open_journey(loan=loan, now=deed.now)
    if handed:
        hand_over(loan=loan, deed=deed)
    return loan


@transaction.atomic
def undo(*, scan: Scan, by: User, rights: Rights, now: datetime) -> Scan:
    """Take back what a scan did, once. Raises `CannotUndoError`."""
    scan = Scan.objects.select_for_update(of=("self",)).get(pk=scan.pk)
    if not may_undo(scan):
        raise CannotUndoError("changed")
    deed = Deed(now=now, by=by)
    if scan.mode == Mode.ARRIVE:
        done = _undo_arrival(scan, deed=deed)
    else:
        done = _undo_hand_out(scan, rights=rights, deed=deed)
    if not done:
        raise CannotUndoError("changed")
    scan.undone_at = now
    scan.save(update_fields=["undone_at"])
    return scan


def _undo_arrival(scan: Scan, *, deed: Deed) -> bool:
    """Take back that a box arrived, or all boxes of a carton that nobody has been given since."""
    if scan.device_id is not None:
        boxes = Device.objects.filter(pk=scan.device_id, state__in=IN_USE)
    else:
        arrived = DeviceEvent.objects.filter(
            kind=DeviceEventKind.RECEIVED, at=scan.at, data__scan=_name(scan)
        )
        out = Loan.objects.open().filter(handed_over_at__isnull=False)
        boxes = Device.objects.filter(
            state__in=IN_USE, pk__in=arrived.values("device_id")
        ).exclude(pk__in=out.values("device_id"))
    done = [unreceive(device=box, deed=deed) for box in boxes.order_by("pk")]
    return any(done)


def _undo_hand_out(scan: Scan, *, rights: Rights, deed: Deed) -> bool:
    loan = scan.loan
    if loan is None or not is_own(loan, rights):
        raise CannotUndoError("not_yours")
    journey = Journey.objects.open().filter(loan=loan).first()
    if journey is not None and journey.begun_at is not None:
        raise CannotUndoError("begun")
    if not take_back(loan=loan, deed=deed):
        return False
    if scan.outcome == Outcome.BOUND:
        _unbind(loan, journey, deed=deed)
    return True


def _unbind(loan: Loan, journey: Journey | None, *, deed: Deed) -> None:
    if journey is not None:
        who = Who(via=Via.STAFF, actor=deed.by)
        close_journeys([journey], reason=CloseReason.LOAN_ENDED, now=deed.now, who=who)
    end_loan(device_id=loan.device_id, now=deed.now)
    happen(device_id=loan.device_id, kind=DeviceEventKind.UNBOUND, deed=deed, loan=loan)
