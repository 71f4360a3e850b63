"""Triggers that keep tables append-only: nothing in them is changed or removed, whoever asks the database.

Of the audit log, words that may name a person can be erased as a whole, and a seal is given to a link
once. A migration on SQLite that makes such a table anew calls `guard` again: triggers go with the old table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.backends.base.base import BaseDatabaseWrapper

_ENTRY, _LINK, _SEAL = "accounts_auditentry", "accounts_auditlink", "accounts_auditseal"
# By table, when an update is refused. {same} is `IS` or `IS NOT DISTINCT FROM`; {new_data} and {old_data}
# are the JSON of a column `data` as text.
AUDIT_LOG: Mapping[str, str] = {
    _ENTRY: """NOT (
        NEW.id = OLD.id AND NEW.at = OLD.at AND NEW.action = OLD.action
        AND (NEW.actor_id {same} OLD.actor_id OR NEW.actor_id IS NULL)
        AND (
            (NEW.actor_name = OLD.actor_name AND NEW.subject = OLD.subject
             AND {new_data} = {old_data} AND NEW.client_address = OLD.client_address
             AND NEW.salt = OLD.salt AND NEW.erased_at {same} OLD.erased_at)
            OR (NEW.erased_at IS NOT NULL AND OLD.erased_at IS NULL AND NEW.actor_name = ''
                AND NEW.subject = '' AND {new_data} = '{{}}' AND NEW.client_address = ''
                AND NEW.salt = '')
        )
    )""",
    _LINK: """NOT (
        NEW.id = OLD.id AND NEW.entry_id = OLD.entry_id AND NEW.at = OLD.at
        AND NEW.action = OLD.action AND NEW.actor_number {same} OLD.actor_number
        AND NEW.digest = OLD.digest
        AND (NEW.seal_id {same} OLD.seal_id OR OLD.seal_id IS NULL)
    )""",
    _SEAL: "1 = 1",
}


def guards_of(tables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the triggers that keep some tables."""
    return tuple(f"{table}_{verb}" for table in tables for verb in ("update", "delete"))


def guard(connection: BaseDatabaseWrapper, tables: Mapping[str, str] = AUDIT_LOG) -> None:
    """Put the triggers in place, those that stand already too."""
    let_go(connection, tables)
    is_postgres = connection.vendor == "postgresql"
    words = {
        "same": "IS NOT DISTINCT FROM" if is_postgres else "IS",
        "new_data": "NEW.data::text" if is_postgres else "NEW.data",
        "old_data": "OLD.data::text" if is_postgres else "OLD.data",
    }
    with connection.cursor() as cursor:
        if is_postgres:
            cursor.execute(
                "CREATE OR REPLACE FUNCTION accounts_audit_refuse() RETURNS trigger"
                " LANGUAGE plpgsql AS $$ BEGIN"
                " RAISE EXCEPTION '% is append-only', TG_TABLE_NAME"
                " USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
        for table, changed in tables.items():
            when = changed.format(**words)
            for verb, condition in (("update", f" WHEN ({when})"), ("delete", "")):
                if is_postgres:
                    deed = "EXECUTE FUNCTION accounts_audit_refuse()"
                else:
                    deed = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                cursor.execute(
                    f"CREATE TRIGGER {table}_{verb} BEFORE {verb.upper()} ON {table}"
                    f" FOR EACH ROW{condition} {deed}"
                )


def let_go(connection: BaseDatabaseWrapper, tables: Mapping[str, str] = AUDIT_LOG) -> None:
    """Take the triggers away: for tests that empty tables, and before `guard`."""
    with connection.cursor() as cursor:
        for name in guards_of(tables):
            table = name.rpartition("_")[0]
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing_guards(
    connection: BaseDatabaseWrapper, tables: Mapping[str, str] = AUDIT_LOG
) -> list[str]:
    """Return the triggers that should stand in the database and do not (one query)."""
    asked = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        there = {str(name) for (name,) in cursor.fetchall()}
    return [name for name in guards_of(tables) if name not in there]
