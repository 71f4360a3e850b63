"""Questions about people, their rights and their working time."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db.models import F, Prefetch, Q

from accounts.models import (
    ClosedDay,
    Department,
    Grant,
    Place,
    SignIn,
    Slip,
    Token,
    User,
    WorkingHours,
)
from accounts.ready import Ready
from accounts.states import GUARDED_ROLES, IT_ROLES, Role
from kitting.lib import clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import QuerySet

    from accounts.models import PersonQuerySet


@dataclass(frozen=True)
class Rights:
    """What one person may do on one day; the only place where rights are decided."""

    person_id: int | None = None
    roles: frozenset[str] = frozenset()
    departments: frozenset[int] = frozenset()
    places: frozenset[int] = frozenset()
    # A role that wants a second factor is held back until one is proven.
    is_held_back: bool = False

    @property
    def is_it(self) -> bool:
        """Tell whether the person is on the IT team (its lead included)."""
        return bool(self.roles & set(IT_ROLES))

    @property
    def is_it_lead(self) -> bool:
        """Tell whether the person leads the IT team."""
        return Role.IT_LEAD in self.roles

    @property
    def is_auditor(self) -> bool:
        """Tell whether the person may read the audit log."""
        return Role.AUDITOR in self.roles

    @property
    def sees_roles(self) -> bool:
        """Tell whether the person may look at who holds which role."""
        return self.is_it_lead or self.is_auditor

    @property
    def is_guarded(self) -> bool:
        """Tell whether the person holds a role that wants a second factor."""
        return bool(self.roles & set(GUARDED_ROLES))

    def without_guarded(self) -> Rights:
        """Return what is left while no second factor is proven."""
        return replace(self, roles=self.roles - set(GUARDED_ROLES), is_held_back=True)

    @property
    def is_desk(self) -> bool:
        """Tell whether the person hands out boxes."""
        return Role.DESK in self.roles

    @property
    def is_lead(self) -> bool:
        """Tell whether the person helps departments or places."""
        return bool(self.departments or self.places)

    @property
    def sees_board(self) -> bool:
        """Tell whether there is a board for this person."""
        return self.is_it or self.is_lead

    @property
    def sees_numbers(self) -> bool:
        """Tell whether the person sees the figures of the board; an auditor does, without names."""
        return self.sees_board or self.is_auditor


NOBODY = Rights()


class SecondFactor(Enum):
    """Whether somebody has lately proved who they are by a second factor."""

    NOT_AVAILABLE = "not_available"
    MISSING = "missing"
    PROVEN = "proven"


# What a session keeps of how its person proved who they are; allauth writes it.
PROOFS_KEY = "account_authentication_methods"
# Since when somebody is signed in and, with a guarded role, when they last did something.
GUARD_KEY = "guard"
# How long a proof counts as lately given, and how long it opens the pages of IT.
FRESH = timedelta(minutes=5)


def second_factor(session: Mapping[str, object], *, now: datetime) -> SecondFactor:
    """Tell whether the owner of a session proved a second factor a short while ago."""
    at = proven_at(session)
    lately = at is not None and now - FRESH <= at <= now + FRESH
    return SecondFactor.PROVEN if lately else SecondFactor.MISSING


def session_clocks(now: datetime, *, is_guarded: bool) -> dict[str, str]:
    """Return what a new session keeps under `GUARD_KEY`: no session lasts for ever, one of IT rests for an hour."""
    at = now.isoformat()
    return {"since": at, "seen": at} if is_guarded else {"since": at}


def proven_at(session: Mapping[str, object]) -> datetime | None:
    """Return when a second factor was last proven in a session, if ever."""
    proofs = session.get(PROOFS_KEY)
    moments = [
        float(proof.get("at", 0))
        for proof in (proofs if isinstance(proofs, list) else [])
        if isinstance(proof, dict) and proof.get("method") == "mfa"
    ]
    return datetime.fromtimestamp(max(moments), tz=UTC) if moments else None


_grants = Ready(lambda person: Grant.objects.filter(person=person), int)


def rights_of(person: User | AnonymousUser, *, on: date) -> Rights:
    """Return what a person may do on a day (at most two queries).

    A lead of a department leads what lies below it too.
    """
    if not isinstance(person, User) or not person.is_active or person.has_left(on):
        return NOBODY
    grants = [grant for grant in _grants.rows(person.pk) if grant.is_valid(on)]
    led = [grant for grant in grants if grant.role == Role.LEAD]
    own = {grant.department_id for grant in led if grant.department_id}
    return Rights(
        person_id=person.pk,
        roles=frozenset(grant.role for grant in grants),
        departments=frozenset(_with_what_lies_below(own)) if own else frozenset(),
        places=frozenset(grant.place_id for grant in led if grant.place_id),
    )


def _with_what_lies_below(departments: set[int]) -> set[int]:
    """Return departments with their sections and units, however deep."""
    parents = dict(Department.objects.values_list("pk", "parent_id"))
    return {pk for pk in parents if departments & set(_upwards(pk, parents))}


def _upwards(department_id: int, parents: Mapping[int, int | None]) -> list[int]:
    """Return a department and those above it, nearest first."""
    line: list[int] = []
    at: int | None = department_id
    while at is not None and at not in line:
        line.append(at)
        at = parents.get(at)
    return line


def display_name(person: User) -> str:
    """Return how a person is called on screen."""
    return str(person)


def leads_for(*, department_id: int | None, place_id: int | None, on: date) -> list[User]:
    """Return who leads a department or a place on a day: leads first, then deputies.

    Where neither has a lead, the nearest department above that has one is asked. People on leave
    are included: the ladder says why it passes them over.
    """
    grants = list(
        Grant.objects.valid(on=on)
        .filter(role=Role.LEAD, person__in=User.objects.present(on=on))
        .select_related("person", "person__hours", "person__place__hours")
        .order_by("is_deputy", "pk")
    )
    near = [
        g
        for g in grants
        if (department_id and g.department_id == department_id)
        or (place_id and g.place_id == place_id)
    ]
    if not near and department_id:
        parents = dict(Department.objects.values_list("pk", "parent_id"))
        for above in _upwards(department_id, parents)[1:]:
            near = near or [g for g in grants if g.department_id == above]
    seen: dict[int, User] = {}
    for grant in near:
        seen.setdefault(grant.person_id, grant.person)
    return list(seen.values())


@dataclass
class CalendarBook:
    """Every working calendar of the organisation, loaded once (two queries)."""

    country: str
    hours: dict[int, WorkingHours]
    closed: dict[int, frozenset[date]]
    default_id: int | None
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo(settings.TIME_ZONE))
    _made: dict[int | None, clock.Calendar] = field(default_factory=dict)

    def by_hours(self, hours_id: int | None) -> clock.Calendar:
        """Return the calendar of a weekly pattern; the organisation's own if there is none."""
        key = hours_id if hours_id in self.hours else self.default_id
        if key not in self._made:
            row = self.hours.get(key) if key is not None else None
            self._made[key] = clock.Calendar(
                week=clock.parse_week(row.week if row else "8:30-17:15"),
                holidays=clock.Holidays(
                    self.country if row is None or row.observes_holidays else None
                ),
                closed=self.closed.get(row.pk, frozenset()) if row else frozenset(),
                year_end=clock.YEAR_END if row is None or row.closes_year_end else None,
                zone=self.zone,
                counts_days=bool(row and row.counts_days),
            )
        return self._made[key]

    @property
    def default(self) -> clock.Calendar:
        """Return the organisation's own calendar."""
        return self.by_hours(None)

    def of_place(self, place: Place | None) -> clock.Calendar:
        """Return the calendar of a place."""
        return self.by_hours(place.hours_id if place else None)

    def of_person(self, person: User) -> clock.Calendar:
        """Return the calendar of a person: own hours, else the place's; needs `place` loaded."""
        if person.hours_id:
            return self.by_hours(person.hours_id)
        return self.of_place(person.place)


_hours = Ready(WorkingHours.objects.all)
_closed = Ready(ClosedDay.objects.all)


def calendar_book(*, country: str) -> CalendarBook:
    """Load every calendar; the most common pattern of places is the organisation's own."""
    hours = {row.pk: row for row in _hours.rows()}
    closed: dict[int, set[date]] = {}
    for day in _closed.rows():
        closed.setdefault(day.hours_id, set()).add(day.on)
    office = [row.pk for row in hours.values() if not row.counts_days]
    return CalendarBook(
        country=country,
        hours=hours,
        closed={key: frozenset(days) for key, days in closed.items()},
        default_id=min(office, default=None),
    )


def people_called(text: str, *, limit: int) -> list[User]:
    """Return people by a part of name or reading, or by staff number, in the order of the roll."""
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return []
    match = Q(name__holds=plain) | Q(kana__holds=plain) | Q(staff_number=plain)
    found = User.objects.filter(match, is_active=True, staff_number__isnull=False)
    return list(found.select_related("department", "place").order_by("kana", "pk")[:limit])


def is_mail_open(profile: Any) -> bool:
    """Tell whether codes come by mail here; without another door the switch shuts nobody out."""
    return bool(profile.mail_entry_allowed) or not settings.SSO_PROVIDERS


def person_by_claims(*, email: str, staff_number: str, on: date) -> User | None:
    """Return whom a provider means: by staff number where it says one, else by address.

    Only people who work here on that day; nobody is ever made.
    """
    people: PersonQuerySet = User.objects.present(on=on)
    if staff_number:
        return people.filter(staff_number=staff_number).first()
    return people.filter(email__iexact=email).first() if email else None


def people_on_leave(*, on: date, limit: int) -> list[User]:
    """Return who is away on a day or will be, whoever comes back first on top."""
    away = User.objects.present(on=on).filter(
        Q(leave_to_on__isnull=True) | Q(leave_to_on__gte=on), leave_from_on__isnull=False
    )
    return list(
        away.select_related("department", "place").order_by("leave_to_on", "pk")[:limit]
    )


def local_day(now: datetime) -> date:
    """Return the day of a moment on the organisation's clock."""
    return now.astimezone(ZoneInfo(settings.TIME_ZONE)).date()


@dataclass(frozen=True, slots=True)
class Heir:
    """The department that another went over into, and since when."""

    id: int
    since: date


def heirs(on: date) -> dict[int, Heir]:
    """Return the successors, today, of departments that have ended before a day."""
    ended = Department.objects.filter(valid_to_on__lt=on, successor__isnull=False)
    return _heirs(ended)


def _heirs(ended: Iterable[Department]) -> dict[int, Heir]:
    rows = {department.pk: department for department in ended}
    found: dict[int, Heir] = {}
    for pk, department in rows.items():
        seen, end = {pk}, department.successor_id or 0
        while end in rows and end not in seen:
            seen.add(end)
            end = rows[end].successor_id or 0
        if department.valid_to_on and end not in seen:
            found[pk] = Heir(end, department.valid_to_on + timedelta(days=1))
    return found


def departments_by_path(on: date) -> dict[tuple[str, ...], int]:
    """Return a day's departments by their names from the top down, such as (総務部, 職員課).

    The old names of those that were renamed or merged mean their successors; they come first.
    """
    rows = {d.pk: d for d in Department.objects.order_by("pk")}
    ways = {pk: _way_down(department, rows) for pk, department in rows.items()}
    ended = [d for d in rows.values() if d.valid_to_on is not None and d.valid_to_on < on]
    gone = {department.pk for department in ended}
    found = {way: pk for pk, way in ways.items() if pk not in gone}
    former: dict[tuple[str, ...], int] = {}
    for pk, heir in _heirs(d for d in ended if d.successor_id).items():
        above = ways[heir.id]
        for way, below in found.items():
            if way[: len(above)] == above:
                former.setdefault(ways[pk] + way[len(above) :], below)
    return {way: pk for way, pk in former.items() if way not in found} | found


def _way_down(department: Department, rows: Mapping[int, Department]) -> tuple[str, ...]:
    path, above = [department.name], rows.get(department.parent_id or 0)
    while above:
        path.append(above.name)
        above = rows.get(above.parent_id or 0)
    return tuple(reversed(path))


@dataclass(frozen=True)
class Factors:
    """The second steps of one person."""

    app: Authenticator | None
    passkeys: tuple[Authenticator, ...]
    codes_left: int

    @property
    def any(self) -> bool:
        """Tell whether there is a second step; recovery codes alone are none."""
        return self.app is not None or bool(self.passkeys)


def factors_of(person: User) -> Factors:
    """Return what second steps somebody has set up (one query)."""
    rows = list(Authenticator.objects.filter(user=person).order_by("pk"))
    kinds = Authenticator.Type
    codes = next((row for row in rows if row.type == kinds.RECOVERY_CODES), None)
    return Factors(
        app=next((row for row in rows if row.type == kinds.TOTP), None),
        passkeys=tuple(row for row in rows if row.type == kinds.WEBAUTHN),
        codes_left=len(codes.wrap().get_unused_codes()) if codes else 0,
    )


# --- roles and doors ------------------------------------------------------------------------------


def role_holders(*, on: date) -> list[Grant]:
    """Return who holds, or will hold, a role other than lead, by role and reading."""
    held = Grant.objects.exclude(role=Role.LEAD).exclude(to_on__lt=on)
    return list(
        held.select_related("person__department", "granted_by").order_by(
            "role", "person__kana", "pk"
        )
    )


def lead_grants(text: str, *, on: date) -> QuerySet[Grant]:
    """Return the leads, or those found by a part of a name, a department or a place."""
    found = Grant.objects.filter(role=Role.LEAD).exclude(to_on__lt=on)
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain:
        found = found.filter(
            Q(person__name__holds=plain)
            | Q(person__staff_number=plain)
            | Q(department__name__icontains=plain)
            | Q(place__name__icontains=plain)
        )
    return found.select_related("person", "department__parent", "place", "granted_by").order_by(
        "is_deputy", "person__kana", "pk"
    )


def grants_of(person: User) -> list[Grant]:
    """Return every role of somebody, those that are over too."""
    return list(
        person.grants.select_related("department__parent", "place", "granted_by").order_by(
            "role", "pk"
        )
    )


def tokens_listed() -> QuerySet[Token]:
    """Return every token ever made: those that open something first, the newest on top."""
    return Token.objects.select_related("made_by").order_by(
        F("revoked_at").asc(nulls_first=True), "-made_at", "-pk"
    )


def tokens_of(subject: str, *, now: datetime) -> list[Token]:
    """Return the tokens about one thing that still open it, the newest first."""
    return list(Token.objects.open_at(now).filter(subject=subject).order_by("-made_at", "-pk"))


def sign_ins_of(person: User) -> list[SignIn]:
    """Return the browsers somebody is signed in with, the newest first."""
    return list(person.sign_ins.order_by("-at", "-pk"))


def people_without_mail(rights: Rights, text: str, *, on: date, limit: int) -> list[User]:
    """Return who cannot read mail, within somebody's own people (IT: everybody), by name."""
    found = slip_people(rights, on=on)
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain:
        found = found.filter(
            Q(name__holds=plain) | Q(kana__holds=plain) | Q(staff_number=plain)
        )
    unused = Slip.objects.unused().order_by("pk")
    return list(
        found.select_related("department__parent", "place")
        .prefetch_related(Prefetch("slips", queryset=unused, to_attr="unused_slips"))
        .order_by("kana", "pk")[:limit]
    )


def slip_people(rights: Rights, *, on: date) -> PersonQuerySet:
    """Return whom somebody may give a slip to: people at work, without mail, in no guarded role."""
    people: PersonQuerySet = User.objects.present(on=on)
    people = people.filter(email="", staff_number__isnull=False)
    if not rights.is_it:
        people = people.within(departments=rights.departments, places=rights.places)
    guarded = Grant.objects.filter(role__in=GUARDED_ROLES)
    return people.exclude(pk__in=guarded.values("person_id"))
