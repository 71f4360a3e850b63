"""Steps are finished, left out, taken back and looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from kitting.devices.models import Loan
from kitting.journeys import rules
from kitting.journeys.actions.errors import SYSTEM, Moved, Said, Who
from kitting.journeys.actions.facts import progress_of
from kitting.journeys.actions.writing import (
    begun_or_stop,
    check_step,
    is_person,
    is_repeated,
    plain_fact,
    write,
)
from kitting.journeys.queries import records_of
from kitting.journeys.states import EventKind, Method, Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kitting.journeys.models import Journey, StepRecord


@transaction.atomic
def finish_step(  # noqa: PLR0913  # what is known of a press, each named by its callers
    *,
    journey_id: int,
    step_key: str,
    who: Who,
    now: datetime,
    result: Result = Result.SELF_REPORTED,
    method: Method = Method.BUTTON,
    reason: str = "",
    client_key: str | None = None,
    client_at: datetime | None = None,
    watch_speed: bool = False,
) -> Moved:
    """Mark a step as done. Doing it twice is one done: the second answer shows the first.

    A likely or skipped step becomes what is now known. A press that arrives twice (`client_key`)
    counts once, even if the step was taken back in between. Raises `UnknownStepError`,
    `NotBegunError`, `JourneyClosedError`.

    `watch_speed` asks about presses that come faster than possible instead of counting them; what
    is sent later (offline, from paper) is not watched.
    """
    journey = begun_or_stop(journey_id, client_key=client_key)
    if is_repeated(journey):
        return Moved(journey, changed=False)
    check_step(journey, step_key)
    records = records_of.rows(journey.pk)
    if watch_speed and method == Method.BUTTON and not journey.on_paper:
        doubtful = _doubtful(journey, records, step_key=step_key, now=now)
        if doubtful:
            said = Said(
                plain_fact(EventKind.TOO_FAST, now, step_key).fact, client_key=client_key
            )
            undone = [plain_fact(EventKind.STEP_UNDONE, now, key) for key in doubtful]
            return write(journey, [*undone, said], who=who, now=now, records=records)
    known = next((r for r in records if r.step_key == step_key), None)
    if known is not None and not _gives_way(known, result):
        return Moved(journey, changed=False, already=True)
    fact = rules.Fact(
        kind=EventKind.STEP_SKIPPED if result == Result.SKIPPED else EventKind.STEP_DONE,
        at=now,
        step_key=step_key,
        by_person=is_person(who),
        result=result,
        method=method,
        reason=reason,
    )
    moved = write(
        journey,
        [Said(fact, client_key=client_key, client_at=client_at)],
        who=who,
        now=now,
        records=records,
    )
    if step_key == rules.RECEIPT_STEP and result != Result.SKIPPED:
        Loan.objects.filter(pk=journey.loan_id, received_at__isnull=True).update(
            received_at=now
        )
    return moved


def _gives_way(known: StepRecord, result: Result) -> bool:
    """Tell whether a mark yields: what is supposed or left out to any, what is likely to proof."""
    return not known.is_settled or (
        known.result == Result.LIKELY and result == Result.CONFIRMED
    )


def _doubtful(
    journey: Journey, records: Iterable[StepRecord], *, step_key: str, now: datetime
) -> tuple[str, ...]:
    return rules.pressed_too_fast(
        rules.plan_from(journey.step_keys),
        progress_of(journey, records).marks,
        step_key=step_key,
        now=now,
    )


@transaction.atomic
def declare_done(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Take the person's word, once asked, that everything pressed so fast is done."""
    journey = begun_or_stop(journey_id)
    if not journey.fast_until:
        return Moved(journey, changed=False)
    records = records_of.rows(journey.pk)
    plan = rules.plan_from(journey.step_keys)
    keys = rules.up_to(plan, progress_of(journey, records).marks, journey.fast_until)
    said = [
        Said(
            rules.Fact(
                kind=EventKind.STEP_DONE,
                at=now,
                step_key=key,
                result=Result.SELF_REPORTED,
                method=Method.DECLARED,
            )
        )
        for key in keys
    ]
    return write(journey, said, who=who, now=now, records=records)


@transaction.atomic
def confirm_step(*, journey_id: int, step_key: str, reason: str, now: datetime) -> Moved:
    """Let what Google's directory shows stand above what the person said; twice is once.

    The clock of the person does not move by it: nobody pressed anything. Raises as `finish_step`.
    """
    journey = begun_or_stop(journey_id)
    check_step(journey, step_key)
    records = records_of.rows(journey.pk)
    if any(r.step_key == step_key and r.result == Result.CONFIRMED for r in records):
        return Moved(journey, changed=False)
    fact = rules.Fact(
        kind=EventKind.STEP_DONE,
        at=now,
        step_key=step_key,
        by_person=False,
        result=Result.CONFIRMED,
        method=Method.DIRECTORY,
        reason=reason,
    )
    return write(journey, [Said(fact)], who=SYSTEM, now=now, records=records)


@transaction.atomic
def skip_step(
    *,
    journey_id: int,
    step_key: str,
    reason: str,
    who: Who,
    now: datetime,
    client_key: str | None = None,
) -> Moved:
    """Leave a step out for a reason; it can be done later."""
    return finish_step(
        journey_id=journey_id,
        step_key=step_key,
        who=who,
        now=now,
        result=Result.SKIPPED,
        reason=reason,
        client_key=client_key,
    )


@transaction.atomic
def declare_phase(  # noqa: PLR0913  # see finish_step
    *,
    journey_id: int,
    step_keys: Sequence[str],
    left_out: Sequence[str],
    who: Who,
    now: datetime,
    scanned: bool = False,
    client_key: str | None = None,
) -> Moved:
    """Take one word for a whole phase: each open step is noted as declared, some as left out.

    What is known already stays as it is, left-out steps too. `scanned` says that the box was seen.
    """
    journey = begun_or_stop(journey_id, client_key=client_key)
    records = records_of.rows(journey.pk)
    strong = {r.step_key for r in records if r.result != Result.LIKELY}
    facts = [
        _declared(key, now, left_out=key in left_out, scanned=scanned)
        for key in (*step_keys, *left_out)
        if key not in strong
    ]
    return _write_at_once(journey, facts, records, who=who, now=now, client_key=client_key)


def _declared(key: str, now: datetime, *, left_out: bool, scanned: bool) -> rules.Fact:
    if left_out:
        return _left_out(key, now, method=Method.DECLARED, reason=rules.BY_CHOICE)
    seen = scanned and key == rules.RECEIPT_STEP
    return rules.Fact(
        kind=EventKind.STEP_DONE,
        at=now,
        step_key=key,
        result=Result.CONFIRMED if seen else Result.SELF_REPORTED,
        method=Method.SERVER if seen else Method.DECLARED,
    )


@transaction.atomic
def pass_test(
    *,
    journey_id: int,
    step_keys: Sequence[str],
    who: Who,
    now: datetime,
    client_key: str | None = None,
) -> Moved:
    """Leave out practice because the short test was passed; the record says so."""
    journey = begun_or_stop(journey_id, client_key=client_key)
    records = records_of.rows(journey.pk)
    known = {r.step_key for r in records}
    facts = [
        _left_out(key, now, method=Method.TEST, reason=rules.TESTED_OUT)
        for key in step_keys
        if key not in known
    ]
    return _write_at_once(journey, facts, records, who=who, now=now, client_key=client_key)


def _left_out(key: str, now: datetime, *, method: Method, reason: str) -> rules.Fact:
    return rules.Fact(
        kind=EventKind.STEP_SKIPPED,
        at=now,
        step_key=key,
        result=Result.SKIPPED,
        method=method,
        reason=reason,
    )


def _write_at_once(  # what one press says of many steps
    journey: Journey,
    facts: Sequence[rules.Fact],
    records: Sequence[StepRecord],
    *,
    who: Who,
    now: datetime,
    client_key: str | None,
) -> Moved:
    for fact in facts:
        check_step(journey, fact.step_key)
    if is_repeated(journey):
        return Moved(journey, changed=False)
    if not facts:
        return Moved(journey, changed=False, already=True)
    # One press: its key stands on the first of its events.
    said = [
        Said(fact, client_key=None if number else client_key)
        for number, fact in enumerate(facts)
    ]
    moved = write(journey, said, who=who, now=now, records=records)
    if any(
        fact.step_key == rules.RECEIPT_STEP and fact.kind == EventKind.STEP_DONE
        for fact in facts
    ):
        Loan.objects.filter(pk=journey.loan_id, received_at__isnull=True).update(
            received_at=now
        )
    return moved


@transaction.atomic
def undo_step(
    *,
    journey_id: int,
    step_key: str,
    who: Who,
    now: datetime,
    client_key: str | None = None,
) -> Moved:
    """Take a step back, so that it can be done again."""
    journey = begun_or_stop(journey_id, client_key=client_key)
    check_step(journey, step_key)
    if is_repeated(journey):
        return Moved(journey, changed=False)
    records = records_of.rows(journey.pk)
    if all(r.step_key != step_key for r in records):
        return Moved(journey, changed=False, already=True)
    fact = rules.Fact(kind=EventKind.STEP_UNDONE, at=now, step_key=step_key)
    return write(
        journey, [Said(fact, client_key=client_key)], who=who, now=now, records=records
    )


@transaction.atomic
def open_step(*, journey_id: int, step_key: str, who: Who, now: datetime) -> Moved:
    """Note that the person looks at a step (a beacon; reading a page writes nothing)."""
    journey = begun_or_stop(journey_id)
    check_step(journey, step_key)
    return write(journey, [plain_fact(EventKind.STEP_OPENED, now, step_key)], who=who, now=now)
