"""Questions that every page asks: their SQL is put together once for a process, not anew for every request.

To put a question with its joins together costs Django several times what the database needs to answer it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model
from django.db.models.query import get_related_populators

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from django.db.models import QuerySet

M = TypeVar("M", bound=Model)
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
        made = self._made.get(connection.vendor) or self._make()
        given = dict(zip(self._marks, values, strict=True))
        with connection.cursor() as cursor:
            cursor.execute(made.sql, [given.get(value, value) for value in made.params])
            rows = cursor.fetchall()
        return [_row(made, row) for row in _converted(made, rows)]

    def first(self, *values: int | str) -> M | None:
        """Ask, and return the first row if there is one."""
        return next(iter(self.rows(*values)), None)

    def _make(self) -> _Made:
        compiler = self._build(*self._marks).query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        known = compiler.klass_info
        own = slice(known["select_fields"][0], known["select_fields"][-1] + 1)
        made = self._made[connection.vendor] = _Made(
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


def _converted(made: _Made, rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Turn what the database says into values of Python, as the fields do."""
    for said in rows:
        row = list(said)
        for at, (steps, expression) in made.converters.items():
            for step in steps:
                row[at] = step(row[at], expression, connection)
        yield row


def _row(made: _Made, row: Sequence[Any]) -> Any:
    found = made.model.from_db(DEFAULT_DB_ALIAS, made.names, row[made.own])
    for one in made.beside:
        one.populate(row, found)
    for name, at in made.more.items():
        setattr(found, name, row[at])
    return found
