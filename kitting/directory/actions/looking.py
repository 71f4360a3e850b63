"""Looking at Google's devices: pages and sheets are taken in, compared and followed."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper

from accounts.actions import write_audit
from kitting.devices.models import Device
from kitting.directory import rules
from kitting.directory.models import DirectoryDevice, DirectoryLook
from kitting.directory.queries import watched_journeys
from kitting.directory.states import (
    PASSING,
    Finding,
    LookState,
    Problem,
    Scope,
    Source,
    Standing,
)
from kitting.escalation.actions.matters import (
    close_by_directory,
    open_by_directory,
)
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.actions.errors import JourneyError
from kitting.journeys.actions.steps import confirm_step
from kitting.journeys.models import Journey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from accounts.models import User
    from kitting.directory.client import DirectoryError, Page
    from kitting.directory.queries import WatchedJourney
    from kitting.directory.rules import Seen

Item = TypeVar("Item")

BATCH = 300

# A worker that was not heard of for so long lets go of a look.
HOLD = timedelta(minutes=5)

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
