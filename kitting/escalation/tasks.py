"""What Celery runs for the ladder."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from celery import shared_task
from django.db import transaction

from kitting.escalation.actions.alerts import tell_askers
from kitting.escalation.actions.counting import look_and_mend
from kitting.escalation.actions.digests import (
    digest_for_it,
    digest_for_leads,
    gather_for_leads,
)
from kitting.escalation.actions.losses import take_losses
from kitting.escalation.actions.pace import learn_pace
from kitting.escalation.actions.rows import forget_photos as forget_old_photos
from kitting.escalation.actions.sweeping import BATCH, Swept, sweep
from kitting.jobs.actions import beat
from kitting.notices.states import Lane
from kitting.notices.tasks import wake
from kitting.site.queries import current, wall_clock

if TYPE_CHECKING:
    from celery import Task

log = logging.getLogger(__name__)

# Many people may become due at once (a wave begins): rounds go on until nothing is left, or until
# the beat calls again anyway.
ROUNDS_SECONDS = 120


@shared_task(name="escalation.sweep")
def sweep_due() -> None:
    """Look at everybody whose moment has come."""
    sweep_rounds()


@shared_task(name="escalation.learn")
def learn() -> None:
    """Learn from the journeys that ended when a step is slow."""
    _, now = current()
    learn_pace(now=now)


def sweep_rounds(*, limit: int = BATCH) -> Swept:
    """Sweep until nothing is due any more, and say so; safe to run twice and side by side."""
    _, now = current()
    started = time.monotonic()
    total = last = sweep(now=now, limit=limit)
    while last.due >= limit and time.monotonic() - started < ROUNDS_SECONDS:
        last = sweep(now=now, limit=limit)
        total += last
    lost = take_losses(now=now)
    told = tell_askers(now=now)
    while told and time.monotonic() - started < ROUNDS_SECONDS:
        told = tell_askers(now=now)
    beat(name="sweep", now=wall_clock(), detail=json.dumps(asdict(total)))
    if total.opened or total.raised or total.departed or lost:
        wake()
    return total


@shared_task(name="escalation.recount")
def recount_board() -> None:
    """Count what the board keeps anew; what differs is put right, and said in log and audit log."""
    _, now = current()
    drift = look_and_mend(now=now)
    wrong = len(drift.wrong) if drift.was_complete else 0
    if wrong:
        log.error("%d kept counts of the board differed and were put right", wrong)
    beat(name="recount", now=wall_clock(), detail=json.dumps({"wrong": wrong}))


@shared_task(name="escalation.forget_photos")
def forget_photos() -> None:
    """Delete the photos of questions that were answered long ago."""
    _, now = current()
    forget_old_photos(now=now)


@shared_task(name="escalation.losses")
def losses() -> None:
    """Look up what was told of losses on the public page; the sweep does it too."""
    _, now = current()
    if take_losses(now=now):
        wake()


def wake_losses() -> None:
    """Have a loss looked up after this transaction; a dead broker costs the wait for the sweep."""
    transaction.on_commit(partial(_nudge, losses), robust=True)


def _nudge(task: Task[[], None]) -> None:
    try:
        task.delay()
    except Exception:  # whatever the broker says, the page goes on
        log.warning("The broker does not answer; the loss waits for the sweep", exc_info=True)


@shared_task(name="escalation.summaries")
def summaries() -> None:
    """Write the summaries that are due: hourly for leads, each morning for IT, weekly for leads."""
    _, now = current()
    written = gather_for_leads(now=now) + digest_for_it(now=now) + digest_for_leads(now=now)
    if written:
        wake()
        wake(Lane.OUTLET)
