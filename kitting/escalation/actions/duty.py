"""The rota: who is on duty on which days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import write_audit
from kitting.escalation.models import Duty

if TYPE_CHECKING:
    from datetime import date, datetime

    from accounts.models import User
    from kitting.escalation.states import Part


@transaction.atomic
def put_on_duty(  # a duty has this many facts, and the one caller names each
    *, person: User, from_on: date, to_on: date, part: Part, by: User, now: datetime
) -> Duty:
    """Put somebody on duty from a day to a day; the same beginning again changes the end."""
    duty, _is_new = Duty.objects.update_or_create(
        person=person,
        from_on=from_on,
        part=part,
        defaults={"to_on": to_on, "noted_by": by},
    )
    days = {"from": str(from_on), "to": str(to_on), "part": str(part)}
    write_audit(action="duty.noted", subject=person.name, by=by, now=now, data=days)
    return duty


@transaction.atomic
def take_off_duty(*, duty: Duty, by: User, now: datetime) -> None:
    """Strike a duty from the rota."""
    days = {"from": str(duty.from_on), "to": str(duty.to_on), "part": str(duty.part)}
    write_audit(action="duty.struck", subject=duty.person.name, by=by, now=now, data=days)
    duty.delete()
