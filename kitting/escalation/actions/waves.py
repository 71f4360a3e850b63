"""Hold a wave, and let it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from accounts.actions import write_audit
from kitting.journeys import actions as journeys
from kitting.journeys.models import Journey
from kitting.rollout.models import Wave
from kitting.rollout.states import HeldWhy

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


@transaction.atomic
def hold_wave(
    *,
    wave: Wave,
    now: datetime,
    by: User | None = None,
    why: HeldWhy = HeldWhy.HAND,
    stuck: int = 0,
    begun: int = 0,
) -> bool:
    """Stop the clocks of everybody in a wave; tell whether they ran.

    `stuck` of `begun` people is what it was held for, where it was held by itself.
    """
    held = Wave.objects.filter(pk=wave.pk, held_at__isnull=True).update(
        held_at=now, held_why=why, held_by=by, held_stuck=stuck, held_begun=begun
    )
    if held:
        data = {"why": why.value, "stuck": stuck, "begun": begun}
        write_audit(action="wave.held", now=now, by=by, subject=wave.name, data=data)
    return bool(held)


@transaction.atomic
def release_wave(*, wave: Wave, now: datetime, by: User | None = None) -> int:
    """Let the clocks of a wave run again, from now on; return how many journeys go on.

    Whoever pauses for longer goes on pausing.
    """
    released = Wave.objects.filter(pk=wave.pk, held_at__isnull=False).update(
        held_at=None, held_why="", held_by=None, held_stuck=0, held_begun=0, released_at=now
    )
    if not released:
        return 0
    write_audit(action="wave.released", now=now, by=by, subject=wave.name)
    waiting = Journey.objects.open().filter(
        Q(paused_until__isnull=True) | Q(paused_until__lte=now),
        wave=wave,
        ready_at__isnull=True,
    )
    keys = list(waiting.order_by("pk").values_list("pk", flat=True))
    for pk in keys:
        journeys.pause(journey_id=pk, until=now, who=journeys.SYSTEM, now=now)
    return len(keys)
