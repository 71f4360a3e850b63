"""Seeding the invented city, never over a real roll."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.forms import read_roll
from accounts.models import Grant, User
from accounts.states import Role
from accounts.taking import Order
from kitting.demo.actions.planning import plan_rollout, play_from, play_until
from kitting.demo.queries import holds_real_people
from kitting.devices.forms import read_devices
from kitting.escalation import actions as escalation
from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.journeys import actions as journeys
from kitting.site.models import SiteProfile

if TYPE_CHECKING:
    from datetime import datetime


DATA = Path(__file__).parents[1] / "data" / "asahi"


class RealRollError(Exception):
    """People of a real organisation are here: the demo never touches them."""


@transaction.atomic
def seed_city(*, real_now: datetime) -> bool:
    """Bring the invented city in, once: guide, people, boxes, IT's roles, the plan.

    Returns whether anything was done; raises `RealRollError` where people are known that the demo
    did not bring.
    """
    profile, _made = SiteProfile.objects.select_for_update().get_or_create(
        pk=SiteProfile.SINGLE
    )
    if profile.demo_seeded_at is not None:
        return False
    if holds_real_people():
        raise RealRollError
    begins = play_from(real_now=real_now)
    profile.demo_seeded_at = real_now
    profile.clock_offset = begins - real_now
    profile.save(update_fields=["demo_seeded_at", "clock_offset"])
    load_guide(draft=read_guide_file(SHIPPED_GUIDE), now=begins, publish=True)
    people = read_roll((DATA / "staff.csv").read_bytes(), "staff.csv")
    escalation.take_in_roll(rows=people, order=Order(begins))
    _name_it(now=begins)
    boxes = read_devices((DATA / "devices.csv").read_bytes(), "devices.csv")
    journeys.take_in_devices(rows=boxes, order=Order(begins))
    plan_rollout(today=play_until(real_now=real_now), now=begins)
    return True


def _name_it(*, now: datetime) -> None:
    """Give the demo's IT team its roles by hand, as the roles page would: the roll never does."""
    roles = {"IT責任者": Role.IT_LEAD, "IT担当": Role.IT}
    Grant.objects.bulk_create(
        [
            Grant(person=person, role=roles[person.title], granted_at=now)
            for person in User.objects.filter(title__in=roles)
        ]
    )
