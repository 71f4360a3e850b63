"""Every table of the site, made once by all migrations: the databases of tests begin as copies of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import psycopg

from tests.needs import found

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".pytest_cache" / "tables"
PREFIX = "kitto_tables_"
FIRST_ROW = 12_000


@cache
def ready_tables() -> str:
    """Return the file (SQLite) or the database (PostgreSQL) to copy; made anew where the code has changed."""
    name = PREFIX + _digest()
    with _alone():
        url = found("postgres")
        return _on_server(url, name) if url else str(_in_file(name))


def _digest() -> str:
    """Return what stands for all code: a migration may use any of it."""
    code = sorted(
        path for room in ("kitting", "accounts") for path in (ROOT / room).rglob("*.py")
    )
    said = sha256(str(ROOT).encode())
    for path in (*code, ROOT / "requirements.txt", Path(__file__)):
        said.update(path.read_bytes())
    return said.hexdigest()[:12]


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process of all that begin together do the work; the others wait for it."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0"],
        cwd=ROOT,
        env=os.environ | {"DEBUG": "1", "DATABASE_URL": url, "VAR_DIR": str(KEPT / "var")},
        check=True,
    )


def _count_on(url: str) -> None:
    """Let rows be numbered as in a city that has had Kitto for a while: small numbers hide what large ones break."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as line:
            tables = line.execute(
                "SELECT name FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"
            ).fetchall()
            line.execute("DELETE FROM sqlite_sequence")
            line.executemany(
                "INSERT INTO sqlite_sequence VALUES (?, ?)",
                [(name, FIRST_ROW) for (name,) in tables],
            )
            line.commit()
        return
    with psycopg.connect(url, autocommit=True) as line:
        line.execute(
            "SELECT setval(format('%%I.%%I', schemaname, sequencename)::regclass, %s) FROM pg_sequences",
            [FIRST_ROW],
        )


def _in_file(name: str) -> Path:
    file, unfinished = KEPT / f"{name}.sqlite3", KEPT / "unfinished.sqlite3"
    if not file.exists():
        for old in KEPT.glob("*.sqlite3*"):
            old.unlink()
        _migrate(f"sqlite:///{unfinished}")
        _count_on(f"sqlite:///{unfinished}")
        unfinished.rename(file)
    return file


def _on_server(url: str, name: str) -> str:
    with psycopg.connect(url, autocommit=True) as line:
        known = line.execute(
            "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [PREFIX]
        ).fetchall()
        if (name,) in known:
            return name
        unfinished = f"{name}_unfinished"
        line.execute(f"DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")  # type: ignore[arg-type]  # our own name
        line.execute(f"CREATE DATABASE {unfinished}")  # type: ignore[arg-type]  # our own name
        _migrate(address_of(url, unfinished))
        _count_on(address_of(url, unfinished))
        line.execute(f"ALTER DATABASE {unfinished} RENAME TO {name}")  # type: ignore[arg-type]  # our own name
    return name


def address_of(url: str, name: str) -> str:
    """Return the address of another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def copy_tables(file: Path) -> None:
    """Put an empty city where a test keeps its file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(ready_tables(), file)
