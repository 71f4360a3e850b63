"""PostgreSQL dies in the middle of every kind of write, and is away for a minute: nothing half, nothing twice."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.production import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.production import Answer, Production, Walker
    from tests.faults.servers import Postgres
    from tests.sink import Sink

pytestmark = pytest.mark.faults
ROUNDS = 6
# How long recovery may show after the database answers again, in seconds.
AFTER = 1.0
AWAY = {"ja": "いま手入れをしています", "en": "We are working on the system"}
MINUTE = 60.0
TICKETS = "SELECT count(*), count(DISTINCT journey_id) FROM kitting_ticket"


@dataclass
class Outage:
    """When the server died and when it answered again."""

    fell: float
    ready: float


@dataclass
class Seen:
    """What people saw who went on opening pages and pressing, and when they had it."""

    answers: list[tuple[float, str, Answer]] = field(default_factory=list)

    def note(self, answer: Answer, language: str = "ja") -> Answer:
        self.answers.append((time.monotonic(), language, answer))
        return answer

    def refused(self) -> list[tuple[float, str, Answer]]:
        return [one for one in self.answers if one[2].status not in (200, 302)]

    def after(self, outages: list[Outage]) -> float:
        """Return how long a refusal came after the server was back, at most (seconds)."""
        late = 0.0
        for at, _language, answer in self.refused():
            mine = [one for one in outages if one.fell <= at]
            assert mine, f"{answer.status} before anything fell"
            # What was begun while it was away is answered a little later.
            late = max(late, at - answer.seconds - mine[-1].ready)
        return late

    def assert_polite(self, outages: list[Outage]) -> float:
        """Hold every refusal to its promise: soon over, when to ask again, in the reader's words.

        Return how long after the server was back the last refused one began, at most (seconds).
        """
        late = self.after(outages)
        assert late <= AFTER
        for _at, language, answer in self.refused():
            assert (answer.status, answer.retry_after) == (503, "10"), answer
            assert AWAY[language] in answer.text
            assert "Traceback" not in answer.text
        return late

    def slowest(self) -> float:
        return max(answer.seconds for _at, _language, answer in self.answers)


@contextmanager
def people_look_on(site: Production, walker: Walker) -> Iterator[Seen]:
    """Let two people, one of them English, open a page again and again until the block ends."""
    seen, is_over = Seen(), threading.Event()
    page = f"/j/{walker.journey}/s/{walker.steps[0]}/"

    def look(language: str) -> None:
        while not is_over.wait(0.05):
            headers = {"Accept-Language": language}
            seen.note(site.get(page, cookie=walker.cookie, **headers), language)

    threads = [threading.Thread(target=look, args=(language,)) for language in AWAY]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def fall(cluster: Postgres, number: int, *, seconds: float = 0.5) -> Outage:
    """Kill the server or end it at once, turn by turn; have it back after a while."""
    fell = time.monotonic()
    (cluster.kill if number % 2 else cluster.stop_at_once)()
    time.sleep(seconds)
    cluster.start()
    return Outage(fell, time.monotonic())


def fall_in_the_middle(site: Production, cluster: Postgres, number: int) -> Outage:
    """Wait until a transaction has written and not yet committed, then let the server fall."""
    wait_until(site.is_mid_write, patience=60)
    return fall(cluster, number)


def until_taken(seen: Seen, press: Callable[[], Answer]) -> int:
    """Press as a person does who reads that it did not work: again; return how many times."""
    for times in itertools.count(1):
        if seen.note(press()).status in (200, 302):
            return times
        assert times < 200
        time.sleep(0.1)
    raise AssertionError


@dataclass
class Town:
    """Who presses what, once a round each."""

    site: Production
    walkers: list[Walker]
    counters: list[dict[str, str]]
    clerk: str

    def done(self, number: int) -> Answer:
        walker = self.walkers[number]
        return self.site.press(walker, walker.steps[0], key=f"done {number}")

    def asked(self, number: int) -> Answer:
        walker = self.walkers[ROUNDS + number]
        words = {"choice": "other", "words": "画面が白い", "wish": "phone"}
        words["client_key"] = f"asked {number}"
        return self.site.post(f"/j/{walker.journey}/help/", words, cookie=walker.cookie)

    def handed(self, number: int) -> Answer:
        scan = {"mode": "hand_out", "client": f"{number:032x}", "sequence": "1"}
        return self.site.post("/counter/scan", scan | self.counters[number], cookie=self.clerk)


KEPT = {
    "SELECT count(*) FROM kitting_event WHERE client_key LIKE 'done %'": [(ROUNDS,)],
    "SELECT count(*) FROM kitting_ticket": [(ROUNDS,)],
    "SELECT count(*) FROM kitting_ticketentry WHERE text <> ''": [(ROUNDS,)],
    "SELECT outcome, count(*) FROM kitting_scan GROUP BY outcome": [("handed", ROUNDS)],
}


def test_killed_in_the_middle_of_what_people_press(site: Production, cluster: Postgres) -> None:
    people = site.walkers(ROUNDS * 2), site.people("boxes", ROUNDS), site.people("desk")
    town = Town(site, *people)
    for table in ("kitting_event", "kitting_ticketentry", "kitting_scan"):
        site.slow_commits(table, "0.4")
    site.start("web")
    outages: list[Outage] = []
    again = 0
    with people_look_on(site, town.walkers[0]) as seen, ThreadPoolExecutor(1) as pool:
        acts = (town.done, town.asked, town.handed)
        for number, act in itertools.product(range(ROUNDS), acts):
            work = pool.submit(until_taken, seen, partial(act, number))
            outages.append(fall_in_the_middle(site, cluster, len(outages)))
            again += work.result() - 1
    late = seen.assert_polite(outages)
    drift = site.drift()
    assert (drift["differ"], drift["doubled"]) == (0, 0)
    assert {sql: site.ask(sql) for sql in KEPT} == KEPT
    assert again, "no kill interrupted a press: the test shows nothing"
    say(
        f"PostgreSQL killed or ended at once {len(outages)} times in the middle of a step done, help asked and a"
        f" hand-out: {again} presses refused and pressed again, {len(seen.refused())} of {len(seen.answers)} answers"
        f" were 503 with Retry-After in the reader's language, none begun later than {late:.2f} s after it was"
        f" back, 0 others; {ROUNDS} of each once, 0 of {drift['journeys']} rows differ"
    )


def worker_falls(
    site: Production, cluster: Postgres, table: str, *, when: str, turns: range
) -> None:
    """Let the server fall, one turn so and one so, while the worker writes into a table."""
    site.slow_commits(table, "0.2", when=when)
    for turn in turns:
        fall_in_the_middle(site, cluster, turn)
    site.quick_commits(table)


def newcomers(site: Production) -> int:
    return int(site.ask("SELECT count(*) FROM accounts_user WHERE name LIKE '新人%'")[0][0])


def is_sent(site: Production) -> bool:
    return site.ask("SELECT count(*) FROM kitting_notice WHERE state <> 'sent'") == [(0,)]


def beaten_since(site: Production, before: dict[str, object]) -> bool:
    now = site.heartbeats()
    return all(now.get(name) != before.get(name) for name in ("sweep", "deliver"))


def import_falls(site: Production, cluster: Postgres) -> str:
    run, times = site.people("roll", 300), ROUNDS // 2
    site.start("worker")
    site.start("beat")
    for turn in range(times):
        turns = range(turn, turn + 1)
        worker_falls(site, cluster, "kitting_import", when="UPDATE", turns=turns)
        assert newcomers(site) == 0
        # Whoever worked at it was not heard of since.
        site.write("later 301")
    wait_until(
        lambda: site.ask(f"SELECT state FROM kitting_import WHERE id = {run}") == [("done",)]
    )
    assert newcomers(site) == 300
    return f"an import ({times} times: 0 of 300 rows, then 300)"


def sweep_falls(site: Production, cluster: Postgres) -> str:
    due = ROUNDS * 4
    site.write(f"stuck {due}")
    worker_falls(site, cluster, "kitting_ticket", when="INSERT", turns=range(ROUNDS))
    wait_until(lambda: site.ask(TICKETS) == [(due, due)])
    entries = dict(site.ask("SELECT kind, count(*) FROM kitting_ticketentry GROUP BY kind"))
    assert entries == {"opened": due, "raised": due}
    return f"a sweep ({ROUNDS} times: {due} tickets once each)"


def delivery_falls(site: Production, cluster: Postgres, sink: Sink) -> str:
    site.write(f"notices {ROUNDS * 20}")
    worker_falls(site, cluster, "kitting_notice", when="UPDATE", turns=range(ROUNDS))
    back, before = time.monotonic(), site.heartbeats()
    wait_until(lambda: beaten_since(site, before))
    took = time.monotonic() - back
    # What was in the hands of the dead comes back when its claim runs out.
    site.write("later 121")
    wait_until(lambda: is_sent(site))
    arrived, again = all_arrived(site, sink)
    assert again <= ROUNDS * int(site.environment["WORKER_PROCESSES"])
    return (
        f"deliveries ({ROUNDS} times: {arrived} messages, {again} again with the same Message-ID);"
        f" worker and beat went on by themselves, {took:.1f} s after it was back"
    )


def all_arrived(site: Production, sink: Sink) -> tuple[int, int]:
    """Hold what arrived against what was written; return how many, and how many came again."""
    arrived = Counter(sink.message_ids)
    assert arrived.keys() == {
        row[0] for row in site.ask("SELECT message_id FROM kitting_notice")
    }
    return len(arrived), arrived.total() - len(arrived)


def test_killed_in_the_middle_of_what_the_worker_does(
    site: Production, cluster: Postgres, sink: Sink
) -> None:
    site.write("later 0")
    found = import_falls(site, cluster), sweep_falls(site, cluster)
    last = delivery_falls(site, cluster, sink)
    site.assert_nobody_gave_up()
    say(f"PostgreSQL killed or ended at once in the middle of {', '.join(found)} and {last}")


def test_away_for_a_minute(site: Production, cluster: Postgres, sink: Sink) -> None:
    site.write("stuck 20", "notices 20")
    looker, *pressers = site.walkers(40)
    for name in ("web", "worker", "beat"):
        site.start(name)
    with people_look_on(site, looker) as seen, ThreadPoolExecutor(4) as pool:
        time.sleep(2)
        pressing = [
            pool.submit(until_taken, seen, partial(press_slowly, site, w)) for w in pressers
        ]
        outage = fall(cluster, 0, seconds=MINUTE)
        before = site.heartbeats()
        wait_until(lambda: beaten_since(site, before))
        back = time.monotonic() - outage.ready
        assert all(one.result() for one in pressing)
    site.write("later 121")
    wait_until(lambda: is_sent(site))
    late, drift = seen.assert_polite([outage]), site.drift()
    assert (drift["differ"], drift["doubled"], drift["presses"]) == (0, 0, len(pressers))
    assert site.ask(TICKETS) == [(20, 20)]
    arrived, again = all_arrived(site, sink)
    site.assert_nobody_gave_up()
    say(
        f"PostgreSQL away for {MINUTE:.0f} s: {len(seen.refused())} answers with 503 and Retry-After in the reader's"
        f" language, within {seen.slowest():.1f} s each, none begun later than {late:.2f} s after it was back;"
        f" {len(pressers)} of {len(pressers)} presses taken once; worker and beat at work again after {back:.1f} s;"
        f" 20 tickets, {arrived} messages, {again} again"
    )


def press_slowly(site: Production, walker: Walker) -> Answer:
    """Press, and when refused wait as long as a person does."""
    answer = site.press(walker, walker.steps[0], key=f"minute {walker.journey}")
    time.sleep(0.5)
    return answer
