"""Labels are made, bound, replaced and retired."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import write_audit
from kitting.devices.actions.life import Deed, happen
from kitting.devices.models import BoxCode, Device
from kitting.devices.rules import fresh_codes
from kitting.devices.states import DeviceEventKind, DeviceState
from kitting.lib.codes import make_code

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

BATCH = 500


class CodeNotFreeError(Exception):
    """A code is not one that waits for a device."""


class DeviceLabelledError(Exception):
    """A device has a label already, and nobody said that it is to be replaced."""


class DeviceGoneError(Exception):
    """A device is retired and gets no label any more."""


@transaction.atomic
def make_codes(*, count: int, now: datetime, by: User | None = None) -> list[str]:
    """Make codes for devices that are not known yet, to be printed now and bound later."""
    codes = new_codes(count)
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
    code = new_codes(1)[0]
    BoxCode.objects.create(code=code, device=device, created_at=now)
    _put_on(device, code)
    _note_label(device, now=now, by=by)
    write_audit(action="code.replaced", now=now, by=by, subject=f"device:{device.pk}")
    return code


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


def new_codes(count: int) -> list[str]:
    """Return codes that no label has or had."""
    taken = set(BoxCode.objects.values_list("code", flat=True)) if count else set()
    return fresh_codes(count, taken=taken, make=make_code)
