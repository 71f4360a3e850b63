"""Journeys follow loans, waves and departures."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.queries import local_day
from accounts.traces import trace_changed, trace_made
from kitting.devices.actions.importing import DeviceResult, import_devices
from kitting.devices.models import Loan
from kitting.devices.states import LoanKind
from kitting.guides.queries.pages import applicable_steps
from kitting.journeys import rules
from kitting.journeys.actions.counting import (
    keep_count,
    keeps_count,
    standing_of,
    standing_of_all,
)
from kitting.journeys.actions.entering import NOT_TO_SET_UP
from kitting.journeys.actions.errors import SYSTEM, Said, Who
from kitting.journeys.actions.writing import locked, plain_fact, write
from kitting.journeys.models import Journey
from kitting.journeys.states import CloseReason, EventKind, Method, Result
from kitting.rollout.queries import wave_book
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from accounts.taking import Order
    from kitting.devices.forms import DeviceRow
    from kitting.journeys.models import JourneyQuerySet
    from kitting.rollout.models import Wave
    from kitting.rollout.queries import WaveBook


@dataclass(frozen=True)
class FollowResult:
    """How many journeys were opened, closed and moved to follow their loans."""

    opened: int = 0
    closed: int = 0
    moved: int = 0


@transaction.atomic
def take_in_devices(
    *,
    rows: Iterable[DeviceRow],
    order: Order,
) -> DeviceResult:
    """Take devices in and let the journeys follow, all or nothing."""
    result = import_devices(rows=rows, order=order)
    if not (order.dry_run or result.flaws or result.is_stale):
        follow_loans(now=order.now, batch=order.batch)
    return result


@transaction.atomic
def follow_loans(*, now: datetime, batch: str = "") -> FollowResult:
    """Let journeys follow their loans: open, close and move what no longer agrees.

    A journey exists from the loan on, so that "never started" is a due row like all others. New ones
    are written down for the batch that made their loans.
    """
    waves = wave_book()
    closed = close_journeys(
        Journey.objects.open().filter(loan__ended_at__isnull=False),
        reason=CloseReason.LOAN_ENDED,
        now=now,
    )
    has_one = Journey.objects.open().filter(loan_id=OuterRef("pk"))
    new = []
    gone = Q(person__left_on__lte=local_day(now)) | Q(device__state__in=NOT_TO_SET_UP)
    for loan in Loan.objects.open().with_person().filter(~Exists(has_one)).exclude(gone):
        wave = waves.of(loan.department_id, loan.place_id)
        new.append(
            Journey(
                loan=loan,
                person_id=cast("int", loan.person_id),
                department_id=loan.department_id,
                place_id=loan.place_id,
                wave=wave,
                created_at=now,
                attention_at=max(wave.starts_at, now) if wave else now,
            )
        )
    trace_made(batch=batch, rows=Journey.objects.bulk_create(new, batch_size=500))
    keep_count(Counter(), standing_of_all(new))
    moved = _move_with_loans(waves, batch)
    return FollowResult(opened=len(new), closed=closed, moved=moved)


@transaction.atomic
def open_journey(*, loan: Loan, now: datetime) -> Journey | None:
    """Open the journey of one new loan; there is none for a shared device or a spare."""
    if loan.kind != LoanKind.PERSONAL:
        return None
    wave = wave_book().of(loan.department_id, loan.place_id)
    journey = Journey.objects.create(
        loan=loan,
        person_id=cast("int", loan.person_id),
        department_id=loan.department_id,
        place_id=loan.place_id,
        wave=wave,
        created_at=now,
        attention_at=max(wave.starts_at, now) if wave else now,
    )
    keep_count(Counter(), standing_of_all([journey]))
    return journey


@transaction.atomic
def carry_over(*, old: Journey, loan: Loan, who: Who, now: datetime) -> Journey | None:
    """Open the journey of an exchanged device with what its person has learned on the one before.

    The edition, its flags and its steps stay; steps that the guide marks with `survives_swap` keep
    their results, all others are done anew. Nothing is carried where nothing was begun.
    """
    journey = open_journey(loan=loan, now=now)
    if journey is None or old.edition_id is None:
        return journey
    journey.edition_id = old.edition_id
    journey.flags, journey.step_keys = old.flags, old.step_keys
    journey.steps_total, journey.ready_total = old.steps_total, old.ready_total
    kept = {
        step.key for step in applicable_steps(old.edition_id, old.flags) if step.survives_swap
    }
    said = [plain_fact(EventKind.BEGUN, now)]
    said += [
        Said(
            rules.Fact(
                kind=EventKind.STEP_SKIPPED
                if record.result == Result.SKIPPED
                else EventKind.STEP_DONE,
                at=now,
                step_key=record.step_key,
                result=record.result,
                method=Method.CARRIED,
                reason=record.reason,
            )
        )
        for record in old.records.filter(step_key__in=kept).order_by("done_at", "pk")
        if any(row[0] == record.step_key for row in old.step_keys)
    ]
    return write(journey, said, who=who, now=now, records=[]).journey


def _move_with_loans(waves: WaveBook, batch: str) -> int:
    moved: list[tuple[Journey, dict[str, int | None]]] = []
    apart = ~Q(department_id=F("loan__department_id")) | ~Q(place_id=F("loan__place_id"))
    apart |= Q(place_id__isnull=True, loan__place_id__isnull=False)
    apart |= Q(place_id__isnull=False, loan__place_id__isnull=True)
    stood: Counter[rules.Counted] = Counter()
    for journey in Journey.objects.open().filter(apart).select_related("loan"):
        loan = journey.loan
        if (journey.department_id, journey.place_id) != (loan.department_id, loan.place_id):
            stood += standing_of(journey)
            before = {"department_id": journey.department_id, "place_id": journey.place_id}
            journey.department_id = loan.department_id
            journey.place_id = loan.place_id
            journey.wave = waves.of(loan.department_id, loan.place_id) or journey.wave
            moved.append((journey, before))
    journeys = [journey for journey, _before in moved]
    Journey.objects.bulk_update(journeys, ["department", "place", "wave"], batch_size=500)
    keep_count(stood, standing_of_all(journeys))
    trace_changed(batch=batch, rows=moved)
    return len(moved)


# Who is in no wave any more is looked at after this: IT is about to say where they belong.
BETWEEN_WAVES = dt.timedelta(days=1)


@transaction.atomic
def follow_waves(*, now: datetime, moved: Collection[int] = ()) -> int:
    """Give journeys that have not begun the wave of their people; returns how many changed.

    The due moments of those whose wave is in `moved` follow its dates, too. A handful of statements
    for each pair of department and place, however many people.
    """
    waves = wave_book()
    waiting = Journey.objects.open().filter(begun_at__isnull=True)
    pairs = waiting.values_list(
        "department_id", "place_id", "wave_id", "wave__rollout__state"
    ).order_by()
    changed = 0
    for department_id, place_id, wave_id, state in list(pairs.distinct()):
        wave = waves.of(department_id, place_id)
        rows = waiting.filter(department=department_id, place=place_id, wave=wave_id)
        if wave is None and state == RolloutState.OPEN:
            changed += _give_wave(rows, None, attention_at=now + BETWEEN_WAVES)
        elif wave is not None and (wave.pk != wave_id or wave_id in moved):
            changed += _give_wave(rows, wave, attention_at=max(wave.starts_at, now))
    return changed


def _give_wave(rows: JourneyQuerySet, wave: Wave | None, *, attention_at: datetime) -> int:
    """Put journeys into a wave (or none), and their counts with them."""
    before = standing_of_all(rows.select_for_update()) if keeps_count() else Counter()
    changed: int = rows.update(wave=wave, attention_at=attention_at)
    after: Counter[rules.Counted] = Counter()
    for (kind, key, cell), number in before.items():
        after[kind, key, replace(cell, wave_id=wave.pk if wave else None)] += number
    keep_count(before, after)
    return changed


@transaction.atomic
def close_journeys(
    journeys: Iterable[Journey], *, reason: CloseReason, now: datetime, who: Who = SYSTEM
) -> int:
    """End journeys before their time; what was done stays on record."""
    count = 0
    for row in list(journeys):
        journey = locked(row.pk)
        fact = rules.Fact(kind=EventKind.CLOSED, at=now, by_person=False, reason=reason)
        write(journey, [Said(fact)], who=who, now=now)
        Journey.objects.filter(pk=journey.pk).update(
            closed_at=now,
            close_reason=reason,
            attention_at=None,
            box_epoch=F("box_epoch") + 1,
        )
        journey.refresh_from_db()
        keep_count(standing_of(journey), Counter())
        count += 1
    return count
