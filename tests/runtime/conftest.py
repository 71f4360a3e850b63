"""A site for servers to run on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.needs import found
from tests.runtime.serving import Site, own_database
from tests.tables import ready_tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def migrated() -> Path | None:
    """A SQLite file with all tables: most starts need not make them."""
    return None if found("postgres") else Path(ready_tables())


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
