"""The one-process server as a process of its own, on a free port, with data of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit, urlunsplit
from urllib.request import urlopen

import psycopg

from tests.needs import found

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
GIVE_UP_SECONDS = 60
MINE = {"DATABASE_URL", "REDIS_URL", "VAR_DIR", "DEBUG", "HOST", "PORT", "SITE_URL"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def own_database(folder: Path, *, like: Path | None = None) -> Iterator[str]:
    """Give the address of a database of the kind under test: empty, or a copy of a SQLite file."""
    url = found("postgres")
    if not url:
        if like:
            shutil.copy(like, folder / "kitto.sqlite3")
        yield f"sqlite:///{folder / 'kitto.sqlite3'}"
        return
    name = f"kitto_serve_{os.getpid()}"
    with psycopg.connect(url, autocommit=True) as line:
        line.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own name
        line.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # our own name
        yield urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        line.execute(f"DROP DATABASE {name} WITH (FORCE)")  # type: ignore[arg-type]  # our own name


@dataclass
class Site:
    """Where a server keeps its data and answers, from one start to the next."""

    folder: Path
    database_url: str
    port: int = field(default_factory=free_port)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in MINE}
        return kept | {
            "DEBUG": "1",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": found("redis"),
            "VAR_DIR": str(self.folder),
            "PORT": str(self.port),
            "SWEEP_SECONDS": "1",
            "DELIVER_SECONDS": "1",
            "PYTHONUNBUFFERED": "1",
        }

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database from outside."""
        if self.database_url.startswith("sqlite"):
            path = self.database_url.removeprefix("sqlite:///")
            with closing(sqlite3.connect(path, timeout=20)) as line:
                return line.execute(sql).fetchall()
        with psycopg.connect(self.database_url) as line:
            return line.execute(sql).fetchall()  # type: ignore[arg-type]  # constant text

    def heartbeats(self) -> dict[str, Any]:
        return dict(self.ask("SELECT name, at FROM kitting_heartbeat"))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a server that is expected to refuse."""
        return subprocess.run(
            [sys.executable, "manage.py", "serve", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=GIVE_UP_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, *arguments: str) -> Iterator[Server]:
        """Run a server, ready to answer; whatever is left of it afterwards is killed."""
        log = self.folder / "log"
        with log.open("w+", encoding="utf-8") as output:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_hear_the_terminal,  # noqa: PLW1509  # it sets one flag, no lock is taken
            )
            server = Server(site=self, process=process, log=log)
            try:
                server.wait_until_ready()
                yield server
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _hear_the_terminal() -> None:
    """Undo what `nohup` passes on, so that a test may close the terminal."""
    _ = signal.signal(signal.SIGHUP, signal.SIG_DFL)


@dataclass
class Server:
    """A running server."""

    site: Site
    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)
    start_seconds: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.port}"

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def is_answering(self) -> bool:
        try:
            with urlopen(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except HTTPError:
            return False
        except (URLError, OSError):
            return False

    def wait_until_ready(self) -> None:
        self.wait_until(self.is_answering)
        self.start_seconds = time.monotonic() - self.started

    def wait_until(self, condition: Any) -> None:
        end = time.monotonic() + GIVE_UP_SECONDS
        while not condition():
            assert self.process.poll() is None, f"the server ended: {self.said}"
            assert time.monotonic() < end, f"waited in vain: {self.said}"
            time.sleep(0.05)

    def open_databases(self) -> int:
        """Count the connections to the database that the process holds now."""
        if not self.site.database_url.startswith("sqlite"):
            sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            return int(self.site.ask(sql)[0][0]) - 1
        folder = Path(f"/proc/{self.process.pid}/fd")
        links = [str(link.readlink()) for link in folder.iterdir() if link.is_symlink()]
        return sum(link.endswith("kitto.sqlite3") for link in links)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Send a signal and return how long the end took, in seconds."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(GIVE_UP_SECONDS)
        return time.monotonic() - began

    def left_behind(self) -> list[str]:
        """Return the processes of the server's session that are still there."""
        left = []
        for status in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                session = status.read_text(encoding="utf-8").rpartition(")")[2].split()[3]
                if session == str(self.process.pid):
                    left.append(status.parent.name)
        return left
