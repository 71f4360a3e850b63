"""The one place that writes a journey: its row, its records, its events, in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef

from accounts.ready import Ready, ReadyInsert, ReadyUpdate
from kitting.journeys import rules
from kitting.journeys.actions.counting import counted, keep_count, keeps_count
from kitting.journeys.actions.errors import (
    JourneyClosedError,
    Moved,
    NotBegunError,
    Said,
    UnknownStepError,
    Who,
)
from kitting.journeys.actions.facts import DERIVED, FROZEN, progress_of, row_values
from kitting.journeys.models import Event, EventNote, Journey, StepRecord
from kitting.journeys.queries import records_of
from kitting.journeys.states import EventKind, Via

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from kitting.journeys.models import JourneyQuerySet


def _locked_for(pk: int, client_key: str = "") -> JourneyQuerySet:
    rows = Journey.objects.select_for_update(of=("self",)).filter(pk=pk)
    if not client_key:
        return rows
    events = Event.objects.filter(journey=OuterRef("pk"))
    return rows.annotate(
        is_repeated=Exists(events.filter(client_key=client_key)),
        is_as_read=Exists(events.filter(number=OuterRef("event_count"))),
    )


_for_change, _for_press = Ready(_locked_for, int), Ready(_locked_for, int, str)


def locked(journey_id: int, *, client_key: str | None = None) -> Journey:
    """Lock a journey that is not closed. Raises `JourneyClosedError`."""
    asked = (journey_id, client_key) if client_key else (journey_id,)
    journey = (_for_press if client_key else _for_change).first(*asked)
    if journey is None:
        raise Journey.DoesNotExist
    if journey.closed_at is not None:
        raise JourneyClosedError
    if client_key and journey.event_count and not getattr(journey, "is_as_read", False):
        # Whoever waited for the lock has the row as it is now, but PostgreSQL looked at its events when the waiting
        # began: the same press may have been taken in since.
        journey.is_repeated = journey.events.filter(client_key=client_key).exists()  # type: ignore[attr-defined]  # see `is_repeated`
    return journey


def is_repeated(journey: Journey) -> bool:
    """Tell whether this very press was taken in before; needs a journey from `locked`."""
    return bool(getattr(journey, "is_repeated", False))


def begun_or_stop(journey_id: int, *, client_key: str | None = None) -> Journey:
    """Stop whoever has not begun. Raises `NotBegunError`."""
    journey = locked(journey_id, client_key=client_key)
    if journey.begun_at is None:
        raise NotBegunError
    return journey


def check_step(journey: Journey, step_key: str) -> None:
    """Stop at a step that the journey does not have. Raises `UnknownStepError`."""
    if not any(row[0] == step_key for row in journey.step_keys):
        raise UnknownStepError(step_key)


def is_person(who: Who) -> bool:
    """Tell whether the person acts, at the box or signed in, and not somebody for them."""
    return who.via in (Via.BOX, Via.SIGN_IN)


def plain_fact(kind: EventKind, now: datetime, step_key: str = "", *, reason: str = "") -> Said:
    """Return one plain fact to write down, with nothing said beside it."""
    return Said(rules.Fact(kind=kind, at=now, step_key=step_key, reason=reason))


def write(
    journey: Journey,
    said: Sequence[Said],
    *,
    who: Who,
    now: datetime,
    records: Iterable[StepRecord] | None = None,
) -> Moved:
    """Append the events, move the records and the row; all three agree or none is written.

    `records` saves asking for them again where the caller has them under the same lock.
    """
    plan = rules.plan_from(journey.step_keys)
    before = progress_of(journey, records_of.rows(journey.pk) if records is None else records)
    after = before
    events = []
    said = _with_own_times(journey, said, who=who, now=now)
    for item in said:
        after = rules.apply(plan, after, replace(item.fact, by_person=is_person(who)))
        events.append(_event(journey, item, number=after.event_count, who=who))
    ready = after.ready_at is not None and before.ready_at is None
    at_home = after.at_home_at is not None and before.at_home_at is None
    for kind in _milestones(before, after):
        fact = rules.Fact(kind=kind, at=now, by_person=is_person(who))
        after = rules.apply(plan, after, fact)
        item = Said(fact, client_at=said[-1].client_at)
        events.append(_event(journey, item, number=after.event_count, who=who))
    _write_events(events, said, who)
    _write_records(journey, before, after)
    _write_row(journey, plan, after, now)
    if keeps_count():
        keep_count(counted(journey, before), counted(journey, after))
    return Moved(journey, changed=True, became_ready=ready, became_at_home=at_home)


def _with_own_times(
    journey: Journey, said: Sequence[Said], *, who: Who, now: datetime
) -> Sequence[Said]:
    """Give what waited for the network the time it was pressed, as far as that can be true."""
    if who.client_at is None and all(item.client_at is None for item in said):
        return said
    by_person = journey.events.filter(via__in=(Via.BOX, Via.SIGN_IN))
    newest = by_person.order_by("-number").values_list("client_at", "at").first()
    last = newest and (newest[0] or newest[1])
    return [
        replace(
            item,
            client_at=rules.own_time(item.client_at or who.client_at, last=last, now=now),
        )
        for item in said
    ]


def _milestones(before: rules.Progress, after: rules.Progress) -> list[EventKind]:
    pairs = (
        (before.ready_at, after.ready_at, EventKind.READY, EventKind.UNREADY),
        (before.at_home_at, after.at_home_at, EventKind.AT_HOME, EventKind.NOT_AT_HOME),
    )
    return [up if new else down for old, new, up, down in pairs if bool(old) != bool(new)]


def _event(journey: Journey, item: Said, *, number: int, who: Who) -> Event:
    fact = item.fact
    data = {
        "result": fact.result,
        "method": fact.method,
        "reason": fact.reason,
        "until": fact.until.isoformat() if fact.until else "",
        "help_state": fact.help_state,
    }
    return Event(
        journey=journey,
        number=number,
        kind=fact.kind,
        step_key=fact.step_key,
        at=fact.at,
        via=who.via,
        actor=who.actor,
        client_key=item.client_key or None,
        client_at=item.client_at,
        data={key: str(value) for key, value in data.items() if value},
    )


_write_event = ReadyInsert(Event).write


def _write_events(events: Sequence[Event], said: Sequence[Said], who: Who) -> None:
    """Write what happened, and in rows of their own what was said beside it."""
    notes = [
        EventNote(event=event, text=item.text, client_address=who.client_address)
        for event, item in zip(events, said, strict=False)
        if item.text or who.client_address
    ]
    if len(events) == 1 and not notes:  # nobody asks for its number
        _write_event(events[0])
        return
    Event.objects.bulk_create(events)
    if notes:
        EventNote.objects.bulk_create(notes)


RECORD_OF = ("journey", "step_key")
MARK = ("result", "method", "opened_at", "done_at", "reason", "seconds")
_write_record = ReadyInsert(StepRecord, once_by=RECORD_OF, changes=MARK).write


def _write_records(journey: Journey, before: rules.Progress, after: rules.Progress) -> None:
    if after.marks is before.marks:
        return
    gone = before.marks.keys() - after.marks.keys()
    if gone:
        journey.records.filter(step_key__in=gone).delete()
    changed = [
        StepRecord(
            journey=journey,
            step_key=key,
            result=mark.result,
            method=mark.method,
            opened_at=mark.opened_at,
            done_at=mark.done_at,
            reason=mark.reason,
            seconds=mark.seconds,
        )
        for key, mark in after.marks.items()
        if before.marks.get(key) != mark
    ]
    if len(changed) == 1:
        _write_record(changed[0])
    elif changed:
        StepRecord.objects.bulk_create(
            changed, update_conflicts=True, unique_fields=RECORD_OF, update_fields=MARK
        )


_write_derived = ReadyUpdate(Journey, *DERIVED, "attention_at").write


def _write_row(
    journey: Journey, plan: rules.Plan, after: rules.Progress, now: datetime
) -> None:
    values = {**row_values(plan, after), "attention_at": now}
    for name, value in values.items():
        setattr(journey, name, value)
    if journey.begun_at == now:
        values |= {name: getattr(journey, name) for name in FROZEN}
        Journey.objects.filter(pk=journey.pk).update(**values)
    else:
        _write_derived(journey.pk, values)
