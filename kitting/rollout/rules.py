"""Which wave is whose, and what is wrong with a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations
from typing import TYPE_CHECKING

from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

# A pilot's verdict is wanted so many days before the wave that follows it.
VERDICT_DAYS = 7
DAYS_MOST = 400


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom a wave is for; empty departments mean all, empty places mean everywhere, never both.

    `departments` names them as they were chosen; `below` holds these and all that lies under them.
    """

    wave_id: int
    starts_at: datetime
    departments: frozenset[int]
    below: frozenset[int]
    places: frozenset[int]

    def covers(self, department_id: int, place_id: int | None) -> bool:
        """Tell whether somebody of a department at a place belongs to it."""
        if not self.below and not self.places:
            return False
        return (not self.below or department_id in self.below) and (
            not self.places or place_id in self.places
        )

    def nearness(self, department_id: int) -> tuple[bool, bool, datetime, int]:
        """Sort the wave that means somebody most: named itself, at a place, earliest."""
        return (
            department_id not in self.departments,
            not self.places,
            self.starts_at,
            self.wave_id,
        )

    def meets(self, other: Reach) -> frozenset[int]:
        """Return the departments two waves share; empty where they share none."""
        if self.places and other.places and not self.places & other.places:
            return frozenset()
        return self.below & other.below


def wave_of(reaches: Sequence[Reach], department_id: int, place_id: int | None) -> int | None:
    """Return the wave somebody belongs to, if any is for them."""
    found = [reach for reach in reaches if reach.covers(department_id, place_id)]
    if not found:
        return None
    return min(found, key=lambda reach: reach.nearness(department_id)).wave_id


# --- how much help a plan needs ------------------------------------------------------------------

# Before this was seen often enough, one in four is thought to ask, and a question to take ten minutes.
RATE_PRIOR = 0.25
MINUTES_PRIOR = 10.0
BEGUN_LEAST = 20
ANSWERED_LEAST = 5


@dataclass(frozen=True, slots=True)
class HelpSeen:
    """How often people who began have asked, and what IT needed to help them."""

    begun: int = 0
    asked: int = 0
    answered: int = 0
    minutes: int = 0

    @property
    def rate_is_seen(self) -> bool:
        """Tell whether the rate comes from this rollout and not from a guess."""
        return self.begun >= BEGUN_LEAST

    @property
    def minutes_are_seen(self) -> bool:
        """Tell whether the minutes come from this rollout and not from a guess."""
        return self.answered >= ANSWERED_LEAST

    @property
    def rate(self) -> float:
        """Return questions per person who begins."""
        return self.asked / self.begun if self.rate_is_seen else RATE_PRIOR

    @property
    def per_hundred(self) -> int:
        """Return questions per hundred people who begin."""
        return round(100 * self.rate)

    @property
    def minutes_each(self) -> float:
        """Return IT's minutes per question."""
        return self.minutes / self.answered if self.minutes_are_seen else MINUTES_PRIOR


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """What judging a plan needs to know of one wave; `to_begin` are those who have not begun."""

    reach: Reach
    name: str
    starts_on: date
    ends_on: date
    opens: bool
    to_begin: int
    people: int
    has_helper: bool
    is_pilot: bool = False

    @property
    def pk(self) -> int:
        """Return which wave it is."""
        return self.reach.wave_id


@dataclass(frozen=True, slots=True)
class Frame:
    """What all waves of a rollout must fit into."""

    starts_on: date
    deadline_on: date
    starts_a_day: int | None
    help_minutes_a_day: int
    verdict: str
    calendar: clock.Calendar
    today: date


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a wave somebody should know: a slug, how grave it is, and its figures."""

    kind: str
    wave_id: int
    is_grave: bool = False
    values: Mapping[str, object] = field(default_factory=dict)


def working_days(calendar: clock.Calendar, first: date, last: date) -> list[date]:
    """Return the working days from one day to another, both included."""
    span = min((last - first).days, DAYS_MOST)
    days = [first + timedelta(days=n) for n in range(span + 1)]
    return [day for day in days if clock.is_working_day(calendar, day)]


def starts_per_day(wave: PlannedWave, frame: Frame) -> dict[date, float]:
    """Return how many people will begin on each day that is left, spread evenly."""
    first = max(wave.starts_on, frame.today)
    days = working_days(frame.calendar, first, wave.ends_on) if first <= wave.ends_on else []
    return {day: wave.to_begin / len(days) for day in days}


def findings(waves: Sequence[PlannedWave], frame: Frame, seen: HelpSeen) -> list[Finding]:
    """Return what is wrong with a plan, wave by wave, the grave things first."""
    coming = [wave for wave in waves if wave.ends_on >= frame.today]
    found = [finding for wave in coming for finding in _of_wave(wave, frame)]
    found += _too_much(coming, frame, seen)
    found += _overlaps(coming)
    found += _without_verdict(waves, frame)
    return sorted(found, key=lambda one: (not one.is_grave, one.wave_id, one.kind))


def _of_wave(wave: PlannedWave, frame: Frame) -> list[Finding]:
    closed = not clock.is_working_day(frame.calendar, wave.starts_on)
    checks = {
        "past_deadline": (wave.ends_on > frame.deadline_on, {"on": frame.deadline_on}),
        "before_rollout": (wave.starts_on < frame.starts_on, {"on": frame.starts_on}),
        "closed_day": (closed, {"on": wave.starts_on}),
        "closed_hour": (not closed and not wave.opens, {}),
        "no_helper": (not wave.has_helper, {}),
        "nobody": (not wave.people, {}),
    }
    grave = ("past_deadline", "closed_day", "nobody")
    return [
        Finding(kind, wave.pk, kind in grave, values)
        for kind, (is_so, values) in checks.items()
        if is_so
    ]


def _too_much(waves: Sequence[PlannedWave], frame: Frame, seen: HelpSeen) -> list[Finding]:
    """Return the waves on whose worst day more begin, or need help, than is foreseen."""
    spread = {wave.pk: starts_per_day(wave, frame) for wave in waves}
    together: dict[date, float] = {}
    for days in spread.values():
        for day, starts in days.items():
            together[day] = together.get(day, 0.0) + starts
    found = []
    for pk, days in spread.items():
        if any(days.values()):
            worst = max(days, key=lambda day: (together[day], -day.toordinal()))
            found += _of_worst_day(pk, worst, together[worst], frame, seen)
    return found


def _of_worst_day(
    wave_id: int, on: date, starts: float, frame: Frame, seen: HelpSeen
) -> list[Finding]:
    need = starts * seen.rate * seen.minutes_each
    checks = (
        ("too_much_help", need, frame.help_minutes_a_day),
        ("too_many_starts", starts, frame.starts_a_day),
    )
    return [
        Finding(
            kind, wave_id, is_grave=True, values={"on": on, "need": round(figure), "most": most}
        )  # a grave one
        for kind, figure, most in checks
        if most is not None and figure > most
    ]


def _overlaps(waves: Sequence[PlannedWave]) -> list[Finding]:
    return [
        Finding(
            "overlap", second.pk, values={"wave": first.name, "departments": sorted(shared)}
        )
        for first, second in combinations(waves, 2)
        if (shared := first.reach.meets(second.reach))
    ]


def _without_verdict(waves: Sequence[PlannedWave], frame: Frame) -> list[Finding]:
    """Return the waves that begin soon although nobody has said what the pilot showed."""
    if frame.verdict or not any(wave.is_pilot for wave in waves):
        return []
    soon = frame.today + timedelta(days=VERDICT_DAYS)
    return [
        Finding("no_verdict", wave.pk, is_grave=True)
        for wave in waves
        if not wave.is_pilot and frame.today <= wave.starts_on <= soon
    ]


# --- the pilot -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PilotSeen:
    """What the pilot has shown so far; nothing where there is nothing to measure."""

    people: int
    ready: int
    begun: int
    asked: int
    median_minutes: int | None

    @property
    def ready_percent(self) -> float | None:
        """Return how many of a hundred are ready."""
        return 100 * self.ready / self.people if self.people else None

    @property
    def help_percent(self) -> float | None:
        """Return questions per hundred who began."""
        return 100 * self.asked / self.begun if self.begun else None


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing the pilot must show, beside what it shows."""

    kind: str
    limit: int
    seen: float | None
    met: bool


def criteria(
    *, ready: int | None, minutes: int | None, help_percent: int | None, seen: PilotSeen
) -> list[Criterion]:
    """Return the criteria that are asked for, each met or not; what was not measured is not met."""
    asked = (
        ("ready", ready, seen.ready_percent),
        ("minutes", minutes, seen.median_minutes),
        ("help", help_percent, seen.help_percent),
    )
    return [
        Criterion(kind, limit, figure, figure is not None and _passes(kind, figure, limit))
        for kind, limit, figure in asked
        if limit is not None
    ]


def _passes(kind: str, figure: float, limit: int) -> bool:
    return figure >= limit if kind == "ready" else figure <= limit


# --- holding by itself ---------------------------------------------------------------------------

# Of fewer people a share says nothing: one of two is half.
STUCK_AMONG_LEAST = 10


def holds_itself(*, stuck: int, begun: int, limit_percent: int | None) -> bool:
    """Tell whether so many of those who began are stuck that a wave should stop."""
    if limit_percent is None or begun < STUCK_AMONG_LEAST:
        return False
    return 100 * stuck > limit_percent * begun
