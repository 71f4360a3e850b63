"""From the start of the web process to its first answer, and what master and one worker hold then."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from django.db import connection

from tests.bench import measure
from tests.bench.load import release, start_and_memory

ABOUT = """\
`deploy/start web` with one process of four threads on a migrated, empty PostgreSQL: from the command to the first answer of
`/healthz`, three times, and the memory (RSS) of master and worker after three pages. Packages that only developers have are hidden
from it, as they are not there in production."""


def find() -> list[str]:
    with TemporaryDirectory() as name:
        release()
        return [start_and_memory(Path(name))]


if __name__ == "__main__":
    if connection.vendor != "postgresql":
        sys.stderr.write("bench-start needs DATABASE_URL=postgres://…\n")
        sys.exit(1)
    measure.bench(name="start", about=ABOUT, find=find)
