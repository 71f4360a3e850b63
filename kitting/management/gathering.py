"""A migration's statements, held back until they can follow one another at once (PostgreSQL).

Between two of its operations Django works out the models anew, which takes up to a second. The lock of the first
statement would keep everybody waiting who needs that table. So statements are gathered, and sent when something
asks the database (what it is told must be true by then) or the transaction ends.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from django.db.backends.postgresql.schema import DatabaseSchemaEditor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from django.db.backends.base.base import BaseDatabaseWrapper


class GatheringEditor(DatabaseSchemaEditor):
    """Django's own editor of tables, whose statements wait for each other."""

    def __enter__(self) -> Self:
        """Begin a transaction, and watch what else is asked in it."""
        self.gathered: list[tuple[str, Any]] = []
        super().__enter__()
        self.connection.execute_wrappers.append(self._send_first)
        return self

    def execute(self, sql: Any, params: Any = ()) -> None:
        """Keep a statement for later; without a transaction, or where it is only shown, do as ever."""
        if self.collect_sql or not self.atomic_migration:
            super().execute(sql, params)
        else:
            self.gathered.append((str(sql), params))

    def send(self) -> None:
        """Send what was gathered."""
        gathered, self.gathered = self.gathered, []
        for sql, params in gathered:
            super().execute(sql, params)

    def _send_first(self, execute: Callable[..., Any], *asked: Any) -> Any:
        self.send()
        return execute(*asked)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send all that is left, and end the transaction."""
        try:
            if kind is None:
                for sql in self.deferred_sql:
                    self.execute(sql, None)
                self.deferred_sql = []
                self.send()
        except BaseException:
            super().__exit__(*sys.exc_info())
            raise
        else:
            super().__exit__(kind, error, trace)
        finally:
            self.connection.execute_wrappers.remove(self._send_first)


@contextmanager
def gathering(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Let tables be changed by gathered statements until the block ends; nothing changes but on PostgreSQL."""
    ordinary = connection.SchemaEditorClass
    if connection.vendor == "postgresql":
        connection.SchemaEditorClass = GatheringEditor
    try:
        yield
    finally:
        connection.SchemaEditorClass = ordinary
