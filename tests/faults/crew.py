"""Worker, beat and writer of one site as real processes, to be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from celery import Celery
from redis import Redis
from redis.exceptions import ConnectionError as NotThereError

from tests.needs import needs
from tests.runtime.serving import ROOT, Site, free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.sink import Sink

LOOK_SECONDS = 0.05
PATIENCE_SECONDS = 240
TASKS_AT_ONCE = 2
TAIL = 2000


@dataclass
class Broker:
    """A Redis that may lose all it holds."""

    url: str
    is_ours: bool

    def forget_everything(self) -> None:
        with Redis.from_url(self.url) as line:
            _ = line.flushall() if self.is_ours else line.flushdb()

    def is_answering(self) -> bool:
        with Redis.from_url(self.url) as line, suppress(NotThereError):
            return bool(line.ping())
        return False

    def workers(self) -> int:
        """Count the Celery workers that answer here."""
        with Celery(broker=self.url, set_as_current=False) as app:
            return len(app.control.ping(timeout=0.5) or [])


@contextmanager
def running_redis(folder: Path) -> Iterator[Broker]:
    """Run a Redis on a free port; without the program, lend the one that is named."""
    program = shutil.which("redis-server")
    if not program:
        yield Broker(url=needs("redis"), is_ours=False)
        return
    port = free_port()
    here = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    nothing_kept = ["--save", "", "--appendonly", "no", "--logfile", "redis.log"]
    with subprocess.Popen([program, *here, *nothing_kept]) as redis:
        try:
            broker = Broker(url=f"redis://127.0.0.1:{port}/0", is_ours=True)
            wait_until(broker.is_answering)
            yield broker
        finally:
            redis.kill()


def wait_until(condition: Callable[[], bool], *, patience: float = PATIENCE_SECONDS) -> None:
    """Look every now and then; fail when patience (in seconds) runs out."""
    end = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(LOOK_SECONDS)


@dataclass(kw_only=True)
class Crew(Site):
    """The processes of a site by name, each in a group of its own."""

    sink: Sink
    redis_url: str = ""
    # What each program of worker and beat is started by, such as one that changes the clock.
    wrap: tuple[str, ...] = ()
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {
            "DJANGO_SETTINGS_MODULE": "kitting.settings",
            "REDIS_URL": self.redis_url,
            "REDIS_SOCKET_TIMEOUT": "5",
            "SWEEP_SECONDS": "2",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(self.sink.port),
            "LOG_LEVEL": "WARNING",
        }

    def start(self, name: str, *arguments: str, orders: int | None = None) -> None:
        wrap = () if orders else self.wrap
        with (self.folder / f"{name}.log").open("a", encoding="utf-8") as log:
            self.processes[name] = subprocess.Popen(
                [*wrap, sys.executable, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=orders,
                stdout=orders or log,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def manage(self, *command: str) -> str:
        """Run a command of the site and return all it said."""
        done = subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout + done.stderr

    def start_worker(self, name: str = "worker", *, pool: str = "threads") -> None:
        worker = ("-m", "celery", "-A", "kitting", "worker", "-Q", "celery,sign_in")
        size = ("--pool", pool, "--concurrency", str(TASKS_AT_ONCE))
        self.start(name, *worker, *size, "-n", f"{name}@%h")

    def start_beat(self, name: str = "beat") -> None:
        beat = ("-m", "celery", "-A", "kitting", "beat", "--schedule", f"{self.folder}/{name}")
        self.start(name, *beat, "--pidfile", "")

    def start_serve(self) -> None:
        self.start("serve", "manage.py", "serve", "--host", "127.0.0.1")

    def start_writer(self) -> None:
        self.start("writer", "-m", "tests.faults.writer", orders=subprocess.PIPE)
        self._hear_done()

    def write(self, verb: str, number: int) -> None:
        """Give the writer an order and wait until it is carried out."""
        line = self.processes["writer"].stdin
        assert line
        line.write(f"{verb} {number}\n")
        line.flush()
        self._hear_done()

    def _hear_done(self) -> None:
        line = self.processes["writer"].stdout
        assert line
        assert line.readline() == "done\n", self.said("writer")

    def kill(self, name: str) -> None:
        """Kill a process and all it has started, and wait until it is dead."""
        process = self.processes.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait as long as all processes live."""

        def is_so() -> bool:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended: {self.said(name)[-TAIL:]}"
            return condition()

        wait_until(is_so)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")


@contextmanager
def crew(folder: Path, database_url: str, sink: Sink, *, redis_url: str = "") -> Iterator[Crew]:
    """Prepare a site with its writer; whatever is left of it afterwards is killed."""
    site = Crew(folder=folder, database_url=database_url, sink=sink, redis_url=redis_url)
    try:
        site.start_writer()
        yield site
    finally:
        for name in list(site.processes):
            site.kill(name)
