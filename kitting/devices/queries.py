"""Questions about boxes and their labels."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from django.db.models import Q

from kitting.devices.models import BoxCode, Device, Loan
from kitting.lib.codes import normalise

if TYPE_CHECKING:
    from django.db import models


@dataclass(frozen=True)
class BoxView:
    """What a code on a label leads to.

    open: the device and its loan, if it has one. retired: an old label; the device it was on, so
    that a found device can still be reported, and never a loan. unbound: printed, on no device yet.
    """

    state: Literal["open", "retired", "unbound", "unknown"]
    device: Device | None = None
    loan: Loan | None = None


def device_by_code(code: str) -> BoxView:
    """Return what is in the box with a code, typed in any way (two queries)."""
    box_code = BoxCode.objects.select_related("device").filter(code=normalise(code)).first()
    if box_code is None:
        return BoxView("unknown")
    if box_code.retired_at is not None:
        return BoxView("retired", device=box_code.device)
    if box_code.device is None:
        return BoxView("unbound")
    loan = (
        Loan.objects.open()
        .filter(device=box_code.device)
        .select_related("person", "department", "place")
        .first()
    )
    return BoxView("open", device=box_code.device, loan=loan)


def unbound_codes() -> models.QuerySet[BoxCode]:
    """Return the codes that wait for a device."""
    return BoxCode.objects.filter(device__isnull=True, retired_at__isnull=True)


def device_called(name: str) -> Device | None:
    """Return the device of a serial number or an asset tag, typed in any case (one query)."""
    plain = unicodedata.normalize("NFKC", name).strip()
    return Device.objects.filter(
        Q(serial_number__iexact=plain) | Q(asset_tag__iexact=plain)
    ).first()
