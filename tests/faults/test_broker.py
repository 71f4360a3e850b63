"""A broker that forgets, goes away or freezes takes neither the pages nor the process with it; what is due is sent."""

from __future__ import annotations

import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.production import say
from tests.needs import found, needs
from tests.runtime.serving import Site, free_port, own_database
from tests.tables import ready_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.production import Answer, Production, Walker
    from tests.faults.servers import OwnRedis
    from tests.sink import Sink

pytestmark = pytest.mark.faults
AWAY_SECONDS = 8
STOP_SECONDS = 10
REQUESTS, AT_ONCE = 500, 4
DUE = 100
# The sweep beats this often (seconds); what is due leaves within two of its beats.
BEAT = 30
# Nobody waits longer for a page than this (seconds) beside a broker that hangs.
P95 = 2.5
TICKETS = "SELECT count(*), count(DISTINCT journey_id) FROM kitting_ticket WHERE kind <> 'help'"


@dataclass
class BrokenSite(Site):
    """A site on a broker that can be hurt."""

    redis_port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0"}


@contextmanager
def broker(port: int, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Redis of our own until the block ends."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(
        [needs("redis-server"), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def one_process(tmp_path: Path) -> Iterator[BrokenSite]:
    # To make all tables takes longer than a start may where much else goes on.
    like = None if found("postgres") else Path(ready_tables())
    with own_database(tmp_path, like=like) as url:
        yield BrokenSite(folder=tmp_path, database_url=url, redis_port=free_port())


def has_beaten_since(site: Site, before: dict[str, object]) -> bool:
    return all(at != before.get(name) for name, at in site.heartbeats().items())


def test_a_broker_that_was_away_is_found_again(one_process: BrokenSite) -> None:
    site = one_process
    with ExitStack() as running:
        first = running.enter_context(broker(site.redis_port, site.folder))
        server = running.enter_context(site.serving())
        server.wait_until(lambda: "deliver" in site.heartbeats())
        first.kill()
        end = time.monotonic() + AWAY_SECONDS
        while time.monotonic() < end:
            assert server.is_answering()
            time.sleep(0.5)
        before = site.heartbeats()
        running.enter_context(broker(site.redis_port, site.folder))
        back = time.monotonic()
        server.wait_until(lambda: has_beaten_since(site, before))
        took, stopped = time.monotonic() - back, server.stop()
        say(
            f"broker away for {AWAY_SECONDS} s before the one process: every page answered, all work went on {took:.1f} s"
            f" after it was back; asked to stop it ended after {stopped:.1f} s"
        )
        assert stopped < STOP_SECONDS


def test_a_frozen_broker_keeps_nobody_waiting(one_process: BrokenSite) -> None:
    site = one_process
    with broker(site.redis_port, site.folder) as redis, site.serving() as server:
        server.wait_until(lambda: "deliver" in site.heartbeats())
        redis.send_signal(signal.SIGSTOP)
        time.sleep(2)
        assert server.is_answering()
        assert server.stop() < STOP_SECONDS
        assert server.left_behind() == []


HANDS_FULL = {"WORKER_PROCESSES": "1", "DELIVER_SECONDS": "1"}


def test_workers_whose_hands_were_full_when_the_broker_fell_work_again(
    site: Production, broker: OwnRedis, sink: Sink
) -> None:
    site.more |= HANDS_FULL
    sink.pause = 3.0
    site.write("later 0")
    for name in ("worker", "beat"):
        site.start(name)
    wait_until(lambda: {"sweep", "deliver", "deliver_sign_in"} <= site.heartbeats().keys())
    site.write("notices 1", "codes 1")
    wait_until(lambda: sink.in_hand == 2)
    broker.kill()
    # Both workers end their task beside a dead broker, which never hears of it.
    wait_until(lambda: len(sink.mails) == 2 and not sink.in_hand)
    time.sleep(AWAY_SECONDS)
    sink.pause = 0.0
    site.write("notices 1", "codes 1")
    broker.start()
    back = time.monotonic()
    wait_until(lambda: len(sink.mails) == 4, patience=60)
    site.assert_nobody_gave_up()
    assert len(set(sink.message_ids)) == 4
    say(
        f"Redis killed while the worker for messages and the one for codes had their hands full: both at work again"
        f" {time.monotonic() - back:.0f} s after it was back, 4 of 4 messages once each"
    )


def hurt(broker: OwnRedis, how: str) -> None:
    {"flushed": broker.forget_everything, "down": broker.kill, "frozen": broker.freeze}[how]()


def heal(broker: OwnRedis, how: str) -> None:
    {"flushed": broker.forget_everything, "down": broker.start, "frozen": broker.thaw}[how]()


def visit(site: Production, walker: Walker, number: int) -> Answer:
    """Open pages, press, and ask for help, which wakes the worker by the broker."""
    if number % 5:
        return site.get(f"/j/{walker.journey}/s/{walker.steps[0]}/", cookie=walker.cookie)
    if number % 2:
        return site.press(walker, walker.steps[0], key=f"{number}")
    words = {
        "choice": "other",
        "words": f"{number}",
        "wish": "phone",
        "client_key": f"{number}",
    }
    return site.post(f"/j/{walker.journey}/help/", words, cookie=walker.cookie)


def visit_all(site: Production, walkers: list[Walker]) -> list[Answer]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        work = [pool.submit(visit, site, walkers[n % len(walkers)], n) for n in range(REQUESTS)]
        return [one.result() for one in work]


def seconds_until_sent(site: Production, sink: Sink) -> float:
    began = time.monotonic()
    wait_until(lambda: site.ask(TICKETS) == [(DUE, DUE)])
    wait_until(lambda: len(set(sink.message_ids)) >= DUE)
    return time.monotonic() - began


@pytest.mark.parametrize("how", ["flushed", "down", "frozen"])
def test_pages_stay_up_and_what_is_due_leaves_two_beats_later(
    site: Production, broker: OwnRedis, sink: Sink, how: str
) -> None:
    site.more |= {"SWEEP_SECONDS": str(BEAT), "DELIVER_SECONDS": "10"}
    site.write("later 0")
    walkers = site.walkers(50)
    for name in ("web", "worker", "beat"):
        site.start(name)
    wait_until(lambda: {"sweep", "deliver"} <= site.heartbeats().keys())
    hurt(broker, how)
    site.write(f"stuck {DUE}")
    answers = visit_all(site, walkers)
    heal(broker, how)
    took = seconds_until_sent(site, sink)
    seconds = sorted(answer.seconds for answer in answers)
    p95 = seconds[REQUESTS * 95 // 100]
    assert [one.status for one in answers if one.status not in (200, 302)] == []
    assert (p95 <= P95, took <= 2 * BEAT) == (True, True), (p95, took)
    assert len(sink.message_ids) == len(set(sink.message_ids)) == DUE
    assert site.drift()["differ"] == 0
    say(
        f"Redis {how}: 0 of {REQUESTS} requests failed, p95 {p95:.2f} s, slowest {seconds[-1]:.2f} s; {DUE} due:"
        f" {DUE} tickets, {DUE} messages once each {took:.0f} s after it was back (two beats are {2 * BEAT} s)"
    )
