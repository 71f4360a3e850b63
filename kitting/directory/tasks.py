"""What Celery runs to look at Google's devices and to change what was asked for."""

from __future__ import annotations

import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from celery import shared_task
from django.db import transaction

from kitting.directory.actions import changing, looking
from kitting.directory.client import Directory, DirectoryError
from kitting.directory.queries import access, due_scope, newest_since, running_look
from kitting.directory.states import Problem
from kitting.notices.tasks import wake
from kitting.site.queries import current

if TYPE_CHECKING:
    from celery import Task

    from kitting.directory.models import DirectoryLook

log = logging.getLogger(__name__)

# The rest is left to the next round: well below the limit of a task.
ROUND_SECONDS = 150


@shared_task(name="directory.look")
def look() -> None:
    """Go on with the look that is under way, or begin the one that is due."""
    look_on()


@shared_task(name="directory.change")
def change() -> None:
    """Disable, enable again and write what was asked for, and read it back."""
    _, now = current()
    with Directory(access()) as directory:
        changing.work_off(directory=directory, now=now)


def look_on(*, seconds: float = ROUND_SECONDS) -> DirectoryLook | None:
    """Read pages until a look is finished, has to wait, or the round is over; returns the look.

    Safe to run twice and side by side: one holds the look, and a page counts once.
    """
    _, now = current()
    way, going = access(), running_look()
    if going is None:
        scope = due_scope(now) if way.is_set_up else None
        going = looking.begin_look(scope=scope, now=now) if scope else None
    held = looking.hold(look_id=going.pk, now=now) if going else None
    if held is None:
        return None
    try:
        with Directory(way) as directory:
            _read_pages(held, directory, until=time.monotonic() + seconds)
    finally:
        looking.let_go(look_id=held.pk)
    wake()
    return held


def _read_pages(held: DirectoryLook, directory: Directory, *, until: float) -> None:
    token, since = held.page_token, newest_since(held)
    goes_on = True
    while goes_on and time.monotonic() < until:
        try:
            page = directory.page(
                token=token, newest_first=since is not None, unit=directory.access.unit
            )
        except DirectoryError as error:
            log.warning("Google's directory: %s", error)
            _, now = current()
            looking.stumble(look_id=held.pk, error=error, now=now)
            return
        _, now = current()
        if page.next_token and page.next_token == token:
            endless = DirectoryError(Problem.BROKEN, "the same page again")
            looking.stumble(look_id=held.pk, error=endless, now=now)
            return
        goes_on = looking.take_page(
            look_id=held.pk, token=token, page=page, now=now, until=since
        )
        token = page.next_token


def wake_directory() -> None:
    """Let a worker begin after this transaction; a dead broker costs nothing but the beat's wait."""
    transaction.on_commit(partial(_nudge, look), robust=True)
    transaction.on_commit(partial(_nudge, change), robust=True)


def _nudge(task: Task[[], None]) -> None:
    try:
        task.delay()
    except Exception:  # whatever the broker says, the page goes on
        log.warning(
            "The broker does not answer; the directory waits for the beat", exc_info=True
        )
