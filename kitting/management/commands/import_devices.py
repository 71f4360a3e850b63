"""Take devices in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from kitting.imports.states import Kind
from kitting.management.commands._sheets import SheetCommand, listed, take_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.forms import Problem
    from kitting.devices.actions.importing import DeviceResult


class Command(SheetCommand):
    """Devices with their codes, for whom they are, and a journey for each person."""

    help = "Create and update devices and loans from a sheet (CSV or XLSX). Nothing is deleted."

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Take the devices in and let journeys follow their loans."""
        wrong, result = take_sheet(Kind.DEVICES, data, name, now, dry_run=dry_run)
        return wrong, _lines(result)


def _lines(result: DeviceResult) -> list[str]:
    return [
        _("Devices: %(created)s new, %(updated)s changed, %(unchanged)s unchanged")
        % result.counts,
        _("Loans: %(loans_opened)s opened, %(loans_moved)s moved") % result.counts,
        *listed(_("Handed on to somebody else"), result.handed_on),
        *listed(_("New places"), result.places_created),
        *listed(_("Lent in Kitto, nobody in the file; the loan stays"), result.kept),
        *listed(_("Lost, called back or retired; not lent again"), result.settled),
        *listed(_("Not in the file, nothing was deleted"), result.missing),
    ]
