"""Sheets of devices as they come in: text in, checked rows and plain sentences out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts.forms import Problem, open_sheet
from accounts.forms import problems as problems_of
from kitting.devices.rules import COLUMNS, NEEDED, DeviceRow, read_device
from kitting.lib.rows import Cells, Flaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from django_stubs_ext import StrPromise

__all__ = ["DeviceRow", "problems", "read_devices"]

DEVICE_SENTENCES: Mapping[str, StrPromise] = {
    "serial_number_missing": _("The serial number is missing."),
    "serial_number_letters": _(
        "The serial number may have letters, digits and hyphens only: %(value)s"
    ),
    "serial_number_twice": _("The serial number %(value)s stands in row %(earlier)s already."),
    "asset_tag_twice": _("The asset tag %(value)s stands in row %(earlier)s already."),
    "tag_taken": _("The asset tag %(tag)s belongs to another device: %(holder)s"),
    "tag_differs": _("The device %(serial)s has the asset tag %(own)s, not %(tag)s."),
    "mac_unreadable": _("The MAC address cannot be right: %(value)s"),
    "person_unknown": _("Nobody on the roll has the staff number %(value)s."),
    "person_zeros": _(
        "The staff number %(value)s seems to have lost its zeros. %(likely)s is known."
    ),
    "person_gone": _("The person with the number %(value)s works here no more."),
    "person_of_shared": _(
        "The purpose is “%(value)s”, but a person is named. Keep one of them."
    ),
    "purpose_unknown": _("The purpose “%(value)s” is not known. Write 個人, 共用 or 予備."),
    "department_unknown": _("The department “%(value)s” is not on the roll."),
    "department_ambiguous": _(
        "There are several departments called “%(value)s”. Add the one above."
    ),
    "department_missing": _("The department is missing."),
}


def read_devices(data: bytes, filename: str) -> list[DeviceRow]:
    """Read a sheet of devices; what is wrong with a row stands in its flaws.

    Raises `SheetRefusedError` of accounts.forms.
    """
    table, columns = open_sheet(data, filename, COLUMNS, NEEDED)
    given = frozenset(columns)
    return [read_device(Cells(row, columns), given) for row in table.rows]


def problems(flaws: Iterable[Flaw]) -> list[Problem]:
    """Put flaws into plain sentences of the active language, each naming its row."""
    return problems_of(flaws, DEVICE_SENTENCES)
