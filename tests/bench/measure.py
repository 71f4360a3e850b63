"""A stopwatch, a counter of statements, a table, and the page they are written down on."""

from __future__ import annotations

import gc
import json
import os
import platform
import sys
import time
from argparse import ArgumentParser
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from accounts.appendonly import let_go
from kitting.devices.models import KEPT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "BENCHMARKS.md"
# What grows with the size of a city.
PERFORMANCE = DOCS / "performance.md"
DATABASES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
# Said in words of the wire, not in an answer: they are no question to the database.
FRAMES = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")


# --- time -----------------------------------------------------------------------------------------


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True)
class Run:
    """What is measured; `before` is done each time, outside the measured time."""

    act: Callable[[], object]
    before: Callable[[], object] = nothing


@dataclass
class Cost:
    """Seconds of one run, round by round; the figures are medians."""

    cpus: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        """Return the seconds this process worked."""
        return median(self.cpus)

    @property
    def wall(self) -> float:
        """Return the seconds that passed; whatever else the machine does is in them."""
        return median(self.walls)

    def times(self, floor: Cost) -> float:
        """Return how many times the CPU of a floor this takes: the median over the rounds."""
        return median(own / low for own, low in zip(self.cpus, floor.cpus, strict=True))


def side_by_side(rounds: int, runs: dict[str, Run], *, repeat: int = 1) -> dict[str, Cost]:
    """Measure several things in turn, round after round, so that a busy machine slows all of them.

    Each is done `repeat` times a round. What is done for the first time is measured too: warm up
    before where that is not wanted.
    """
    costs = {name: Cost() for name in runs}
    for _round in range(rounds):
        for name, run in runs.items():
            run.before()
            gc.collect()
            cpu, wall = time.process_time(), time.perf_counter()
            for _time in range(repeat):
                run.act()
            costs[name].cpus.append((time.process_time() - cpu) / repeat)
            costs[name].walls.append((time.perf_counter() - wall) / repeat)
    return costs


# --- the database -----------------------------------------------------------------------------------


@contextmanager
def fresh_database() -> Iterator[None]:
    """Work on an empty database, set up like that of the site, and take it away afterwards."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "postgresql":
        connection.settings_dict["TEST"]["NAME"] = f"test_kitto_bench_{os.getpid()}"
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    try:
        yield
    finally:
        connection.creation.destroy_test_db(name, verbosity=0)


def empty_tables() -> None:
    """Make every table empty again."""
    let_go(connection)
    let_go(connection, KEPT_EVENTS)
    call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)


@contextmanager
def static_files() -> Iterator[None]:
    """Give static files the hashed names they have in production; nobody asks for them here."""
    storages = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        }
    }
    with override_settings(STORAGES=storages):
        call_command("collectstatic", verbosity=0, interactive=False)
        yield


def statements(act: Callable[[], object]) -> int:
    """Return how many statements something costs, the frames of transactions left out."""
    count = 0

    def counted(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        nonlocal count
        count += not sql.startswith(FRAMES)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(counted):
        act()
    return count


def server_cpu() -> float:
    """Return the seconds this connection's server process has worked; 0 where it cannot be seen.

    Read from Linux, so only of a server on this machine: its nanoseconds on a processor.
    """
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    return seconds_on_cpu(pid)


def seconds_on_cpu(pid: int) -> float:
    """Return the seconds all threads of a process have worked so far; 0 where it is gone."""
    worked = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with suppress(OSError):
            worked += int(file.read_text(encoding="ascii").split()[0])
    return worked / 1e9


def inside(act: Callable[[], object]) -> float:
    """Return the seconds the server says that it works on the questions of something it reads."""
    asked: list[tuple[str, Any]] = []

    def noted(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(noted):
        act()
    worked = 0.0
    with connection.cursor() as cursor:
        for sql, params in asked:
            if sql.startswith(("SELECT", "(SELECT", "WITH")):
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {sql}", params)
                (plan,) = cursor.fetchone()
                found = json.loads(plan) if isinstance(plan, str) else plan
                worked += found[0]["Execution Time"] / 1000
    return worked


# --- the report -------------------------------------------------------------------------------------


def seconds(value: float) -> str:
    return f"{value:.2f}"


def milliseconds(value: float) -> str:
    return f"{value * 1000:.1f}"


def ratio(value: float) -> str:
    return f"{value:.1f}"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table that reads well as plain text and as Markdown; all but the first are figures."""
    cells = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = ["| " + " | ".join(_padded(row, widths)) + " |" for row in cells]
    rule = [f":{'-' * (widths[0] - 1)}", *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    lines.insert(1, "| " + " | ".join(rule) + " |")
    return "\n".join(lines)


def _padded(row: list[str], widths: list[int]) -> list[str]:
    first, *rest = zip(row, widths, strict=True)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in rest)]


def database() -> str:
    """Return the kind of database that is measured."""
    return DATABASES[connection.vendor]


def machine() -> str:
    """Return what the figures were measured on."""
    if connection.vendor == "postgresql":
        version = ".".join(map(str, divmod(connection.pg_version, 10_000)))
        version += " on the same machine (its work is in the time passed; in the CPU only where that is said)"
    else:
        version = connection.Database.sqlite_version
    return (
        f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {os.cpu_count()} cores shared with "
        f"other programs (load average {os.getloadavg()[0]:.1f}), "
        f"Python {platform.python_version()}, Django {django.get_version()}, "
        f"{database()} {version}"
    )


def bench(
    *, name: str, about: str, find: Callable[[], Sequence[str]], page: Path = PAGE
) -> None:
    """Run a bench on a fresh database and print what it found; `--write` writes it down too.

    `about` says what is compared with what; `find` returns tables and sentences.
    """
    parser = ArgumentParser(prog=f"make bench-{name}")
    parser.add_argument("--write", action="store_true", help=f"write it into docs/{page.name}")
    wanted = parser.parse_args()
    with fresh_database():
        parts = find()
        found = "\n\n".join([f"`make bench-{name}`, {_today()}. {machine()}.", *parts])
    sys.stdout.write(f"{about}\n\n{found}\n")
    if wanted.write:
        text = page.read_text(encoding="utf-8")
        page.write_text(_with_section(text, name, about, found), encoding="utf-8")


def _today() -> str:
    return f"{datetime.now(tz=UTC):%Y-%m-%d}"


def _with_section(text: str, name: str, about: str, found: str) -> str:
    """Return the page with the section of one bench on one kind of database put in anew."""
    head, sections = _split(text, "\n## ")
    _about, kinds = _split(sections.get(name, ""), "\n### ")
    kinds[database()] = found
    sections[name] = _join(about, kinds, "###")
    return _join(head, sections, "##") + "\n"


def _split(text: str, mark: str) -> tuple[str, dict[str, str]]:
    head, *parts = text.split(mark)
    pairs = (part.partition("\n") for part in parts)
    return head.strip(), {title.strip(): body.strip() for title, _line, body in pairs}


def _join(head: str, parts: dict[str, str], mark: str) -> str:
    return "\n\n".join([head, *(f"{mark} {title}\n\n{body}" for title, body in parts.items())])
