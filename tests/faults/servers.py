"""A PostgreSQL and a Redis of a test's own, that nobody else relies on."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from redis import Redis
from redis.exceptions import RedisError

from tests.faults.crew import wait_until
from tests.needs import needs
from tests.runtime.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def _nobody() -> dict[str, str | int]:
    """Return whom PostgreSQL runs as: it refuses to be root."""
    if os.geteuid() != 0:
        return {}
    found = pwd.getpwnam("postgres")
    return {"user": found.pw_uid, "group": found.pw_gid}


@dataclass
class Postgres:
    """One cluster on a free port of loopback."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    def url(self, name: str) -> str:
        return f"postgres://kitto@127.0.0.1:{self.port}/{name}"

    def create(self) -> None:
        program = needs("postgres-server")
        if os.geteuid() == 0:
            os.chown(self.folder, _nobody()["user"], _nobody()["group"])  # type: ignore[arg-type]  # numbers as root
        here = ["-D", str(self.folder / "data"), "-U", "kitto", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [program, *here, "--locale=C.UTF-8"], check=True, cwd="/", **QUIET, **_nobody()
        )

    def start(self) -> None:
        """Start, and recover what a kill left; ready to answer on return."""
        program = str(Path(needs("postgres-server")).with_name("postgres"))
        listen = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"]
        more = ["-c", "unix_socket_directories=", "-c", "max_connections=200"]
        self.process = subprocess.Popen(
            [program, "-D", str(self.folder / "data"), *listen, *more],
            cwd="/",
            **QUIET,
            **_nobody(),
        )
        wait_until(self.is_answering)

    def is_answering(self) -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            return True
        return False

    def run(self, sql: str, *, name: str = "postgres") -> None:
        with psycopg.connect(self.url(name), autocommit=True) as line:
            line.execute(sql)  # type: ignore[arg-type]  # the tests' own text

    @contextmanager
    def database(self, name: str, *, like: str = "template1") -> Iterator[str]:
        """Give the address of a database, made as a copy of another."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {like}")
        yield self.url(name)
        if self.is_answering():
            self.run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running_postgres(where: Path | None = None) -> Iterator[Postgres]:
    """Run a cluster, in a folder that its user can reach."""
    folder = where or Path(tempfile.mkdtemp(prefix="kitto-faults-"))
    folder.chmod(0o755)
    cluster = Postgres(folder)
    try:
        cluster.create()
        cluster.start()
        yield cluster
    finally:
        if cluster.process:
            cluster.process.send_signal(signal.SIGINT)
            cluster.process.wait()
        if where is None:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass
class OwnRedis:
    """A broker that keeps nothing."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        here = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        nothing_kept = ["--save", "", "--appendonly", "no"]
        program = needs("redis-server")
        self.process = subprocess.Popen([program, *here, *nothing_kept], **QUIET)
        wait_until(self.is_answering)

    def is_answering(self) -> bool:
        with suppress(RedisError), Redis.from_url(self.url, socket_timeout=1) as line:
            return bool(line.ping())
        return False

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def own_redis(folder: Path) -> Iterator[OwnRedis]:
    broker = OwnRedis(folder)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
