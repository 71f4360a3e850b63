"""Learn from finished journeys what each step takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kitting.escalation import rules
from kitting.escalation.models import StepPace
from kitting.escalation.queries.ladder import finished_ways

if TYPE_CHECKING:
    from datetime import datetime


@transaction.atomic
def learn_pace(*, now: datetime) -> int:
    """Learn from finished journeys when a step is slow; returns how many steps changed.

    Until there are thirty of them, nothing is learned and the author's minutes hold.
    """
    pace = rules.learn(finished_ways())
    if pace is None:
        return 0
    known = {row.step_key: row for row in StepPace.objects.select_for_update()}
    changed = 0
    for step, usual in pace.usual.items():
        limit = pace.slow_after(step) or rules.SLOW_FLOOR
        figures = {
            "usual_seconds": round(usual.total_seconds()),
            "slow_seconds": round(limit.total_seconds()),
            "factor": pace.factor,
            "journeys": pace.journeys,
        }
        row = known.get(step)
        if row is None or any(getattr(row, name) != figures[name] for name in figures):
            StepPace.objects.update_or_create(
                step_key=step, defaults={**figures, "learned_at": now}
            )
            changed += 1
    return changed
