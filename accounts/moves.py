"""How people come to belong elsewhere: moves today, moves on a day to come, and where they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Max

from accounts.models import Posting
from accounts.traces import trace_made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

BATCH = 500


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody belongs elsewhere: ids of person, department and place, before and after."""

    person_id: int
    from_department_id: int | None
    from_place_id: int | None
    to_department_id: int | None
    to_place_id: int | None


def write_postings(*, moves: Sequence[Move], on: date, now: datetime, batch: str = "") -> None:
    """Write down where people were until a day, and since when as far as it is known."""
    since: dict[int, date | None] = {}
    ids = [move.person_id for move in moves]
    for start in range(0, len(ids), BATCH):
        part = Posting.objects.filter(person_id__in=ids[start : start + BATCH])
        since |= dict(part.values_list("person_id").annotate(Max("to_on")))
    rows = [
        Posting(
            person_id=move.person_id,
            department_id=move.from_department_id,
            place_id=move.from_place_id,
            from_on=_not_after(since.get(move.person_id), on),
            to_on=on,
            written_at=now,
        )
        for move in moves
    ]
    trace_made(batch=batch, rows=Posting.objects.bulk_create(rows, batch_size=BATCH))


def _not_after(day: date | None, on: date) -> date | None:
    return day if day is not None and day <= on else None
