"""A site for servers to run on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime.serving import Site, own_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """An empty folder, an empty database and a free port."""
    with own_database(tmp_path) as url:
        yield Site(folder=tmp_path, database_url=url)
