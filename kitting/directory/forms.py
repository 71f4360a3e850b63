"""What comes in from outside: exports of Google's console or of GAM, and reasons people type."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.forms import Problem, SheetRefusedError, open_sheet
from accounts.forms import problems as problems_of
from kitting.directory.rules import COLUMNS, NEEDED, Seen, read_row
from kitting.lib.rows import Cells, Flaw, repeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_stubs_ext import StrPromise

REASON_MOST = 400
SENTENCES: Mapping[str, StrPromise] = {
    "serial_number_missing": _("The serial number is missing."),
    "serial_number_twice": _("The serial number %(value)s stands in row %(earlier)s already."),
}
COLUMN_WORDS: Mapping[str, StrPromise] = {
    "serial_number": _("Serial"),
    "google_id": _("Google's id"),
    "status": _("Status"),
    "model_name": _("Model"),
    "os_version": _("System version"),
    "org_unit": _("Organisational unit"),
    "asset_tag": _("Asset tag"),
    "location": _("Place"),
    "annotated_user": _("User"),
    "recent_user": _("Last signed in"),
    "mac_address": _("MAC address"),
    "first_enrolled_at": _("First enrolled"),
    "last_enrolled_at": _("Last enrolled"),
    "last_sync_at": _("Last heard of"),
    "update_state": _("Update"),
    "compliance": _("Version asked for"),
    "updates_until_on": _("Updates until"),
}


def read_export(data: bytes, filename: str) -> list[Seen]:
    """Read an export of devices, CSV or XLSX, by the names of its columns.

    Raises `SheetRefusedError` for a file that cannot be read, a spoilt or missing serial number, and
    one that stands twice.
    """
    table, columns = open_sheet(data, filename, COLUMNS, NEEDED)
    given = frozenset(columns)
    zone = ZoneInfo(settings.TIME_ZONE)
    rows = [
        read_row(
            Cells(row, columns),
            given,
            {name: row.cells.get(header, "") for name, header in columns.items()},
            zone,
        )
        for row in table.rows
    ]
    flaws = [flaw for row in rows for flaw in row.flaws]
    # Two entries of one device differ by Google's id; without it, nobody can tell which is meant.
    bare = ((row.row, row.serial_number) for row in rows if not row.google_id)
    flaws += [
        Flaw(row, "serial_number_twice", {"value": value, "earlier": str(earlier)})
        for row, value, earlier in repeated(bare)
    ]
    if flaws:
        raise SheetRefusedError(sorted(flaws, key=lambda flaw: flaw.row))
    return rows


def problems(flaws: Iterable[Flaw]) -> list[Problem]:
    """Put flaws into plain sentences of the active language, each naming its row."""
    return problems_of(flaws, SENTENCES)


def odd_columns(names: Iterable[str]) -> list[str]:
    """Return the names of columns with cells that could not be read, in words."""
    return [str(COLUMN_WORDS.get(name, name)) for name in names]


class ExportForm(forms.Form):
    """An export of the console or of GAM."""

    file = forms.FileField(
        label=_("File (CSV or XLSX)"),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )
    whole = forms.BooleanField(
        label=_("The file holds all devices"),
        help_text=_("Then a device that is not in it counts as not at Google."),
        required=False,
    )


class ChangeForm(forms.Form):
    """Why a device is disabled or enabled again, and that it is the right one."""

    reason = forms.CharField(
        label=_("Why?"),
        max_length=REASON_MOST,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write a few words.")},
    )
    checked = forms.BooleanField(
        label=_("I have compared the serial number and the person."),
        error_messages={"required": _("Compare them first, and tick the box.")},
    )
