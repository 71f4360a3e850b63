"""Asking the levels that are more than a message: colleagues, named helpers, who is on duty."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.urls import reverse

from accounts.models import User
from accounts.queries import local_day
from kitting.escalation.channels import Asked, ask_rung, kind_for_it, message, who_is_there
from kitting.escalation.models import Plea
from kitting.escalation.queries.ladder import colleagues_for, offers_near, on_duty
from kitting.escalation.queries.moves import may_see
from kitting.escalation.states import Level, Reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.escalation.channels import Telling


def ask_level(telling: Telling, level: Level) -> Asked:
    """Ask one level of the ladder; says why where it cannot be reached."""
    own = {
        Level.COLLEAGUE: _ask_colleagues,
        Level.NAMED: _tell_named,
        Level.DUTY: _tell_duty,
    }.get(level)
    return own(telling) if own else ask_rung(telling, level)


def _ask_colleagues(telling: Telling) -> Asked:
    """Ask colleagues who finished and offered to help, a few at a time and never the same twice."""
    ticket, now = telling.ticket, telling.now
    here = {"department_id": ticket.department_id, "place_id": ticket.place_id}
    offered = telling.once(
        ("offers", *here.values()), partial(offers_near, **here, now=telling.now)
    )
    found, why_not = colleagues_for(ticket, offered, now=now)
    if telling.reach not in (Reach.AUTO, Reach.MAIL):
        why_not = (
            "no_channel"  # a name is told to who signed in, and only a mail calls them there
        )
    if why_not:
        return Asked(telling.book.of_place(ticket.place), why_not)
    most = telling.rung.people if telling.rung else 0
    asked = found[: most or 1]
    for person in asked:
        plea, _is_new = Plea.objects.get_or_create(
            ticket=ticket, person=person, defaults={"asked_at": now}
        )
        link = reverse("escalation:plea", args=[plea.pk])
        message(telling, person, kind="colleague_asked", level=Level.COLLEAGUE, link=link)
    return Asked(telling.book.of_person(asked[0]))


def _tell_named(telling: Telling) -> Asked:
    """Tell the helpers whom the rule names, as far as they may see the ticket."""
    named = telling.rung.named if telling.rung else ()
    people = (
        User.objects.present(on=local_day(telling.now))
        .filter(pk__in=named)
        .select_related("hours", "place__hours")
        .order_by("pk")
    )
    entitled = [p for p in people if may_see(p, telling.ticket, now=telling.now)]
    if people and not entitled:
        return Asked(telling.book.default, "no_rights")
    return _tell_helpers(telling, entitled, level=Level.NAMED)


def _tell_duty(telling: Telling) -> Asked:
    """Tell who is on duty now, as far as they belong to those who may see the ticket."""
    people = telling.once("duty", partial(on_duty, book=telling.book, now=telling.now))
    entitled = [p for p in people if may_see(p, telling.ticket, now=telling.now)]
    if not entitled:
        return Asked(telling.book.default, "no_duty")
    return _tell_helpers(telling, entitled, level=Level.DUTY)


def _tell_helpers(telling: Telling, people: Sequence[User], *, level: Level) -> Asked:
    there, why_not = who_is_there(telling, people)
    if why_not:
        return Asked(telling.book.default, why_not)
    most = telling.rung.people if telling.rung else 0
    there = there[: most or len(there)]
    kind = kind_for_it(telling.ticket, level)
    for person in there:
        if person != telling.knows:
            message(telling, person, kind=kind, level=level)
    return Asked(telling.book.of_person(there[0]))
