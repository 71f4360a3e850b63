"""Everything that changes what Kitto knows of Google's devices, and what it changes there."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Upper

from accounts.actions import write_audit
from accounts.queries import SecondFactor
from kitting.devices.models import Device
from kitting.directory import rules
from kitting.directory.client import DirectoryError
from kitting.directory.models import DirectoryDevice, DirectoryLook, RemoteChange
from kitting.directory.queries import wanted_texts, watched_journeys
from kitting.directory.states import (
    OPEN,
    PASSING,
    ChangeKind,
    ChangeState,
    Finding,
    LookState,
    Problem,
    Scope,
    Source,
    Standing,
)
from kitting.escalation.actions.matters import (
    close_by_directory,
    note_on_loss,
    open_by_directory,
)
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.actions.errors import JourneyError
from kitting.journeys.actions.steps import confirm_step
from kitting.journeys.models import Journey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.models import User
    from kitting.directory.client import Directory, Page
    from kitting.directory.queries import WatchedJourney
    from kitting.directory.rules import Seen

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Act = Callable[["Directory", RemoteChange, "datetime"], bool]

BATCH = 300
# So many orders to disable go into one call; Google takes no more.
ORDERS_MOST = 50
ANNOTATIONS_MOST = 100
# A worker that was not heard of for so long lets go of a look.
HOLD = timedelta(minutes=5)
READ_AGAIN = timedelta(seconds=20)
KEPT = tuple(
    f.name
    for f in fields(rules.Seen)
    if f.name not in {"serial_number", "google_id", "row", "given", "odd", "flaws"}
)
WRITTEN = (
    *KEPT,
    "google_id",
    "serial_number",
    "standing",
    "device",
    "look",
    "seen_at",
    "gone_at",
)
RANK = (
    Standing.ENROLLED,
    Standing.DISABLED,
    Standing.EXPECTED,
    Standing.UNKNOWN,
    Standing.REMOVED,
)


class ChangeRefusedError(Exception):
    """A change is not allowed; `why` is a stable word: scope, factor, setting, open, nothing."""

    def __init__(self, why: str) -> None:
        """Keep why."""
        super().__init__(why)
        self.why = why


# --- looking -------------------------------------------------------------------------------------


def begin_look(
    *,
    scope: Scope,
    now: datetime,
    source: Source = Source.API,
    by: User | None = None,
) -> DirectoryLook | None:
    """Begin a look at Google's devices; None while another one goes on."""
    try:
        with transaction.atomic():
            look = DirectoryLook.objects.create(
                scope=scope,
                source=source,
                asked_by=by,
                started_at=now,
                as_of_at=now if source == Source.API else None,
            )
            if by is not None:
                write_audit(
                    action="directory.look", now=now, by=by, data={"scope": scope.value}
                )
    except IntegrityError:
        if DirectoryLook.objects.filter(state=LookState.RUNNING).exists():
            return None
        raise
    return look


def hold(*, look_id: int, now: datetime) -> DirectoryLook | None:
    """Let one worker go on with a look: None if another one does, or its pause is not over."""
    free = Q(busy_until__isnull=True) | Q(busy_until__lte=now)
    due = Q(retry_at__isnull=True) | Q(retry_at__lte=now)
    taken = DirectoryLook.objects.filter(free, due, pk=look_id, state=LookState.RUNNING)
    if not taken.update(busy_until=now + HOLD):
        return None
    return DirectoryLook.objects.get(pk=look_id)


def let_go(*, look_id: int) -> None:
    """Let another worker go on with a look."""
    DirectoryLook.objects.filter(pk=look_id).update(busy_until=None)


@transaction.atomic
def take_page(
    *, look_id: int, token: str, page: Page, now: datetime, until: datetime | None = None
) -> bool:
    """Take in one page: its devices, the steps it confirms, and the place where to go on; all or nothing.

    `until` ends a look at the newest once everything on a page is older. Tells whether there is more
    to read; also False where somebody else has read this page.
    """
    look = DirectoryLook.objects.select_for_update().get(pk=look_id)
    if look.state != LookState.RUNNING or look.page_token != token:
        return False
    seen = [device for device in map(rules.read_answer, page.devices) if device is not None]
    look.unreadable += len(page.devices) - len(seen)
    _take_in(look, seen, now=now)
    look.pages += 1
    look.page_token = page.next_token
    look.tries, look.retry_at, look.problem = 0, None, ""
    look.busy_until = now + HOLD
    is_old = until is not None and all(
        device.last_sync_at is None or device.last_sync_at < until for device in seen
    )
    if not page.next_token or is_old:
        _finish(look, now=now)
    look.save()
    return look.state == LookState.RUNNING


@transaction.atomic
def stumble(*, look_id: int, error: DirectoryError, now: datetime) -> bool:
    """Let a look wait and go on later, or end it where waiting does not help; tells whether it waits."""
    look = DirectoryLook.objects.select_for_update().get(pk=look_id)
    if look.state != LookState.RUNNING:
        return False
    look.problem = error.problem
    look.tries += 1
    look.busy_until = None
    if error.problem == Problem.TOKEN_EXPIRED:
        look.page_token = ""
    waits = error.problem in PASSING and look.tries < rules.TRIES_MOST
    if waits:
        look.retry_at = now + rules.pause_after(look.tries, error.retry_after)
    else:
        look.state, look.finished_at, look.retry_at = LookState.FAILED, now, None
    look.save()
    return waits


@dataclass(frozen=True)
class SheetResult:
    """What an export changed, or would change."""

    seen: int
    matched: int
    new: int
    changed: int
    odd: tuple[str, ...]
    confirmed: int = 0
    opened: int = 0
    held_back: int = 0


@transaction.atomic
def take_sheet(
    *,
    rows: Sequence[Seen],
    whole: bool,
    now: datetime,
    by: User | None = None,
    dry_run: bool = False,
) -> SheetResult | None:
    """Take in an export of the console or of GAM; the same follows as from Google itself.

    `whole`: the file holds every device, so that one that is missing is gone. None while a look goes
    on. Columns the file does not have leave what is known as it is.
    """
    serials = [row.serial_number for row in rows]
    result = SheetResult(
        seen=len(rows),
        matched=sum(len(_devices_by_serial(part)) for part in _parts(serials)),
        new=len(rows) - sum(len(_known_serials(part)) for part in _parts(serials)),
        changed=0,
        odd=tuple(sorted({name for row in rows for name in row.odd})),
    )
    if dry_run:
        return result
    look = begin_look(
        scope=Scope.FULL if whole else Scope.PART, source=Source.SHEET, now=now, by=by
    )
    if look is None:
        return None
    look.as_of_at = rules.as_of(rows, now)
    for part in _parts(rows):
        _take_in(look, part, now=now)
    look.pages = 1
    _finish(look, now=now)
    look.save()
    return SheetResult(
        **asdict(result)
        | {
            "changed": look.changed,
            "confirmed": look.confirmed,
            "opened": look.opened,
            "held_back": look.held_back,
        }
    )


def _parts(rows: Sequence[Item]) -> Iterable[Sequence[Item]]:
    return (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))


def _devices_by_serial(serials: Sequence[str]) -> dict[str, int]:
    """Return Kitto's devices with exactly these serial numbers, whatever their letter case."""
    rows = Device.objects.annotate(plain=Upper("serial_number")).filter(plain__in=serials)
    return dict(rows.values_list("plain", "pk"))


def _known_serials(serials: Sequence[str]) -> set[str]:
    rows = DirectoryDevice.objects.filter(serial_number__in=serials)
    return set(rows.values_list("serial_number", flat=True))


@dataclass
class _Entries:
    """The entries some devices belong to, in memory: known ones by serial number, seen ones by key."""

    known: dict[str, list[DirectoryDevice]]
    seen: dict[str, DirectoryDevice] = field(default_factory=dict)
    different: list[DirectoryDevice] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)

    @property
    def doubles(self) -> list[str]:
        """Return the serial numbers with several entries."""
        return [serial for serial, rows in self.known.items() if len(rows) > 1]


def _take_in(look: DirectoryLook, seen: Sequence[Seen], *, now: datetime) -> None:
    """Write what was seen of some devices; a few statements, whatever their number."""
    serials = [device.serial_number for device in seen]
    devices = _devices_by_serial(serials)
    entries = _Entries(known={})
    for row in DirectoryDevice.objects.filter(serial_number__in=serials).order_by("pk"):
        entries.known.setdefault(row.serial_number, []).append(row)
    for device in seen:
        _note(entries, device, devices.get(device.serial_number), look=look, now=now)
    DirectoryDevice.objects.filter(pk__in=entries.replaced).delete()
    DirectoryDevice.objects.bulk_create(
        entries.different, update_conflicts=True, unique_fields=["key"], update_fields=WRITTEN
    )
    DirectoryDevice.objects.filter(key__in=entries.seen).update(
        look=look, seen_at=now, gone_at=None
    )
    _choose(entries.doubles)
    look.seen += len(entries.seen)
    look.changed += len(entries.different)
    _follow(look, list(devices.values()), now=now)


def _note(
    entries: _Entries,
    device: Seen,
    device_id: int | None,
    *,
    look: DirectoryLook,
    now: datetime,
) -> None:
    """Let one device's entry say what was seen of it, in memory."""
    here = entries.known.setdefault(device.serial_number, [])
    row = _row_of(device, here)
    is_new = all(row is not old for old in here)
    if device.google_id and not is_new and not row.google_id:
        # An export knew no ids: Google's own entry takes its place.
        entries.replaced.append(row.pk)
        here.remove(row)
        is_new, row = (
            True,
            DirectoryDevice(key=device.google_id, serial_number=row.serial_number),
        )
    if row.key in entries.seen:
        return
    is_different = _take_over(row, device, device_id)
    row.look, row.seen_at, row.gone_at = look, now, None
    entries.seen[row.key] = row
    if is_new:
        row.is_former = bool(here)
        here.append(row)
    if is_new or is_different:
        entries.different.append(row)


def _row_of(device: Seen, here: Sequence[DirectoryDevice]) -> DirectoryDevice:
    """Return the entry a device belongs to: the one with its id, else that of its serial number."""
    if device.google_id:
        own = [row for row in here if row.google_id == device.google_id]
        bare = [row for row in here if not row.google_id]
    else:
        own, bare = [row for row in here if not row.is_former], list(here)
    found = own or bare
    if found:
        return found[0]
    key = device.google_id or f"serial:{device.serial_number}"
    return DirectoryDevice(key=key, serial_number=device.serial_number)


def _take_over(row: DirectoryDevice, device: Seen, device_id: int | None) -> bool:
    """Set an entry to what was seen, in memory; tell whether it differs."""
    wanted = {name: getattr(device, name) for name in KEPT if name in device.given}
    if "recent_users" in wanted:
        wanted["recent_users"] = list(wanted["recent_users"])
    if "status" in wanted:
        wanted["standing"] = device.standing.value
    if device.google_id:
        wanted["google_id"] = device.google_id
    wanted["device_id"] = device_id
    different = [name for name, value in wanted.items() if getattr(row, name) != value]
    for name in different:
        setattr(row, name, wanted[name])
    return bool(different) or row.gone_at is not None


def _choose(serials: Sequence[str]) -> None:
    """Let one of several entries with the same serial number stand for the device."""
    groups: dict[str, list[DirectoryDevice]] = {}
    for row in DirectoryDevice.objects.filter(serial_number__in=serials).order_by("pk"):
        groups.setdefault(row.serial_number, []).append(row)
    best = [min(group, key=_rank).pk for group in groups.values()]
    # One after the other: at no moment may two stand for the same device.
    DirectoryDevice.objects.filter(serial_number__in=serials).update(is_former=True)
    DirectoryDevice.objects.filter(pk__in=best).update(is_former=False)


def _rank(row: DirectoryDevice) -> tuple[bool, int, float]:
    enrolled = row.last_enrolled_at.timestamp() if row.last_enrolled_at else 0.0
    return row.gone_at is not None, RANK.index(Standing(row.standing)), -enrolled


# --- what follows ----------------------------------------------------------------------------------


def _follow(look: DirectoryLook, device_ids: Sequence[int], *, now: datetime) -> None:
    """Let journeys follow what Google shows of their devices: confirm steps, note contradictions."""
    rows = {
        row.device_id: row
        for row in DirectoryDevice.objects.current().filter(device_id__in=device_ids)
    }
    contradicted: dict[int, dict[str, str]] = {}
    for watched in watched_journeys(device_ids, rows=rows, as_of=look.as_of_at):
        verdict = rules.judge(watched.facts)
        look.confirmed += _confirm(watched, verdict, now=now)
        contradicted[watched.device_id] = {d.kind.value: d.seen for d in verdict.differences}
    for row in rows.values():
        differences = contradicted.get(row.device_id or 0, {})
        if row.differences != differences:
            DirectoryDevice.objects.filter(pk=row.pk).update(
                differences=differences, has_differences=bool(differences)
            )


def _confirm(watched: WatchedJourney, verdict: rules.Verdict, *, now: datetime) -> int:
    wanted = [
        (key, reason)
        for key, reason, is_so in (
            (watched.enroll_step, "enrolled", verdict.is_enrolled),
            (watched.sign_in_step, "signed_in", verdict.is_signed_in),
        )
        if key and is_so and key not in watched.confirmed
    ]
    done = 0
    for key, reason in wanted:
        try:
            moved = confirm_step(
                journey_id=watched.journey_id, step_key=key, reason=reason, now=now
            )
        except JourneyError:  # closed a moment ago: nothing to confirm any more
            continue
        done += moved.changed
    return done


def _finish(look: DirectoryLook, *, now: datetime) -> None:
    """Close a look: what was not seen is gone, and what contradicts becomes tickets."""
    _link_newcomers(look, now=now)
    if look.scope == Scope.FULL:
        unseen = DirectoryDevice.objects.filter(gone_at__isnull=True).exclude(look=look)
        look.gone = unseen.update(gone_at=now)
    _settle_tickets(look, now=now)
    look.state, look.finished_at, look.busy_until = LookState.DONE, now, None


def _link_newcomers(look: DirectoryLook, *, now: datetime) -> None:
    """Find the entries of devices that came to Kitto after Google had been looked at."""
    linked = DirectoryDevice.objects.filter(device_id=OuterRef("pk"))
    alone = (
        Device.objects.filter(~Exists(linked))
        .annotate(plain=Upper("serial_number"))
        .values_list("plain", "pk")
    )
    for part in _parts(list(alone)):
        pks = dict(part)
        found = []
        for row in DirectoryDevice.objects.filter(serial_number__in=pks, device=None):
            row.device_id = pks[row.serial_number]
            found.append(row)
        DirectoryDevice.objects.bulk_update(found, ["device"], batch_size=BATCH)
        _follow(look, [row.device_id for row in found if row.device_id], now=now)


def _settle_tickets(look: DirectoryLook, *, now: datetime) -> None:
    """Open tickets for new contradictions and end those that are settled.

    Very many new ones at once speak of a wrong setting: then none is opened, and the page says so.
    """
    wanted = _contradictions(look)
    ever = set(
        Ticket.objects.filter(kind=TicketKind.DIRECTORY, journey_id__in=wanted).values_list(
            "journey_id", flat=True
        )
    )
    fresh = wanted.keys() - ever
    if rules.is_too_many(len(fresh), limit=settings.DIRECTORY_TICKETS_MOST):
        look.held_back = len(fresh)
        wanted = {pk: said for pk, said in wanted.items() if pk not in fresh}
    for journey in Journey.objects.open().filter(pk__in=wanted).order_by("pk"):
        opened = open_by_directory(journey=journey, differences=wanted[journey.pk], now=now)
        look.opened += opened is not None
    settled = (
        Ticket.objects.open().filter(kind=TicketKind.DIRECTORY).exclude(journey_id__in=wanted)
    )
    if look.scope != Scope.FULL:  # what such a look did not see may still be missing
        known = DirectoryDevice.objects.current()
        settled = settled.filter(journey__loan__device__in=known.values("device"))
    for ticket in settled.order_by("pk"):
        look.closed += close_by_directory(ticket=ticket, now=now)


def _contradictions(look: DirectoryLook) -> dict[int, dict[str, str]]:
    """Return what contradicts each journey now: kind by what Google shows."""
    rows = {
        row.device_id: row
        for row in DirectoryDevice.objects.current().filter(
            has_differences=True, device__isnull=False
        )
    }
    ids: list[int] = [pk for pk in rows if pk]
    if look.scope == Scope.FULL:
        ids += _absent_devices()
    found = {}
    for part in _parts(ids):
        for watched in watched_journeys(part, rows=rows, as_of=look.as_of_at):
            differences = rules.judge(watched.facts).differences
            if differences:
                found[watched.journey_id] = {d.kind.value: d.seen for d in differences}
    return found


def _absent_devices() -> list[int]:
    """Return the devices of begun journeys that Google does not list."""
    listed = DirectoryDevice.objects.current().filter(device_id=OuterRef("loan__device_id"))
    begun = Journey.objects.open().filter(~Exists(listed), begun_at__isnull=False)
    return list(begun.values_list("loan__device_id", flat=True))


def note_export(*, finding: Finding, kind: str, number: int, by: User, now: datetime) -> None:
    """Write down that somebody took a list of devices with their serial numbers."""
    write_audit(
        action="directory.exported",
        now=now,
        by=by,
        data={"finding": finding.value, "kind": kind, "devices": number},
    )


# --- changing --------------------------------------------------------------------------------------


@transaction.atomic
def ask_change(  # noqa: PLR0913  # an order has this many sides, and its one caller names each
    *,
    device: Device,
    kind: ChangeKind,
    reason: str,
    by: User,
    factor: SecondFactor,
    now: datetime,
    by_hand: bool = False,
) -> RemoteChange:
    """Ask for a device to be disabled or enabled again; a task does it and reads it back.

    `by_hand`: somebody does it in Google's console, step by step, and says when. Raises
    `ChangeRefusedError` (scope, factor, open).
    """
    if not by_hand:
        _check_allowed(factor)
    if RemoteChange.objects.filter(device=device, state__in=OPEN).exclude(
        kind=ChangeKind.ANNOTATE
    ):
        raise ChangeRefusedError("open")
    change = RemoteChange.objects.create(
        kind=kind, device=device, by_hand=by_hand, reason=reason, asked_by=by, asked_at=now
    )
    write_audit(
        action=f"directory.{kind.value}_asked",
        now=now,
        by=by,
        subject=f"device:{device.pk}",
        data={"reason": reason, "by_hand": by_hand, "second_factor": factor.value},
    )
    note_on_loss(device=device, what=f"{kind.value}_asked", by=by, now=now)
    return change


def _check_allowed(factor: SecondFactor) -> None:
    if not (settings.DIRECTORY_KEY_FILE and settings.DIRECTORY_WRITE):
        raise ChangeRefusedError("scope")
    if factor != SecondFactor.PROVEN and not settings.DIRECTORY_WITHOUT_SECOND_FACTOR:
        raise ChangeRefusedError("factor")


@transaction.atomic
def finish_by_hand(*, change: RemoteChange, by: User, now: datetime) -> bool:
    """Note that somebody has done it in Google's console; False if it was noted before."""
    open_change = RemoteChange.objects.filter(pk=change.pk, by_hand=True, state__in=OPEN)
    if not open_change.update(state=ChangeState.DONE, settled_at=now):
        return False
    _tell(change, by=by, now=now, what=change.kind)
    return True


@transaction.atomic
def ask_write_back(*, by: User, now: datetime) -> int:
    """Ask for every device that carries other words at Google to be given Kitto's; returns how many.

    Raises `ChangeRefusedError` (scope, setting).
    """
    if not (settings.DIRECTORY_KEY_FILE and settings.DIRECTORY_WRITE):
        raise ChangeRefusedError("scope")
    if not settings.DIRECTORY_WRITE_BACK:
        raise ChangeRefusedError("setting")
    wanted = wanted_texts()
    asked = RemoteChange.objects.filter(kind=ChangeKind.ANNOTATE, state__in=OPEN)
    busy = set(asked.values_list("device_id", flat=True))
    made = [
        RemoteChange(
            kind=ChangeKind.ANNOTATE, device_id=pk, texts=texts, asked_by=by, asked_at=now
        )
        for pk, texts in wanted.items()
        if pk not in busy
    ]
    RemoteChange.objects.bulk_create(made, batch_size=BATCH)
    if made:
        write_audit(action="directory.write_back", now=now, by=by, data={"devices": len(made)})
    return len(made)


def work_off(*, directory: Directory, now: datetime) -> int:
    """Carry out what was asked for and read it back; returns how many changes moved.

    Safe to run twice and side by side: a device that already shows what was asked for is given no
    order again. Each change is settled in a transaction of its own, after Google has answered.
    """
    due = RemoteChange.objects.filter(
        Q(retry_at__isnull=True) | Q(retry_at__lte=now), by_hand=False, state__in=OPEN
    ).select_related("device")
    orders = list(due.exclude(kind=ChangeKind.ANNOTATE).order_by("pk")[:ORDERS_MOST])
    moved = _order(directory, [c for c in orders if c.state == ChangeState.ASKED], now=now)
    for change in orders:
        if change.state == ChangeState.SENT:
            moved += _guarded(directory, change, _read_back, now=now)
    for change in due.filter(kind=ChangeKind.ANNOTATE).order_by("pk")[:ANNOTATIONS_MOST]:
        moved += _guarded(directory, change, _annotate, now=now)
    return moved


def _order(directory: Directory, changes: Sequence[RemoteChange], *, now: datetime) -> int:
    """Give the orders of each kind in one call, and note what Google says to each device."""
    moved = 0
    for kind in (ChangeKind.DISABLE, ChangeKind.REENABLE):
        ready: dict[str, RemoteChange] = {}
        for change in (change for change in changes if change.kind == kind):
            moved += _guarded(directory, change, _find_for(ready), now=now)
        if ready:
            moved += _give_orders(directory, ready, kind, now=now)
    return moved


def _give_orders(
    directory: Directory,
    ready: Mapping[str, RemoteChange],
    kind: ChangeKind,
    *,
    now: datetime,
) -> int:
    try:
        said = directory.change_status(list(ready), kind)
    except DirectoryError as error:
        for change in ready.values():
            _put_off(change, error, now=now)
    else:
        for google_id, complaint in said.items():
            _sent(ready[google_id], complaint, now=now)
    return len(ready)


def _find_for(ready: dict[str, RemoteChange]) -> Act:
    """Look at the device afresh: only the very serial number is ordered, and only if need be."""

    def find(directory: Directory, change: RemoteChange, now: datetime) -> bool:
        shown = _shown(directory, change)
        if rules.is_seen(change.kind, rules.standing_of(str(shown.get("status", "")))):
            _settle(change, shown, now=now)
            return True
        ready[str(shown["deviceId"])] = change
        return False

    return find


def _shown(directory: Directory, change: RemoteChange) -> Mapping[str, object]:
    """Return the device at Google with exactly our serial number. Raises `DirectoryError`."""
    wanted = rules.plain_serial(change.device.serial_number)
    entry = DirectoryDevice.objects.current().filter(device=change.device).first()
    shown = _by_id(directory, entry.google_id) if entry and entry.google_id else {}
    if shown and rules.plain_serial(shown.get("serialNumber")) == wanted:
        return shown
    found = [
        device
        for device in directory.find(wanted)
        if rules.standing_of(str(device.get("status", ""))) != Standing.REMOVED
    ]
    if len(found) != 1:
        raise DirectoryError(Problem.AMBIGUOUS if found else Problem.NOT_FOUND)
    return found[0]


def _by_id(directory: Directory, google_id: str) -> Mapping[str, object]:
    try:
        return {"deviceId": google_id, **directory.device(google_id)}
    except DirectoryError as error:
        if error.problem == Problem.NOT_FOUND:
            return {}
        raise


def _read_back(directory: Directory, change: RemoteChange, now: datetime) -> bool:
    shown = _shown(directory, change)
    standing = rules.standing_of(str(shown.get("status", "")))
    if rules.is_seen(change.kind, standing):
        _settle(change, shown, now=now)
        return True
    if change.sent_at is not None and now >= change.sent_at + rules.READ_BACK:
        _fail(change, Problem.NOT_CHANGED, now=now, shown=shown)
        return True
    RemoteChange.objects.filter(pk=change.pk).update(retry_at=now + READ_AGAIN)
    return False


def _annotate(directory: Directory, change: RemoteChange, now: datetime) -> bool:
    shown = _shown(directory, change)
    texts = {rules.API_FIELDS[name]: text for name, text in change.texts.items()}
    answer = directory.annotate(str(shown["deviceId"]), texts)
    if any(answer.get(name) != text for name, text in texts.items()):
        _fail(change, Problem.NOT_CHANGED, now=now, shown=answer)
        return True
    _settle(change, answer, now=now)
    return True


def _guarded(directory: Directory, change: RemoteChange, act: Act, *, now: datetime) -> int:
    """Give one change its turn; what Google refuses is written down, what passes is tried again."""
    try:
        return int(act(directory, change, now))
    except DirectoryError as error:
        _put_off(change, error, now=now)
        return 1


def _put_off(change: RemoteChange, error: DirectoryError, *, now: datetime) -> None:
    if error.problem not in PASSING or change.tries + 1 >= rules.TRIES_MOST:
        _fail(change, error.problem, now=now)
        return
    RemoteChange.objects.filter(pk=change.pk, state__in=OPEN).update(
        tries=F("tries") + 1,
        problem=error.problem,
        retry_at=now + rules.pause_after(change.tries + 1, error.retry_after),
    )


def _sent(change: RemoteChange, complaint: str, *, now: datetime) -> None:
    if complaint:
        log.warning("Google refused to %s device %s: %s", change.kind, change.pk, complaint)
        _fail(change, Problem.REFUSED, now=now)
        return
    RemoteChange.objects.filter(pk=change.pk, state=ChangeState.ASKED).update(
        state=ChangeState.SENT, sent_at=now, retry_at=now + READ_AGAIN, problem="", tries=0
    )


@transaction.atomic
def _settle(change: RemoteChange, shown: Mapping[str, object], *, now: datetime) -> None:
    """Close a change that Google shows, and keep what it shows."""
    status = str(shown.get("status", ""))[: rules.STATUS_MOST]
    closed = RemoteChange.objects.filter(pk=change.pk, state__in=OPEN).update(
        state=ChangeState.DONE, settled_at=now, problem="", status_seen=status
    )
    if not closed:
        return
    _keep(change.device_id, shown)
    if change.kind != ChangeKind.ANNOTATE:
        _tell(change, by=None, now=now, what=change.kind, status=status)


@transaction.atomic
def _fail(
    change: RemoteChange,
    problem: Problem,
    *,
    now: datetime,
    shown: Mapping[str, object] | None = None,
) -> None:
    status = str((shown or {}).get("status", ""))[: rules.STATUS_MOST]
    closed = RemoteChange.objects.filter(pk=change.pk, state__in=OPEN).update(
        state=ChangeState.FAILED, settled_at=now, problem=problem, status_seen=status
    )
    if closed and change.kind != ChangeKind.ANNOTATE:
        _tell(change, by=None, now=now, what="not_changed", status=status, problem=problem)


def _keep(device_id: int, shown: Mapping[str, object]) -> None:
    """Keep what Google has just shown of a device, so that the pages need not wait for a look."""
    seen = rules.read_answer(dict(shown))
    if seen is None:
        return
    wanted = {name: getattr(seen, name) for name in (*rules.LENGTHS, "standing")}
    wanted.pop("google_id")
    DirectoryDevice.objects.current().filter(device_id=device_id).update(**wanted)


def _tell(  # see _settle and _fail
    change: RemoteChange,
    *,
    by: User | None,
    now: datetime,
    what: str,
    status: str = "",
    problem: str = "",
) -> None:
    write_audit(
        action=f"directory.{what}",
        now=now,
        by=by,
        subject=f"device:{change.device_id}",
        data={"status": status, "problem": problem, "by_hand": change.by_hand},
    )
    note_on_loss(device=change.device, what=what, by=by, now=now)
