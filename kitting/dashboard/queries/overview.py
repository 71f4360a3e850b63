"""The overview: every number comes from journeys, loans and tickets as they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from accounts.queries import local_day
from kitting.dashboard import rules
from kitting.dashboard.queries.curves import curves_of
from kitting.dashboard.queries.facts import facts_of, number_of
from kitting.dashboard.queries.ground import ground_for
from kitting.dashboard.queries.groups import (
    LINE_DAYS,
    allowed,
    by_department,
    department_rows,
    group_of,
    groups_shown,
    of_kind,
)
from kitting.dashboard.queries.helping import Helping, helping
from kitting.dashboard.queries.scope import NO_FILTERS, Filters, Scope
from kitting.dashboard.queries.steps import step_rows
from kitting.journeys.queries import BESIDE, Wanted, tallies
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.queries import Rights
    from kitting.dashboard.queries.ground import Changes
    from kitting.dashboard.queries.groups import DepartmentRow
    from kitting.dashboard.queries.steps import StepRow
    from kitting.escalation.queries.desk import QueueRow
    from kitting.rollout.models import Rollout

DEPARTMENTS_FIRST = 12


@dataclass(frozen=True)
class Overview:
    """Everything the overview shows, agreeing with itself.

    `elsewhere` are people under way who stand on no step shown: they asked before they began, or
    walk an older guide. `reports` is what else waits for an answer, about boxes or from people who
    are ready. `time` is active minutes until ready. `spent` are minutes IT wrote down for help.
    `is_hidden` says that there are too few people to be shown to this reader.
    """

    now: datetime
    filters: Filters
    counts: rules.Counts
    planned: int
    ahead: int
    shared_devices: int
    people_without_device: int
    attention: int
    departments: list[DepartmentRow]
    steps: list[StepRow]
    elsewhere: int
    reports: int
    overdue: int
    curve: list[tuple[date, int]]
    plan_curve: list[tuple[date, int]]
    rollout: Rollout | None
    alone: int
    time: rules.Took | None
    pace: rules.Pace | None
    needed: float | None
    forecast: rules.Forecast | None
    spent: int
    help: Helping
    is_outside: bool = False
    is_narrowed: bool = False
    is_hidden: bool = False
    is_refused: bool = False

    @property
    def queue(self) -> list[QueueRow]:
        """Return the people who wait longest."""
        return self.help.queue

    @property
    def asking(self) -> int | None:
        """Return how many questions wait in the reader's scope; nothing where it is narrowed."""
        return None if self.is_narrowed else self.counts.waiting + self.reports

    @property
    def gap(self) -> int:
        """Return how many people more (or fewer) than planned are ready."""
        return self.counts.done - self.planned

    @property
    def finished_alone(self) -> float:
        """Return how many in a hundred of those who are ready never asked for help."""
        return rules.share(self.alone, self.counts.done)

    @property
    def helped(self) -> int:
        """Return how many of those who are ready asked for help at least once."""
        return self.counts.done - self.alone

    @property
    def spent_a_device(self) -> float | None:
        """Return IT's minutes of help for each device that is ready."""
        return round(self.spent / self.counts.done, 1) if self.counts.done else None

    @property
    def needed_a_day(self) -> float | None:
        """Return the pace needed with one decimal, never less than is needed."""
        return None if self.needed is None else rules.rounded_up(self.needed)

    @property
    def is_fast_enough(self) -> bool:
        """Tell whether the pace suffices for the deadline."""
        if self.pace is None or self.needed is None:
            return self.counts.done >= self.counts.total
        return self.pace.mean >= self.needed

    @property
    def first_departments(self) -> list[DepartmentRow]:
        """Return the departments that need support first."""
        return self.departments[:DEPARTMENTS_FIRST]

    @property
    def other_departments(self) -> list[DepartmentRow]:
        """Return all others, folded away."""
        return self.departments[DEPARTMENTS_FIRST:]

    @property
    def bottleneck(self) -> StepRow | None:
        """Return the one step that holds up most of people's time."""
        return next((step for step in self.steps if step.is_bottleneck), None)

    @property
    def compared(self) -> list[tuple[date, int | None, int | None]]:
        """Return the burn-up as a table: each day with who was ready and who was to be."""
        actual, plan = dict(self.curve), dict(self.plan_curve)
        return [(day, actual.get(day), plan.get(day)) for day in sorted({*actual, *plan})]


def overview(  # noqa: PLR0913  # who reads, and what was asked for: each named by its caller
    *,
    rights: Rights,
    now: datetime,
    language: str,
    filters: Filters = NO_FILTERS,
    by_bureau: bool = False,
    sees_minutes: bool = True,
    country: str = "JP",
    waiting_limit: int = 6,
    changes: Changes | None = None,
) -> Overview:
    """Return the board of what somebody may see: eight statements, whatever its size.

    Times are left out where the reader is not to see minutes. `waiting_limit` is how many people
    of the queue are shown (four statements more); without any, nothing of help is asked. Where the
    caller knows what happened last (`changes`), three are left once the names are kept, four where
    counts are not.
    """
    today = local_day(now)
    ground = ground_for(
        country=country, language=language, has_help=waiting_limit > 0, changes=changes
    )
    scope, refused = allowed(Scope(rights, filters, ground.past), ground.above)
    rows = tallies(
        _wanted(scope, today, sees_minutes=sees_minutes),
        cells=scope.cells,
        journeys=scope.journeys or None,
    )
    facts = facts_of(scope, rows, now=now, on=today)
    people = by_department(rows)
    by_bureau = by_bureau and not scope.is_outside
    groups = groups_shown(scope, people, ground.above, by_bureau=by_bureau)
    departments = department_rows(groups, people, ground, today=today, by_bureau=by_bureau)
    everybody = group_of(sorted(people), people, ground)
    counts = everybody.counts
    here = {row.key: row.number for row in rows if row.kind == TallyKind.STEP}
    steps = step_rows(rows, facts, lines=ground.lines, here=here, ready=counts.done)
    times = {int(row.key): row.number for row in rows if row.kind == TallyKind.TIME}
    is_narrowed = scope.filters.is_any or bool(scope.current)
    curves = curves_of(rows, everybody, ground, today=today)
    return Overview(
        now=now,
        filters=scope.filters,
        counts=counts,
        # Rounded department by department: the parts add up to the whole.
        planned=sum(row.planned for row in departments),
        shared_devices=number_of(facts, "shared"),
        people_without_device=number_of(facts, "without"),
        attention=of_kind(rows, TallyKind.NOTICED),
        departments=departments,
        steps=steps,
        elsewhere=sum(here.values()) - sum(step.here for step in steps),
        reports=number_of(facts, "beside") + of_kind(rows, TallyKind.ASKING),
        overdue=number_of(facts, "overdue"),
        rollout=ground.rollout,
        alone=of_kind(rows, TallyKind.ALONE),
        time=rules.took(times),
        spent=number_of(facts, TallyKind.MINUTES),
        help=helping(
            scope,
            ground,
            now=now,
            language=language,
            limit=waiting_limit,
            nobody_waits=not (is_narrowed or counts.waiting),
        ),
        is_outside=scope.is_outside,
        is_narrowed=is_narrowed,
        is_hidden=scope.is_outside and not groups,
        is_refused=refused,
        curve=curves.actual,
        plan_curve=curves.plan,
        ahead=curves.ahead,
        pace=curves.pace,
        needed=curves.needed,
        forecast=curves.forecast,
    )


def _wanted(scope: Scope, today: date, *, sees_minutes: bool) -> list[Wanted]:
    since = f"{today - timedelta(days=LINE_DAYS - 1):%Y-%m-%d}"
    wanted = [
        Wanted(TallyKind.STATUS, by=("department", "wave")),
        Wanted(TallyKind.STEP),
        Wanted(TallyKind.DAY),
        Wanted(TallyKind.DAY, by=("department",), since=since),
        Wanted(TallyKind.ALONE),
        Wanted(TallyKind.NOTICED, by=("department",)),
        Wanted(TallyKind.ASKING),
    ]
    if scope.is_whole:
        wanted += [Wanted(kind) for kind in BESIDE]
    if sees_minutes or scope.is_outside or scope.rights.is_it:
        everywhere = scope.rights.is_it or scope.is_outside
        wanted += [Wanted(TallyKind.TIME), Wanted(TallyKind.TOOK, everywhere=everywhere)]
    return wanted
