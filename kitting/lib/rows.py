"""Rows of a sheet: read field by field, everything that is wrong kept with its row number."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar

from kitting.lib.sheets import (
    Row,
    SheetError,
    clean_date,
    clean_number_string,
    clean_text,
    match_headers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date

Part = TypeVar("Part")
SHARED_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a row cannot be taken in: `slug` names the sentence, `params` fill its gaps.

    Row numbers are those a spreadsheet program shows; 0 stands for the sheet as a whole.
    """

    row: int
    slug: str
    params: Mapping[str, str] = field(default_factory=dict)


class Cells:
    """One row by field; reading never fails, what is wrong is added to `flaws`."""

    def __init__(self, row: Row, columns: Mapping[str, str]) -> None:
        """Keep the row and which of its headers holds which field."""
        self.row = row.number
        self.flaws: list[Flaw] = []
        self._cells = row.cells
        self._columns = columns

    def fault(self, slug: str, **params: str) -> None:
        """Note that something about this row is wrong."""
        self.flaws.append(Flaw(self.row, slug, params))

    def has(self, name: str) -> bool:
        """Tell whether the field holds anything."""
        return bool(clean_text(self._raw(name)))

    def text(self, name: str, *, most: int) -> str:
        """Read words, at most so many characters."""
        raw = self._raw(name)
        return self._short(name, clean_text(raw), most) if raw else ""

    def number(self, name: str, *, most: int) -> str:
        """Read a number that is a name, such as 010203: its zeros stay."""
        if not self._raw(name):
            return ""
        try:
            text = clean_number_string(self._raw(name))
        except SheetError:
            self._fault_of_column("number_spoilt", name)
            return ""
        return self._short(name, text, most)

    def date(self, name: str) -> date | None:
        """Read a day."""
        if not self._raw(name):
            return None
        try:
            return clean_date(self._raw(name))
        except SheetError:
            self._fault_of_column("date_unreadable", name)
            return None

    def _raw(self, name: str) -> str:
        header = self._columns.get(name)
        return self._cells[header] if header is not None else ""

    def _short(self, name: str, text: str, most: int) -> str:
        if len(text) <= most:
            return text
        self.fault("too_long", column=self._columns[name], most=str(most))
        return ""

    def _fault_of_column(self, slug: str, name: str) -> None:
        self.fault(slug, column=self._columns[name], value=clean_text(self._raw(name)))


class Shared(Generic[Part]):
    """Some fields of a sheet that many rows have alike: each set of cells is read once only."""

    def __init__(
        self, names: Sequence[str], columns: Mapping[str, str], read: Callable[[Cells], Part]
    ) -> None:
        """Keep which headers hold the fields, and what reads them together."""
        headers = [columns[name] for name in names if name in columns]
        self._columns = columns
        self._read = read
        self._key: Callable[[Mapping[str, str]], object] = (
            itemgetter(*headers) if headers else lambda _cells: None
        )
        self._known: dict[object, tuple[Part, tuple[Flaw, ...]]] = {}

    def of(self, row: Row, flaws: list[Flaw]) -> Part:
        """Return what the fields of a row say; what is wrong with them is added to `flaws`."""
        key = self._key(row.cells)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= SHARED_MOST:
                self._known.clear()
            cells = Cells(row, self._columns)
            found = self._known[key] = self._read(cells), tuple(cells.flaws)
        part, wrong = found
        if wrong:
            flaws += [Flaw(row.number, flaw.slug, flaw.params) for flaw in wrong]
        return part


def each(
    read: Callable[[Cells, frozenset[str]], Part],
) -> Callable[[Mapping[str, str]], Callable[[Row], Part]]:
    """Return what makes, for the columns of a sheet, a reader of its rows."""

    def reader(columns: Mapping[str, str]) -> Callable[[Row], Part]:
        given = frozenset(columns)
        return lambda row: read(Cells(row, columns), given)

    return reader


def find_columns(
    headers: Sequence[str],
    aliases: Mapping[str, Sequence[str]],
    needed: Iterable[Sequence[str]],
) -> tuple[dict[str, str], list[Flaw]]:
    """Find which header holds which field, and what makes the sheet as a whole unusable.

    Of each group in `needed` at least one field must have a column.
    """
    matching = match_headers(headers, aliases)
    flaws = [
        Flaw(0, "columns_alike", {"columns": ", ".join(headers)})
        for headers in matching.ambiguous.values()
    ]
    present = {*matching.columns, *matching.ambiguous}
    flaws += [
        Flaw(0, "column_missing", {"names": _names(aliases[group[0]])})
        for group in needed
        if not present.intersection(group)
    ]
    return matching.columns, flaws


def repeated(values: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str, int]]:
    """Find values that stand in an earlier row already: row, value, that earlier row.

    Empty values and letter case do not count.
    """
    first: dict[str, int] = {}
    for row, value in values:
        if value:
            earlier = first.setdefault(value.casefold(), row)
            if earlier != row:
                yield row, value, earlier


def _names(aliases: Sequence[str]) -> str:
    """Return the usual name of a column, and the usual English one beside it."""
    english = [alias for alias in aliases if alias.isascii()]
    return " / ".join(dict.fromkeys([aliases[0], *english[:1]]))
