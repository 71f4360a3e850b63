"""A roll staged in PostgreSQL: judged and compared there by a few statements, whatever its size.

Each method says in SQL what `accounts.rules` and `accounts.roll` say in memory; a test compares the two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection
from psycopg import sql

from accounts.filling import FEW, MANY, put_back, set_aside
from accounts.models import User
from accounts.rules import Mentioned
from kitting.lib.rows import Flaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from accounts.rules import Numbers, PersonRow

CHUNK_ROWS = 2_000
_TO_ESCAPE = re.compile(r"[\\\t\n\r]")
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
# What a row says about a person: the column of the table, and what decides whether the file says it.
TEXTS = ("name", "kana", "email", "account", "title", "employment", "extension")
DAYS = ("left_on", "leave_from_on", "leave_to_on")
IDS = ("department_id", "place_id", "hours_id")

_CREATE = """
SET LOCAL work_mem = '64MB';
SET LOCAL jit = off;
SET LOCAL default_statistics_target = 10;
DROP TABLE IF EXISTS roll_rows, roll_pairs, roll_plan, roll_changes;
CREATE TEMP TABLE roll_rows (
    row integer, staff_number text, name text, kana text, email text, account text,
    title text, employment text, extension text, language text,
    left_on date, leave_from_on date, leave_to_on date,
    department integer, place integer, hours integer, led integer, names_it boolean
) ON COMMIT DROP
"""
_COPY = "COPY roll_rows FROM STDIN"
_PAIR = """
CREATE TEMP TABLE roll_pairs ON COMMIT DROP AS
SELECT r.row, coalesce(n.id, e.id) AS person_id
FROM roll_rows r
LEFT JOIN accounts_user n ON n.staff_number = r.staff_number
LEFT JOIN accounts_user e ON n.id IS NULL AND r.email <> '' AND lower(e.email) = r.email
    AND coalesce(e.staff_number, '') = ''
WHERE r.staff_number <> ''
"""
_TWICE = """
SELECT row, value, first FROM (
    SELECT row, {column} AS value,
        first_value(row) OVER (PARTITION BY lower({column}) ORDER BY row) AS first
    FROM roll_rows WHERE {column} <> ''
) seen WHERE first <> row ORDER BY row
"""
_ZEROS = """
WITH bare AS (
    SELECT ltrim(u.staff_number, '0') AS bare, max(u.staff_number COLLATE "C") AS likely
    FROM accounts_user u
    WHERE u.staff_number <> ''
        AND NOT EXISTS (SELECT 1 FROM roll_rows r WHERE r.staff_number = u.staff_number)
    GROUP BY 1
)
SELECT r.row, r.staff_number, b.likely
FROM roll_rows r JOIN bare b ON b.bare = ltrim(r.staff_number, '0')
WHERE r.staff_number <> ''
    AND NOT EXISTS (SELECT 1 FROM accounts_user u WHERE u.staff_number = r.staff_number)
ORDER BY r.row
"""
_TAKEN = """
SELECT r.row, r.{column}, coalesce(nullif(u.staff_number, ''), u.username)
FROM roll_rows r JOIN accounts_user u ON lower(u.{column}) = lower(r.{column})
WHERE r.{column} <> ''
    AND NOT EXISTS (SELECT 1 FROM roll_pairs p WHERE p.person_id = u.id)
ORDER BY r.row
"""
_NAMES_TAKEN = """
SELECT r.row, r.staff_number
FROM roll_rows r JOIN accounts_user u ON u.username = r.staff_number
LEFT JOIN roll_pairs p ON p.row = r.row
WHERE r.staff_number <> '' AND u.id IS DISTINCT FROM p.person_id
ORDER BY r.row
"""
_PLAN = """
CREATE TEMP TABLE roll_plan ON COMMIT DROP AS
SELECT r.*, p.person_id, d.id AS department_id, l.id AS place_id, h.id AS hours_id,
    g.id AS led_id, w.person_id IS NOT NULL AS waits
FROM roll_rows r
LEFT JOIN roll_pairs p ON p.row = r.row
LEFT JOIN unnest(%s::bigint[]) WITH ORDINALITY AS d(id, n) ON d.n = r.department + 1
LEFT JOIN unnest(%s::bigint[]) WITH ORDINALITY AS l(id, n) ON l.n = r.place + 1
LEFT JOIN unnest(%s::bigint[]) WITH ORDINALITY AS h(id, n) ON h.n = r.hours + 1
LEFT JOIN unnest(%s::bigint[]) WITH ORDINALITY AS g(id, n) ON g.n = r.led + 1
LEFT JOIN (
    SELECT DISTINCT person_id FROM accounts_transfer
    WHERE state = 'planned' AND effective_on > %s
) w ON w.person_id = p.person_id
"""
_CHANGES = """
CREATE TEMP TABLE roll_changes ON COMMIT DROP AS
SELECT p.row, u.id AS person_id, {before} AS before, {after} AS after
FROM roll_plan p JOIN accounts_user u ON u.id = p.person_id
WHERE {differs}
"""
_CHANGES_OF = "SELECT EXISTS (SELECT 1 FROM roll_changes WHERE jsonb_exists(before, %s))"
_FREE = """
UPDATE accounts_user u SET {column} = ''
FROM roll_changes c
WHERE u.id = c.person_id AND u.{column} <> '' AND jsonb_exists(c.before, {name})
    AND EXISTS (
        SELECT 1 FROM roll_plan p
        WHERE lower(p.{column}) = lower(u.{column}) AND p.person_id IS DISTINCT FROM u.id
    )
"""
_UPDATE = """
UPDATE accounts_user u SET {values}
FROM roll_plan p JOIN roll_changes c ON c.row = p.row
WHERE u.id = c.person_id
"""
_INSERT = """
WITH made AS (
    INSERT INTO accounts_user ({columns})
    SELECT {values} FROM roll_plan p WHERE p.person_id IS NULL ORDER BY p.row
    RETURNING id
)
INSERT INTO accounts_trace (batch, "table", object_id)
SELECT {batch}, 'accounts.user', id FROM made WHERE {batch} <> ''
"""
# A random number of 122 bits, behind the mark of a password that nobody can type.
_CLOSED = "'!' || replace(gen_random_uuid()::text, '-', '')"
_TRACE_CHANGED = """
INSERT INTO accounts_trace (batch, "table", object_id, before, after)
SELECT %s, 'accounts.user', person_id, before, after FROM roll_changes
"""
_MISSING = """
SELECT u.staff_number FROM accounts_user u
WHERE u.staff_number <> '' AND (u.left_on IS NULL OR u.left_on > %s)
    AND NOT EXISTS (SELECT 1 FROM roll_rows r WHERE r.staff_number = u.staff_number)
ORDER BY u.id
"""
_LEAVING = """
SELECT p.staff_number FROM roll_plan p LEFT JOIN roll_changes c ON c.row = p.row
WHERE p.left_on IS NOT NULL AND (p.person_id IS NULL OR jsonb_exists(c.before, 'left_on'))
ORDER BY p.row
"""
_HELD = """
SELECT p.staff_number FROM roll_plan p JOIN accounts_user u ON u.id = p.person_id
WHERE p.waits AND ({differs}) ORDER BY p.row
"""
_MOVES = """
SELECT c.person_id,
    CASE WHEN jsonb_exists(c.before, 'department_id')
        THEN (c.before ->> 'department_id')::bigint ELSE u.department_id END,
    CASE WHEN jsonb_exists(c.before, 'place_id')
        THEN (c.before ->> 'place_id')::bigint ELSE u.place_id END,
    CASE WHEN jsonb_exists(c.after, 'department_id')
        THEN (c.after ->> 'department_id')::bigint ELSE u.department_id END,
    CASE WHEN jsonb_exists(c.after, 'place_id')
        THEN (c.after ->> 'place_id')::bigint ELSE u.place_id END
FROM roll_changes c JOIN accounts_user u ON u.id = c.person_id
WHERE jsonb_exists_any(c.before, ARRAY['department_id', 'place_id'])
ORDER BY c.row
"""
_COUNTS = """
SELECT (SELECT count(*) FROM roll_plan WHERE person_id IS NULL),
    (SELECT count(*) FROM roll_changes),
    (SELECT md5(string_agg(row::text, ',' ORDER BY row)) FROM roll_plan WHERE person_id IS NULL),
    (SELECT md5(string_agg(concat(row, ':', person_id, ':', before), ',' ORDER BY row))
     FROM roll_changes)
"""
_SHOWN_NEW = """
SELECT row, staff_number, name FROM roll_plan WHERE person_id IS NULL ORDER BY row LIMIT %s
"""
_SHOWN_CHANGES = """
SELECT p.row, c.before, p.staff_number, p.name, p.kana, p.email, p.account, p.title, p.employment,
    p.extension, p.left_on, p.leave_from_on, p.leave_to_on, p.department, p.place, p.hours
FROM roll_changes c JOIN roll_plan p ON p.row = c.row
WHERE jsonb_exists_any(c.before, ARRAY['department_id', 'place_id']) = %s
ORDER BY p.row LIMIT %s
"""
_JUDGED = """
SELECT p.staff_number, p.led_id, p.names_it, coalesce(p.person_id, u.id)
FROM roll_plan p LEFT JOIN accounts_user u ON u.staff_number = p.staff_number
WHERE (p.led IS NOT NULL OR p.names_it) AND NOT p.staff_number = ANY(%s) ORDER BY p.row
"""
_FEW = "SELECT count(*) <= %s FROM accounts_user"
_LISTED_LEADS = """
SELECT DISTINCT g.person_id FROM accounts_grant g
JOIN roll_plan p ON p.person_id = g.person_id
WHERE g.from_roll AND NOT p.staff_number = ANY(%s)
"""


@dataclass
class Prepared:
    """A roll that was read: rows as they go into the table, what they name, and what is wrong with them."""

    mentioned: Mentioned = field(default_factory=Mentioned)
    chunks: list[bytes] = field(default_factory=list)
    flaws: list[Flaw] = field(default_factory=list)
    given: frozenset[str] = frozenset()
    count: int = 0


class Counts(NamedTuple):
    """How many people are new and how many change, and the digests of both."""

    created: int
    changed: int
    new: str | None
    before: str | None


def prepare(rows: Iterable[PersonRow]) -> Prepared:
    """Read all rows of a roll into what the staging table takes, without any of them left over."""
    prepared = Prepared()
    lines: list[str] = []
    for row in rows:
        prepared.given = row.given
        prepared.flaws += row.flaws
        lines.append(_line(row, prepared.mentioned.add(row)))
        if len(lines) == CHUNK_ROWS:
            prepared.chunks.append("".join(lines).encode())
            prepared.count += len(lines)
            lines.clear()
    prepared.chunks.append("".join(lines).encode())
    prepared.count += len(lines)
    return prepared


def _line(row: PersonRow, numbers: Numbers) -> str:
    """Write a row in the text format of COPY."""
    texts = (
        str(row.row), row.staff_number, row.name, row.kana, row.email, row.account, row.title,
        row.employment, row.extension, row.language,
    )  # fmt: skip
    line = "\t".join(texts)
    if line.count("\t") != len(texts) - 1 or "\\" in line or "\n" in line or "\r" in line:
        line = "\t".join(_TO_ESCAPE.sub(lambda match: _ESCAPES[match[0]], t) for t in texts)
    return line + _end(
        row.left_on, row.leave_from_on, row.leave_to_on, numbers, names_it=row.names_it
    )


@lru_cache(maxsize=4096)
def _end(
    left_on: date | None,
    from_on: date | None,
    to_on: date | None,
    numbers: Numbers,
    *,
    names_it: bool,
) -> str:
    """Write what ends many lines alike."""
    ends = (left_on, from_on, to_on, *numbers)
    texts = (r"\N" if end is None else str(end) for end in ends)
    return "\t".join(["", *texts, "t\n" if names_it else "f\n"])


class Stage:
    """The rows of one roll in tables that last until the transaction ends."""

    def __init__(self, prepared: Prepared) -> None:
        """Put the rows into the table and find whom each speaks of."""
        self.prepared = prepared
        self.given = prepared.given
        with connection.cursor() as cursor:
            cursor.execute(_CREATE)
            with cursor.copy(_COPY) as copy:
                for chunk in prepared.chunks:
                    copy.write(chunk)
            cursor.execute("ANALYZE roll_rows")
            cursor.execute(_PAIR)

    def lock_people(self) -> None:
        """Let nobody else change people until the transaction ends."""
        self._run("SELECT 1 FROM accounts_user ORDER BY id FOR NO KEY UPDATE")

    def flaws(self) -> list[Flaw]:
        """Return everything that is wrong with the roll, in the order of `roll_flaws`."""
        found = [*self.prepared.flaws]
        for query, slug, names in _judgements():
            for row, *values in self._rows(query):
                params = dict(zip(names, map(str, values), strict=True))
                found.append(Flaw(row, slug, params))
        return sorted(found, key=lambda flaw: flaw.row)

    def compare(
        self, ids: Mapping[str, Sequence[int]], *, fields: Sequence[str], today: date
    ) -> None:
        """Set the rows beside the people there are; `fields` are those the file says something of."""
        self._run(
            _PLAN,
            [ids["departments"], ids["places"], ids["hours"], ids["departments"], today],
        )
        self.fields = fields
        differs = sql.SQL(" OR ").join(_differs(name) for name in (*fields, "username"))
        self._run(
            _text(
                sql.SQL(_CHANGES).format(
                    before=_difference(fields, "u"),
                    after=_difference(fields, "p"),
                    differs=differs,
                )
            )
        )

    def counts(self) -> Counts:
        """Return how many people are new and changed, with digests of who and of what was before."""
        return Counts(*next(self._rows(_COUNTS)))

    def missing(self, today: date) -> tuple[str, ...]:
        """Return the numbers of people at work whom the file does not list."""
        return tuple(row[0] for row in self._rows(_MISSING, [today]))

    def leaving(self) -> tuple[str, ...]:
        """Return the numbers of people whose leaving date is new."""
        return tuple(row[0] for row in self._rows(_LEAVING))

    def held(self) -> tuple[str, ...]:
        """Return the numbers of people who stay where they are until the day of their move."""
        names = [name for name in ("department_id", "place_id") if name in self.fields]
        if not names:
            return ()
        apart = [
            sql.SQL("u.{0} IS DISTINCT FROM p.{0}").format(sql.Identifier(name))
            for name in names
        ]
        query = sql.SQL(_HELD).format(differs=sql.SQL(" OR ").join(apart))
        return tuple(row[0] for row in self._rows(_text(query)))

    def moves(self) -> list[tuple[int | None, ...]]:
        """Return who belongs elsewhere: person, department and place before, and after."""
        return list(self._rows(_MOVES))

    def shown_new(self, most: int) -> list[tuple[int, str, str]]:
        """Return the first new people: row, number, name."""
        return list(self._rows(_SHOWN_NEW, [most]))

    def shown_changes(self, *, moved: bool, most: int) -> Iterator[tuple[dict[str, Any], Any]]:
        """Yield the first changes: what was before, and the columns of the row."""
        for row, before, *columns in self._rows(_SHOWN_CHANGES, [moved, most]):
            values = json.loads(before) if isinstance(before, str) else before
            yield values, (row, *columns)

    def judged(self, held: Sequence[str]) -> list[tuple[str, int | None, bool, int | None]]:
        """Return whom the roll calls lead or IT: number, department led, whether IT, person."""
        return list(self._rows(_JUDGED, [list(held)]))

    def listed_leads(self, held: Sequence[str]) -> set[int]:
        """Return which leads of the roll stand on it again."""
        return {row[0] for row in self._rows(_LISTED_LEADS, [list(held)])}

    def write(self, counts: Counts, *, language: str, now: datetime, batch: str) -> None:
        """Write all changes and all new people, and what is needed to take them back."""
        if counts.changed:
            self._write_changes(batch)
        if counts.created:
            columns, values = _new_person(self.fields, language=language, now=now)
            insert = sql.SQL(_INSERT).format(
                columns=columns, values=values, batch=sql.Literal(batch)
            )
            is_first = counts.created >= MANY and next(self._rows(_FEW, [FEW]))[0]
            aside = set_aside(User._meta.db_table) if is_first else []
            self._run(_text(insert))
            put_back(aside)

    def _write_changes(self, batch: str) -> None:
        for name in ("email", "account"):
            if name in self.fields and next(self._rows(_CHANGES_OF, [name]))[0]:
                query = sql.SQL(_FREE).format(column=sql.Identifier(name), name=name)
                self._run(_text(query))
        self._run(_text(sql.SQL(_UPDATE).format(values=_assignments(self.fields))))
        if batch:
            self._run(_TRACE_CHANGED, [batch])

    def _run(self, query: str, params: Sequence[Any] | None = None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(query.strip(), params)

    def _rows(self, query: str, params: Sequence[Any] | None = None) -> Iterator[Any]:
        with connection.cursor() as cursor:
            cursor.execute(query, params)
            yield from cursor.fetchall()


def _judgements() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield what finds flaws: the query, the word for it, and what its columns are called."""
    for name in ("staff_number", "email", "account"):
        yield _composed(_TWICE, column=name), f"{name}_twice", ("value", "earlier")
    yield _ZEROS, "staff_number_zeros", ("value", "likely")
    for name in ("email", "account"):
        yield _composed(_TAKEN, column=name), f"{name}_taken", ("value", "holder")
    yield _NAMES_TAKEN, "username_taken", ("value",)


def _composed(query: str, *, column: str) -> str:
    return _text(sql.SQL(query).format(column=sql.Identifier(column)))


def _text(query: sql.Composable) -> str:
    connection.ensure_connection()
    return query.as_string(connection.connection)


def _said(name: str) -> sql.Composed:
    """Return what a row says about a field; who moves on a day to come stays until then."""
    column = sql.Identifier(name)
    if name in {"department_id", "place_id"}:
        return sql.SQL("(CASE WHEN p.waits THEN u.{0} ELSE p.{0} END)").format(column)
    if name == "username":
        return sql.SQL(
            "(CASE WHEN coalesce(u.staff_number, '') = '' THEN p.staff_number ELSE u.username END)"
        ).format()
    return sql.SQL("p.{}").format(column)


def _differs(name: str) -> sql.Composed:
    return sql.SQL("u.{} IS DISTINCT FROM {}").format(sql.Identifier(name), _said(name))


def _difference(fields: Sequence[str], side: str) -> sql.Composed:
    """Return the differing fields of a person as an object: as they are (u) or as the row says (p)."""
    parts = [
        sql.SQL("CASE WHEN {} THEN jsonb_build_object({}, {}) ELSE '{{}}' END").format(
            _differs(name),
            name,
            sql.SQL("u.{}").format(sql.Identifier(name)) if side == "u" else _said(name),
        )
        for name in (*fields, "username")
    ]
    return sql.SQL(" || ").join(parts)


def _assignments(fields: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), _said(name))
        for name in (*fields, "username")
    )


def _new_person(
    fields: Sequence[str], *, language: str, now: datetime
) -> tuple[sql.Composed, sql.Composed]:
    """Return the columns of a new person and what goes into each."""
    columns: list[sql.Composable] = []
    values: list[sql.Composable] = []
    special = {
        "username": sql.SQL("p.staff_number"),
        "password": sql.SQL(_CLOSED),
        "date_joined": sql.Literal(now),
        "language": sql.SQL("coalesce(nullif(p.language, ''), {})").format(
            sql.Literal(language)
        ),
    }
    for column in User._meta.concrete_fields:
        if column.primary_key:
            continue
        name = column.attname
        columns.append(sql.Identifier(str(column.column)))
        said = sql.SQL("p.{}").format(sql.Identifier(name)) if name in fields else None
        values.append(special.get(name) or said or _default(column))
    return sql.SQL(", ").join(columns), sql.SQL(", ").join(values)


def _default(column: Any) -> sql.Literal:
    return sql.Literal(column.get_db_prep_save(column.get_default(), connection))
