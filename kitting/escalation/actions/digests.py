"""Summaries: each hour for a lead to whom much happens, each morning for IT, each week for leads."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.urls import reverse

from accounts.models import Grant, User
from accounts.queries import local_day, rights_of
from accounts.states import Role
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.queries.summaries import morning_of_it, tickets_by_number, week_of_lead
from kitting.lib import clock
from kitting.notices.actions import queue_message
from kitting.notices.actions.team import tell_it
from kitting.notices.models import Notice
from kitting.notices.rules import SUMMARY
from kitting.notices.states import Channel, Lane, NoticeState, OutletEvent

if TYPE_CHECKING:
    from datetime import date

    from accounts.queries import CalendarBook

MORNING = time(8, 30)
# A summary of the morning that could not be written by then says nothing new any more.
MORNING_ENDS = timedelta(hours=4)
LINES_MOST = 20


# --- each hour, for a lead to whom much happens -----------------------------------------------------


def gather_for_leads(*, now: datetime) -> int:
    """Put what waits for leads into one message each; returns how many messages were written."""
    due = Notice.objects.due(now=now).filter(lane=Lane.GATHER)
    people = list(due.order_by("person_id").values_list("person_id", flat=True).distinct())
    return sum(_gather(pk, now=now) for pk in people if pk)


@transaction.atomic
def _gather(person_id: int, *, now: datetime) -> bool:
    """Write one lead's summary. What was answered or ended meanwhile is left out."""
    waiting = list(
        Notice.objects.waiting()
        .filter(lane=Lane.GATHER, person_id=person_id, state=NoticeState.QUEUED)
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("person")
        .order_by("created_at", "pk")
    )
    if not waiting:  # another process has them in hand
        return False
    Notice.objects.filter(pk__in=[notice.pk for notice in waiting]).update(
        state=NoticeState.CANCELLED
    )
    lines = tickets_by_number([_ticket_id(notice) for notice in waiting])
    person = waiting[0].person
    if not lines or person is None:
        return False
    queue_message(
        kind=SUMMARY,
        person=person,
        channel=Channel.MAIL,
        reason=f"summary:{waiting[0].pk}",
        context={
            "count": len(lines),
            "lines": [asdict(line) for line in lines[:LINES_MOST]],
            "more": max(0, len(lines) - LINES_MOST),
        },
        link=reverse("helpdesk:round"),
        now=now,
    )
    return True


def _ticket_id(notice: Notice) -> int:
    number = notice.about.partition(":")[2]
    return int(number) if number.isdecimal() else 0


# --- each working morning, for IT ---------------------------------------------------------------------


@transaction.atomic
def digest_for_it(*, now: datetime) -> int:
    """Write IT's summary of the morning, once a working day; returns how many messages were written."""
    book = organisation_book()
    day = local_day(now)
    begins = datetime.combine(day, MORNING, tzinfo=book.zone)
    if not (clock.is_working_day(book.default, day) and begins <= now < begins + MORNING_ENDS):
        return 0
    if Notice.objects.filter(about=f"morning:{day}").exists():
        return 0
    morning = morning_of_it(book=book, now=now)
    if not morning.says_something:
        return 0
    matter = f"morning:{day}"
    tell_it(
        kind="it_morning",
        event=OutletEvent.DIGEST,
        matter=matter,
        context=asdict(morning),
        link=reverse("escalation:desk"),
        book=book,
        now=now,
    )
    return Notice.objects.filter(about=matter).count()


# --- each week, for leads -----------------------------------------------------------------------------


def digest_for_leads(*, now: datetime) -> int:
    """Write to each lead about the own people, on the first working morning of the week.

    Returns how many letters were written. Who is away gets none: their deputies get one instead.
    """
    book, day = organisation_book(), local_day(now)
    begins = datetime.combine(day, MORNING, tzinfo=book.zone)
    if now < begins:
        return 0
    year, week, _weekday = day.isocalendar()
    matter = f"week:{year}-{week:02d}"
    known = set(Notice.objects.filter(about=matter).values_list("person_id", flat=True))
    leads = [
        lead for lead in _leads(day) if lead.pk not in known and _works_on(lead, book, day)
    ]
    return sum(_tell_lead(lead, matter, now=now) for lead in leads)


def _leads(day: date) -> list[User]:
    """Return who is written to: leads who can be reached, and deputies where none of them can."""
    held = list(
        Grant.objects.valid(on=day)
        .filter(role=Role.LEAD, person__in=User.objects.present(on=day).exclude(email=""))
        .select_related("person__place")
        .order_by("person_id", "pk")
    )
    here = [grant for grant in held if not grant.person.is_on_leave(day)]
    led = {(one.department_id, one.place_id) for one in here if not one.is_deputy}
    wanted = [
        one for one in here if not one.is_deputy or (one.department_id, one.place_id) not in led
    ]
    return list({one.person_id: one.person for one in wanted}.values())


def _works_on(lead: User, book: CalendarBook, day: date) -> bool:
    return clock.is_working_day(book.of_person(lead), day)


def _tell_lead(lead: User, matter: str, *, now: datetime) -> bool:
    found = week_of_lead(rights_of(lead, on=local_day(now)), now=now)
    if not found.has_begun or found.done == found.people:
        return False
    said = queue_message(
        kind="lead_week",
        person=lead,
        about=matter,
        reason=matter,
        context=asdict(found),
        link=reverse("helpdesk:round"),
        now=now,
    )
    return said is not None
