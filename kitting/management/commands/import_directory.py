"""Take an export of Google's devices in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from accounts.forms import SheetRefusedError
from kitting.directory.actions.looking import take_sheet
from kitting.directory.forms import odd_columns, problems, read_export
from kitting.management.commands._sheets import SheetCommand, listed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.forms import Problem


class Command(SheetCommand):
    """An export of Google's console or of GAM: it confirms steps and shows what differs."""

    help = "Take in an export of all ChromeOS devices (CSV or XLSX, of Google's console or of GAM)."

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Take the export in; a device that is not in it counts as not at Google."""
        try:
            rows = read_export(data, name)
        except SheetRefusedError as refused:
            return problems(refused.flaws), []
        result = take_sheet(rows=rows, whole=True, now=now, dry_run=dry_run)
        if result is None:
            return [], [_("Google is being asked already. Try again in a while.")]
        lines = [
            _("Devices in the file: %(seen)s. Known to Kitto: %(matched)s.")
            % {"seen": result.seen, "matched": result.matched},
            _(
                "Steps confirmed: %(confirmed)s. Tickets opened: %(opened)s. Held back: %(held)s."
            )
            % {
                "confirmed": result.confirmed,
                "opened": result.opened,
                "held": result.held_back,
            },
            *listed(_("Columns with cells that could not be read"), odd_columns(result.odd)),
        ]
        return [], lines
