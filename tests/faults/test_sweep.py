"""Whoever is due is found once: through kills, two of everything, poison, a long silence, wrong clocks."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.crew import Crew, crew
from tests.faults.production import say
from tests.faults.test_kill_celery import AFTER_CLAIM, wait_for_change, wait_until_all_are_sent
from tests.needs import needs
from tests.sink import running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.servers import OwnRedis

pytestmark = pytest.mark.faults
KILLS = 20
TICKETS = "SELECT count(*), count(DISTINCT journey_id) FROM kitting_ticket"
# What beat asks for in a minute: two deliveries every ten seconds, codes every five, one sweep.
MINUTE_OF_WAKES = {"sweeps": 1, "delivers": 18}


@contextmanager
def city(folder: Path, database: str, broker: str, *, pause: float = 0.0) -> Iterator[Crew]:
    with (
        running_sink(pause=pause) as sink,
        crew(folder, database, sink, redis_url=broker) as site,
    ):
        yield site


@pytest.fixture
def site(tmp_path: Path, database: str, broker: OwnRedis) -> Iterator[Crew]:
    with city(tmp_path, database, broker.url, pause=0.005) as found:
        yield found


def tell(site: Crew, sql: str) -> None:
    with psycopg.connect(site.database_url, autocommit=True) as line:
        line.execute(sql)  # type: ignore[arg-type]  # the tests' own text


def opened(site: Crew) -> int:
    return int(site.ask(TICKETS)[0][0])


def entries(site: Crew) -> dict[str, int]:
    return dict(site.ask("SELECT kind, count(*) FROM kitting_ticketentry GROUP BY kind"))


def a_whole_sweep(site: Crew) -> None:
    """Wait until a sweep has begun and ended from now on."""

    def last() -> object:
        return site.heartbeats().get("sweep")

    first = wait_for_change(site, last(), last)
    wait_for_change(site, first, last)


def kill_something(site: Crew, chance: random.Random) -> str:
    """Kill the worker, one of its children, or beat; start again what is gone."""
    what = chance.choice(("worker", "child", "beat"))
    if what == "child":
        parent = site.processes["worker"].pid
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8")
        for pid in listed.split()[:1]:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        return what
    site.kill(what)
    if what == "worker":
        site.start_worker(pool="prefork")
    else:
        site.start_beat()
    return what


def test_twenty_kills_of_worker_child_or_beat_open_each_ticket_once(site: Crew) -> None:
    chance = random.Random(1)
    site.write("stuck", 100)
    tell(
        site,
        "CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(0.1); RETURN NULL; END';"
        "CREATE CONSTRAINT TRIGGER take_time AFTER INSERT ON kitting_ticket"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time()",
    )
    site.start_beat()
    site.start_worker(pool="prefork")
    killed = []
    for _kill in range(KILLS):
        time.sleep(chance.uniform(0.5, 3.0))
        killed.append(kill_something(site, chance))
    restarted = time.monotonic()
    site.write("later", AFTER_CLAIM)
    site.wait_until(lambda: opened(site) >= 100)
    a_whole_sweep(site)
    wait_until_all_are_sent(site)
    took = time.monotonic() - restarted
    assert site.ask(TICKETS) == [(100, 100)]
    assert entries(site) == {"opened": 100, "raised": 100}
    ids = site.sink.message_ids
    assert len(set(ids)) == 100
    assert len(ids) - 100 <= KILLS
    say(
        f"{KILLS} kills ({', '.join(f'{killed.count(w)} {w}' for w in sorted(set(killed)))}) during a"
        f" sweep of 100 due: 100 tickets, 100 messages, {len(ids) - 100} came again with the same"
        f" Message-ID; all done {took:.0f} s after the last kill"
    )


def test_two_beats_and_four_workers_are_as_one(site: Crew) -> None:
    site.write("stuck", 1000)
    for number in range(4):
        site.start_worker(f"worker{number}")
    for number in range(2):
        site.start_beat(f"beat{number}")
    site.write("sweeps", 8)
    site.wait_until(lambda: opened(site) >= 1000)
    a_whole_sweep(site)
    wait_until_all_are_sent(site)
    assert site.ask(TICKETS) == [(1000, 1000)]
    assert entries(site) == {"opened": 1000, "raised": 1000}
    assert sorted(site.sink.message_ids) == sorted(set(site.sink.message_ids))
    assert len(site.sink.mails) == 1000
    said = "".join(site.said(f"worker{number}") for number in range(4))
    assert "IntegrityError" not in said
    assert "Traceback" not in said
    say("2 beats, 4 workers, 1,000 due: 1,000 tickets, 1,000 messages, 0 IntegrityErrors")


def test_one_poisoned_row_of_a_thousand_holds_nobody_up(site: Crew) -> None:
    site.write("stuck", 1000)
    (bad,) = site.ask("SELECT min(id) FROM kitting_journey")[0]
    tell(
        site,
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS"
        f" 'BEGIN IF NEW.journey_id = {bad} THEN RAISE EXCEPTION ''poison''; END IF; RETURN NEW; END';"
        "CREATE TRIGGER poison BEFORE INSERT ON kitting_ticket FOR EACH ROW EXECUTE FUNCTION poison()",
    )
    said = [site.manage("sweep") for _round in range(3)]
    assert site.ask(TICKETS) == [(999, 999)]
    assert sum(one.count("stumbled over journey") for one in said) == 1
    say("1 poisoned row among 1,000 due: 999 tickets in the same sweep, 1 try an hour")


def test_after_an_hour_without_a_worker_everything_is_done_once(site: Crew) -> None:
    site.write("notices", 100)
    site.write("stuck", 100)
    for _minute in range(60):
        for task, times in MINUTE_OF_WAKES.items():
            site.write(task, times)
    site.write("later", 3600)
    began = time.monotonic()
    site.start_worker(pool="prefork")
    site.wait_until(lambda: opened(site) >= 100)
    wait_until_all_are_sent(site)
    took = time.monotonic() - began
    site.start_beat()
    a_whole_sweep(site)
    wait_until_all_are_sent(site)
    assert site.ask(TICKETS) == [(100, 100)]
    assert len(site.sink.mails) == len(set(site.sink.message_ids)) >= 200
    say(
        f"worker away for an hour ({60 * sum(MINUTE_OF_WAKES.values())} wake-ups waited): 100 messages and 100"
        f" tickets once each, all done {took:.0f} s after its start"
    )


# Of a thousand journeys the first five hundred are due.
DIFFERENT = (
    "SELECT count(*) FROM kitting_journey j WHERE EXISTS (SELECT 1 FROM kitting_ticket t WHERE"
    " t.journey_id = j.id) <> (j.id <= (SELECT min(id) + 499 FROM kitting_journey))"
)


@pytest.mark.parametrize("shift", ["+1h", "-1h"])
@pytest.mark.parametrize("wrong", ["worker", "both"])
def test_clocks_of_worker_and_beat_decide_nothing(site: Crew, shift: str, wrong: str) -> None:
    faketime = needs("faketime")
    site.write("stuck", 500)
    site.write("soon", 500)
    site.wrap = (faketime, "-f", shift)
    site.start_worker()
    if wrong == "worker":
        site.wrap = ()
    site.start_beat()
    site.wait_until(lambda: opened(site) >= 500)
    a_whole_sweep(site)
    wait_until_all_are_sent(site)
    assert site.ask(DIFFERENT) == [(0,)]
    assert site.ask(TICKETS) == [(500, 500)]
    assert len(site.sink.mails) == 500
    say(f"clock of {wrong} {shift}: 0 differences in 1,000 journeys, 500 due found, 0 early")
