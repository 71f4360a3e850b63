"""What Celery runs: read what was brought, take in what was confirmed, let moves happen on their day."""

from __future__ import annotations

import logging
import zlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import shared_task
from django.db import InterfaceError, OperationalError, transaction

from accounts.forms import SheetRefusedError
from accounts.roll import prepare_roll
from kitting.imports import actions
from kitting.imports.forms import open_sheet
from kitting.imports.models import Import, ImportFile
from kitting.imports.queries import JOB, chosen_columns
from kitting.imports.rules import READ_SHARE, share_read
from kitting.imports.states import ImportState, Kind
from kitting.jobs import actions as jobs
from kitting.notices.tasks import wake
from kitting.site.queries import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kitting.imports.forms import Opened
    from kitting.jobs.models import Job

log = logging.getLogger(__name__)

ROUNDS_MOST = 20
ROWS_A_REPORT = 2_000


@shared_task(name="imports.work")
def work() -> None:
    """Read and take in what waits."""
    work_off()


@shared_task(name="imports.move")
def move() -> None:
    """Let moves happen whose day has come."""
    _, now = current()
    actions.apply_transfers(now=now)
    actions.follow_departments(now=now)


@shared_task(name="imports.tidy")
def tidy() -> None:
    """Throw away files nobody confirmed."""
    _, now = current()
    actions.tidy(now=now)


def work_off() -> int:
    """Work on one import after the other until none waits; return how many rounds it took.

    Safe to run twice and at once: one worker at a time holds the job. A worker that dies leaves the
    import where it was, and it is begun again.
    """
    for rounds in range(ROUNDS_MOST):
        run = Import.objects.to_work_off().order_by("pk").first()
        if run is None or not _work(run):
            return rounds
    return ROUNDS_MOST


def _work(run: Import) -> bool:
    """Do what one import waits for; False while another worker is at it."""
    _, now = current()
    job = jobs.start_job(kind=JOB, total=100, now=now, data={"import": run.pk})
    if job is None:
        return False
    try:
        _go_on(run, job)
    except (InterfaceError, OperationalError):
        # The database's trouble (it fell, it is full), not this file's: the next round begins anew.
        _, now = current()
        jobs.fail(job_id=job.pk, now=now, message="broken")
        raise
    except (
        Exception
    ):  # whatever it was, nothing of the file was written, and people must hear of it
        log.exception("An import broke off")
        _, now = current()
        actions.fail(run=run, now=now)
        jobs.fail(job_id=job.pk, now=now, message="broken")
    else:
        _, now = current()
        jobs.finish(job_id=job.pk, now=now)
    wake()
    return True


def _go_on(run: Import, job: Job) -> None:
    data = zlib.decompress(ImportFile.objects.get(of=run).packed)
    columns = run.columns or None
    try:
        opened = open_sheet(run.kind, data, run.file_name, columns=columns)
        if columns is None:
            opened = _as_chosen_before(run, data, opened)
        if opened.flaws:
            # Whoever chooses columns should not hear afterwards that a row cannot be read at all.
            deque(opened.rows, maxlen=0)
            actions.ask_columns(
                run=run,
                headers=opened.headers,
                columns=opened.columns,
                flaws=opened.flaws,
            )
            return
        del data
        sheet = actions.Read(opened.headers, opened.columns, _prepared(run, opened, job))
    except SheetRefusedError as refused:
        actions.refuse(run=run, flaws=refused.flaws)
        return
    _, now = current()
    step = actions.take if run.state == ImportState.ORDERED else actions.show
    step(run=run, sheet=sheet, now=now)


def _as_chosen_before(run: Import, data: bytes, opened: Opened) -> Opened:
    """Open a sheet by the columns somebody chose for the same headers earlier."""
    chosen = chosen_columns(run.kind, opened.headers)
    if chosen is None:
        return opened
    return open_sheet(run.kind, data, run.file_name, columns=chosen)


def _prepared(run: Import, opened: Opened, job: Job) -> Any:
    """Read all rows before anything is locked, and say how far that is."""
    rows = _counted(opened, job)
    prepared = prepare_roll(rows) if run.kind == Kind.ROLL else list(rows)
    _, now = current()
    jobs.advance(job_id=job.pk, done=READ_SHARE, now=now, message="writing")
    return prepared


def _counted(opened: Opened, job: Job) -> Iterator[Any]:
    for number, row in enumerate(opened.rows, start=1):
        yield row
        if number % ROWS_A_REPORT == 0:
            _, now = current()
            done = share_read(number, opened.lines)
            jobs.advance(job_id=job.pk, done=done, now=now, message="reading")


def wake_imports() -> None:
    """Let a worker begin after this transaction; a dead broker costs nothing but the beat's wait."""
    transaction.on_commit(partial(_nudge), robust=True)


def _nudge() -> None:
    try:
        work.delay()
    except Exception:  # whatever the broker says, the page goes on
        log.warning("The broker does not answer; imports wait for the beat", exc_info=True)
