"""Finding people by a part of a name, by an index where the database can keep one.

PostgreSQL keeps every two signs that follow each other in an index: Japanese names are short, and two signs of them
are what people type. Spaces in names count for nothing. SQLite reads all rows, which is quick enough where it is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import CharField
from django.db.models.lookups import Contains

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.models.sql.compiler import SQLCompiler

SPACES = (" ", "\N{IDEOGRAPHIC SPACE}")
# Of these columns pairs are kept, each in an index of its own.
INDEXED = ("name", "kana")
PLAIN = f"lower(replace(replace({{said}}, '{SPACES[0]}', ''), '{SPACES[1]}', ''))"
# Built-in functions only: a restored dump finds nothing else while it makes the index.
# In PL/pgSQL, whose plan is kept: as a query of its own it took longer than everything else about a new person.
FUNCTION = f"""\
CREATE OR REPLACE FUNCTION accounts_pairs(said text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    plain text := {PLAIN.format(said="said")};
    pairs text[] := '{{}}';
BEGIN
    FOR at IN 1..length(plain) - 1 LOOP
        pairs[at] := substr(plain, at, 2);
    END LOOP;
    RETURN pairs;
END $$"""


def keep_pairs(connection: BaseDatabaseWrapper) -> None:
    """Let the database keep the pairs of names, where it can."""
    if connection.vendor != "postgresql":
        return
    make_pairs(connection)
    with connection.cursor() as cursor:
        for column in INDEXED:
            cursor.execute(
                f"CREATE INDEX IF NOT EXISTS person_pairs_of_{column} ON accounts_user "
                f"USING gin (accounts_pairs({column}))"
            )


def make_pairs(connection: BaseDatabaseWrapper) -> None:
    """Let the database know how pairs are made, where it keeps them; anew gives the same pairs."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(FUNCTION)


def drop_pairs(connection: BaseDatabaseWrapper) -> None:
    """Undo `keep_pairs`."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for column in INDEXED:
            cursor.execute(f"DROP INDEX IF EXISTS person_pairs_of_{column}")
        cursor.execute("DROP FUNCTION IF EXISTS accounts_pairs(text)")


@CharField.register_lookup
class Holds(Contains):
    """`name__holds="山田"`: the text stands somewhere in it, spaces and capitals aside."""

    lookup_name = "holds"

    def get_prep_lookup(self) -> str:
        """Return what is looked for as it is compared."""
        plain = str(self.rhs).lower()
        for space in SPACES:
            plain = plain.replace(space, "")
        return plain

    def as_sql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """Compare every row."""
        left, params = self.process_lhs(compiler, connection)
        _right, wanted = self.process_rhs(compiler, connection)
        return f"{PLAIN.format(said=left)} LIKE %s ESCAPE '\\'", (*params, *wanted)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, tuple[Any, ...]]:
        """Compare the rows that hold all pairs of it; a single sign has none."""
        sql, params = self.as_sql(compiler, connection)
        wanted = str(self.rhs)
        pairs = sorted({wanted[at : at + 2] for at in range(len(wanted) - 1)})
        if not pairs:
            return sql, params
        left, own = self.process_lhs(compiler, connection)
        return f"(accounts_pairs({left}) @> %s::text[] AND {sql})", (*own, pairs, *params)
