"""How the people of the invented city behave: drawn from a seed, the same every time.

Everything a person will do follows from seed, staff number and step, so that a rollout that was
interrupted goes on as if it had not been.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, TypeVar

from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

T = TypeVar("T")

SMOOTH, SLOW, STOPS, ASKS, PAPER, WRONG_BOX, LATE, NEVER, FAILS, LATER = (
    "smooth",
    "slow",
    "stops",
    "asks",
    "paper",
    "wrong_box",
    "late",
    "never",
    "fails",
    "later",
)

# How many of a hundred people are of each kind.
SHARES = (
    (SMOOTH, 42.0),
    (SLOW, 8.0),
    (STOPS, 7.0),
    (ASKS, 10.0),
    (PAPER, 4.5),
    (LATE, 5.0),
    (LATER, 18.0),
    (NEVER, 3.5),
    (FAILS, 1.4),
    (WRONG_BOX, 0.6),
)

# Where people ask and stop, by weight: registering and signing in are the hard parts.
HARD_STEPS = (
    ("connect-wifi", 5),
    ("wait-update", 2),
    ("enroll", 6),
    ("sign-in", 8),
    ("open-guide", 3),
    ("touch-practice", 1),
    ("screen-lock", 1),
    ("office-files", 2),
)
# Where people say あとで, and for how many working hours.
RESTS = (
    "wait-update",
    "sign-in",
    "open-guide",
    "confirm-device",
    "easy-to-see",
    "office-files",
)
REST_HOURS = ((2.0, 35), (8.75, 45), (17.5, 15), (26.25, 5))
SLOWER_EMPLOYMENT = {"会計年度任用": 1.15, "再任用": 1.3}

# How many working hours after the wave begins people start, on average.
STARTS_AFTER = 8.0
# Here the boxes stand in a corner: most of the people put it off.
LAGGING_PLACE = "第九保育所"
LAGGING_SHARE = 0.8

# What share of people goes on after a word from each rung, and of those who would never begin.
FOLLOWS = {"person": 0.6, "lead": 0.97, "it": 0.97, "it_lead": 0.97}
FOLLOWS_NEVER = {"person": 0.1, "lead": 0.3, "it": 0.5, "it_lead": 0.7}

# So long before the play ends IT sits in a meeting: whoever asks then waits for the visitor.
IT_AWAY = timedelta(hours=2, minutes=30)


# What share of people does what around the set-up.
PREPARES, USES_MACROS, WISHES = 0.45, 0.14, 0.6
ACCEPTS, RETURNS, COLLECTED, ANSWERS = 0.8, 0.65, 0.45, 0.45
# Of those who ask, so many looked up the sentence on their screen before.
LOOKS_UP = 0.6
PREPARED = ("know-password", "copy-files", "charge")
# Name, what it does, and how that is done now.
MACROS = (
    (
        "月末集計.xlsm",
        "課ごとの数字を 1 つの表に集めます。",
        "共有の表に、みんなで入れます。集める作業がいりません。",
    ),
    (
        "宛名印刷.xlsm",
        "名簿からあて名のラベルを作ります。",
        "ひな形のファイルを共有フォルダーに置きました。",
    ),
    (
        "勤務表.xlsm",
        "休みの日に色を付けます。",
        "「条件付き書式」で同じことができます。",
    ),
    (
        "備品台帳.accdb",
        "備品をさがして、一覧を出します。",
        "表にうつして、「フィルター」でさがします。",
    ),
)


@dataclass(frozen=True, slots=True)
class Person:
    """One person's way through a set-up, decided in advance."""

    kind: str
    pace: float
    hard_step: str
    starts_after: timedelta
    stops_for: timedelta
    signs_in: bool
    practises: bool
    calls: bool
    mistypes: bool


def person(
    seed: int, staff_number: str, *, has_mail: bool, employment: str = "", place: str = ""
) -> Person:
    """Return how one person will behave."""
    chance = random.Random(f"{seed}:{staff_number}")  # noqa: S311  # play, not secrets
    kind = _drawn(chance, SHARES)
    pace = chance.lognormvariate(0.0, 0.35) * SLOWER_EMPLOYMENT.get(employment, 1.0)
    starts = chance.expovariate(1 / STARTS_AFTER)
    if place == LAGGING_PLACE and chance.random() < LAGGING_SHARE:
        kind = NEVER
    if kind == LATE:
        starts += 35 + chance.random() * 40
    hard_step = _drawn(chance, HARD_STEPS)
    rest_step, rest = chance.choice(RESTS), _drawn(chance, REST_HOURS)
    return Person(
        kind=kind,
        pace=pace * (2.2 if kind == SLOW else 1.0),
        hard_step=rest_step if kind == LATER else hard_step,
        starts_after=timedelta(hours=min(starts, 120)),
        stops_for=timedelta(hours=rest if kind == LATER else 6 + chance.random() * 40),
        signs_in=has_mail and chance.random() < 0.8,  # noqa: PLR2004  # a share
        practises=chance.random() < 0.72,  # noqa: PLR2004  # a share
        calls=not has_mail and chance.random() < 0.4,  # noqa: PLR2004  # a share
        mistypes=chance.random() < 0.05,  # noqa: PLR2004  # a share
    )


def _drawn(chance: random.Random, weighted: Sequence[tuple[T, float]]) -> T:
    return chance.choices([one for one, _ in weighted], [weight for _, weight in weighted])[0]


def follows(person: Person, level: str, chance: float) -> bool:
    """Tell whether somebody goes on after a word from a rung of the ladder."""
    return chance < (FOLLOWS_NEVER if person.kind == NEVER else FOLLOWS)[level]


def step_time(
    seed: int, staff_number: str, step: str, *, minutes: int, pace: float
) -> timedelta:
    """Return how long one person takes for one step, around what its author thinks."""
    chance = random.Random(f"{seed}:{staff_number}:{step}")  # noqa: S311  # play, not secrets
    return timedelta(seconds=max(25.0, 40 * minutes * pace * chance.lognormvariate(0.0, 0.4)))


def chance_of(seed: int, *about: object) -> float:
    """Return a number in [0, 1) that is always the same for the same matter."""
    return random.Random(":".join(map(str, (seed, *about)))).random()  # noqa: S311  # play


# --- the clock ------------------------------------------------------------------------------------

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# Half an hour after the doors open something has happened already.
SETTLED = timedelta(minutes=30)
LATEST_MORNING = time(11)


def next_morning(calendar: clock.Calendar, now: datetime) -> datetime:
    """Return half an hour after work begins on the next working day."""
    tomorrow = now.astimezone(calendar.zone).date() + timedelta(days=1)
    return clock.next_open(calendar, _midnight(calendar, tomorrow)) + SETTLED


def this_or_next_morning(calendar: clock.Calendar, now: datetime) -> datetime:
    """Return now where it is a working morning, else when the next one begins."""
    opening = clock.next_open(calendar, now)
    if opening.astimezone(calendar.zone).time() < LATEST_MORNING:
        return opening
    return next_morning(calendar, now)


def _midnight(calendar: clock.Calendar, on: date) -> datetime:
    return datetime.combine(on, time(), tzinfo=calendar.zone)


# --- a bad morning --------------------------------------------------------------------------------

# So many people of one place ask within so much time, a while after they begin.
MOST_ASKING = 25
FEW_ASKING = 12
BEFORE_ASKING = timedelta(minutes=20)
ASKING = timedelta(minutes=20)


@dataclass(frozen=True, slots=True)
class Group:
    """People who would begin at the same place: a building of their own, or a floor of a large one."""

    name: str
    journeys: tuple[int, ...]
    is_building: bool = True


def unlucky(groups: Sequence[Group]) -> Group | None:
    """Return the place whose Wi-Fi fails: a building of its own if enough people are left there."""

    def rank(group: Group) -> tuple[bool, bool, int, str]:
        enough = len(group.journeys) >= FEW_ASKING
        return enough and group.is_building, enough, len(group.journeys), group.name

    chosen = max(groups, key=rank, default=None)
    if chosen is None:
        return None
    return replace(chosen, journeys=chosen.journeys[:MOST_ASKING])


def moments(begins: datetime, asks_at: datetime, steps: int) -> list[datetime]:
    """Return when somebody finishes each of some steps between beginning and asking, in order."""
    pause = (asks_at - begins) / (steps + 1)
    return [begins + pause * number for number in range(1, steps + 1)]
