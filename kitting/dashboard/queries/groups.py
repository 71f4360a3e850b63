"""Which departments the board shows together, and each with its people, its plan, its last ten days."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kitting.dashboard import rules
from kitting.dashboard.queries.people import counted
from kitting.dashboard.queries.scope import NO_FILTERS, Filters, Scope
from kitting.journeys.queries import Wanted, tallies
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Q

    from kitting.dashboard.queries.ground import Ground
    from kitting.journeys.queries import TallyRow

LINE_DAYS = 10


@dataclass(frozen=True)
class DepartmentRow:
    """One department (or bureau, or several small ones together) on the board.

    `line` is how many people were ready at the end of each of the last ten days.
    """

    pk: int
    name: str
    bureau: str
    counts: rules.Counts
    planned: int
    attention: int
    line: tuple[int, ...] = ()
    is_bureau: bool = False
    together: int = 1

    @property
    def gap(self) -> int:
        """Return how many people more (or fewer) than planned are ready."""
        return self.counts.done - self.planned

    @property
    def is_later(self) -> bool:
        """Tell whether the plan expects nobody yet and nobody has begun."""
        return self.planned == 0 and self.counts.not_started == self.counts.total

    @property
    def spark(self) -> tuple[str, str]:
        """Return the small line as the points of a drawing 88 by 24, and its last point."""
        return rules.spark(self.line, whole=self.counts.total)


@dataclass(frozen=True)
class Group:
    """Some departments together: their people by state, their plan, their last ten days."""

    departments: tuple[int, ...]
    counts: rules.Counts
    waves: tuple[rules.PlannedWave, ...]
    days: Mapping[date, int]
    noticed: int


def by_department(rows: Iterable[TallyRow]) -> dict[int, list[TallyRow]]:
    """Return the rows that name a department, by department."""
    found: dict[int, list[TallyRow]] = {}
    for row in rows:
        if row.department_id is not None:
            found.setdefault(row.department_id, []).append(row)
    return found


def group_of(
    departments: Sequence[int], people: Mapping[int, list[TallyRow]], ground: Ground
) -> Group:
    """Return some departments added up."""
    states: dict[str, int] = {}
    of_wave: dict[int | None, int] = {}
    days: dict[date, int] = {}
    for row in (row for pk in departments for row in people.get(pk, ())):
        if row.kind == TallyKind.STATUS:
            states[row.key] = states.get(row.key, 0) + row.number
            of_wave[row.wave_id] = of_wave.get(row.wave_id, 0) + row.number
        elif row.kind == TallyKind.DAY:
            day = date.fromisoformat(row.key)
            days[day] = days.get(day, 0) + row.number
    return Group(
        departments=tuple(departments),
        counts=counted(states),
        waves=tuple(
            rules.PlannedWave(number, *ground.waves[wave])
            for wave, number in sorted(of_wave.items(), key=lambda one: one[0] or 0)
            if wave in ground.waves
        ),
        days=days,
        noticed=sum(of_kind(people.get(pk, ()), TallyKind.NOTICED) for pk in departments),
    )


def of_kind(rows: Iterable[TallyRow], kind: TallyKind) -> int:
    """Return how many journeys count under a kind."""
    return sum(row.number for row in rows if row.kind == kind)


def allowed(scope: Scope, above: Mapping[int, int | None]) -> tuple[Scope, bool]:
    """Return what somebody may narrow by: from outside only by a bureau that hides nobody small.

    A group that is shown must be a sum of the groups that are shown without it; else what is left
    over could be worked out.
    """
    if not (scope.is_outside and scope.filters.is_any):
        return scope, False
    bureau = scope.filters.bureau
    only = Filters(bureau=bureau)
    if bureau is None or only != scope.filters:
        return replace(scope, filters=NO_FILTERS), True
    shown = blocks_shown(above, current=scope.current)
    if not rules.may_show(bureau, shown, above):
        return replace(scope, filters=NO_FILTERS), True
    return scope, False


def blocks_shown(above: Mapping[int, int | None], *, current: Q) -> list[tuple[int, ...]]:
    """Return which departments whoever sees numbers only sees together (one statement)."""
    rows = tallies([Wanted(TallyKind.STATUS, by=("department",))], cells=current or None)
    return rules.blocks(_sizes(by_department(rows)), above)


def _sizes(people: Mapping[int, Sequence[TallyRow]]) -> dict[int, int]:
    return {
        pk: sum(row.number for row in rows if row.kind == TallyKind.STATUS)
        for pk, rows in people.items()
    }


def groups_shown(
    scope: Scope,
    people: Mapping[int, list[TallyRow]],
    above: Mapping[int, int | None],
    *,
    by_bureau: bool,
) -> list[tuple[int, ...]]:
    """Return which departments are shown together."""
    if scope.is_outside:
        return rules.blocks(_sizes(people), above)
    if not by_bureau:
        return [(pk,) for pk in sorted(people)]
    found: dict[int, list[int]] = {}
    for pk in sorted(people):
        found.setdefault(above.get(pk) or pk, []).append(pk)
    # A bureau stands first among its own: the row is named after it.
    return [tuple(below) for _bureau, below in sorted(found.items())]


def department_rows(
    groups: Sequence[tuple[int, ...]],
    people: Mapping[int, list[TallyRow]],
    ground: Ground,
    *,
    today: date,
    by_bureau: bool = False,
) -> list[DepartmentRow]:
    """Return a row for each group, furthest behind its plan first."""
    made = [
        _department(group_of(pks, people, ground), ground, today=today, by_bureau=by_bureau)
        for pks in groups
    ]
    # Who is not to begin yet comes last: nobody there is behind.
    return sorted(made, key=lambda d: (d.is_later, d.gap, -d.counts.waiting, d.pk))


def _department(group: Group, ground: Ground, *, today: date, by_bureau: bool) -> DepartmentRow:
    first = group.departments[0]
    name, parent = ground.names[first]
    pk = (parent or first) if by_bureau else first
    days = [today - timedelta(days=back) for back in reversed(range(LINE_DAYS))]
    before = group.counts.done - sum(group.days.get(day, 0) for day in days)
    line = []
    for day in days:
        before += group.days.get(day, 0)
        line.append(before)
    return DepartmentRow(
        pk=pk,
        name=ground.names[pk][0] if by_bureau else name,
        bureau=ground.names[parent][0] if parent and not by_bureau else "",
        counts=group.counts,
        planned=rules.planned(group.waves, today),
        attention=group.noticed,
        line=tuple(line),
        is_bureau=by_bureau,
        together=len(group.departments),
    )
