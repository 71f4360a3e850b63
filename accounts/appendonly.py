"""Triggers that keep the audit log: nothing in it is changed or removed, whoever asks the database.

Words that may name a person can be erased as a whole. A seal is given to a link once. A migration on
SQLite that makes one of these tables anew calls `guard` again: the triggers go with the old table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_ENTRY, _LINK, _SEAL = "accounts_auditentry", "accounts_auditlink", "accounts_auditseal"
_SAID = "the audit log is append-only"
# When an update is refused. {same} is `IS` or `IS NOT DISTINCT FROM`, {empty} an empty JSON object.
_CHANGED = {
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
NAMES = tuple(f"{table}_{verb}" for table in _CHANGED for verb in ("update", "delete"))


def guard(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place, those that stand already too."""
    let_go(connection)
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
                f" LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{_SAID}'"
                " USING ERRCODE = 'integrity_constraint_violation'; END $$"
            )
        for table, changed in _CHANGED.items():
            when = changed.format(**words)
            for verb, condition in (("update", f" WHEN ({when})"), ("delete", "")):
                if is_postgres:
                    deed = "EXECUTE FUNCTION accounts_audit_refuse()"
                else:
                    deed = f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
                cursor.execute(
                    f"CREATE TRIGGER {table}_{verb} BEFORE {verb.upper()} ON {table}"
                    f" FOR EACH ROW{condition} {deed}"
                )


def let_go(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away: for tests that empty tables, and before `guard`."""
    with connection.cursor() as cursor:
        for name in NAMES:
            table = name.rpartition("_")[0]
            on = f" ON {table}" if connection.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing_guards(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the triggers that should stand in the database and do not (one query)."""
    asked = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(asked)
        there = {str(name) for (name,) in cursor.fetchall()}
    return [name for name in NAMES if name not in there]
