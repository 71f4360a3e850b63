"""Changing devices at Google: what was asked for is ordered, read back and told."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from accounts.actions import write_audit
from accounts.queries import SecondFactor
from kitting.directory import rules
from kitting.directory.actions.looking import BATCH
from kitting.directory.client import DirectoryError
from kitting.directory.models import DirectoryDevice, RemoteChange
from kitting.directory.queries import wanted_texts
from kitting.directory.states import (
    OPEN,
    PASSING,
    ChangeKind,
    ChangeState,
    Problem,
    Standing,
)
from kitting.escalation.actions.matters import (
    note_on_loss,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accounts.models import User
    from kitting.devices.models import Device
    from kitting.directory.client import Directory

log = logging.getLogger(__name__)

Act = Callable[["Directory", RemoteChange, "datetime"], bool]

# So many orders to disable go into one call; Google takes no more.
ORDERS_MOST = 50
ANNOTATIONS_MOST = 100

READ_AGAIN = timedelta(seconds=20)


class ChangeRefusedError(Exception):
    """A change is not allowed; `why` is a stable word: scope, factor, setting, open, nothing."""

    def __init__(self, why: str) -> None:
        """Keep why."""
        super().__init__(why)
        self.why = why


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
