"""A site for servers to run on."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.needs import found
from tests.runtime.serving import ROOT, Site, own_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A SQLite file with all tables, made once for all processes of a run: most starts need not make them."""
    if found("postgres"):
        return None
    run = tmp_path_factory.getbasetemp()
    kept = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "migrated.sqlite3"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("migrated")
        site = Site(folder=folder, database_url=f"sqlite:///{folder / 'new.sqlite3'}")
        command = [sys.executable, "manage.py", "migrate", "-v0"]
        subprocess.run(command, cwd=ROOT, env=site.environment, check=True)
        (folder / "new.sqlite3").rename(kept)
    return kept


@pytest.fixture
def empty_site(tmp_path: Path) -> Iterator[Site]:
    """An empty folder, an empty database and a free port."""
    with own_database(tmp_path) as url:
        yield Site(folder=tmp_path, database_url=url)


@pytest.fixture
def site(tmp_path: Path, migrated: Path | None) -> Iterator[Site]:
    """The same where the tables stand already (on SQLite)."""
    with own_database(tmp_path, like=migrated) as url:
        yield Site(folder=tmp_path, database_url=url)
