"""Take the database to this version's tables, and keep nobody waiting who works meanwhile."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from django.core.management.commands import migrate
from django.db import OperationalError
from django.db.migrations.executor import MigrationExecutor
from psycopg.errors import LockNotAvailable

from kitting.management.gathering import gathering

if TYPE_CHECKING:
    from django.core.management.base import CommandParser
    from django.db.migrations import Migration
    from django.db.migrations.state import ProjectState

PAUSE_SECONDS = 1.0


class PatientExecutor(MigrationExecutor):
    """Gives up a migration that has to wait for a lock (`LOCK_TIMEOUT` says how long), and tries it again.

    Whoever needs a table that waits to be changed has to wait too: between two tries they go on.
    """

    tries = 1

    def apply_migration(
        self, state: ProjectState, migration: Migration, *flags: Any, **more: Any
    ) -> ProjectState:
        """Run a migration forwards."""
        for _again in range(self.tries - 1):
            try:
                return self._apply(state.clone(), migration, *flags, **more)
            except OperationalError as error:
                if not (migration.atomic and isinstance(error.__cause__, LockNotAvailable)):
                    raise
                time.sleep(PAUSE_SECONDS)
        return self._apply(state, migration, *flags, **more)

    def _apply(
        self, state: ProjectState, migration: Migration, *flags: Any, **more: Any
    ) -> ProjectState:
        with gathering(self.connection):
            return super().apply_migration(state, migration, *flags, **more)


class Command(migrate.Command):
    """Django's own command, with patience."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how often a migration is tried."""
        super().add_arguments(parser)
        parser.add_argument(
            "--tries", type=int, default=1, help="of a migration that waits for a lock"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate by the executor with patience, which Django's command looks up by this name."""
        tries = {"tries": options["tries"]}
        vars(migrate)["MigrationExecutor"] = type("Patient", (PatientExecutor,), tries)
        super().handle(*args, **options)
