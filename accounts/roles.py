"""Giving and taking roles: what nobody may do to themselves, and who always stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import PersonError, PersonLeftError, write_audit
from accounts.doors import end_all_sessions, revoke_slips
from accounts.models import Grant, User
from accounts.queries import local_day
from accounts.states import GUARDED_ROLES, Role

if TYPE_CHECKING:
    from datetime import date, datetime

    from accounts.models import Department, Place


class OwnRightsError(PersonError):
    """Nobody gives a role to themselves."""


class LastLeadError(PersonError):
    """One IT lead without an end must stay, or nobody could give roles any more."""


class OfTheRollError(PersonError):
    """The roll says so: a change by hand would be undone by the next import."""


@dataclass(frozen=True)
class RoleValues:
    """A role as it is given: where it holds (leads only) and from when until when."""

    role: Role
    department: Department | None = None
    place: Place | None = None
    is_deputy: bool = False
    from_on: date | None = None
    to_on: date | None = None


@transaction.atomic
def give_role(*, person: User, values: RoleValues, by: User, now: datetime) -> Grant:
    """Give somebody a role, or change the dates of one; both hold from the next request on.

    Raises `OwnRightsError`, `PersonLeftError`, `LastLeadError`, `OfTheRollError`.
    """
    _lock_leads()
    if person.pk == by.pk:
        raise OwnRightsError
    if not person.is_active or person.has_left(local_day(now)):
        raise PersonLeftError
    known = Grant.objects.filter(
        person=person, role=values.role, department=values.department, place=values.place
    ).first()
    if known is not None and known.from_roll:
        raise OfTheRollError
    grant = known or Grant(
        person=person,
        role=values.role,
        department=values.department,
        place=values.place,
        granted_at=now,
    )
    grant.is_deputy = values.is_deputy
    grant.from_on, grant.to_on = values.from_on, values.to_on
    grant.granted_by = by
    grant.save()
    _check_a_lead_stays(now)
    _write("role.granted", grant, by=by, now=now)
    _start_anew(person, values.role, by=by, now=now)
    return grant


@transaction.atomic
def take_role(*, grant: Grant, by: User, now: datetime) -> None:
    """Take a role back, from the next request on. Raises `LastLeadError`, `OfTheRollError`."""
    _lock_leads()
    if grant.from_roll:
        raise OfTheRollError
    person, role = grant.person, Role(grant.role)
    _write("role.taken", grant, by=by, now=now)
    grant.delete()
    _check_a_lead_stays(now)
    _start_anew(person, role, by=by, now=now)


def _lock_leads() -> None:
    """Let one change of roles happen after the other: two could each remove the last but one."""
    list(Grant.objects.select_for_update().filter(role=Role.IT_LEAD).order_by("pk"))


def _check_a_lead_stays(now: datetime) -> None:
    day = local_day(now)
    stays = Grant.objects.valid(on=day).filter(
        role=Role.IT_LEAD,
        to_on__isnull=True,
        person__in=User.objects.present(on=day).filter(left_on__isnull=True),
    )
    if not stays.exists():
        raise LastLeadError


def _start_anew(person: User, role: Role, *, by: User, now: datetime) -> None:
    """Whoever gets or loses a guarded role signs in anew, with all that this role asks for."""
    if role in GUARDED_ROLES:
        revoke_slips(person=person, by=by, now=now)
        end_all_sessions(person=person, by=by, now=now, reason="role")


def _write(action: str, grant: Grant, *, by: User, now: datetime) -> None:
    write_audit(
        action=action,
        now=now,
        by=by,
        subject=f"person:{grant.person_id}",
        data={
            "role": str(grant.role),
            "department": grant.department_id,
            "place": grant.place_id,
            "deputy": grant.is_deputy,
            "from": str(grant.from_on or ""),
            "to": str(grant.to_on or ""),
        },
    )
