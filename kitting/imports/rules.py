"""Decisions about imports: how a set of headers is known again, what counts as done, what is undone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# A file nobody confirmed is thrown away after so long; what an import did can be taken back so long.
FILE_KEPT = timedelta(hours=24)
UNDO_KEPT = timedelta(days=14)
FILE_BYTES_MOST = 20 * 2**20
# A body of a form with such a file; whoever sends more is not listened to.
BODY_BYTES_MOST = FILE_BYTES_MOST + 2**20
FLAWS_KEPT = 5_000
FLAWS_SHOWN = 50
NAMES_SHOWN = 20
READ_SHARE = 70  # percent of the work that is reading


@dataclass(frozen=True)
class ColumnsWrongError(Exception):
    """A choice of columns cannot be: `missing` fields have none, `twice` are columns of two."""

    missing: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


def header_key(headers: Sequence[str]) -> str:
    """Return what a set of headers is known again by, whatever their order."""
    return hashlib.sha256("\n".join(sorted(headers)).encode()).hexdigest()


def checked_columns(
    choice: Mapping[str, str], headers: Sequence[str], needed: Sequence[Sequence[str]]
) -> dict[str, str]:
    """Return a choice (header to field) as field to header. Raises `ColumnsWrongError`."""
    columns: dict[str, str] = {}
    twice = []
    for header in headers:
        name = choice.get(header, "")
        if name and name in columns:
            twice.append(name)
        elif name:
            columns[name] = header
    missing = tuple(group[0] for group in needed if not columns.keys() & set(group))
    if missing or twice:
        raise ColumnsWrongError(missing, tuple(twice))
    return columns


def share_read(row: int, lines: int) -> int:
    """Return how far reading is, in percent of the whole work."""
    return min(READ_SHARE, READ_SHARE * row // max(lines, row, 1))
