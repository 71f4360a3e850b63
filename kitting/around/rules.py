"""When somebody is invited to something, and what a certificate may say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kitting.around.states import InvitationKind, Practice
from kitting.journeys.rules import TESTED_OUT
from kitting.journeys.states import Method, Result

# At most one letter a week, and none to who has only just begun to work with it.
BETWEEN = timedelta(days=7)
PRACTICE_AFTER = timedelta(days=5)
MONTH = timedelta(days=30)
# Later than this nobody is asked any more how it was.
TOO_LATE = timedelta(days=60)
# So long after the device was ready letters end, read or not.
LAST_LETTER = timedelta(days=120)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of somebody before a letter: `lessons` are those not yet read or sent, in order."""

    ready_at: datetime
    at_home: bool
    last_letter_at: datetime | None
    month_asked: bool
    practice_asked: bool
    lessons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One invitation that is due."""

    kind: InvitationKind
    key: str = ""


def letter(standing: Standing, now: datetime) -> Letter | None:
    """Return the one invitation somebody should get now, or nothing."""
    since = now - standing.ready_at
    last = standing.last_letter_at
    if last is not None and now - last < BETWEEN:
        return None
    if not standing.month_asked and MONTH <= since < TOO_LATE:
        return Letter(InvitationKind.MONTH)
    if not standing.at_home and not standing.practice_asked and since >= PRACTICE_AFTER:
        return Letter(InvitationKind.PRACTICE)
    if standing.lessons and since >= BETWEEN:
        return Letter(InvitationKind.LESSON, standing.lessons[0])
    return None


def practice_of(*, result: str, method: str, reason: str) -> Practice:
    """Return what may truly be said about one piece of practice; no result means not yet."""
    if not result:
        return Practice.OPEN
    if result == Result.SKIPPED:
        return Practice.TESTED if reason == TESTED_OUT else Practice.LEFT_OUT
    if method == Method.DECLARED:
        return Practice.DECLARED
    if method == Method.ANOTHER_WAY:
        return Practice.ANOTHER_WAY
    return Practice.DONE if result == Result.CONFIRMED else Practice.SAID
