"""Whether the tables are those of this version, and making them so."""

from __future__ import annotations

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


def is_behind() -> bool:
    """Tell whether a migration has not been run yet."""
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def bring_up_to_date() -> None:
    """Run what migrations are missing; a start that finds none does not pay for looking at every model."""
    if is_behind():
        call_command("migrate", interactive=False, verbosity=0)
