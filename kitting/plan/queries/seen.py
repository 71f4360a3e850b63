"""What was seen so far: how often people ask, what the pilot shows, who is stuck."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from django.db.models import Count, F, Q, Sum

from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.models import Journey
from kitting.rollout import rules as rollouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def help_seen(waves: Iterable[int]) -> rollouts.HelpSeen:
    """Return how often people of some waves have asked, and what that took IT (two queries)."""
    keys = list(waves)
    asked = Ticket.objects.filter(kind=TicketKind.HELP, journey__wave__in=keys)
    timed = Q(minutes_spent__gt=0)
    sums = asked.aggregate(
        asked=Count("pk"),
        answered=Count("pk", filter=timed),
        minutes=Sum("minutes_spent", filter=timed),
    )
    return rollouts.HelpSeen(
        begun=Journey.objects.filter(wave__in=keys, begun_at__isnull=False).count(),
        asked=sums["asked"],
        answered=sums["answered"],
        minutes=sums["minutes"] or 0,
    )


def pilot_seen(waves: Sequence[int]) -> rollouts.PilotSeen | None:
    """Return what the pilot's waves show so far (four queries); nothing where there is no pilot."""
    if not waves:
        return None
    journeys = Journey.objects.open().filter(wave__in=waves)
    times = journeys.filter(ready_at__isnull=False).values_list("active_seconds", flat=True)
    known, seen = list(times), help_seen(waves)
    return rollouts.PilotSeen(
        people=journeys.count(),
        ready=len(known),
        begun=seen.begun,
        asked=seen.asked,
        median_minutes=round(median(known) / 60) if known else None,
    )


@dataclass(frozen=True)
class StuckSeen:
    """How many people of a wave began and are not ready, and how many of all who began are stuck."""

    stuck: int = 0
    begun: int = 0


def stuck_by_wave(waves: Iterable[int]) -> dict[int, StuckSeen]:
    """Return how many are stuck in each wave: who waits for an answer, or was found by the sweep.

    Who was stuck before a wave was let go on is known and not counted again (two queries).
    """
    keys = list(waves)
    since = Q(journey__wave__released_at__isnull=True) | Q(
        opened_at__gt=F("journey__wave__released_at")
    )
    stuck = (
        Ticket.objects.open()
        .filter(
            since,
            Q(kind=TicketKind.QUIET) | Q(kind=TicketKind.HELP, answer_by__isnull=False),
            journey__wave__in=keys,
            journey__begun_at__isnull=False,
            journey__ready_at__isnull=True,
            journey__closed_at__isnull=True,
        )
        .values("journey__wave")
        .annotate(people=Count("journey", distinct=True))
        .order_by()
    )
    number = {row["journey__wave"]: row["people"] for row in stuck}
    begun = (
        Journey.objects.open()
        .filter(wave__in=keys, begun_at__isnull=False)
        .values("wave")
        .annotate(people=Count("pk"))
        .order_by()
    )
    return {row["wave"]: StuckSeen(number.get(row["wave"], 0), row["people"]) for row in begun}
