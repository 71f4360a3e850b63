"""What the worker runs for the outbox."""

from __future__ import annotations

import json
import logging
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from celery import shared_task
from django.db import transaction

from kitting.jobs.actions import beat
from kitting.notices.actions import Delivered, deliver_due
from kitting.notices.actions.failing import switch_off_failing
from kitting.notices.channels import open_mail, open_outlets
from kitting.notices.queries import outbox
from kitting.notices.rules import CLAIM
from kitting.notices.states import Lane
from kitting.site.queries import current, wall_clock

if TYPE_CHECKING:
    from datetime import timedelta

    from celery import Task

log = logging.getLogger(__name__)

HEARTBEATS = {
    Lane.NORMAL: "deliver",
    Lane.SIGN_IN: "deliver_sign_in",
    Lane.OUTLET: "deliver_outlets",
}
ROUND_LIMIT = 100
ROUNDS_SECONDS = 120
BROKER_REST_SECONDS = 30.0

# One deliverer a lane in a process: a mail server that hangs must not hold every thread.
_busy = {lane: threading.Lock() for lane in Lane}
# Until when (monotonic seconds) this process leaves a broker alone that did not answer: the next
# pages must not wait for it too.
_broker = {"rests_until": 0.0}


@shared_task(name="notices.deliver")
def deliver() -> None:
    """Send what is due."""
    deliver_lane(Lane.NORMAL)


@shared_task(name="notices.deliver_sign_in")
def deliver_sign_in() -> None:
    """Send the sign-in codes that are due."""
    deliver_lane(Lane.SIGN_IN)


@shared_task(name="notices.deliver_outlets")
def deliver_outlets() -> None:
    """Send what is due to chat rooms and programs."""
    deliver_lane(Lane.OUTLET)


def deliver_lane(lane: Lane, *, claim: timedelta = CLAIM) -> Delivered:
    """Send what is due in a lane, round after round until nothing is left, and say so.

    Safe to run twice and at once: another deliverer in this process is left to finish the work,
    one in another process shares it.
    """
    done = Delivered()
    if not _busy[lane].acquire(blocking=False):
        return done
    try:
        started = time.monotonic()
        with open_outlets() if lane == Lane.OUTLET else open_mail() as send:
            while time.monotonic() - started < ROUNDS_SECONDS:
                _, now = current()
                last = deliver_due(
                    now=now, lane=lane, limit=ROUND_LIMIT, claim=claim, send=send
                )
                done += last
                if last.unreachable or not last.taken:
                    break
        if lane == Lane.OUTLET:
            _, now = current()
            switch_off_failing(now=now)
        _say_alive(lane, unreachable=done.unreachable)
    finally:
        _busy[lane].release()
    return done


def _say_alive(lane: Lane, *, unreachable: bool) -> None:
    _, now = current()
    box = outbox(now=now)
    late = (now - box.oldest_due_at).total_seconds() if box.oldest_due_at else 0
    detail = {
        "waiting": box.waiting,
        "retrying": box.retrying,
        "late_seconds": round(late),
        "unreachable": unreachable,
    }
    beat(name=HEARTBEATS[lane], now=wall_clock(), detail=json.dumps(detail))


TASKS = {Lane.NORMAL: deliver, Lane.SIGN_IN: deliver_sign_in, Lane.OUTLET: deliver_outlets}


def wake(lane: Lane = Lane.NORMAL) -> None:
    """Wake the worker after this transaction; a dead broker costs nothing but the beat's wait."""
    transaction.on_commit(partial(_nudge, lane), robust=True)


def forget_broker() -> None:
    """Ask the broker again, whatever it did before."""
    _broker["rests_until"] = 0.0


def _nudge(lane: Lane) -> None:
    if time.monotonic() < _broker["rests_until"]:
        return
    task: Task[[], None] = TASKS[lane]
    try:
        task.delay()
    except Exception:  # whatever the broker says, the page goes on
        _broker["rests_until"] = time.monotonic() + BROKER_REST_SECONDS
        log.warning("The broker does not answer; the outbox waits for the beat", exc_info=True)
