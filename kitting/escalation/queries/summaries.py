"""The morning of IT and the week of a lead, in figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet

from kitting.escalation.models import Outage, Ticket
from kitting.escalation.states import Level, TicketKind, TicketState
from kitting.journeys.models import Journey
from kitting.journeys.states import Status
from kitting.lib import clock
from kitting.notices.models import Notice

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from accounts.queries import CalendarBook, Rights


@dataclass(frozen=True)
class SummaryLine:
    """One ticket in a lead's summary: who, where, and why in one word of the wording's choice."""

    number: str
    reason: str
    name: str
    extension: str
    place: str


def tickets_by_number(keys: Sequence[int]) -> list[SummaryLine]:
    """Return what nobody is at yet among some tickets, in the order given; each once. One query."""
    found = Ticket.objects.live().filter(pk__in=keys, state=TicketState.NEW)
    by_key = {t.pk: t for t in found.select_related("journey__person", "person", "place")}
    return [_summary_line(by_key[key]) for key in dict.fromkeys(keys) if key in by_key]


def _summary_line(ticket: Ticket) -> SummaryLine:
    person = ticket.journey.person if ticket.journey else ticket.person
    return SummaryLine(
        number=ticket.number,
        reason=str(ticket.reason),
        name=person.name if person else "",
        extension=person.extension if person else "",
        place=str(ticket.place or ""),
    )


@dataclass(frozen=True)
class Morning:
    """What IT wants to know before the first call: figures only, no names."""

    waiting: int
    overdue: int
    found: int
    outages: int
    parked: int
    solved: int
    done: int
    people: int

    @property
    def says_something(self) -> bool:
        """Tell whether there is anything to do, or anything was done."""
        return any((self.waiting, self.found, self.outages, self.parked, self.solved))


def morning_of_it(*, book: CalendarBook, now: datetime) -> Morning:
    """Return the figures of the morning (five queries); "solved" since the last working morning."""
    since = now - timedelta(days=1)
    while not clock.is_working_day(book.default, since.astimezone(book.zone).date()):
        since -= timedelta(days=1)
    tickets = Ticket.objects.live()
    asked = tickets.single().waiting()
    counted = asked.aggregate(all=Count("pk"), late=Count("pk", filter=Q(answer_by__lt=now)))
    at_it = tickets.filter(kind=TicketKind.QUIET, level__in=(Level.IT, Level.IT_LEAD))
    people = _people_of(Journey.objects.open())
    return Morning(
        waiting=counted["all"],
        overdue=counted["late"],
        found=at_it.count(),
        outages=Outage.objects.open().count(),
        parked=Notice.objects.parked().count(),
        solved=Ticket.objects.filter(resolved_at__gt=since, resolved_by__isnull=False).count(),
        done=people[Status.DONE],
        people=sum(people.values()),
    )


def _people_of(journeys: QuerySet[Journey]) -> Counter[str]:
    """Return how many people are in which state (one query)."""
    rows = journeys.filter(loan__person__isnull=False).values("status").annotate(n=Count("pk"))
    return Counter({row["status"]: row["n"] for row in rows.order_by("status")})


@dataclass(frozen=True)
class Week:
    """How a lead's own people stand, and who needs a word; nobody else's people are in it."""

    people: int
    done: int
    under_way: int
    not_started: int
    waiting: int
    names: list[str]
    more: int
    has_begun: bool


WEEK_NAMES_MOST = 10


def week_of_lead(rights: Rights, *, now: datetime) -> Week:
    """Return the state of somebody's own people (three queries); a week has begun where their wave has, or one of them."""
    own = Journey.objects.open().in_scope(rights)
    counts = _people_of(own)
    stuck = (
        Ticket.objects.live()
        .in_scope(rights)
        .filter(kind__in=(TicketKind.QUIET, TicketKind.HELP), journey__isnull=False)
        .exclude(state=TicketState.ANSWERED)
        .order_by("opened_at", "pk")
        .values_list("journey__person__name", flat=True)
    )
    names = list(dict.fromkeys(stuck))
    return Week(
        people=sum(counts.values()),
        done=counts[Status.DONE],
        under_way=counts[Status.IN_PROGRESS],
        not_started=counts[Status.NOT_STARTED],
        waiting=counts[Status.WAITING],
        names=names[:WEEK_NAMES_MOST],
        more=max(0, len(names) - WEEK_NAMES_MOST),
        has_begun=bool(names)
        or counts[Status.NOT_STARTED] < sum(counts.values())
        or own.filter(wave__starts_at__lte=now).exists(),
    )
