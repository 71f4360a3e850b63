"""A migration is safe for the code that still runs: nobody waits long behind it, nothing old breaks."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django_migration_linter.sql_analyser import PostgresqlAnalyser
from django_migration_linter.sql_analyser.analyser import analyse_sql_statements

from tests.needs import needs

# Migrations up to here were looked at one by one; each that was not clean stands in JUDGED or came with 0.1.0.
LOOKED_AT = {"accounts": "0006", "kitting": "0026"}
# Newer ones that are not clean and yet do no harm, each with the reason.
JUDGED: dict[str, str] = {
    "kitting.0033_wave_marks_of_licences": "marks are a few rows a wave, made by hand before its boxes go out",
    "kitting.0028_sealed_outlets": "outlets are a few rows that the IT lead writes on a page; the constraint on"
    " notices holds up whoever queues a message while its index is made: upgrade"
    " outside the morning",
    "kitting.0034_resolved_lately": "a partial index over tickets: 0.1 s in a city of 2,650; upgrade outside the morning",
    "kitting.0036_queue_in_order": "a partial index over open tickets: 0.1 s in a city of 2,650; upgrade outside the"
    " morning",
    "kitting.0030_counted_help": "five partial indexes over tickets and open journeys: 0.1 s in a city of 2,650, seconds"
    " at a million; upgrade outside the morning",
}
# Tables that grow with every press: while an index is made on one, everybody who presses waits. On a table of the
# same migration it is no matter, which the linter knows; on the others (people, devices) it takes a second.
LARGE = re.compile(
    r'ON "(kitting_(event|eventnote|journey|notice|press|steprecord|ticket|ticketentry)|django_session'
    r'|accounts_audit\w*)"'
)


def flaws(statements: list[str]) -> set[str]:
    """Return what the linter finds in statements that running code would not survive."""
    errors, _ignored, warnings = analyse_sql_statements(PostgresqlAnalyser, statements)
    is_large = any("INDEX" in one and LARGE.search(one) for one in statements)
    return {one.code for one in errors} | {
        one.code for one in warnings if one.code == "CREATE_INDEX" and is_large
    }


@pytest.mark.django_db
def test_no_new_migration_breaks_the_code_that_still_runs() -> None:
    needs("postgres")
    loader = MigrationLoader(connection, replace_migrations=False)
    found = {}
    for (app, name), migration in loader.disk_migrations.items():
        is_new = app in LOOKED_AT and name[:4] > LOOKED_AT[app]
        if is_new and f"{app}.{name}" not in JUDGED:
            found[f"{app}.{name}"] = flaws(loader.collect_sql([(migration, False)]))
    assert {name: flaw for name, flaw in found.items() if flaw} == {}


@pytest.mark.parametrize(
    ("statements", "flaw"),
    [
        (['ALTER TABLE "t" RENAME COLUMN "a" TO "b";'], "RENAME_COLUMN"),
        (['ALTER TABLE "t" RENAME TO "u";'], "RENAME_TABLE"),
        (['ALTER TABLE "t" DROP COLUMN "a" CASCADE;'], "DROP_COLUMN"),
        (['DROP TABLE "t" CASCADE;'], "DROP_TABLE"),
        (
            [
                'ALTER TABLE "t" ADD COLUMN "a" integer DEFAULT 0 NOT NULL;',
                'ALTER TABLE "t" ALTER COLUMN "a" DROP DEFAULT;',
            ],
            "NOT_NULL",
        ),
        (['CREATE INDEX "i" ON "kitting_event" ("a");'], "CREATE_INDEX"),
        (['ALTER TABLE "t" ALTER COLUMN "a" TYPE varchar(9);'], "ALTER_COLUMN"),
    ],
)
def test_what_running_code_would_not_survive_is_found(statements: list[str], flaw: str) -> None:
    assert flaw in flaws(statements)


@pytest.mark.parametrize(
    "statement",
    [
        'ALTER TABLE "t" ADD COLUMN "a" integer DEFAULT 0 NOT NULL;',
        'ALTER TABLE "t" ADD COLUMN "a" integer NULL;',
        'CREATE INDEX CONCURRENTLY "i" ON "kitting_event" ("a");',
        'CREATE INDEX "i" ON "kitting_device" ("a");',
    ],
)
def test_what_it_would_not_notice_is_let_through(statement: str) -> None:
    assert flaws([statement]) == set()
