"""Changing the plan with everybody in it, holding waves that go badly, and telling who must know."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse

from accounts.queries import leads_for, local_day
from kitting.escalation.actions.waves import hold_wave, release_wave
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import Reason, TicketKind
from kitting.journeys.actions.loans import follow_waves
from kitting.journeys.models import Journey
from kitting.lib import clock
from kitting.notices.actions import queue_message
from kitting.notices.actions.team import tell_it
from kitting.plan.queries import (
    loans_of,
    stuck_by_wave,
    waves_about_to_begin,
    waves_that_may_stop,
)
from kitting.rollout import actions as rollouts
from kitting.rollout import rules
from kitting.rollout.models import Wave, WaveMark
from kitting.rollout.states import HeldWhy, MarkKind, RolloutState, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.models import Department, Place, User
    from accounts.queries import CalendarBook
    from kitting.devices.models import Loan
    from kitting.rollout.models import Rollout


# --- changing the plan -------------------------------------------------------------------------------


@transaction.atomic
def open_rollout(*, rollout: Rollout, by: User, now: datetime) -> int:
    """Open a rollout: from now on its waves count; returns how many people got a wave."""
    rollouts.move_rollout(rollout=rollout, to=RolloutState.OPEN, by=by, now=now)
    return follow_waves(now=now)


@transaction.atomic
def save_wave(  # noqa: PLR0913  # a wave has this many sides, and the callers name each
    *,
    rollout: Rollout,
    wave: Wave | None,
    values: rollouts.WaveValues,
    departments: Sequence[Department],
    places: Sequence[Place],
    by: User,
    now: datetime,
    version: int | None = None,
) -> Wave:
    """Make a wave or change one; who has not begun follows its people and its dates."""
    saved = rollouts.save_wave(
        rollout=rollout,
        wave=wave,
        values=values,
        departments=departments,
        places=places,
        by=by,
        now=now,
        version=version,
    )
    follow_waves(now=now, moved=[saved.wave.pk] if saved.moved else [])
    if saved.moved:
        _look_again(saved.wave, now=now)
    return saved.wave


def _look_again(wave: Wave, *, now: datetime) -> None:
    """Let the next sweep look at those it found before the wave was moved."""
    Ticket.objects.open().filter(
        kind=TicketKind.QUIET,
        reason=Reason.NEVER_STARTED,
        taken_by__isnull=True,
        journey__in=Journey.objects.open().filter(wave=wave, begun_at__isnull=True),
    ).update(due_at=now)


@transaction.atomic
def drop_wave(*, wave: Wave, by: User, now: datetime) -> None:
    """Take a wave out of the plan; its people are left alone until they have another one.

    Raises `BegunError` where somebody has begun, `NotNowError` where its rollout is over.
    """
    if Journey.objects.filter(wave=wave, begun_at__isnull=False).exists():
        raise rollouts.BegunError
    wave.departments.clear()
    wave.places.clear()
    follow_waves(now=now)
    rollouts.drop_wave(wave=wave, by=by, now=now)


@transaction.atomic
def give_verdict(
    *, rollout: Rollout, verdict: Verdict, why: str, by: User, now: datetime
) -> Rollout:
    """Say whether the others go on after the pilot: "not yet" holds their waves, "go on" lets them go."""
    given = rollouts.give_verdict(rollout=rollout, verdict=verdict, why=why, by=by, now=now)
    others = Wave.objects.filter(rollout=rollout, is_pilot=False).order_by("pk")
    if verdict == Verdict.NO_GO:
        for wave in others.filter(held_at__isnull=True, ends_on__gte=local_day(now)):
            hold_wave(wave=wave, now=now, by=by, why=HeldWhy.PILOT)
    else:
        for wave in others.filter(held_why=HeldWhy.PILOT):
            release_wave(wave=wave, now=now, by=by)
    return given


# --- what goes on by itself --------------------------------------------------------------------------


@dataclass(frozen=True)
class Watched:
    """What one look at the plan did."""

    held: int = 0
    announced: int = 0


def watch(*, now: datetime) -> Watched:
    """Hold waves that go badly, and say what begins tomorrow; safe to run twice and side by side."""
    return Watched(held=hold_stuck_waves(now=now), announced=announce_waves(now=now))


def hold_stuck_waves(*, now: datetime) -> int:
    """Hold the waves of which more people are stuck than their limit; IT hears of each once."""
    waves = list(waves_that_may_stop())
    seen = stuck_by_wave(wave.pk for wave in waves) if waves else {}
    held = 0
    for wave in waves:
        known = seen.get(wave.pk)
        if known is not None and rules.holds_itself(
            stuck=known.stuck, begun=known.begun, limit_percent=wave.stuck_limit_percent
        ):
            held += _hold(wave, stuck=known.stuck, begun=known.begun, now=now)
    return held


@transaction.atomic
def _hold(wave: Wave, *, stuck: int, begun: int, now: datetime) -> bool:
    if not hold_wave(wave=wave, now=now, why=HeldWhy.STUCK, stuck=stuck, begun=begun):
        return False  # somebody else was here first
    tell_it(
        kind="wave_held",
        matter=f"wave:{wave.pk}:held:{now.isoformat()}",
        context={"wave": wave.name, "stuck": stuck, "begun": begun},
        link=reverse("plan:wave", args=[wave.pk]),
        book=organisation_book(),
        now=now,
    )
    return True


def announce_waves(*, now: datetime) -> int:
    """Tell leads (charge the boxes) and people (it is tomorrow) of waves that begin next; each once."""
    book = organisation_book()
    return sum(
        _announce(wave, book=book, now=now) for wave in waves_about_to_begin(book=book, now=now)
    )


@transaction.atomic
def _announce(wave: Wave, *, book: CalendarBook, now: datetime) -> bool:
    day = local_day(wave.starts_at)
    first = Wave.objects.filter(pk=wave.pk).exclude(reminded_for_on=day)
    if not first.update(reminded_for_on=day):
        return False  # somebody else was here first
    _tell_leads(wave, book=book, now=now)
    if wave.tells_people:
        _tell_people(wave, book=book, now=now)
    return True


@dataclass
class _Share:
    """What one lead has to see to: which departments and places, how many devices."""

    lead: User
    names: list[str]
    devices: int = 0


def _tell_leads(wave: Wave, *, book: CalendarBook, now: datetime) -> None:
    """Say to each lead which boxes must be charged by tomorrow; to IT where nobody leads."""
    charged = set(
        WaveMark.objects.filter(wave=wave, kind=MarkKind.CHARGED).values_list(
            "place_id", flat=True
        )
    )
    shares, alone = _shares(wave, charged, now=now)
    link, day = reverse("plan:wave", args=[wave.pk]), local_day(wave.starts_at)
    for share in shares:
        queue_message(
            kind="wave_charge",
            person=share.lead,
            reason=f"wave:{wave.pk}:{day}:charge",
            context=_facts(wave) | {"names": share.names, "devices": share.devices},
            link=link,
            about=f"wave:{wave.pk}",
            now=now,
            not_before=clock.next_open(book.of_person(share.lead), now),
        )
    if alone:
        tell_it(
            kind="wave_charge",
            matter=f"wave:{wave.pk}:{day}:charge",
            context=_facts(wave) | {"names": sorted(set(alone)), "devices": len(alone)},
            link=link,
            book=book,
            now=now,
        )


def _shares(wave: Wave, charged: set[int], *, now: datetime) -> tuple[list[_Share], list[str]]:
    """Return what each lead sees to, and the departments of the devices nobody leads."""
    by_pair: dict[tuple[int, int | None], list[Loan]] = defaultdict(list)
    for loan in loans_of(wave).select_related("department", "place").order_by("pk"):
        if loan.place_id not in charged:
            by_pair[(loan.department_id, loan.place_id)].append(loan)
    shares: dict[int, _Share] = {}
    alone: list[str] = []
    for (department_id, place_id), loans in by_pair.items():
        name = loans[0].department.name
        leads = leads_for(department_id=department_id, place_id=place_id, on=local_day(now))
        for lead in leads:
            share = shares.setdefault(lead.pk, _Share(lead, []))
            share.devices += len(loans)
            share.names += [name] if name not in share.names else []
        alone += [] if leads else [name] * len(loans)
    return list(shares.values()), alone


def _tell_people(wave: Wave, *, book: CalendarBook, now: datetime) -> None:
    """Say by mail to everybody of a wave who has not begun that it is tomorrow."""
    day = local_day(wave.starts_at)
    waiting = Journey.objects.open().filter(wave=wave, begun_at__isnull=True)
    reachable = waiting.exclude(person__email="").select_related("person__place", "place")
    for journey in reachable.order_by("pk"):
        if journey.person.is_on_leave(day):
            continue
        queue_message(
            kind="wave_soon",
            person=journey.person,
            reason=f"wave:{wave.pk}:{day}:soon",
            context=_facts(wave) | {"place": journey.place.name if journey.place else ""},
            link=reverse("journeys:overview", args=[journey.pk]),
            about=f"wave:{wave.pk}",
            now=now,
            not_before=clock.next_open(book.of_person(journey.person), now),
        )


def _facts(wave: Wave) -> dict[str, object]:
    return {"wave": wave.name, "starts_at": wave.starts_at, "note": wave.note}
