"""A sheet of thousands that is killed on its way leaves no row, says so, and is begun again."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.people import sheet
from tests.faults.production import say

if TYPE_CHECKING:
    from tests.faults.production import Production

pytestmark = pytest.mark.faults
ROWS, KILLS = 6000, 8
# After so long (seconds) work that nobody hears of is taken for dead.
SILENT = 301
NEWCOMERS = "SELECT count(*) FROM accounts_user WHERE name LIKE '新人%'"
IMPORTS = "SELECT count(*) FROM kitting_import WHERE state = 'waiting'"
JOBS = "SELECT state, message FROM kitting_job WHERE kind = 'import' ORDER BY id"


def is_at(site: Production, messages: tuple[str, ...], *, number: int) -> bool:
    """Tell whether a job, the one after so many others, has come so far."""
    jobs = site.ask(JOBS)
    return len(jobs) > number and jobs[-1][0] == "running" and jobs[-1][1] in messages


def start(site: Production) -> None:
    site.start("worker")
    site.start("beat")


def kill_on_its_way(site: Production, messages: tuple[str, ...], seconds: float) -> None:
    """Start the worker, let it come so far, and kill it; then let the time pass until it is taken for dead."""
    number = len(site.ask(JOBS))
    start(site)
    wait_until(lambda: is_at(site, messages, number=number))
    time.sleep(seconds)
    site.kill("worker")
    site.kill("beat")
    assert site.ask(NEWCOMERS) == [(0,)]
    site.write(f"later {SILENT}")


def test_the_worker_is_killed_while_it_reads_and_while_it_writes(site: Production) -> None:
    site.write("later 0")
    clerk, run = site.people("desk"), site.people("roll", ROWS)
    site.tell("DELETE FROM kitting_job")
    site.start("web")
    chance = random.Random(1)
    for number in range(KILLS):
        so_far = ("reading", "writing") if number % 2 else ("writing",)
        kill_on_its_way(site, so_far, chance.uniform(0.0, 0.5))
        assert site.get(f"/imports/{run}/", cookie=clerk).status == 200
    start(site)
    began = time.monotonic()
    state = f"SELECT state FROM kitting_import WHERE id = {run}"
    wait_until(lambda: site.ask(state) == [("done",)])
    took = time.monotonic() - began
    wait_until(lambda: site.ask(JOBS)[-1][0] == "done")
    assert [state for state, _message in site.ask(JOBS)] == ["failed"] * KILLS + ["done"]
    assert site.ask(NEWCOMERS) == [(ROWS,)]
    say(
        f"worker killed {KILLS} times while it read or wrote {ROWS:,} people: 0 rows after each, {KILLS} jobs closed as"
        f" failed, begun again by itself, {ROWS:,} rows {took:.0f} s after the last start"
    )


def test_web_is_killed_while_a_sheet_is_brought(site: Production) -> None:
    clerk, data, kills = site.people("desk"), sheet(ROWS), 10
    site.slow_commits("kitting_importfile", "0.5")
    site.start("web")
    again = 0
    with ThreadPoolExecutor(1) as pool:
        for number in range(kills):
            work = pool.submit(bring_until_taken, site, data, clerk)
            wait_until(site.is_mid_write)
            site.kill_children("web")
            again += work.result() - 1
            assert number < site.ask(IMPORTS)[0][0]
    # One whose answer was lost may lie there twice, each whole; nothing is taken in before somebody says so.
    (sheets,) = site.ask(IMPORTS)[0]
    assert site.ask("SELECT count(*) FROM kitting_importfile") == [(sheets,)]
    assert site.ask(NEWCOMERS) == [(0,)]
    assert again >= kills
    say(
        f"web killed {kills} times while a sheet of {ROWS:,} rows was brought: brought again {again} times,"
        f" {sheets} whole ones wait, 0 halves, 0 rows"
    )


def bring_until_taken(site: Production, data: bytes, clerk: str) -> int:
    """Bring a sheet as a person does who sees no answer: again; return how many times."""
    for times in range(1, 100):
        if site.send("/imports/", {"kind": "roll"}, data, cookie=clerk).status == 302:
            return times
        time.sleep(0.2)
    raise AssertionError
