"""Everything that changes imports: brought, shown, taken in, dropped, taken back."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import asdict, dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Any, Protocol

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext

from accounts.actions import write_audit
from accounts.departments import DepartmentsResult, apply_departments, import_departments
from accounts.models import (
    Department,
    Grant,
    Place,
    Posting,
    Trace,
    Transfer,
    User,
    WorkingHours,
)
from accounts.states import TransferState
from accounts.taking import Order
from accounts.traces import Obstacle, forget, obstacles, take_back, trace_made
from accounts.transfers import TransferResult, apply_due, import_transfers
from kitting.devices.actions.life import Deed, write_lendings
from kitting.devices.actions.moving import move_departments, move_loans
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import DeviceState
from kitting.escalation.actions.departing import take_in_roll
from kitting.imports.models import ColumnChoice, Import, ImportFile
from kitting.imports.queries import last_done
from kitting.imports.rules import FILE_KEPT, FLAWS_KEPT, NAMES_SHOWN, UNDO_KEPT, header_key
from kitting.imports.states import HELD, ImportState, Kind
from kitting.journeys.actions.counting import uncounted
from kitting.journeys.actions.loans import follow_loans, take_in_devices
from kitting.journeys.models import Journey, Tally
from kitting.journeys.states import CloseReason
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from kitting.lib.changes import Change
    from kitting.lib.rows import Flaw

# Those that refer to others first.
UNDO_ORDER = (
    Wave.departments.through,
    Journey,
    Loan,
    BoxCode,
    Device,
    Transfer,
    Posting,
    Grant,
    User,
    Place,
    Department,
    WorkingHours,
)
# What must not go although no other row refers to it.
HAS_HAPPENED: Mapping[Any, Q] = {
    Journey: Q(begun_at__isnull=False),
    BoxCode: Q(printed_at__isnull=False),
    User: Q(last_login__isnull=False),
}


class Result(Protocol):
    """What every kind of sheet answers with."""

    flaws: tuple[Flaw, ...]
    is_stale: bool
    shown: tuple[Change, ...]
    digest: str

    @property
    def counts(self) -> dict[str, int]:
        """Return every figure by name."""


@dataclass(frozen=True)
class Bringing:
    """Who brings a file, when, and what it is called."""

    kind: str
    name: str
    by: User | None
    now: datetime


class NotNowError(Exception):
    """An import is no longer where this could be done."""


class DependsError(Exception):
    """An import cannot be taken back: `obstacles` say what depends on it."""

    def __init__(self, found: Sequence[Obstacle]) -> None:
        """Keep what depends on it."""
        super().__init__(", ".join(f"{o.why} {o.table}" for o in found))
        self.obstacles = tuple(found)


# --- on the way in -----------------------------------------------------------------------------------


@transaction.atomic
def bring(*, data: bytes, bringing: Bringing) -> Import:
    """Keep a file somebody brought, to be read by the worker."""
    run = _begin(data, bringing)
    run.save(force_insert=True)
    ImportFile.objects.create(of=run, packed=zlib.compress(data, 1))
    return run


def _begin(data: bytes, bringing: Bringing) -> Import:
    return Import(
        key=token_hex(16),
        kind=bringing.kind,
        file_name=bringing.name[-120:],
        size=len(data),
        digest=hashlib.sha256(data).hexdigest(),
        by=bringing.by,
        by_name=str(bringing.by) if bringing.by else "",
        made_at=bringing.now,
    )


def ask_columns(
    *, run: Import, headers: Sequence[str], columns: Mapping[str, str], flaws: Sequence[Flaw]
) -> bool:
    """Let somebody say which column holds what."""
    return _move(
        run,
        ImportState.WAITING,
        state=ImportState.ASKING,
        headers=list(headers),
        columns=dict(columns),
        **_kept(flaws),
    )


def refuse(*, run: Import, flaws: Sequence[Flaw]) -> bool:
    """Say what is wrong with a file that cannot be taken in."""
    refused = {"state": ImportState.REFUSED, **_kept(flaws)}
    return _move(run, ImportState.WAITING, **refused)


def _kept(flaws: Sequence[Flaw]) -> dict[str, object]:
    return {
        "flaws": [[flaw.row, flaw.slug, dict(flaw.params)] for flaw in flaws[:FLAWS_KEPT]],
        "flaw_count": len(flaws),
    }


def _move(run: Import, here: ImportState, **fields: object) -> bool:
    """Change an import that is still where it was; tell whether it was."""
    return bool(Import.objects.filter(pk=run.pk, state=here).update(**fields))


@dataclass(frozen=True)
class Read:
    """A sheet as it was read: its columns, its rows (read on as they are taken), and how many."""

    headers: Sequence[str]
    columns: Mapping[str, str]
    rows: Iterable[Any]


def show(*, run: Import, sheet: Read, now: datetime) -> bool:
    """Find out what a file would change, and keep it to be shown; nothing else is written."""
    result = TAKE[run.kind](rows=sheet.rows, order=Order(now, dry_run=True))
    if result.flaws:
        _move(
            run,
            ImportState.WAITING,
            headers=list(sheet.headers),
            columns=dict(sheet.columns),
        )
        return refuse(run=run, flaws=result.flaws)
    return _move(
        run,
        ImportState.WAITING,
        state=ImportState.READY,
        headers=list(sheet.headers),
        columns=dict(sheet.columns),
        effect=result.digest,
        **_kept(()),
        **_told(result),
    )


def _told(result: Result) -> dict[str, object]:
    lists = {
        name: list(value[:NAMES_SHOWN])
        for name, value in vars(result).items()
        if isinstance(value, tuple) and value and isinstance(value[0], str)
    }
    shown = [asdict(change) for change in result.shown]
    return {"counts": result.counts, "preview": {"shown": shown, "lists": lists}}


@transaction.atomic
def choose_columns(*, run: Import, columns: Mapping[str, str], now: datetime) -> None:
    """Read a file anew with other columns, and remember them for such headers."""
    here = Import.objects.select_for_update().get(pk=run.pk)
    if here.state not in HELD:
        raise NotNowError
    ColumnChoice.objects.update_or_create(
        kind=here.kind,
        header_key=header_key(here.headers),
        defaults={"columns": dict(columns), "chosen_at": now},
    )
    here.columns, here.state, here.is_stale = dict(columns), ImportState.WAITING, False
    here.save(update_fields=["columns", "state", "is_stale"])


def order(*, run: Import) -> bool:
    """Let the worker take in what was shown."""
    return _move(run, ImportState.READY, state=ImportState.ORDERED)


@transaction.atomic
def drop(*, run: Import, now: datetime) -> bool:
    """Leave a file out; it is deleted."""
    dropped = Import.objects.filter(pk=run.pk, state__in=HELD).update(
        state=ImportState.DROPPED, finished_at=now, flaws=[], preview={}
    )
    ImportFile.objects.filter(of_id=run.pk, of__state=ImportState.DROPPED).delete()
    return bool(dropped)


@transaction.atomic
def fail(*, run: Import, now: datetime) -> bool:
    """Close an import whose work broke off by a mistake of ours; nothing of it was written."""
    failed = Import.objects.to_work_off().filter(pk=run.pk)
    if not failed.update(state=ImportState.FAILED, finished_at=now):
        return False
    ImportFile.objects.filter(of_id=run.pk).delete()
    return True


# --- taking in ---------------------------------------------------------------------------------------


@transaction.atomic
def take(*, run: Import, sheet: Read, now: datetime) -> bool:
    """Take in what was shown, all or nothing; False where it is no longer what was shown.

    Then nothing is written and the file is read again, to show what it would change now.
    """
    here = Import.objects.select_for_update().get(pk=run.pk)
    if here.state != ImportState.ORDERED:
        return False
    _catch_up(here.kind, now=now)
    result = TAKE[here.kind](
        rows=sheet.rows,
        order=Order(now, by=here.by, batch=here.key, expect=here.effect),
    )
    if result.is_stale or result.flaws:
        here.state, here.is_stale = ImportState.WAITING, True
        here.save(update_fields=["state", "is_stale"])
        return False
    _finish(here, result, now=now)
    return True


@transaction.atomic
def take_at_once(*, data: bytes, bringing: Bringing, sheet: Read) -> Result:
    """Take a file in without showing it first, as the commands do; with flaws nothing is written."""
    run = _begin(data, bringing)
    run.headers, run.columns = list(sheet.headers), dict(sheet.columns)
    run.state = ImportState.ORDERED
    _catch_up(run.kind, now=bringing.now)
    result: Result = TAKE[run.kind](
        rows=sheet.rows, order=Order(bringing.now, by=bringing.by, batch=run.key)
    )
    if not result.flaws:
        run.save(force_insert=True)
        _finish(run, result, now=bringing.now)
    return result


def try_out(*, kind: str, sheet: Read, now: datetime) -> Result:
    """Return what a file would change; nothing is written."""
    result: Result = TAKE[kind](rows=sheet.rows, order=Order(now, dry_run=True))
    return result


def _catch_up(kind: str, *, now: datetime) -> None:
    """Let moves whose day has come happen before a roll is compared with where people are."""
    if kind == Kind.ROLL:
        apply_transfers(now=now)
        follow_departments(now=now)


def _finish(run: Import, result: Result, *, now: datetime) -> None:
    run.state, run.finished_at, run.is_stale = ImportState.DONE, now, False
    run.counts = result.counts
    run.preview = {"shown": [], "lists": {}}
    run.flaws, run.flaw_count = [], 0
    run.save()
    ImportFile.objects.filter(of=run).delete()
    older = Import.objects.filter(state=ImportState.DONE).exclude(pk=run.pk)
    forget(
        batches=older.filter(key__in=Trace.objects.values("batch")).values_list(
            "key", flat=True
        )
    )


@transaction.atomic
def take_in_transfers(
    *,
    rows: Iterable[Any],
    order: Order,
) -> TransferResult:
    """Plan moves; where their day has come people go at once, and their devices with them."""
    result = import_transfers(rows=rows, order=order)
    if result.moves:
        move_loans(moves=result.moves, batch=order.batch, always=True)
        follow_loans(now=order.now, batch=order.batch)
    return result


@transaction.atomic
def apply_transfers(*, now: datetime) -> int:
    """Let moves happen whose day has come, with devices and set-ups; return how many people moved."""
    moves = apply_due(now=now)
    if moves:
        move_loans(moves=moves, always=True)
        follow_loans(now=now)
        write_audit(action="transfers.applied", now=now, by=None, data={"moved": len(moves)})
    return len(moves)


@transaction.atomic
def take_in_departments(
    *,
    rows: Iterable[Any],
    order: Order,
) -> DepartmentsResult:
    """Note which departments end in which; where their day has come everybody goes over at once."""
    result = import_departments(rows=rows, order=order)
    if result.is_change and not order.dry_run:
        follow_departments(now=order.now, batch=order.batch)
    return result


@transaction.atomic
def follow_departments(*, now: datetime, batch: str = "") -> int:
    """Let people, devices, set-ups and waves of departments that have ended go over; return how many people."""
    moves, ended = apply_departments(now=now, batch=batch)
    if not ended:
        return 0
    heirs = {pk: heir.id for pk, heir in ended.items()}
    _widen_waves(heirs, batch)
    if move_departments(heirs=heirs, batch=batch):
        follow_loans(now=now, batch=batch)
    if moves and not batch:
        write_audit(action="departments.applied", now=now, by=None, data={"moved": len(moves)})
    return len(moves)


def _widen_waves(heirs: Mapping[int, int], batch: str) -> None:
    """Let waves of an ended department hold for its successor too."""
    links: Any = Wave.departments.through
    have = set(links.objects.values_list("wave_id", "department_id"))
    wanted = {(wave, heirs[pk]) for wave, pk in have if pk in heirs} - have
    made = [links(wave_id=wave, department_id=pk) for wave, pk in sorted(wanted)]
    trace_made(batch=batch, rows=links.objects.bulk_create(made))


TAKE: Mapping[str, Callable[..., Any]] = {
    Kind.ROLL: take_in_roll,
    Kind.DEVICES: take_in_devices,
    Kind.TRANSFERS: take_in_transfers,
    Kind.DEPARTMENTS: take_in_departments,
}


# --- taking back -------------------------------------------------------------------------------------


def what_depends(run: Import) -> list[Obstacle]:
    """Return what stands against taking an import back."""
    applied = Q(state=TransferState.APPLIED) & ~Q(applied_by=run.key)
    found = obstacles(
        batch=run.key,
        order=UNDO_ORDER,
        forbidden={**HAS_HAPPENED, Transfer: applied},
        counts=(Tally,),
    )
    ended = Journey.objects.filter(
        loan_id__in=_changed(run, Loan, "ended_at"), close_reason=CloseReason.LOAN_ENDED
    ).count()
    if ended:
        found.append(Obstacle("ended", Loan._meta.label_lower, ended))
    asked = Loan.objects.open().filter(
        person_id__in=_changed(run, User, "left_on"), device__state=DeviceState.RETURNING
    )
    if count := asked.count():
        found.append(Obstacle("departed", User._meta.label_lower, count))
    went = Posting.objects.filter(
        department_id__in=_changed(run, Department, "valid_to_on"),
        written_at__gt=run.finished_at or run.made_at,
    )
    if count := went.count():
        found.append(Obstacle("used", Department._meta.label_lower, count))
    return found


def _changed(run: Import, model: type[Any], name: str) -> Any:
    lines = Trace.objects.filter(batch=run.key, table=model._meta.label_lower)
    return lines.filter(before__has_key=name).values("object_id")


def _made(run: Import, model: type[Any]) -> Any:
    lines = Trace.objects.filter(batch=run.key, table=model._meta.label_lower)
    return lines.filter(before__isnull=True).values("object_id")


def _journeys(run: Import) -> list[int]:
    lines = Trace.objects.filter(batch=run.key, table=Journey._meta.label_lower)
    return list(lines.values_list("object_id", flat=True))


@transaction.atomic
def undo(*, run: Import, by: User, now: datetime) -> None:
    """Take the last import back, all or nothing. Raises `NotNowError` or `DependsError`."""
    here = Import.objects.select_for_update().get(pk=run.pk)
    if last_done() != here:
        raise NotNowError
    if found := what_depends(here):
        raise DependsError(found)
    kept = Loan.objects.exclude(device_id__in=_made(here, Device))
    lent, taken_from = (
        list(kept.filter(pk__in=rows).order_by("pk").values_list("device_id", flat=True))
        for rows in (_made(here, Loan), _changed(here, Loan, "ended_at"))
    )
    try:
        with transaction.atomic(), uncounted(journey_ids=_journeys(here)):
            # What was counted there has just been taken out: the lines add up to nothing.
            Tally.objects.filter(
                Q(department_id__in=_made(here, Department))
                | Q(place_id__in=_made(here, Place))
            ).delete()
            taken = take_back(batch=here.key, order=UNDO_ORDER)
    except IntegrityError as error:
        raise DependsError([Obstacle("used", "", 1)]) from error
    write_lendings(
        taken=lent,
        lent=taken_from,
        deed=Deed(now=now, by=by, why=gettext("The import was taken back.")),
        data={"import": here.key},
    )
    follow_loans(now=now)
    here.state, here.finished_at = ImportState.UNDONE, now
    here.save(update_fields=["state", "finished_at"])
    write_audit(
        action="import.undone",
        now=now,
        by=by,
        subject=f"import:{here.pk}",
        data={**asdict(taken), "kind": here.kind, "batch": here.key},
    )


# --- tidying -----------------------------------------------------------------------------------------


@transaction.atomic
def tidy(*, now: datetime) -> int:
    """Throw away files nobody confirmed, and what is needed to take old imports back."""
    stale = Import.objects.stale(before=now - FILE_KEPT)
    ImportFile.objects.filter(of__in=stale).delete()
    count = stale.update(state=ImportState.DROPPED, finished_at=now, flaws=[], preview={})
    old = Import.objects.filter(state=ImportState.DONE, finished_at__lt=now - UNDO_KEPT)
    forget(
        batches=old.filter(key__in=Trace.objects.values("batch")).values_list("key", flat=True)
    )
    return count
