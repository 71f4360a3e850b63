"""How the cost of things grows from a city to a country: 2,650, 100,000 and 1,000,000 journeys."""

from __future__ import annotations

import math
import os
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

from django.db import connection
from django.test import override_settings

from accounts.forms import read_roll
from accounts.models import Grant, User
from accounts.queries import Rights
from accounts.states import Role
from accounts.taking import Order
from kitting.dashboard.queries import overview
from kitting.escalation.actions import sweep, take_in_roll
from kitting.escalation.actions.counting import recount
from kitting.escalation.actions.sweeping import Swept
from kitting.escalation.models import Ticket
from kitting.journeys.actions import Who, finish_step, undo_step
from kitting.journeys.models import Event, Journey
from kitting.journeys.states import EventKind, Status, Via
from kitting.notices.actions import deliver_due, queue
from kitting.notices.models import Notice
from kitting.notices.states import Channel, Lane, NoticeState
from kitting.site.queries import current
from tests.bench import measure
from tests.bench.bare import fetch, site_client
from tests.bench.city import copy_rows, found_city, multiply, settle
from tests.bench.imports import STAFF
from tests.bench.measure import milliseconds
from tests.bench.sweepers import ABOUT as MANY_AT_ONCE
from tests.bench.sweepers import races

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime


BASE = 2_650
SIZES = "1,38,377"
# Without a server a million rows take half an hour: there a smaller city must do.
SIZES_OF_SQLITE = "1,8"
IT = Rights(roles=frozenset({Role.IT}))
OUTBOX = 100
IDLE_REPEAT = 20
DUE = 5_000
FAMILIES = "佐藤 鈴木 高橋 田中 伊藤 渡辺 山本 中村 小林 加藤 吉田 山田 佐々木 山口 松本 井上 木村 林 斎藤 清水"
GIVEN = (
    "翔太 陽菜 健太 美咲 大輔 彩 拓也 愛 直樹 由美 誠 恵子 浩 幸子 隆 久美子 修 明美 茂 洋子"
)
ABOUT = f"""\
A city of 2,650 journeys and 38 and 377 times as many (100,700 and 999,050), one after the other in one database, each
person with a device, a code, an open journey, and a message that was sent; 72 of 101 have begun (an event each), one in
23 has an open ticket. "CPU" is the work of this process and of its server process together, the median of the rounds;
"in the database" is what the server says of the questions (EXPLAIN ANALYZE), where nothing is written. The exponent
says how cost grows with the number of journeys: 0 not at all, 0.5 as its root, 1 in proportion. Pages go through all
middleware. Board: the figures as IT sees the whole city, counts kept along the way (`BOARD_COUNTERS`). Outbox: a round
that finds 100 messages due and marks them. Import: the demo city's roll (2,678 people) once more, which changes
nothing. Event: a step done and taken back, one of the two.

{MANY_AT_ONCE}"""
HEAD = (
    "What",
    "journeys",
    "ms CPU",
    "ms passed",
    "ms in the database",
    "statements",
    "exponent",
)


@dataclass(frozen=True)
class Thing:
    """Something whose cost may grow; `reads` where its questions may be asked twice."""

    name: str
    act: Callable[[], object]
    before: Callable[[], object] = measure.nothing
    rounds: int = 5
    repeat: int = 1
    reads: bool = True


@dataclass
class Found:
    """What one thing cost at one size."""

    cpu: float
    wall: float
    inside: float | None
    statements: float
    rounds: list[float] = field(default_factory=list)


def measured(thing: Thing) -> Found:
    """Measure something, this process and the server's together."""
    thing.before()
    thing.act()  # warm
    cpus, walls = [], []
    for _round in range(thing.rounds):
        thing.before()
        server = measure.server_cpu()
        own, passed = time.process_time(), time.perf_counter()
        for _time in range(thing.repeat):
            thing.act()
        walls.append((time.perf_counter() - passed) / thing.repeat)
        own = time.process_time() - own
        cpus.append((own + measure.server_cpu() - server) / thing.repeat)
    thing.before()
    asked = measure.statements(thing.act)
    inside = None
    if thing.reads and connection.vendor == "postgresql":
        inside = median(measure.inside(thing.act) for _round in range(3))
    return Found(median(cpus), median(walls), inside, asked)


# --- the city -------------------------------------------------------------------------------------


def name_people() -> None:
    """Let people have names as they are: many share one, and two signs of it are typed."""
    families, given = FAMILIES.split(), GIVEN.split()
    people = list(User.objects.order_by("pk"))
    for number, person in enumerate(people):
        family, first = families[number % 20], given[number // 20 % 20]
        person.name = f"{family} {first}"
    User.objects.bulk_update(people, ["name"], batch_size=1000)


def fill(now: datetime) -> None:
    """Let everybody have got a message, and who has begun an event."""
    Notice.objects.bulk_create(
        Notice(
            dedupe_key=f"bench:{journey.pk}",
            kind="nudge",
            channel=Channel.WIZARD,
            person_id=journey.person_id,
            language="ja",
            subject="きっと",
            body="続きをお待ちしています。",
            message_id=f"bench-{journey.pk}",
            state=NoticeState.SENT,
            created_at=now,
            next_try_at=now,
            sent_at=now,
        )
        for journey in Journey.objects.order_by("pk")
    )
    begun = Journey.objects.filter(begun_at__isnull=False).order_by("pk")
    Event.objects.bulk_create(
        Event(journey=journey, number=1, kind=EventKind.BEGUN, at=now, via=Via.BOX)
        for journey in begun
    )
    begun.update(event_count=1)


def grow(before: int, times: int) -> None:
    """Let the city be so many times as large; the database learns how large its tables are."""
    multiply(times, first=before)
    for model in (Ticket, Notice, Event):
        copy_rows(model, times, first=before)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    recount(mend=True)


# --- what is measured -----------------------------------------------------------------------------


def be_idle(now: datetime) -> None:
    assert sweep(now=now) == Swept()


class Outbox:
    """A hundred messages that are due each round."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        for number in range(OUTBOX):
            queue(
                dedupe_key=f"due:{number}",
                kind="nudge",
                channel=Channel.WIZARD,
                language="ja",
                subject="きっと",
                body="続きをお待ちしています。",
                now=now,
            )
        due = Notice.objects.filter(dedupe_key__startswith="due:")
        self.keys = list(due.values_list("pk", flat=True))

    def make_due(self) -> None:
        Notice.objects.filter(pk__in=self.keys).update(
            state=NoticeState.QUEUED, sent_at=None, next_try_at=self.now, attempts=0
        )

    def deliver(self) -> None:
        done = deliver_due(now=self.now, lane=Lane.NORMAL, limit=OUTBOX, send=print)
        assert done.sent == OUTBOX, done


class Walkers:
    """People who do their next step one after the other, and take it back."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        people = Journey.objects.filter(status=Status.IN_PROGRESS, steps_done__gt=2)
        self.journeys = list(people.order_by("pk")[:100])
        self.turn = 0

    def walk(self) -> None:
        journey = self.journeys[self.turn % len(self.journeys)]
        self.turn += 1
        who = Who(via=Via.BOX)
        key = journey.current_step
        finish_step(journey_id=journey.pk, step_key=key, who=who, now=self.now)
        undo_step(journey_id=journey.pk, step_key=key, who=who, now=self.now)


def things(now: datetime, helper: User) -> Iterator[Thing]:
    while sweep(now=now).due:  # who walked at the size before is looked at once
        pass
    client, walkers, outbox = site_client(helper), Walkers(now), Outbox(now)
    two = quote("山田")
    yield Thing("sweep, nothing due", partial(be_idle, now), repeat=IDLE_REPEAT)
    yield Thing(
        f"outbox, {OUTBOX} due", outbox.deliver, before=outbox.make_due, rounds=3, reads=False
    )
    yield Thing(
        "board, its figures",
        partial(overview, rights=IT, now=now, language="ja", waiting_limit=0),
    )
    yield Thing("queue page", partial(fetch, client, "/tickets/"))
    yield Thing("person search, 山田", partial(fetch, client, f"/tickets/call/?q={two}"))
    yield Thing("person search, 山田翔", partial(fetch, client, f"/tickets/call/?q={two}翔"))
    yield Thing("import of 2,678 again", import_again, rounds=2, reads=False)
    yield Thing("event", walkers.walk, repeat=20, reads=False)


def import_again() -> None:
    done = take_in_roll(
        rows=read_roll(STAFF.read_bytes(), STAFF.name), order=Order(current()[1])
    )
    assert not done.flaws, done.flaws[:3]


def rows_of(
    name: str, sizes: Sequence[int], found: Sequence[Found]
) -> Iterator[tuple[str, ...]]:
    exponents = [
        math.log(large.cpu / small.cpu) / math.log(most / few)
        for (few, small), (most, large) in pairwise(zip(sizes, found, strict=True))
    ]
    halves = {"event": 2}.get(name, 1)
    for times, one, grown in zip(
        sizes, found, ["", *map("{:.2f}".format, exponents)], strict=True
    ):
        yield (
            name,
            f"{BASE * times:,}",
            milliseconds(one.cpu / halves),
            milliseconds(one.wall / halves),
            "" if one.inside is None else f"{one.inside * 1000:.2f}",
            f"{one.statements / halves:.0f}",
            grown,
        )


def find(sizes: Sequence[int]) -> list[str]:
    began = time.perf_counter()
    found: dict[str, list[Found]] = {}
    parts = []
    with (
        measure.static_files(),
        override_settings(SECOND_FACTOR_REQUIRED=False, BOARD_COUNTERS=True),
    ):
        _profile, now = current()
        settle(found_city(now), 0, BASE)
        name_people()
        fill(now)
        helper = User.objects.create(username="it", name="情報 政策", email="it@example.jp")
        Grant.objects.create(person=helper, role=Role.IT, granted_at=now)
        before = 1
        for times in sizes:
            grow(before, times)
            before = times
            sys.stderr.write(f"{BASE * times:,} after {time.perf_counter() - began:.0f} s\n")
            for thing in things(now, helper):
                found.setdefault(thing.name, []).append(measured(thing))
        if connection.vendor == "postgresql":
            parts.append(races(DUE, now=now))
    rows = [row for name, costs in found.items() for row in rows_of(name, sizes, costs)]
    parts.append(f"The whole run took {time.perf_counter() - began:.0f} s.")
    return [measure.table(HEAD, rows), *parts]


if __name__ == "__main__":
    is_small = connection.vendor == "sqlite"
    wanted = os.environ.get("SIZES", SIZES_OF_SQLITE if is_small else SIZES)
    many = [int(times) for times in wanted.split(",")]
    measure.bench(name="scale", about=ABOUT, find=partial(find, many))
