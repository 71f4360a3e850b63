"""Who waits for help, and how soon people are answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, Max

from kitting.dashboard import rules
from kitting.dashboard.queries.scope import scope_key
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import longest_waiting
from kitting.escalation.states import TicketKind, TicketState
from kitting.lib import clock

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.dashboard.queries.ground import Ground
    from kitting.dashboard.queries.scope import Scope
    from kitting.escalation.queries.desk import QueueRow
    from kitting.lib.clock import Calendar

LATELY = timedelta(days=30)
# Enough to say how long an answer takes, and never more.
ANSWERS_MOST = 1_000
ANSWERS_SECONDS = 600


@dataclass(frozen=True)
class Helping:
    """Who waits longest, and IT's working minutes to the first answer in the last thirty days.

    Where nobody waits, how many questions were solved today, and when the last one was.
    """

    queue: list[QueueRow]
    answer: rules.Took | None
    target: int
    solved: int = 0
    solved_at: datetime | None = None


def helping(
    scope: Scope,
    ground: Ground,
    *,
    now: datetime,
    language: str,
    limit: int,
    nobody_waits: bool,
) -> Helping:
    """Return what the board shows of help (two statements); numbers only come with no queue.

    `nobody_waits` says that the counts of the reader's whole scope have nobody who waits.
    """
    if ground.help is None:
        return Helping([], None, 0)
    answer, target = _first_answer(scope, ground.calendar, now=now), ground.help.target
    if scope.is_outside:
        return Helping([], answer, target)
    if nobody_waits:
        solved, solved_at = _solved(scope, ground.calendar, now=now)
        return Helping([], answer, target, solved, solved_at)
    queue = longest_waiting(
        rights=scope.rights,
        now=now,
        language=language,
        limit=limit,
        calendar=ground.calendar,
        words=ground.help.words,
    )
    return Helping(queue, answer, target)


def _solved(scope: Scope, calendar: Calendar, *, now: datetime) -> tuple[int, datetime | None]:
    """Return how many questions were solved since midnight, and when the last one was."""
    midnight = now.astimezone(calendar.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    found = (
        Ticket.objects.in_scope(scope.rights)
        .filter(kind=TicketKind.HELP, state=TicketState.RESOLVED, resolved_at__gte=midnight)
        .aggregate(number=Count("pk"), last=Max("resolved_at"))
    )
    return found["number"], found["last"]


def _first_answer(scope: Scope, calendar: Calendar, *, now: datetime) -> rules.Took | None:
    """Return how soon people are answered; where counts are kept it is asked every ten minutes."""
    if not settings.BOARD_COUNTERS:
        return rules.took(_answers(scope, calendar, now=now))
    key = f"board-answers:{scope_key(scope.rights, scope.filters)}:{now:%Y-%m-%d}"
    minutes: Counter[int] | None = cache.get(key)
    if minutes is None:
        minutes = _answers(scope, calendar, now=now)
        cache.set(key, minutes, ANSWERS_SECONDS)
    return rules.took(minutes)


def _answers(scope: Scope, calendar: Calendar, *, now: datetime) -> Counter[int]:
    tickets = Ticket.objects.filter(
        kind=TicketKind.HELP, first_answer_at__isnull=False, opened_at__gte=now - LATELY
    )
    if not scope.is_outside:
        tickets = tickets.in_scope(scope.rights)
    if scope.filters.is_any:
        tickets = tickets.filter(journey__in=scope.journeys_of())
    rows = tickets.order_by("-opened_at").values_list("opened_at", "first_answer_at")
    minutes: Counter[int] = Counter()
    for opened, answered in rows[:ANSWERS_MOST]:
        if answered is not None:
            took = clock.working_between(calendar, opened, answered)
            minutes[rules.whole_minutes(took.total_seconds())] += 1
    return minutes
