"""What the outbox holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Min, Q
from django.db.models.functions import Coalesce

from accounts.queries import calendar_book, local_day
from kitting.lib import clock
from kitting.notices.models import Notice, Outlet
from kitting.notices.rules import GATHER_FOR, GATHERED, SUMMARY, UNASKED
from kitting.notices.states import Channel, Lane, NoticeState, OutletEvent
from kitting.site.models import SiteProfile

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date

    from django.db.models import QuerySet

    from accounts.models import User
    from kitting.notices.models import NoticeQuerySet


@dataclass(frozen=True)
class Outbox:
    """How the outbox stands.

    `oldest_due_at` is when the longest-waiting due notice became due (a retry sets it anew).
    """

    waiting: int
    retrying: int
    oldest_due_at: datetime | None


def outbox(*, now: datetime) -> Outbox:
    """Return how the outbox stands at a moment."""
    found = (
        Notice.objects.waiting()
        .exclude(lane=Lane.GATHER)
        .aggregate(
            waiting=Count("pk"),
            retrying=Count("pk", filter=~Q(last_error="")),
            oldest_due_at=Min("next_try_at", filter=Q(next_try_at__lte=now)),
        )
    )
    return Outbox(**found)


def unread(person: User) -> list[Notice]:
    """Return what a person was told on the guide's pages and has not read, newest first."""
    return list(
        Notice.objects.filter(
            person=person,
            channel=Channel.WIZARD,
            state=NoticeState.SENT,
            read_at__isnull=True,
        ).order_by("-created_at", "-pk")
    )


def undeliverable() -> NoticeQuerySet:
    """Return the notices that will not arrive, newest first, with their people and outlets."""
    parked = Notice.objects.parked().select_related("person", "outlet")
    return parked.order_by("-created_at", "-pk")


@dataclass(frozen=True)
class OutletRow:
    """One outlet, and how it fares."""

    outlet: Outlet
    hears: list[str]
    last_sent_at: datetime | None
    waiting: int
    parked: int


def outlet_rows() -> list[OutletRow]:
    """Return every outlet by name, in one query."""
    names = {str(value): str(label) for value, label in OutletEvent.choices}
    found: QuerySet[Any] = Outlet.objects.annotate(
        last_sent_at=Max("notices__sent_at"),
        waiting=Count("notices", filter=Q(notices__state__in=("queued", "sending"))),
        parked=Count("notices", filter=Q(notices__state="failed")),
    ).order_by("label")
    return [
        OutletRow(
            outlet=one,
            hears=[names[event] for event in names if event in one.events],
            last_sent_at=one.last_sent_at,
            waiting=one.waiting,
            parked=one.parked,
        )
        for one in found
    ]


def said_lately(outlet: Outlet, *, limit: int = 5) -> list[Notice]:
    """Return the latest messages to an outlet, newest first."""
    return list(outlet.notices.order_by("-created_at", "-pk")[:limit])


def has_heard_again(outlet: Outlet) -> bool:
    """Tell whether anything, a test say, has arrived at an outlet since it was switched off."""
    since = outlet.switched_off_at
    return (
        since is not None
        and outlet.notices.filter(state=NoticeState.SENT, sent_at__gt=since).exists()
    )


def last_told(person: User) -> datetime | None:
    """Return when a lead last got, or gets, a message that later ones are gathered after."""
    last: datetime | None = Notice.objects.filter(
        person=person,
        channel=Channel.MAIL,
        lane=Lane.NORMAL,
        kind__in=(*GATHERED, SUMMARY),
        state__in=(NoticeState.QUEUED, NoticeState.SENDING, NoticeState.SENT),
    ).aggregate(at=Max(Coalesce("sent_at", "next_try_at")))["at"]
    return last


def summary_after(last: datetime | None, *, now: datetime) -> datetime | None:
    """Return when a lead gets the next summary of what waits, or nothing if a message may leave at once.

    The first message leaves at once; whatever comes within an hour of the `last` one is gathered.
    """
    return last + GATHER_FOR if last and last + GATHER_FOR > now else None


def days_of_words(people: Collection[int], *, since: datetime) -> dict[int, set[date]]:
    """Return on which days from a moment on some people are spoken to who did not ask (one query)."""
    spoken = Notice.objects.filter(person__in=people, kind__in=UNASKED).exclude(
        state=NoticeState.CANCELLED
    )
    leaving = spoken.annotate(leaves_at=Coalesce("sent_at", "next_try_at"))
    recent = leaving.filter(
        Q(leaves_at__gte=since - timedelta(days=1)) | Q(unasked_on__gte=local_day(since))
    ).values_list("person_id", "leaves_at", "unasked_on")
    days: dict[int, set[date]] = {pk: set() for pk in people}
    for person_id, leaves, meant in recent:
        days[person_id or 0] |= {local_day(leaves), *([meant] if meant else [])}
    return days


def day_for_a_word(
    person: User, *, at: datetime, taken: Collection[date] | None = None
) -> datetime:
    """Return when somebody who did not ask may be spoken to: at a moment, or on the next free day.

    One message a day is enough; the next one waits for the next working day without any. One query
    where the day is free, none where `taken` says on which days that person is spoken to.
    """
    if taken is None:
        taken = days_of_words([person.pk], since=at)[person.pk]
    if local_day(at) not in taken:
        return at
    profile = SiteProfile.objects.filter(pk=SiteProfile.SINGLE).first() or SiteProfile()
    book = calendar_book(country=profile.holidays_country)
    while local_day(at) in taken:
        tomorrow = local_day(at) + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(), tzinfo=book.zone)
        at = clock.next_open(book.of_person(person), midnight)
    return at
