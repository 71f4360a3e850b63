"""What all tests share."""

from __future__ import annotations

import shutil
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from hypothesis import settings as hypothesis_settings

from accounts.appendonly import let_go
from kitting.devices.models import KEPT_EVENTS
from kitting.escalation.models import Policy
from kitting.guides.queries.kept import forget_editions
from kitting.site.queries import forget_words
from tests.factories import NOW
from tests.needs import found
from tests.tables import copy_tables, ready_tables

if TYPE_CHECKING:
    from datetime import datetime

# Two cores are shared with whatever else runs, so no example has a deadline; what was found once is
# found again. `make test-long` looks further, at other examples each time.
hypothesis_settings.register_profile("usual", deadline=None, derandomize=True)
hypothesis_settings.register_profile("long", deadline=None, max_examples=2000, print_blob=True)
hypothesis_settings.load_profile("usual")


# The tests of this process that emptied every table.
EMPTIED: list[str] = []


def pytest_report_header() -> list[str]:
    """Say what the tests run against."""
    database = settings.DATABASES["default"]["ENGINE"].rpartition(".")[2]
    broker = settings.CELERY_BROKER_URL.partition(":")[0]
    browser = found("chromium") or "no browser"
    return [f"kitto: {database}, {broker} broker, {browser}"]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, whole cities in processes of their own, so that no core waits for it at the end.

    What empties every table of the tests' own database stays where it was, behind what finds rows of migrations there.
    """
    items.sort(
        key=lambda item: (
            item.path.parent.name not in {"runtime", "faults"}
            or item.get_closest_marker("django_db") is not None
        )
    )


def pytest_unconfigure() -> None:
    """Clear away the folder that settings made for this process."""
    if settings.VAR_DIR.name.startswith("kitto-test-"):
        shutil.rmtree(settings.VAR_DIR, ignore_errors=True)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name files in memory by their place: their bytes may hold the time they were made."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """A file begins as a copy that is kept; it goes with the folder of this process."""
    return connection.vendor == "sqlite" or bool(request.config.getvalue("reuse_db"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Let each process begin with a copy of all tables: to migrate takes half a minute of work."""
    test = connection.settings_dict["TEST"]
    if connection.vendor == "sqlite":
        copy_tables(Path(test["NAME"]))
    else:
        test["TEMPLATE"] = ready_tables()


@pytest.fixture
def now() -> datetime:
    """A Tuesday, 10:00 in Tokyo, in working hours."""
    return NOW


@pytest.fixture(autouse=True)
def _log_can_be_emptied(request: pytest.FixtureRequest) -> None:
    """A test with real transactions empties every table afterwards, which triggers refuse of some."""
    marker = request.node.get_closest_marker("django_db")
    is_real = bool(marker and marker.kwargs.get("transaction"))
    if is_real or {"live_server", "transactional_db"} & set(request.fixturenames):
        request.getfixturevalue("transactional_db")
        let_go(connection)
        let_go(connection, KEPT_EVENTS)
        EMPTIED.append(request.node.nodeid)
    elif EMPTIED and (marker or "db" in request.fixturenames):
        # Processes take tests from each other, so such a test may come first: what migrations wrote comes back.
        request.getfixturevalue("db")
        if not Policy.objects.exists():
            import_module("kitting.migrations.0019_shipped_policies").write(apps, None)


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Row numbers come back when a test is rolled back; nothing read in one test serves another."""
    forget_editions()
    cache.clear()
    forget_words()
