"""Everything that moves a journey: event, records and counters in one transaction."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q

from accounts.actions import count_try, forgive_all_tries, forgive_tries, write_audit
from accounts.queries import leads_for, local_day
from accounts.traces import trace_changed, trace_made
from kitting.devices.actions import DeviceResult, import_devices
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.guides.queries import applicable_steps, published_edition
from kitting.journeys import rules
from kitting.journeys.models import Event, EventNote, Journey, Press, StepRecord, Tally
from kitting.journeys.queries import (
    GROUPS,
    Wanted,
    box_address,
    kept_tallies,
    live_tallies,
    slowed_until,
    try_limits,
)
from kitting.journeys.states import (
    CloseReason,
    EventKind,
    HelpState,
    Method,
    Result,
    TallyKind,
    Via,
    Why,
)
from kitting.lib.codes import shown
from kitting.notices.actions import queue_message
from kitting.rollout.queries import wave_book
from kitting.rollout.states import RolloutState
from kitting.site.queries import flags as site_flags
from kitting.site.queries import starts_are_stopped

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime, timedelta

    from accounts.models import User
    from kitting.devices.forms import DeviceRow
    from kitting.journeys.models import JourneyQuerySet
    from kitting.journeys.queries import TallyRow, TryLimit
    from kitting.rollout.models import Wave
    from kitting.rollout.queries import WaveBook

# Devices nobody sets up any more, even while their loan is open.
NOT_TO_SET_UP = (
    DeviceState.LOST,
    DeviceState.FOUND,
    DeviceState.REPAIR,
    DeviceState.RETURNING,
    DeviceState.RETIRED,
)
# A device sends what waits as soon as it can; nothing comes after so long.
PRESSES_KEPT = dt.timedelta(days=90)
# So many lines of the kept counts are added up at once, and never so few.
FOLD_FROM, FOLD_MOST = 1_000, 20_000
FROZEN = ("edition", "flags", "step_keys", "steps_total", "ready_total")


class JourneyError(Exception):
    """A journey cannot do what was asked; the sentence is for people."""


class JourneyClosedError(JourneyError):
    """The device went back, was exchanged or lost: nothing moves any more."""


class UnknownStepError(JourneyError):
    """The step is not part of this journey."""


class NotBegunError(JourneyError):
    """Nobody has begun this journey."""


class NoGuideError(JourneyError):
    """No guide is published yet."""


class StartsStoppedError(JourneyError):
    """IT has stopped new starts for now; a public notice says why."""


@dataclass(frozen=True)
class Who:
    """Through which door somebody acts, and who, where that is known.

    `client_at` is when it was pressed, by the device's clock, where it waited for the network.
    """

    via: Via
    actor: User | None = None
    client_address: str = ""
    client_at: datetime | None = None


SYSTEM = Who(via=Via.SYSTEM)


@dataclass(frozen=True)
class Moved:
    """What an action did: the journey after it, and whether anything changed."""

    journey: Journey
    changed: bool
    became_ready: bool = False
    became_at_home: bool = False


@dataclass(frozen=True)
class Said:
    """What goes into one event beside its fact."""

    fact: rules.Fact
    client_key: str | None = None
    client_at: datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class SerialCheck:
    """What came of typing the end of the serial number: "right", "wrong" or "slow"."""

    outcome: str
    moved: Moved


# --- entering -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class BoxEntry:
    """What came of typing a staff number on a box page.

    `outcome`: "open" (the journey may go on), "wrong" (the same whether the number exists or not),
    "slow" (too many tries of this client at this box: wait `wait`), "nobody" (no loan with a person).
    """

    outcome: str
    journey: Journey | None = None
    wait: timedelta | None = None
    guesses: bool = False


@transaction.atomic
def enter_by_box(
    *,
    code: str,
    staff_number: str,
    client: str,
    now: datetime,
    window: timedelta,
    browser: str = "",
) -> BoxEntry:
    """Let whoever holds a box and knows whose it is begin or go on with that one journey.

    A try is counted before it is judged, so that tries at the same moment cannot slip through, and
    forgiven when it was right. Only who tries is slowed, never the box: nobody is locked out by
    others' guesses. `client` is the address tries come from, `browser` tells browsers behind one
    address apart. `guesses` says that this box has seen more wrong numbers than mistakes explain:
    the lead was told.
    """
    loan = (
        Loan.objects.open()
        .filter(device__code=code, kind=LoanKind.PERSONAL)
        .select_related("person")
        .first()
    )
    if loan is None or loan.person is None:
        return BoxEntry("nobody")
    limits = try_limits(code=code, client=client, browser=browser, window=window)
    if not _may_try(limits, now=now):
        until = slowed_until(limits, now=now)
        return BoxEntry("slow", wait=until - now if until else window)
    if not rules.is_same_number(staff_number, loan.person.staff_number or ""):
        within = count_try(
            key=f"box:{code}", limit=rules.TRIES_PER_BOX, window=window * 12, now=now
        )
        if not within:
            _alarm_leads(loan, code=code, now=now)
        write_audit(action="box.refused", now=now, by=None, subject=f"box:{code}")
        return BoxEntry("wrong", guesses=not within)
    for limit in limits:
        forgive_tries(key=limit.key)
    who = Who(via=Via.BOX, client_address=client)
    return BoxEntry("open", journey=enter(loan_id=loan.pk, who=who, now=now).journey)


@transaction.atomic
def open_door_again(*, code: str, by: User, now: datetime) -> None:
    """Let whoever waits at a box try again at once, and note who allowed it."""
    forgive_all_tries(prefix=f"box:{code}")
    write_audit(action="box.opened_again", now=now, by=by, subject=f"box:{code}")


def _may_try(limits: Iterable[TryLimit], *, now: datetime) -> bool:
    return all(
        count_try(key=limit.key, limit=limit.limit, window=limit.window, now=now)
        for limit in limits
    )


def _alarm_leads(loan: Loan, *, code: str, now: datetime) -> None:
    """Tell the leads, once a day, that somebody guesses numbers at a box."""
    day = local_day(now)
    for lead in leads_for(department_id=loan.department_id, place_id=loan.place_id, on=day):
        queue_message(
            kind="box_guesses",
            person=lead,
            reason=f"guesses:{code}:{day:%Y-%m-%d}",
            context={
                "person_name": str(loan.person),
                "box_code": shown(code),
                "box_url": box_address(code),
            },
            now=now,
            about=f"box:{code}",
        )


@transaction.atomic
def enter(*, loan_id: int, who: Who, now: datetime) -> Moved:
    """Begin the journey of a loan, or note that the person came back to it."""
    journey = Journey.objects.select_for_update().open().filter(loan_id=loan_id).first()
    if journey is None:
        raise JourneyClosedError
    if journey.begun_at is None:
        return _begin(journey, who=who, now=now)
    return _write(journey, [_said(EventKind.ENTERED, now)], who=who, now=now)


@transaction.atomic
def begin(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Begin a journey: freeze its edition, flags and steps. Beginning twice changes nothing."""
    journey = _locked(journey_id)
    if journey.begun_at is not None:
        return Moved(journey, changed=False)
    return _begin(journey, who=who, now=now)


def _begin(journey: Journey, *, who: Who, now: datetime, arrives: bool = False) -> Moved:
    place, wave = journey.place_id, journey.wave_id
    # Whoever has the guide open on the Chromebook has begun, whatever is said.
    if not arrives and starts_are_stopped(place_id=place, wave_id=wave, now=now):
        raise StartsStoppedError
    edition = published_edition()
    if edition is None:
        raise NoGuideError
    journey.edition = edition
    journey.flags = site_flags()
    journey.step_keys = [
        [step.key, str(step.milestone), step.required]
        for step in applicable_steps(edition.pk, journey.flags)
    ]
    plan = rules.plan_from(journey.step_keys)
    journey.steps_total = len(plan)
    journey.ready_total = sum(s.milestone == rules.READY and s.required for s in plan)
    return _write(journey, [_said(EventKind.BEGUN, now)], who=who, now=now)


# --- steps --------------------------------------------------------------------------------------


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
    journey = _begun(journey_id, client_key=client_key)
    if _is_repeated(journey):
        return Moved(journey, changed=False)
    _check_step(journey, step_key)
    records = list(journey.records.all())
    if watch_speed and method == Method.BUTTON and not journey.on_paper:
        doubtful = _doubtful(journey, records, step_key=step_key, now=now)
        if doubtful:
            said = Said(_said(EventKind.TOO_FAST, now, step_key).fact, client_key=client_key)
            undone = [_said(EventKind.STEP_UNDONE, now, key) for key in doubtful]
            return _write(journey, [*undone, said], who=who, now=now, records=records)
    known = next((r for r in records if r.step_key == step_key), None)
    if known is not None and not _gives_way(known, result):
        return Moved(journey, changed=False)
    fact = rules.Fact(
        kind=EventKind.STEP_SKIPPED if result == Result.SKIPPED else EventKind.STEP_DONE,
        at=now,
        step_key=step_key,
        by_person=_is_person(who),
        result=result,
        method=method,
        reason=reason,
    )
    moved = _write(
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
    journey = _begun(journey_id)
    if not journey.fast_until:
        return Moved(journey, changed=False)
    records = list(journey.records.all())
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
    return _write(journey, said, who=who, now=now, records=records)


@transaction.atomic
def confirm_step(*, journey_id: int, step_key: str, reason: str, now: datetime) -> Moved:
    """Let what Google's directory shows stand above what the person said; twice is once.

    The clock of the person does not move by it: nobody pressed anything. Raises as `finish_step`.
    """
    journey = _begun(journey_id)
    _check_step(journey, step_key)
    records = list(journey.records.all())
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
    return _write(journey, [Said(fact)], who=SYSTEM, now=now, records=records)


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
    journey = _begun(journey_id, client_key=client_key)
    records = list(journey.records.all())
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
    journey = _begun(journey_id, client_key=client_key)
    records = list(journey.records.all())
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
        _check_step(journey, fact.step_key)
    if _is_repeated(journey) or not facts:
        return Moved(journey, changed=False)
    # One press: its key stands on the first of its events.
    said = [
        Said(fact, client_key=None if number else client_key)
        for number, fact in enumerate(facts)
    ]
    moved = _write(journey, said, who=who, now=now, records=records)
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
    journey = _begun(journey_id, client_key=client_key)
    _check_step(journey, step_key)
    records = list(journey.records.all())
    if _is_repeated(journey) or all(r.step_key != step_key for r in records):
        return Moved(journey, changed=False)
    fact = rules.Fact(kind=EventKind.STEP_UNDONE, at=now, step_key=step_key)
    return _write(
        journey, [Said(fact, client_key=client_key)], who=who, now=now, records=records
    )


@transaction.atomic
def open_step(*, journey_id: int, step_key: str, who: Who, now: datetime) -> Moved:
    """Note that the person looks at a step (a beacon; reading a page writes nothing)."""
    journey = _begun(journey_id)
    _check_step(journey, step_key)
    return _write(journey, [_said(EventKind.STEP_OPENED, now, step_key)], who=who, now=now)


@transaction.atomic
def note_trouble(
    *, journey_id: int, step_key: str, trouble: int, who: Who, now: datetime
) -> Moved:
    """Note that the person read a hint of a step (counted from 1)."""
    journey = _begun(journey_id)
    _check_step(journey, step_key)
    said = _said(EventKind.TROUBLE_OPENED, now, step_key, reason=str(trouble))
    return _write(journey, [said], who=who, now=now)


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
    journey = _begun(journey_id, client_key=client_key)
    _check_step(journey, step_key)
    if _is_repeated(journey):
        return Moved(journey, changed=False)
    fact = rules.Fact(kind=EventKind.ERROR_OPENED, at=now, step_key=step_key, reason=error)
    return _write(journey, [Said(fact, client_key=client_key)], who=who, now=now)


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
    journey = _begun(journey_id, client_key=client_key)
    _check_step(journey, step_key)
    if _is_repeated(journey):
        return Moved(journey, changed=False)
    fact = rules.Fact(kind=EventKind.CHECK_FAILED, at=now, step_key=step_key, reason=reason)
    return _write(journey, [Said(fact, client_key=client_key)], who=who, now=now)


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
    journey = _begun(journey_id, client_key=client_key)
    key = f"serial:{journey_id}"
    if not count_try(key=key, limit=rules.TRIES_PER_SERIAL, window=window, now=now):
        return SerialCheck("slow", Moved(journey, changed=False))
    device = Device.objects.get(loans=journey.loan_id)
    is_right = rules.is_serial_end(typed, device.serial_number)
    # The asset tag stands on the box too: right, but no proof of what is in the hand.
    if is_right or rules.is_same_tag(typed, device.asset_tag or ""):
        forgive_tries(key=key)
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
def arrive(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Note that the guide is open in Chrome on ChromeOS: what lay before is likely done.

    The receipt of the box is never concluded from it. Arriving again changes nothing. Who arrives
    without having begun (from paper, or without a phone) begins with it.
    """
    journey = _locked(journey_id)
    if journey.arrived_at is not None:
        return Moved(journey, changed=False)
    if journey.begun_at is None:
        _begin(journey, who=who, now=now, arrives=True)
    plan = {s.key for s in rules.plan_from(journey.step_keys)}
    marked = set(journey.records.values_list("step_key", flat=True))
    said = [_said(EventKind.ARRIVED, now)]
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
    return _write(journey, said, who=who, now=now)


@transaction.atomic
def note_other_account(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Note that somebody else signed in where this journey was open; nothing of it moves.

    The sweep sees the event and tells IT.
    """
    journey = _locked(journey_id)
    said = Said(rules.Fact(kind=EventKind.OTHER_ACCOUNT, at=now, by_person=False))
    return _write(journey, [said], who=replace(who, via=Via.SYSTEM), now=now)


@transaction.atomic
def pause(*, journey_id: int, until: datetime, who: Who, now: datetime) -> Moved:
    """Stop the clocks until the person goes on, or until a moment: a pause, never a ticket."""
    journey = _locked(journey_id)
    fact = rules.Fact(kind=EventKind.PAUSED, at=now, until=until, by_person=_is_person(who))
    # The sweep looks at once, to close what it had opened, and then not before the pause ends.
    return _write(journey, [Said(fact)], who=who, now=now)


@transaction.atomic
def go_on_paper(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Note that the person works from the printed sheet: silence and a burst are normal."""
    return _note_paper(journey_id, on_paper=True, who=who, now=now)


@transaction.atomic
def leave_paper(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Take back that the person works from the printed sheet: the usual clocks run again."""
    return _note_paper(journey_id, on_paper=False, who=who, now=now)


def _note_paper(journey_id: int, *, on_paper: bool, who: Who, now: datetime) -> Moved:
    journey = _locked(journey_id)
    if journey.on_paper == on_paper:
        return Moved(journey, changed=False)
    reason = "" if on_paper else rules.PAPER_OVER
    return _write(journey, [_said(EventKind.PAPER, now, reason=reason)], who=who, now=now)


@transaction.atomic
def set_help_state(
    *, journey_id: int, help_state: HelpState, now: datetime, who: Who = SYSTEM
) -> Moved:
    """Note that help was asked for, answered or is over; only escalation calls this."""
    journey = _locked(journey_id)
    if journey.help_state == help_state:
        return Moved(journey, changed=False)
    fact = rules.Fact(
        kind=EventKind.HELP_CHANGED,
        at=now,
        by_person=False,
        help_state=help_state,
    )
    return _write(journey, [Said(fact)], who=who, now=now)


@transaction.atomic
def end_box_sessions(*, journey_id: int) -> None:
    """End every box session of a journey (loss, exchange, wrong box)."""
    Journey.objects.filter(pk=journey_id).update(box_epoch=F("box_epoch") + 1)


@transaction.atomic
def erase_event_texts(*, person_id: int, now: datetime) -> int:
    """Erase the personal part of a person's events; the events themselves stay."""
    return EventNote.objects.filter(
        event__journey__person_id=person_id, erased_at__isnull=True
    ).update(text="", client_address="", erased_at=now)


# --- without a network ---------------------------------------------------------------------------


@transaction.atomic
def take_press(
    *, client: str, sequence: int, path: str, client_at: datetime | None, now: datetime
) -> bool:
    """Note that a press which waited on a device has arrived; tell whether it is the first time.

    To be called in one transaction with what the press does. Old ones of the same device, which can
    no longer come again, are cleared away.
    """
    Press.objects.filter(client=client, received_at__lt=now - PRESSES_KEPT).delete()
    try:
        with transaction.atomic():
            Press.objects.create(
                client=client,
                sequence=sequence,
                path=path,
                client_at=rules.own_time(client_at, last=None, now=now),
                received_at=now,
            )
    except IntegrityError:
        return False
    return True


# --- loans --------------------------------------------------------------------------------------


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
    now: datetime,
    dry_run: bool = False,
    by: User | None = None,
    batch: str = "",
    expect: str = "",
) -> DeviceResult:
    """Take devices in and let the journeys follow, all or nothing."""
    result = import_devices(
        rows=rows, now=now, dry_run=dry_run, by=by, batch=batch, expect=expect
    )
    if not (dry_run or result.flaws or result.is_stale):
        follow_loans(now=now, batch=batch)
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
    _keep_count(Counter(), _standing_of_all(new))
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
    _keep_count(Counter(), _standing_of_all([journey]))
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
    said = [_said(EventKind.BEGUN, now)]
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
    return _write(journey, said, who=who, now=now, records=[]).journey


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
    _keep_count(stood, _standing_of_all(journeys))
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
    before = _standing_of_all(rows.select_for_update()) if keeps_count() else Counter()
    changed: int = rows.update(wave=wave, attention_at=attention_at)
    after: Counter[rules.Counted] = Counter()
    for (kind, key, cell), number in before.items():
        after[kind, key, replace(cell, wave_id=wave.pk if wave else None)] += number
    _keep_count(before, after)
    return changed


@transaction.atomic
def close_journeys(
    journeys: Iterable[Journey], *, reason: CloseReason, now: datetime, who: Who = SYSTEM
) -> int:
    """End journeys before their time; what was done stays on record."""
    count = 0
    for row in list(journeys):
        journey = _locked(row.pk)
        fact = rules.Fact(kind=EventKind.CLOSED, at=now, by_person=False, reason=reason)
        _write(journey, [Said(fact)], who=who, now=now)
        Journey.objects.filter(pk=journey.pk).update(
            closed_at=now,
            close_reason=reason,
            attention_at=None,
            box_epoch=F("box_epoch") + 1,
        )
        journey.refresh_from_db()
        _keep_count(standing_of(journey), Counter())
        count += 1
    return count


# --- the one place that writes -----------------------------------------------------------------


def _locked(journey_id: int, *, client_key: str | None = None) -> Journey:
    rows = Journey.objects.select_for_update(of=("self",))
    if client_key:
        said = Event.objects.filter(journey=OuterRef("pk"), client_key=client_key)
        rows = rows.annotate(is_repeated=Exists(said))
    journey = rows.get(pk=journey_id)
    if journey.closed_at is not None:
        raise JourneyClosedError
    return journey


def _is_repeated(journey: Journey) -> bool:
    """Tell whether this very press was taken in before; needs a journey from `_locked`."""
    return bool(getattr(journey, "is_repeated", False))


def _begun(journey_id: int, *, client_key: str | None = None) -> Journey:
    journey = _locked(journey_id, client_key=client_key)
    if journey.begun_at is None:
        raise NotBegunError
    return journey


def _check_step(journey: Journey, step_key: str) -> None:
    if not any(row[0] == step_key for row in journey.step_keys):
        raise UnknownStepError(step_key)


def _is_person(who: Who) -> bool:
    return who.via in (Via.BOX, Via.SIGN_IN)


def _said(kind: EventKind, now: datetime, step_key: str = "", *, reason: str = "") -> Said:
    return Said(rules.Fact(kind=kind, at=now, step_key=step_key, reason=reason))


def progress_of(journey: Journey, records: Iterable[StepRecord]) -> rules.Progress:
    """Return a journey's row and records as the rules see them."""
    marks = {
        r.step_key: rules.Mark(r.result, r.method, r.opened_at, r.done_at, r.reason, r.seconds)
        for r in records
    }
    return rules.Progress(
        marks=MappingProxyType(marks),
        begun_at=journey.begun_at,
        current_step=journey.current_step,
        opened_at=journey.opened_at,
        ready_at=journey.ready_at,
        at_home_at=journey.at_home_at,
        arrived_at=journey.arrived_at,
        last_event_at=journey.last_event_at,
        paused_until=journey.paused_until,
        on_paper=journey.on_paper,
        fast_until=journey.fast_until,
        help_state=journey.help_state,
        active_seconds=journey.active_seconds,
        opened_seconds=journey.opened_seconds,
        ready_seconds=journey.ready_seconds,
        asked_at=journey.asked_at,
        event_count=journey.event_count,
    )


def fact_of(event: Event) -> rules.Fact:
    """Return an event as the rules see it."""
    data = event.data
    until = data.get("until")
    return rules.Fact(
        kind=event.kind,
        at=event.at,
        step_key=event.step_key,
        by_person=event.via in (Via.BOX, Via.SIGN_IN),
        result=data.get("result", ""),
        method=data.get("method", ""),
        reason=data.get("reason", ""),
        until=_moment(until) if until else None,
        help_state=data.get("help_state", ""),
    )


def _moment(text: str) -> datetime:
    return dt.datetime.fromisoformat(text)


def _write(
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
    before = progress_of(journey, journey.records.all() if records is None else records)
    after = before
    events = []
    said = _with_own_times(journey, said, who=who, now=now)
    for item in said:
        after = rules.apply(plan, after, replace(item.fact, by_person=_is_person(who)))
        events.append(_event(journey, item, number=after.event_count, who=who))
    ready = after.ready_at is not None and before.ready_at is None
    at_home = after.at_home_at is not None and before.at_home_at is None
    for kind in _milestones(before, after):
        fact = rules.Fact(kind=kind, at=now, by_person=_is_person(who))
        after = rules.apply(plan, after, fact)
        item = Said(fact, client_at=said[-1].client_at)
        events.append(_event(journey, item, number=after.event_count, who=who))
    Event.objects.bulk_create(events)
    _write_notes(events, said, who)
    _write_records(journey, before, after)
    _write_row(journey, plan, after, now)
    if keeps_count():
        _keep_count(_counted(journey, before), _counted(journey, after))
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


def _write_notes(events: Sequence[Event], said: Sequence[Said], who: Who) -> None:
    notes = [
        EventNote(event=event, text=item.text, client_address=who.client_address)
        for event, item in zip(events, said, strict=False)
        if item.text or who.client_address
    ]
    if notes:
        EventNote.objects.bulk_create(notes)


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
    if changed:
        StepRecord.objects.bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["journey", "step_key"],
            update_fields=["result", "method", "opened_at", "done_at", "reason", "seconds"],
        )


def _write_row(
    journey: Journey, plan: rules.Plan, after: rules.Progress, now: datetime
) -> None:
    values = {**row_values(plan, after), "attention_at": now}
    for name, value in values.items():
        setattr(journey, name, value)
    if journey.begun_at == now:
        values |= {name: getattr(journey, name) for name in FROZEN}
    Journey.objects.filter(pk=journey.pk).update(**values)


# --- keeping count --------------------------------------------------------------------------------


def keeps_count() -> bool:
    """Tell whether counts are kept along the way; a small organisation counts its rows instead."""
    return bool(settings.BOARD_COUNTERS)


def standing_of(journey: Journey) -> Counter[rules.Counted]:
    """Return where an open journey counts, times of its steps left out."""
    return _standing(journey, progress_of(journey, ()))


def _standing_of_all(journeys: Iterable[Journey]) -> Counter[rules.Counted]:
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
    )


def _counted(journey: Journey, progress: rules.Progress) -> Counter[rules.Counted]:
    return _standing(journey, progress) + rules.times_taken(progress.marks)


def _keep_count(before: Counter[rules.Counted], after: Counter[rules.Counted]) -> None:
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
    _keep_count(_standing_of_all(open_ones.all()), Counter())
    yield
    _keep_count(Counter(), _standing_of_all(open_ones.all()))


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
def recount(*, mend: bool) -> Drift:
    """Count everything anew, say where the kept counts differ, and put that right if told to.

    While it mends nobody moves: on PostgreSQL journeys are locked against writing, readers go on.
    """
    if mend:
        _hold_still()
    every = [Wanted(kind, by=GROUPS) for kind in TallyKind if kind != TallyKind.COMPLETE]
    kept_rows = kept_tallies(every)
    kept = {_counted_line(row): row.number for row in kept_rows}
    complete = [key for key in kept if key[0] == TallyKind.COMPLETE]
    for key in complete:
        del kept[key]
    right = {_counted_line(row): row.number for row in live_tallies(every)}
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


def row_values(plan: rules.Plan, progress: rules.Progress) -> dict[str, object]:
    """Return the derived columns of a journey; replaying its events gives exactly these."""
    return {
        "status": rules.status(
            begun=progress.begun_at is not None,
            ready=progress.ready_at is not None,
            help_state=progress.help_state,
        ),
        "help_state": progress.help_state,
        "current_step": progress.current_step,
        "opened_at": progress.opened_at,
        "steps_done": sum(s.key in progress.marks for s in plan),
        "ready_done": rules.done_of(plan, progress.marks, rules.READY),
        "active_seconds": progress.active_seconds,
        "opened_seconds": progress.opened_seconds,
        "ready_seconds": progress.ready_seconds,
        "asked_at": progress.asked_at,
        "event_count": progress.event_count,
        "begun_at": progress.begun_at,
        "last_event_at": progress.last_event_at,
        "arrived_at": progress.arrived_at,
        "ready_at": progress.ready_at,
        "at_home_at": progress.at_home_at,
        "paused_until": progress.paused_until,
        "on_paper": progress.on_paper,
        "fast_until": progress.fast_until,
    }
