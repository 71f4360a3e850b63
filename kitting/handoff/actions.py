"""Everything that moves a code from one device to another: each step by compare-and-swap."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.actions import count_try, take_try_back, write_audit
from accounts.queries import local_day
from kitting.handoff import rules
from kitting.handoff.models import Handoff
from kitting.handoff.queries import is_of
from kitting.handoff.states import RUNNING, Gift, HandoffState, Side
from kitting.journeys import actions as journeys
from kitting.journeys.queries import is_over
from kitting.journeys.states import Via

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.handoff.queries import Client, Holder
    from kitting.journeys.models import Journey

KEPT = timedelta(days=1)
DRAWS = 5


class HandoffError(Exception):
    """A code cannot do what was asked."""


class TooManyCodesError(HandoffError):
    """The client has asked for more codes than anybody needs."""


class NothingToGiveError(HandoffError):
    """A browser has no guide open that it could hand over."""


@dataclass(frozen=True)
class Typed:
    """What came of typing a code.

    `outcome`: "wrong" (unknown, used and run out look the same), "slow", "here" (the code is right,
    but this browser has nothing to give), "sign_in" (this site wants a full sign-in on the
    Chromebook), "confirm" (the giver must say yes on this browser), "waiting" (on the other one),
    "taken" (the guide is open here now).
    """

    outcome: str
    handoff: Handoff | None = None
    journey: Journey | None = None


# --- showing -------------------------------------------------------------------------------------


@transaction.atomic
def show_code(
    *,
    side: Side,
    holder: Holder | None,
    client: Client,
    now: datetime,
    before: int | None = None,
) -> Handoff:
    """Make a code for a browser to show; the one it showed `before` stops working.

    Raises `TooManyCodesError`, `NothingToGiveError`.
    """
    if side == Side.GIVER and holder is None:
        raise NothingToGiveError
    if not _may_show(client, now):
        raise TooManyCodesError
    Handoff.objects.filter(expires_at__lt=now - KEPT).delete()
    if before is not None:
        stop(handoff_id=before)
    facts = _gift(holder) if side == Side.GIVER and holder else _asker(client)
    for _draw in range(DRAWS):
        try:
            with transaction.atomic():
                return Handoff.objects.create(
                    code=rules.make_code(),
                    shown_by=side,
                    created_at=now,
                    expires_at=now + rules.LIFETIME,
                    **facts,
                )
        except IntegrityError:
            continue
    raise TooManyCodesError


def _may_show(client: Client, now: datetime) -> bool:
    counters = (
        (f"handoff:show:{client.address}:{client.browser}", rules.CODES_PER_BROWSER),
        (f"handoff:show:{client.address}", rules.CODES_PER_ADDRESS),
    )
    return all(
        count_try(key=key, limit=limit, window=rules.WINDOW, now=now)
        for key, limit in (counters if client.browser else counters[1:])
    )


def _gift(holder: Holder) -> dict[str, object]:
    if holder.gift == Gift.SIGN_IN:
        return {"gift": Gift.SIGN_IN, "person": holder.person}
    epoch = holder.journey.box_epoch if holder.journey else 0
    return {"gift": Gift.BOX, "journey": holder.journey, "box_epoch": epoch}


def _asker(client: Client) -> dict[str, object]:
    return {
        "taker": client.browser,
        "taker_browser": client.name,
        "taker_system": client.system,
        "taker_on_chromebook": client.on_chromebook,
    }


@transaction.atomic
def stop(*, handoff_id: int) -> bool:
    """Make a code useless that nobody has used yet."""
    waiting = Handoff.objects.filter(pk=handoff_id, state__in=RUNNING)
    return bool(waiting.update(state=HandoffState.REFUSED))


# --- typing --------------------------------------------------------------------------------------


@transaction.atomic
def type_code(
    *,
    code: str,
    holder: Holder | None,
    client: Client,
    now: datetime,
    box_entry_allowed: bool = True,
) -> Typed:
    """Take a code that somebody typed from another screen.

    A try is counted before it is judged and taken back when it was right. Of two who type one code
    at the same moment exactly one goes on. `box_entry_allowed` is the site's word on whether the
    guide may open on a Chromebook without a sign-in.
    """
    if not _may_try(client, now):
        return Typed("slow")
    typed = _take(code, holder, client, now, box_entry_allowed=box_entry_allowed)
    if typed.outcome == "wrong":
        write_audit(action="handoff.wrong", now=now, by=holder.person if holder else None)
    else:
        for key, _limit in _tries(client):
            take_try_back(key=key)
    return typed


def _tries(client: Client) -> list[tuple[str, int]]:
    tries = [(f"handoff:type:{client.address}", rules.WRONG_PER_ADDRESS)]
    if client.browser:
        own = f"handoff:type:{client.address}:{client.browser}"
        tries.insert(0, (own, rules.TRIES_PER_BROWSER))
    return tries


def _may_try(client: Client, now: datetime) -> bool:
    return all(
        count_try(key=key, limit=limit, window=rules.WINDOW, now=now)
        for key, limit in _tries(client)
    )


def _take(
    code: str, holder: Holder | None, client: Client, now: datetime, *, box_entry_allowed: bool
) -> Typed:
    found = Handoff.objects.select_for_update(of=("self",)).filter(code=code).first()
    if found is None or found.expires_at <= now:
        return Typed("wrong")
    if found.shown_by == Side.TAKER:
        return _offer(found, holder, now, box_entry_allowed=box_entry_allowed)
    if holder is not None and holder.person is not None:
        return Typed("wrong")  # somebody is signed in here: nobody else's guide opens over it
    return _ask(found, client, now, box_entry_allowed=box_entry_allowed)


def _offer(
    found: Handoff, holder: Holder | None, now: datetime, *, box_entry_allowed: bool
) -> Typed:
    """Bind the code of a browser that wants the guide to the one that has it."""
    if found.state == HandoffState.ASKED and is_of(found, holder):
        return Typed("confirm", found)  # pressed twice, or come back to it
    if found.state != HandoffState.OPEN:
        return Typed("wrong")
    if holder is None:
        return Typed("here")
    if holder.gift == Gift.BOX and found.taker_on_chromebook and not box_entry_allowed:
        return Typed("sign_in")
    for name, value in _gift(holder).items():
        setattr(found, name, value)
    found.state, found.asked_at = HandoffState.ASKED, now
    found.save(update_fields=["gift", "person", "journey", "box_epoch", "state", "asked_at"])
    return Typed("confirm", found)


def _ask(found: Handoff, client: Client, now: datetime, *, box_entry_allowed: bool) -> Typed:
    """Open the guide where its code was typed, or ask for the yes that a full sign-in needs."""
    if found.gift == Gift.BOX and client.on_chromebook and not box_entry_allowed:
        return Typed("sign_in")
    if found.state != HandoffState.OPEN:
        return _same_press(found, client, now)
    for name, value in _asker(client).items():
        setattr(found, name, value)
    found.asked_at = now
    if found.gift == Gift.SIGN_IN:
        found.state = HandoffState.ASKED
        found.save()
        return Typed("waiting", found)
    journey = _enter(found, client, now)
    if journey is None:
        return Typed("wrong")
    found.state, found.used_at = HandoffState.USED, now
    found.save()
    return Typed("taken", found, journey)


def _same_press(found: Handoff, client: Client, now: datetime) -> Typed:
    """Answer the second of two presses as the first; any later one finds a code that is used."""
    is_same = bool(client.browser) and found.taker == client.browser
    if not is_same or found.asked_at is None or now - found.asked_at > rules.DOUBLE_PRESS:
        return Typed("wrong")
    if found.state == HandoffState.USED and found.gift == Gift.BOX:
        return Typed("taken", found, found.journey)
    if found.state in RUNNING:
        return Typed("waiting", found)
    return Typed("wrong")


# --- yes or no -----------------------------------------------------------------------------------


@transaction.atomic
def answer(*, handoff_id: int, holder: Holder | None, allow: bool, now: datetime) -> bool:
    """Let the browser that has the guide say yes or no; tell whether that was still possible.

    Only who holds at this moment what the code hands over may answer.
    """
    found = Handoff.objects.select_for_update(of=("self",)).filter(pk=handoff_id).first()
    if found is None or not is_of(found, holder):
        return False
    wish = HandoffState.ALLOWED if allow else HandoffState.REFUSED
    if found.state != HandoffState.ASKED or found.expires_at <= now:
        return found.state == wish or (allow and found.state == HandoffState.USED)
    found.state = wish
    found.save(update_fields=["state"])
    if found.gift == Gift.SIGN_IN:
        write_audit(
            action=f"handoff.{wish.value}",
            now=now,
            by=found.person,
            subject=f"person:{found.person_id}",
            data={"browser": found.taker_browser, "system": found.taker_system},
        )
    return True


# --- fetching ------------------------------------------------------------------------------------


@transaction.atomic
def claim(*, handoff_id: int, client: Client, now: datetime) -> Handoff | None:
    """Let the waiting browser fetch what it was allowed, once; nothing where there is nothing."""
    found = (
        Handoff.objects.select_for_update(of=("self",))
        .select_related("person", "journey")
        .filter(pk=handoff_id, state=HandoffState.ALLOWED, expires_at__gt=now)
        .first()
    )
    if found is None:
        return None
    if found.gift == Gift.BOX:
        if _enter(found, client, now) is None:
            return None
    elif found.person is None or _has_gone(found, now):
        return None
    found.state, found.used_at = HandoffState.USED, now
    found.save(update_fields=["state", "used_at"])
    return found


def _has_gone(found: Handoff, now: datetime) -> bool:
    person = found.person
    return person is None or not person.is_active or person.has_left(local_day(now))


def _enter(found: Handoff, client: Client, now: datetime) -> Journey | None:
    """Note that the journey of a code was opened on another device, if it still may be."""
    journey = found.journey
    if (
        journey is None
        or journey.closed_at is not None
        or journey.box_epoch != found.box_epoch
        or is_over(journey, now=now)
    ):
        return None
    who = journeys.Who(via=Via.BOX, client_address=client.address)
    return journeys.enter(loan_id=journey.loan_id, who=who, now=now).journey
