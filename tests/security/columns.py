"""Every column of every table that may hold words of people, and how to put something hostile into all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import DatabaseError, models, transaction

from kitting.guides.queries.kept import forget_editions

if TYPE_CHECKING:
    from collections.abc import Iterator

# What names things to the program, or is compared, counted or opened by; texts of people stand in none of these.
INNER = frozenset(
    {
        "password", "session_key", "digest", "key", "code", "theme", "text_size", "ruby", "week",
        "table", "batch", "applied_by", "slug", "when", "phase", "step_key", "current_step",
        "fast_until", "client_key", "source", "choice", "question", "version", "language",
        "client", "path", "paper_key", "header_key", "effect", "dedupe_key", "kind", "about",
        "message_id", "holidays_country", "default", "previous", "head", "salt", "page_token",
        "illustration", "action", "subject", "username", "staff_number", "mac_address",
        "serial_number", "update_state", "compliance", "status", "url", "secret", "address",
        "taker", "link", "occasion", "line", "google_id", "status_seen", "beginning",
        "client_address",
    }
)  # fmt: skip
# JSON of the program's own making: keys, numbers and states, no words of people.
INNER_JSON = frozenset(
    {"data", "before", "after", "flags", "step_keys", "columns", "counts", "check_data", "call_it", "completion",
     "readings", "values", "events", "differences", "phases", "prepare", "returns", "test_out", "errors", "paper_sheet",
     "pairs"}
)  # fmt: skip
OURS = {"account", "kitting"}


def columns_of_words() -> Iterator[Any]:
    """Yield every column that may hold words of people, of every table."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields if model.__module__[:7] in OURS else ():
            is_text = isinstance(column, (models.CharField, models.TextField))
            if (is_text and not column.choices and column.name not in INNER) or (
                isinstance(column, models.JSONField) and column.name not in INNER_JSON
            ):
                yield column


def name_of(column: Any) -> str:
    return f"{column.model._meta.model_name}.{column.name}"


def fill_every_column(text: str) -> tuple[set[str], set[str]]:
    """Put a text into every column of words, cut to its length; return where it was refused, and where no row is."""
    refused, empty = set(), set()
    for column in columns_of_words():
        rows = list(column.model._default_manager.values_list("pk", column.name))
        if not rows:
            empty.add(name_of(column))
        if not (written(column, rows, text) or written(column, rows, text, apart=True)):
            refused.add(name_of(column))
    forget_editions()
    return refused, empty


def written(
    column: Any, rows: list[tuple[int, Any]], text: str, *, apart: bool = False
) -> bool:
    """Write a text into a column of every row, each another one where they must differ; tell whether it went."""
    try:
        with transaction.atomic():
            for pk, value in rows:
                one = column.model._default_manager.filter(pk=pk)
                said = _said(column, text, pk=pk, value=value, apart=apart)
                one.update(**{column.name: said})
    except DatabaseError:
        return False
    return True


def _said(column: Any, text: str, *, pk: int, value: Any, apart: bool) -> Any:
    if isinstance(column, models.JSONField):
        return _leaves(value, text)
    most = column.max_length or len(text)
    return f"{text[: most - 6]}{pk}"[:most] if apart else text[:most]


def _leaves(value: Any, text: str) -> Any:
    """Return the same shape with a text at every end of it."""
    if isinstance(value, dict):
        return {key: _leaves(one, text) for key, one in value.items()}
    if isinstance(value, list):
        return [_leaves(one, text) for one in value]
    return text if isinstance(value, str) else value
