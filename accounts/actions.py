"""Everything that changes people, their rights and the counters of tries."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import F

from accounts.audit import link_of
from accounts.models import (
    AuditEntry,
    ClosedDay,
    Grant,
    Place,
    Throttle,
    User,
    WorkingHours,
)
from accounts.queries import local_day
from accounts.ready import stated
from accounts.states import Role
from kitting.lib.clients import calling_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime, timedelta


class PersonError(Exception):
    """Somebody cannot be given what was asked for them."""


class PersonLeftError(PersonError):
    """The person works here no more."""


# --- counters of tries ---------------------------------------------------------------------------


# A window that is over begins anew with this try; a try too many changes nothing.
COUNT = """
    INSERT INTO accounts_throttle AS known ("key", "count", "expires_at") VALUES (%s, 1, %s)
    ON CONFLICT ("key") DO UPDATE SET
        "count" = CASE WHEN known."expires_at" <= %s THEN 1 ELSE known."count" + 1 END,
        "expires_at" = CASE WHEN known."expires_at" <= %s
            THEN EXCLUDED."expires_at" ELSE known."expires_at" END
    WHERE known."expires_at" <= %s OR known."count" < %s
"""


def count_try(*, key: str, limit: int, window: timedelta, now: datetime) -> bool:
    """Count one try and tell whether it is still within the limit of its window.

    The count is raised before the caller judges the try, so that many at once cannot slip through:
    one statement looks and counts, and whoever comes at the same moment waits for it.
    """
    return stated(COUNT, key, now + window, now, now, now, limit) > 0


def forgive_tries(*, keys: Sequence[str]) -> None:
    """Forget the tries of somebody who turned out to be right."""
    places = ", ".join(["%s"] * len(keys))
    stated(f'DELETE FROM accounts_throttle WHERE "key" IN ({places})', *keys)  # noqa: S608  # only places for values


def forgive_all_tries(*, prefix: str) -> int:
    """Forget every try whose key begins so; return how many keys there were."""
    return Throttle.objects.filter(key__startswith=prefix).delete()[0]


def take_try_back(*, key: str) -> None:
    """Uncount one try that turned out to be right, where others are counted under the same key."""
    Throttle.objects.filter(key=key, count__gt=0).update(count=F("count") - 1)


def forget_tries(*, now: datetime) -> int:
    """Clear away the counters whose window is over; return how many."""
    return Throttle.objects.filter(expires_at__lte=now).delete()[0]


# --- passwords -----------------------------------------------------------------------------------


def no_password() -> str:
    """Return what stands for a password that nobody can ever type, as Django writes it.

    Django's own function draws every character apart, which takes a third of a large import.
    """
    return UNUSABLE_PASSWORD_PREFIX + secrets.token_urlsafe(30)


# --- the audit log -------------------------------------------------------------------------------


@transaction.atomic
def write_audit(
    *,
    action: str,
    now: datetime,
    by: User | None,
    subject: str = "",
    data: Mapping[str, object] | None = None,
) -> None:
    """Write down who did what to what; `data` holds plain facts.

    From where comes from the request that is being answered; a command or a task has none.
    """
    entry = AuditEntry(
        at=now,
        actor=by,
        actor_name=str(by)[:80] if by else "",
        action=action,
        subject=subject[:120],
        data=dict(data or {}),
        client_address=calling_from(),
        salt=secrets.token_hex(16),
    )
    entry.save(force_insert=True)
    link_of(entry).save(force_insert=True)


# --- working time ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class HoursValues:
    """One weekly pattern as somebody wrote it down."""

    name: str
    week: str
    counts_days: bool
    observes_holidays: bool
    closes_year_end: bool


@transaction.atomic
def save_hours(
    *, values: HoursValues, by: User, now: datetime, hours: WorkingHours | None = None
) -> WorkingHours:
    """Write a weekly pattern down, a new one where none is given."""
    row = hours or WorkingHours()
    changed = [name for name, value in asdict(values).items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, getattr(values, name))
    if changed or row.pk is None:
        row.save()
        write_audit(
            action="hours.saved", now=now, by=by, subject=row.name, data={"changed": changed}
        )
    return row


@transaction.atomic
def close_days(
    *, hours: WorkingHours | None, days: Sequence[date], reason: str, by: User, now: datetime
) -> int:
    """Close a calendar (all of them where none is named) on some days; return how many are new."""
    calendars = [hours] if hours else list(WorkingHours.objects.order_by("pk"))
    made = 0
    for calendar in calendars:
        for on in days:
            _row, is_new = ClosedDay.objects.update_or_create(
                hours=calendar, on=on, defaults={"reason": reason}
            )
            made += is_new
    if made:
        write_audit(
            action="hours.closed_days",
            now=now,
            by=by,
            subject=hours.name if hours else "*",
            data={"days": [f"{on:%Y-%m-%d}" for on in days], "reason": reason},
        )
    return made


@transaction.atomic
def open_day(*, day: ClosedDay, by: User, now: datetime) -> None:
    """Take a closed day back."""
    write_audit(action="hours.opened_day", now=now, by=by, subject=str(day))
    day.delete()


@transaction.atomic
def set_place_hours(
    *, place: Place, hours: WorkingHours | None, by: User, now: datetime
) -> None:
    """Say when a place is open; none means the organisation's own hours."""
    if place.hours_id != (hours.pk if hours else None):
        Place.objects.filter(pk=place.pk).update(hours=hours)
        write_audit(
            action="place.hours",
            now=now,
            by=by,
            subject=place.name,
            data={"hours": hours.name if hours else ""},
        )


@transaction.atomic
def set_leave(
    *, person: User, from_on: date | None, to_on: date | None, by: User, now: datetime
) -> None:
    """Say from when until when somebody is away; without an end until it is changed."""
    User.objects.filter(pk=person.pk).update(leave_from_on=from_on, leave_to_on=to_on)
    write_audit(
        action="person.leave", now=now, by=by, subject=str(person.staff_number or person.pk)
    )


# --- roles ---------------------------------------------------------------------------------------


@transaction.atomic
def name_it_lead(*, person: User, now: datetime, by: User | None = None) -> bool:
    """Make somebody IT lead; tell whether the role is new. Raises `PersonLeftError`."""
    if not person.is_active or has_left(person, now):
        raise PersonLeftError
    _grant, is_new = Grant.objects.get_or_create(
        person=person,
        role=Role.IT_LEAD,
        defaults={"granted_by": by, "granted_at": now},
    )
    if is_new:
        write_audit(
            action="role.granted",
            now=now,
            by=by,
            subject=f"person:{person.pk}",
            data={"role": Role.IT_LEAD.value},
        )
    return is_new


def has_left(person: User, now: datetime) -> bool:
    """Tell whether the person's leaving date has come at a moment."""
    return person.has_left(local_day(now))


@transaction.atomic
def enter_person(*, email: str, name: str, now: datetime) -> User:
    """Enter somebody by e-mail address before there is a roll.

    The roll recognises the address later and adds the staff number.
    """
    address = email.strip().lower()
    person = User(
        username=address,
        email=address,
        name=name.strip(),
        password=no_password(),
        date_joined=now,
        language=settings.LANGUAGE_CODE,
    )
    person.save(force_insert=True)
    return person
