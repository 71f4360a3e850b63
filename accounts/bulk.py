"""New rows that are written many at once."""

from __future__ import annotations

import json
import re
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from django.db import connection
from django.db.models import CharField, JSONField, Model, TextField

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Field

M = TypeVar("M", bound=Model)
BATCH = 500


def write_many(rows: Sequence[M], *, once: str = "") -> None:
    """Insert new rows with one statement for each 500; they know their numbers afterwards.

    `once` names a unique field: a row whose value of it was ever written changes nothing. PostgreSQL gets
    columns instead of rows, and what all rows have alike only once: half the work of `bulk_create`.
    """
    for at in range(0, len(rows), BATCH):
        some = rows[at : at + BATCH]
        if connection.vendor == "postgresql":
            _write_columns(some, once)
        elif once:
            type(some[0])._default_manager.bulk_create(
                some, update_conflicts=True, unique_fields=[once], update_fields=[once]
            )
        else:
            type(some[0])._default_manager.bulk_create(some)


class _Column(NamedTuple):
    """One column of rows: its name, how it is said in SQL, and what goes in there."""

    name: str
    said: str
    value: Any


def _write_columns(rows: Sequence[M], once: str) -> None:
    meta = type(rows[0])._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    columns = [_column(field, rows) for field in fields]
    alike = [one for one in columns if not one.said.endswith("[]")]
    differing = [one for one in columns if one.said.endswith("[]")]
    names = ", ".join(f'"{one.name}"' for one in (*alike, *differing))
    said = ", ".join([*(one.said for one in alike), *(["u.*"] if differing else [])])
    of = ", ".join(one.said for one in differing)
    source = f"unnest({of}) AS u" if differing else f"generate_series(1, {len(rows)})"
    conflict = f'ON CONFLICT ("{once}") DO UPDATE SET "{once}" = EXCLUDED."{once}"'
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{meta.db_table}" ({names}) SELECT {said} FROM {source} '  # noqa: S608  # our models' names
            f'{conflict if once else ""} RETURNING "{meta.pk.column}"',
            [one.value for one in (*alike, *differing)],
        )
        keys = [key for (key,) in cursor.fetchall()]
    for row, key in zip(rows, keys, strict=True):
        row.pk = key
        row._state.adding = False  # noqa: SLF001  # as `bulk_create` leaves them


def _column(field: Field[Any, Any], rows: Sequence[M]) -> _Column:
    """Return the values of a field, or the one that all rows have."""
    # Without its length: a text that is too long is refused, as ever, and not cut off.
    kind = re.sub(r"\(\d+\)", "", str(field.db_type(connection)))
    values = _values(field, rows)
    if values.count(values[0]) == len(values):
        return _Column(str(field.column), f"%s::{kind}", values[0])
    return _Column(str(field.column), f"%s::{kind}[]", values)


def _values(field: Field[Any, Any], rows: Sequence[M]) -> list[Any]:
    """Return a column of rows as the database takes it."""
    values = list(map(attrgetter(field.attname), rows))
    if isinstance(field, CharField | TextField):
        return [None if value is None else str(value) for value in values]
    if isinstance(field, JSONField):
        return [json.dumps(value, cls=field.encoder) for value in values]
    return values
