"""Whatever is killed, every notice arrives, and only one that was in the server's hands comes twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import pytest

from kitting.notices.rules import CLAIM
from tests.faults.crew import TASKS_AT_ONCE, Broker, Crew, crew, running_redis
from tests.runtime.serving import own_database
from tests.sink import running_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Seen = TypeVar("Seen")

# What a mail server needs to take a mail, in seconds: kills must find the worker at work.
PAUSE = 0.02
LONG_PAUSE = 2.0
AFTER_CLAIM = int(CLAIM.total_seconds()) + 1
MORE = 10
IN_FLIGHT = "SELECT message_id, attempts FROM kitting_notice WHERE state = 'sending'"


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """An empty database of the kind under test."""
    with own_database(tmp_path) as url:
        yield url


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A Redis that nobody else relies on."""
    with running_redis(tmp_path) as broker:
        yield broker


@pytest.fixture
def with_celery(tmp_path: Path, database_url: str, broker: Broker) -> Iterator[Crew]:
    """A site whose worker and beat are processes of their own."""
    with (
        running_sink(pause=PAUSE) as sink,
        crew(tmp_path, database_url, sink, redis_url=broker.url) as site,
    ):
        yield site


@pytest.fixture
def in_one_process(tmp_path: Path, database_url: str) -> Iterator[Crew]:
    """A site that `manage.py serve` runs, without a broker."""
    with running_sink(pause=PAUSE) as sink, crew(tmp_path, database_url, sink) as site:
        yield site


@dataclass
class Killing:
    """Kills what delivers, again and again, and keeps what each kill left in doubt."""

    site: Crew
    what: str
    start: Callable[[], None]
    chance: random.Random
    # How many deliverers a kill ends: one in each process of the worker.
    deliverers: int = 1
    kills: int = 0
    in_flight: set[tuple[str, int]] = field(default_factory=set)
    accepted: set[str] = field(default_factory=set)

    def start_and_wait_until_it_delivers(self) -> None:
        before = len(self.site.sink.mails)
        self.start()
        self.site.wait_until(lambda: len(self.site.sink.mails) > before)

    def kill_at_some_moment(self) -> None:
        """Kill within half a second."""
        time.sleep(self.chance.uniform(0.0, 0.5))
        self._kill()

    def kill_after_acceptance(self) -> None:
        """Kill when the mail server has taken a mail and has not said so yet."""
        sink = self.site.sink
        sink.pause = LONG_PAUSE
        before = len(sink.mails)
        self.site.wait_until(lambda: len(sink.mails) > before)
        self._kill()
        sink.pause = PAUSE
        self.accepted.add(sink.message_ids[-1])

    def _kill(self) -> None:
        """Kill, note what was in flight, then let the claims of the dead run out."""
        self.site.kill(self.what)
        self.kills += 1
        # The count of attempts tells a new claim from one that an earlier kill has left.
        self.in_flight.update(self.site.ask(IN_FLIGHT))
        assert notices(self.site, "state = 'queued'"), "all sent: the test needs more notices"
        self.site.write("later", AFTER_CLAIM)


def notices(site: Crew, which: str) -> set[str]:
    """Return the Message-IDs of some of the notices that go by mail."""
    sql = f"SELECT message_id FROM kitting_notice WHERE channel = 'mail' AND {which}"
    return {row[0] for row in site.ask(sql)}


def wait_for_change(site: Crew, before: Seen, look: Callable[[], Seen]) -> Seen:
    site.wait_until(lambda: look() != before)
    return look()


def wait_until_all_are_sent(site: Crew) -> None:
    """Wait as long as notices keep leaving."""
    left = unsent(site)
    while left:
        left = wait_for_change(site, left, partial(unsent, site))


def unsent(site: Crew) -> set[str]:
    return notices(site, "state <> 'sent'")


def assert_nothing_is_lost(killing: Killing, *, written: int) -> None:
    """Hold what arrived against what was written, and say how much came twice."""
    site = killing.site
    arrived = Counter(site.sink.message_ids)
    again = arrived - Counter(set(arrived))
    # Each notice has a recipient of its own: one that came under another Message-ID would show.
    received = {(str(mail["Message-ID"]), str(mail["To"])) for mail in site.sink.mails}
    sent = site.ask("SELECT message_id, address FROM kitting_notice WHERE state = 'sent'")
    assert len(sent) == written
    assert received == set(sent)
    in_flight = Counter(message_id for message_id, _attempt in killing.in_flight)
    assert again <= in_flight, "came again, though no kill had interrupted it"
    assert again.keys() >= killing.accepted, "taken at a kill, and not sent again"
    assert in_flight.total() <= killing.kills * killing.deliverers, "a deliverer held several"
    assert in_flight, "no kill interrupted anything: the test shows nothing"
    print(  # noqa: T201  # the count
        f"{killing.kills} kills, {in_flight.total()} with a notice in flight:"
        f" {written} notices arrived, {again.total()} repeats"
    )


def kill_workers(killing: Killing, broker: Broker, *, kills: int, count: int) -> None:
    """Kill the worker while it delivers, beat with it every third time; Redis forgets all twice."""
    site = killing.site
    site.write("notices", count)
    site.start_beat()
    while killing.kills < kills:
        killing.start_and_wait_until_it_delivers()
        site.write("notices", MORE)
        if killing.kills == kills // 2:
            broker.forget_everything()
        killing.kill_at_some_moment()
        if killing.kills % 3 == 0:
            site.kill("beat")
            site.start_beat()
    killing.start_and_wait_until_it_delivers()
    wait_until_all_are_sent(site)
    # Now nobody starts anew: worker and beat must find each other again by themselves.
    broker.forget_everything()
    site.write("notices", MORE)
    wait_until_all_are_sent(site)
    assert_nothing_is_lost(killing, written=count + MORE * (kills + 1))


@pytest.mark.faults
def test_killing_the_celery_worker_loses_nothing_and_repeats_only_what_was_in_flight(
    with_celery: Crew, broker: Broker
) -> None:
    killing = Killing(with_celery, "worker", with_celery.start_worker, random.Random(1))
    kill_workers(killing, broker, kills=5, count=150)


@pytest.mark.faults
@pytest.mark.parametrize(("pool", "deliverers"), [("threads", 1), ("prefork", TASKS_AT_ONCE)])
def test_killing_any_kind_of_worker_thirty_times_loses_nothing(
    with_celery: Crew, broker: Broker, pool: str, deliverers: int
) -> None:
    start = partial(with_celery.start_worker, pool=pool)
    killing = Killing(with_celery, "worker", start, random.Random(2), deliverers=deliverers)
    kill_workers(killing, broker, kills=30, count=1200)


def test_killing_the_one_process_loses_nothing_and_repeats_only_what_was_in_flight(
    in_one_process: Crew,
) -> None:
    site = in_one_process
    killing = Killing(site, "serve", site.start_serve, random.Random(1))
    site.write("notices", 100)
    for kill in (killing.kill_at_some_moment, killing.kill_after_acceptance):
        killing.start_and_wait_until_it_delivers()
        site.write("notices", MORE)
        kill()
    killing.start_and_wait_until_it_delivers()
    wait_until_all_are_sent(site)
    assert_nothing_is_lost(killing, written=100 + MORE * 2)


def start_two_of_each(site: Crew, broker: Broker) -> None:
    for number in (1, 2):
        site.start_worker(f"worker{number}")
        site.start_beat(f"beat{number}")
    site.wait_until(lambda: broker.workers() >= 2)


def last_sweep(site: Crew) -> str:
    return str(site.heartbeats().get("sweep"))


@pytest.mark.faults
def test_two_workers_and_two_beats_send_a_notice_once_and_open_a_ticket_once(
    with_celery: Crew, broker: Broker
) -> None:
    site = with_celery
    start_two_of_each(site, broker)
    site.write("notices", 100)
    site.write("delivers", 8)
    wait_until_all_are_sent(site)
    assert site.sink.most_in_hand == 2, "one worker did it all: the test shows nothing"
    assert len(site.sink.mails) == 100

    site.write("stuck", 30)
    site.write("sweeps", 8)
    site.wait_until(lambda: site.ask("SELECT count(*) FROM kitting_ticket")[0][0] >= 30)
    first = wait_for_change(site, last_sweep(site), partial(last_sweep, site))
    wait_for_change(site, first, partial(last_sweep, site))
    wait_until_all_are_sent(site)
    tickets = site.ask("SELECT count(*), count(DISTINCT journey_id) FROM kitting_ticket")
    entries = site.ask("SELECT kind, count(*) FROM kitting_ticketentry GROUP BY kind")
    assert tickets == [(30, 30)]
    assert dict(entries) == {"opened": 30, "raised": 30}
    assert len(site.sink.mails) == 130
    assert set(site.sink.message_ids) == notices(site, "state = 'sent'")
    for name in ("worker1", "worker2"):
        assert "Traceback" not in site.said(name)
