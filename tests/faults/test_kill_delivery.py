"""Killing the worker loses no notice, and repeats only what was in the server's hands."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from tests.needs import needs
from tests.sink import Sink, running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GIVE_UP_SECONDS = 240
UNSENT = "SELECT message_id FROM kitting_notice WHERE state <> 'sent'"


@dataclass
class Database:
    """A database of this test's own."""

    url: str
    path: Path | None = None

    def ask(self, sql: str) -> list[str]:
        if self.path:
            with contextlib.closing(sqlite3.connect(self.path, timeout=20)) as line:
                return [row[0] for row in line.execute(sql)]
        with psycopg.connect(self.url) as line:
            return [row[0] for row in line.execute(sql).fetchall()]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, on every kind of server there is."""
    if request.param == "sqlite":
        path = tmp_path / "kill.sqlite3"
        yield Database(url=f"sqlite:///{path}", path=path)
        return
    url = needs("postgres")
    name = f"kitto_kill_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as line:
        line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        line.execute(f"CREATE DATABASE {name}")
        yield Database(url=urlunsplit(urlsplit(url)._replace(path=f"/{name}")))
        line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextlib.contextmanager
def deliverer(
    database: Database, sink: Sink, tmp_path: Path, *, notices: int
) -> Iterator[subprocess.Popen[str]]:
    """Run the process that forks workers."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.faults.deliverer", str(notices)],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "kitting.settings",
            "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DATABASE_URL": database.url,
            "VAR_DIR": str(tmp_path),
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(sink.port),
            "LOG_LEVEL": "ERROR",
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def start_worker(process: subprocess.Popen[str]) -> int:
    assert process.stdin
    assert process.stdout
    process.stdin.write("go\n")
    process.stdin.flush()
    return int(process.stdout.readline())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_dead(*pids: int) -> None:
    end = time.monotonic() + GIVE_UP_SECONDS
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < end, "a worker did not come to an end"
        time.sleep(0.01)


@dataclass
class Played:
    """What the mail server took, and what a kill had left in doubt."""

    arrived: Counter[str]
    in_doubt: set[str]

    @property
    def repeated(self) -> int:
        return sum(times - 1 for times in self.arrived.values())


def kill_and_drain(
    database: Database, tmp_path: Path, *, notices: int, kills: int, workers: int, seed: int
) -> Played:
    """Start workers and kill them at random moments, then let the last ones finish."""
    chance = random.Random(seed)
    in_doubt: set[str] = set()
    with (
        running_sink(pause=0.004) as sink,
        deliverer(database, sink, tmp_path, notices=notices) as process,
    ):
        for _ in range(kills):
            pids = [start_worker(process) for _ in range(workers)]
            time.sleep(chance.uniform(0.0, 0.25))
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            wait_until_dead(*pids)
            in_doubt.update(
                database.ask("SELECT message_id FROM kitting_notice WHERE state = 'sending'")
            )
        assert database.ask(UNSENT), "sent before the last kill: the test needs more notices"
        wait_until_dead(*[start_worker(process) for _ in range(workers)])
        return Played(arrived=Counter(sink.message_ids), in_doubt=in_doubt)


def assert_nothing_lost(database: Database, played: Played, *, kills: int) -> None:
    written = set(database.ask("SELECT message_id FROM kitting_notice"))
    repeated = {message_id for message_id, times in played.arrived.items() if times > 1}
    assert database.ask(UNSENT) == []
    assert set(played.arrived) == written
    assert repeated <= played.in_doubt, "repeated, though no kill had interrupted it"
    assert played.repeated <= kills
    print(f"{kills} kills: {len(written)} notices arrived, {played.repeated} of them twice")  # noqa: T201  # the count


@pytest.mark.faults
def test_killing_the_worker_loses_nothing_and_repeats_only_what_was_in_flight(
    database: Database, tmp_path: Path
) -> None:
    played = kill_and_drain(database, tmp_path, notices=400, kills=12, workers=1, seed=1)
    assert_nothing_lost(database, played, kills=12)


@pytest.mark.faults
@pytest.mark.parametrize("seed", range(3))
def test_killing_three_workers_at_once_forty_times_loses_nothing(
    database: Database, tmp_path: Path, seed: int
) -> None:
    played = kill_and_drain(database, tmp_path, notices=2000, kills=40, workers=3, seed=seed)
    assert_nothing_lost(database, played, kills=120)
