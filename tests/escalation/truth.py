"""A city in which we know who is stuck: its rollout is played, and what Kitto found is compared.

The people are those of `simulate` (`kitting.demo`): what each will do follows from seed and staff
number, so that trouble is planted and known before the first day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Min

from accounts.models import Department, Grant, Place, User, WorkingHours
from accounts.queries import calendar_book
from accounts.states import IT_ROLES, Role
from kitting.demo import rules as people
from kitting.demo.actions.playing import play
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.escalation import rules
from kitting.escalation.models import Ticket, TicketEntry
from kitting.escalation.states import EntryKind, Level, Reason, TicketKind
from kitting.guides.actions import load_guide
from kitting.guides.models import Step
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind
from kitting.lib import clock
from kitting.lib.codes import make_code
from kitting.notices.models import Notice
from kitting.notices.states import Channel, NoticeState
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState
from kitting.site.models import SiteProfile
from tests.factories import shipped_guide

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from accounts.queries import CalendarBook

TOKYO = ZoneInfo("Asia/Tokyo")
# A Monday without a holiday in the two weeks that follow.
BEGINS = datetime(2026, 11, 30, 7, 0, tzinfo=TOKYO)
WAVE_AT = BEGINS.replace(hour=9)
WORKING_DAYS = 11
# Every tenth place is a nursery with shifts; so many people have no mail; so many work at a place.
NURSERY_EACH, OFF_MAIL_EACH, PEOPLE_A_PLACE = 10, 10, 132
DEPARTMENTS_A_PLACE = 3
TEAM = 4
# What is said to somebody without being asked; answers are never counted against it.
UNASKED = ("nudge", "invite_lesson", "invite_month", "invite_practice")
FINE = (people.SMOOTH, people.SLOW, people.PAPER, people.LATER)
OFFICE, SHIFTS = "8:30-17:15", "Mon-Sat 7:00-19:00"


def found_town(number: int) -> list[Journey]:
    """Let so many people be there, with boxes, leads and a team; nobody has begun."""
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    load_guide(draft=shipped_guide(), now=BEGINS, publish=True)
    rollout = Rollout.objects.create(
        name="導入",
        state=RolloutState.OPEN,
        starts_on=BEGINS.date(),
        deadline_on=(BEGINS + timedelta(days=30)).date(),
    )
    wave = Wave.objects.create(
        rollout=rollout,
        name="第1回",
        starts_at=WAVE_AT,
        ends_on=(BEGINS + timedelta(days=20)).date(),
    )
    office = WorkingHours.objects.create(name="office", week=OFFICE)
    shifts = WorkingHours.objects.create(name="nursery", week=SHIFTS, counts_days=True)
    count = max(2, round(number / PEOPLE_A_PLACE))
    places = Place.objects.bulk_create(
        Place(name=f"第{n}庁舎", hours=shifts if n % NURSERY_EACH == 1 else office)
        for n in range(count)
    )
    departments = Department.objects.bulk_create(
        Department(name=f"第{n}課") for n in range(count * DEPARTMENTS_A_PLACE)
    )
    _team(places[0], departments)
    return _people(number, places=places, departments=departments, wave=wave)


def _team(place: Place, departments: list[Department]) -> None:
    """Give every department a lead, and the town its IT team; none of them gets a device."""
    number = TEAM + len(departments)
    helpers = User.objects.bulk_create(
        User(
            username=f"9{n:05d}",
            staff_number=f"9{n:05d}",
            name=f"担当 {n}",
            email=f"h{n:05d}@asahi.example.jp",
            place=place,
        )
        for n in range(number)
    )
    it = [
        Grant(person=one, role=Role.IT if n else Role.IT_LEAD, granted_at=BEGINS)
        for n, one in enumerate(helpers[:TEAM])
    ]
    leads = [
        Grant(person=one, role=Role.LEAD, department=department, granted_at=BEGINS)
        for one, department in zip(helpers[TEAM:], departments, strict=True)
    ]
    Grant.objects.bulk_create([*it, *leads])


def _people(
    number: int, *, places: list[Place], departments: list[Department], wave: Wave
) -> list[Journey]:
    everybody = User.objects.bulk_create(
        User(
            username=f"{n:06d}",
            staff_number=f"{n:06d}",
            name=f"職員 {n}",
            email="" if n % OFF_MAIL_EACH == 0 else f"s{n:06d}@asahi.example.jp",
            place=places[n % len(places)],
            department=departments[
                n % len(places) * DEPARTMENTS_A_PLACE + n // len(places) % DEPARTMENTS_A_PLACE
            ],
        )
        for n in range(1, number + 1)
    )
    devices = Device.objects.bulk_create(
        Device(
            serial_number=f"5CD{n:07d}",
            asset_tag=f"CB-{n:06d}",
            code=make_code(),
            state=DeviceState.LENT,
            created_at=BEGINS,
        )
        for n in range(1, number + 1)
    )
    BoxCode.objects.bulk_create(
        BoxCode(code=d.code, device=d, created_at=BEGINS) for d in devices
    )
    loans = Loan.objects.bulk_create(
        Loan(
            device=device,
            kind=LoanKind.PERSONAL,
            person=person,
            department_id=person.department_id,
            place_id=person.place_id,
            started_at=BEGINS,
        )
        for device, person in zip(devices, everybody, strict=True)
    )
    return Journey.objects.bulk_create(
        Journey(
            loan=loan,
            person=loan.person,
            department_id=loan.department_id,
            place_id=loan.place_id,
            wave=wave,
            created_at=BEGINS,
            attention_at=WAVE_AT,
        )
        for loan in loans
    )


def end_of_play(book: CalendarBook, days: int) -> datetime:
    """Return the evening on which the play ends, so many working days later."""
    return clock.add_working_days(book.default, WAVE_AT, days).replace(
        hour=9
    )  # 18:00 in Tokyo, said in UTC


def play_it(number: int, *, seed: int = 1, days: int = WORKING_DAYS) -> Findings:
    """Play the rollout of a town of so many people and compare what was found with what is true."""
    found_town(number)
    book = calendar_book(country="JP")
    until = end_of_play(book, days)
    play(seed=seed, people=number, start=BEGINS, until=until)
    return compare(seed=seed, book=book, until=until)


# --- what is true -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trouble:
    """That somebody is stuck: since when, and how long at least unless somebody comes."""

    kind: str
    since: datetime
    until: datetime


@dataclass(frozen=True)
class _Known:
    """What is needed to say who was stuck."""

    seed: int
    book: CalendarBook
    until: datetime
    minutes: dict[str, int]
    opened: dict[tuple[int, str], datetime]
    failed: dict[int, datetime]
    # What the sweep found, who asked, and when a lead or IT was first asked to look after a ticket.
    quiet: dict[int, list[Ticket]]
    asked: set[int]
    helped: dict[int, datetime]


def trouble_of(journey: Journey, known: _Known) -> Trouble | None:
    """Return the trouble that was planted in one person's way, if it came to that in time to be found.

    Not begun two working days (shifts: three) after the boxes came; stopped at a step for longer than
    a working day (shifts: three days), or at an office for six hours and more; a check that fails three
    times. Whoever asks needs no finding and is counted apart.
    """
    plan = _plan(journey, known.seed)
    calendar = known.book.of_person(journey.person)
    late_at = rules.PATIENCE.start.until(calendar, WAVE_AT)
    starts = clock.add_working(calendar, WAVE_AT, plan.starts_after)
    if plan.kind == people.NEVER or starts > late_at:
        ends = known.until if plan.kind == people.NEVER else starts
        return Trouble("never_started", late_at, ends)
    if plan.kind == people.FAILS and journey.pk in known.failed:
        return Trouble("failing", known.failed[journey.pk], known.until)
    if plan.kind == people.STOPS:
        return _stop(journey, plan, calendar, known)
    return None


def _plan(journey: Journey, seed: int) -> people.Person:
    person = journey.person
    return people.person(
        seed,
        person.staff_number or "",
        has_mail=bool(person.email),
        employment=person.employment,
        place=person.place.name if person.place else "",
    )


def _stop(
    journey: Journey, plan: people.Person, calendar: clock.Calendar, known: _Known
) -> Trouble | None:
    opened = known.opened.get((journey.pk, plan.hard_step))
    if opened is None:
        return None
    usual = people.step_time(
        known.seed,
        journey.person.staff_number or "",
        plan.hard_step,
        minutes=known.minutes.get(plan.hard_step, 3),
        pace=plan.pace,
    )
    since = clock.add_working(calendar, opened, usual)
    ends = clock.add_working(calendar, since, plan.stops_for)
    is_long = not calendar.counts_days or ends > rules.PATIENCE.silence.until(calendar, opened)
    return Trouble("stopped", since, ends) if is_long else None


# --- what was found -----------------------------------------------------------------------------------


@dataclass
class Findings:
    """What Kitto found, beside what is true."""

    people: int = 0
    stuck: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    fine: int = 0
    alarms: int = 0
    # Why, of whom: for whoever wants to look.
    missed: list[int] = field(default_factory=list)
    alarmed: list[tuple[int, str]] = field(default_factory=list)
    went_on: int = 0
    minutes_to_helper: list[float] = field(default_factory=list)
    minutes_of_askers: list[float] = field(default_factory=list)
    asked: int = 0
    most_a_day: int = 0
    messages: int = 0
    lead_most_an_hour: int = 0

    @property
    def share_found(self) -> float:
        return sum(self.found.values()) / max(1, sum(self.stuck.values()))

    @property
    def share_alarmed(self) -> float:
        return self.alarms / max(1, self.fine)

    @property
    def median_to_helper(self) -> float:
        return median(self.minutes_to_helper or [0])

    @property
    def median_of_askers(self) -> float:
        return median(self.minutes_of_askers or [0])


def compare(*, seed: int, book: CalendarBook, until: datetime) -> Findings:
    """Compare what was found with what was planted."""
    known = _known(seed, book, until)
    found = Findings()
    lost = set(Ticket.objects.filter(device__isnull=False).values_list("device_id", flat=True))
    rows = Journey.objects.select_related("person__place", "loan").order_by("pk")
    for journey in rows:
        if journey.loan.device_id in lost:  # lost, or the wrong box: people report that
            continue
        found.people += 1
        trouble = trouble_of(journey, known)
        if trouble is not None:
            _judge_stuck(found, journey, trouble, known)
        elif _plan(journey, seed).kind in FINE and journey.pk not in known.asked:
            _judge_fine(found, journey, known)
    _count_askers(found, book)
    _count_messages(found)
    return found


def _judge_fine(found: Findings, journey: Journey, known: _Known) -> None:
    tickets = known.quiet.get(journey.pk, [])
    found.fine += 1
    found.alarms += bool(tickets)
    found.alarmed += [(journey.pk, ticket.reason) for ticket in tickets[:1]]


def _known(seed: int, book: CalendarBook, until: datetime) -> _Known:
    opened = {
        (journey_id, key): at
        for journey_id, key, at in StepRecord.objects.filter(
            opened_at__isnull=False
        ).values_list("journey_id", "step_key", "opened_at")
    }
    now_at = Journey.objects.exclude(current_step="").filter(opened_at__isnull=False)
    opened |= {
        (pk, key): at for pk, key, at in now_at.values_list("pk", "current_step", "opened_at")
    }
    failed = Event.objects.filter(kind=EventKind.CHECK_FAILED).values_list("journey_id")
    return _Known(
        seed=seed,
        book=book,
        until=until,
        minutes=dict(Step.objects.values_list("key", "minutes")),
        opened=opened,
        failed=dict(failed.annotate(at=Min("at"))),
        quiet=_quiet(),
        asked=set(
            Ticket.objects.filter(kind=TicketKind.HELP, journey__isnull=False).values_list(
                "journey_id", flat=True
            )
        ),
        helped=_named_helper_at(),
    )


def _quiet() -> dict[int, list[Ticket]]:
    found: dict[int, list[Ticket]] = {}
    for ticket in Ticket.objects.filter(kind=TicketKind.QUIET).order_by("opened_at", "pk"):
        found.setdefault(ticket.journey_id or 0, []).append(ticket)
    return found


def _named_helper_at() -> dict[int, datetime]:
    """Return when a lead or IT was first asked to look after each ticket, by ticket."""
    rows = TicketEntry.objects.filter(kind=EntryKind.RAISED).order_by("at", "pk")
    first: dict[int, datetime] = {}
    for ticket_id, at, data in rows.values_list("ticket_id", "at", "data"):
        if data.get("level") != Level.PERSON:
            first.setdefault(ticket_id, at)
    return first


def _judge_stuck(found: Findings, journey: Journey, trouble: Trouble, known: _Known) -> None:
    calendar = known.book.of_person(journey.person)
    # A trouble that begins in the last working day of the play may be found after it.
    if rules.PATIENCE.silence.until(calendar, trouble.since) > known.until:
        return
    found.stuck[trouble.kind] += 1
    slack = timedelta(minutes=16)  # the play sweeps each quarter of an hour
    tickets = known.quiet.get(journey.pk, [])
    mine = [t for t in tickets if t.opened_at >= trouble.since - timedelta(days=1)]
    if trouble.kind == "never_started":
        mine = [t for t in mine if t.reason == Reason.NEVER_STARTED]
    mine = [t for t in mine if t.opened_at <= trouble.until + slack]
    if not mine:
        found.missed.append(journey.pk)
        return
    found.found[trouble.kind] += 1
    at = min((known.helped[t.pk] for t in mine if t.pk in known.helped), default=None)
    if at is None:
        found.went_on += 1
    else:
        waited = clock.working_between(calendar, trouble.since, at)
        found.minutes_to_helper.append(waited.total_seconds() / 60)


def _count_askers(found: Findings, book: CalendarBook) -> None:
    asked = Ticket.objects.filter(kind=TicketKind.HELP, journey__isnull=False)
    for opened, taken in asked.values_list("opened_at", "taken_at"):
        found.asked += 1
        if taken is not None:
            waited = clock.working_between(book.default, opened, taken)
            found.minutes_of_askers.append(waited.total_seconds() / 60)


def _count_messages(found: Findings) -> None:
    """Count what employees were told without asking, by the day on which it arrives."""
    helpers = set(
        Grant.objects.filter(role__in=(*IT_ROLES, Role.LEAD)).values_list(
            "person_id", flat=True
        )
    )
    rows = Notice.objects.exclude(state=NoticeState.CANCELLED)
    unasked = rows.filter(kind__in=UNASKED, person__isnull=False)
    days = Counter(_days(unasked.values_list("person_id", "sent_at", "next_try_at")))
    found.most_a_day = max(days.values(), default=0)
    found.messages = sum(days.values())
    to_leads = rows.filter(
        person__in=helpers,
        channel=Channel.MAIL,
        kind__in=("lead_stuck", "lead_asked", "lead_summary"),
    ).exclude(lane="gather")
    hours: Counter[tuple[int, datetime]] = Counter()
    for person_id, sent, due in to_leads.values_list("person_id", "sent_at", "next_try_at"):
        at = sent or due
        hours[person_id or 0, at.replace(minute=0, second=0, microsecond=0)] += 1
    found.lead_most_an_hour = max(hours.values(), default=0)


def _days(
    rows: Iterable[tuple[int | None, datetime | None, datetime]],
) -> list[tuple[int, date]]:
    zone = ZoneInfo(settings.TIME_ZONE)
    return [(key or 0, (sent or due).astimezone(zone).date()) for key, sent, due in rows]
