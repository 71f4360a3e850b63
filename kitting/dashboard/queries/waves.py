"""The waves with their numbers, for programs that read the board."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.models import Department
from accounts.queries import local_day
from kitting.dashboard import rules
from kitting.dashboard.queries.people import counted
from kitting.dashboard.queries.scope import Scope, past_waves
from kitting.journeys.queries import Wanted, tallies
from kitting.journeys.states import TallyKind
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from datetime import date, datetime

    from accounts.queries import Rights


@dataclass(frozen=True)
class WaveRow:
    """One wave: its days, and its people by state; None where others could be worked out from them."""

    wave: Wave
    starts_on: date
    counts: rules.Counts | None
    planned: int | None


def wave_rows(rights: Rights, *, now: datetime) -> list[WaveRow]:
    """Return every wave in the order of their days (two statements; two more for numbers only).

    Whoever sees numbers only is told of the open rollout, as on the board.
    """
    scope = Scope(rights)
    past = past_waves() if scope.is_outside else ()
    rows = [
        row
        for row in tallies(
            [Wanted(TallyKind.STATUS, by=("department", "wave"))], cells=scope.own or None
        )
        if row.wave_id not in past
    ]
    states: dict[int | None, dict[str, int]] = {}
    sizes: dict[tuple[int, int | None], int] = {}
    for row in rows:
        of_wave = states.setdefault(row.wave_id, {})
        of_wave[row.key] = of_wave.get(row.key, 0) + row.number
        cell = (row.department_id or 0, row.wave_id)
        sizes[cell] = sizes.get(cell, 0) + row.number
    hidden = _hidden(sizes) | {*past} if scope.is_outside else frozenset()
    today = local_day(now)
    return [
        _row(wave, None if wave.pk in hidden else counted(states.get(wave.pk, {})), today)
        for wave in Wave.objects.select_related("rollout").order_by("starts_at", "pk")
    ]


def _row(wave: Wave, counts: rules.Counts | None, today: date) -> WaveRow:
    starts_on = local_day(wave.starts_at)
    planned = None
    if counts is not None:
        waves = [rules.PlannedWave(counts.total, starts_on, wave.ends_on)]
        planned = rules.planned(waves, today)
    return WaveRow(wave, starts_on, counts, planned)


def _hidden(sizes: dict[tuple[int, int | None], int]) -> frozenset[int | None]:
    """Return the waves that are no sum of the groups which are shown anyway."""
    departments: dict[int, int] = {}
    waves_of: dict[int, set[int | None]] = {}
    for (department, wave), number in sizes.items():
        departments[department] = departments.get(department, 0) + number
        waves_of.setdefault(department, set()).add(wave)
    above = dict(Department.objects.values_list("pk", "parent_id"))
    shown = rules.blocks(departments, above)
    return rules.mixed(shown, waves_of)
