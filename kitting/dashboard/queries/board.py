"""The overview: every number comes from journeys, loans and tickets as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db.models import (
    CharField,
    Count,
    Exists,
    F,
    OuterRef,
    Q,
    Sum,
    Value,
)
from django.db.models.functions import Cast

from accounts.models import Department, User
from accounts.queries import calendar_book, local_day
from kitting.dashboard import rules
from kitting.dashboard.queries.helping import Helping, helping
from kitting.dashboard.queries.people import counted
from kitting.dashboard.queries.scope import NO_FILTERS, Filters, Scope, scope_key
from kitting.devices.models import Loan
from kitting.devices.states import LoanKind
from kitting.escalation.models import BESIDE_PEOPLE, Ticket
from kitting.escalation.states import TicketKind
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_lines
from kitting.guides.states import Milestone
from kitting.journeys.models import Journey
from kitting.journeys.queries import BESIDE, Wanted, tallies
from kitting.journeys.rules import PIECE, whole
from kitting.journeys.states import TallyKind
from kitting.lib.clock import is_working_day
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.queries import Rights
    from kitting.escalation.queries.desk import QueueRow
    from kitting.journeys.queries import TallyRow

DEPARTMENTS_FIRST = 12
LINE_DAYS = 10
APART_SECONDS = 600
SECONDS_A_MINUTE = 60


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
class StepRow:
    """One step on the board: who got that far, who is there now, how long it takes, who asked.

    `took` is active time in minutes; `help_share` how many in a hundred who reached it asked.
    """

    number: int
    key: str
    title: str
    reached: int
    here: int
    minutes: int
    share: float
    passed_share: float
    is_bottleneck: bool
    took: rules.Took | None = None
    asked: int = 0
    help_share: float = 0.0


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
    is_hidden: bool = False
    is_refused: bool = False

    @property
    def queue(self) -> list[QueueRow]:
        """Return the people who wait longest."""
        return self.help.queue

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


@dataclass(frozen=True)
class _Ground:
    """What the figures stand on, read once: names, waves, the calendar."""

    names: dict[int, tuple[str, int | None]]
    waves: dict[int, tuple[date, date]]
    rollout: Rollout | None
    past: tuple[int, ...]
    is_working: Callable[[date], bool]
    today: date


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
) -> Overview:
    """Return the board of what somebody may see: eight statements, whatever its size.

    Times are left out where the reader is not to see minutes. `waiting_limit` is how many people
    of the queue are shown (a few statements more); without any, nothing of help is asked.
    """
    today = local_day(now)
    ground = _ground(country, today)
    scope, refused = _allowed(Scope(rights, filters, ground.past))
    rows = tallies(
        _wanted(scope, today, sees_minutes=sees_minutes),
        cells=scope.cells,
        journeys=scope.journeys or None,
    )
    facts = _facts(scope, rows, now=now, on=today)
    people = _people(rows)
    by_bureau = by_bureau and not scope.is_outside
    groups = _groups(scope, people, ground, by_bureau=by_bureau)
    departments = _departments(groups, people, ground, by_bureau=by_bureau)
    everybody = _group(sorted(people), people, ground)
    counts = everybody.counts
    here = {row.key: row.number for row in rows if row.kind == TallyKind.STEP}
    steps = _steps(rows, facts, here=here, ready=counts.done, language=language)
    times = {int(row.key): row.number for row in rows if row.kind == TallyKind.TIME}
    curves = _curves(rows, everybody, ground)
    return Overview(
        now=now,
        filters=scope.filters,
        counts=counts,
        # Rounded department by department: the parts add up to the whole.
        planned=sum(row.planned for row in departments),
        shared_devices=_number(facts, "shared"),
        people_without_device=_number(facts, "without"),
        attention=_of_kind(rows, TallyKind.NOTICED),
        departments=departments,
        steps=steps,
        elsewhere=sum(here.values()) - sum(step.here for step in steps),
        reports=_number(facts, "beside") + _of_kind(rows, TallyKind.ASKING),
        overdue=_number(facts, "overdue"),
        rollout=ground.rollout,
        alone=_of_kind(rows, TallyKind.ALONE),
        time=rules.took(times),
        spent=_number(facts, TallyKind.MINUTES),
        help=helping(scope, now=now, language=language, limit=waiting_limit, country=country)
        if waiting_limit
        else Helping([], None, 0),
        is_outside=scope.is_outside,
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


# --- what the figures stand on --------------------------------------------------------------------


def _ground(country: str, today: date) -> _Ground:
    """Read names, plan and calendar (four statements)."""
    calendar = calendar_book(country=country).default
    rollout = Rollout.objects.filter(state=RolloutState.OPEN).first()
    waves: dict[int, tuple[date, date]] = {}
    past: list[int] = []
    for pk, starts, ends, rollout_id in Wave.objects.order_by("pk").values_list(
        "pk", "starts_at", "ends_on", "rollout_id"
    ):
        waves[pk] = (local_day(starts), ends)
        past += [pk] if rollout and rollout_id != rollout.pk else []
    return _Ground(
        names={
            pk: (name, parent)
            for pk, name, parent in Department.objects.values_list("pk", "name", "parent_id")
        },
        waves=waves,
        rollout=rollout,
        past=tuple(past),
        is_working=lambda day: is_working_day(calendar, day),
        today=today,
    )


class _Fact(NamedTuple):
    """One number that is no journey's: of tickets, devices or people, perhaps by step."""

    kind: str
    key: str
    number: int


def _facts(scope: Scope, rows: Iterable[TallyRow], *, now: datetime, on: date) -> list[_Fact]:
    """Count tickets, shared devices and people without one (one statement).

    Where counts are kept, questions and minutes of everybody are read from them, and devices and
    people are counted every ten minutes.
    """
    tickets = _tickets(scope)
    waiting = tickets.waiting()  # type: ignore[attr-defined]  # a TicketQuerySet
    arms = [
        _fact(waiting.filter(BESIDE_PEOPLE), "beside"),
        _fact(waiting.filter(answer_by__lt=now), "overdue"),
    ]
    kept = [_Fact(row.kind, row.key, row.number) for row in rows if row.kind in BESIDE]
    if not kept:
        helped = tickets.filter(kind=TicketKind.HELP, journey__isnull=False)
        spent = tickets.filter(minutes_spent__gt=0)
        arms += [
            _fact(helped, TallyKind.QUESTION, key=F("step_key")),
            _fact(spent, TallyKind.MINUTES, number=Sum("minutes_spent")),
        ]
    if not settings.BOARD_COUNTERS:
        return _asked(arms + _apart_arms(scope, on))
    # In a large city nobody counts all people each minute.
    key = f"board-apart:{scope_key(scope.rights, scope.filters)}:{on}"
    apart: list[_Fact] | None = cache.get(key)
    if apart is None:
        apart = _asked(_apart_arms(scope, on))
        cache.set(key, apart, APART_SECONDS)
    return [*kept, *apart, *_asked(arms)]


def _apart_arms(scope: Scope, on: date) -> list[QuerySet[Any]]:
    return [_fact(_shared(scope), "shared"), _fact(_without_device(scope, on=on), "without")]


def _asked(arms: Sequence[QuerySet[Any]]) -> list[_Fact]:
    first, *others = arms
    return [_Fact(*row) for row in first.union(*others, all=True)]


def _fact(
    rows: QuerySet[Any], kind: str, *, key: Any = None, number: Any = None
) -> QuerySet[Any]:
    named = rows.annotate(
        of_kind=Value(str(kind), CharField()),
        of_key=Cast(key if key is not None else Value(""), CharField()),
    )
    counted_rows: QuerySet[Any] = (
        named.values("of_kind", "of_key")
        .annotate(of_number=number or Count("pk"))
        .values_list("of_kind", "of_key", "of_number")
        .order_by()
    )
    return counted_rows


def _tickets(scope: Scope) -> QuerySet[Ticket]:
    found = Ticket.objects.all()
    if not (scope.rights.is_it or scope.is_outside):
        found = found.in_scope(scope.rights)
    if scope.current:
        found = found.exclude(journey__wave__in=scope.past)
    if scope.filters.is_any:
        narrowed = Journey.objects.filter(scope.filters.cells, scope.filters.journeys)
        found = found.filter(journey__in=narrowed)
    return found


def _shared(scope: Scope) -> QuerySet[Loan]:
    shared = Loan.objects.open().filter(scope.own, kind=LoanKind.SHARED)
    filters = scope.filters
    if filters.wave or filters.edition or filters.employment:
        return shared.none()
    if filters.model:
        shared = shared.filter(device__model_name=filters.model)
    return shared.filter(filters.cells)


def _without_device(scope: Scope, *, on: date) -> QuerySet[User]:
    people: QuerySet[User] = User.objects.present(on=on).filter(
        scope.own, staff_number__isnull=False
    )
    filters = scope.filters
    if filters.wave or filters.edition or filters.model:
        return people.none()
    if filters.employment:
        people = people.filter(employment=filters.employment)
    lent = Loan.objects.open().filter(person=OuterRef("pk"))
    return people.filter(filters.cells).filter(~Exists(lent))


# --- groups ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Group:
    """Some departments together: their people by state, their plan, their last ten days."""

    departments: tuple[int, ...]
    counts: rules.Counts
    waves: tuple[rules.PlannedWave, ...]
    days: Mapping[date, int]
    noticed: int


def _people(rows: Iterable[TallyRow]) -> dict[int, list[TallyRow]]:
    """Return the rows that name a department, by department."""
    found: dict[int, list[TallyRow]] = {}
    for row in rows:
        if row.department_id is not None:
            found.setdefault(row.department_id, []).append(row)
    return found


def _group(
    departments: Sequence[int], people: Mapping[int, list[TallyRow]], ground: _Ground
) -> _Group:
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
    return _Group(
        departments=tuple(departments),
        counts=counted(states),
        waves=tuple(
            rules.PlannedWave(number, *ground.waves[wave])
            for wave, number in sorted(of_wave.items(), key=lambda one: one[0] or 0)
            if wave in ground.waves
        ),
        days=days,
        noticed=sum(_of_kind(people.get(pk, ()), TallyKind.NOTICED) for pk in departments),
    )


def _of_kind(rows: Iterable[TallyRow], kind: TallyKind) -> int:
    return sum(row.number for row in rows if row.kind == kind)


def _allowed(scope: Scope) -> tuple[Scope, bool]:
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
    above = dict(Department.objects.values_list("pk", "parent_id"))
    shown = blocks_shown(above, current=scope.current)
    if not rules.may_show(bureau, shown, above):
        return replace(scope, filters=NO_FILTERS), True
    return scope, False


def blocks_shown(above: Mapping[int, int | None], *, current: Q) -> list[tuple[int, ...]]:
    """Return which departments whoever sees numbers only sees together (one statement)."""
    rows = tallies([Wanted(TallyKind.STATUS, by=("department",))], cells=current or None)
    return rules.blocks(_sizes(_people(rows)), above)


def _sizes(people: Mapping[int, Sequence[TallyRow]]) -> dict[int, int]:
    return {
        pk: sum(row.number for row in rows if row.kind == TallyKind.STATUS)
        for pk, rows in people.items()
    }


def _groups(
    scope: Scope, people: Mapping[int, list[TallyRow]], ground: _Ground, *, by_bureau: bool
) -> list[tuple[int, ...]]:
    """Return which departments are shown together."""
    above = {pk: parent for pk, (_name, parent) in ground.names.items()}
    if scope.is_outside:
        return rules.blocks(_sizes(people), above)
    if not by_bureau:
        return [(pk,) for pk in sorted(people)]
    found: dict[int, list[int]] = {}
    for pk in sorted(people):
        found.setdefault(above.get(pk) or pk, []).append(pk)
    # A bureau stands first among its own: the row is named after it.
    return [tuple(below) for _bureau, below in sorted(found.items())]


def _departments(
    groups: Sequence[tuple[int, ...]],
    people: Mapping[int, list[TallyRow]],
    ground: _Ground,
    *,
    by_bureau: bool = False,
) -> list[DepartmentRow]:
    made = [
        _department(_group(pks, people, ground), ground, by_bureau=by_bureau) for pks in groups
    ]
    # Who is not to begin yet comes last: nobody there is behind.
    return sorted(made, key=lambda d: (d.is_later, d.gap, -d.counts.waiting, d.pk))


def _department(group: _Group, ground: _Ground, *, by_bureau: bool) -> DepartmentRow:
    first = group.departments[0]
    name, parent = ground.names[first]
    pk = (parent or first) if by_bureau else first
    days = [ground.today - timedelta(days=back) for back in reversed(range(LINE_DAYS))]
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
        planned=rules.planned(group.waves, ground.today),
        attention=group.noticed,
        line=tuple(line),
        is_bureau=by_bureau,
        together=len(group.departments),
    )


def _number(facts: Iterable[_Fact], kind: str) -> int:
    return sum(fact.number or 0 for fact in facts if fact.kind == kind)


# --- steps ----------------------------------------------------------------------------------------


def _steps(
    rows: Iterable[TallyRow],
    facts: Iterable[_Fact],
    *,
    here: Mapping[str, int],
    ready: int,
    language: str,
) -> list[StepRow]:
    edition = published_edition()
    if edition is None:
        return []
    lines = [x for x in step_lines(edition.pk, language) if x.milestone == Milestone.READY]
    times = times_by_step(rows)
    asked = {fact.key: fact.number for fact in facts if fact.kind == TallyKind.QUESTION}
    usual = {line.key: times.get(line.key) for line in lines}
    hot = rules.bottleneck(
        [
            (line.key, here.get(line.key, 0), took.median if took else line.minutes)
            for line in lines
            for took in [usual[line.key]]
        ]
    )
    begun = passed = ready + sum(here.get(line.key, 0) for line in lines)
    made = []
    for number, line in enumerate(lines, 1):
        now_here = here.get(line.key, 0)
        made.append(
            StepRow(
                number=number,
                key=line.key,
                title=line.title,
                reached=passed,
                here=now_here,
                minutes=line.minutes,
                share=rules.share(passed, begun),
                passed_share=rules.share(passed - now_here, begun),
                is_bottleneck=line.key == hot,
                took=usual[line.key],
                asked=asked.get(line.key, 0),
                help_share=rules.share(asked.get(line.key, 0), passed),
            )
        )
        passed -= now_here
    return made


def times_by_step(rows: Iterable[TallyRow]) -> dict[str, rules.Took | None]:
    """Return how many minutes each step takes, from what was counted in pieces of ten seconds."""
    times: dict[str, dict[int, int]] = {}
    for row in rows:
        if row.kind == TallyKind.TOOK:
            key, _colon, pieces = row.key.rpartition(":")
            of_step = times.setdefault(key, {})
            of_step[int(pieces)] = of_step.get(int(pieces), 0) + row.number
    return {key: times_in_minutes(of_step) for key, of_step in times.items()}


def times_in_minutes(pieces_taken: Mapping[int, int]) -> rules.Took | None:
    """Return minutes from times counted in pieces of ten seconds."""
    took = rules.took(pieces_taken)
    if took is None:
        return None
    median, most = (
        max(1, whole(pieces * PIECE, SECONDS_A_MINUTE)) for pieces in (took.median, took.most)
    )
    return rules.Took(took.number, median, most)


# --- the plan -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Curves:
    """What is and what was planned, day by day, and what follows from how fast it goes."""

    actual: list[tuple[date, int]]
    plan: list[tuple[date, int]]
    ahead: int
    pace: rules.Pace | None
    needed: float | None
    forecast: rules.Forecast | None


def _curves(rows: Iterable[TallyRow], everybody: _Group, ground: _Ground) -> _Curves:
    per_day: dict[date, int] = {}
    for row in rows:
        if row.kind == TallyKind.DAY and row.department_id is None:
            day = date.fromisoformat(row.key)
            per_day[day] = per_day.get(day, 0) + row.number
    today, rollout = ground.today, ground.rollout
    first = min([*per_day, rollout.starts_on if rollout else today, today])
    last = max(today, rollout.deadline_on) if rollout else today
    actual = rules.cumulative(per_day, first=first, last=today)
    plan = [
        (day, rules.planned(everybody.waves, day))
        for day, _zero in rules.cumulative({}, first=first, last=last)
    ]
    if rollout is None:
        return _Curves(actual, plan, 0, None, None, None)
    begun = [day for day, _n in actual[:-1] if ground.is_working(day)]
    coming = _coming(ground, last)
    done = everybody.counts.done
    remaining = everybody.counts.total - done
    before = {day: number for day, number in per_day.items() if day < today}
    speed = rules.pace(rules.by_working_day(before, begun))
    return _Curves(
        actual=actual,
        plan=plan,
        ahead=rules.days_ahead(
            done, plan, today, [day for day, _n in plan if ground.is_working(day)]
        ),
        pace=speed,
        needed=rules.needed_pace(remaining, coming, rollout.deadline_on),
        forecast=rules.forecast(remaining, speed, coming) if speed else None,
    )


def _coming(ground: _Ground, last: date) -> list[date]:
    """Return the working days after today, a while past the last day that matters."""
    until = last + timedelta(days=rules.FURTHEST_DAYS)
    day, found = ground.today, []
    while day < until:
        day += timedelta(days=1)
        if ground.is_working(day):
            found.append(day)
    return found
