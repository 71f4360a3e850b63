"""Arithmetic of the board: shares, the plan, the bottleneck."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

# Under this many people a step is not called the bottleneck.
BOTTLENECK_MIN = 10
# More lines than these (and the one at nought) do not read well on a phone.
LINES = 4
# Two labels below the chart need so many days between them.
DAYS_A_LABEL = 10
# Drawings from this width on have room for words beside the deadline.
WORDS_FROM = 600
# So high stands a point's label above it, with the label of a line it comes near.
LABEL = 40
# A label's line stands no higher than this, or its signs are cut off.
HIGHEST = 15
# Two labels that may stand beside one another's point need so much from line to line.
BETWEEN = 18
# A forecast is drawn no further past the deadline than this.
DRAWN_PAST_DEADLINE = 45


@dataclass(frozen=True, slots=True)
class Counts:
    """How many people stand where; the four never overlap."""

    done: int = 0
    in_progress: int = 0
    waiting: int = 0
    not_started: int = 0

    @property
    def total(self) -> int:
        """Return all people counted."""
        return self.done + self.in_progress + self.waiting + self.not_started

    @property
    def percent(self) -> float:
        """Return the done share in percent, one decimal; 0 for nobody, 100 for all only."""
        return share(self.done, self.total)

    @property
    def whole_percent(self) -> int:
        """Return the same without a decimal."""
        return int(share(self.done, self.total, decimals=0))

    def __add__(self, other: Counts) -> Counts:
        """Return both groups together."""
        return Counts(
            self.done + other.done,
            self.in_progress + other.in_progress,
            self.waiting + other.waiting,
            self.not_started + other.not_started,
        )


@dataclass(frozen=True, slots=True)
class PlannedWave:
    """How many people a wave holds, and between which days they are to be ready."""

    people: int
    starts_on: date
    ends_on: date


def share(part: int, whole: int, *, decimals: int = 1) -> float:
    """Return a share in percent; 0 is said of nothing only, 100 of all only."""
    if part <= 0 or whole <= 0:
        return 0.0
    if part >= whole:
        return 100.0
    least: float = 10**-decimals
    return min(max(round(100 * part / whole, decimals), least), 100 - least)


def planned(waves: Sequence[PlannedWave], on: date) -> int:
    """Return how many people the plan has ready by the end of a day.

    Inside a wave the plan rises evenly from its first day to its last.
    """
    return round(sum(wave.people * _share(wave, on) for wave in waves))


def _share(wave: PlannedWave, on: date) -> float:
    if on < wave.starts_on:
        return 0.0
    days = (wave.ends_on - wave.starts_on).days + 1
    return min(1.0, ((on - wave.starts_on).days + 1) / max(days, 1))


def cumulative(
    per_day: Mapping[date, int], *, first: date, last: date
) -> list[tuple[date, int]]:
    """Return a running total for every day from first to last, gaps filled."""
    total = sum(number for day, number in per_day.items() if day < first)
    rows = []
    day = first
    while day <= last:
        total += per_day.get(day, 0)
        rows.append((day, total))
        day += timedelta(days=1)
    return rows


def bottleneck(now_here: Sequence[tuple[str, int, int]]) -> str:
    """Return the step that holds up most people's time: (key, people now, usual minutes) rows."""
    weighed = [
        (people * minutes, key) for key, people, minutes in now_here if people >= BOTTLENECK_MIN
    ]
    return max(weighed, default=(0, ""))[1]


@dataclass(frozen=True, slots=True)
class Chart:
    """A burn-up drawing: points in the drawing's own units, ready to be printed into an SVG."""

    width: int
    height: int
    left: int
    right: int
    top: int
    bottom: int
    actual: str
    area: str
    plan: str
    today_x: float
    actual_y: float
    planned_y: float
    plan_label_y: float
    label_x: float
    label_y: float
    all_y: float
    all_at_end: bool
    deadline_x: float
    forecast: str
    band: str
    forecast_at: tuple[float, float] | None
    ticks_y: list[tuple[float, int]]
    ticks_x: list[tuple[float, date]]


def burn_up(
    actual: Sequence[tuple[date, int]],
    plan: Sequence[tuple[date, int]],
    *,
    everybody: int,
    size: tuple[int, int],
    ahead: Forecast | None = None,
) -> Chart:
    """Return the drawing of people ready per day against the plan, with what is to be expected.

    The drawing reaches as far as the deadline, or a while further where the forecast does.
    """
    width, height = size
    # A wide drawing has words to the right of the deadline.
    left, right, top, bottom = 52, width - (112 if width >= WORDS_FROM else 16), 24, height - 30
    first, deadline = plan[0][0], plan[-1][0]
    last = _last_drawn(deadline, ahead)
    days = max((last - first).days, 1)
    most = max(everybody, 1)

    def x(day: date) -> float:
        return round(left + (right - left) * (day - first).days / days, 1)

    def y(number: int) -> float:
        return round(bottom - (bottom - top) * number / most, 1)

    line = [(x(day), y(number)) for day, number in actual]
    actual_y, planned_y = line[-1][1], y(dict(plan).get(actual[-1][0], 0))
    label_y, plan_label_y = _labels(actual_y, planned_y, bottom)
    coming = _coming_lines(ahead, line[-1], lambda day: (x(min(day, last)), y(everybody)))
    points = " ".join(f"{px},{py}" for px, py in line)
    return Chart(
        width=width,
        height=height,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        actual=points,
        area=f"{line[0][0]},{bottom} {points} {line[-1][0]},{bottom}",
        plan=" ".join(f"{x(day)},{y(number)}" for day, number in plan),
        today_x=line[-1][0],
        actual_y=actual_y,
        planned_y=planned_y,
        plan_label_y=plan_label_y,
        label_x=max(line[-1][0] - 10, left + 96),
        label_y=label_y,
        all_y=y(everybody),
        # Early and nearly through: there the label of what is stands over the beginning of the line.
        all_at_end=actual_y - y(everybody) < LABEL and line[-1][0] < (left + right) / 2,
        deadline_x=x(deadline),
        forecast=coming[0],
        band=coming[1],
        forecast_at=coming[2],
        ticks_y=[(y(number), number) for number in _steps_up_to(everybody)],
        ticks_x=[(x(day), day) for day in _months(first, last)],
    )


def _labels(actual_y: float, planned_y: float, bottom: int) -> tuple[float, float]:
    """Return where the labels of what is and of the plan stand clear of each other, the edge and the days below."""
    label, above = max(actual_y - 12, HIGHEST), planned_y - 14
    if above >= HIGHEST and label - above >= BETWEEN:
        return label, above
    below = min(max(planned_y, actual_y) + 22, bottom - 4)
    return min(label, below - BETWEEN), below


def _last_drawn(deadline: date, ahead: Forecast | None) -> date:
    dates = [ahead.likely_on, ahead.late_on] if ahead else []
    furthest = deadline + timedelta(days=DRAWN_PAST_DEADLINE)
    return min(max([deadline, *(day for day in dates if day)]), furthest)


Point = tuple[float, float]


def _coming_lines(
    ahead: Forecast | None, here: Point, there: Callable[[date], Point]
) -> tuple[str, str, Point | None]:
    """Return the dotted line of the forecast, the band of best and worst, and where it ends."""
    if ahead is None or ahead.likely_on is None:
        return "", "", None
    end = there(ahead.likely_on)
    early = there(ahead.early_on or ahead.likely_on)
    # At the worst pace it may never end: the band then opens to the last day that is drawn.
    late = there(ahead.late_on or date.max)
    band = " ".join(f"{px},{py}" for px, py in (here, early, late))
    return f"{here[0]},{here[1]} {end[0]},{end[1]}", band, end


def _steps_up_to(most: int) -> list[int]:
    """Return the numbers at the lines of a chart: round ones, five lines at most."""
    size = 10 ** max(len(str(most)) - 2, 0)
    round_ones = (factor * size for factor in (1, 2, 5, 10, 20, 50))
    step = next(number for number in round_ones if most <= LINES * number)
    return list(range(0, max(most, 1), step))


def _months(first: date, last: date) -> list[date]:
    days = [first]
    month = first.replace(day=1)
    while True:
        month = (month + timedelta(days=32)).replace(day=1)
        if month >= last:
            return days
        if (month - days[-1]).days >= DAYS_A_LABEL:
            days.append(month)


# --- how fast -------------------------------------------------------------------------------------

WINDOW_DAYS = 5
# Of fewer than so many a median says little, and might say who it was.
LEAST = 5
FURTHEST_DAYS = 400


def percentile(times: Mapping[int, int], part: float) -> int | None:
    """Return within how much nine in ten (0.9) or half (0.5) lie; `times` counts each value."""
    whole = sum(times.values())
    if not whole:
        return None
    seen = 0
    for value in sorted(times):
        seen += times[value]
        if seen >= whole * part - 1e-9:
            return value
    return max(times)


@dataclass(frozen=True, slots=True)
class Took:
    """How long something took: half were through within `median`, nine in ten within `most`."""

    number: int
    median: int
    most: int


def whole_minutes(seconds: float) -> int:
    """Return within how many minutes so many seconds lie."""
    return -int(-seconds // 60)


def took(times: Mapping[int, int], *, least: int = LEAST) -> Took | None:
    """Return how long something took, where enough people did it."""
    number = sum(times.values())
    median, most = percentile(times, 0.5), percentile(times, 0.9)
    if number < least or median is None or most is None:
        return None
    return Took(number, median, most)


def by_working_day(per_day: Mapping[date, int], days: Sequence[date]) -> list[int]:
    """Return how many became ready on each working day, days off added to the one before."""
    totals = [0] * len(days)
    for day, number in per_day.items():
        before = [at for at, working in enumerate(days) if working <= day]
        if before and day <= _last_of(days, before[-1]):
            totals[before[-1]] += number
        elif days and day < days[0]:
            totals[0] += number
    return totals


def _last_of(days: Sequence[date], at: int) -> date:
    """Return the last day that counts with a working day: the one before the next."""
    return days[at + 1] - timedelta(days=1) if at + 1 < len(days) else date.max


def rounded_up(number: float) -> float:
    """Return a number with one decimal that is no smaller than it."""
    return math.ceil(number * 10 - 1e-9) / 10


@dataclass(frozen=True, slots=True)
class Pace:
    """People a working day: the mean of the last five whole days, the best and the worst five."""

    mean: float
    best: float
    worst: float
    days: int


def pace(totals: Sequence[int]) -> Pace | None:
    """Return the pace from what each whole working day so far brought; None before the first."""
    if not totals:
        return None
    width = min(WINDOW_DAYS, len(totals))
    windows = [
        sum(totals[start : start + width]) / width for start in range(len(totals) - width + 1)
    ]
    return Pace(mean=windows[-1], best=max(windows), worst=min(windows), days=width)


@dataclass(frozen=True, slots=True)
class Forecast:
    """When everybody is ready if it goes on like this; early and late at the best and worst pace."""

    likely_on: date | None
    early_on: date | None
    late_on: date | None


def forecast(remaining: int, speed: Pace, coming: Sequence[date]) -> Forecast:
    """Return when the remaining people are ready; `coming` are the working days ahead, in order."""
    return Forecast(
        likely_on=_through(remaining, speed.mean, coming),
        early_on=_through(remaining, speed.best, coming),
        late_on=_through(remaining, speed.worst, coming),
    )


def _through(remaining: int, a_day: float, coming: Sequence[date]) -> date | None:
    if remaining <= 0 or a_day <= 0:
        return None
    # A pace such as 0.6 is a little less than it says: no day more for that.
    needed = math.ceil(remaining / a_day - 1e-9)
    return coming[needed - 1] if needed <= len(coming) else None


def needed_pace(remaining: int, coming: Sequence[date], deadline: date) -> float | None:
    """Return how many people a working day it takes to be through by the deadline."""
    left = sum(day <= deadline for day in coming)
    if remaining <= 0:
        return 0.0
    return remaining / left if left else None


def days_ahead(
    done: int, plan: Sequence[tuple[date, int]], today: date, working: Sequence[date]
) -> int:
    """Return by how many working days what is done is ahead of the plan (or behind: negative)."""
    reached = [day for day, number in plan if number <= done]
    last = max(reached, default=None)
    if last is None or not plan:
        return 0
    first, end = sorted((today, last))
    between = sum(first < day <= end for day in working)
    return between if last >= today else -between


# What asking costs a person and a helper together, where nobody wrote it down.
MINUTES_OF_ASKING = 15


def minutes_lost(*, reached: int, over: int, asked: int) -> int:
    """Return the minutes all lose at a step: over the author's minutes, and by having to ask."""
    return reached * max(0, over) + asked * MINUTES_OF_ASKING


# --- small groups ---------------------------------------------------------------------------------


def blocks(sizes: Mapping[int, int], above: Mapping[int, int | None]) -> list[tuple[int, ...]]:
    """Return groups of departments that may be shown to somebody who does not know their people.

    Each holds five people or more, or there is none. Small departments are put together, first with
    others of their bureau, then across bureaus. Whoever is shown only sums of these groups, in
    whatever combination, can subtract as they like: what is left is again a sum of them.
    """
    by_bureau: dict[int, list[int]] = {}
    for pk in sorted(sizes):
        by_bureau.setdefault(above.get(pk) or pk, []).append(pk)
    found: list[tuple[int, ...]] = []
    left: list[tuple[int, ...]] = []
    for bureau in sorted(by_bureau):
        groups, rest = _grouped([(pk,) for pk in by_bureau[bureau]], sizes)
        found += groups
        left += rest
    whole, rest = _grouped(left, sizes)
    found += whole
    if rest and found:
        smallest = min(found, key=lambda group: (_people(group, sizes), group))
        found.remove(smallest)
        found.append(tuple(sorted({*smallest, *(pk for group in rest for pk in group)})))
    return sorted(found)


def may_show(
    bureau: int, shown: Sequence[tuple[int, ...]], above: Mapping[int, int | None]
) -> bool:
    """Tell whether a bureau may be shown by itself: only where it is a sum of groups shown anyway."""
    inside = [{(above.get(pk) or pk) == bureau for pk in group} for group in shown]
    return {True} in inside and all(len(where) == 1 for where in inside)


def mixed(
    shown: Sequence[tuple[int, ...]], parts: Mapping[int, Collection[int | None]]
) -> frozenset[int | None]:
    """Return the parts that must not be shown: those that hold some people of a group, not all.

    `parts` says which parts the people of each department belong to. What is left is a sum of
    groups that are shown anyway; without any group nothing may be shown.
    """
    every = {part for of_department in parts.values() for part in of_department}
    together = [{part for pk in group for part in parts.get(pk, ())} for group in shown]
    whole = {part for found in together if len(found) == 1 for part in found}
    torn = {part for found in together if len(found) > 1 for part in found}
    return frozenset((every - whole) | torn)


def _grouped(
    groups: Sequence[tuple[int, ...]], sizes: Mapping[int, int]
) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Return groups that are large enough, and what is left over where they cannot be made so."""
    large = [group for group in groups if _people(group, sizes) >= LEAST]
    small = [group for group in groups if 0 < _people(group, sizes) < LEAST]
    together = tuple(sorted(pk for group in small for pk in group))
    if not together:
        return large, []
    if _people(together, sizes) >= LEAST:
        return [*large, together], []
    if not large:
        return [], [together]
    smallest = min(large, key=lambda group: (_people(group, sizes), group))
    large.remove(smallest)
    return [*large, tuple(sorted((*smallest, *together)))], []


def _people(group: Sequence[int], sizes: Mapping[int, int]) -> int:
    return sum(sizes[pk] for pk in group)


# --- small drawings -------------------------------------------------------------------------------

SPARK = (88, 24)


def spark(line: Sequence[int], *, whole: int) -> tuple[str, str]:
    """Return a small line of people ready by day as points, and its last point, in 88 by 24 units.

    The top is everybody of the group, so that lines can be compared with each other.
    """
    width, height = SPARK
    if not line:
        return "", ""
    step = (width - 6) / max(len(line) - 1, 1)
    points = [
        (round(2 + at * step, 1), round(height - 3 - (height - 6) * number / max(whole, 1), 1))
        for at, number in enumerate(line)
    ]
    return " ".join(f"{x},{y}" for x, y in points), f"{points[-1][0]},{points[-1][1]}"
