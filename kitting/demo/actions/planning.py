"""The demo's plan: its waves, and from when to when it is played."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.models import Department, User
from accounts.queries import CalendarBook, calendar_book, local_day
from accounts.states import IT_ROLES
from kitting.devices.actions.life import Deed, receive
from kitting.devices.models import BoxCode, Device
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.lib import clock
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.states import ON_THE_SPOT, MarkKind, RolloutState, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

# Each wave: its name, on which working day it begins, and whose boxes come. IT's own bureau is first.
WAVES = (
    ("第1回", 0, ("未来創造部", "総務部")),
    ("第2回", 4, ("財務部",)),
    ("第3回", 8, ("福祉部",)),
    ("第4回", 12, ("健康部", "環境部")),
    ("第5回", 15, ("こども未来部",)),
    ("第6回", 20, ("市民部",)),
    ("第7回", 22, ("水道局",)),
    ("第8回", 23, ("産業経済部", "教育委員会")),
    ("第9回", 28, ("都市建設部",)),
)
# The play ends on the day of the seventh wave: much is done, and much is going on.
WORKING_DAYS_BEHIND = 22

ROLLOUT_NAME = "Chromebook 導入"
# What the city's IT can give: half of the day of four people; how many may begin at once.
HELP_MINUTES_A_DAY = 960
STARTS_A_DAY = 150
STARTS_AT_ONCE = 20
STUCK_LIMIT_PERCENT = 60


@transaction.atomic
def plan_rollout(*, today: datetime, now: datetime) -> Rollout:
    """Make the demo's rollout: nine waves, most of them behind us on `today`."""
    book = calendar_book(country="JP")
    first = working_days_back(book.default, today, WORKING_DAYS_BEHIND)
    rollout, made = Rollout.objects.get_or_create(
        name=ROLLOUT_NAME,
        defaults={
            "state": RolloutState.OPEN,
            "starts_on": first.date(),
            "deadline_on": (today + timedelta(days=24)).date(),
            "help_minutes_a_day": HELP_MINUTES_A_DAY,
            "starts_a_day": STARTS_A_DAY,
            "pilot_ready_percent": 80,
            "pilot_active_minutes": 90,
            "pilot_help_percent": 40,
        },
    )
    if not made:
        return rollout
    team = list(User.objects.with_role(*IT_ROLES, on=local_day(now)).order_by("pk"))
    for number, (name, days, bureaus) in enumerate(WAVES):
        begins = clock.add_working_days(book.default, first, days)
        wave = Wave.objects.create(
            rollout=rollout,
            name=name,
            starts_at=begins,
            ends_on=(begins + timedelta(days=11)).date(),
            is_pilot=number == 0,
            helper=team[number % len(team)] if team else None,
            starts_limit=STARTS_AT_ONCE,
            stuck_limit_percent=STUCK_LIMIT_PERCENT,
            changed_at=now,
        )
        wave.departments.set(Department.objects.filter(parent__isnull=True, name__in=bureaus))
    journeys.follow_waves(now=now)
    _make_ready(rollout, team, now=now)
    return rollout


def _make_ready(rollout: Rollout, team: Sequence[User], *, now: datetime) -> None:
    """Let everything be ready for all waves but the last: labels, boxes that are here, Wi-Fi tried out.

    The pilot was judged when it was over: the others could go on.
    """
    *prepared, last = rollout.waves.order_by("starts_at", "pk")
    ready = Journey.objects.filter(wave__in=prepared)
    # By their numbers: a server that has not looked at its new tables yet joins them row by row.
    devices = list(ready.values_list("loan__device_id", flat=True))
    BoxCode.objects.filter(device__in=devices).update(printed_at=now)
    by = team[0] if team else None
    receive(devices=list(Device.objects.filter(pk__in=devices)), deed=Deed(now, by))
    spots = ready.filter(place__isnull=False).values_list("wave", "place").distinct()
    WaveMark.objects.bulk_create(
        [
            WaveMark(wave_id=wave, place_id=place, kind=kind, made_at=now, made_by=by)
            for wave, place in spots.order_by("wave", "place")
            for kind in ON_THE_SPOT
        ]
        + [
            WaveMark(wave=wave, kind=MarkKind.LICENSED, made_at=now, made_by=by)
            for wave in prepared
        ]
    )
    second = rollout.waves.order_by("starts_at", "pk")[1]
    Rollout.objects.filter(pk=rollout.pk).update(
        verdict=Verdict.GO,
        verdict_at=second.starts_at - timedelta(hours=17),
        verdict_by=by,
        verdict_why="つまずいた手順は 1 つで、手順書を直しました。次の回に進みます。",
    )
    Wave.objects.filter(pk=last.pk).update(helper=None)


def stage_end(*, book: CalendarBook, real_now: datetime) -> datetime:
    """Return the moment the demo should show: now in office hours, else the last afternoon."""
    if clock.is_open(book.default, real_now):
        return real_now
    zone = book.default.zone
    day = real_now.astimezone(zone)
    for back in range(1, 15):
        at = (day - timedelta(days=back)).replace(hour=14, minute=30, second=0, microsecond=0)
        if clock.is_open(book.default, at):
            return at
    return real_now


def working_days_back(calendar: clock.Calendar, at: datetime, days: int) -> datetime:
    day = at.astimezone(calendar.zone).replace(hour=9, minute=0, second=0, microsecond=0)
    left = days
    while left:
        day -= timedelta(days=1)
        left -= clock.is_working_day(calendar, day.date())
    return day


def play_until(*, real_now: datetime) -> datetime:
    """Return the moment the play ends with: now in office hours, else the last afternoon."""
    return stage_end(book=calendar_book(country="JP"), real_now=real_now)


def play_from(*, real_now: datetime) -> datetime:
    """Return the moment the play begins with: early on the rollout's first day."""
    book = calendar_book(country="JP")
    first = working_days_back(book.default, play_until(real_now=real_now), WORKING_DAYS_BEHIND)
    return first.replace(hour=7)
