"""Sheets of people as they come in: text in, checked rows and plain sentences out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.rules import COLUMNS, NEEDED, PersonRow, person_reader
from kitting.lib.rows import Flaw, find_columns
from kitting.lib.sheets import SheetError, Stream, Table, open_table, read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django_stubs_ext import StrPromise

    from kitting.lib.sheets import Row

__all__ = ["PersonRow", "Problem", "SheetRefusedError", "open_sheet", "problems", "read_roll"]

SHEET_SENTENCES: Mapping[str, StrPromise] = {
    "sheet_empty": _("The file is empty."),
    "sheet_too_large": _("The file is too large."),
    "sheet_not_a_sheet": _("This file is not a sheet. Save it as CSV or as XLSX."),
    "sheet_web_page": _(
        "This is a web page with the name of a sheet. Open it in a spreadsheet program and save it"
        " as .xlsx."
    ),
    "sheet_old_excel": _("This is an old Excel file (.xls). Save it as .xlsx."),
    "sheet_password": _("The file is protected with a password. Save it without one."),
    "sheet_damaged": _("The file cannot be opened. Save it again and try once more."),
    "sheet_zip_bomb": _("The file would unpack to far more than a sheet needs."),
    "sheet_encoding": _("The characters of the file cannot be read. Save it as UTF-8."),
    "sheet_nul": _("The file holds characters that no text has. Save it as CSV again."),
    "sheet_quotes": _("The quotation marks in row %(row)s do not match."),
    "sheet_no_header": _("The first row must hold the names of the columns."),
    "sheet_duplicate_headers": _("Two columns have the same name: %(header)s"),
    "sheet_too_many_columns": _("The sheet may have %(limit)s columns at most."),
    "sheet_too_many_rows": _("The sheet may have %(limit)s rows at most."),
    "sheet_cell_too_long": _("A cell in row %(row)s is too long."),
    "sheet_cell_without_header": _(
        "Row %(row)s holds something in column %(column)s, which has no name."
    ),
    "sheet_cell_error": _(
        "The cell in row %(row)s, column %(column)s holds an error: %(text)s"
    ),
    "columns_alike": _("These columns mean the same. Keep one of them: %(columns)s"),
    "column_missing": _("A column is missing: %(names)s"),
    "no_rows": _("The file holds the names of the columns only."),
    "number_spoilt": _(
        "“%(column)s” was changed by the spreadsheet program: %(value)s."
        " Make the column text and enter it again."
    ),
    "date_unreadable": _("“%(column)s” is not a date: %(value)s. Write it like 2027-03-31."),
    "too_long": _("“%(column)s” may have %(most)s characters at most."),
}
ROLL_SENTENCES: Mapping[str, StrPromise] = {
    "staff_number_missing": _("The staff number is missing."),
    "staff_number_letters": _(
        "The staff number may have digits, letters and hyphens only: %(value)s"
    ),
    "staff_number_twice": _("The staff number %(value)s stands in row %(earlier)s already."),
    "staff_number_zeros": _(
        "The staff number %(value)s seems to have lost its zeros. %(likely)s is known."
    ),
    "username_taken": _("Somebody else signs in with the name %(value)s."),
    "name_missing": _("The name is missing."),
    "department_missing": _("The department is missing."),
    "email_unreadable": _("The e-mail address cannot be right: %(value)s"),
    "email_twice": _("The e-mail address %(value)s stands in row %(earlier)s already."),
    "email_taken": _("The e-mail address %(value)s belongs to %(holder)s."),
    "account_unreadable": _(
        "The account may have no spaces and no Japanese letters: %(value)s"
    ),
    "account_twice": _("The account %(value)s stands in row %(earlier)s already."),
    "account_taken": _("The account %(value)s belongs to %(holder)s."),
    "hours_unreadable": _(
        "The hours of work cannot be read: %(value)s. Write them like 8:30-17:15."
    ),
    "leave_without_start": _("The leave has an end but no first day."),
    "leave_backwards": _("The leave ends before it begins."),
    "title_too_long": _("Role and title together may have %(most)s characters at most."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a file: its row (0 for the whole file) and what to say."""

    row: int
    sentence: str


class SheetRefusedError(ValueError):
    """The file as a whole cannot be taken in; `flaws` say why."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        """Keep the reasons."""
        super().__init__(", ".join(flaw.slug for flaw in flaws))
        self.flaws = tuple(flaws)


def read_roll(data: bytes, filename: str) -> list[PersonRow]:
    """Read a roll; what is wrong with a row stands in its flaws. Raises `SheetRefusedError`."""
    table, columns = open_sheet(data, filename, COLUMNS, NEEDED)
    return list(map(person_reader(columns), table.rows))


def open_sheet(
    data: bytes,
    filename: str,
    aliases: Mapping[str, Sequence[str]],
    needed: Iterable[Sequence[str]],
) -> tuple[Table, dict[str, str]]:
    """Open a sheet and find its columns: field to header. Raises `SheetRefusedError`."""
    try:
        table = read_table(data, filename)
    except SheetError as error:
        raise refused(error) from error
    columns, flaws = find_columns(table.headers, aliases, needed)
    if not table.rows:
        flaws.append(Flaw(0, "no_rows"))
    if flaws:
        raise SheetRefusedError(flaws)
    return table, columns


def open_stream(data: bytes, filename: str) -> Stream:
    """Open a sheet to be read row by row. Raises `SheetRefusedError`, also while it is read on."""
    try:
        sheet = open_table(data, filename)
    except SheetError as error:
        raise refused(error) from error
    return replace(sheet, rows=_guarded(sheet.rows))


def _guarded(rows: Iterator[Row]) -> Iterator[Row]:
    try:
        yield from rows
    except SheetError as error:
        raise refused(error) from error


def refused(error: SheetError) -> SheetRefusedError:
    """Return why a file as a whole cannot be taken in."""
    details = {name: str(value) for name, value in error.details.items()}
    return SheetRefusedError([Flaw(0, f"sheet_{error.reason}", details)])


def problems(
    flaws: Iterable[Flaw], sentences: Mapping[str, StrPromise] = ROLL_SENTENCES
) -> list[Problem]:
    """Put flaws into plain sentences of the active language, each naming its row."""
    found = []
    for flaw in flaws:
        sentence = sentence_of(flaw, sentences)
        if flaw.row:
            sentence = gettext("Row %(row)s: %(sentence)s") % {
                "row": flaw.row,
                "sentence": sentence,
            }
        found.append(Problem(flaw.row, sentence))
    return found


def sentence_of(flaw: Flaw, sentences: Mapping[str, StrPromise] = ROLL_SENTENCES) -> str:
    """Put a flaw into a plain sentence of the active language, without its row."""
    said = {**SHEET_SENTENCES, **sentences}
    return str(said[flaw.slug] % flaw.params)
