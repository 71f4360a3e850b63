"""What people press is recorded once and wholly, whatever dies and however often they press."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.crew import wait_until
from tests.faults.production import say

if TYPE_CHECKING:
    from tests.faults.production import Answer, Production, Walker

pytestmark = pytest.mark.faults
KILLS, PRESSES_A_KILL = 50, 4
SEEN = "SELECT count(*) FROM kitting_event WHERE client_key IS NOT NULL"


def press_until_answered(site: Production, walker: Walker, step: str) -> list[int]:
    """Press as a person does who sees no answer: again; return what came back."""
    came: list[int] = []
    while not came or came[-1] not in (200, 302):
        came.append(site.press(walker, step, key=f"{walker.journey}-{step}").status)
        assert len(came) < 100, came
        if came[-1] not in (200, 302):
            time.sleep(0.1)
    return came


def is_recorded(site: Production, walker: Walker, step: str) -> bool:
    sql = "SELECT count(*) FROM kitting_event WHERE kind = 'step_done' AND client_key = "
    return site.ask(f"{sql}'{walker.journey}-{step}'") == [(1,)]


def kill_web(site: Production) -> float:
    """Kill all processes that answer; return after how many seconds somebody answers again."""
    site.kill_children("web")
    died = time.monotonic()
    wait_until(lambda: site.get("/healthz").status == 200)
    return time.monotonic() - died


def test_killing_web_processes_fifty_times_loses_and_doubles_nothing(site: Production) -> None:
    walkers, chance = site.walkers(PRESSES_A_KILL * 5), random.Random(1)
    site.slow_commits("kitting_event", "0.2 * random()")
    site.start("web")
    presses = iter([(w, step) for step in walkers[0].steps[:10] for w in walkers])
    missing = again = 0
    back: list[float] = []
    with ThreadPoolExecutor(PRESSES_A_KILL) as pool:
        for _kill in range(KILLS):
            now = list(itertools.islice(presses, PRESSES_A_KILL))
            work = [pool.submit(press_until_answered, site, *one) for one in now]
            time.sleep(chance.uniform(0.0, 0.3))
            back.append(kill_web(site))
            again += sum(len(one.result()) - 1 for one in work)
            missing += sum(not is_recorded(site, *one) for one in now)
    found = site.drift()
    assert (missing, found["differ"], found["doubled"]) == (0, 0, 0)
    assert site.ask(SEEN) == [(KILLS * PRESSES_A_KILL,)]
    assert again, "no kill interrupted a press: the test shows nothing"
    say(
        f"{KILLS} kills of all web processes, {KILLS * PRESSES_A_KILL} presses, {again} of them"
        f" pressed again: 0 answered and missing, 0 doubled, 0 of {found['journeys']} rows differ;"
        f" web answers again after {max(back):.1f} s at most"
    )


def all_at_once(site: Production, walker: Walker, step: str, *, times: int) -> list[Answer]:
    start = threading.Barrier(times)

    def press() -> Answer:
        start.wait()
        return site.press(walker, step, key="double click")

    with ThreadPoolExecutor(times) as pool:
        return [one.result() for one in [pool.submit(press) for _time in range(times)]]


def test_eight_presses_at_once_twenty_times_are_twenty(site: Production) -> None:
    walkers = site.walkers(20)
    site.start("web")
    came = [one for w in walkers for one in all_at_once(site, w, w.steps[0], times=8)]
    assert Counter(one.status for one in came) == {302: 160}
    assert site.ask(SEEN) == [(20,)]
    assert site.drift()["differ"] == 0
    places = {one.location for one in came}
    assert len(places) == 20, "the same press was answered with different pages"
    say("8 presses at once x 20: 160 redirects, 20 effects, 0 rows differ")


VERBS = ("done", "undo", "skip")
STATE = (
    "SELECT step_key, result FROM kitting_steprecord WHERE journey_id = {} ORDER BY step_key"
)


def both_wait(site: Production) -> bool:
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return site.ask(sql) == [(2,)]


def together(site: Production, walker: Walker, first: str, second: str) -> list[int]:
    """Let two tabs press while a third holds the row, so that both are half-way when it is let go."""
    step = walker.optional[0]
    with ThreadPoolExecutor(2) as pool, psycopg.connect(site.database) as line:
        line.execute("SELECT 1 FROM kitting_journey WHERE id = %s FOR UPDATE", [walker.journey])
        work = []
        for number, verb in enumerate((first, second)):
            work.append(pool.submit(site.press, walker, step, key=f"tab {number}", verb=verb))
        wait_until(lambda: both_wait(site))
        line.commit()
        return [one.result().status for one in work]


def after(site: Production, walker: Walker, *verbs: str) -> list[tuple[str, str]]:
    for number, verb in enumerate(verbs):
        site.press(walker, walker.optional[0], key=f"tab {number}", verb=verb)
    return site.ask(STATE.format(walker.journey))


def test_two_tabs_in_every_order_end_where_one_after_the_other_would(site: Production) -> None:
    pairs = list(itertools.product(("", "done"), VERBS, VERBS))
    walkers = iter(site.walkers(len(pairs) * 3))
    site.start("web")
    seen = 0
    for before, first, second in pairs:
        tried, one_way, other_way = (next(walkers) for _walker in range(3))
        for walker in (tried, one_way, other_way):
            if before:
                site.press(walker, walker.optional[0], verb=before)
        answers = together(site, tried, first, second)
        assert set(answers) <= {302}, (before, first, second, answers)
        allowed = after(site, one_way, first, second), after(site, other_way, second, first)
        assert site.ask(STATE.format(tried.journey)) in allowed, (before, first, second)
        seen += 1
    assert site.drift()["differ"] == 0
    say(f"{seen} pairs of presses from two tabs, both held half-way: 0 states but the allowed")
