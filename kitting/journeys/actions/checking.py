"""What the machine checks, and where the person arrives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import count_try, forgive_tries
from kitting.devices.models import Device
from kitting.journeys import rules
from kitting.journeys.actions.entering import begin_journey
from kitting.journeys.actions.errors import Moved, Said, SerialCheck, Who
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.actions.writing import (
    begun_or_stop,
    check_step,
    is_repeated,
    locked,
    plain_fact,
    write,
)
from kitting.journeys.states import EventKind, Method, Result, Via, Why

if TYPE_CHECKING:
    from datetime import datetime, timedelta


@transaction.atomic
def note_trouble(
    *, journey_id: int, step_key: str, trouble: int, who: Who, now: datetime
) -> Moved:
    """Note that the person read a hint of a step (counted from 1)."""
    journey = begun_or_stop(journey_id)
    check_step(journey, step_key)
    said = plain_fact(EventKind.TROUBLE_OPENED, now, step_key, reason=str(trouble))
    return write(journey, [said], who=who, now=now)


@transaction.atomic
def note_error(  # see finish_step
    *,
    journey_id: int,
    step_key: str,
    error: str,
    who: Who,
    now: datetime,
    client_key: str | None = None,
) -> Moved:
    """Note that the person looked up an error on the screen; `error` is its key in the guide."""
    journey = begun_or_stop(journey_id, client_key=client_key)
    check_step(journey, step_key)
    if is_repeated(journey):
        return Moved(journey, changed=False)
    fact = rules.Fact(kind=EventKind.ERROR_OPENED, at=now, step_key=step_key, reason=error)
    return write(journey, [Said(fact, client_key=client_key)], who=who, now=now)


@transaction.atomic
def fail_check(
    *,
    journey_id: int,
    step_key: str,
    reason: str,
    who: Who,
    now: datetime,
    client_key: str | None = None,
) -> Moved:
    """Note that a check did not pass; the person can try again or go on."""
    journey = begun_or_stop(journey_id, client_key=client_key)
    check_step(journey, step_key)
    if is_repeated(journey):
        return Moved(journey, changed=False)
    fact = rules.Fact(kind=EventKind.CHECK_FAILED, at=now, step_key=step_key, reason=reason)
    return write(journey, [Said(fact, client_key=client_key)], who=who, now=now)


@transaction.atomic
def check_serial(  # noqa: PLR0913  # see finish_step
    *,
    journey_id: int,
    step_key: str,
    typed: str,
    who: Who,
    now: datetime,
    window: timedelta,
    client_key: str | None = None,
) -> SerialCheck:
    """Compare what was typed from the sticker with the device; a wrong try is an event.

    Tries are counted before they are judged; after too many the answer is "slow" and nothing is
    compared.
    """
    journey = begun_or_stop(journey_id, client_key=client_key)
    key = f"serial:{journey_id}"
    if not count_try(key=key, limit=rules.TRIES_PER_SERIAL, window=window, now=now):
        return SerialCheck("slow", Moved(journey, changed=False))
    device = Device.objects.get(loans=journey.loan_id)
    is_right = rules.is_serial_end(typed, device.serial_number)
    # The asset tag stands on the box too: right, but no proof of what is in the hand.
    if is_right or rules.is_same_tag(typed, device.asset_tag or ""):
        forgive_tries(keys=[key])
        moved = finish_step(
            journey_id=journey_id,
            step_key=step_key,
            who=who,
            now=now,
            result=Result.CONFIRMED if is_right else Result.LIKELY,
            method=Method.SERVER,
            reason="" if is_right else Why.ASSET_TAG,
            client_key=client_key,
        )
        return SerialCheck("right", moved)
    others = Device.objects.filter(serial_number__iendswith=rules.plain_number(typed))
    is_others = others.exclude(pk=device.pk).exists()
    moved = fail_check(
        journey_id=journey_id,
        step_key=step_key,
        reason=Why.OTHER_DEVICE if is_others else Why.SERIAL,
        who=who,
        now=now,
        client_key=client_key,
    )
    return SerialCheck("wrong", moved)


@transaction.atomic
def arrive(*, journey_id: int, who: Who, now: datetime, client_key: str | None = None) -> Moved:
    """Note that the guide is open in Chrome on ChromeOS: what lay before is likely done.

    The receipt of the box is never concluded from it. Arriving again changes nothing. Who arrives
    without having begun (from paper, or without a phone) begins with it.
    """
    journey = locked(journey_id, client_key=client_key)
    if journey.arrived_at is not None or is_repeated(journey):
        return Moved(journey, changed=False)
    if journey.begun_at is None:
        begin_journey(journey, who=who, now=now, arrives=True)
    plan = {s.key for s in rules.plan_from(journey.step_keys)}
    marked = set(journey.records.values_list("step_key", flat=True))
    said = [Said(rules.Fact(kind=EventKind.ARRIVED, at=now), client_key=client_key)]
    said += [
        Said(
            rules.Fact(
                kind=EventKind.STEP_LIKELY,
                at=now,
                step_key=key,
                result=Result.LIKELY,
                method=Method.ARRIVAL,
                reason=str(who.via),
            )
        )
        for key in rules.PROVED_BY_ARRIVAL
        if key in plan and key not in marked
    ]
    if rules.ARRIVAL_STEP in plan:
        said.append(
            Said(
                rules.Fact(
                    kind=EventKind.STEP_DONE,
                    at=now,
                    step_key=rules.ARRIVAL_STEP,
                    result=Result.CONFIRMED,
                    method=Method.ARRIVAL,
                    reason=str(who.via),
                )
            )
        )
    return write(journey, said, who=who, now=now)


@transaction.atomic
def note_other_account(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Note that somebody else signed in where this journey was open; nothing of it moves.

    The sweep sees the event and tells IT.
    """
    journey = locked(journey_id)
    said = Said(rules.Fact(kind=EventKind.OTHER_ACCOUNT, at=now, by_person=False))
    return write(journey, [said], who=replace(who, via=Via.SYSTEM), now=now)
