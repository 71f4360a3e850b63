"""The plan with its people: what each wave needs and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from accounts.models import Department, User
from accounts.queries import local_day
from accounts.states import IT_ROLES, Role
from kitting.escalation.queries.ladder import organisation_book
from kitting.journeys.models import Journey
from kitting.lib import clock
from kitting.plan.queries.members import Pair, pairs_by_wave, people_of
from kitting.plan.queries.seen import StuckSeen, help_seen, pilot_seen, stuck_by_wave
from kitting.rollout import rules as rollouts
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.queries import wave_book
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from accounts.queries import CalendarBook
    from kitting.rollout.queries import WaveBook


@dataclass(frozen=True)
class Numbers:
    """How many people of a wave there are, have begun, are ready."""

    people: int = 0
    begun: int = 0
    ready: int = 0
    waiting: int = 0

    @property
    def not_begun(self) -> int:
        """Return who has not begun."""
        return self.people - self.begun

    @property
    def going(self) -> int:
        """Return who is under way and does not wait for anybody."""
        return max(0, self.begun - self.ready - self.waiting)


@dataclass(frozen=True)
class WaveRow:
    """One wave of the plan."""

    wave: Wave
    departments: list[str]
    places: list[str]
    numbers: Numbers
    stuck: int
    is_over: bool
    findings: list[rollouts.Finding] = field(default_factory=list)


@dataclass(frozen=True)
class PlanPage:
    """A rollout with everything its page shows."""

    rollout: Rollout
    rows: list[WaveRow]
    numbers: Numbers
    nowhere: int
    seen: rollouts.HelpSeen
    pilot: rollouts.PilotSeen | None
    criteria: list[rollouts.Criterion]
    names: Mapping[int, str]

    @property
    def all_met(self) -> bool:
        """Tell whether the pilot meets everything that was asked of it."""
        return bool(self.criteria) and all(one.met for one in self.criteria)


def rollouts_listed() -> list[Rollout]:
    """Return all rollouts: the open one, planned ones, then what is over, newest first."""
    order = {state: n for n, state in enumerate(("open", "planned", "closed", "archived"))}
    rows = Rollout.objects.order_by("-starts_on", "-pk")
    return sorted(rows, key=lambda rollout: order[rollout.state])


def plan_page(rollout: Rollout, *, now: datetime) -> PlanPage:
    """Return a rollout with its waves and what is wrong with them; a fixed number of queries."""
    book, calendars = wave_book(rollout), organisation_book()
    pairs, outside = pairs_by_wave(book)
    numbers = _numbers(rollout, pairs)
    seen = help_seen(_experience(rollout, book))
    stuck = stuck_by_wave(book.waves)
    today = local_day(now)
    found = rollouts.findings(
        [
            _planned(wave, reach, numbers.get(wave.pk, Numbers()), calendars)
            for wave, reach in zip(book.waves.values(), book.reaches, strict=True)
        ]
        if rollout.is_changeable
        else [],
        _frame(rollout, calendars, today),
        seen,
    )
    pilot = pilot_seen([wave.pk for wave in book.waves.values() if wave.is_pilot])
    return PlanPage(
        rollout=rollout,
        rows=[
            WaveRow(
                wave=wave,
                departments=[str(one) for one in wave.departments.all()],
                places=[str(one) for one in wave.places.all()],
                numbers=numbers.get(wave.pk, Numbers()),
                stuck=stuck.get(wave.pk, StuckSeen()).stuck,
                is_over=wave.ends_on < today,
                findings=[one for one in found if one.wave_id == wave.pk],
            )
            for wave in book.waves.values()
        ],
        numbers=_sum(numbers.values()),
        nowhere=people_of(outside) if rollout.is_changeable else 0,
        seen=seen,
        pilot=pilot,
        criteria=_criteria(rollout, pilot) if pilot else [],
        names=dict(Department.objects.values_list("pk", "name")),
    )


def _experience(rollout: Rollout, book: WaveBook) -> list[int]:
    """Return the waves whose people say how much help is needed: of what runs, else of what was before."""
    if rollout.state != RolloutState.PLANNED:
        return list(book.waves)
    before = Wave.objects.filter(
        Q(rollout=rollout.follows_id) | Q(rollout__state=RolloutState.OPEN)
    )
    return list(before.values_list("pk", flat=True))


def _numbers(rollout: Rollout, pairs: Mapping[int, list[Pair]]) -> dict[int, Numbers]:
    """Return how many people each wave has: by their journeys, before it opens by their loans."""
    if rollout.state == RolloutState.PLANNED:
        return {wave_id: Numbers(people=people_of(own)) for wave_id, own in pairs.items()}
    rows = (
        Journey.objects.open()
        .filter(wave__rollout=rollout)
        .values("wave")
        .annotate(
            people=Count("pk"),
            begun=Count("pk", filter=Q(begun_at__isnull=False)),
            ready=Count("pk", filter=Q(ready_at__isnull=False)),
            waiting=Count("pk", filter=Q(status="waiting")),
        )
        .order_by()
    )
    return {
        row["wave"]: Numbers(row["people"], row["begun"], row["ready"], row["waiting"])
        for row in rows
    }


def _sum(numbers: Iterable[Numbers]) -> Numbers:
    rows = list(numbers)
    return Numbers(
        people=sum(one.people for one in rows),
        begun=sum(one.begun for one in rows),
        ready=sum(one.ready for one in rows),
        waiting=sum(one.waiting for one in rows),
    )


def _planned(
    wave: Wave, reach: rollouts.Reach, numbers: Numbers, calendars: CalendarBook
) -> rollouts.PlannedWave:
    return rollouts.PlannedWave(
        reach=reach,
        name=wave.name,
        starts_on=local_day(wave.starts_at),
        ends_on=wave.ends_on,
        opens=clock.is_open(calendars.default, wave.starts_at),
        to_begin=numbers.not_begun,
        people=numbers.people,
        has_helper=wave.helper_id is not None,
        is_pilot=wave.is_pilot,
    )


def _frame(rollout: Rollout, calendars: CalendarBook, today: date) -> rollouts.Frame:
    return rollouts.Frame(
        starts_on=rollout.starts_on,
        deadline_on=rollout.deadline_on,
        starts_a_day=rollout.starts_a_day,
        help_minutes_a_day=rollout.help_minutes_a_day,
        verdict=rollout.verdict,
        calendar=calendars.default,
        today=today,
    )


def _criteria(rollout: Rollout, pilot: rollouts.PilotSeen) -> list[rollouts.Criterion]:
    return rollouts.criteria(
        ready=rollout.pilot_ready_percent,
        minutes=rollout.pilot_active_minutes,
        help_percent=rollout.pilot_help_percent,
        seen=pilot,
    )


def helpers(*, on: date) -> list[User]:
    """Return who may be named as the one who helps: IT and leads of today."""
    people = User.objects.with_role(*IT_ROLES, Role.LEAD, Role.DESK, on=on)
    return list(people.order_by("kana", "pk"))


@dataclass(frozen=True)
class Branch:
    """A bureau with what lies under it, to choose from."""

    name: str
    departments: list[tuple[int, str]]
    is_open: bool = False


def departments_to_choose(*, on: date, chosen: Collection[int] = ()) -> list[Branch]:
    """Return today's departments, bureau by bureau, each bureau itself on top; open where chosen."""
    rows = {
        d.pk: d
        for d in Department.objects.filter(
            Q(valid_to_on__isnull=True) | Q(valid_to_on__gte=on)
        ).order_by("pk")
    }
    found: dict[int, list[tuple[int, str]]] = {
        pk: [(pk, d.name)] for pk, d in rows.items() if d.parent_id not in rows
    }
    for pk, department in rows.items():
        top = department
        while top.parent_id in rows:
            top = rows[top.parent_id]
        if top.pk != pk:
            found[top.pk].append((pk, department.name))
    return [
        Branch(rows[pk].name, own, is_open=any(key in chosen for key, _name in own))
        for pk, own in found.items()
    ]
