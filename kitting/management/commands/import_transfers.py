"""Take transfers in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from kitting.imports.states import Kind
from kitting.management.commands._sheets import SheetCommand, counted, listed, take_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.forms import Problem
    from accounts.transfers import TransferResult


class Command(SheetCommand):
    """Who moves where on which day, such as in April; the devices come along."""

    help = (
        "Plan moves to other departments and places from a sheet (CSV or XLSX)."
        " Each happens on its day; one whose day has come happens at once."
    )

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Plan the moves; those whose day has come happen at once."""
        wrong, result = take_sheet(Kind.TRANSFERS, data, name, now, dry_run=dry_run)
        return wrong, _lines(result)


def _lines(result: TransferResult) -> list[str]:
    return [
        *counted(_("Move on their day"), result.planned),
        *counted(_("Move at once"), result.applied),
        *counted(_("Planned anew"), result.updated),
        *counted(_("Stay as they are"), result.unchanged),
        *listed(_("Departments made on that day"), result.departments_new),
        *listed(_("Places made on that day"), result.places_new),
        *listed(_("Not in the file: nothing is deleted"), result.missing),
    ]
