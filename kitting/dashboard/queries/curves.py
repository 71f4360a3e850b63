"""What is ready and what was planned, day by day, and when everybody will be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kitting.dashboard import rules
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kitting.dashboard.queries.ground import Ground
    from kitting.dashboard.queries.groups import Group
    from kitting.journeys.queries import TallyRow


@dataclass(frozen=True)
class Curves:
    """What is and what was planned, day by day, and what follows from how fast it goes."""

    actual: list[tuple[date, int]]
    plan: list[tuple[date, int]]
    ahead: int
    pace: rules.Pace | None
    needed: float | None
    forecast: rules.Forecast | None


def curves_of(
    rows: Iterable[TallyRow], everybody: Group, ground: Ground, *, today: date
) -> Curves:
    """Return the burn-up, the pace and the forecast."""
    per_day: dict[date, int] = {}
    for row in rows:
        if row.kind == TallyKind.DAY and row.department_id is None:
            day = date.fromisoformat(row.key)
            per_day[day] = per_day.get(day, 0) + row.number
    rollout = ground.rollout
    first = min([*per_day, rollout.starts_on if rollout else today, today])
    last = max(today, rollout.deadline_on) if rollout else today
    actual = rules.cumulative(per_day, first=first, last=today)
    plan = [
        (day, rules.planned(everybody.waves, day))
        for day, _zero in rules.cumulative({}, first=first, last=last)
    ]
    if rollout is None:
        return Curves(actual, plan, 0, None, None, None)
    begun = [day for day, _n in actual[:-1] if ground.is_working(day)]
    coming = _coming(ground, today, last)
    done = everybody.counts.done
    remaining = everybody.counts.total - done
    before = {day: number for day, number in per_day.items() if day < today}
    speed = rules.pace(rules.by_working_day(before, begun))
    return Curves(
        actual=actual,
        plan=plan,
        ahead=rules.days_ahead(
            done, plan, today, [day for day, _n in plan if ground.is_working(day)]
        ),
        pace=speed,
        needed=rules.needed_pace(remaining, coming, rollout.deadline_on),
        forecast=rules.forecast(remaining, speed, coming) if speed else None,
    )


def _coming(ground: Ground, today: date, last: date) -> list[date]:
    """Return the working days after today, a while past the last day that matters."""
    until = last + timedelta(days=rules.FURTHEST_DAYS)
    day, found = today, []
    while day < until:
        day += timedelta(days=1)
        if ground.is_working(day):
            found.append(day)
    return found
