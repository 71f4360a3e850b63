"""Who waits for help, and how soon people are answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from accounts.queries import calendar_book
from kitting.dashboard import rules
from kitting.escalation.models import Ticket
from kitting.escalation.queries.desk import longest_waiting
from kitting.escalation.queries.ladder import answer_minutes
from kitting.escalation.states import TicketKind
from kitting.lib import clock

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.dashboard.queries.scope import Scope
    from kitting.escalation.queries.desk import QueueRow

LATELY = timedelta(days=30)
# Enough to say how long an answer takes, and never more.
ANSWERS_MOST = 1_000


@dataclass(frozen=True)
class Helping:
    """Who waits longest, and IT's working minutes to the first answer in the last thirty days."""

    queue: list[QueueRow]
    answer: rules.Took | None
    target: int


def helping(scope: Scope, *, now: datetime, language: str, limit: int, country: str) -> Helping:
    """Return what the board shows of help; whoever sees numbers only sees no queue."""
    return Helping(
        queue=[]
        if scope.is_outside
        else longest_waiting(rights=scope.rights, now=now, language=language, limit=limit),
        answer=_first_answer(scope, now=now, country=country),
        target=answer_minutes(),
    )


def _first_answer(scope: Scope, *, now: datetime, country: str) -> rules.Took | None:
    calendar = calendar_book(country=country).default
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
    return rules.took(minutes)
