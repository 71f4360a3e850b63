"""Everything that changes boxes: sheets coming in, labels bound, replaced and retired."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.actions import write_audit
from accounts.models import Place, User
from accounts.queries import departments_by_path, local_day
from accounts.taking import Order, figures_of, take_in
from accounts.traces import trace_changed, trace_made
from kitting.devices.models import BoxCode, Device, DeviceEvent, DeviceEventNote, Loan
from kitting.devices.rules import (
    DeviceRow,
    Register,
    departments_meant,
    device_flaws,
    fresh_codes,
    tails_of,
)
from kitting.devices.states import IN_USE, MOVES, DeviceEventKind, DeviceState, LoanKind
from kitting.lib.changes import Change, Ledger, differences
from kitting.lib.codes import make_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.moves import Move
    from kitting.lib.rows import Flaw

BATCH = 500
LENDABLE = (DeviceState.STOCK, DeviceState.LENT)
SAID_AS_IT_IS = ("model_name", "mac_address", "carton", "delivered_on")


class CodeNotFreeError(Exception):
    """A code is not one that waits for a device."""


class DeviceLabelledError(Exception):
    """A device has a label already, and nobody said that it is to be replaced."""


class DeviceGoneError(Exception):
    """A device is retired and gets no label any more."""


# --- labels --------------------------------------------------------------------------------------


@transaction.atomic
def make_codes(*, count: int, now: datetime, by: User | None = None) -> list[str]:
    """Make codes for devices that are not known yet, to be printed now and bound later."""
    codes = _new_codes(count)
    BoxCode.objects.bulk_create(
        [BoxCode(code=code, created_at=now) for code in codes], batch_size=BATCH
    )
    write_audit(action="codes.made", now=now, by=by, data={"number": count})
    return codes


@transaction.atomic
def bind_code(
    *, code: str, device: Device, now: datetime, by: User | None = None, replaces: bool = True
) -> None:
    """Put a printed label on a device; the label it had is retired where it `replaces` it.

    Raises `CodeNotFreeError`, `DeviceGoneError` for a device that is retired, and
    `DeviceLabelledError` where a label is there that is not to be replaced.
    """
    had_one = _retire(device, now=now)
    if had_one and not replaces:
        raise DeviceLabelledError
    device.refresh_from_db(fields=["state"])
    if device.state == DeviceState.RETIRED:
        raise DeviceGoneError
    bound = BoxCode.objects.filter(
        code=code, device__isnull=True, retired_at__isnull=True
    ).update(device=device)
    if not bound:
        raise CodeNotFreeError
    _put_on(device, code)
    if had_one:
        _note_label(device, now=now, by=by)
    write_audit(action="code.bound", now=now, by=by, subject=f"device:{device.pk}")


@transaction.atomic
def replace_code(*, device: Device, now: datetime, by: User | None = None) -> str:
    """Give a device a new code and retire the old one; return the new."""
    _retire(device, now=now)
    code = _new_codes(1)[0]
    BoxCode.objects.create(code=code, device=device, created_at=now)
    _put_on(device, code)
    _note_label(device, now=now, by=by)
    write_audit(action="code.replaced", now=now, by=by, subject=f"device:{device.pk}")
    return code


@transaction.atomic
def retire_code(*, device: Device, now: datetime, by: User | None = None) -> None:
    """Let the label of a device open nothing any more."""
    if _retire(device, now=now):
        _put_on(device, None)
        _note_label(device, now=now, by=by)
        write_audit(action="code.retired", now=now, by=by, subject=f"device:{device.pk}")


def _retire(device: Device, *, now: datetime) -> int:
    # Locking the device first lets two people with two labels for it take turns.
    Device.objects.select_for_update().get(pk=device.pk)
    return BoxCode.objects.filter(device=device, retired_at__isnull=True).update(retired_at=now)


def _note_label(device: Device, *, now: datetime, by: User | None) -> None:
    """Write into the story of a device that its old label opens nothing any more."""
    happen(device_id=device.pk, kind=DeviceEventKind.RELABELLED, deed=Deed(now=now, by=by))


def _put_on(device: Device, code: str | None) -> None:
    device.code = code
    device.save(update_fields=["code"])


def _new_codes(count: int) -> list[str]:
    taken = set(BoxCode.objects.values_list("code", flat=True)) if count else set()
    return fresh_codes(count, taken=taken, make=make_code)


# --- sheets --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeviceResult:
    """What taking in a sheet changed, or would change in a dry run; with flaws nothing was written.

    Lists hold the names on the devices (asset tag, else serial number): `missing` are in use and
    not in the file, `handed_on` went to somebody else, `kept` are lent although the file names
    nobody, `settled` are lost, called back or retired, so that the file does not lend them. `is_stale`:
    the digest differs from the one that was asked for; nothing was written.
    """

    dry_run: bool = False
    flaws: tuple[Flaw, ...] = ()
    is_stale: bool = False
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    loans_opened: int = 0
    loans_moved: int = 0
    handed_on: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    places_created: tuple[str, ...] = ()
    shown: tuple[Change, ...] = ()
    digest: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Return every figure by name, lists by their length."""
        return figures_of(self)

    @property
    def is_change(self) -> bool:
        """Tell whether anything became different."""
        return bool(self.created or self.updated or self.places_created)


@dataclass(frozen=True)
class _Shelf:
    """All devices and open loans as they are, and the same as plain values for the rules."""

    devices: Mapping[str, Device]
    loans: Mapping[int, Loan]
    people_places: Mapping[int, int | None]
    register: Register


@dataclass
class _Changes:
    """What a sheet makes of devices and loans, in memory."""

    created: list[Device] = field(default_factory=list)
    devices: list[tuple[Device, dict[str, Any]]] = field(default_factory=list)
    opened: list[Loan] = field(default_factory=list)
    moved: list[tuple[Loan, dict[str, Any]]] = field(default_factory=list)
    ended: list[Loan] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    kept: list[str] = field(default_factory=list)
    settled: list[str] = field(default_factory=list)
    updated: int = 0


def import_devices(
    *,
    rows: Iterable[DeviceRow],
    now: datetime,
    dry_run: bool = False,
    by: User | None = None,
    batch: str = "",
    expect: str = "",
) -> DeviceResult:
    """Bring devices and their loans in step with a sheet, all or nothing.

    New devices get a code. No device is ever deleted. A few queries whatever the size. `expect` is the
    digest of an earlier dry run: where it differs nothing is written.
    """
    order = Order(now, dry_run, by, batch, expect)
    stale = DeviceResult(dry_run=dry_run, is_stale=True)
    return take_in(
        lambda: _take_in(list(rows), order), order, action="devices.imported", stale=stale
    )


def _take_in(rows: Sequence[DeviceRow], order: Order) -> DeviceResult:
    shelf = _load_shelf(order.now)
    if flaws := device_flaws(rows, shelf.register):
        return DeviceResult(dry_run=order.dry_run, flaws=tuple(flaws))
    places, new_places = _take_places(rows, dry_run=order.dry_run, batch=order.batch)
    changes = _compare(rows, shelf, places, now=order.now)
    changes.ledger.add(new_places)
    order.check(changes.ledger.digest)
    if not order.dry_run:
        _write(changes, now=order.now, batch=order.batch)
    listed = {row.serial_number for row in rows}
    return DeviceResult(
        dry_run=order.dry_run,
        created=len(changes.created),
        updated=changes.updated,
        unchanged=len(rows) - len(changes.created) - changes.updated,
        loans_opened=len(changes.opened),
        loans_moved=len(changes.moved),
        handed_on=tuple(str(loan.device) for loan in changes.ended),
        missing=tuple(
            str(device)
            for serial, device in shelf.devices.items()
            if serial not in listed and device.state != DeviceState.RETIRED
        ),
        kept=tuple(changes.kept),
        settled=tuple(changes.settled),
        places_created=tuple(new_places),
        shown=tuple(changes.ledger.shown),
        digest=changes.ledger.digest,
    )


def _load_shelf(now: datetime) -> _Shelf:
    devices = {
        device.serial_number.upper(): device
        for device in Device.objects.select_for_update().order_by("pk")
    }
    loans = {loan.device_id: loan for loan in Loan.objects.open().select_for_update()}
    people = list(
        User.objects.only(
            "email", "account", "staff_number", "left_on", "department_id", "place_id"
        )
    )
    today = local_day(now)
    departments = departments_by_path(today)
    names = {
        name.lower(): person.pk
        for person in people
        for name in (person.email, person.account, person.staff_number)
        if name
    }
    register = Register(
        tags={serial: device.asset_tag or "" for serial, device in devices.items()},
        borrowers={
            serial: loans[device.pk].person_id
            for serial, device in devices.items()
            if device.pk in loans
        },
        settled=frozenset(s for s, device in devices.items() if device.state not in LENDABLE),
        people=names,
        gone=frozenset(p.pk for p in people if p.left_on is not None and p.left_on <= today),
        homes={p.pk: p.department_id for p in people if p.department_id is not None},
        departments=departments,
        tails=tails_of(departments),
    )
    return _Shelf(
        devices=devices,
        loans=loans,
        people_places={person.pk: person.place_id for person in people},
        register=register,
    )


def _take_places(
    rows: Sequence[DeviceRow], *, dry_run: bool, batch: str
) -> tuple[dict[str, int], list[str]]:
    ids = dict(Place.objects.values_list("name", "pk"))
    names = [n for n in dict.fromkeys(r.place for r in rows if r.place) if n not in ids]
    made = [Place(name=name) for name in names]
    if not dry_run:
        Place.objects.bulk_create(made, batch_size=BATCH)
        trace_made(batch=batch, rows=made)
    return ids | {place.name: place.pk or 0 for place in made}, names


def _compare(
    rows: Sequence[DeviceRow], shelf: _Shelf, places: Mapping[str, int], *, now: datetime
) -> _Changes:
    """Set every device and loan to what the sheet says, in memory only."""
    changes = _Changes()
    for row in rows:
        known = shelf.devices.get(row.serial_number)
        device = known or Device(serial_number=row.serial_number, created_at=now)
        wanted = _wanted_loan(row, device, shelf, places, now=now)
        loan = shelf.loans.get(device.pk)
        what = _compare_loan(loan, wanted, device, changes) if wanted is not None else ""
        if loan and wanted is None and "person" in row.given:
            changes.kept.append(str(device))
        before = _take_over(device, _values(row, device, wanted))
        if known is None:
            changes.created.append(device)
        elif before:
            changes.devices.append((device, before))
        changes.updated += known is not None and bool(before or what)
        _note(changes, row, device, _Became(known is None, what, before, loan))
    return changes


@dataclass(frozen=True)
class _Became:
    """What a row makes of a device: new, its loan `opened`, `moved` or `handed_on`, other facts."""

    is_new: bool
    loan: str
    before: Mapping[str, Any]
    had: Loan | None

    @property
    def kind(self) -> str:
        """Return the word for it; nothing for a device that stays as it is."""
        if self.is_new:
            return "created"
        return self.loan or ("changed" if self.before else "")


def _note(changes: _Changes, row: DeviceRow, device: Device, became: _Became) -> None:
    """Count what becomes of a device, and keep the first of each kind to be shown."""
    if not became.kind:
        return
    had = became.had
    loan = (had.pk, had.person_id) if had and became.loan else None
    facts = (row.row, device.pk, loan, sorted(became.before.items()))
    if changes.ledger.note(became.kind, *facts):
        pairs = [
            (name, value, getattr(device, name))
            for name, value in became.before.items()
            if name != "state"
        ]
        if became.loan:
            pairs.append(("person", "", row.person))
            pairs.append(("department", "", " ".join(row.departments)))
            pairs.append(("place", "", row.place))
        told = [pair for pair in pairs if pair[1] != pair[2] and (pair[1] or pair[2])]
        shown = () if became.is_new else differences(told)
        changes.ledger.show(
            Change(became.kind, str(device), row.model_name or row.person, row.row, shown)
        )


def _wanted_loan(
    row: DeviceRow, device: Device, shelf: _Shelf, places: Mapping[str, int], *, now: datetime
) -> Loan | None:
    """Return the loan a row describes, not saved; nothing if it names nobody."""
    if not row.person and row.purpose != LoanKind.SHARED:
        return None
    register = shelf.register
    person_id = register.people[row.person.lower()] if row.person else None
    meant = departments_meant(row.departments, register) if row.departments else ()
    own_place = shelf.people_places.get(person_id or 0)
    return Loan(
        device=device,
        kind=LoanKind.PERSONAL if person_id else LoanKind.SHARED,
        person_id=person_id,
        department_id=meant[0] if meant else register.homes[person_id or 0],
        place_id=places[row.place] if row.place else own_place,
        started_at=now,
    )


def _compare_loan(loan: Loan | None, wanted: Loan, device: Device, changes: _Changes) -> str:
    """Note what becomes of a device's loan: moved, opened, handed_on, or nothing."""
    if loan is not None and loan.person_id == wanted.person_id:
        return _move(loan, wanted, changes)
    if device.state not in LENDABLE:
        changes.settled.append(str(device))
        return ""
    if loan is not None:
        loan.device, loan.ended_at = device, wanted.started_at
        changes.ended.append(loan)
    changes.opened.append(wanted)
    return "handed_on" if loan is not None else "opened"


def _move(loan: Loan, wanted: Loan, changes: _Changes) -> str:
    there = {"department_id": wanted.department_id, "place_id": wanted.place_id}
    before = {name: getattr(loan, name) for name in there if getattr(loan, name) != there[name]}
    if not before:
        return ""
    for name in before:
        setattr(loan, name, there[name])
    changes.moved.append((loan, before))
    return "moved"


def _values(row: DeviceRow, device: Device, wanted: Loan | None) -> dict[str, Any]:
    """Return what a row says about a device; columns the file does not have say nothing."""
    values = {name: getattr(row, name) for name in SAID_AS_IT_IS if name in row.given}
    if row.asset_tag and not device.asset_tag:
        values["asset_tag"] = row.asset_tag
    if wanted and device.state == DeviceState.STOCK:
        values["state"] = DeviceState.LENT
    return values


def _take_over(device: Device, values: Mapping[str, Any]) -> dict[str, Any]:
    before = {
        name: getattr(device, name)
        for name, value in values.items()
        if getattr(device, name) != value
    }
    for name in before:
        setattr(device, name, values[name])
    return before


def _write(changes: _Changes, *, now: datetime, batch: str) -> None:
    codes = _new_codes(len(changes.created))
    for device, code in zip(changes.created, codes, strict=True):
        device.code = code
    Device.objects.bulk_create(changes.created, batch_size=BATCH)
    labels = BoxCode.objects.bulk_create(
        [BoxCode(code=d.code, device=d, created_at=now) for d in changes.created if d.code],
        batch_size=BATCH,
    )
    if fields := {name for _device, before in changes.devices for name in before}:
        devices = [device for device, _before in changes.devices]
        Device.objects.bulk_update(devices, sorted(fields), batch_size=BATCH)
    moved = [loan for loan, _before in changes.moved]
    Loan.objects.bulk_update(changes.ended, ["ended_at"], batch_size=BATCH)
    Loan.objects.bulk_update(moved, ["department", "place"], batch_size=BATCH)
    Loan.objects.bulk_create(changes.opened, batch_size=BATCH)
    for made in (changes.created, labels, changes.opened):
        trace_made(batch=batch, rows=made)
    trace_changed(batch=batch, rows=changes.devices)
    trace_changed(batch=batch, rows=changes.moved)
    trace_changed(batch=batch, rows=[(loan, {"ended_at": None}) for loan in changes.ended])


# --- devices move with their people ----------------------------------------------------------------


@transaction.atomic
def move_loans(*, moves: Sequence[Move], batch: str = "", always: bool = False) -> int:
    """Let devices on loan go where their people went; return how many moved.

    A device that stood apart from its person (another department or place on the sheet of devices)
    stays there, unless it is moved `always`.
    """
    moved: list[tuple[Loan, dict[str, Any]]] = []
    for start in range(0, len(moves), BATCH):
        part = {move.person_id: move for move in moves[start : start + BATCH]}
        loans = Loan.objects.open().filter(person_id__in=part).select_for_update()
        for loan in loans.order_by("pk"):
            before = _follow(loan, part[loan.person_id or 0], always=always)
            if before:
                moved.append((loan, before))
    Loan.objects.bulk_update(
        [loan for loan, _before in moved], ["department", "place"], batch_size=BATCH
    )
    trace_changed(batch=batch, rows=moved)
    return len(moved)


def move_departments(*, heirs: Mapping[int, int], batch: str = "") -> int:
    """Let devices on loan to a department that has ended belong to its successor; return how many."""
    loans = Loan.objects.open().filter(department_id__in=heirs).select_for_update()
    moved: list[tuple[Loan, dict[str, Any]]] = []
    for loan in loans.order_by("pk"):
        moved.append((loan, {"department_id": loan.department_id}))
        loan.department_id = heirs[loan.department_id]
    rows = [loan for loan, _before in moved]
    Loan.objects.bulk_update(rows, ["department"], batch_size=BATCH)
    trace_changed(batch=batch, rows=moved)
    return len(moved)


def _follow(loan: Loan, move: Move, *, always: bool) -> dict[str, Any]:
    """Set a loan to where its person went; return what it was before."""
    before: dict[str, Any] = {}
    goes = always or loan.department_id == move.from_department_id
    if goes and move.to_department_id not in {None, loan.department_id}:
        before["department_id"] = loan.department_id
        loan.department_id = move.to_department_id or loan.department_id
    if (always or loan.place_id == move.from_place_id) and loan.place_id != move.to_place_id:
        before["place_id"] = loan.place_id
        loan.place_id = move.to_place_id
    return before


# --- the life of a device -------------------------------------------------------------------------


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
