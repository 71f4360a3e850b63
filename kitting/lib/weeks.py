"""Opening hours of a week: seven days of spans, and how people write them down."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import time
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DAYS_A_WEEK = 7
MONDAY_TO_FRIDAY = range(5)
MIDNIGHT = time(0)


class ClockError(ValueError):
    """A calendar or a moment that cannot be reckoned with; `reason` is a stable slug.

    Reasons: never_open, too_far, naive, negative, country, week, span, and of `parse_week`
    unreadable, time, day_name, overlap. `text` is the part that could not be read.
    """

    def __init__(self, reason: str, message: str, text: str = "") -> None:
        """Keep the slug, an English sentence and the text in question."""
        super().__init__(message)
        self.reason = reason
        self.text = text


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Opening hours within one day of the wall clock; an end of 0:00 is the day's last moment."""

    start: time
    end: time

    def __post_init__(self) -> None:
        """Refuse a span that is empty or passes midnight (`parse_week` splits those)."""
        if self.end != MIDNIGHT and self.end <= self.start:
            raise ClockError(
                "span", f"A span must end after it begins: {self.start}-{self.end}"
            )


Week = tuple[tuple[Span, ...], ...]


def is_in_order(spans: Iterable[Span]) -> bool:
    """Tell whether the spans of a day follow each other without overlap."""
    return all(
        earlier.end != MIDNIGHT and earlier.end <= later.start
        for earlier, later in pairwise(spans)
    )


_DAY_NAMES = (
    "月 mon monday",
    "火 tue tues tuesday",
    "水 wed wednesday",
    "木 thu thur thurs thursday",
    "金 fri friday",
    "土 sat saturday",
    "日 sun sunday",
)
_DAYS = {name: day for day, names in enumerate(_DAY_NAMES) for name in names.split()}
_DAY_GROUPS = {
    "平日": MONDAY_TO_FRIDAY,
    "weekdays": MONDAY_TO_FRIDAY,
    "毎日": range(DAYS_A_WEEK),
    "daily": range(DAYS_A_WEEK),
}
_DAY_ENDS = {"24:00": "0:00", "24": "0:00"}
_TIME = r"\d{1,2}(?::\d{2})?"
_NAME = r"平日|毎日|[月火水木金土日](?:曜日?)?|[a-z]+"
_PART = re.compile(
    rf"(?P<start>{_TIME})\s*-\s*(?P<end>{_TIME})"
    rf"|(?P<first>{_NAME})(?:\s*-\s*(?P<last>{_NAME}))?"
    r"|(?P<gap>[\s,;:/、。・]+)"
)
_DASHES = re.compile("から|[\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}~〜〰ー─]")
_JAPANESE_TIME = re.compile(r"(\d{1,2})時(?:(\d{2})分|(半))?")


def parse_week(text: str) -> Week:
    """Read opening hours such as 8:30-17:15 (Monday to Friday) or 月-土 7:00-19:00.

    Breaks follow after a comma (8:30-12:00,13:00-17:15), other days behind their names; hours
    past midnight (22:00-6:00) reach into the next day. Japanese, English and full-width forms
    are understood. Raises `ClockError` (unreadable, time, day_name, span, overlap).
    """
    plain = unicodedata.normalize("NFKC", text).lower().replace("まで", "")
    plain = _DASHES.sub("-", _JAPANESE_TIME.sub(_clock_time, plain)).strip()
    week: list[list[Span]] = [[] for _ in range(DAYS_A_WEEK)]
    for days, start, end in _rules(plain):
        for day in days:
            _enter(week, day, start, end)
    ordered = tuple(tuple(sorted(day)) for day in week)
    if not all(is_in_order(day) for day in ordered):
        raise ClockError("overlap", "Two spans of a day overlap.", text)
    return ordered


def _rules(text: str) -> Iterator[tuple[list[int], time, time]]:
    """Take a normalised text apart into days and the spans that hold on them."""
    days: list[int] = []
    is_waiting, position = True, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise _unreadable(text[position:])
        position = part.end()
        if part["first"]:
            days = (days if is_waiting else []) + _named_days(part["first"], part["last"])
            is_waiting = True
        elif part["start"]:
            end = _time(_DAY_ENDS.get(part["end"], part["end"]))
            yield days or list(MONDAY_TO_FRIDAY), _time(part["start"]), end
            is_waiting = False
    if is_waiting:
        raise _unreadable(text)


def _named_days(first: str, last: str | None) -> list[int]:
    if last is None:
        return list(_DAY_GROUPS[first]) if first in _DAY_GROUPS else [_day(first)]
    begin = _day(first)
    length = (_day(last) - begin) % DAYS_A_WEEK + 1
    return [(begin + step) % DAYS_A_WEEK for step in range(length)]


def _day(name: str) -> int:
    # 月曜日 and 月曜 stand for 月; English names are in the table in full.
    day = _DAYS.get(name if name.isascii() else name[0])
    if day is None:
        raise ClockError("day_name", f"This is no day of the week: {name}", name)
    return day


def _time(text: str) -> time:
    hour, _, minute = text.partition(":")
    try:
        return time(int(hour), int(minute or 0))
    except ValueError as error:
        raise ClockError("time", f"This is no time of day: {text}", text) from error


def _clock_time(match: re.Match[str]) -> str:
    return f"{match[1]}:{match[2] or ('30' if match[3] else '00')}"


def _unreadable(text: str) -> ClockError:
    return ClockError("unreadable", f"These opening hours cannot be read: {text}", text)


def _enter(week: list[list[Span]], day: int, start: time, end: time) -> None:
    if start == end != MIDNIGHT:
        raise ClockError("span", "A span must end after it begins.", f"{start:%H:%M}")
    if end < start and end != MIDNIGHT:
        week[(day + 1) % DAYS_A_WEEK].append(Span(MIDNIGHT, end))
        end = MIDNIGHT
    week[day].append(Span(start, end))
