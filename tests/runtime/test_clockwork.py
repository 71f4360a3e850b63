"""The beat goes on when the clock of its machine is set back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import time_machine

from kitting.celery import app
from kitting.management.clockwork import SteadyScheduler
from tests.factories import NOW

if TYPE_CHECKING:
    from pathlib import Path


class Deaf(SteadyScheduler):
    """A schedule that counts what it would wake."""

    woken: list[str]

    def apply_async(self, entry, *_args, **_more) -> None:
        self.woken.append(entry.task)


def schedule_of(folder: Path) -> Deaf:
    made = Deaf(app, schedule_filename=str(folder / "schedule"))
    made.woken = []
    return made


def turn(schedule: Deaf) -> set[str]:
    """Look at the schedule as often as there are entries, and return what was woken."""
    schedule.woken.clear()
    for _entry in schedule.schedule:
        schedule.tick()
    return set(schedule.woken)


def test_a_clock_that_goes_back_an_hour_keeps_nobody_waiting(tmp_path: Path) -> None:
    schedule = schedule_of(tmp_path)
    with time_machine.travel(NOW, tick=False):
        turn(schedule)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        assert {"escalation.sweep", "notices.deliver"} <= turn(schedule)
    with time_machine.travel(NOW - timedelta(hours=1), tick=False):
        turn(schedule)
    with time_machine.travel(NOW - timedelta(minutes=58), tick=False):
        assert {"escalation.sweep", "notices.deliver"} <= turn(schedule)
    schedule.close()


def test_a_schedule_kept_by_a_clock_that_was_ahead_is_no_reason_to_wait(tmp_path: Path) -> None:
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        before = schedule_of(tmp_path)
        turn(before)
        before.close()
    after = schedule_of(tmp_path)
    with time_machine.travel(NOW, tick=False):
        turn(after)
    with time_machine.travel(NOW + timedelta(minutes=2), tick=False):
        assert {"escalation.sweep", "notices.deliver"} <= turn(after)
    after.close()
