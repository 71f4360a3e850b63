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


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8")
    return [int(child) for child in listed.split()]


@dataclass
class Postgres:
    """One cluster on a free port of loopback."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    is_small: bool = False

    def url(self, name: str) -> str:
        return f"postgres://kitto@127.0.0.1:{self.port}/{name}"

    def create(self) -> None:
        program = needs("postgres-server")
        if os.geteuid() == 0:
            os.chown(self.folder, _nobody()["user"], _nobody()["group"])  # type: ignore[arg-type]  # numbers as root
        here = ["-D", str(self.folder / "data"), "-U", "kitto", "-A", "trust", "-E", "UTF8"]
        little = ("--wal-segsize=1",) if self.is_small else ()
        subprocess.run(
            [program, *here, *little, "--locale=C.UTF-8"],
            check=True,
            cwd="/",
            **QUIET,
            **_nobody(),
        )

    def start(self) -> None:
        """Start, and recover what a kill left; ready to answer on return."""
        program = str(Path(needs("postgres-server")).with_name("postgres"))
        listen = ["-c", "listen_addresses=127.0.0.1", "-c", f"port={self.port}"]
        more = ["-c", "unix_socket_directories=", "-c", "max_connections=200"]
        if self.is_small:
            more += ["-c", "max_wal_size=16MB", "-c", "min_wal_size=2MB"]
        self.process = subprocess.Popen(
            [program, "-D", str(self.folder / "data"), *listen, *more],
            cwd="/",
            **QUIET,
            **_nobody(),
        )
        wait_until(self.is_answering)

    def stop_at_once(self) -> None:
        """Have every process end without a word to its clients; the next start recovers."""
        assert self.process
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    def kill(self) -> None:
        """Kill the server and all its processes, as a machine does that loses its power."""
        assert self.process
        children = _children(self.process.pid)
        for pid in (self.process.pid, *children):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children))

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
def small_disk(megabytes: int) -> Iterator[Path]:
    """Mount a file system of its own that holds so much."""
    needs("small-disk")
    folder = Path(tempfile.mkdtemp(prefix="kitto-disk-"))
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True
    )
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def fill(folder: Path) -> Path:
    """Write until nothing more fits; the file that is returned gives the room back."""
    stone = folder / "stone"
    with suppress(OSError), stone.open("wb", buffering=0) as file:
        while True:
            _ = file.write(b"x" * 4096)
    return stone


@contextmanager
def running_postgres(where: Path | None = None, *, small: bool = False) -> Iterator[Postgres]:
    """Run a cluster, in a folder that its user can reach; a small one keeps little of its log."""
    folder = where or Path(tempfile.mkdtemp(prefix="kitto-faults-"))
    folder.chmod(0o755)
    cluster = Postgres(folder, is_small=small)
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

    def forget_everything(self) -> None:
        with Redis.from_url(self.url) as line:
            _ = line.flushall()

    def freeze(self) -> None:
        """Let it accept lines and never answer."""
        assert self.process
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

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
