"""When somebody may begin, and which waves begin or may hold themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from accounts.queries import local_day
from kitting.around.queries import prepared
from kitting.journeys.models import Journey
from kitting.plan import rules
from kitting.rollout.models import Wave
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import Place
    from accounts.queries import CalendarBook
    from kitting.devices.models import Loan


@dataclass(frozen=True)
class Start:
    """When somebody's wave begins, and what to know before; `later` is when there is room again."""

    wave: Wave
    at: datetime
    place: Place | None
    is_own: bool = False
    beginning: int = 0
    later: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether the wave is on hold."""
        return self.wave.held_at is not None


def start_of_loan(loan: Loan, *, now: datetime) -> Start | None:
    """Return when the wave of a box begins, while its person has not begun (one query, or two)."""
    journey = (
        Journey.objects.open()
        .filter(loan=loan, begun_at__isnull=True, wave__rollout__state=RolloutState.OPEN)
        .select_related("wave", "place")
        .first()
    )
    return _start(journey, now=now) if journey else None


def start_at_box(journey: Journey, *, now: datetime) -> Start | None:
    """Return the same of a journey that came with its wave and rollout (no query, or one)."""
    wave = journey.wave
    is_coming = wave is not None and wave.rollout.state == RolloutState.OPEN
    return _start(journey, now=now) if is_coming and journey.begun_at is None else None


def start_of_journey(journey: Journey, *, now: datetime) -> Start | None:
    """Return when somebody means to begin: the own time, else the wave's."""
    wave = journey.wave
    if wave is None or journey.begun_at is not None:
        return None
    own = prepared(journey).planned_at
    start = _start(journey, now=now)
    if start is None or own is None:
        return start
    return Start(wave, own, start.place, is_own=True, beginning=start.beginning)


def _start(journey: Journey, *, now: datetime) -> Start | None:
    wave = journey.wave
    if wave is None:
        return None
    begun: list[datetime] = []
    if wave.starts_limit is not None and journey.place_id is not None:
        since = now - rules.BEGINNING
        moments = Journey.objects.open().filter(
            wave=wave, place=journey.place_id, begun_at__gt=since, ready_at__isnull=True
        )
        begun = [at for at in moments.values_list("begun_at", flat=True) if at is not None]
    return Start(
        wave=wave,
        at=wave.starts_at,
        place=journey.place,
        beginning=len(begun),
        later=rules.come_back_at(begun, wave.starts_limit, now),
    )


def waves_about_to_begin(*, book: CalendarBook, now: datetime) -> list[Wave]:
    """Return the waves that begin on the next working day and were not announced for that day."""
    today = local_day(now)
    coming = Wave.objects.filter(
        rollout__state=RolloutState.OPEN, starts_at__gt=now, held_at__isnull=True
    )
    return [
        wave
        for wave in coming.select_related("rollout").order_by("starts_at", "pk")
        if rules.day_before(book.default, local_day(wave.starts_at)) <= today
        and wave.reminded_for_on != local_day(wave.starts_at)
    ]


def waves_that_may_stop() -> QuerySet[Wave]:
    """Return the waves that hold themselves when too many are stuck."""
    return Wave.objects.filter(
        rollout__state=RolloutState.OPEN,
        held_at__isnull=True,
        stuck_limit_percent__isnull=False,
    ).order_by("pk")
