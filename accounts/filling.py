"""A table that is all but empty is filled without its indexes, which are made at once afterwards (PostgreSQL).

Keeping ten indexes and three references row by row takes most of the time of a large first roll. Everything
happens in the transaction that fills the table: until it ends nobody reads it, and a failure leaves all as it was.
"""

from __future__ import annotations

from django.db import OperationalError, ProgrammingError, connection, transaction
from psycopg import sql

# Worth it from so many new rows on, and only while so few are there that hardly anybody waits.
MANY, FEW = 5_000, 100
_LOCK = "SET LOCAL lock_timeout = '2s'"
_REFERENCES = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype = 'f' ORDER BY conname
"""
# What keeps values unique stays: it judges each row.
_INDEXES = """
SELECT c.relname, pg_get_indexdef(i.indexrelid) FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s::regclass AND NOT i.indisunique ORDER BY c.relname
"""


def set_aside(table: str) -> list[str]:
    """Take a table's references and plain indexes away; return the statements that put them back.

    Empty where that cannot be had soon, or not with the rights of this connection: nothing was changed.
    Needs a transaction.
    """
    name = sql.Identifier(table)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            cursor.execute("SHOW lock_timeout")
            (before,) = cursor.fetchone()
            cursor.execute(_LOCK)
            cursor.execute(_REFERENCES, [table])
            references = cursor.fetchall()
            cursor.execute(_INDEXES, [table])
            indexes = cursor.fetchall()
            for index, _made_by in indexes:
                cursor.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(index)))
            for key, _says in references:
                cursor.execute(
                    sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                        name, sql.Identifier(key)
                    )
                )
            cursor.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(before))
            back = [
                sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(
                    name, sql.Identifier(key), sql.SQL(says)
                )
                for key, says in references
            ]
            return [made_by for _index, made_by in indexes] + [
                statement.as_string(connection.connection) for statement in back
            ]
    except (OperationalError, ProgrammingError):
        return []


def put_back(statements: list[str]) -> None:
    """Make what `set_aside` took away again; references are checked for all rows at once."""
    if statements:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            for statement in statements:
                cursor.execute(statement)
