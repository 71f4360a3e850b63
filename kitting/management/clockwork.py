"""The beat's clock: what is due goes on when the machine's clock is set back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from celery.beat import PersistentScheduler

if TYPE_CHECKING:
    from datetime import datetime


class SteadyScheduler(PersistentScheduler):
    """Celery's schedule, which would wait for a whole hour after its clock went back by one.

    An entry that ran in what is now the future ran just now; all are put in order anew.
    """

    seen: datetime | None = None

    def tick(self, *args: Any, **more: Any) -> float:
        """Look at the clock before the schedule does; return how long to sleep, in seconds."""
        now = self.app.now()
        if self.seen is None or now < self.seen:
            for entry in self.schedule.values():
                entry.last_run_at = min(entry.last_run_at or now, now)
            self._heap = None
        self.seen = now
        return float(super().tick(*args, **more))
