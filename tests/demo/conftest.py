"""A city of a few houses: small enough to be played in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from accounts.states import Role
from kitting.guides.actions import load_guide
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState
from kitting.site.models import SiteProfile
from tests.factories import (
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
    WorkingHoursFactory,
    shipped_guide,
)

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.guides.rules.shapes import GuideDraft
    from kitting.journeys.models import Journey

TOKYO = ZoneInfo("Asia/Tokyo")
# A Monday morning, and the Wednesday evening after it.
BEGINS = datetime(2026, 11, 9, 7, 0, tzinfo=TOKYO)
ENDS = datetime(2026, 11, 11, 18, 0, tzinfo=TOKYO)


def real_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class City:
    """Who lives here."""

    journeys: list[Journey]
    lead: User
    officer: User
    it_lead: User


@pytest.fixture(scope="session")
def shipped() -> GuideDraft:
    return shipped_guide()


@pytest.fixture
def demo(db: None) -> SiteProfile:
    """The marker of the demo; its clock shows real time."""
    return SiteProfile.objects.create(
        pk=SiteProfile.SINGLE, demo_seeded_at=BEGINS, clock_offset=timedelta()
    )


def people(count: int, start: int, *, place: str, hours: str, wave: Wave) -> list[Journey]:
    """Return so many people of one place whose boxes have come; every tenth has no mail."""
    where = PlaceFactory.create(
        name=place,
        hours=WorkingHoursFactory.create(name=hours, week=hours, counts_days="19:00" in hours),
    )
    department = DepartmentFactory.create(name=place)
    wave.departments.add(department)
    made = []
    for number in range(start, start + count):
        person = UserFactory.create(
            staff_number=f"{number:06d}",
            place=where,
            department=department,
            **({"email": ""} if number % 10 == 0 else {}),
        )
        loan = LoanFactory.create(person=person, started_at=BEGINS)
        made.append(
            JourneyFactory.create(
                loan=loan, wave=wave, created_at=BEGINS, attention_at=wave.starts_at
            )
        )
    return made


def wave_of(rollout: Rollout, name: str, starts_at: datetime) -> Wave:
    return Wave.objects.create(
        rollout=rollout, name=name, starts_at=starts_at, ends_on=date(2026, 11, 30)
    )


def built(guide: GuideDraft, *, office: int, nursery: int, library: int) -> City:
    """Return a city of so many people in each house; the library's boxes come two weeks later."""
    load_guide(draft=guide, now=BEGINS, publish=True)
    rollout = Rollout.objects.create(
        name="導入",
        state=RolloutState.OPEN,
        starts_on=BEGINS.date(),
        deadline_on=date(2026, 12, 1),
    )
    now = wave_of(rollout, "第1回", BEGINS.replace(hour=9))
    later = wave_of(rollout, "第2回", BEGINS.replace(hour=9) + timedelta(days=14))
    here = people(office, 20101, place="本庁舎", hours="8:30-17:15", wave=now)
    journeys = [
        *here,
        *people(nursery, 20201, place="第九保育所", hours="7:00-19:00", wave=now),
        *people(library, 20301, place="北図書館", hours="8:30-17:15", wave=later),
    ]
    it = {
        role: GrantFactory.create(
            role=role, person=UserFactory.create(department=here[0].department)
        ).person
        for role in (Role.IT, Role.IT_LEAD)
    }
    lead = GrantFactory.create(
        role=Role.LEAD, person=here[0].person, department=here[0].department
    ).person
    return City(journeys=journeys, lead=lead, officer=it[Role.IT], it_lead=it[Role.IT_LEAD])


@pytest.fixture
def city(demo: SiteProfile, shipped: GuideDraft) -> City:
    """Sixty people."""
    return built(shipped, office=28, nursery=16, library=16)


@pytest.fixture
def village(demo: SiteProfile, shipped: GuideDraft) -> City:
    """Twenty people, most of them of the library, whose boxes have not come."""
    return built(shipped, office=7, nursery=1, library=12)
