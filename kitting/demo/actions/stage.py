"""The play while it runs: what is on the programme, and when somebody moves next."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

from django.db.models import Max, Q

from kitting.demo import rules
from kitting.journeys.models import Event, Journey
from kitting.lib import clock

if TYPE_CHECKING:
    from datetime import date

    from accounts.models import User
    from accounts.queries import CalendarBook

WINDOW = timedelta(minutes=5)
TICK = timedelta(minutes=15)
# More people than any city of the demo has.
EVERYBODY = 10_000
# The address under which the play's people come: no browser has such a one.
CLIENT = "demo-"

# What happens after IT has answered, whoever of IT that was.
ANSWER = "answer"
LOSSES = 3


@dataclass(order=True)
class Act:
    """Something somebody is going to do."""

    at: datetime
    number: int
    kind: str = field(compare=False)
    subject: int = field(compare=False)


@dataclass
class Stage:
    """The play while it runs: who will do what when, and what is known of everybody."""

    seed: int
    book: CalendarBook
    now: datetime
    until: datetime
    tick: datetime
    # Without visitors leads and IT are played too, and nobody sends the mails.
    alone: bool
    minutes: dict[str, int]
    team: list[User]
    people: dict[int, rules.Person] = field(default_factory=dict)
    # Each person's journey as it was last seen.
    journeys: dict[int, Journey] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    moves: dict[int, Act] = field(default_factory=dict)
    handled: set[tuple[int, int, str]] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    sent_back: set[int] = field(default_factory=set)
    mixed_up: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    visited: set[int] = field(default_factory=set)
    last_event: int = 0
    invited_on: date | None = None
    found: int = 0
    _numbers: count[int] = field(default_factory=count)

    def add(self, at: datetime, kind: str, subject: int) -> Act:
        """Put something on the programme; what lies after the end never happens."""
        act = Act(at, next(self._numbers), kind, subject)
        heapq.heappush(self.acts, act)
        return act

    def add_move(self, at: datetime, journey_id: int) -> None:
        """Let a person go on at a moment, unless they do so earlier anyway: nobody is two people."""
        known = self.moves.get(journey_id)
        if known is None or at < known.at:
            self.moves[journey_id] = self.add(at, "move", journey_id)

    def is_due(self, act: Act) -> bool:
        """Tell whether something still happens: an earlier move takes the place of a later one."""
        return act.kind != "move" or self.moves.get(act.subject) is act


@dataclass(frozen=True)
class Turn:
    """How long the play holds the write lock in one piece, and rests afterwards (real seconds)."""

    hold: float
    rest: float


# Alone, the play need not wait for anybody. Beside pages its pieces are so short, and its rests so
# long, that who waits for SQLite's lock (it looks every 1 to 50 ms at first) gets it within 0.25 s.
ALONE = Turn(hold=0.25, rest=0.0)
BESIDE_PAGES = Turn(hold=0.12, rest=0.06)


def notice_visitors(stage: Stage) -> None:
    """Leave the journeys alone in which somebody acts by a real browser.

    Pages leave the client's address where somebody enters, and a key with every press.
    """
    newer = Event.objects.filter(pk__gt=stage.last_event)
    by_browser = Q(client_key__isnull=False) | (
        Q(note__isnull=False)
        & ~Q(note__client_address="")
        & ~Q(note__client_address__startswith=CLIENT)
    )
    stage.visited |= set(newer.filter(by_browser).values_list("journey_id", flat=True))
    stage.last_event = newer.aggregate(last=Max("pk"))["last"] or stage.last_event


def schedule(stage: Stage, journey: Journey) -> None:
    """Put a person's next move on the programme, from where the journey stands."""
    person = stage.people[journey.pk]
    calendar = stage.book.of_person(journey.person)
    if journey.at_home_at or (journey.ready_at and not person.practises):
        return
    if journey.begun_at is None:
        if person.kind == rules.NEVER:
            return
        base = journey.wave.starts_at if journey.wave else stage.now
        at = clock.add_working(calendar, base, person.starts_after)
        stage.add_move(max(at, clock.next_open(calendar, stage.now)), journey.pk)
        return
    stage.add_move(_after_step(stage, journey, calendar), journey.pk)


def _after_step(stage: Stage, journey: Journey, calendar: clock.Calendar) -> datetime:
    person = stage.people[journey.pk]
    key = journey.current_step
    needs = rules.step_time(
        stage.seed,
        journey.person.staff_number or "",
        key,
        minutes=stage.minutes.get(key, 3),
        pace=person.pace,
    )
    if person.kind == rules.STOPS and key == person.hard_step:
        needs += person.stops_for
    if journey.ready_at and journey.steps_done <= journey.ready_total:
        needs += timedelta(hours=20 * rules.chance_of(stage.seed, journey.pk, "practice"))
    since = journey.last_event_at or stage.now
    return max(
        clock.add_working(calendar, clock.next_open(calendar, since), needs),
        clock.next_open(calendar, max(journey.paused_until or since, stage.now)),
    )


def next_tick(book: CalendarBook, after: datetime, every: timedelta = TICK) -> datetime:
    """Return when the sweep runs next: every quarter of an hour while anybody works."""
    zone = book.default.zone
    at = (after + every).astimezone(zone)
    if at.hour < 7 or at.hour >= 19:  # noqa: PLR2004  # the nurseries' hours
        at = at.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(
            days=at.hour >= 19  # noqa: PLR2004  # as above
        )
    while not clock.is_working_day(book.default, at.date()):
        at = at.replace(hour=7, minute=0) + timedelta(days=1)
    return at
