"""The oldest code of this repository goes on serving while its database is taken to today's tables."""

from __future__ import annotations

import itertools
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.faults.production import Production, production, say
from tests.needs import needs
from tests.runtime.serving import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.production import Answer, Walker
    from tests.faults.servers import OwnRedis, Postgres

pytestmark = pytest.mark.faults
A_SECOND, WALKERS = 50, 200
# So many have come before the first of those that are counted: to wake a process up is no matter of tables.
WARM, WARM_AT_ONCE = 200, 8
# How long (seconds) the load runs before and after; the old code goes on for a while on the new tables.
BEFORE, AFTER = 3, 10
# Nobody waits longer than this (seconds) while tables are changed: a migration waits half a second for a lock.
LONGEST = 3.0
MIGRATIONS = "SELECT count(*) FROM django_migrations WHERE app IN ('accounts', 'kitting')"


def oldest_code(folder: Path) -> Path:
    """Write out the first commit that this repository has."""
    git = (needs("history"), "-C", str(ROOT))
    listed = subprocess.run(
        (*git, "rev-list", "--max-parents=0", "HEAD"),
        capture_output=True,
        text=True,
        check=True,
    )
    first = listed.stdout.split()[-1]
    packed = subprocess.run((*git, "archive", first), capture_output=True, check=True)
    folder.mkdir()
    subprocess.run(("tar", "-x", "-C", str(folder)), input=packed.stdout, check=True)
    return folder


@pytest.fixture
def old(tmp_path: Path, cluster: Postgres, broker: OwnRedis) -> Iterator[Production]:
    """A site of the oldest code, released."""
    code = oldest_code(tmp_path / "code")
    static = tmp_path / "static"
    with (
        cluster.database(f"migrated_{os.getpid()}") as url,
        production(tmp_path, url, broker.url, static) as site,
    ):
        site.code = code
        site.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
        site.run("manage.py", "migrate", "--no-input", "-v0")
        site.run("manage.py", "load_guide", "--publish")
        yield site


@dataclass
class Load:
    """People who look and press, so many a second whether or not answers come."""

    site: Production
    walkers: list[Walker]
    answers: list[Answer] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def visit(self, number: int) -> None:
        walker = self.walkers[number % len(self.walkers)]
        step = walker.steps[number // len(self.walkers) % 8]
        if number % 3:
            page = f"/j/{walker.journey}/s/{step}/"
            self.answers.append(self.site.get(page, cookie=walker.cookie))
        else:
            self.answers.append(self.site.press(walker, step, key=f"{number}"))

    def go_on(self) -> None:
        began = time.monotonic()
        with ThreadPoolExecutor(32) as pool:
            for number in itertools.count():
                if self.is_over.wait(max(0.0, began + number / A_SECOND - time.monotonic())):
                    return
                pool.submit(self.visit, number)


def warm(site: Production, walkers: list[Walker]) -> None:
    """Let every page and press be asked for whose load is counted."""
    early = Load(site, walkers)
    with ThreadPoolExecutor(WARM_AT_ONCE) as pool:
        list(pool.map(early.visit, range(WALKERS * 50, WALKERS * 50 + WARM)))


@contextmanager
def load(site: Production, walkers: list[Walker]) -> Iterator[list[Answer]]:
    """Let people come until the block ends."""
    crowd = Load(site, walkers)
    thread = threading.Thread(target=crowd.go_on)
    thread.start()
    try:
        yield crowd.answers
    finally:
        crowd.is_over.set()
        thread.join()


def release(site: Production) -> float:
    """Take the database to today's tables by the shipped command; return how long it took (seconds)."""
    began = time.monotonic()
    done = subprocess.run(
        [str(ROOT / "deploy" / "start"), "release"],
        cwd="/",
        env=site.environment | {"SITE_URL": "https://kit.example.lg.jp"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.monotonic() - began


def test_old_code_serves_while_its_tables_become_todays(old: Production) -> None:
    walkers = old.walkers(WALKERS)
    old.start("web")
    warm(old, walkers)
    new = Production(old.folder, old.database, old.broker, old.static)
    (before,) = old.ask(MIGRATIONS)[0]
    with load(old, walkers) as answers:
        time.sleep(BEFORE)
        took = release(new)
        time.sleep(AFTER)
    (after,) = old.ask(MIGRATIONS)[0]
    assert after > before, "nothing was migrated: the test shows nothing"
    slowest = max(answer.seconds for answer in answers)
    assert [one.status for one in answers if one.status not in (200, 302)] == []
    assert slowest <= LONGEST
    assert new.drift()["differ"] == 0
    say(
        f"the oldest code of this repository under {A_SECOND} requests a second while {after - before} migrations were"
        f" made beneath it ({took:.1f} s) and {AFTER} s on: 0 of {len(answers)} requests failed, the longest wait"
        f" {slowest:.2f} s, 0 rows differ by today's code"
    )
