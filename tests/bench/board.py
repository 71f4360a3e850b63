"""The board at four sizes of a city: by counting rows, by kept counts, beside one plain GROUP BY."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Count
from django.test import override_settings

from accounts.models import Grant, User
from accounts.queries import Rights
from accounts.states import Role
from kitting.dashboard.queries import overview
from kitting.escalation.actions.counting import recount
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.states import EntryKind
from kitting.journeys.models import Journey, StepRecord, Tally
from kitting.site.queries import current
from tests.bench import measure
from tests.bench.bare import bare_client, fetch, site_client
from tests.bench.city import City, copy_rows, found_city, learned, multiply, settle
from tests.bench.measure import Run, milliseconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

BASE = 2_650
# Copies of the first city: 100,700 and 1,001,700 people. Without a server only the first is measured.
TIMES = (1, 38, 378)
STEPS_UP_TO = 38
ROUNDS = 9
IT = Rights(roles=frozenset({Role.IT}))
ABOUT = f"""\
The figures of the overview as IT sees the whole city, warm, at {BASE:,} people and so many copies of them
in 60 departments: "rows" counts journeys, times of steps and tickets each time; "kept" reads the counts
that are kept along the way (`BOARD_COUNTERS`). "In the database" is the time all its statements took,
(SQLite works rows out while they are fetched: there look at the time passed). The plain GROUP BY (departments
by state, one statement) runs in turn with them. One in 21 has an open ticket, one in ten of those who wait is
overdue, and the queue and the time to the first answer are read too. People without a device are counted every ten minutes where counts
are kept, and this first time is the last column. Times of steps are there for {BASE * STEPS_UP_TO:,}
people at most: at the largest size "rows" would take longer still.
The page is `/dashboard/` through all middleware at {BASE:,} people; its floor is a bare view in the
same process with session, person and one GROUP BY. Once anything has happened the page is counted and drawn
anew (one statement of that row writes what happened); else it is shown as it was drawn, for a minute at most.
Its part, asked for every minute, is drawn once a minute for all who see the same."""
HEAD = (
    "People, how",
    "ms in the database",
    "ms passed",
    "statements",
    "plain GROUP BY ms",
    "first time ms",
)


@contextmanager
def statements_timed(found: list[float]) -> Iterator[None]:
    """Add up what statements take, until their rows are here."""

    def timed(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        begun = time.perf_counter()
        result = execute(sql, params, many, context)
        found.append(time.perf_counter() - begun)
        return result

    with connection.execute_wrapper(timed):
        yield


def figures(now: datetime) -> None:
    overview(rights=IT, now=now, language="ja")


def plain() -> None:
    rows = Journey.objects.open().values_list("department_id", "status").annotate(n=Count("pk"))
    list(rows.order_by())


def in_turns(now: datetime, *, kept: bool) -> tuple[str, ...]:
    """Measure the figures and the plain GROUP BY, one after the other."""
    with override_settings(BOARD_COUNTERS=kept):
        begun = time.perf_counter()
        figures(now)
        first = time.perf_counter() - begun
        asked = measure.statements(partial(figures, now))
        inside, walls, floors = [], [], []
        for _round in range(ROUNDS):
            taken: list[float] = []
            begun = time.perf_counter()
            with statements_timed(taken):
                figures(now)
            walls.append(time.perf_counter() - begun)
            inside.append(sum(taken))
            begun = time.perf_counter()
            plain()
            floors.append(time.perf_counter() - begun)
    return (
        milliseconds(median(inside)),
        milliseconds(median(walls)),
        str(asked),
        milliseconds(median(floors)),
        milliseconds(first),
    )


def grow(city: City, before: int, times: int) -> None:
    """Let the city be so many times as large; the database learns how large its tables are."""
    if before == 0:
        settle(city, 0, BASE)
        StepRecord.objects.bulk_create(learned(city), batch_size=2000)
    multiply(times, first=max(before, 1))
    copy_rows(Ticket, times, first=max(before, 1))
    copy_rows(StepRecord, min(times, STEPS_UP_TO), first=max(before, 1))
    with connection.cursor() as cursor:
        # As PostgreSQL does by itself after a while; the index alone then answers what it can.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def find() -> list[str]:
    rows = []
    pages: list[str] = []
    # Somebody who has signed in fully: the second step is not what is measured.
    with measure.static_files(), override_settings(SECOND_FACTOR_REQUIRED=False):
        _profile, now = current()
        city = found_city(now)
        helper = User.objects.create(username="it", name="情報 政策", email="it@example.jp")
        Grant.objects.create(person=helper, role=Role.IT, granted_at=now)
        before = 0
        for times in TIMES if connection.vendor == "postgresql" else TIMES[:1]:
            grow(city, before, times)
            before = times
            people = f"{BASE * times:,}"
            rows.append((f"{people}, rows", *in_turns(now, kept=False)))
            with override_settings(BOARD_COUNTERS=True):
                recount(mend=True)
                pages = pages or page_beside_floor(helper)
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
            rows.append((f"{people}, kept", *in_turns(now, kept=True)))
    lines = f"The kept counts are {Tally.objects.count():,} lines."
    return [measure.table(HEAD, rows), lines, *pages]


def page_beside_floor(helper: User) -> list[str]:
    """Measure the page and its part beside a bare view, where counts are kept."""
    site, bare = site_client(helper), bare_client(helper)
    ticket = Ticket.objects.earliest("pk")

    def counted_anew() -> int:
        TicketEntry.objects.create(ticket=ticket, kind=EntryKind.NOTE, at=ticket.opened_at)
        return fetch(site, "/dashboard/")

    acts = {
        "floor": partial(fetch, bare, "/board"),
        "page, counted anew": counted_anew,
        "page": partial(fetch, site, "/dashboard/"),
        "part, kept for a minute": partial(fetch, site, "/dashboard/?part=1"),
    }
    for act in acts.values():
        act()
    costs = measure.side_by_side(5, {name: Run(act) for name, act in acts.items()}, repeat=4)
    head = ("Page", "ms CPU", "ms passed", "statements", "kB", "ratio (CPU)")
    rows = [
        (
            name,
            milliseconds(costs[name].cpu),
            milliseconds(costs[name].wall),
            measure.statements(act),
            f"{act() / 1000:.0f}",
            measure.ratio(costs[name].times(costs["floor"])),
        )
        for name, act in acts.items()
    ]
    return [measure.table(head, rows)]


if __name__ == "__main__":
    measure.bench(name="board", about=ABOUT, find=find, page=measure.PERFORMANCE)
