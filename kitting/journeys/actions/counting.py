"""The counts of the board, kept along the way and recounted."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from accounts.queries import local_day
from kitting.journeys import rules
from kitting.journeys.actions.facts import progress_of
from kitting.journeys.models import Journey, StepRecord, Tally
from kitting.journeys.queries import GROUPS, Wanted, kept_tallies, live_tallies
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from kitting.journeys.queries import TallyRow


# So many lines of the kept counts are added up at once, and never so few.
FOLD_FROM, FOLD_MOST = 1_000, 20_000


def keeps_count() -> bool:
    """Tell whether counts are kept along the way; a small organisation counts its rows instead."""
    return bool(settings.BOARD_COUNTERS)


def standing_of(journey: Journey) -> Counter[rules.Counted]:
    """Return where an open journey counts, times of its steps left out."""
    return _standing(journey, progress_of(journey, ()))


def standing_of_all(journeys: Iterable[Journey]) -> Counter[rules.Counted]:
    """Return where some journeys stand, as the board counts them."""
    found: Counter[rules.Counted] = Counter()
    for journey in journeys if keeps_count() else ():
        found.update(standing_of(journey))
    return found


def _standing(journey: Journey, progress: rules.Progress) -> Counter[rules.Counted]:
    cell = rules.Cell(
        journey.department_id,
        journey.place_id,
        journey.wave_id,
        journey.edition_id if progress.begun_at else None,
    )
    return rules.standing(
        cell,
        progress,
        status=rules.status(
            begun=progress.begun_at is not None,
            ready=progress.ready_at is not None,
            help_state=progress.help_state,
        ),
        ready_on=local_day(progress.ready_at) if progress.ready_at else None,
        is_noticed=journey.is_noticed,
    )


def counted(journey: Journey, progress: rules.Progress) -> Counter[rules.Counted]:
    """Return the lines of the counts that one journey stands for."""
    return _standing(journey, progress) + rules.times_taken(progress.marks)


def keep_count(before: Counter[rules.Counted], after: Counter[rules.Counted]) -> None:
    """Write down what changed in the counts, in the transaction that changes it."""
    if not keeps_count():
        return
    change = Counter(after)
    change.subtract(before)
    _write_tallies(change)


@contextmanager
def uncounted(*, journey_ids: Collection[int]) -> Iterator[None]:
    """Take journeys out of the kept counts while they are changed or removed as plain rows."""
    open_ones = Journey.objects.open().filter(pk__in=journey_ids)
    keep_count(standing_of_all(open_ones.all()), Counter())
    yield
    keep_count(Counter(), standing_of_all(open_ones.all()))


def count_beside(kind: TallyKind, key: str, number: int) -> None:
    """Write down what is counted of tickets, for the whole organisation, in the same transaction."""
    if keeps_count() and number:
        _write_tallies({(str(kind), key, rules.EVERYBODY): number})


def _write_tallies(numbers: Mapping[rules.Counted, int]) -> None:
    Tally.objects.bulk_create(
        [
            Tally(kind=kind, key=key, number=number, **asdict(cell))
            for (kind, key, cell), number in numbers.items()
            if number
        ],
        batch_size=500,
    )


@transaction.atomic
def fold_tallies(*, at_least: int = FOLD_FROM, most: int = FOLD_MOST) -> int:
    """Add many lines of the kept counts up to few; their sum stays the same. Returns how many went.

    Lines that are written meanwhile are left alone. Folding twice changes nothing.
    """
    lines = Tally.objects.exclude(kind=TallyKind.COMPLETE)
    keys = list(lines.order_by("pk").values_list("pk", flat=True)[:most])
    if len(keys) < at_least:
        return 0
    rows = list(Tally.objects.select_for_update(skip_locked=True).filter(pk__in=keys))
    sums: Counter[rules.Counted] = Counter()
    for row in rows:
        sums[_counted_line(row)] += row.number
    left = {key: number for key, number in sums.items() if number}
    if len(left) == len(rows):
        return 0
    Tally.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _write_tallies(left)
    return len(rows) - len(left)


def _counted_line(row: Tally | TallyRow) -> rules.Counted:
    cell = rules.Cell(row.department_id, row.place_id, row.wave_id, row.edition_id)
    return (row.kind, row.key, cell)


@dataclass(frozen=True)
class Drift:
    """Where the kept counts differ from the rows: kind, key and cell, with kept and counted."""

    wrong: Mapping[rules.Counted, tuple[int, int]]
    was_complete: bool


@transaction.atomic
def recount(*, beside: Callable[[], Mapping[rules.Counted, int]], mend: bool) -> Drift:
    """Count everything anew, say where the kept counts differ, and put that right if told to.

    `beside` counts what is no journey's. While it mends nobody moves: on PostgreSQL journeys are
    locked against writing, readers go on.
    """
    if mend:
        _hold_still()
    every = [Wanted(kind, by=GROUPS) for kind in TallyKind if kind != TallyKind.COMPLETE]
    kept_rows = kept_tallies(every)
    kept = {_counted_line(row): row.number for row in kept_rows}
    complete = [key for key in kept if key[0] == TallyKind.COMPLETE]
    for key in complete:
        del kept[key]
    right = {_counted_line(row): row.number for row in live_tallies(every)} | dict(beside())
    wrong = {
        key: (kept.get(key, 0), right.get(key, 0))
        for key in {**kept, **right}
        if kept.get(key, 0) != right.get(key, 0)
    }
    if mend and (wrong or not complete):
        Tally.objects.all().delete()
        _write_tallies({**right, (TallyKind.COMPLETE, "", rules.EVERYBODY): 1})
    return Drift(wrong=wrong, was_complete=bool(complete))


def _hold_still() -> None:
    """Let no journey move until this transaction ends (SQLite has one writer anyway)."""
    if connection.vendor == "postgresql":
        tables = ", ".join(
            connection.ops.quote_name(model._meta.db_table)
            for model in (Journey, StepRecord, Tally)
        )
        with connection.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {tables} IN SHARE ROW EXCLUSIVE MODE")
