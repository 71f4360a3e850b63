"""A sheet brings devices and their loans in step, all or nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from accounts.models import Place, User
from accounts.queries import departments_by_path, local_day
from accounts.taking import Order, figures_of, take_in
from accounts.traces import trace_changed, trace_made
from kitting.devices.actions.labels import new_codes
from kitting.devices.actions.life import Deed, write_lendings
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.rules import (
    DeviceRow,
    Register,
    departments_meant,
    device_flaws,
    tails_of,
)
from kitting.devices.states import DeviceState, LoanKind
from kitting.lib.changes import Change, Ledger, differences

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from kitting.lib.rows import Flaw

BATCH = 500
LENDABLE = (DeviceState.STOCK, DeviceState.LENT)
SAID_AS_IT_IS = ("model_name", "mac_address", "carton", "delivered_on")


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
    order: Order,
) -> DeviceResult:
    """Bring devices and their loans in step with a sheet, all or nothing.

    New devices get a code. No device is ever deleted. A few queries whatever the size. `order.expect` is
    the digest of an earlier dry run: where it differs nothing is written.
    """
    stale = DeviceResult(dry_run=order.dry_run, is_stale=True)
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
        _write(changes, order)
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


def _write(changes: _Changes, order: Order) -> None:
    now, batch = order.now, order.batch
    codes = new_codes(len(changes.created))
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
    created = {device.pk for device in changes.created}
    write_lendings(
        taken=[loan.device_id for loan in changes.ended],
        lent=[loan.device_id for loan in changes.opened if loan.device_id not in created],
        deed=Deed(now=now, by=order.by),
        data={"import": batch},
    )
    for made in (changes.created, labels, changes.opened):
        trace_made(batch=batch, rows=made)
    trace_changed(batch=batch, rows=changes.devices)
    trace_changed(batch=batch, rows=changes.moved)
    trace_changed(batch=batch, rows=[(loan, {"ended_at": None}) for loan in changes.ended])
