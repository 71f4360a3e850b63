"""What visitors do with the city: let time pass, come back to now, play a bad morning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.queries import calendar_book
from kitting.demo import rules
from kitting.demo.actions.helping import lose_device, mix_up_box
from kitting.demo.actions.people import ask
from kitting.demo.actions.playing import run_on, set_clock, stage_of
from kitting.demo.actions.stage import BESIDE_PAGES, CLIENT, EVERYBODY, WINDOW
from kitting.demo.queries import JOB, WIFI_STEP, before_wifi
from kitting.devices.actions.life import Deed, hand_over
from kitting.escalation import actions as escalation
from kitting.escalation.models import Ticket
from kitting.escalation.states import (
    TicketKind,
)
from kitting.jobs.queries import last_job
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.journeys.states import Via

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime


@dataclass(frozen=True)
class Passed:
    """What happened while time passed: so many more are ready, asked for help, were found stuck."""

    now: datetime
    ready: int = 0
    asked: int = 0
    found: int = 0


def let_time_pass(*, to: datetime, now: datetime, real_clock: Callable[[], datetime]) -> Passed:
    """Let the city live on until a moment ahead, its clock following; helping is left to the visitor."""
    ready, asked = _ready(), _asked()

    def progress(shown: datetime) -> bool:
        set_clock(shown=shown, real_now=real_clock())
        return True

    stage = stage_of(seed=_seed(), people=EVERYBODY, start=now, until=to, alone=False)
    run_on(stage, turn=BESIDE_PAGES, progress=progress)
    return Passed(now=to, ready=_ready() - ready, asked=_asked() - asked, found=stage.found)


def come_back_to_now(*, real_now: datetime) -> Passed:
    """Let the site's clock show real time again, and look once at what is due by then."""
    set_clock(shown=real_now, real_now=real_now)
    return Passed(now=real_now, found=escalation.sweep(now=real_now).opened)


def _ready() -> int:
    return Journey.objects.filter(ready_at__isnull=False).count()


def _asked() -> int:
    return Ticket.objects.filter(kind=TicketKind.HELP).count()


def _seed() -> int:
    """Return the seed the city was played with."""
    job = last_job(JOB)
    return int(job.data.get("seed", 1)) if job else 1


@dataclass(frozen=True)
class BadMorning:
    """What went wrong: so many people of one place asked for help, by then."""

    place: str
    asked: int
    now: datetime


def play_bad_morning(*, now: datetime, real_clock: Callable[[], datetime]) -> BadMorning | None:
    """Let the Wi-Fi of one place fail on a working morning; None where nobody is left to meet it.

    Everybody there begins, comes as far as the Wi-Fi and asks within twenty minutes. Beside that
    one device is lost and one box stands at the wrong desk. Helping is left to the visitor.
    """
    group = rules.unlucky(before_wifi())
    if group is None:
        return None
    begins = rules.this_or_next_morning(calendar_book(country="JP").default, now)
    let_time_pass(to=begins, now=now, real_clock=real_clock)
    unlucky = Journey.objects.filter(pk__in=group.journeys).select_related(
        "person", "loan__device"
    )
    asks = {
        journey: begins + rules.BEFORE_ASKING + rules.ASKING * rules.chance_of(0, journey.pk)
        for journey in unlucky
    }
    asked = 0
    for journey in sorted(asks, key=lambda one: asks[one]):
        asked += fail_at_wifi(journey, begins=begins, asks_at=asks[journey])
    ends = begins + rules.BEFORE_ASKING + rules.ASKING
    _lose_and_mix_up(besides=group.journeys, now=begins + rules.BEFORE_ASKING)
    escalation.sweep(now=ends)
    set_clock(shown=ends, real_now=real_clock())
    return BadMorning(place=group.name, asked=asked, now=ends)


@transaction.atomic
def fail_at_wifi(journey: Journey, *, begins: datetime, asks_at: datetime) -> bool:
    """Let one person begin, come as far as the Wi-Fi step, and ask; tell whether it came to that."""
    hand_over(loan=journey.loan, deed=Deed(begins))
    entry = journeys.enter_by_box(
        code=journey.loan.device.code or "",
        staff_number=journey.person.staff_number or "",
        client=f"{CLIENT}{journey.loan.device_id}",
        now=begins,
        window=WINDOW,
    )
    if entry.journey is None:
        return False
    journey, who = entry.journey, journeys.Who(via=Via.BOX)
    marked = set(journey.records.values_list("step_key", flat=True))
    keys = [row[0] for row in journey.step_keys]
    before = [key for key in keys[: keys.index(WIFI_STEP)] if key not in marked]
    for at, key in zip(rules.moments(begins, asks_at, len(before)), before, strict=True):
        journeys.finish_step(journey_id=journey.pk, step_key=key, who=who, now=at)
    moved = journeys.note_trouble(
        journey_id=journey.pk, step_key=WIFI_STEP, trouble=1, who=who, now=asks_at
    )
    ask(moved.journey, who=who, now=asks_at)
    return True


def _lose_and_mix_up(*, besides: Sequence[int], now: datetime) -> None:
    """Let one device be lost and one box stand at the wrong desk, both of others."""
    known = Ticket.objects.open().filter(device__isnull=False).values("device_id")
    others = (
        Journey.objects.open()
        .exclude(pk__in=besides)
        .exclude(loan__device_id__in=known)
        .select_related("loan__device")
    )
    user = others.filter(ready_at__isnull=False).order_by("-ready_at", "pk").first()
    if user is not None:
        lose_device(device=user.loan.device, now=now)
    owner = others.filter(begun_at__isnull=True).order_by("wave__starts_at", "pk").first()
    if owner is not None:
        mix_up_box(device=owner.loan.device, now=now)
