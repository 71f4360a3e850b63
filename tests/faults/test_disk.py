"""The database's disk is full: what is pressed is refused in words, pages go on, nothing is half written."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.conftest import RELEASED, mailing, release
from tests.faults.crew import wait_until
from tests.faults.production import Production, production, say
from tests.faults.servers import fill, running_postgres, small_disk
from tests.runtime.serving import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.production import Answer, Walker
    from tests.faults.servers import OwnRedis
    from tests.sink import Sink

pytestmark = pytest.mark.faults
REFUSALS, PRESSES_MOST = 50, 1500
AWAY = "いま手入れをしています"


def test_the_disk_of_postgresql_is_full(
    tmp_path: Path, broker: OwnRedis, static: Path, sink: Sink
) -> None:
    with small_disk(200) as disk, running_postgres(disk, small=True) as cluster:
        release(cluster, tmp_path)
        url = cluster.url(RELEASED)
        with production(tmp_path, url, broker.url, static, **mailing(sink)) as site:
            walkers = site.walkers(30)
            for name in ("web", "worker", "beat"):
                site.start(name)
            stone = fill(disk)
            presses, refused, read = press_until_refused(site, walkers)
            stone.unlink()
            before = site.heartbeats()
            back = until_it_works(site, walkers[0])
            wait_until(lambda: site.heartbeats().get("sweep") != before.get("sweep"))
            site.assert_nobody_gave_up()
            hold_against_promises(site, presses, refused, read, "PostgreSQL", back)


def test_the_disk_of_sqlite_is_full(tmp_path: Path, static: Path) -> None:
    with small_disk(40) as disk:
        site = Production(tmp_path, f"sqlite:///{disk / 'kitto.sqlite3'}", "", static)
        site.run("manage.py", "migrate", "--no-input", "-v0")
        site.run("manage.py", "load_guide", "--publish")
        walkers = site.walkers(30)
        site.more = {"PORT": str(site.port)}
        command = (sys.executable, str(ROOT / "manage.py"), "serve", "--host", "127.0.0.1")
        try:
            site.start("serve", *command)
            wait_until(lambda: site.get("/healthz").status == 200)
            stone = fill(disk)
            presses, refused, read = press_until_refused(site, walkers)
            stone.unlink()
            back = until_it_works(site, walkers[0])
            site.assert_nobody_gave_up()
            hold_against_promises(site, presses, refused, read, "SQLite", back)
        finally:
            site.kill("serve")


def press_until_refused(
    site: Production, walkers: list[Walker]
) -> tuple[int, list[Answer], list[Answer]]:
    """Press until fifty were refused, and look at a page after each; return all that came back."""
    refused: list[Answer] = []
    read = []
    taken = 0
    presses = (
        (verb, w, step)
        for verb in ("done", "undo")
        for step in walkers[0].steps
        for w in walkers
    )
    for number, (verb, walker, step) in enumerate(presses):
        assert number < PRESSES_MOST, "the disk is not full"
        came = site.press(walker, step, key=f"{verb} {walker.journey} {step}", verb=verb)
        if came.status == 302:
            taken += 1
        else:
            refused.append(came)
            read.append(site.get(f"/j/{walker.journey}/s/{step}/", cookie=walker.cookie))
        if len(refused) == REFUSALS:
            break
    return taken, refused, read


def until_it_works(site: Production, walker: Walker) -> float:
    """Press again and again; return after how many seconds a press was taken."""
    began = time.monotonic()
    wait_until(lambda: site.press(walker, walker.steps[0], key="after").status == 302)
    return time.monotonic() - began


def hold_against_promises(
    site: Production,
    taken: int,
    refused: list[Answer],
    read: list[Answer],
    kind: str,
    back: float,
) -> None:
    assert {(one.status, one.retry_after) for one in refused} == {(503, "10")}
    assert all(AWAY in one.text and "Traceback" not in one.text for one in refused)
    assert {one.status for one in read} == {200}
    drift = site.drift()
    assert (drift["differ"], drift["doubled"]) == (0, 0)
    assert drift["presses"] == taken + 1
    say(
        f"disk of {kind} full: {taken} presses fitted in, then {len(refused)} refused with 503 and words, {len(read)} pages"
        f" read meanwhile, all well; room again: a press is taken after {back:.1f} s, 0 of {drift['journeys']} rows differ,"
        f" {drift['presses']} presses kept as answered"
    )
