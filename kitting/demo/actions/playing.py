"""Playing the rollout through the actions the pages use, at once or in the background."""

from __future__ import annotations

import heapq
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection, transaction

from accounts.models import User
from accounts.queries import calendar_book, local_day
from accounts.states import Role
from kitting.demo import rules
from kitting.demo.actions.helping import (
    it_helps,
    lead_helps,
    lose_device,
    person_answers,
    play_round,
)
from kitting.demo.actions.people import move
from kitting.demo.actions.planning import play_from, play_until
from kitting.demo.actions.stage import (
    ALONE,
    ANSWER,
    LOSSES,
    Act,
    Stage,
    Turn,
    next_tick,
    notice_visitors,
    schedule,
)
from kitting.demo.queries import JOB
from kitting.devices.models import Device
from kitting.escalation.models import Ticket
from kitting.escalation.states import (
    TicketKind,
    TicketState,
)
from kitting.guides.models import Step
from kitting.jobs.actions import advance, finish, start_job
from kitting.jobs.models import Job
from kitting.jobs.queries import last_job, open_job
from kitting.jobs.states import OPEN
from kitting.journeys.models import Event, Journey
from kitting.journeys.states import EventKind, HelpState
from kitting.lib import clock
from kitting.site.models import SiteProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class Played:
    """How far the play has come."""

    now: datetime
    finished: bool
    acts: int


def play(  # noqa: PLR0913  # a play has this many settings, all named
    *,
    seed: int,
    people: int,
    start: datetime,
    until: datetime,
    seconds: float | None = None,
    turn: Turn = ALONE,
    progress: Callable[[datetime], bool] = lambda _now: True,
) -> Played:
    """Play the rollout from `start` to `until` in simulated time, the sweep running in it.

    Every person moves through the actions the pages use. `seconds` ends the play early (real time);
    a later call goes on from where the database is. `progress` hears the simulated moment with each
    piece, in the piece's own transaction; False from it ends the play.
    """
    stage = stage_of(seed=seed, people=people, start=start, until=until)
    _plan_losses(stage)
    return run_on(stage, seconds=seconds, turn=turn, progress=progress)


def run_on(
    stage: Stage,
    *,
    turn: Turn,
    progress: Callable[[datetime], bool],
    seconds: float | None = None,
) -> Played:
    began, done, going_on = time.monotonic(), 0, True
    while going_on and stage.now < stage.until:
        with transaction.atomic():
            done += _piece(stage, hold=turn.hold)
            going_on = progress(min(stage.now, stage.until))
        if seconds is not None and time.monotonic() - began > seconds:
            break
        time.sleep(turn.rest)
    return Played(now=stage.now, finished=stage.now >= stage.until, acts=done)


def _piece(stage: Stage, *, hold: float) -> int:
    """Play on for a moment of real time; return how many acts that were."""
    began, done = time.monotonic(), 0
    while stage.now < stage.until and time.monotonic() - began < hold:
        if stage.acts and stage.acts[0].at <= stage.tick:
            act = heapq.heappop(stage.acts)
            if stage.is_due(act):
                stage.now = max(stage.now, act.at)
                _perform(stage, act)
                done += 1
        else:
            stage.now = min(stage.tick, stage.until)
            play_round(stage)
            stage.tick = next_tick(stage.book, stage.now)
    return done


def stage_of(
    *, seed: int, people: int, start: datetime, until: datetime, alone: bool = True
) -> Stage:
    """Return everybody who still has something to do, and what that is."""
    book = calendar_book(country="JP")
    stage = Stage(
        seed=seed,
        book=book,
        now=start,
        until=until,
        tick=next_tick(book, start),
        alone=alone,
        minutes=dict(Step.objects.values_list("key", "minutes")),
        team=list(
            User.objects.with_role(Role.IT, Role.IT_LEAD, on=local_day(start)).order_by("pk")
        ),
    )
    _remember(stage)
    everybody = Journey.objects.open().order_by("person__staff_number", "pk")
    rows = (
        everybody.filter(pk__in=everybody.values("pk")[:people], at_home_at__isnull=True)
        .exclude(begun_at__isnull=True, wave__starts_at__gt=until)
        .select_related("person__place", "wave", "loan__device")
    )
    for journey in rows:
        person = journey.person
        stage.journeys[journey.pk] = journey
        stage.people[journey.pk] = rules.person(
            seed,
            person.staff_number or "",
            has_mail=bool(person.email),
            employment=person.employment,
            place=person.place.name if person.place else "",
        )
        waits_for_box = journey.loan.device_id in stage.mixed_up
        if waits_for_box or journey.help_state == HelpState.ASKED:
            stage.waiting.add(journey.pk)
        else:
            schedule(stage, journey)
    return stage


def _remember(stage: Stage) -> None:
    """Know again, after an interruption, who asked, failed, paused or had the wrong box before."""
    stage.asked |= set(
        Event.objects.filter(kind__in=(EventKind.CHECK_FAILED, EventKind.PAUSED)).values_list(
            "journey_id", flat=True
        )
    )
    rows = Ticket.objects.filter(kind__in=(TicketKind.HELP, TicketKind.WRONG_BOX))
    for journey_id, device_id, state in rows.values_list("journey_id", "device_id", "state"):
        if journey_id:
            stage.asked.add(journey_id)
        if device_id:
            stage.sent_back.add(device_id)
        if device_id and state != TicketState.RESOLVED:
            stage.mixed_up.add(device_id)
    notice_visitors(stage)


def _plan_losses(stage: Stage) -> None:
    """Put a few lost devices on the programme: they happen once, whenever the play goes on."""
    known = set(Ticket.objects.filter(kind=TicketKind.LOSS).values_list("device_id", flat=True))
    pks = sorted(stage.people)
    for index in range(min(LOSSES, len(pks))):
        pk = pks[int(len(pks) * rules.chance_of(stage.seed, "loss", index))]
        device_id = stage.journeys[pk].loan.device_id
        share = (index + rules.chance_of(stage.seed, "loss-day", index)) / LOSSES
        day = clock.next_open(stage.book.default, stage.now + (stage.until - stage.now) * share)
        if device_id not in known:
            stage.add(day, "loss", device_id)


def _perform(stage: Stage, act: Act) -> None:
    if act.kind == "move":
        stage.moves.pop(act.subject, None)
        move(stage, act.subject)
    elif act.kind == "it":
        it_helps(stage, act.subject)
    elif act.kind == "lead":
        lead_helps(stage, act.subject)
    elif act.kind == ANSWER:
        person_answers(stage, act.subject)
    elif act.kind == "loss":
        lose_device(device=Device.objects.get(pk=act.subject), now=stage.now)


def go_on_playing(
    *,
    seed: int,
    people: int,
    seconds: float | None,
    real_clock: Callable[[], datetime],
    turn: Turn = ALONE,
    heard: Callable[[int, datetime], bool] = lambda _percent, _now: True,
) -> bool:
    """Play on from where the last play stopped, the site's clock following; tell whether it ended.

    `heard` gets percent and simulated moment with each piece; False from it stops the play.
    """
    job = _job(seed=seed, real_now=real_clock())
    if job is None:
        return True
    begins = datetime.fromisoformat(job.data["begins"])
    until = datetime.fromisoformat(job.data["until"])

    def progress(now: datetime) -> bool:
        real_now = real_clock()
        done = min(job.total, int((now - begins).total_seconds() // 60))
        if not advance(job_id=job.pk, done=done, now=real_now):
            return False  # a visitor stopped the play, and the clock is theirs
        set_clock(shown=now, real_now=real_now)
        Job.objects.filter(pk=job.pk).update(data={**job.data, "at": now.isoformat()})
        return heard(100 * done // max(job.total, 1), now)

    with _statements_unkept():
        played = play(
            seed=job.data["seed"],
            people=people,
            start=datetime.fromisoformat(job.data["at"]),
            until=until,
            seconds=seconds,
            turn=turn,
            progress=progress,
        )
    if played.finished:
        finish(job_id=job.pk, now=real_clock())
    return played.finished


@contextmanager
def _statements_unkept() -> Iterator[None]:
    """Keep DEBUG from writing every statement down in full, which costs as much as running it."""
    connection.make_debug_cursor = connection.make_cursor  # type: ignore[method-assign,assignment]  # Django has no setting for it
    try:
        yield
    finally:
        del connection.make_debug_cursor


def _job(*, seed: int, real_now: datetime) -> Job | None:
    """Return the play's job, opened now if there never was one; None once it has ended."""
    job = last_job(JOB)
    if job is not None:
        return job if job.state in OPEN else None
    begins, until = play_from(real_now=real_now), play_until(real_now=real_now)
    return start_job(
        kind=JOB,
        total=int((until - begins).total_seconds() // 60),
        now=real_now,
        data={
            "seed": seed,
            "begins": begins.isoformat(),
            "until": until.isoformat(),
            "at": begins.isoformat(),
        },
    )


def stop_play(*, now: datetime) -> bool:
    """End the play where it is, for good; False if none was going on. `now` is real time."""
    job = open_job(JOB)
    return job is not None and finish(job_id=job.pk, now=now)


def set_clock(*, shown: datetime, real_now: datetime) -> None:
    """Let the demo's clock show a moment from now on."""
    SiteProfile.objects.filter(pk=SiteProfile.SINGLE, demo_seeded_at__isnull=False).update(
        clock_offset=shown - real_now
    )
