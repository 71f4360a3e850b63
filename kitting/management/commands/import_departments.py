"""Take renamed and merged departments in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from kitting.imports.states import Kind
from kitting.management.commands._sheets import SheetCommand, counted, listed, take_sheet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.departments import DepartmentsResult
    from accounts.forms import Problem


class Command(SheetCommand):
    """Which department is called what from which day on, or which one it is merged into."""

    help = (
        "Note from a sheet (CSV or XLSX) which departments are renamed or merged on which day."
        " People, devices and set-ups go over on that day, or at once if it has come."
    )

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Note which departments end in which; those whose day has come go over at once."""
        wrong, result = take_sheet(Kind.DEPARTMENTS, data, name, now, dry_run=dry_run)
        return wrong, _lines(result)


def _lines(result: DepartmentsResult) -> list[str]:
    return [
        *counted(_("Go over on their day"), result.planned),
        *counted(_("Go over at once"), result.applied),
        *counted(_("Planned anew"), result.updated),
        *counted(_("People there today"), result.people),
        *counted(_("Stay as they are"), result.unchanged),
        *listed(_("New departments"), result.departments_new),
    ]
