"""Sweepers that start in one moment over the same people who are due: how many a second, and none twice."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

from django.db import connection

from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.states import EntryKind
from kitting.journeys.models import Journey
from kitting.journeys.states import Status
from kitting.notices.models import Notice
from tests.bench import measure

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from multiprocessing.queues import SimpleQueue
    from multiprocessing.synchronize import Barrier

WORKERS = (1, 4)
WARM = 10
PART = 2000
HEAD = (
    "Sweepers",
    "due",
    "s passed",
    "recorded a second",
    "ms CPU each",
    "of it server",
    "doubled",
    "forgotten",
)
ABOUT = """\
Many at once: sweepers, each a process of its own with its connection, start in one moment over the same people who never
began, and go on until nobody is due. Recorded is a ticket with its two lines, its journey and the message, in one
transaction with others, 250 at once; doubled is whoever has more than one of these, forgotten whoever lacks one. "CPU each" is the work
of the sweepers and of their server processes for one of them: where other programs keep the cores busy, it says more than the
time passed."""


@dataclass(frozen=True)
class Race:
    """What some sweepers recorded together: each person once is what is right."""

    workers: int
    due: int
    seconds: float
    cpu: float
    server: float
    doubled: int
    forgotten: int

    @property
    def row(self) -> tuple[str, ...]:
        """Return the race as a line of the table."""
        rate = (self.due - self.forgotten) / self.seconds
        return (
            f"{self.workers}",
            f"{self.due:,}",
            f"{self.seconds:.2f}",
            f"{rate:,.0f}",
            f"{self.cpu / self.due * 1000:.2f}",
            f"{self.server / self.due * 1000:.2f}",
            f"{self.doubled}",
            f"{self.forgotten}",
        )


def races(count: int, *, now: datetime) -> str:
    """Let one sweeper, then four, record as many people who never began, as far as there are so many."""
    absent = Journey.objects.filter(status=Status.NOT_STARTED, tickets__isnull=True)
    wanted = WARM + count * len(WORKERS)
    keys = list(absent.order_by("pk").values_list("pk", flat=True)[:wanted])
    count = min(count, (len(keys) - WARM) // len(WORKERS))
    _make_due(keys[:WARM], now)
    while sweep(now=now).due:  # a worker's first round reads templates and words
        pass
    rows = [
        race(keys[WARM + at * count :][:count], workers=workers, now=now).row
        for at, workers in enumerate(WORKERS)
    ]
    return measure.table(HEAD, rows)


def race(keys: Sequence[int], *, workers: int, now: datetime) -> Race:
    """Let sweepers start in one moment, each a process of its own, until nobody is due any more."""
    _make_due(keys, now)
    processes = get_context("fork")
    ready, worked = processes.Barrier(workers + 1), processes.SimpleQueue()
    connection.close()
    sweepers = [
        processes.Process(target=_sweep_away, args=(now, ready, worked))
        for _number in range(workers)
    ]
    for sweeper in sweepers:
        sweeper.start()
    ready.wait()
    began = time.perf_counter()
    for sweeper in sweepers:
        sweeper.join()
    passed = time.perf_counter() - began
    work = [worked.get() for _sweeper in sweepers]
    server = sum(of_server for _own, of_server in work)
    cpu = sum(own for own, _of_server in work) + server
    return Race(workers, len(keys), passed, cpu, server, *_counted(set(keys)))


def _make_due(keys: Sequence[int], now: datetime) -> None:
    for at in range(0, len(keys), PART):
        Journey.objects.filter(pk__in=keys[at : at + PART]).update(attention_at=now)


def _sweep_away(
    now: datetime, ready: Barrier, worked: SimpleQueue[tuple[float, float]]
) -> None:
    own, server = time.process_time(), measure.server_cpu()
    ready.wait()
    while sweep(now=now).due:
        pass
    worked.put((time.process_time() - own, measure.server_cpu() - server))
    connection.close()


def _counted(keys: set[int]) -> tuple[int, int]:
    """Return how many people were recorded more than once, and how many not, message and all."""
    tickets = {
        pk: journey_id
        for pk, journey_id in Ticket.objects.values_list("pk", "journey_id")
        if journey_id in keys
    }
    opened = TicketEntry.objects.filter(kind=EntryKind.OPENED).values_list("ticket", flat=True)
    said = Notice.objects.filter(about__startswith="ticket:").values_list("about", flat=True)
    told = (int(about.removeprefix("ticket:")) for about in said)
    counts = [
        Counter(tickets.values()),
        *(
            Counter(tickets[pk] for pk in about if pk in tickets)
            for about in (opened.iterator(), told)
        ),
    ]
    doubled = {pk for count in counts for pk, number in count.items() if number > 1}
    forgotten = {pk for pk in keys if not all(count[pk] for count in counts)}
    return len(doubled), len(forgotten)
