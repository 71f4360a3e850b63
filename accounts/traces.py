"""What a batch made of rows, written down; and how a batch is taken back while nothing depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

from accounts.models import Trace, User

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from django.db import models
    from django.db.models import Q

    Rows = type[models.Model]

BATCH = 500
SHOWN = 5
# Emptied before values go back, so that two rows may exchange theirs.
UNIQUE_WORDS: Mapping[Rows, Sequence[str]] = {User: ("email", "account")}


@dataclass(frozen=True)
class Obstacle:
    """Why a batch cannot be taken back: rows of `table` that were `used`, `changed` or are `gone`.

    `names` are the first of them; `by` is the table whose rows use them.
    """

    why: str
    table: str
    count: int
    by: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Taken:
    """How many rows went, got their values back, or came back."""

    removed: int
    restored: int
    returned: int


# --- writing down --------------------------------------------------------------------------------


def trace_made(*, batch: str, rows: Iterable[models.Model]) -> None:
    """Write down rows that a batch has just made; nothing without a batch."""
    _write(batch, ((row, None, None) for row in rows))


def trace_changed(
    *, batch: str, rows: Iterable[tuple[models.Model, Mapping[str, object]]]
) -> None:
    """Write down rows as they are now, and what their fields held before.

    A row the batch has made stays so; one it has changed before keeps the oldest values.
    """
    if not batch:
        return
    changed = [(row, before) for row, before in rows if before]
    for start in range(0, len(changed), BATCH):
        part = changed[start : start + BATCH]
        here = {
            (line.table, line.object_id): line
            for line in Trace.objects.filter(
                batch=batch, object_id__in=[row.pk for row, _before in part]
            )
        }
        _write(batch, _new_lines(part, here))
        again = [_merged(row, before, here) for row, before in part if _key(row) in here]
        Trace.objects.bulk_update(filter(None, again), ["before", "after"])


def _key(row: models.Model) -> tuple[str, int]:
    return row._meta.label_lower, int(row.pk)


def _new_lines(
    part: Iterable[tuple[models.Model, Mapping[str, object]]],
    here: Mapping[tuple[str, int], Trace],
) -> Iterator[tuple[models.Model, dict[str, Any], dict[str, Any]]]:
    for row, before in part:
        if _key(row) not in here:
            yield row, dict(before), {name: getattr(row, name) for name in before}


def _merged(
    row: models.Model,
    before: Mapping[str, object],
    here: Mapping[tuple[str, int], Trace],
) -> Trace | None:
    line = here[_key(row)]
    if line.before is None:
        return None
    now = {name: getattr(row, name) for name in before}
    line.before = {**(_plain(before) or {}), **line.before}
    line.after = {**(line.after or {}), **(_plain(now) or {})}
    return line


def trace_removed(*, batch: str, rows: Iterable[models.Model]) -> None:
    """Write down rows that a batch is about to remove."""
    _write(batch, ((row, _values(row), None) for row in rows))


def _write(
    batch: str,
    lines: Iterable[tuple[models.Model, dict[str, Any] | None, dict[str, Any] | None]],
) -> None:
    if not batch:
        return
    Trace.objects.bulk_create(
        [
            Trace(
                batch=batch,
                table=row._meta.label_lower,
                object_id=row.pk,
                before=_plain(before),
                after=_plain(after),
            )
            for row, before, after in lines
        ],
        batch_size=BATCH,
    )


def _values(row: models.Model) -> dict[str, Any]:
    return {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields}


def _plain(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Write days and moments as text, everything else as it is."""
    if values is None:
        return None
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in values.items()
    }


# --- taking back -----------------------------------------------------------------------------------


def obstacles(
    *,
    batch: str,
    order: Sequence[Rows],
    forbidden: Mapping[Rows, Q] | None = None,
    counts: Sequence[Rows] = (),
) -> list[Obstacle]:
    """Return what depends on a batch: made rows that others use, changed ones that changed again.

    `order` names the tables, those that refer to others first; `forbidden` finds rows that must
    not go although no other row refers to them, such as a label that was printed; `counts` are tables
    that only count, and keep nothing.
    """
    found: list[Obstacle] = []
    for model in order:
        found += _used(batch, model, counts)
        found += _changed_since(batch, model)
        if forbidden and model in forbidden:
            rows = _made(batch, model).filter(forbidden[model])
            found += _obstacle("used", model, rows)
    return found


@transaction.atomic
def take_back(*, batch: str, order: Sequence[Rows]) -> Taken:
    """Undo a batch: made rows go, changed ones get their values back, removed ones return.

    Raises `IntegrityError` where something depends on it after all.
    """
    removed = 0
    for model in order:
        rows = _made(batch, model)
        removed += rows._raw_delete(rows.db)  # noqa: SLF001  # what depends on them was looked for
    restored = sum(_restore(batch, model) for model in order)
    returned = sum(_return(batch, model) for model in reversed(order))
    connection.check_constraints()
    Trace.objects.filter(batch=batch).delete()
    return Taken(removed, restored, returned)


def forget(*, batches: Iterable[str]) -> int:
    """Forget what batches did: they can no longer be taken back."""
    return Trace.objects.filter(batch__in=list(batches)).delete()[0]


def _lines(batch: str, model: Rows) -> models.QuerySet[Trace]:
    return Trace.objects.filter(batch=batch, table=model._meta.label_lower)


def _made(batch: str, model: Rows) -> models.QuerySet[Any]:
    made = _lines(batch, model).filter(before__isnull=True).values("object_id")
    return model._default_manager.filter(pk__in=made)


def _used(batch: str, model: Rows, counts: Sequence[Rows]) -> Iterator[Obstacle]:
    if not _lines(batch, model).filter(before__isnull=True).exists():
        return
    for relation in model._meta.get_fields(include_hidden=True):
        if not (relation.auto_created and (relation.one_to_many or relation.one_to_one)):
            continue
        other: Any = relation.related_model
        if other in counts:
            continue
        own = Trace.objects.filter(batch=batch, table=other._meta.label_lower)
        users = other._default_manager.filter(
            **{f"{relation.field.name}__in": _made(batch, model)}  # type: ignore[union-attr]  # a relation from elsewhere has a field
        ).exclude(pk__in=own.values("object_id"))
        count = users.count()
        if count:
            names = _names(
                model._default_manager.filter(
                    pk__in=users.order_by("pk").values(relation.field.attname)[:SHOWN]  # type: ignore[union-attr]  # see above
                )
            )
            yield Obstacle(
                "used", model._meta.label_lower, count, other._meta.label_lower, names
            )


def _changed_since(batch: str, model: Rows) -> Iterator[Obstacle]:
    changed: list[str] = []
    gone = 0
    for lines in _chunks(batch, model):
        rows = model._default_manager.in_bulk([line.object_id for line in lines])
        gone += len(lines) - len(rows)
        changed += [
            str(rows[line.object_id])
            for line in lines
            if line.object_id in rows and _differs(rows[line.object_id], line)
        ]
    label = model._meta.label_lower
    if changed:
        yield Obstacle("changed", label, len(changed), names=tuple(changed[:SHOWN]))
    if gone:
        yield Obstacle("gone", label, gone)


def _differs(row: models.Model, line: Trace) -> bool:
    after = _read(type(row), line.after)
    return any(getattr(row, name) != value for name, value in after.items())


def _chunks(batch: str, model: Rows) -> Iterator[list[Trace]]:
    """Return the changed rows of a table, some hundred at a time."""
    lines = _lines(batch, model).filter(before__isnull=False, after__isnull=False)
    last = 0
    while chunk := list(lines.filter(object_id__gt=last).order_by("object_id")[:BATCH]):
        yield chunk
        last = chunk[-1].object_id


def _obstacle(why: str, model: Rows, rows: models.QuerySet[Any]) -> Iterator[Obstacle]:
    if count := rows.count():
        yield Obstacle(why, model._meta.label_lower, count, names=_names(rows))


def _names(rows: models.QuerySet[Any]) -> tuple[str, ...]:
    return tuple(str(row) for row in rows.order_by("pk")[:SHOWN])


def _read(model: Rows, values: Mapping[str, Any] | None) -> dict[str, Any]:
    fields = {f.attname: f for f in model._meta.concrete_fields}
    return {name: fields[name].to_python(value) for name, value in (values or {}).items()}


def _restore(batch: str, model: Rows) -> int:
    count = 0
    _empty_words(batch, model)
    for lines in _chunks(batch, model):
        rows = model._default_manager.in_bulk([line.object_id for line in lines])
        names: set[str] = set()
        for line in lines:
            for name, value in _read(model, line.before).items():
                setattr(rows[line.object_id], name, value)
                names.add(name)
        fields = {f.name for f in model._meta.concrete_fields if f.attname in names}
        model._default_manager.bulk_update(rows.values(), sorted(fields), batch_size=BATCH)
        count += len(lines)
    return count


def _empty_words(batch: str, model: Rows) -> None:
    for name in UNIQUE_WORDS.get(model, ()):
        changed = _lines(batch, model).filter(before__has_key=name, after__isnull=False)
        ids = changed.values("object_id")
        model._default_manager.filter(pk__in=ids).update(**{name: ""})


def _return(batch: str, model: Rows) -> int:
    lines = _lines(batch, model).filter(before__isnull=False, after__isnull=True)
    rows = [model(**_read(model, line.before)) for line in lines]
    return len(model._default_manager.bulk_create(rows, batch_size=BATCH))
