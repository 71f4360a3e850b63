"""What Celery runs to draw what was ordered, and to clear it away."""

from __future__ import annotations

import logging
from functools import partial

from celery import shared_task
from django.db import transaction

from kitting.jobs.actions import take_up
from kitting.labels.actions.orders import carry_out, forget_prints
from kitting.labels.queries import JOBS
from kitting.site.queries import current, wall_clock

log = logging.getLogger(__name__)


@shared_task(name="labels.print")
def print_ordered() -> None:
    """Draw every printing that waits, one after the other; each is taken by one worker."""
    profile, _now = current()
    while job := take_up(prefix=JOBS, now=wall_clock()):
        carry_out(job=job, profile=profile, clock=wall_clock)


@shared_task(name="labels.forget")
def forget() -> None:
    """Delete the files of printings that are some days old."""
    forget_prints(now=wall_clock())


def wake_printing() -> None:
    """Let a worker begin after this transaction; a dead broker costs nothing but the beat's wait."""
    transaction.on_commit(partial(_nudge), robust=True)


def _nudge() -> None:
    try:
        print_ordered.delay()
    except Exception:  # whatever the broker says, the page goes on
        log.warning("The broker does not answer; the labels wait for the beat", exc_info=True)
