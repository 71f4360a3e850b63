"""One cluster and one set of static files for all fault tests; a database and a broker for each."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.faults.production import Production, production
from tests.faults.servers import OwnRedis, Postgres, own_redis, running_postgres
from tests.sink import Sink, running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELEASED = "released"


@pytest.fixture(scope="session")
def static(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect the static files once, as a release does."""
    folder = tmp_path_factory.mktemp("static")
    site = Production(folder, "sqlite://:memory:", "", folder / "files")
    site.run("manage.py", "collectstatic", "--no-input", "--verbosity", "0")
    return folder / "files"


def release(cluster: Postgres, folder: Path) -> None:
    """Make the database of this version, with the shipped guide, that others are copies of."""
    cluster.run(f"CREATE DATABASE {RELEASED}")
    site = Production(folder, cluster.url(RELEASED), "", folder)
    site.run("manage.py", "migrate", "--no-input", "-v0")
    site.run("manage.py", "load_guide", "--publish")


def mailing(sink: Sink) -> dict[str, str]:
    """Return settings of a site that mails there, and whose staff signs in without a second step."""
    return {
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(sink.port),
        "SECOND_FACTOR_REQUIRED": "0",
    }


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with running_postgres() as found:
        release(found, tmp_path_factory.mktemp("release"))
        yield found


@pytest.fixture
def database(cluster: Postgres, request: pytest.FixtureRequest) -> Iterator[str]:
    """A released database of this test's own."""
    with cluster.database(
        f"fault_{os.getpid()}_{abs(hash(request.node.name))}", like=RELEASED
    ) as url:
        yield url


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[OwnRedis]:
    with own_redis(tmp_path) as found:
        yield found


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that takes its time, so that a kill finds somebody at work."""
    with running_sink(pause=0.02) as found:
        yield found


@pytest.fixture
def site(
    tmp_path: Path, database: str, broker: OwnRedis, static: Path, sink: Sink
) -> Iterator[Production]:
    """A released site; nothing runs yet. Worker and beat live by the demo's clock, web by the real one."""
    with production(tmp_path, database, broker.url, static, **mailing(sink)) as found:
        yield found
