"""What is broken for many: rushes of questions, and outages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q

from kitting.escalation import rules
from kitting.escalation.models import Outage, Ticket
from kitting.escalation.states import OPEN, TicketKind
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_name
from kitting.journeys.models import Journey, StepRecord
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True)
class Rush:
    """How many ask about a step within the window, among how many who are active there."""

    asking: int
    active: int
    usual: float

    @property
    def is_outage(self) -> bool:
        """Tell whether that is far above what is usual."""
        return rules.is_outage(asking=self.asking, active=self.active, usual=self.usual)


def rush_at(
    *, step: str, now: datetime, place_id: int | None = None, choice: str = ""
) -> Rush | None:
    """Return how a step is asked about at a place, or one trouble of it anywhere; None if few ask.

    One query while few ask; five where it may be an outage.
    """
    since = now - rules.OUTAGE_WINDOW
    asked = Ticket.objects.filter(
        kind=TicketKind.HELP, step_key=step, outage__isnull=True, journey__isnull=False
    )
    here = Journey.objects.open()
    if place_id is not None:
        here = here.filter(place_id=place_id)
    recent = asked.filter(opened_at__gt=since, journey__in=here.values("pk"))
    if choice:
        recent = recent.filter(choice=choice)
    asking = set(recent.values_list("journey_id", flat=True))
    if len(asking) < rules.OUTAGE_LEAST:
        return None
    at_it = here.filter(current_step=step, last_event_at__gt=since)
    passed = StepRecord.objects.filter(
        step_key=step, done_at__gt=since, journey__in=here.values("pk")
    )
    active = asking | set(at_it.values_list("pk", flat=True))
    active |= set(passed.values_list("journey_id", flat=True))
    before = asked.filter(opened_at__lte=since)
    if choice:
        before = before.filter(choice=choice)
    met = StepRecord.objects.filter(step_key=step, done_at__lte=since).count()
    usual = rules.usual_rate(asked=before.count(), met=met)
    return Rush(asking=len(asking), active=len(active), usual=usual)


def outage_for(*, step: str, place_id: int | None, choice: str = "") -> Outage | None:
    """Return the open outage that somebody who asks about a step at a place belongs to."""
    return (
        Outage.objects.open()
        .at(place_id)
        .filter(step_key=step, choice__in=("", choice))
        .order_by("choice", "pk")
        .first()
    )


def outages_ahead(journey: Journey, *, at: str = "") -> list[Outage]:
    """Return the open outages that a person is about to meet: at a step, or anywhere ahead."""
    open_here = Outage.objects.open().at(journey.place_id).order_by("opened_at", "pk")
    keys = [row[0] for row in journey.step_keys]
    if at in keys:  # this step and the one after it
        keys = keys[keys.index(at) :][:2]
    elif journey.current_step in keys:
        keys = keys[keys.index(journey.current_step) :]
    return [outage for outage in open_here if outage.step_key in keys or not keys]


@dataclass(frozen=True)
class OutageRow:
    """One open outage as IT sees it: where, how many ask, how many still wait for an answer."""

    outage: Outage
    step: str
    places: list[str]
    asked: int
    waiting: int


def outage_rows(*, language: str) -> list[OutageRow]:
    """Return the open outages with how many people ask about each (three queries)."""
    edition = published_edition()
    words = site_words(language=language)
    return [
        OutageRow(
            outage=outage,
            step=step_name(
                edition.pk if edition else None, outage.step_key, language, words=words
            )
            or outage.step_key,
            places=[place.name for place in outage.places.all()],
            asked=outage.asked,  # type: ignore[attr-defined]  # annotated above
            waiting=outage.waiting,  # type: ignore[attr-defined]  # annotated above
        )
        for outage in Outage.objects.open()
        .prefetch_related("places")
        .annotate(
            asked=Count("tickets", distinct=True),
            waiting=Count(
                "tickets",
                filter=Q(tickets__answer_by__isnull=False, tickets__state__in=OPEN),
                distinct=True,
            ),
        )
        .order_by("opened_at", "pk")
    ]
