"""Take the roll in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from kitting.imports.states import Kind
from kitting.management.commands._sheets import SheetCommand, counted, listed, take_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.forms import Problem
    from accounts.roll import RollResult


class Command(SheetCommand):
    """People, departments, places, hours of work and leads, from one sheet."""

    help = "Create and update people from a roll (CSV or XLSX). Nobody is ever deleted."

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Take the roll in and let journeys of people who left follow."""
        wrong, result = take_sheet(Kind.ROLL, data, name, now, dry_run=dry_run)
        return wrong, _lines(result)


def _lines(result: RollResult) -> list[str]:
    lines = [
        _("People: %(created)s new, %(updated)s changed, %(unchanged)s unchanged")
        % result.counts,
        *counted(_("Move elsewhere"), result.moved),
        *listed(_("New departments"), result.departments_created),
        *listed(_("New places"), result.places_created),
        *listed(_("New hours of work"), result.hours_created),
    ]
    if result.leads_named or result.leads_removed:
        lines.append(
            _("Leads: %(leads_named)s named, %(leads_removed)s no longer") % result.counts
        )
    lines += listed(_("Move on a day to come, and stay where they are until then"), result.held)
    lines += listed(_("With a new leaving date"), result.leaving)
    lines += listed(_("Not in the file, nothing was deleted"), result.missing)
    if result.named_it:
        lines.append(
            _("Named IT in the roll: %(count)s. Give them the role on the roles page.")
            % {"count": len(result.named_it)}
        )
    return lines
