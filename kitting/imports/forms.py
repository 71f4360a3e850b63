"""What comes in: a file, which kind of sheet it is, and which column holds what."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import departments, transfers
from accounts import rules as roll
from accounts.forms import ROLL_SENTENCES, SheetRefusedError, open_stream
from kitting.devices import rules as devices
from kitting.devices.forms import DEVICE_SENTENCES
from kitting.imports.rules import FILE_BYTES_MOST, ColumnsWrongError, checked_columns
from kitting.imports.states import Kind
from kitting.lib.rows import Flaw, each, find_columns
from kitting.lib.sheets import write_csv
from kitting.lib.workbook import write_workbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from django_stubs_ext import StrPromise

    from kitting.lib.sheets import Row

TRANSFER_SENTENCES: Mapping[str, StrPromise] = {
    "staff_number_missing": _("The staff number is missing."),
    "effective_missing": _("The day of the transfer is missing."),
    "nothing_said": _("Neither a new department nor a new place is named."),
    "transfer_twice": _(
        "The staff number %(value)s stands in row %(earlier)s already, with the same day."
    ),
    "person_unknown": _("Nobody on the roll has the staff number %(value)s."),
    "person_zeros": _(
        "The staff number %(value)s seems to have lost its zeros. %(likely)s is known."
    ),
    "person_gone": _("The person with the number %(value)s works here no more on that day."),
    "name_differs": _("The number %(number)s belongs to %(known)s, not to %(value)s."),
    "department_ambiguous": _(
        "There are several departments called “%(value)s”. Add the one above."
    ),
    "department_new_alone": _(
        "The department “%(value)s” is not on the roll. If it is new, add the bureau above it."
    ),
}

DEPARTMENT_SENTENCES: Mapping[str, StrPromise] = {
    "day_missing": _("The day of the change is missing."),
    "old_missing": _("The department as it is called today is missing."),
    "new_missing": _("The new department is missing."),
    "department_unknown": _("The department “%(value)s” is not on the roll."),
    "department_ambiguous": TRANSFER_SENTENCES["department_ambiguous"],
    "department_twice": _("The department “%(value)s” stands in row %(earlier)s already."),
    "department_same": _("“%(value)s” is the same department before and after."),
    "department_ends_too": _(
        "“%(value)s” ends by this sheet too. Name the department that is left in the end."
    ),
}


@dataclass(frozen=True)
class Sheet:
    """One kind of sheet: its columns and their names, how a row is read, and what can be wrong."""

    kind: Kind
    aliases: Mapping[str, Sequence[str]]
    needed: Sequence[Sequence[str]]
    reader: Callable[[Mapping[str, str]], Callable[[Row], Any]]
    sentences: Mapping[str, StrPromise]
    words: Mapping[str, StrPromise]


WORDS: Mapping[str, StrPromise] = {
    "staff_number": _("Staff number"),
    "name": _("Name"),
    "kana": _("Reading"),
    "email": _("E-mail address"),
    "account": _("Chromebook account"),
    "bureau": _("Bureau"),
    "section": _("Section"),
    "unit": _("Unit"),
    "department": _("Department"),
    "place": _("Place of work"),
    "role": _("Role"),
    "title": _("Title"),
    "employment": _("Employment"),
    "extension": _("Extension"),
    "hours": _("Hours of work"),
    "language": _("Language"),
    "left_on": _("Leaving date"),
    "leave_from_on": _("Leave: first day"),
    "leave_to_on": _("Leave: last day"),
    "serial_number": _("Serial number"),
    "asset_tag": _("Asset tag"),
    "model_name": _("Model"),
    "mac_address": _("MAC address"),
    "person": _("User"),
    "purpose": _("Purpose"),
    "delivered_on": _("Delivered on"),
    "carton": _("Carton"),
    "effective_on": _("Day of the transfer"),
}
OF_DEPARTMENTS: Mapping[str, StrPromise] = {
    "effective_on": _("Day of the change"),
    "old_bureau": _("Bureau today"),
    "old_section": _("Section today"),
    "old_unit": _("Unit today"),
    "bureau": _("New bureau"),
    "section": _("New section"),
    "unit": _("New unit"),
}
OF_TRANSFERS: Mapping[str, StrPromise] = {
    "bureau": _("New bureau"),
    "section": _("New section"),
    "unit": _("New unit"),
    "place": _("New place of work"),
}
SHEETS: Mapping[str, Sheet] = {
    Kind.ROLL: Sheet(
        Kind.ROLL, roll.COLUMNS, roll.NEEDED, roll.person_reader, ROLL_SENTENCES, WORDS
    ),
    Kind.DEVICES: Sheet(
        Kind.DEVICES,
        devices.COLUMNS,
        devices.NEEDED,
        each(devices.read_device),
        DEVICE_SENTENCES,
        WORDS,
    ),
    Kind.TRANSFERS: Sheet(
        Kind.TRANSFERS,
        transfers.COLUMNS,
        transfers.NEEDED,
        each(transfers.read_transfer),
        TRANSFER_SENTENCES,
        {**WORDS, **OF_TRANSFERS},
    ),
    Kind.DEPARTMENTS: Sheet(
        Kind.DEPARTMENTS,
        departments.COLUMNS,
        departments.NEEDED,
        each(departments.read_department),
        DEPARTMENT_SENTENCES,
        {**WORDS, **OF_DEPARTMENTS},
    ),
}


def too_large(size: int) -> str:
    """Return why a file of that size is not taken, in a sentence."""
    return gettext("This file has %(size)s. A sheet may have %(most)s at most.") % {
        "size": filesizeformat(size),
        "most": filesizeformat(FILE_BYTES_MOST),
    }


class UploadForm(forms.Form):
    """A file, and what it speaks of."""

    kind = forms.ChoiceField(
        label=_("What is in the file?"),
        choices=Kind.choices,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what is in the file."),
            "invalid_choice": _("Choose what is in the file."),
        },
    )
    file = forms.FileField(
        label=_("File (CSV or XLSX)"),
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.xlsx,.xlsm"}),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
    )

    def clean_file(self) -> Any:
        """Refuse a file that is too large before it is opened."""
        file = self.cleaned_data["file"]
        if file.size > FILE_BYTES_MOST:
            raise forms.ValidationError(too_large(file.size), code="large")
        return file


class ColumnsForm(forms.Form):
    """For every header of a sheet: the field it holds, or none."""

    def __init__(
        self, sheet: Sheet, headers: Sequence[str], columns: Mapping[str, str], data: Any = None
    ) -> None:
        """Ask for each header, with what is chosen or guessed now."""
        super().__init__(data)
        self.sheet, self.headers = sheet, headers
        self.columns: dict[str, str] = {}
        choices = [("", _("not used")), *((n, sheet.words[n]) for n in sheet.aliases)]
        field_of = {header: name for name, header in columns.items()}
        for number, header in enumerate(headers):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=header,
                choices=choices,
                required=False,
                initial=field_of.get(header, ""),
            )

    def clean(self) -> dict[str, Any]:
        """Refuse a choice without what is needed, or with one field twice."""
        cleaned: dict[str, Any] = super().clean() or {}
        choice = {h: cleaned.get(f"column_{n}", "") for n, h in enumerate(self.headers)}
        try:
            self.columns = checked_columns(choice, self.headers, self.sheet.needed)
        except ColumnsWrongError as wrong:
            for name in wrong.missing:
                sentence = gettext("Choose a column for “%(field)s”.")
                self.add_error(None, sentence % {"field": self.sheet.words[name]})
            for name in wrong.twice:
                sentence = gettext("“%(field)s” is chosen for two columns. Keep one of them.")
                self.add_error(None, sentence % {"field": self.sheet.words[name]})
        return cleaned


@dataclass(frozen=True)
class Opened:
    """A sheet that was opened: its columns, what is wrong with them, and its rows, read once.

    `lines` is about how many rows there are.
    """

    headers: list[str]
    columns: dict[str, str]
    flaws: tuple[Flaw, ...]
    rows: Iterator[Any]
    lines: int


def open_sheet(
    kind: str, data: bytes, name: str, *, columns: Mapping[str, str] | None = None
) -> Opened:
    """Open a sheet of a kind, by columns that were chosen or else by their names.

    Raises `SheetRefusedError` of accounts.forms, also while its rows are read on.
    """
    sheet, stream = SHEETS[kind], open_stream(data, name)
    known = set(stream.headers)
    found, flaws = find_columns(stream.headers, sheet.aliases, sheet.needed)
    if columns is not None and known >= set(columns.values()):
        found, flaws = dict(columns), []
    rows = map(sheet.reader(found), stream.rows)
    return Opened(stream.headers, found, tuple(flaws), _some(rows), stream.lines)


def _some(rows: Iterator[Any]) -> Iterator[Any]:
    """Read on, and refuse a sheet without any row."""
    first = next(rows, None)
    if first is None:
        raise SheetRefusedError([Flaw(0, "no_rows")])
    yield first
    yield from rows


def first_cells(data: bytes, name: str, *, most: int) -> list[dict[str, str]]:
    """Return the cells of the first rows of a sheet by header, as they were written."""
    return [row.cells for row in islice(open_stream(data, name).rows, most)]


def marked(data: bytes, name: str, sentences: Mapping[int, Sequence[str]]) -> tuple[bytes, str]:
    """Return a sheet with a column that says what to put right in each row, and how its name ends.

    An XLSX comes back as XLSX, everything else as CSV that every spreadsheet program opens rightly.
    """
    sheet = open_stream(data, name)
    mark = gettext("To put right")
    headers = [header for header in sheet.headers if header != mark]
    rows = (
        [*(row.cells[header] for header in headers), " ".join(sentences.get(row.number, ()))]
        for row in sheet.rows
    )
    if sheet.kind == "xlsx":
        return write_workbook([*headers, mark], rows), "xlsx"
    return write_csv([*headers, mark], rows), "csv"
