"""A change of tables keeps nobody waiting: its statements follow one another at once, and it gives up a lock it waits for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations import Migration, RunPython, RunSQL
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState
from psycopg.errors import LockNotAvailable

from kitting.management.commands.migrate import PatientExecutor
from kitting.management.gathering import gathering
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "CREATE TABLE gathered (a integer)"
LOCK = "LOCK TABLE kitting_heartbeat IN ACCESS EXCLUSIVE MODE"
TRIED = "tried_by_a_test"


@pytest.fixture
def on_postgres(transactional_db: None) -> Iterator[None]:
    needs("postgres")
    yield
    MigrationRecorder(connection).migration_qs.filter(name=TRIED).delete()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS gathered")
        cursor.execute("RESET lock_timeout")


def columns() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('gathered') AND attnum > 0"
        )
        return [row[0] for row in cursor.fetchall()]


def apply(*operations: RunSQL | RunPython, tries: int = 1) -> None:
    migration = Migration(TRIED, "kitting")
    migration.operations = list(operations)
    executor = PatientExecutor(connection)
    executor.tries = tries
    executor.apply_migration(ProjectState(), migration)


def times_recorded() -> int:
    return MigrationRecorder(connection).migration_qs.filter(name=TRIED).count()


def test_statements_are_sent_when_something_asks_and_at_the_end(on_postgres: None) -> None:
    with gathering(connection), connection.schema_editor() as editor:
        editor.execute(TABLE)
        assert editor.gathered
        assert columns() == ["a"]
        assert not editor.gathered
        editor.execute("ALTER TABLE gathered ADD COLUMN b integer DEFAULT %s", (3,))
        assert editor.gathered
    assert columns() == ["a", "b"]


def test_a_fault_at_the_end_leaves_all_as_it_was(on_postgres: None) -> None:
    with pytest.raises(DatabaseError):
        apply(RunSQL(TABLE), RunSQL(TABLE))
    assert (columns(), times_recorded()) == ([], 0)


def test_a_migration_that_reads_sees_what_came_before(on_postgres: None) -> None:
    seen: list[list[str]] = []
    apply(RunSQL(TABLE), RunPython(lambda _apps, _editor: seen.append(columns())))
    assert seen == [["a"]]
    assert times_recorded() == 1


def held_by_somebody(held: threading.Event, let_go: threading.Event) -> None:
    """Hold a table until told to let go, as a long report does."""
    fields = connection.get_connection_params()
    known = {
        name: fields[name] for name in ("dbname", "user", "host", "port") if name in fields
    }
    with psycopg.connect(**known) as line:
        line.execute("LOCK TABLE kitting_heartbeat IN ACCESS SHARE MODE")
        held.set()
        let_go.wait(30)


@pytest.fixture
def holder(on_postgres: None) -> Iterator[threading.Event]:
    held, let_go = threading.Event(), threading.Event()
    thread = threading.Thread(target=held_by_somebody, args=(held, let_go))
    thread.start()
    assert held.wait(30)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    yield let_go
    let_go.set()
    thread.join()


def test_a_lock_that_cannot_be_had_is_tried_again(
    holder: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []

    def pause(seconds: float) -> None:
        """Two tries are in vain."""
        pauses.append(seconds)
        if len(pauses) == 2:
            holder.set()
            connection.connection.execute("SET lock_timeout = '30s'")

    monkeypatch.setattr("kitting.management.commands.migrate.time.sleep", pause)
    apply(RunSQL(TABLE), RunSQL(LOCK), tries=5)
    assert len(pauses) == 2
    assert columns() == ["a"]
    assert times_recorded() == 1


def test_one_that_can_never_be_had_ends_the_release(
    holder: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kitting.management.commands.migrate.PAUSE_SECONDS", 0)
    with pytest.raises(OperationalError) as ended:
        apply(RunSQL(TABLE), RunSQL(LOCK), tries=3)
    assert isinstance(ended.value.__cause__, LockNotAvailable)
    assert (columns(), times_recorded()) == ([], 0)
