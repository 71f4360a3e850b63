"""Questions that every page asks: their SQL is put together once for a process, not anew for every request.

To put a question with its joins together costs Django several times what the database needs to answer it; to plan
it costs PostgreSQL several times that too, so a connection plans it once and keeps the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from django.db import (
    DEFAULT_DB_ALIAS,
    Error,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connections,
)
from django.db.models import Model
from django.db.models.query import get_related_populators
from psycopg import Cursor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.utils import CursorWrapper
    from django.db.models import Field, QuerySet

M = TypeVar("M", bound=Model)
T = TypeVar("T")
# What stands where values go while a question is put together: a number every key can hold, and none of ours has.
MARK = 31_741
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class _Made:
    """What came of putting a question together, for one kind of database."""

    sql: str
    params: tuple[Any, ...]
    converters: dict[int, Any]
    model: type[Any]
    own: slice
    names: Sequence[str]
    beside: Sequence[Any]
    more: dict[str, int]


class Ready(Generic[M]):
    """A question about rows of a model that is asked with other values each time.

    `build` gets a mark for each value, a number or a text as `kinds` say, and returns the QuerySet.
    """

    def __init__(self, build: Callable[..., QuerySet[M]], *kinds: type[int | str]) -> None:
        """Note how it is built: it is put together when it is asked first."""
        self._build = build
        self._marks = [kind(MARK + number) for number, kind in enumerate(kinds)]
        self._made: dict[str, _Made] = {}

    def rows(self, *values: int | str) -> list[M]:
        """Ask, and return the rows; a number that no row can have has none."""
        if any(isinstance(value, int) and abs(value) > LARGEST for value in values):
            return []
        line = _line()
        made = self._made.get(line.vendor) or self._make(line)
        given = dict(zip(self._marks, values, strict=True))
        params = [given.get(value, value) for value in made.params]
        rows = _ran(line, made.sql, params, then=_rows)
        return [_row(made, row) for row in _converted(made, rows, line)]

    def first(self, *values: int | str) -> M | None:
        """Ask, and return the first row if there is one."""
        return next(iter(self.rows(*values)), None)

    def _make(self, line: BaseDatabaseWrapper) -> _Made:
        compiler = self._build(*self._marks).query.get_compiler(connection=line)
        sql, params = compiler.as_sql()
        known = compiler.klass_info
        own = slice(known["select_fields"][0], known["select_fields"][-1] + 1)
        made = self._made[line.vendor] = _Made(
            sql=sql,
            params=params,
            converters=compiler.get_converters([column[0] for column in compiler.select]),
            model=known["model"],
            own=own,
            names=[column[0].target.attname for column in compiler.select[own]],
            beside=get_related_populators(known, compiler.select, DEFAULT_DB_ALIAS),  # type: ignore[call-arg]  # the stubs are of a later Django
            more=dict(compiler.annotation_col_map),
        )
        return made


class ReadyInsert(Generic[M]):
    """Writes rows into a table by a statement that is put together once.

    Where a row that is the same in `once_by` stands there already, `changes` are taken over into it.
    """

    def __init__(
        self, model: type[M], *, once_by: Sequence[str] = (), changes: Sequence[str] = ()
    ) -> None:
        """Note where to; the columns are looked up when the first row comes."""
        self._model, self._once_by, self._changes = model, once_by, changes

    def write(self, row: M) -> None:
        """Write one row; its number is not asked for."""
        line = _line()
        params = [
            field.get_db_prep_save(field.pre_save(row, add=True), line)
            for field in self._fields
        ]
        _ran(line, self._sql, params, then=_nothing)

    @cached_property
    def _fields(self) -> list[Field[Any, Any]]:
        return [field for field in self._model._meta.concrete_fields if not field.primary_key]

    @cached_property
    def _sql(self) -> str:
        table = _line().ops.quote_name(self._model._meta.db_table)
        columns = ", ".join(_columns(self._model, [field.name for field in self._fields]))
        places = ", ".join(["%s"] * len(self._fields))
        sql = f"INSERT INTO {table} ({columns}) VALUES ({places})"  # noqa: S608  # names of our models
        if self._once_by:
            known = ", ".join(_columns(self._model, self._once_by))
            changed = _columns(self._model, self._changes)
            new = ", ".join(f"{column} = EXCLUDED.{column}" for column in changed)
            sql += f" ON CONFLICT ({known}) DO UPDATE SET {new}"
        return sql


class ReadyUpdate:
    """Changes some columns of one row by a statement that is put together once."""

    def __init__(self, model: type[Model], *names: str) -> None:
        """Note which columns of which table."""
        self._model, self._names = model, names

    def write(self, pk: int, values: Mapping[str, Any]) -> None:
        """Change the row of that number; `values` has every column that was named."""
        line = _line()
        params = [field.get_db_prep_save(values[field.name], line) for field in self._fields]
        _ran(line, self._sql, [*params, pk], then=_nothing)

    @cached_property
    def _fields(self) -> list[Any]:
        return [self._model._meta.get_field(name) for name in self._names]

    @cached_property
    def _sql(self) -> str:
        table = _line().ops.quote_name(self._model._meta.db_table)
        new = ", ".join(f"{column} = %s" for column in _columns(self._model, self._names))
        return f"UPDATE {table} SET {new} WHERE id = %s"  # noqa: S608  # names of our models


def _columns(model: type[Model], names: Iterable[str]) -> list[str]:
    """Return the columns of some fields as SQL writes them."""
    fields = cast("Iterable[Field[Any, Any]]", map(model._meta.get_field, names))
    return [_line().ops.quote_name(str(field.column)) for field in fields]


def stated(sql: str, *values: object) -> int:
    """Say a statement of our own that changes rows, and return how many it changed.

    Text, numbers and moments may stand in it as `%s`.
    """
    line = _line()
    params = [
        line.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value
        for value in values
    ]
    return _ran(line, sql, params, then=_changed)


class _Planned(Cursor[Any]):
    """Says everything by a statement that PostgreSQL plans once for a connection."""

    def execute(self, query: Any, params: Any = None, **_more: Any) -> Any:
        return super().execute(query, params, prepare=True)


def _line() -> BaseDatabaseWrapper:
    """Return this thread's connection itself: Django's `connection` looks it up at every touch."""
    return connections[DEFAULT_DB_ALIAS]


def _ran(
    line: BaseDatabaseWrapper,
    sql: str,
    params: Sequence[Any],
    *,
    then: Callable[[CursorWrapper], T],
) -> T:
    """Say something to the database that is said again and again; return what `then` finds."""
    # Who writes statements down wants them with their values in.
    if line.vendor != "postgresql" or line.queries_logged:
        with line.cursor() as cursor:
            cursor.execute(sql, params)
            return then(cursor)
    is_tried = _is_tried(line)
    try:
        found = _planned(line, sql, params, then)
    except Error as error:
        is_new = _helps_a_new_line(line, error, is_tried=is_tried)
        if line.in_atomic_block or not is_new:
            raise
    else:
        line.health_check_done = True  # type: ignore[attr-defined]  # the stubs do not know it
        return found
    line.close()
    return _planned(line, sql, params, then)


def _is_tried(line: BaseDatabaseWrapper) -> bool:
    """Tell whether this request has used its line already: its first question is the try, nothing is said before it."""
    return bool(line.health_check_done or not line.health_check_enabled)  # type: ignore[attr-defined]  # see above


def _helps_a_new_line(line: BaseDatabaseWrapper, error: Error, *, is_tried: bool) -> bool:
    if isinstance(error, NotSupportedError):
        # A column became of another kind since this line made its plan; the next one makes a new plan.
        line.close_at = 0
        return True
    is_lost = isinstance(error, (InterfaceError, OperationalError)) and not is_tried
    return is_lost and not line.is_usable()


def _rows(cursor: CursorWrapper) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _changed(cursor: CursorWrapper) -> int:
    return int(cursor.rowcount)


def _nothing(_cursor: CursorWrapper) -> None:
    """Look at nothing: what was said gives no rows."""


def _planned(
    line: BaseDatabaseWrapper,
    sql: str,
    params: Sequence[Any],
    then: Callable[[CursorWrapper], T],
) -> T:
    """Say it by a statement that PostgreSQL plans once for a connection."""
    line.ensure_connection()
    with line.make_cursor(cast("CursorWrapper", _Planned(line.connection))) as cursor:
        cursor.execute(sql, [_of_no_kind(value) for value in params])
        return then(cursor)


def _of_no_kind(value: Any) -> Any:
    """Return a value as text, whose kind the statement says: a plan holds for small and large numbers and nothing."""
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, (str, int)) else value


def _converted(
    made: _Made, rows: Sequence[Any], line: BaseDatabaseWrapper
) -> Iterator[Sequence[Any]]:
    """Turn what the database says into values of Python, as the fields do."""
    for said in rows:
        row = list(said)
        for at, (steps, expression) in made.converters.items():
            for step in steps:
                row[at] = step(row[at], expression, line)
        yield row


def _row(made: _Made, row: Sequence[Any]) -> Any:
    found = made.model.from_db(DEFAULT_DB_ALIAS, made.names, row[made.own])
    for one in made.beside:
        one.populate(row, found)
    for name, at in made.more.items():
        setattr(found, name, row[at])
    return found
