"""How a journey moves: what happened goes in, where the person stands comes out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

from kitting.guides.states import CheckType
from kitting.journeys.states import (
    EventKind,
    HelpState,
    Method,
    Outcome,
    Result,
    Status,
    TallyKind,
    Why,
)
from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

# A longer gap between two things a person does is a break, not work on the set-up.
LONGEST_GAP = timedelta(minutes=30)

READY = "ready"
AT_HOME = "at_home"

# What opening the guide in Chrome on ChromeOS shows to have happened before.
PROVED_BY_ARRIVAL = (
    "power-on",
    "language-keyboard",
    "connect-wifi",
    "wait-update",
    "enroll",
    "sign-in",
    "first-screens",
)
ARRIVAL_STEP = "open-guide"
RECEIPT_STEP = "check-box"
PAPER_OVER = "over"
# Why a step was left out: by choice, or because the short test showed that it is known.
BY_CHOICE = "by_choice"
TESTED_OUT = "test_out"
SIGN_IN_STEP = "sign-in"

# Ways of saying that a step is done that tell how long it took.
TIMED = frozenset({Method.BUTTON, Method.CHECK, Method.SERVER, Method.ANOTHER_WAY})

# After so many wrong numbers a browser waits; an address has more tries, because a city hall stands
# behind one. Whoever has to wait is no secret: with the number that closes a browser the lead is told.
TRIES_PER_BROWSER = 3
TRIES_PER_ADDRESS = 10
ADDRESS_WINDOWS = 12  # so many windows of a browser long
TRIES_PER_BOX = TRIES_PER_BROWSER - 1
TRIES_PER_SERIAL = 5

# What a person may say is done after so many tries that a check did not see.
TRIES_BEFORE_OWN_WORD = 2
SERIAL_PART = 4

# So many steps said to be done within so much time: nobody can have read them, let alone done them.
FAST_STEPS = 10
FAST_WITHIN = timedelta(seconds=10)

CHROMEOS = frozenset({"chrome os", "chromium os", "chromeos"})
AFTERNOON = time(13)
LATER_TODAY = timedelta(hours=1)

# Practice may be done in any way, and may always be left out.
PRACTICE = frozenset(
    {
        CheckType.TOUCH_PRACTICE,
        CheckType.TOUCHPAD_PRACTICE,
        CheckType.IME_PRACTICE,
    }
)
# Why a page may say that it did not see what the person did; it can say nothing else.
_ANYWHERE = frozenset(
    {Why.NOT_CHECKED, Why.TIMEOUT, Why.NOT_SEEN, Why.UNSUPPORTED, Why.NOT_CHROMEOS}
)
_EQUIPMENT = frozenset(
    {Why.DENIED, Why.NO_CAMERA, Why.NO_MICROPHONE, Why.DARK, Why.SILENT, Why.NO_SOUND}
)
WHY_NOT_SEEN: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        **dict.fromkeys(PRACTICE, _ANYWHERE),
        CheckType.LEAVE_AND_RETURN: _ANYWHERE,
        CheckType.IDLE_LOCK: _ANYWHERE | {Why.DENIED},
        CheckType.AV_TEST: _ANYWHERE | _EQUIPMENT,
        CheckType.OS_VERSION: _ANYWHERE | {Why.OLD_VERSION},
    }
)
# Tries that IT wants to know of; how often somebody tries a practice is nobody's business.
WHY_TRIED: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        CheckType.IDLE_LOCK: frozenset({Why.DENIED, Why.UNSUPPORTED}),
        CheckType.AV_TEST: _EQUIPMENT | {Why.UNSUPPORTED},
    }
)
WHY_LEFT_OUT = frozenset({Why.BY_CHOICE, Why.NO_TOUCH})
VERSIONS = frozenset({Why.NEW_ENOUGH, Why.OLD_VERSION, Why.UNSUPPORTED, Why.NOT_CHROMEOS})

_BRAND = re.compile(r'"(Google Chrome|Chromium)";\s*v="(\d+)')
_CHROME = re.compile(r"\bChrome/(\d+)\.")
_TAIL = re.compile(r"[\x21-\x7e]*\Z")

_LOOK_ALIKE = str.maketrans("OISB", "0158")


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step that applies to a journey."""

    key: str
    milestone: str
    required: bool


Plan = tuple[PlannedStep, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, as the event log keeps it."""

    kind: str
    at: datetime
    step_key: str = ""
    by_person: bool = True
    result: str = ""
    method: str = ""
    reason: str = ""
    until: datetime | None = None
    help_state: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one step is."""

    result: str
    method: str
    opened_at: datetime | None
    done_at: datetime
    reason: str = ""
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a journey stands; every figure follows from its events."""

    marks: Mapping[str, Mark] = field(default_factory=lambda: MappingProxyType({}))
    begun_at: datetime | None = None
    current_step: str = ""
    opened_at: datetime | None = None
    ready_at: datetime | None = None
    at_home_at: datetime | None = None
    arrived_at: datetime | None = None
    last_event_at: datetime | None = None
    paused_until: datetime | None = None
    on_paper: bool = False
    fast_until: str = ""
    help_state: str = HelpState.NONE
    active_seconds: int = 0
    opened_seconds: int = 0
    ready_seconds: int | None = None
    asked_at: datetime | None = None
    event_count: int = 0


def plan_from(rows: Iterable[Iterable[object]]) -> Plan:
    """Return the plan a journey has frozen as rows of key, milestone, required."""
    return tuple(
        PlannedStep(key=str(key), milestone=str(milestone), required=bool(required))
        for key, milestone, required in (tuple(row) for row in rows)
    )


def status(*, begun: bool, ready: bool, help_state: str) -> Status:
    """Return the one state a person is counted in: done, waiting, in progress, not started."""
    if ready:
        return Status.DONE
    if help_state == HelpState.ASKED:
        return Status.WAITING
    return Status.IN_PROGRESS if begun else Status.NOT_STARTED


def reached(plan: Plan, marks: Mapping[str, Mark], milestone: str) -> bool:
    """Tell whether every required step of a milestone has a mark."""
    return all(s.key in marks for s in plan if s.milestone == milestone and s.required)


def done_of(plan: Plan, marks: Mapping[str, Mark], milestone: str) -> int:
    """Return how many required steps of a milestone have a mark."""
    return sum(s.key in marks for s in plan if s.milestone == milestone and s.required)


def next_step(plan: Plan, marks: Mapping[str, Mark]) -> str:
    """Return the first step without a mark, or nothing when all have one."""
    return next((s.key for s in plan if s.key not in marks), "")


def apply(plan: Plan, before: Progress, fact: Fact) -> Progress:  # noqa: C901, PLR0915  # one case a kind of event
    """Return where the journey stands after one more fact."""
    after = replace(before, event_count=before.event_count + 1)
    if fact.by_person:
        after = _person_moved(after, before, fact)
    match fact.kind:
        case EventKind.BEGUN:
            after = replace(after, begun_at=before.begun_at or fact.at)
        case EventKind.STEP_OPENED if fact.step_key == before.current_step and _was_away(
            before, fact
        ):
            after = replace(after, opened_at=fact.at)
        case EventKind.STEP_DONE | EventKind.STEP_SKIPPED | EventKind.STEP_LIKELY:
            marks = _marked(before, fact, worked=after.active_seconds)
            after = replace(after, marks=marks, fast_until="")
        case EventKind.STEP_UNDONE:
            left = {key: mark for key, mark in before.marks.items() if key != fact.step_key}
            after = replace(after, marks=MappingProxyType(left))
        case EventKind.ARRIVED:
            after = replace(after, arrived_at=before.arrived_at or fact.at)
        case EventKind.PAUSED:
            after = replace(after, paused_until=fact.until)
        case EventKind.PAPER:
            after = replace(after, on_paper=fact.reason != PAPER_OVER)
        case EventKind.TOO_FAST:
            after = replace(after, fast_until=fact.step_key)
        case EventKind.HELP_CHANGED:
            asked = fact.at if fact.help_state == HelpState.ASKED else None
            after = replace(
                after, help_state=fact.help_state, asked_at=before.asked_at or asked
            )
        case _:
            pass
    return _settled(plan, before, after, fact)


def pressed_too_fast(
    plan: Plan, marks: Mapping[str, Mark], *, step_key: str, now: datetime
) -> tuple[str, ...]:
    """Return the steps said to be done faster than possible, were this one pressed now; else none.

    Only the person's bare word counts: what arrived, was checked, came from paper or was declared
    at once is no matter of speed.
    """
    quick = tuple(
        step.key
        for step in plan
        if (mark := marks.get(step.key)) is not None
        and mark.method == Method.BUTTON
        and mark.result == Result.SELF_REPORTED
        and timedelta(0) <= now - mark.done_at < FAST_WITHIN
    )
    is_new = step_key not in quick
    return quick if len(quick) + is_new >= FAST_STEPS else ()


def up_to(plan: Plan, marks: Mapping[str, Mark], step_key: str) -> tuple[str, ...]:
    """Return the steps without a mark up to a step, in order."""
    keys = [step.key for step in plan]
    last = keys.index(step_key) + 1 if step_key in keys else 0
    return tuple(key for key in keys[:last] if key not in marks)


def replay(plan: Plan, facts: Iterable[Fact]) -> Progress:
    """Return where a journey stands after all its facts, from nothing."""
    progress = Progress()
    for fact in facts:
        progress = apply(plan, progress, fact)
    return progress


def _person_moved(after: Progress, before: Progress, fact: Fact) -> Progress:
    gap = fact.at - before.last_event_at if before.last_event_at else timedelta(0)
    worked = gap if timedelta(0) < gap <= LONGEST_GAP else timedelta(0)
    return replace(
        after,
        last_event_at=max(fact.at, before.last_event_at) if before.last_event_at else fact.at,
        active_seconds=before.active_seconds + int(worked.total_seconds()),
        paused_until=None,
    )


def _was_away(before: Progress, fact: Fact) -> bool:
    return before.last_event_at is None or fact.at - before.last_event_at > LONGEST_GAP


def _marked(before: Progress, fact: Fact, *, worked: int) -> Mapping[str, Mark]:
    if fact.kind == EventKind.STEP_LIKELY and fact.step_key in before.marks:
        return before.marks
    is_here = fact.step_key == before.current_step
    is_timed = is_here and fact.by_person and (fact.method or Method.BUTTON) in TIMED
    mark = Mark(
        result=fact.result or (Result.LIKELY if fact.kind == EventKind.STEP_LIKELY else ""),
        method=fact.method or Method.BUTTON,
        opened_at=before.opened_at if is_here else None,
        done_at=fact.at,
        reason=fact.reason,
        # Active time: breaks are cut. Nothing is known of what was said of many steps at once.
        seconds=worked - before.opened_seconds if is_timed else None,
    )
    return MappingProxyType({**before.marks, fact.step_key: mark})


def _settled(plan: Plan, before: Progress, after: Progress, fact: Fact) -> Progress:
    """Let what follows from the marks follow: current step, ready, at home."""
    if after.begun_at is None:
        return after
    current = next_step(plan, after.marks)
    if current != before.current_step or before.begun_at is None:
        after = replace(
            after,
            current_step=current,
            opened_at=fact.at if current else None,
            opened_seconds=after.active_seconds,
        )
    if after.marks is before.marks:
        return after
    ready = reached(plan, after.marks, READY)
    at_home = ready and reached(plan, after.marks, AT_HOME)
    took = after.active_seconds if before.ready_at is None else before.ready_seconds
    return replace(
        after,
        ready_at=(before.ready_at or fact.at) if ready else None,
        ready_seconds=took if ready else None,
        at_home_at=(before.at_home_at or fact.at) if at_home else None,
    )


# --- what is counted ------------------------------------------------------------------------------

MINUTE = 60
# A step is timed in pieces of so many seconds.
PIECE = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """The group a journey is counted in; all empty is the whole organisation."""

    department_id: int | None = None
    place_id: int | None = None
    wave_id: int | None = None
    edition_id: int | None = None


EVERYBODY = Cell()
Counted = tuple[str, str, Cell]


def standing(
    cell: Cell, progress: Progress, *, status: str, ready_on: date | None, is_noticed: bool
) -> Counter[Counted]:
    """Return where an open journey counts; `ready_on` is the organisation's day of being ready."""
    keys = [(TallyKind.STATUS, status)]
    if is_noticed:
        keys.append((TallyKind.NOTICED, ""))
    keys += _standing_on_the_way(progress, status=status, ready_on=ready_on)
    return Counter((str(kind), str(key), cell) for kind, key in keys)


def _standing_on_the_way(
    progress: Progress, *, status: str, ready_on: date | None
) -> list[tuple[TallyKind, str]]:
    keys: list[tuple[TallyKind, str]] = []
    if status in (Status.IN_PROGRESS, Status.WAITING):
        keys.append((TallyKind.STEP, progress.current_step))
    if ready_on is not None:
        keys.append((TallyKind.DAY, f"{ready_on:%Y-%m-%d}"))
        if progress.ready_seconds is not None:
            keys.append((TallyKind.TIME, str(whole(progress.ready_seconds, MINUTE))))
        if progress.asked_at is None:
            keys.append((TallyKind.ALONE, ""))
        if progress.help_state == HelpState.ASKED:
            keys.append((TallyKind.ASKING, ""))
    return keys


def times_taken(marks: Mapping[str, Mark]) -> Counter[Counted]:
    """Return how long the steps of a journey took, as they are counted."""
    return Counter(
        (str(TallyKind.TOOK), took_key(key, mark.seconds), EVERYBODY)
        for key, mark in marks.items()
        if mark.seconds is not None and mark.result != Result.SKIPPED
    )


def took_key(step_key: str, seconds: int) -> str:
    """Return under which key a step that took so long is counted."""
    return f"{step_key}:{whole(seconds, PIECE)}"


def whole(seconds: int, piece: int) -> int:
    """Return how many whole pieces hold so many seconds: 61 seconds lie within 2 minutes."""
    return (seconds + piece - 1) // piece


# --- what people type ----------------------------------------------------------------------------


def plain_number(typed: str) -> str:
    """Return a number as it is compared: half-width, capitals, nothing between the characters."""
    wide = unicodedata.normalize("NFKC", typed).upper()
    return "".join(character for character in wide if character.isalnum())


def is_same_number(typed: str, known: str) -> bool:
    """Tell whether somebody typed a staff number; zeros in front may be left out."""
    mine, right = plain_number(typed), plain_number(known)
    return bool(mine) and mine.lstrip("0") == right.lstrip("0") and bool(right)


def is_serial_end(typed: str, serial: str) -> bool:
    """Tell whether what was typed is the end of a serial number, or all of it.

    O and 0, I and 1, S and 5, B and 8 count as the same: nobody can tell them apart on a sticker.
    """
    mine = plain_number(typed).translate(_LOOK_ALIKE)
    return len(mine) >= SERIAL_PART and plain_number(serial).translate(_LOOK_ALIKE).endswith(
        mine
    )


def is_same_tag(typed: str, asset_tag: str) -> bool:
    """Tell whether somebody typed the asset tag instead of the serial number."""
    return bool(asset_tag) and plain_number(typed) == plain_number(asset_tag)


def right_answers(
    questions: Iterable[Mapping[str, object]], answers: Mapping[int, int]
) -> frozenset[int]:
    """Return the numbers of the questions that were answered right."""
    right = set()
    for question in questions:
        choices = question["choices"]
        number = question["number"]
        if isinstance(choices, list) and isinstance(number, int):
            good = {choice["number"] for choice in choices if choice["correct"]}
            right |= {number} if answers.get(number) in good else set()
    return frozenset(right)


# Programs that show pages inside themselves: their page forgets who one was, and closes with the chat.
IN_APP = (
    (" Line/", "LINE"),
    ("Slack", "Slack"),
    ("Teams/", "Microsoft Teams"),
    ("TeamsMobile", "Microsoft Teams"),
    ("Instagram", "Instagram"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    ("FB_IAB", "Facebook"),
    ("Twitter", "X"),
    ("MicroMessenger", "WeChat"),
    ("KAKAOTALK", "KakaoTalk"),
    ("YJApp-", "Yahoo! JAPAN"),
    ("GSA/", "Google"),
)


def in_app_browser(user_agent: str) -> str:
    """Return the name of the program in which a page is shown, or nothing for a real browser."""
    return next((name for mark, name in IN_APP if mark in user_agent), "")


# --- without a network ---------------------------------------------------------------------------


def own_time(
    client_at: datetime | None, *, last: datetime | None, now: datetime
) -> datetime | None:
    """Return when something was pressed as far as it can be true: after what came before, not after now.

    Clocks of devices are wrong by anything; what orders is when it arrived.
    """
    if client_at is None:
        return None
    return min(max(client_at, last), now) if last else min(client_at, now)


# --- checks by the page --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What is put down about a step that a page saw done."""

    result: Result
    method: Method
    reason: str = ""


def finding(*, check_type: str, outcome: str, on_chromebook: bool, version: str) -> Finding:
    """Return how sure a check makes us, by what the page says and the server knows itself.

    What was done on another device than a Chromebook shows that the person knows how; it says
    nothing about this device, so that it counts as the person's word. Being away from the page and
    coming back makes it likely that the rest was done.
    """
    if outcome == Outcome.ANOTHER_WAY:
        return Finding(Result.SELF_REPORTED, Method.ANOTHER_WAY, Why.ANOTHER_WAY)
    if not on_chromebook:
        return Finding(Result.SELF_REPORTED, Method.CHECK, Why.NOT_CHROMEOS)
    if check_type == CheckType.OS_VERSION and version == Why.OLD_VERSION:
        return Finding(Result.SELF_REPORTED, Method.CHECK, Why.OLD_VERSION)
    if check_type == CheckType.LEAVE_AND_RETURN:
        return Finding(Result.LIKELY, Method.CHECK, Why.WAS_AWAY)
    return Finding(Result.CONFIRMED, Method.CHECK)


def split_expected(text: str) -> tuple[str, str]:
    """Return what is to be converted, and the plain letters after it."""
    tail = _TAIL.search(text)
    at = tail.start() if tail else len(text)
    return text[:at], text[at:]


def chrome_milestone(*, brands: str, user_agent: str) -> int | None:
    """Return Chrome's milestone from what a browser says of itself, or nothing."""
    named = dict(_BRAND.findall(brands))
    said = named.get("Google Chrome") or named.get("Chromium")
    found = _CHROME.search(user_agent)
    return int(said) if said else int(found[1]) if found else None


def version_found(*, on_chromebook: bool, milestone: int | None, minimum: str) -> Why:
    """Tell whether the system is new enough; a minimum nobody set lets all pass."""
    if not on_chromebook:
        return Why.NOT_CHROMEOS
    if milestone is None:
        return Why.UNSUPPORTED
    if minimum.isdigit() and milestone < int(minimum):
        return Why.OLD_VERSION
    return Why.NEW_ENOUGH


# --- devices and moments -------------------------------------------------------------------------


def runs_chromeos(*, user_agent: str, platform: str) -> bool:
    """Tell from what a browser says of itself whether it runs on ChromeOS."""
    return platform.strip().strip('"').lower() in CHROMEOS or " CrOS " in user_agent


def is_away(last_event_at: datetime | None, now: datetime) -> bool:
    """Tell whether so much time has passed that coming back is an event of its own."""
    return last_event_at is None or now - last_event_at > LONGEST_GAP


@dataclass(frozen=True, slots=True)
class Later:
    """When somebody may go on: later today if there is time, and on the next working day."""

    today: datetime | None
    next_day: datetime


def later(calendar: clock.Calendar, now: datetime) -> Later:
    """Return the moments offered to who has no time now, both within the person's hours."""
    local = now.astimezone(calendar.zone)
    afternoon = datetime.combine(local.date(), AFTERNOON, tzinfo=calendar.zone)
    opening = clock.next_open(calendar, max(afternoon, now + LATER_TODAY))
    is_today = opening.astimezone(calendar.zone).date() == local.date()
    return Later(
        today=opening if is_today else None,
        next_day=opening_of(calendar, local.date() + timedelta(days=1)),
    )


def opening_of(calendar: clock.Calendar, on: date) -> datetime:
    """Return when a day's work begins, or that of the first working day after it."""
    return clock.next_open(calendar, datetime.combine(on, time(), tzinfo=calendar.zone))
