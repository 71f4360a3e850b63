"""A small organisation: an office, a nursery with shifts, a lead, a team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from accounts.models import ClosedDay
from accounts.queries import calendar_book
from accounts.states import Role
from kitting.escalation import actions
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import Ticket
from kitting.escalation.states import Wish
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from kitting.notices.models import Notice
from tests.factories import (
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
    WorkingHoursFactory,
)

if TYPE_CHECKING:
    from accounts.models import Department, Place, User
    from accounts.queries import CalendarBook

BY_BOX = Who(via=Via.BOX)
TOKYO = ZoneInfo("Asia/Tokyo")


def at(text: str) -> datetime:
    """Return a moment on the wall of Tokyo, such as "11-10 10:00" (2026 unless told)."""
    year = "" if text.count("-") > 1 else "2026-"
    return datetime.fromisoformat(f"{year}{text}").replace(tzinfo=TOKYO).astimezone(UTC)


@dataclass
class Town:
    """The office with its lead, the nursery with its lead, and the IT team."""

    office: Place
    nursery: Place
    department: Department
    lead: User
    nursery_department: Department
    nursery_lead: User
    it: User
    it_lead: User

    @property
    def book(self) -> CalendarBook:
        return calendar_book(country="JP")

    def person(self, **fields: Any) -> User:
        """Return somebody of the office."""
        return UserFactory.create(
            **{"department": self.department, "place": self.office, **fields}
        )

    def teacher(self, **fields: Any) -> User:
        """Return somebody of the nursery, where people work in shifts."""
        return self.person(department=self.nursery_department, place=self.nursery, **fields)

    def journey(self, person: User | None = None, **fields: Any) -> Journey:
        """Return a journey that has not begun, expected to from the moment it was made."""
        made = fields.setdefault("created_at", at("11-10 10:00"))
        fields.setdefault("attention_at", made)
        if "loan" not in fields:
            fields["loan"] = LoanFactory.create(person=person or self.person(), started_at=made)
        return JourneyFactory.create(**fields)

    def begun(self, person: User | None = None, *, when: datetime, **fields: Any) -> Journey:
        """Return a journey that was begun at a moment."""
        journey = self.journey(person, **{"created_at": when, **fields})
        begin(journey_id=journey.pk, who=BY_BOX, now=when)
        journey.refresh_from_db()
        return journey


def build_town() -> Town:
    hours = WorkingHoursFactory.create(name="office", week="8:30-17:15")
    shifts = WorkingHoursFactory.create(
        name="nursery", week="Mon-Sat 7:00-19:00", counts_days=True
    )
    office = PlaceFactory.create(name="本庁舎", hours=hours)
    nursery = PlaceFactory.create(name="第三保育所", hours=shifts)
    department = DepartmentFactory.create()
    nursery_department = DepartmentFactory.create()
    team = {"department": DepartmentFactory.create(), "place": office}
    it, it_lead, lead = (UserFactory.create(**team) for _ in range(3))
    nursery_lead = UserFactory.create(department=nursery_department, place=nursery)
    GrantFactory.create(person=it, role=Role.IT)
    GrantFactory.create(person=it_lead, role=Role.IT_LEAD)
    GrantFactory.create(person=lead, role=Role.LEAD, department=department)
    GrantFactory.create(person=nursery_lead, role=Role.LEAD, place=nursery)
    return Town(
        office, nursery, department, lead, nursery_department, nursery_lead, it, it_lead
    )


def close(place: Place, text: str) -> None:
    """Close a place on a day of its own."""
    ClosedDay.objects.create(hours=place.hours, on=at(f"{text} 00:00").astimezone(TOKYO).date())


def ask(journey: Journey, *, now: datetime, words: str = "", **fields: Any) -> Ticket:
    """Let the person of a journey ask for help."""
    return actions.ask(
        **{
            "journey": journey,
            "choice": "other",
            "words": words,
            "wish": Wish.SCREEN,
            "who": BY_BOX,
            "now": now,
            **fields,
        }
    )


def finish(journey: Journey, *, now: datetime) -> Journey:
    """Let the person finish the current step."""
    journey.refresh_from_db()
    finish_step(journey_id=journey.pk, step_key=journey.current_step, who=BY_BOX, now=now)
    journey.refresh_from_db()
    return journey


def finish_all(journey: Journey, *, now: datetime) -> Journey:
    """Let the person finish every step that makes the device ready."""
    while not journey.ready_at:
        finish(journey, now=now)
    return journey


def due_of(journey: Journey) -> datetime | None:
    journey.refresh_from_db()
    return journey.attention_at


def sweep_until(until: datetime, *, most: int = 400) -> list[datetime]:
    """Sweep exactly when something falls due, up to a moment; return these moments."""
    moments: list[datetime] = []
    for _round in range(most):
        due = [
            *Journey.objects.open()
            .exclude(attention_at=None)
            .values_list("attention_at", flat=True),
            *Ticket.objects.open().exclude(due_at=None).values_list("due_at", flat=True),
        ]
        nearest = min(due, default=None)
        if nearest is None or nearest > until:
            return moments
        now = max(nearest, moments[-1]) if moments else nearest
        sweep(now=now)
        moments.append(now)
    raise AssertionError("the sweep does not come to rest")


def said_to(person: User) -> list[str]:
    """Return what a person was told, oldest first."""
    return list(
        Notice.objects.filter(person=person).order_by("pk").values_list("kind", flat=True)
    )
