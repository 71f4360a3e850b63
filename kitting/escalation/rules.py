"""When somebody needs help, and who is asked next: values in, decisions out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from math import ceil, exp, lgamma, log, log1p
from typing import TYPE_CHECKING

from kitting.escalation.states import Case, Level, LossLine, Quiet, Reach, Reason, TicketKind
from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class Wait:
    """How long is waited: working time, or working days where people work in shifts.

    `by_wall` waits by the clock on the wall: a lost device does not wait for the morning.
    """

    amount: timedelta
    shift_days: int = 1
    by_wall: bool = False

    def until(self, calendar: clock.Calendar, start: datetime) -> datetime:
        """Return the moment this wait is over on a calendar."""
        if self.by_wall:
            return start + self.amount
        if calendar.counts_days:
            return clock.add_working_days(calendar, start, self.shift_days)
        return clock.add_working(calendar, start, self.amount)


@dataclass(frozen=True, slots=True)
class Rung:
    """One level of a ladder: who is asked, how, and how long they have before the next is.

    `times` is how often it is asked before the next one; `people` asks at most so many of it at
    once (0 is everybody); `named` are the people of the level for named helpers.
    """

    level: Level
    wait: Wait
    times: int = 1
    reach: Reach = Reach.AUTO
    quiet: Quiet = Quiet.OFF_HOURS
    people: int = 0
    named: tuple[int, ...] = ()


HOUR = timedelta(hours=1)
# One office day, 8:30 to 17:15.
DAY = timedelta(hours=8, minutes=45)
NIGHT = (time(21), time(7))


@dataclass(frozen=True, slots=True)
class Ladder:
    """A rule of the ladder: for what and whom it holds, who is asked in which order, when it stops.

    `patience` is how long nothing happens before Kitto wonders (`on_paper` from paper), `answer` how
    soon somebody who asks should be answered, `taken` how long whoever takes a ticket has. Where
    neither department nor wave is named it holds for everybody; without `pk` it is the shipped one.
    """

    case: Case
    rungs: tuple[Rung, ...]
    taken: Wait = Wait(DAY)
    answer: Wait = Wait(timedelta(minutes=30))
    patience: Wait | None = None
    on_paper: Wait | None = None
    repeats_most: int | None = None
    stops_on_progress: bool = True
    stops_on_rest: bool = True
    night: tuple[time, time] = NIGHT
    department_id: int | None = None
    wave_id: int | None = None
    pk: int | None = None

    def above(self, level: Level | None) -> Sequence[Rung]:
        """Return the rungs that are left above a level, lowest first (all of them above none)."""
        if level is None:
            return self.rungs
        return [rung for rung in self.rungs if height(rung.level) > height(level)]

    def at(self, level: Level) -> Rung | None:
        """Return the rung of a level, if this ladder has it."""
        return next((rung for rung in self.rungs if rung.level == level), None)


# From paper, a long silence and then a burst are normal. A step is slow after the author's minutes
# times this, but never before the floor: in the simulated city fewer than two journeys in a hundred
# are disturbed that go on within the hour by themselves.
SLOW_TIMES = 4
SLOW_FLOOR = timedelta(minutes=30)
# Three failed checks, three errors looked up, or six looks at the hints of one step, or a mix.
CHECK_WEIGHT = 2
ERROR_WEIGHT = 2
HINT_WEIGHT = 1
FAILING_WEIGHT = 6
RECHECK_WITH_TICKET = Wait(DAY, shift_days=1)
# Leave without an end, or a held wave: looked at again after so many working days.
RECHECK_DAYS = 1

_ASKED_COLLEAGUE = Rung(Level.COLLEAGUE, Wait(2 * HOUR), people=1)
# What Kitto does on the first day, before anybody has changed a rule.
SHIPPED: Mapping[Case, Ladder] = {
    ladder.case: ladder
    for ladder in (
        Ladder(
            Case.ASKED,
            (Rung(Level.IT, Wait(2 * HOUR)), Rung(Level.IT_LEAD, Wait(DAY))),
            taken=Wait(2 * HOUR),
        ),
        Ladder(
            Case.NEVER_STARTED,
            (
                Rung(Level.PERSON, Wait(2 * DAY, shift_days=3)),
                Rung(Level.LEAD, Wait(2 * DAY, shift_days=2)),
                Rung(Level.IT, Wait(3 * DAY)),
                Rung(Level.IT_LEAD, Wait(5 * DAY)),
            ),
            patience=Wait(2 * DAY, shift_days=3),
            on_paper=Wait(3 * DAY, shift_days=5),
        ),
        Ladder(
            Case.SILENT,
            (
                Rung(Level.PERSON, Wait(DAY, shift_days=2)),
                _ASKED_COLLEAGUE,
                Rung(Level.LEAD, Wait(DAY, shift_days=2)),
                Rung(Level.IT, Wait(2 * DAY)),
                Rung(Level.IT_LEAD, Wait(5 * DAY)),
            ),
            patience=Wait(DAY, shift_days=3),
            on_paper=Wait(3 * DAY, shift_days=5),
        ),
        Ladder(
            Case.SLOW,
            (
                Rung(Level.PERSON, Wait(3 * HOUR)),
                _ASKED_COLLEAGUE,
                Rung(Level.LEAD, Wait(DAY, shift_days=2)),
                Rung(Level.IT, Wait(DAY)),
                Rung(Level.IT_LEAD, Wait(3 * DAY)),
            ),
            patience=Wait(SLOW_FLOOR),
        ),
        Ladder(
            Case.FAILING,
            (
                Rung(Level.PERSON, Wait(timedelta(minutes=20))),
                _ASKED_COLLEAGUE,
                Rung(Level.LEAD, Wait(2 * HOUR)),
                Rung(Level.IT, Wait(DAY)),
                Rung(Level.IT_LEAD, Wait(3 * DAY)),
            ),
        ),
        Ladder(
            Case.REPORTED,
            (Rung(Level.IT, Wait(4 * HOUR)), Rung(Level.IT_LEAD, Wait(2 * DAY))),
        ),
        Ladder(
            Case.LOSS,
            (
                Rung(Level.DUTY, Wait(HOUR / 4, by_wall=True), quiet=Quiet.NEVER),
                Rung(Level.IT, Wait(HOUR, by_wall=True), quiet=Quiet.NEVER),
                Rung(Level.IT_LEAD, Wait(4 * HOUR, by_wall=True), quiet=Quiet.NEVER),
            ),
            answer=Wait(timedelta(minutes=30), by_wall=True),
            taken=Wait(4 * HOUR, by_wall=True),
        ),
        Ladder(
            Case.RETURN,
            (
                Rung(Level.LEAD, Wait(3 * DAY, shift_days=3)),
                Rung(Level.IT, Wait(5 * DAY)),
                Rung(Level.IT_LEAD, Wait(5 * DAY)),
            ),
        ),
        # Once somebody was answered, the person is awaited: does it work now?
        Ladder(
            Case.ANSWERED,
            (
                Rung(Level.PERSON, Wait(2 * DAY, shift_days=3)),
                Rung(Level.IT, Wait(2 * DAY)),
                Rung(Level.IT_LEAD, Wait(5 * DAY)),
            ),
        ),
    )
}
_HELPERS = (Level.LEAD, Level.NAMED, Level.DUTY, Level.IT, Level.IT_LEAD)
# Who may be asked about what: a question goes to IT at once, and IT hears of everything in the end.
LEVELS_OF: Mapping[Case, Sequence[Level]] = {
    Case.ASKED: (Level.IT, Level.IT_LEAD),
    Case.NEVER_STARTED: tuple(Level),
    Case.SILENT: tuple(Level),
    Case.SLOW: tuple(Level),
    Case.FAILING: tuple(Level),
    Case.REPORTED: _HELPERS,
    Case.LOSS: _HELPERS[1:],
    Case.RETURN: _HELPERS,
    Case.ANSWERED: (Level.PERSON, *_HELPERS),
}
# Without these a rule would leave somebody waiting unseen.
NEEDED: Mapping[Case, Sequence[Level]] = {
    **dict.fromkeys(Case, (Level.IT,)),
    Case.ANSWERED: (Level.PERSON, Level.IT),
}
# Which matters have patience to set, and from where each is counted.
PATIENT = (Case.NEVER_STARTED, Case.SILENT, Case.SLOW)
FROM_PAPER = (Case.NEVER_STARTED, Case.SILENT)


def case_of(kind: TicketKind, reason: Reason, *, answered: bool = False) -> Case:
    """Return which rule of the ladder a ticket follows."""
    if answered:
        return Case.ANSWERED
    by_kind = {TicketKind.LOSS: Case.LOSS, TicketKind.RETURN: Case.RETURN}
    return by_kind.get(kind) or Case(reason)


def choose(
    ladders: Sequence[Ladder], case: Case, *, line: Sequence[int], wave_id: int | None
) -> Ladder:
    """Return the most specific rule for a case; the shipped one where none was written.

    `line` is the department and those above it, nearest first. The own section's rule goes before
    the bureau's, that before the wave's, and that before the one for everybody.
    """
    fitting = [
        ladder
        for ladder in ladders
        if ladder.case == case
        and (ladder.department_id is None or ladder.department_id in line)
        and (ladder.wave_id is None or ladder.wave_id == wave_id)
    ]

    def distance(ladder: Ladder) -> tuple[int, int]:
        near = line.index(ladder.department_id) if ladder.department_id else len(line)
        return near, ladder.wave_id is None

    return min(fitting, key=distance, default=SHIPPED[case])


_HEIGHTS = {level: at for at, level in enumerate(Level)}


def height(level: Level) -> int:
    """Return how high a level is: 0 is the person."""
    return _HEIGHTS[level]


def comes_at(
    ladder: Ladder, rung: Rung | None, calendar: clock.Calendar, now: datetime
) -> datetime | None:
    """Return when a message may arrive that leaves a rung in peace; nothing is at once."""
    quiet = rung.quiet if rung else Quiet.OFF_HOURS
    if quiet == Quiet.NEVER:
        return None
    if quiet == Quiet.NIGHT:
        return _after_night(ladder.night, calendar, now)
    return clock.next_open(calendar, now)


def _after_night(
    night: tuple[time, time], calendar: clock.Calendar, now: datetime
) -> datetime | None:
    since, until = night
    wall = now.astimezone(calendar.zone)
    is_night = (
        since <= wall.time() < until
        if since < until
        else wall.time() >= since or wall.time() < until
    )
    if not is_night:
        return None
    on = wall.date() if wall.time() < until else wall.date() + timedelta(days=1)
    return datetime.combine(on, until, tzinfo=calendar.zone)


# --- colleagues and duty --------------------------------------------------------------------------

# A colleague is asked at most so often within a week, whatever happens: help is a kindness.
PLEAS_MOST = 2
PLEAS_WINDOW = timedelta(days=7)


def duty_day(calendar: clock.Calendar, now: datetime) -> tuple[date, bool]:
    """Return to which day's duty a moment belongs, and whether it is in office hours.

    The small hours before the office usually opens belong to the night of the day before.
    """
    wall = now.astimezone(calendar.zone)
    if clock.is_open(calendar, now):
        return wall.date(), True
    opens = min((day[0].start for day in calendar.week if day), default=time(8))
    before = wall.time() < opens
    return wall.date() - timedelta(days=1) if before else wall.date(), False


# --- judging one journey --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Halt:
    """Something that stops the clocks of many: a public notice or an outage.

    Empty places mean everywhere, no wave means every wave, no step means every step.
    """

    begins: datetime
    ends: datetime | None = None
    places: frozenset[int] = frozenset()
    wave_id: int | None = None
    step: str = ""

    def covers(self, *, place_id: int | None, wave_id: int | None, step: str) -> bool:
        """Tell whether somebody of a place and a wave who stands at a step is stopped."""
        return (
            (not self.places or place_id in self.places)
            and self.wave_id in (None, wave_id)
            and self.step in ("", step)
        )


@dataclass(frozen=True, slots=True)
class Rest:
    """What stops a person's clock: a pause they chose, leave, a wave on hold, a public notice."""

    paused_until: datetime | None = None
    held: bool = False
    leave_from_on: date | None = None
    leave_to_on: date | None = None
    halts: tuple[Halt, ...] = ()

    def lasts_until(self, calendar: clock.Calendar, now: datetime) -> datetime | None:
        """Return until when the clock stands still, or nothing if it runs.

        Where nobody knows the end, the moment to look again: a working day later.
        """
        ends = []
        if self.paused_until and self.paused_until > now:
            ends.append(self.paused_until)
        if self._is_away(calendar, now):
            ends.append(self._back_at(calendar) or _next_look(calendar, now))
        if self.held:
            ends.append(_next_look(calendar, now))
        ends += [
            halt.ends or _next_look(calendar, now)
            for halt in self.halts
            if halt.begins <= now and (halt.ends is None or halt.ends > now)
        ]
        return max(ends, default=None)

    def ended_at(self, calendar: clock.Calendar, now: datetime) -> datetime | None:
        """Return since when the clock runs again after a rest, if there was one."""
        back = self._back_at(calendar) if self.leave_from_on else None
        over = [self.paused_until, back, *(halt.ends for halt in self.halts)]
        return max((at for at in over if at and at <= now), default=None)

    def _is_away(self, calendar: clock.Calendar, now: datetime) -> bool:
        today = now.astimezone(calendar.zone).date()
        begun = self.leave_from_on is not None and self.leave_from_on <= today
        return begun and (self.leave_to_on is None or today <= self.leave_to_on)

    def _back_at(self, calendar: clock.Calendar) -> datetime | None:
        if self.leave_to_on is None:
            return None
        midnight = datetime.combine(self.leave_to_on, time(), tzinfo=calendar.zone)
        return clock.next_open(calendar, midnight + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long nothing happens before Kitto wonders, by the rules that hold for somebody."""

    start: Wait
    start_on_paper: Wait
    silence: Wait
    silence_on_paper: Wait
    slow_floor: timedelta


def patience_of(start: Ladder, silence: Ladder, slow: Ladder) -> Patience:
    """Return the patience that three rules say; what one leaves open is as shipped."""
    known = [(one, SHIPPED[one.case]) for one in (start, silence)]
    waits = [one.patience or shipped.patience or Wait(DAY) for one, shipped in known]
    from_paper = [one.on_paper or shipped.on_paper or Wait(DAY) for one, shipped in known]
    return Patience(
        start=waits[0],
        start_on_paper=from_paper[0],
        silence=waits[1],
        silence_on_paper=from_paper[1],
        slow_floor=slow.patience.amount if slow.patience else SLOW_FLOOR,
    )


PATIENCE = patience_of(SHIPPED[Case.NEVER_STARTED], SHIPPED[Case.SILENT], SHIPPED[Case.SLOW])


@dataclass(frozen=True, slots=True)
class Watched:
    """What the sweep knows of one journey when it looks at it."""

    begun_at: datetime | None
    expected_from: datetime
    opened_at: datetime | None
    last_event_at: datetime | None
    is_ready: bool
    step_minutes: int
    failing_weight: int
    helped_at: datetime | None = None
    on_paper: bool = False
    rest: Rest = field(default_factory=Rest)
    # After how long the current step is slow, where that was learned.
    learned: timedelta | None = None
    patience: Patience = PATIENCE


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the sweep concludes: a reason to open a ticket now, or when to look again.

    Neither means that nothing is awaited any more.
    """

    reason: Reason | None = None
    look_again_at: datetime | None = None


def judge(watched: Watched, *, calendar: clock.Calendar, now: datetime) -> Verdict:
    """Decide whether somebody needs help now, in the working time of that person.

    Practice after "ready" is never escalated. A pause, leave and a held wave stop every clock.
    """
    if watched.is_ready:
        return Verdict()
    resting = watched.rest.lasts_until(calendar, now)
    if resting is not None:
        return Verdict(look_again_at=resting)
    woken_at = _latest(watched.rest.ended_at(calendar, now), watched.helped_at)
    if watched.begun_at is None:
        heard_at = watched.last_event_at if watched.on_paper else None
        start = _latest(watched.expected_from, heard_at, woken_at) or now
        patience = (
            watched.patience.start_on_paper if watched.on_paper else watched.patience.start
        )
        return _due(Reason.NEVER_STARTED, patience.until(calendar, start), now)
    if watched.failing_weight >= FAILING_WEIGHT:
        return Verdict(reason=Reason.FAILING)
    return _begun(watched, woken_at, calendar=calendar, now=now)


def _begun(
    watched: Watched, woken_at: datetime | None, *, calendar: clock.Calendar, now: datetime
) -> Verdict:
    heard = _latest(watched.begun_at, watched.last_event_at, woken_at) or now
    patience = (
        watched.patience.silence_on_paper if watched.on_paper else watched.patience.silence
    )
    silent_at = patience.until(calendar, heard)
    if silent_at <= now:
        return Verdict(reason=Reason.SILENT)
    # Shifts and paper say nothing about minutes.
    if watched.on_paper or calendar.counts_days:
        return Verdict(look_again_at=silent_at)
    opened = _latest(watched.opened_at or heard, woken_at) or now
    floor = watched.patience.slow_floor
    slow_at = clock.add_working(
        calendar, opened, max(floor, watched.learned or slow_after(watched.step_minutes))
    )
    if slow_at <= now:
        return Verdict(reason=Reason.SLOW)
    return Verdict(look_again_at=min(slow_at, silent_at))


def away_until(
    reason: Reason, level: Level, *, heard_since: bool, silent_at: datetime, now: datetime
) -> datetime | None:
    """Return until when somebody slow may just be away, or nothing if the next rung is due.

    Who was nudged at a slow step and did nothing since is at lunch or in a meeting as likely as
    stuck: others hear of it when the silence has lasted as long as any silence may.
    """
    may_be_away = reason == Reason.SLOW and level == Level.PERSON and not heard_since
    return silent_at if may_be_away and silent_at > now else None


def _latest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)


def _due(reason: Reason, at: datetime, now: datetime) -> Verdict:
    return Verdict(reason=reason) if at <= now else Verdict(look_again_at=at)


def _next_look(calendar: clock.Calendar, now: datetime) -> datetime:
    return clock.add_working_days(calendar, now, RECHECK_DAYS)


def slow_after(minutes: int) -> timedelta:
    """Return after how much working time a step is far slower than its author thinks."""
    return max(SLOW_FLOOR, SLOW_TIMES * timedelta(minutes=minutes))


# --- outages --------------------------------------------------------------------------------------

# An outage is asked about by at least so many people within so much time, so far above the usual
# rate that chance does it once in a hundred thousand times.
OUTAGE_WINDOW = timedelta(hours=1)
OUTAGE_LEAST = 4
OUTAGE_TIMES = 3
OUTAGE_CHANCE = 1e-5
# Before anything is known, one in twenty is thought to ask at a step.
USUAL_PRIOR = (1, 20)
USUAL_LEAST = 0.02
# An outage at so many places is one everywhere.
EVERYWHERE_FROM = 4


def usual_rate(*, asked: int, met: int) -> float:
    """Return which share of those who meet a step ask about it, from what is known so far."""
    more, among = USUAL_PRIOR
    return min(1.0, max(USUAL_LEAST, (asked + more) / (met + among)))


def is_outage(*, asking: int, active: int, usual: float) -> bool:
    """Tell whether so many of the people active now ask that something must be broken.

    A rate, not a number: 400 people at once with nothing broken ask as often as 400 one by one.
    """
    return (
        asking >= OUTAGE_LEAST
        and asking > OUTAGE_TIMES * usual * active
        and chance_of_as_many(asking, active, usual) < OUTAGE_CHANCE
    )


def chance_of_as_many(asking: int, active: int, usual: float) -> float:
    """Return how likely it is that so many or more of the active ask by chance (binomial)."""
    active = max(active, asking)
    if usual >= 1:
        return 1.0
    return min(1.0, sum(_exactly(k, active, usual) for k in range(asking, active + 1)))


def _exactly(k: int, n: int, p: float) -> float:
    ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(ways + k * log(p) + (n - k) * log1p(-p))


# --- what finished journeys teach -----------------------------------------------------------------

# So many finished journeys are needed before figures say more than the author does.
LEARN_FROM = 30
# Of a hundred finished journeys, replayed, so many may have been disturbed for nothing.
FALSE_ALARMS_MOST = 0.02
USUAL_SHARE = 0.9
LONGEST_FACTOR = 20.0
FACTOR_STEP = 0.25
# What took longer than this would have been found as silence anyway.
SLOW_MOST = PATIENCE.silence.amount


@dataclass(frozen=True, slots=True)
class Pace:
    """What finished journeys teach: how long each step usually takes, and when it is slow."""

    factor: float
    usual: Mapping[str, timedelta]
    journeys: int

    def slow_after(self, step: str) -> timedelta | None:
        """Return after how long a step is slow; nothing where too few have done it."""
        usual = self.usual.get(step)
        return max(SLOW_FLOOR, self.factor * usual) if usual is not None else None


def learn(ways: Sequence[Mapping[str, timedelta]]) -> Pace | None:
    """Learn from finished journeys (working time of each step) when a step is slow.

    `usual` is the time nine in ten stay below; the factor is the smallest at which the same
    journeys, replayed, raise at most two false alarms in a hundred. Nothing below thirty journeys.
    """
    if len(ways) < LEARN_FROM:
        return None
    times: dict[str, list[timedelta]] = {}
    for way in ways:
        for step, took in way.items():
            times.setdefault(step, []).append(min(took, SLOW_MOST))
    usual = {
        step: _at_share(sorted(known), USUAL_SHARE)
        for step, known in times.items()
        if len(known) >= LEARN_FROM
    }
    pace = Pace(1.0, usual, len(ways))
    while (
        false_alarms(pace, ways) > FALSE_ALARMS_MOST * len(ways)
        and pace.factor < LONGEST_FACTOR
    ):
        pace = Pace(pace.factor + FACTOR_STEP, usual, len(ways))
    return pace


def false_alarms(pace: Pace, ways: Sequence[Mapping[str, timedelta]]) -> int:
    """Return how often journeys that ended well would have been called slow.

    A step longer than any silence may last is found as silent, not as slow.
    """
    return sum(
        limit < took < SLOW_MOST
        for way in ways
        for step, took in way.items()
        if (limit := pace.slow_after(step)) is not None
    )


def _at_share(ordered: Sequence[timedelta], share: float) -> timedelta:
    """Return the value that a share of all stay at or below (nearest rank)."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


# --- losses ---------------------------------------------------------------------------------------

# By when each line of a loss is to be done, by the clock on the wall.
LOSS_LIMITS: Mapping[LossLine, timedelta] = {
    LossLine.CALL_BACK: timedelta(minutes=10),
    LossLine.DISABLE: timedelta(minutes=20),
    LossLine.SEE: timedelta(minutes=40),
    LossLine.ACCOUNT: timedelta(minutes=40),
    LossLine.REPORT: timedelta(hours=1),
    LossLine.POLICE: timedelta(hours=24),
    LossLine.DECIDE: timedelta(days=14),
}
# Longer than any staff number is no number.
NUMBER_LONGEST = 13


def numbers_meant(typed: str) -> list[str]:
    """Return the staff numbers that somebody can mean; zeros in front may be left out."""
    plain = typed.lstrip("0")
    if not plain or len(typed) > NUMBER_LONGEST:
        return []
    return [plain.zfill(length) for length in range(len(plain), NUMBER_LONGEST + 1)]
