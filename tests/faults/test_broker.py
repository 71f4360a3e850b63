"""A broker that goes away or freezes takes neither the pages nor the process with it."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.needs import needs
from tests.runtime.serving import Site, free_port, own_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.faults
AWAY_SECONDS = 8
STOP_SECONDS = 5


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
def site(tmp_path: Path) -> Iterator[BrokenSite]:
    with own_database(tmp_path) as url:
        yield BrokenSite(folder=tmp_path, database_url=url, redis_port=free_port())


def has_beaten_since(site: Site, before: dict[str, object]) -> bool:
    return all(at != before.get(name) for name, at in site.heartbeats().items())


def test_a_broker_that_was_away_is_found_again(site: BrokenSite) -> None:
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
        server.wait_until(lambda: has_beaten_since(site, before))
        assert server.stop() < STOP_SECONDS


def test_a_frozen_broker_keeps_nobody_waiting(site: BrokenSite) -> None:
    with broker(site.redis_port, site.folder) as redis, site.serving() as server:
        server.wait_until(lambda: "deliver" in site.heartbeats())
        redis.send_signal(signal.SIGSTOP)
        time.sleep(2)
        assert server.is_answering()
        assert server.stop() < STOP_SECONDS
        assert server.left_behind() == []
