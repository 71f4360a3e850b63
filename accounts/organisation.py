"""Today's departments by what they are called, and those that a sheet makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import Department
from accounts.queries import departments_by_path
from accounts.traces import trace_made

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from kitting.lib.rows import Cells

Way = tuple[str, ...]


@dataclass(frozen=True)
class Organisation:
    """Today's departments by their way, and by every lower end of it."""

    departments: Mapping[Way, int]
    tails: Mapping[Way, tuple[Way, ...]]
    names: Mapping[int, Way]

    def whole(self, way: Way) -> tuple[Way, ...]:
        """Return the departments a way of names can mean, each by its whole way."""
        if way in self.departments:
            return (way,)
        return self.tails.get(way, ())


def organisation(on: date) -> Organisation:
    """Load a day's departments (one query)."""
    departments = departments_by_path(on)
    tails: dict[Way, tuple[Way, ...]] = {}
    for way, pk in departments.items():
        for start in range(1, len(way)):
            so_far = tails.get(way[start:], ())
            # A former name and the name of today are one department.
            if all(departments[other] != pk for other in so_far):
                tails[way[start:]] = (*so_far, way)
    return Organisation(departments, tails, {pk: way for way, pk in departments.items()})


def read_way(cells: Cells, *names: str) -> Way:
    """Read the names of a department from the top down; one cell may hold several."""
    parts = (cells.text(name, most=80) for name in names)
    return tuple(word for part in parts for word in part.split())


def make_way(way: Way, ids: dict[Way, int], *, on: date, batch: str) -> int:
    """Return the department at the end of a way; those of it that are not in `ids` begin on a day."""
    for depth in range(1, len(way) + 1):
        if way[:depth] not in ids:
            made = Department(
                name=way[depth - 1], parent_id=ids.get(way[: depth - 1]), valid_from_on=on
            )
            made.save(force_insert=True)
            trace_made(batch=batch, rows=[made])
            ids[way[:depth]] = made.pk
    return ids[way]
