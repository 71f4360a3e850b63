"""Numbers of the board that are no journey's: of tickets, of shared devices, of people without one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db.models import CharField, Count, Exists, F, OuterRef, Sum, Value
from django.db.models.functions import Cast

from accounts.models import User
from kitting.dashboard.queries.scope import scope_key
from kitting.devices.models import Loan
from kitting.devices.states import LoanKind
from kitting.escalation.models import BESIDE_PEOPLE, Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.models import Journey
from kitting.journeys.queries import BESIDE
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime

    from django.db.models import QuerySet

    from kitting.dashboard.queries.scope import Scope
    from kitting.journeys.queries import TallyRow

APART_SECONDS = 600


class Fact(NamedTuple):
    """One number that is no journey's: of tickets, devices or people, perhaps by step."""

    kind: str
    key: str
    number: int


def facts_of(scope: Scope, rows: Iterable[TallyRow], *, now: datetime, on: date) -> list[Fact]:
    """Count tickets, shared devices and people without one (one statement).

    Where counts are kept, questions and minutes of everybody are read from them, and devices and
    people are counted every ten minutes.
    """
    tickets = _tickets(scope)
    waiting = tickets.waiting()  # type: ignore[attr-defined]  # a TicketQuerySet
    arms = [
        _fact(waiting.filter(BESIDE_PEOPLE), "beside"),
        _fact(waiting.filter(answer_by__lt=now), "overdue"),
    ]
    kept = [Fact(row.kind, row.key, row.number) for row in rows if row.kind in BESIDE]
    if not kept:
        helped = tickets.filter(kind=TicketKind.HELP, journey__isnull=False)
        spent = tickets.filter(minutes_spent__gt=0)
        arms += [
            _fact(helped, TallyKind.QUESTION, key=F("step_key")),
            _fact(spent, TallyKind.MINUTES, number=Sum("minutes_spent")),
        ]
    if not settings.BOARD_COUNTERS:
        return _asked(arms + _apart_arms(scope, on))
    # In a large city nobody counts all people each minute.
    key = f"board-apart:{scope_key(scope.rights, scope.filters)}:{on}"
    apart: list[Fact] | None = cache.get(key)
    if apart is None:
        apart = _asked(_apart_arms(scope, on))
        cache.set(key, apart, APART_SECONDS)
    return [*kept, *apart, *_asked(arms)]


def _apart_arms(scope: Scope, on: date) -> list[QuerySet[Any]]:
    return [_fact(_shared(scope), "shared"), _fact(_without_device(scope, on=on), "without")]


def _asked(arms: Sequence[QuerySet[Any]]) -> list[Fact]:
    first, *others = arms
    return [Fact(*row) for row in first.union(*others, all=True)]


def _fact(
    rows: QuerySet[Any], kind: str, *, key: Any = None, number: Any = None
) -> QuerySet[Any]:
    named = rows.annotate(
        of_kind=Value(str(kind), CharField()),
        of_key=Cast(key if key is not None else Value(""), CharField()),
    )
    counted_rows: QuerySet[Any] = (
        named.values("of_kind", "of_key")
        .annotate(of_number=number or Count("pk"))
        .values_list("of_kind", "of_key", "of_number")
        .order_by()
    )
    return counted_rows


def _tickets(scope: Scope) -> QuerySet[Ticket]:
    found = Ticket.objects.all()
    if not scope.is_outside:
        found = found.in_scope(scope.rights)
    if scope.current:
        found = found.exclude(journey__wave__in=scope.past)
    if scope.filters.is_any:
        narrowed = Journey.objects.filter(scope.filters.cells, scope.filters.journeys)
        found = found.filter(journey__in=narrowed)
    return found


def _shared(scope: Scope) -> QuerySet[Loan]:
    shared = Loan.objects.open().filter(scope.own, kind=LoanKind.SHARED)
    filters = scope.filters
    if filters.wave or filters.edition or filters.employment:
        return shared.none()
    if filters.model:
        shared = shared.filter(device__model_name=filters.model)
    return shared.filter(filters.cells)


def _without_device(scope: Scope, *, on: date) -> QuerySet[User]:
    people: QuerySet[User] = User.objects.present(on=on).filter(
        scope.own, staff_number__isnull=False
    )
    filters = scope.filters
    if filters.wave or filters.edition or filters.model:
        return people.none()
    if filters.employment:
        people = people.filter(employment=filters.employment)
    lent = Loan.objects.open().filter(person=OuterRef("pk"))
    return people.filter(filters.cells).filter(~Exists(lent))


def number_of(facts: Iterable[Fact], kind: str) -> int:
    """Return the sum of the facts of a kind."""
    return sum(fact.number or 0 for fact in facts if fact.kind == kind)
