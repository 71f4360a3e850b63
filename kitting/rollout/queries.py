"""Questions about the plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from accounts.models import Department
from kitting.rollout import rules
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def open_rollout() -> Rollout | None:
    """Return the rollout that runs, if any."""
    return Rollout.objects.filter(state=RolloutState.OPEN).first()


@dataclass(frozen=True)
class WaveBook:
    """Every wave of a rollout and whom it is for, loaded once (four queries)."""

    waves: Mapping[int, Wave]
    reaches: list[rules.Reach]
    _known: dict[tuple[int, int | None], int | None] = field(default_factory=dict)

    def of(self, department_id: int, place_id: int | None) -> Wave | None:
        """Return the wave of a department at a place, if any is for them."""
        key = (department_id, place_id)
        if key not in self._known:
            self._known[key] = rules.wave_of(self.reaches, department_id, place_id)
        found = self._known[key]
        return self.waves[found] if found is not None else None


def wave_book(rollout: Rollout | None = None) -> WaveBook:
    """Return whose wave is which in a rollout (the open one unless told)."""
    rows = Wave.objects.order_by("starts_at", "pk").prefetch_related("departments", "places")
    if rollout is None:
        rows = rows.filter(rollout__state=RolloutState.OPEN)
    else:
        rows = rows.filter(rollout=rollout)
    waves = {wave.pk: wave for wave in rows}
    children = _children() if waves else {}
    return WaveBook(waves, [reach_of(wave, children) for wave in waves.values()])


def reach_of(wave: Wave, children: Mapping[int, list[int]] | None = None) -> rules.Reach:
    """Return whom a wave is for."""
    named = frozenset(department.pk for department in wave.departments.all())
    return rules.Reach(
        wave_id=wave.pk,
        starts_at=wave.starts_at,
        departments=named,
        below=with_all_below(named, children),
        places=frozenset(place.pk for place in wave.places.all()),
    )


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    below = Department.objects.filter(parent__isnull=False).values_list("pk", "parent_id")
    for pk, parent in below:
        found.setdefault(parent or 0, []).append(pk)
    return found


def with_all_below(
    named: Iterable[int], children: Mapping[int, list[int]] | None = None
) -> frozenset[int]:
    """Return departments with all that lie under them, however deep."""
    known = _children() if children is None else children
    found: set[int] = set()
    todo = list(named)
    while todo:
        pk = todo.pop()
        if pk not in found:
            found.add(pk)
            todo += known.get(pk, [])
    return frozenset(found)


def waves_now() -> list[Wave]:
    """Return the waves of the open rollout, the first on top."""
    waves = Wave.objects.filter(rollout__state=RolloutState.OPEN)
    return list(waves.order_by("starts_at", "pk"))
