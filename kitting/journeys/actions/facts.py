"""What a journey's row and events say, as the rules read them."""

from __future__ import annotations

import datetime as dt
from types import MappingProxyType
from typing import TYPE_CHECKING

from kitting.journeys import rules
from kitting.journeys.states import Via

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from kitting.journeys.models import Event, Journey, StepRecord


# The columns of a journey that replaying its events gives.
DERIVED = (
    *("status", "help_state", "current_step", "opened_at", "steps_done", "ready_done"),
    *("active_seconds", "opened_seconds", "ready_seconds", "asked_at", "event_count"),
    *("begun_at", "last_event_at", "arrived_at", "ready_at", "at_home_at", "paused_until"),
    *("on_paper", "fast_until"),
)
FROZEN = ("edition", "flags", "step_keys", "steps_total", "ready_total")


def progress_of(journey: Journey, records: Iterable[StepRecord]) -> rules.Progress:
    """Return a journey's row and records as the rules see them."""
    marks = {
        r.step_key: rules.Mark(r.result, r.method, r.opened_at, r.done_at, r.reason, r.seconds)
        for r in records
    }
    return rules.Progress(
        marks=MappingProxyType(marks),
        begun_at=journey.begun_at,
        current_step=journey.current_step,
        opened_at=journey.opened_at,
        ready_at=journey.ready_at,
        at_home_at=journey.at_home_at,
        arrived_at=journey.arrived_at,
        last_event_at=journey.last_event_at,
        paused_until=journey.paused_until,
        on_paper=journey.on_paper,
        fast_until=journey.fast_until,
        help_state=journey.help_state,
        active_seconds=journey.active_seconds,
        opened_seconds=journey.opened_seconds,
        ready_seconds=journey.ready_seconds,
        asked_at=journey.asked_at,
        event_count=journey.event_count,
    )


def fact_of(event: Event) -> rules.Fact:
    """Return an event as the rules see it."""
    data = event.data
    until = data.get("until")
    return rules.Fact(
        kind=event.kind,
        at=event.at,
        step_key=event.step_key,
        by_person=event.via in (Via.BOX, Via.SIGN_IN),
        result=data.get("result", ""),
        method=data.get("method", ""),
        reason=data.get("reason", ""),
        until=_moment(until) if until else None,
        help_state=data.get("help_state", ""),
    )


def _moment(text: str) -> datetime:
    return dt.datetime.fromisoformat(text)


def row_values(plan: rules.Plan, progress: rules.Progress) -> dict[str, object]:
    """Return the derived columns of a journey; replaying its events gives exactly these."""
    return {
        "status": rules.status(
            begun=progress.begun_at is not None,
            ready=progress.ready_at is not None,
            help_state=progress.help_state,
        ),
        "help_state": progress.help_state,
        "current_step": progress.current_step,
        "opened_at": progress.opened_at,
        "steps_done": sum(s.key in progress.marks for s in plan),
        "ready_done": rules.done_of(plan, progress.marks, rules.READY),
        "active_seconds": progress.active_seconds,
        "opened_seconds": progress.opened_seconds,
        "ready_seconds": progress.ready_seconds,
        "asked_at": progress.asked_at,
        "event_count": progress.event_count,
        "begun_at": progress.begun_at,
        "last_event_at": progress.last_event_at,
        "arrived_at": progress.arrived_at,
        "ready_at": progress.ready_at,
        "at_home_at": progress.at_home_at,
        "paused_until": progress.paused_until,
        "on_paper": progress.on_paper,
        "fast_until": progress.fast_until,
    }
