"""Decisions about the roll: which columns it has, what a row means, what is wrong with it."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from kitting.lib.codes import ALPHABET
from kitting.lib.rows import Cells, Flaw, Shared, repeated
from kitting.lib.weeks import MONDAY_TO_FRIDAY, ClockError, Week, parse_week

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, time

    from kitting.lib.sheets import Row

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "staff_number": (
        "職員番号",
        "職員コード",
        "職員ID",
        "社員番号",
        "従業員番号",
        "staff number",
        "staff no",
        "staff ID",
        "employee number",
        "employee no",
        "employee ID",
    ),
    "name": ("氏名", "名前", "職員氏名", "name", "full name"),
    "kana": ("フリガナ", "ふりがな", "カナ", "カナ氏名", "氏名カナ", "kana", "reading"),
    "email": (
        "メールアドレス",
        "メール",
        "Eメール",
        "e-mail",
        "email",
        "mail",
        "email address",
    ),
    "account": (
        "アカウント",
        "Chromebookアカウント",
        "Googleアカウント",
        "account",
        "Chromebook account",
        "Google account",
    ),
    "bureau": ("部", "部名", "部局", "部局名", "局", "bureau", "division"),
    "section": ("課", "課名", "課室", "所属", "所属名", "所属課", "section", "department"),
    "unit": ("係", "係名", "班", "unit", "team"),
    "place": (
        "勤務場所",
        "勤務地",
        "勤務先",
        "施設",
        "施設名",
        "場所",
        "place",
        "location",
        "workplace",
        "site",
    ),
    "role": ("役割", "担当", "role"),
    "title": ("役職", "役職名", "職名", "title", "job title", "position"),
    "employment": ("雇用区分", "任用区分", "雇用形態", "employment", "employment type"),
    "extension": ("内線", "内線番号", "extension", "extension number", "ext"),
    "hours": ("勤務時間", "就業時間", "hours", "working hours"),
    "language": ("言語", "表示言語", "language"),
    "left_on": ("退職日", "退職年月日", "離職日", "left on", "leaving date", "leaving day"),
    "leave_from_on": (
        "休職開始日",
        "休職開始",
        "休業開始日",
        "不在開始日",
        "不在開始",
        "leave from",
        "leave start",
        "away from",
    ),
    "leave_to_on": (
        "休職終了日",
        "休職終了",
        "休業終了日",
        "不在終了日",
        "不在終了",
        "leave to",
        "leave end",
        "away until",
    ),
}
NEEDED = (("staff_number",), ("name",), ("section", "bureau"))

# Compared without spaces and letter case. Nothing in a file makes anybody IT: who is named so is
# reported, and somebody with the right to do it gives the role on a page.
LEAD_WORDS = frozenset({
    "dx推進リーダー", "dxリーダー", "推進リーダー", "ictリーダー", "リーダー",
    "dxlead", "dxleader", "lead", "leader",
})  # fmt: skip
IT_WORDS = frozenset({
    "it担当", "it担当者", "it責任者", "it管理者", "情報システム担当", "情シス",
    "it", "itstaff", "itofficer", "itlead", "itmanager", "itadmin",
})  # fmt: skip
LANGUAGES = {"ja": "ja", "japanese": "ja", "日本語": "ja", "日本": "ja"}

LONGEST_SHIFT_MINUTES = 570
LONGEST_TITLE = 40
_STAFF_NUMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]*")
_EMAIL = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+")
_BETWEEN_WORDS = re.compile(r"[、,/・;&+]|\sと\s")
_DASHES = re.compile(r"\s*[\N{HYPHEN}-\N{HORIZONTAL BAR}\N{MINUS SIGN}~〜〰ー─-]\s*")


class PersonRow(NamedTuple):
    """What one row of the roll says; `given` names the fields whose column the file has.

    `departments` is the way from the top down, `led` the part of it this person leads.
    """

    row: int
    staff_number: str
    name: str
    kana: str = ""
    email: str = ""
    account: str = ""
    departments: tuple[str, ...] = ()
    led: tuple[str, ...] = ()
    names_it: bool = False
    place: str = ""
    title: str = ""
    employment: str = ""
    extension: str = ""
    hours: str = ""
    language: str = ""
    left_on: date | None = None
    leave_from_on: date | None = None
    leave_to_on: date | None = None
    given: frozenset[str] = frozenset()
    flaws: tuple[Flaw, ...] = ()


class Numbers(NamedTuple):
    """The numbers of what one row names: its department, place and hours, and what its person leads."""

    department: int
    place: int | None
    hours: int | None
    led: int | None


@dataclass
class Mentioned:
    """The departments, places and hours that rows name, each once, numbered as they appear."""

    departments: dict[tuple[str, ...], int] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    hours: dict[str, int] = field(default_factory=dict)
    # What rows name together, with its numbers, and how many rows do.
    numbers: dict[tuple[object, ...], Numbers] = field(default_factory=dict)
    counts: Counter[tuple[object, ...]] = field(default_factory=Counter)

    def add(self, row: PersonRow) -> Numbers:
        """Return the numbers of what a row names."""
        named = (row.departments, row.place, row.hours, row.led)
        self.counts[named] += 1
        known = self.numbers.get(named)
        if known is None:
            known = self.numbers[named] = Numbers(
                self.departments.setdefault(row.departments, len(self.departments)),
                self.places.setdefault(row.place, len(self.places)) if row.place else None,
                self.hours.setdefault(row.hours, len(self.hours)) if row.hours else None,
                self.departments.setdefault(row.led, len(self.departments))
                if row.led
                else None,
            )
        return known

    @property
    def usual_hours(self) -> dict[str, str]:
        """Return the hours that most people of each place keep."""
        counts: dict[str, Counter[str]] = {}
        for (_departments, place, hours, _led), count in self.counts.items():
            if place and hours:
                counts.setdefault(str(place), Counter())[str(hours)] += count
        return {place: counter.most_common(1)[0][0] for place, counter in counts.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who is known already, as far as two people can be mixed up."""

    id: int
    username: str
    staff_number: str
    email: str
    account: str


def person_reader(columns: Mapping[str, str]) -> Callable[[Row], PersonRow]:
    """Return what reads the rows of a roll with such columns (field to header).

    What is wrong with a row stands in its flaws. What many people share is judged once.
    """
    given = frozenset(columns)
    homes = Shared(("bureau", "section", "unit", "place", "hours"), columns, _home)
    posts = Shared(
        ("role", "title", "employment", "language", "left_on", "leave_from_on", "leave_to_on"),
        columns,
        _post,
    )

    def read(row: Row) -> PersonRow:
        cells = Cells(row, columns)
        home, post = homes.of(row, cells.flaws), posts.of(row, cells.flaws)
        return PersonRow(
            row=row.number,
            staff_number=_staff_number(cells),
            name=_name(cells),
            kana=cells.text("kana", most=80),
            email=_email(cells),
            account=_account(cells),
            departments=home.departments,
            led=home.section if post.is_lead else (),
            names_it=post.is_it,
            place=home.place,
            title=post.title,
            employment=post.employment,
            extension=cells.number("extension", most=20),
            hours=home.hours,
            language=post.language,
            left_on=post.left_on,
            leave_from_on=post.leave_from_on,
            leave_to_on=post.leave_to_on,
            given=given,
            flaws=tuple(cells.flaws),
        )

    return read


@dataclass(frozen=True, slots=True)
class _Home:
    """Where somebody belongs and works; `section` is what a lead there leads."""

    departments: tuple[str, ...]
    section: tuple[str, ...]
    place: str
    hours: str


@dataclass(frozen=True, slots=True)
class _Post:
    """What somebody is there, and from when to when."""

    is_lead: bool
    is_it: bool
    title: str
    employment: str
    language: str
    left_on: date | None
    leave_from_on: date | None
    leave_to_on: date | None


def _home(cells: Cells) -> _Home:
    bureau, section, unit = (cells.text(f, most=80) for f in ("bureau", "section", "unit"))
    departments = tuple(part for part in (bureau, section, unit) if part)
    if not departments:
        cells.fault("department_missing")
    return _Home(
        departments=departments,
        section=tuple(part for part in (bureau, section) if part) or departments,
        place=cells.text("place", most=80),
        hours=_hours(cells),
    )


def _post(cells: Cells) -> _Post:
    words = _words_of(cells.text("role", most=40), cells.text("title", most=40))
    leave_from_on, leave_to_on = _leave(cells)
    return _Post(
        is_lead=words.is_lead,
        is_it=words.is_it,
        title=_title(cells, words.title),
        employment=cells.text("employment", most=40),
        language=language_of(cells.text("language", most=40)),
        left_on=cells.date("left_on"),
        leave_from_on=leave_from_on,
        leave_to_on=leave_to_on,
    )


def language_of(text: str) -> str:
    """Choose the language for a word of the roll: ja or en; empty where it says nothing.

    Whoever reads neither is likelier to read English.
    """
    return LANGUAGES.get(text.lower(), "en") if text else ""


@lru_cache(maxsize=1024)
def normal_hours(text: str) -> str:
    """Write hours of work in one way, such as 8:30-17:15; raises `ClockError`."""
    week = parse_week(text)
    spans = week[0]
    if all(week[day] == (spans if day in MONDAY_TO_FRIDAY else ()) for day in range(7)):
        return ",".join(f"{_clock(span.start)}-{_clock(span.end)}" for span in spans)
    return _DASHES.sub("-", " ".join(unicodedata.normalize("NFKC", text).split()))


def are_shifts(week: Week) -> bool:
    """Tell whether such hours are those of a place, longer than anybody's day of work."""
    return any(
        _minutes(day[-1].end, at_end=True) - _minutes(day[0].start) > LONGEST_SHIFT_MINUTES
        for day in week
        if day
    )


def pair(rows: Iterable[PersonRow], known: Iterable[Known]) -> dict[int, Known]:
    """Find who each row speaks of, by row number: by staff number, else by e-mail address.

    The address finds only people who have no staff number yet, such as a first IT lead who was
    entered before there was a roll.
    """
    people = list(known)
    by_number = {person.staff_number: person for person in people if person.staff_number}
    by_email = {
        person.email.lower(): person
        for person in people
        if person.email and not person.staff_number
    }
    found = {}
    for row in rows:
        person = by_number.get(row.staff_number) or by_email.get(row.email or "-")
        if person and row.staff_number:
            found[row.row] = person
    return found


def roll_flaws(rows: Sequence[PersonRow], known: Sequence[Known]) -> list[Flaw]:
    """Return everything that is wrong with a roll, by row."""
    pairs = pair(rows, known)
    flaws = [flaw for row in rows for flaw in row.flaws]
    flaws += _twice(rows)
    flaws += _lost_zeros(rows, known)
    flaws += _taken(rows, known, pairs)
    flaws += _names_taken(rows, known, pairs)
    return sorted(flaws, key=lambda flaw: flaw.row)


def _twice(rows: Sequence[PersonRow]) -> Iterator[Flaw]:
    for name in ("staff_number", "email", "account"):
        for row, value, earlier in repeated((row.row, getattr(row, name)) for row in rows):
            yield Flaw(row, f"{name}_twice", {"value": value, "earlier": str(earlier)})


def _lost_zeros(rows: Sequence[PersonRow], known: Iterable[Known]) -> Iterator[Flaw]:
    """Find numbers that a spreadsheet shortened: 10203 where 010203 is known and not listed."""
    numbers = {person.staff_number for person in known if person.staff_number}
    unlisted = numbers - {row.staff_number for row in rows}
    full = {number.lstrip("0"): number for number in sorted(unlisted)}
    for row in rows:
        if row.staff_number and row.staff_number not in numbers:
            likely = full.get(row.staff_number.lstrip("0"))
            if likely:
                params = {"value": row.staff_number, "likely": likely}
                yield Flaw(row.row, "staff_number_zeros", params)


def _taken(
    rows: Sequence[PersonRow], known: Sequence[Known], pairs: Mapping[int, Known]
) -> Iterator[Flaw]:
    """Find what belongs to somebody else once all rows are taken in."""
    row_of = {pairs[row.row].id: row for row in rows if row.row in pairs}
    for name in ("email", "account"):
        said = [row for row in rows if name in row.given and getattr(row, name)]
        kept = {
            getattr(person, name).lower(): person
            for person in known
            if person.id not in row_of or name not in row_of[person.id].given
        }
        for row in said:
            value = getattr(row, name)
            if holder := kept.get(value.lower()):
                shown = holder.staff_number or holder.username
                yield Flaw(row.row, f"{name}_taken", {"value": value, "holder": shown})


def _names_taken(
    rows: Sequence[PersonRow], known: Sequence[Known], pairs: Mapping[int, Known]
) -> Iterator[Flaw]:
    """Find staff numbers that somebody else has for a sign-in name."""
    usernames = {person.username: person.id for person in known}
    for row in rows:
        own_id = pairs[row.row].id if row.row in pairs else None
        if usernames.get(row.staff_number, own_id) != own_id:
            yield Flaw(row.row, "username_taken", {"value": row.staff_number})


def _staff_number(cells: Cells) -> str:
    text = cells.number("staff_number", most=20)
    if not text and not cells.has("staff_number"):
        cells.fault("staff_number_missing")
        return ""
    if text and not _STAFF_NUMBER.fullmatch(text):
        cells.fault("staff_number_letters", value=text)
        return ""
    return text


def _name(cells: Cells) -> str:
    name = cells.text("name", most=80)
    if not name and not cells.has("name"):
        cells.fault("name_missing")
    return name


def _title(cells: Cells, title: str) -> str:
    if len(title) > LONGEST_TITLE:
        cells.fault("title_too_long", most=str(LONGEST_TITLE))
        return ""
    return title


def _email(cells: Cells) -> str:
    text = cells.text("email", most=254).lower()
    if text and not _EMAIL.fullmatch(text):
        cells.fault("email_unreadable", value=text)
        return ""
    return text


def _account(cells: Cells) -> str:
    text = cells.text("account", most=254)
    if " " in text or not text.isascii():
        cells.fault("account_unreadable", value=text)
        return ""
    return text


def _hours(cells: Cells) -> str:
    text = cells.text("hours", most=80)
    try:
        return normal_hours(text) if text else ""
    except ClockError:
        cells.fault("hours_unreadable", value=text)
        return ""


def _leave(cells: Cells) -> tuple[date | None, date | None]:
    begin, end = cells.date("leave_from_on"), cells.date("leave_to_on")
    if end and not cells.has("leave_from_on"):
        cells.fault("leave_without_start")
    elif begin and end and end < begin:
        cells.fault("leave_backwards")
    return begin, end


@dataclass(frozen=True, slots=True)
class _RoleWords:
    """What the words of role and title mean."""

    is_lead: bool
    is_it: bool
    title: str


@lru_cache(maxsize=4096)
def _words_of(role: str, title: str) -> _RoleWords:
    words = _words(role) + _words(title)
    return _RoleWords(
        is_lead=any(_key(word) in LEAD_WORDS for word in words),
        is_it=any(_key(word) in IT_WORDS for word in words),
        title="・".join(word for word in words if _key(word) not in LEAD_WORDS),
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in _BETWEEN_WORDS.split(text) if word.strip()]


def _key(word: str) -> str:
    return "".join(word.lower().split())


def _minutes(at: time, *, at_end: bool = False) -> int:
    minutes = at.hour * 60 + at.minute
    return 24 * 60 if at_end and not minutes else minutes


def _clock(at: time) -> str:
    return f"{at.hour}:{at.minute:02d}"


# --- printed slips -------------------------------------------------------------------------------

# The signs of box codes: people do not mix them up. 29 ** 28 is more than 2 ** 136.
SLIP_ALPHABET = ALPHABET
SLIP_LENGTH = 28
SLIP_GROUP = 4


def slip_secret(typed: str) -> str:
    """Return what was typed or scanned as slips are made: capitals, nothing between them."""
    plain = unicodedata.normalize("NFKC", typed).upper()
    return "".join(c for c in plain if c in SLIP_ALPHABET)[: SLIP_LENGTH + 1]


def slip_shown(secret: str) -> str:
    """Write a secret as it stands on paper, such as K7M3 9QXP …."""
    return " ".join(secret[at : at + SLIP_GROUP] for at in range(0, len(secret), SLIP_GROUP))
