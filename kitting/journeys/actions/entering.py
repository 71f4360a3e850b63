"""Through the door: from the box page to a journey that has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import count_try, forgive_all_tries, forgive_tries, write_audit
from accounts.queries import leads_for, local_day
from accounts.ready import Ready
from kitting.devices.models import Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.guides.queries.kept import published_id
from kitting.guides.queries.pages import applicable_steps
from kitting.journeys import rules
from kitting.journeys.actions.errors import (
    JourneyClosedError,
    Moved,
    NoGuideError,
    StartsStoppedError,
    Who,
)
from kitting.journeys.actions.writing import locked, plain_fact, write
from kitting.journeys.models import Journey
from kitting.journeys.queries import box_address, slowed_until, try_limits
from kitting.journeys.states import EventKind, Via
from kitting.lib.codes import shown
from kitting.notices.actions import queue_message
from kitting.site.queries import flags as site_flags
from kitting.site.queries import starts_are_stopped

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from accounts.models import User
    from kitting.journeys.queries import TryLimit


# Devices nobody sets up any more, even while their loan is open.
NOT_TO_SET_UP = (
    DeviceState.LOST,
    DeviceState.FOUND,
    DeviceState.REPAIR,
    DeviceState.RETURNING,
    DeviceState.RETIRED,
)


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


_for_person = Ready(
    lambda code: (
        Loan.objects.open()
        .filter(device__code=code, kind=LoanKind.PERSONAL)
        .select_related("person")
    ),
    str,
)


@transaction.atomic
def enter_by_box(  # noqa: PLR0913  # a try has this many facts, and callers name each
    *,
    code: str,
    staff_number: str,
    client: str,
    now: datetime,
    window: timedelta,
    browser: str = "",
    loan: Loan | None = None,
) -> BoxEntry:
    """Let whoever holds a box and knows whose it is begin or go on with that one journey.

    A try is counted before it is judged, so that tries at the same moment cannot slip through, and
    forgiven when it was right. Only who tries is slowed, never the box: nobody is locked out by
    others' guesses. `client` is the address tries come from, `browser` tells browsers behind one
    address apart. `guesses` says that this box has seen more wrong numbers than mistakes explain:
    the lead was told. `loan` saves asking for it again where the caller has it, with its person.
    """
    loan = loan or _for_person.first(code)
    if loan is None or loan.kind != LoanKind.PERSONAL or loan.person is None:
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
    forgive_tries(keys=[limit.key for limit in limits])
    who = Who(via=Via.BOX, client_address=client)
    return BoxEntry("open", journey=_enter(loan.pk, who=who, now=now).journey)


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
    return _enter(loan_id, who=who, now=now)


_open_of = Ready(lambda loan: Journey.objects.select_for_update().open().filter(loan=loan), int)


def _enter(loan_id: int, *, who: Who, now: datetime) -> Moved:
    journey = _open_of.first(loan_id)
    if journey is None:
        raise JourneyClosedError
    if journey.begun_at is None:
        return begin_journey(journey, who=who, now=now)
    return write(journey, [plain_fact(EventKind.ENTERED, now)], who=who, now=now)


@transaction.atomic
def begin(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Begin a journey: freeze its edition, flags and steps. Beginning twice changes nothing."""
    journey = locked(journey_id)
    if journey.begun_at is not None:
        return Moved(journey, changed=False)
    return begin_journey(journey, who=who, now=now)


def begin_journey(journey: Journey, *, who: Who, now: datetime, arrives: bool = False) -> Moved:
    """Freeze edition and steps, and write that the journey began."""
    place, wave = journey.place_id, journey.wave_id
    # Whoever has the guide open on the Chromebook has begun, whatever is said.
    if not arrives and starts_are_stopped(place_id=place, wave_id=wave, now=now):
        raise StartsStoppedError
    edition_id = published_id()
    if edition_id is None:
        raise NoGuideError
    journey.edition_id = edition_id
    journey.flags = site_flags()
    journey.step_keys = [
        [step.key, str(step.milestone), step.required]
        for step in applicable_steps(edition_id, journey.flags)
    ]
    plan = rules.plan_from(journey.step_keys)
    journey.steps_total = len(plan)
    journey.ready_total = sum(s.milestone == rules.READY and s.required for s in plan)
    # What has not begun has no record of any step yet.
    return write(journey, [plain_fact(EventKind.BEGUN, now)], who=who, now=now, records=())
