"""One wave of a few people, on a Tuesday at ten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from accounts.states import Role
from kitting.guides.models import Edition, Guide
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    TicketFactory,
    UserFactory,
    WaveFactory,
    WorkingHoursFactory,
)

if TYPE_CHECKING:
    from accounts.models import Department, Place, User
    from kitting.journeys.models import Journey
    from kitting.rollout.models import Wave


@dataclass
class Ward:
    """A department at a place, its wave, its lead, and IT."""

    wave: Wave
    department: Department
    place: Place
    lead: User
    it: User

    def journey(self, *, begun: bool = False, stuck: bool = False, **facts: Any) -> Journey:
        """Let one more person of the ward have a device; perhaps begun, perhaps found by the sweep."""
        person = UserFactory.create(department=self.department, place=self.place, **facts)
        started: dict[str, Any] = {}
        if begun or stuck:
            guide, _new = Guide.objects.get_or_create(slug="g")
            edition, _new = Edition.objects.get_or_create(
                guide=guide,
                number=1,
                defaults={"title": {}, "digest": "d", "created_at": NOW},
            )
            started = {"edition": edition, "begun_at": NOW, "status": "in_progress"}
        made = JourneyFactory.create(
            loan=LoanFactory.create(person=person), wave=self.wave, **started
        )
        if stuck:
            TicketFactory.create(journey=made, kind="quiet", reason="silent", source="sweep")
        return made


@pytest.fixture
def ward(db: None) -> Ward:
    WorkingHoursFactory.create()
    department, place = (
        DepartmentFactory.create(name="保育課"),
        PlaceFactory.create(name="第三保育所"),
    )
    wave = WaveFactory.create(name="第1回", changed_at=NOW)
    wave.departments.set([department])
    return Ward(
        wave=wave,
        department=department,
        place=place,
        lead=GrantFactory.create(role=Role.LEAD, department=department).person,
        it=GrantFactory.create(role=Role.IT_LEAD).person,
    )
