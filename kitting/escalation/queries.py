"""Questions about help and who waits."""

from __future__ import annotations

import unicodedata
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Count, F, Max, Q, QuerySet, Value
from django.db.models.functions import Replace
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Department, User
from accounts.queries import calendar_book, local_day, rights_of
from accounts.states import IT_ROLES, Role
from kitting.devices.models import BoxCode, Device, Loan
from kitting.escalation import rules
from kitting.escalation.models import (
    Duty,
    LossReport,
    Offer,
    Outage,
    Plea,
    Policy,
    PolicyLevel,
    StepPace,
    Ticket,
    TicketEntry,
    TicketPhoto,
    WrongBox,
)
from kitting.escalation.states import (
    OPEN,
    Case,
    EntryKind,
    Level,
    LossLine,
    Part,
    Quiet,
    Reach,
    Reason,
    TicketKind,
    TicketState,
)
from kitting.guides.models import Step
from kitting.guides.queries import (
    TROUBLE,
    choice_text,
    error_view,
    published_edition,
    step_name,
)
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.rules import plain_number
from kitting.journeys.states import EventKind, Method, Result, Status, Via
from kitting.lib import clock
from kitting.lib.codes import is_valid, normalise
from kitting.notices.models import Notice
from kitting.site.models import SiteProfile
from kitting.site.queries import clock_pauses
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from accounts.queries import CalendarBook, Rights
    from kitting.devices.models import DeviceQuerySet
    from kitting.escalation.models import TicketQuerySet

SIGNS = (
    EventKind.CHECK_FAILED,
    EventKind.TROUBLE_OPENED,
    EventKind.ERROR_OPENED,
    EventKind.OTHER_ACCOUNT,
)
SHOWS = ("open", "mine", "found", "done")
JOURNEY, PERSON, DEVICE = "journey", "person", "device"
CALLERS_MOST = 20
QUEUE_MOST = 100
EVENTS_MOST = 40
WAY_MOST = 300
OUTLOOK_MOST = 200
# Enough to show a screen from every side; and what one journey may send a day, however often it asks.
PHOTOS_A_TICKET = 6
PHOTOS_A_DAY = 20
# Enough to learn from, and the last ones: people get quicker as word goes round.
WAYS_MOST = 2000
# A clock that was stopped longer ago than this has run out since.
HALTS_REMEMBERED = timedelta(days=21)
STAFF_NUMBER_LONGEST = 13
# Readings are typed in either syllabary.
_HIRAGANA, _KATAKANA = range(0x3041, 0x3097), range(0x30A1, 0x30F7)
_TO_KATAKANA = dict(zip(_HIRAGANA, _KATAKANA, strict=True))
_TO_HIRAGANA = dict(zip(_KATAKANA, _HIRAGANA, strict=True))
# The words of IT that are meant for the person; nothing else may be read in a box session.
ANSWERS = (EntryKind.REPLY, EntryKind.RESOLVED, EntryKind.GOING)
IN_QUEUE = (
    "journey__person",
    "journey__loan__device",
    "person",
    "device",
    "department",
    "place",
    "taken_by",
)


class Sign(NamedTuple):
    """Something that speaks of trouble: a failed check, a hint read, a strange account."""

    kind: str
    step: str
    at: datetime


def minutes_by_step() -> dict[tuple[int, str], int]:
    """Return the author's minutes of every step, by edition and key."""
    rows = Step.objects.values_list("edition_id", "key", "minutes")
    return {(edition_id, key): minutes for edition_id, key, minutes in rows}


def learned_patience() -> dict[str, timedelta]:
    """Return after how long a step is slow, for the steps that finished journeys tell of."""
    rows = StepPace.objects.values_list("step_key", "slow_seconds")
    return {key: timedelta(seconds=seconds) for key, seconds in rows}


def finished_ways(*, limit: int = WAYS_MOST) -> list[dict[str, timedelta]]:
    """Return the working time of each step in the last finished journeys (five queries).

    Only what says how long a step takes: done by hand by somebody whose minutes count (no shifts,
    no paper), nobody asked about it, and no pause in it.
    """
    rows = (
        Journey.objects.filter(ready_at__isnull=False, on_paper=False)
        .select_related("person__place")
        .only("person__hours_id", "person__place__hours_id")
        .order_by("-ready_at", "pk")[:limit]
    )
    book = organisation_book()
    calendars = {journey.pk: book.of_person(journey.person) for journey in rows}
    by_minutes = {pk: cal for pk, cal in calendars.items() if not cal.counts_days}
    asked = set(
        Ticket.objects.filter(
            kind=TicketKind.HELP, journey_id__in=by_minutes, journey__isnull=False
        ).values_list("journey_id", "step_key")
    )
    pauses: dict[int, list[datetime]] = {}
    for journey_id, at in Event.objects.filter(
        journey_id__in=by_minutes, kind=EventKind.PAUSED
    ).values_list("journey_id", "at"):
        pauses.setdefault(journey_id, []).append(at)
    ways: dict[int, dict[str, timedelta]] = {pk: {} for pk in by_minutes}
    records = StepRecord.objects.filter(
        journey_id__in=by_minutes, opened_at__isnull=False
    ).exclude(method__in=(Method.ARRIVAL, Method.PAPER))
    for journey_id, key, opened, done in records.values_list(
        "journey_id", "step_key", "opened_at", "done_at"
    ):
        if opened is None or (journey_id, key) in asked:
            continue
        if not any(opened <= at <= done for at in pauses.get(journey_id, ())):
            took = clock.working_between(by_minutes[journey_id], opened, done)
            ways[journey_id][key] = took
    return list(ways.values())


def signs_by_journey(journey_ids: Sequence[int]) -> dict[int, list[Sign]]:
    """Return the signs of trouble of some journeys."""
    found: dict[int, list[Sign]] = {}
    rows = Event.objects.filter(journey_id__in=journey_ids, kind__in=SIGNS).values_list(
        "journey_id", "kind", "step_key", "at"
    )
    for journey_id, kind, step_key, at in rows:
        found.setdefault(journey_id, []).append(Sign(kind, step_key, at))
    return found


# --- the rules of the ladder -----------------------------------------------------------------------


@dataclass(frozen=True)
class LadderBook:
    """Every rule of the ladder, and which department lies below which: loaded once."""

    ladders: tuple[rules.Ladder, ...] = ()
    parents: Mapping[int, int | None] = field(default_factory=dict)

    def of_ticket(self, ticket: Ticket, *, answered: bool | None = None) -> rules.Ladder:
        """Return the rule a ticket follows now, or as if it had been answered or not."""
        if answered is None:
            answered = ticket.state == TicketState.ANSWERED
        case = rules.case_of(TicketKind(ticket.kind), Reason(ticket.reason), answered=answered)
        wave_id = ticket.journey.wave_id if ticket.journey else None
        return self._choose(case, ticket.department_id, wave_id)

    def patience_of(self, journey: Journey) -> rules.Patience:
        """Return how long nothing happens before Kitto wonders about somebody."""
        if not self.ladders:
            return rules.PATIENCE
        start, silence, slow = (
            self._choose(case, journey.department_id, journey.wave_id) for case in rules.PATIENT
        )
        return rules.patience_of(start, silence, slow)

    def _choose(
        self, case: Case, department_id: int | None, wave_id: int | None
    ) -> rules.Ladder:
        return rules.choose(self.ladders, case, line=self._line(department_id), wave_id=wave_id)

    def _line(self, department_id: int | None) -> list[int]:
        """Return a department and those above it, nearest first."""
        line: list[int] = []
        at = department_id
        while at is not None and at not in line:
            line.append(at)
            at = self.parents.get(at)
        return line


def ladder_book() -> LadderBook:
    """Load every rule of the ladder: three queries, four where a department has its own."""
    policies = list(Policy.objects.prefetch_related("levels__named").order_by("pk"))
    by_department = any(policy.department_id for policy in policies)
    parents = dict(Department.objects.values_list("pk", "parent_id")) if by_department else {}
    return LadderBook(tuple(as_ladder(policy) for policy in policies), parents)


def answer_minutes() -> int:
    """Return within how many minutes everybody's question should be answered (one query)."""
    general = Policy.objects.filter(case=Case.ASKED, department=None, wave=None)
    minutes = general.values_list("answer_minutes", flat=True).first()
    shipped = int(rules.SHIPPED[Case.ASKED].answer.amount.total_seconds()) // 60
    return minutes if minutes is not None else shipped


def as_ladder(policy: Policy) -> rules.Ladder:
    """Return a rule as the sweep reads it; needs its levels loaded."""

    def wait(minutes: int, days: int = 1) -> rules.Wait:
        return rules.Wait(timedelta(minutes=minutes), shift_days=days, by_wall=policy.by_wall)

    levels = sorted(policy.levels.all(), key=lambda row: rules.height(Level(row.level)))
    return rules.Ladder(
        case=Case(policy.case),
        rungs=tuple(_as_rung(row, wait(row.wait_minutes, row.wait_days)) for row in levels),
        taken=wait(policy.taken_minutes),
        answer=wait(policy.answer_minutes),
        patience=wait(policy.patience_minutes, policy.patience_days)
        if policy.patience_minutes
        else None,
        on_paper=wait(policy.paper_minutes, policy.paper_days)
        if policy.paper_minutes
        else None,
        repeats_most=policy.repeats_most,
        stops_on_progress=policy.stops_on_progress,
        stops_on_rest=policy.stops_on_rest,
        night=(policy.night_from, policy.night_to),
        department_id=policy.department_id,
        wave_id=policy.wave_id,
        pk=policy.pk,
    )


def _as_rung(row: PolicyLevel, wait: rules.Wait) -> rules.Rung:
    return rules.Rung(
        level=Level(row.level),
        wait=wait,
        times=row.times,
        reach=Reach(row.reach),
        quiet=Quiet(row.quiet),
        people=row.people_most,
        named=tuple(sorted(person.pk for person in row.named.all())),
    )


def on_duty(*, book: CalendarBook, now: datetime) -> list[User]:
    """Return who is on duty at a moment, in the order of the rota (one query)."""
    day, in_hours = rules.duty_day(book.default, now)
    rows = (
        Duty.objects.covering(day, in_hours=in_hours)
        .filter(person__in=User.objects.present(on=local_day(now)))
        .select_related("person__hours", "person__place__hours")
        .order_by("from_on", "pk")
    )
    return list({row.person_id: row.person for row in rows}.values())


WEEKS_AHEAD = 5


@dataclass(frozen=True)
class DutyDay:
    """One day of the rota: who is on duty in office hours, and who at night or on a closed day."""

    on: date
    is_open: bool
    in_hours: list[str]
    off_hours: list[str]


def duties_from(*, now: datetime) -> list[Duty]:
    """Return the duties of today and later, earliest first (one query)."""
    rows = Duty.objects.filter(to_on__gte=local_day(now) - timedelta(days=1))
    return list(rows.select_related("person").order_by("from_on", "pk"))


def duty_weeks(*, now: datetime) -> list[list[DutyDay]]:
    """Return the rota of this week and the next ones, week by week from Monday on."""
    calendar, today = organisation_book().default, local_day(now)
    monday = today - timedelta(days=today.weekday())
    duties = duties_from(now=now - timedelta(days=7))
    weeks = []
    for week in range(WEEKS_AHEAD):
        days = [monday + timedelta(days=7 * week + n) for n in range(7)]
        weeks.append(
            [
                DutyDay(
                    on=day,
                    is_open=clock.is_working_day(calendar, day),
                    in_hours=_names_on(duties, day, Part.OFFICE),
                    off_hours=_names_on(duties, day, Part.NIGHT),
                )
                for day in days
            ]
        )
    return weeks


def _names_on(duties: Sequence[Duty], day: date, part: Part) -> list[str]:
    return [
        duty.person.name
        for duty in duties
        if duty.from_on <= day <= duty.to_on and duty.part in (Part.ALL, part)
    ]


def helpers(*, now: datetime, leads: bool = True) -> list[User]:
    """Return the members of IT, and the leads too unless told otherwise."""
    roles = (*IT_ROLES, Role.LEAD) if leads else IT_ROLES
    return list(User.objects.with_role(*roles, on=local_day(now)).order_by("kana", "pk"))


@dataclass(frozen=True)
class LadderRow:
    """One matter: the rule for everybody (None: as shipped), and the more specific ones."""

    case: Case
    ladder: rules.Ladder
    general: Policy | None
    special: list[tuple[Policy, rules.Ladder]]


def ladder_rows() -> list[LadderRow]:
    """Return every matter with its rules (three queries)."""
    policies = list(
        Policy.objects.select_related("department__parent", "wave", "changed_by")
        .prefetch_related("levels__named")
        .order_by("department__name", "wave__starts_at", "pk")
    )
    rows = []
    for case in Case:
        mine = [one for one in policies if one.case == case]
        general = next((p for p in mine if not (p.department_id or p.wave_id)), None)
        rows.append(
            LadderRow(
                case=case,
                ladder=as_ladder(general) if general else rules.SHIPPED[case],
                general=general,
                special=[(one, as_ladder(one)) for one in mine if one is not general],
            )
        )
    return rows


def colleagues_for(ticket: Ticket, *, now: datetime) -> tuple[list[User], str]:
    """Return who may be asked to look after somebody stuck, least asked first; or why nobody may.

    Who finished, offered to help, works in the same department or at the same place, can be written
    to, was not asked about this ticket yet and not too often lately. Three queries.
    """
    stuck_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    here = Q(person__department_id=ticket.department_id) if ticket.department_id else Q()
    if ticket.place_id:
        here |= Q(person__place_id=ticket.place_id)
    if not here:
        return [], "nobody"
    day = local_day(now)
    offered = [
        offer.person
        for offer in Offer.objects.standing()
        .filter(here, person__in=User.objects.present(on=day))
        .exclude(person_id=stuck_id)
        .select_related("person__hours", "person__place__hours")
        .order_by("offered_at", "pk")
    ]
    if not offered:
        return [], "no_offer"
    pleas = Plea.objects.filter(person__in=offered)
    asked = Counter(
        pleas.filter(asked_at__gt=now - rules.PLEAS_WINDOW).values_list("person_id", flat=True)
    )
    known = set(pleas.filter(ticket=ticket).values_list("person_id", flat=True))
    free = [
        person
        for person in offered
        if person.pk not in known
        and person.email
        and not person.is_on_leave(day)
        and asked[person.pk] < rules.PLEAS_MOST
    ]
    return sorted(free, key=lambda person: asked[person.pk]), "" if free else "asked_enough"


# Lines of a story after which a page of the ticket is out of date for whoever wants to move it.
MOVES = (
    EntryKind.TAKEN,
    EntryKind.GOING,
    EntryKind.PASSED,
    EntryKind.REPLY,
    EntryKind.RESOLVED,
    EntryKind.REOPENED,
    EntryKind.SNOOZED,
    EntryKind.NOT_TODAY,
    EntryKind.HELD,
    EntryKind.RELEASED,
    EntryKind.REASSIGNED,
    EntryKind.JOINED,
    EntryKind.TOOK_IN,
)


def last_move(ticket: Ticket) -> TicketEntry | None:
    """Return the last line of a ticket's story by which a helper moved it, if any."""
    moves = ticket.entries.filter(kind__in=MOVES).select_related("actor")
    return moves.order_by("-pk").first()


def last_moves(tickets: Iterable[Ticket]) -> dict[int, int]:
    """Return the last line by which a helper moved each of some tickets (one query)."""
    moves = TicketEntry.objects.filter(ticket__in=list(tickets), kind__in=MOVES)
    return dict(moves.values("ticket").annotate(last=Max("pk")).values_list("ticket", "last"))


def not_today(*, by: int | None, now: datetime) -> set[int]:
    """Return the tickets of which somebody said "not today" today (one query)."""
    said = TicketEntry.objects.filter(
        kind=EntryKind.NOT_TODAY, actor_id=by, at__gt=now - timedelta(days=1)
    )
    today = local_day(now)
    return {pk for pk, at in said.values_list("ticket_id", "at") if local_day(at) == today}


def subject_person_id(ticket: Ticket) -> int | None:
    """Return whom a ticket is about: its person, or to whom its device is lent."""
    if ticket.journey is not None:
        return ticket.journey.person_id
    if ticket.person_id is not None:
        return ticket.person_id
    loans = Loan.objects.open().filter(device_id=ticket.device_id or 0)
    return loans.values_list("person_id", flat=True).first()


def others_of_person(ticket: Ticket, *, rights: Rights) -> list[Ticket]:
    """Return the other open tickets of the same person that a helper may see, oldest first."""
    person_id = subject_person_id(ticket)
    if person_id is None:
        return []
    lent = Loan.objects.open().filter(person_id=person_id).values("device_id")
    theirs = Q(journey__person_id=person_id) | Q(person_id=person_id) | Q(device__in=lent)
    found = Ticket.objects.open().in_scope(rights).filter(theirs).exclude(pk=ticket.pk)
    return list(found.select_related("journey").order_by("pk"))


def may_see(person: User, ticket: Ticket, *, now: datetime) -> bool:
    """Tell whether somebody may open a ticket, as a helper."""
    rights = rights_of(person, on=local_day(now))
    return Ticket.objects.in_scope(rights).filter(pk=ticket.pk).exists()


# --- what is broken for many ----------------------------------------------------------------------


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


def halts_lately(*, now: datetime) -> tuple[rules.Halt, ...]:
    """Return what stops the clocks of many now, or did lately: public notices and outages."""
    since = now - HALTS_REMEMBERED
    notices = [
        rules.Halt(
            begins=notice.starts_at,
            ends=notice.over_at,
            places=frozenset([notice.place_id] if notice.place_id else []),
            wave_id=notice.wave_id,
        )
        for notice in clock_pauses(since=since)
    ]
    outages = [
        rules.Halt(
            begins=outage.opened_at,
            ends=outage.ended_at,
            places=frozenset(
                () if outage.everywhere else (place.pk for place in outage.places.all())
            ),
            step=outage.step_key,
        )
        for outage in Outage.objects.filter(
            Q(ended_at__isnull=True) | Q(ended_at__gte=since)
        ).prefetch_related("places")
    ]
    return (*notices, *outages)


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


def organisation_book() -> CalendarBook:
    """Return every working calendar, with the holidays of this organisation's country."""
    country = (
        SiteProfile.objects.filter(pk=SiteProfile.SINGLE)
        .values_list("holidays_country", flat=True)
        .first()
    )
    return calendar_book(country="JP" if country is None else country)


# --- the desk -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueueRow:
    """One ticket in the queue; `subject` is the trouble or step it is about, in words.

    `minutes_left` to the answer, or since it was due, in working time; nothing while nobody waits.
    `seen` is the last move of its story, where a row itself can be moved.
    """

    ticket: Ticket
    subject: str
    minutes_left: int | None
    is_overdue: bool
    seen: int = 0


@dataclass(frozen=True)
class TicketPage:
    """One ticket with everything a helper wants to know before calling."""

    ticket: Ticket
    subject: str
    story: list[StoryLine]
    person: User | None
    device: Device | None
    journey: Journey | None
    step: str
    step_number: int
    sure: list[tuple[str, int]]
    serial_masked: str
    minutes_left: int | None
    is_overdue: bool


@dataclass(frozen=True)
class ShownPhoto:
    """A photo as a page shows it: where the reader gets it, and its size in points."""

    url: str
    width: int
    height: int


@dataclass(frozen=True)
class StoryLine:
    """One thing that happened, from the ticket or from the journey."""

    at: datetime
    kind: str
    actor: User | None
    text: str = ""
    step: str = ""
    data: Mapping[str, str] = field(default_factory=dict)
    photos: Sequence[ShownPhoto] = ()
    of_journey: bool = False
    by_itself: bool = False


def queue_of(
    *, rights: Rights, show: str, now: datetime, language: str, limit: int = QUEUE_MOST
) -> list[QueueRow]:
    """Return tickets of somebody's scope: what is due first on top. At most six queries.

    `show`: "open" what was asked or reached this reader, "found" what Kitto found and still asks
    the person or lead, "mine" taken by the reader, "done" resolved lately.
    """
    tickets = Ticket.objects.in_scope(rights).select_related(*IN_QUEUE)
    if show == "done":
        rows = tickets.filter(state=TicketState.RESOLVED).order_by("-resolved_at", "-pk")
    elif show == "mine":
        rows = _first_due(tickets.live().filter(taken_by_id=rights.person_id))
    elif show == "found":
        rows = tickets.live().filter(kind=TicketKind.QUIET).order_by("opened_at", "pk")
    else:
        # What still asks the person, or the lead, has not come to IT yet.
        below = [Level.PERSON, Level.COLLEAGUE, *([Level.LEAD] if rights.is_it else [])]
        rows = _first_due(
            tickets.live().single().exclude(kind=TicketKind.QUIET, level__in=below)
        )
    return _queue_rows(rows[:limit], now=now, language=language)


def _first_due(tickets: TicketQuerySet) -> TicketQuerySet:
    """Order by what is due first; what is on hold comes last."""
    return tickets.order_by(
        F("held_at").asc(nulls_first=True),
        F("answer_by").asc(nulls_last=True),
        "opened_at",
        "pk",
    )


def waiting_number(*, rights: Rights) -> int:
    """Return how many tickets of somebody's scope wait for an answer."""
    return Ticket.objects.in_scope(rights).waiting().count()


def longest_waiting(
    *, rights: Rights, now: datetime, language: str, limit: int
) -> list[QueueRow]:
    """Return the people whom the board counts as waiting, whoever is due first on top."""
    tickets = (
        Ticket.objects.in_scope(rights)
        .waiting()
        .filter(kind=TicketKind.HELP, journey__status=Status.WAITING)
        .select_related(*IN_QUEUE)
    )
    return _queue_rows(_first_due(tickets)[:limit], now=now, language=language)


def _queue_rows(tickets: Iterable[Ticket], *, now: datetime, language: str) -> list[QueueRow]:
    rows = list(tickets)
    subjects = _subjects(rows, language)
    left = _minutes_left(rows, now=now)
    return [QueueRow(t, subjects[t.pk], *left[t.pk]) for t in rows]


def _minutes_left(
    tickets: Sequence[Ticket], *, now: datetime
) -> dict[int, tuple[int | None, bool]]:
    """Return how long there is to each answer, in IT's working time, or since it was due.

    A loss counts by the clock on the wall. Three queries where anybody waits.
    """
    left: dict[int, tuple[int | None, bool]] = {t.pk: (None, False) for t in tickets}
    calendar = organisation_book().default if any(t.answer_by for t in tickets) else None
    for ticket in tickets:
        if ticket.answer_by is None or calendar is None:
            continue
        first, last = sorted((now, ticket.answer_by))
        span = (
            last - first
            if ticket.kind == TicketKind.LOSS
            else clock.working_between(calendar, first, last)
        )
        left[ticket.pk] = round(span.total_seconds() / 60), now > ticket.answer_by
    return left


def _subjects(tickets: Sequence[Ticket], language: str) -> dict[int, str]:
    """Return what tickets are about, in the words of their guide (at most two queries)."""
    subjects = dict.fromkeys((ticket.pk for ticket in tickets), "")
    asked = [t for t in tickets if t.kind == TicketKind.HELP and (t.choice or t.step_key)]
    words = site_words(language=language) if asked else {}
    begun = all(t.journey and t.journey.edition_id for t in asked)
    current = None if begun else published_edition()
    for ticket in asked:
        edition_id = ticket.journey.edition_id if ticket.journey else None
        edition_id = edition_id or (current.pk if current else None)
        if edition_id is None:
            continue
        key = ticket.step_key
        subjects[ticket.pk] = (
            choice_text(edition_id, key, ticket.choice, language, words=words)
            if ticket.choice
            else ""
        ) or step_name(edition_id, key, language, words=words)
    return subjects


def subject_of(ticket: Ticket, language: str, *, by_step: bool = False) -> str:
    """Return the trouble or step a ticket is about, in words; `by_step` names the step alone."""
    edition_id = ticket.journey.edition_id if ticket.journey else None
    if by_step and edition_id:
        return step_name(edition_id, ticket.step_key, language)
    return _subjects([ticket], language)[ticket.pk]


def ticket_page(
    ticket_id: int, *, rights: Rights, now: datetime, language: str
) -> TicketPage | None:
    """Return a ticket somebody may see, with person, device and story; None otherwise."""
    ticket = (
        Ticket.objects.in_scope(rights)
        .select_related(
            *IN_QUEUE,
            "journey__person__department__parent",
            "person__department__parent",
            "department__parent",
        )
        .filter(pk=ticket_id)
        .first()
    )
    if ticket is None:
        return None
    journey = ticket.journey
    device = ticket.device or (journey.loan.device if journey else None)
    keys = [row[0] for row in journey.step_keys] if journey else []
    key = ticket.step_key or (journey.current_step if journey else "")
    edition_id = journey.edition_id if journey else None
    minutes_left, is_overdue = _minutes_left([ticket], now=now)[ticket.pk]
    return TicketPage(
        ticket=ticket,
        subject=_subjects([ticket], language)[ticket.pk],
        story=story(ticket, language=language),
        person=journey.person if journey else ticket.person,
        device=device,
        journey=journey,
        step=step_name(edition_id, key, language),
        step_number=keys.index(key) + 1 if key in keys else 0,
        sure=how_sure(journey) if journey else [],
        serial_masked=f"••••••{device.serial_number[-4:]}" if device else "",
        minutes_left=minutes_left,
        is_overdue=is_overdue,
    )


def how_sure(journey: Journey) -> list[tuple[str, int]]:
    """Return how many steps of a journey are how sure, surest first. One query."""
    found = Counter(journey.records.values_list("result", flat=True))
    return [(str(result.label), found[result]) for result in Result if found[result]]


def story(ticket: Ticket, *, language: str) -> list[StoryLine]:
    """Return what happened, oldest first, with the journey around it: for helpers."""
    journey = ticket.journey
    edition_id = journey.edition_id if journey else None
    words = site_words(language=language)
    lines = [
        _event_line(event, edition_id, language, words)
        for event in reversed(_events_around(journey))
    ]
    entries = ticket.entries.select_related("actor").prefetch_related("photos")
    lines += [
        _entry_line(entry, edition_id, language, words)
        for entry in entries.order_by("at", "pk")
    ]
    return sorted(lines, key=lambda line: line.at)


def _read_about(
    event: Event, edition_id: int | None, language: str, words: Mapping[str, str]
) -> str:
    """Return which hint or which error somebody read about, as it stands in the guide."""
    reason = event.data.get("reason", "")
    if event.kind == EventKind.TROUBLE_OPENED:
        return choice_text(
            edition_id, event.step_key, f"{TROUBLE}{reason}", language, words=words
        )
    if event.kind == EventKind.ERROR_OPENED:
        error = error_view(edition_id, reason, language, words=words)
        return (
            "\n".join(part for part in (error.sentence, error.for_it) if part) if error else ""
        )
    return ""


@dataclass(frozen=True)
class WayLine:
    """One thing on the whole way of a journey, and the ticket it belongs to, if any."""

    line: StoryLine
    ticket: Ticket | None


def whole_way(journey: Journey, *, language: str, limit: int = WAY_MOST) -> list[WayLine]:
    """Return what happened on a journey and its tickets, newest first: for helpers (five queries)."""
    words = site_words(language=language)
    silent = (EventKind.HELP_CHANGED, EventKind.STEP_LIKELY)
    events = Event.objects.filter(journey=journey).exclude(kind__in=silent)
    lines = [
        WayLine(_event_line(event, journey.edition_id, language, words), None)
        for event in events.order_by("-number")[:limit]
    ]
    tickets = {
        ticket.pk: ticket for ticket in Ticket.objects.filter(journey=journey).order_by("pk")
    }
    entries = (
        TicketEntry.objects.filter(ticket__in=tickets)
        .select_related("actor")
        .prefetch_related("photos")
    )
    for entry in entries.order_by("-at", "-pk")[:limit]:
        line = _entry_line(entry, journey.edition_id, language, words)
        lines.append(WayLine(line, tickets[entry.ticket_id]))
    return sorted(lines, key=lambda one: one.line.at, reverse=True)[:limit]


def _event_line(
    event: Event, edition_id: int | None, language: str, words: Mapping[str, str]
) -> StoryLine:
    return StoryLine(
        at=event.at,
        kind=event.kind,
        actor=None,
        step=step_name(edition_id, event.step_key, language, words=words),
        text=_read_about(event, edition_id, language, words),
        data=event.data,
        of_journey=True,
        by_itself=event.via == Via.SYSTEM,
    )


def _entry_line(
    entry: TicketEntry, edition_id: int | None, language: str, words: Mapping[str, str]
) -> StoryLine:
    key, choice = entry.data.get("step", ""), entry.data.get("choice", "")
    picked = choice_text(edition_id, key, choice, language, words=words) if choice else ""
    return StoryLine(
        at=entry.at,
        kind=entry.kind,
        actor=entry.actor,
        text="\n".join(part for part in (picked, entry.text) if part),
        data=entry.data,
        photos=[
            _shown(photo, "escalation:photo", entry.ticket_id) for photo in entry.photos.all()
        ],
    )


def _events_around(journey: Journey | None) -> list[Event]:
    """Return the last things that happened on a journey, newest first."""
    if journey is None:
        return []
    silent = (EventKind.HELP_CHANGED, EventKind.STEP_LIKELY)
    events = Event.objects.filter(journey=journey).exclude(kind__in=silent)
    return list(events.order_by("-number")[:EVENTS_MOST])


# --- what the person reads ------------------------------------------------------------------------


def own_story(ticket: Ticket, *, by_box: bool, sent: Collection[str] = ()) -> list[StoryLine]:
    """Return what the person of a ticket reads of it, oldest first: no names, no helpers' notes.

    In a box session only IT's answers are readable; what was written there before, by whomever, is
    not, and of photos only what this browser has `sent` (digests).
    """
    person_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    return [
        StoryLine(
            at=entry.at,
            kind=entry.kind,
            actor=None,
            text=entry.text if _may_read(entry, person_id, by_box=by_box) else "",
            photos=[
                _shown(photo, "escalation:own_photo", ticket.journey_id, ticket.pk)
                for photo in entry.photos.all()
                if photo.digest in sent or _may_read(entry, person_id, by_box=by_box)
            ],
        )
        for entry in ticket.entries.filter(to_person=True)
        .prefetch_related("photos")
        .order_by("at", "pk")
    ]


def _shown(photo: TicketPhoto, page: str, *keys: int | None) -> ShownPhoto:
    return ShownPhoto(reverse(page, args=[*keys, photo.pk]), photo.width, photo.height)


def own_photo(
    photo_id: int, *, ticket: Ticket, by_box: bool, sent: Collection[str]
) -> TicketPhoto | None:
    """Return a photo of an own ticket if this visitor may see it; None otherwise."""
    photo = _photos_of(ticket).filter(pk=photo_id, entry__to_person=True).first()
    person_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    if photo is None:
        return None
    may_see = photo.digest in sent or _may_read(photo.entry, person_id, by_box=by_box)
    return photo if may_see else None


def photo_in_scope(photo_id: int, *, ticket_id: int, rights: Rights) -> TicketPhoto | None:
    """Return a photo of a ticket a helper may see; None otherwise."""
    ticket = Ticket.objects.in_scope(rights).filter(pk=ticket_id).first()
    return _photos_of(ticket).filter(pk=photo_id).first() if ticket else None


def _photos_of(ticket: Ticket) -> QuerySet[TicketPhoto]:
    return TicketPhoto.objects.filter(entry__ticket=ticket).select_related("entry")


def album_is_full(*, journey: Journey, now: datetime) -> bool:
    """Tell whether the open question of a journey, or the journey today, has photos enough."""
    sent = TicketPhoto.objects.filter(entry__ticket__journey=journey)
    of_ticket = sent.filter(
        entry__ticket__kind=TicketKind.HELP, entry__ticket__state__in=OPEN
    ).count()
    return (
        of_ticket >= PHOTOS_A_TICKET
        or sent.filter(sent_at__gt=now - timedelta(days=1)).count() >= PHOTOS_A_DAY
    )


def _may_read(entry: TicketEntry, person_id: int | None, *, by_box: bool) -> bool:
    if entry.kind in ANSWERS:
        return True
    return not by_box and entry.actor_id in (None, person_id)


@dataclass(frozen=True)
class Outlook:
    """What somebody who asks may expect: `minutes` of IT's working time to an answer (0 unknown).

    `opens_at` is when IT is there again, where it is not there now.
    """

    minutes: int = 0
    opens_at: datetime | None = None


def answer_outlook(*, now: datetime) -> Outlook:
    """Return how soon an answer may be expected: the median of the last thirty days."""
    calendar = organisation_book().default
    answered = Ticket.objects.filter(
        kind=TicketKind.HELP,
        first_answer_at__isnull=False,
        opened_at__gte=now - timedelta(days=30),
    ).order_by("-opened_at")[:OUTLOOK_MOST]
    minutes = [
        clock.working_between(calendar, opened, answer).total_seconds() / 60
        for opened, answer in answered.values_list("opened_at", "first_answer_at")
        if answer is not None
    ]
    opens_at = clock.next_open(calendar, now)
    return Outlook(
        minutes=max(1, round(median(minutes))) if minutes else 0,
        opens_at=opens_at if opens_at > now else None,
    )


@dataclass(frozen=True)
class OwnHelp:
    """What the pages of a journey say about help: the person's question, or a gentle word."""

    ticket: Ticket | None = None
    answer: StoryLine | None = None
    is_nudge: bool = False
    reason: str = ""


def own_help(journey: Journey, *, by_box: bool) -> OwnHelp:
    """Return what a person should see of help on an own journey; one query while nothing was asked.

    A question is shown while it is open, or until the person said whether it works. Where the sweep
    noticed trouble at a step, the guide offers help by itself.
    """
    asked = Q(kind=TicketKind.HELP) & (
        Q(state__in=OPEN) | Q(state=TicketState.RESOLVED, asked_better_at__isnull=True)
    )
    noticed = Q(
        kind=TicketKind.QUIET,
        state__in=OPEN,
        reason__in=(Reason.SLOW, Reason.FAILING),
        step_key=journey.current_step,
    )
    tickets = Ticket.objects.filter(
        asked | noticed, journey=journey, merged_into__isnull=True
    ).order_by("-opened_at")
    found = list(tickets[:5])
    own = next((ticket for ticket in found if ticket.kind == TicketKind.HELP), None)
    if own is None:
        return OwnHelp(is_nudge=bool(found), reason=found[0].reason if found else "")
    own.journey = journey
    answers = [line for line in own_story(own, by_box=by_box) if line.kind in ANSWERS]
    return OwnHelp(ticket=own, answer=answers[-1] if answers else None)


# --- who calls ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """Somebody, or a device, that a call may be about."""

    subject: str
    pk: int
    person: User | None = None
    device: Device | None = None
    journey: Journey | None = None
    department: str = ""
    place: str = ""
    open_ticket: Ticket | None = None


@dataclass(frozen=True)
class Callers:
    """What was found for a text; `more` says that not everybody is shown."""

    rows: list[Caller]
    more: bool = False


def callers(text: str, *, limit: int = CALLERS_MOST) -> Callers:
    """Return whom or what a call may be about: by name, staff number, extension, tag or box code.

    People with a device come as their journey, others as themselves, devices without a person as
    devices. Five queries, whatever is found.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain_number(plain):
        return Callers([])
    people = list(_people_called(plain)[: limit + 1])
    devices = list(_devices_called(plain)[: limit + 1])
    loans = list(
        Loan.objects.open()
        .filter(Q(person__in=people) | Q(device__in=devices))
        .select_related("device", "person", "department", "place")
        .order_by("person__kana", "pk")
    )
    journeys = {
        journey.loan_id: journey
        for journey in Journey.objects.open().filter(loan__in=[loan.pk for loan in loans])
    }
    found = [_caller_of_loan(loan, journeys.get(loan.pk)) for loan in loans]
    lent_to = {loan.person_id for loan in loans}
    lent = {loan.device_id for loan in loans}
    found += [_caller_of_person(person) for person in people if person.pk not in lent_to]
    found += [_caller_of_device(device) for device in devices if device.pk not in lent]
    return Callers(_with_tickets(found[:limit]), more=len(found) > limit)


def caller(subject: str, pk: int) -> Caller | None:
    """Return whom or what a call is about: an open journey, a person or a device."""
    found: Caller | None = None
    if subject == JOURNEY:
        journey = (
            Journey.objects.open()
            .select_related("person", "loan__device", "loan__department", "loan__place")
            .filter(pk=pk)
            .first()
        )
        found = _caller_of_loan(journey.loan, journey) if journey else None
    elif subject == PERSON:
        person = User.objects.select_related("department", "place").filter(pk=pk).first()
        found = _caller_of_person(person) if person else None
    elif subject == DEVICE:
        device = Device.objects.filter(pk=pk).first()
        found = _caller_of_device(device) if device else None
    return _with_tickets([found])[0] if found else None


def _people_called(plain: str) -> QuerySet[User]:
    name = "".join(plain.split())
    number = plain_number(plain).lstrip("0")
    found: QuerySet[User] = (
        User.objects.filter(is_active=True, staff_number__isnull=False)
        .select_related("department", "place")
        .annotate(
            plain_name=_without_spaces("name"),
            plain_kana=_without_spaces("kana"),
        )
        .filter(
            Q(plain_name__icontains=name)
            | Q(plain_kana__icontains=name.translate(_TO_KATAKANA))
            | Q(plain_kana__icontains=name.translate(_TO_HIRAGANA))
            | Q(staff_number__in=[number.zfill(n) for n in range(1, STAFF_NUMBER_LONGEST)])
            | Q(extension=plain)
        )
        .order_by("kana", "pk")
    )
    return found


def _without_spaces(name: str) -> Replace:
    half = Replace(name, Value(" "), Value(""))
    return Replace(half, Value("\N{IDEOGRAPHIC SPACE}"), Value(""))


def _devices_called(plain: str) -> DeviceQuerySet:
    code = normalise(plain)
    labelled = BoxCode.objects.filter(code=code, device__isnull=False)
    match = Q(asset_tag__iexact=plain) | Q(serial_number__iexact=plain)
    if is_valid(code):
        match |= Q(pk__in=labelled.values("device_id"))
    return Device.objects.filter(match).order_by("pk")


def _caller_of_loan(loan: Loan, journey: Journey | None) -> Caller:
    subject, pk = DEVICE, loan.device_id
    if journey is not None:
        subject, pk = JOURNEY, journey.pk
    elif loan.person_id is not None:
        subject, pk = PERSON, loan.person_id
    return Caller(
        subject=subject,
        pk=pk,
        person=loan.person,
        device=loan.device,
        journey=journey,
        department=loan.department.name,
        place=loan.place.name if loan.place else "",
    )


def _caller_of_person(person: User) -> Caller:
    return Caller(
        subject=PERSON,
        pk=person.pk,
        person=person,
        department=person.department.name if person.department else "",
        place=person.place.name if person.place else "",
    )


def _caller_of_device(device: Device) -> Caller:
    return Caller(subject=DEVICE, pk=device.pk, device=device)


def _with_tickets(found: Sequence[Caller]) -> list[Caller]:
    """Add what is open already, so that nobody is asked to say everything twice."""
    tickets = (
        Ticket.objects.live()
        .filter(kind__in=(TicketKind.HELP, TicketKind.LOSS))
        .filter(
            Q(journey__in=[c.pk for c in found if c.subject == JOURNEY])
            | Q(person__in=[c.pk for c in found if c.subject == PERSON])
            | Q(device__in=[c.device.pk for c in found if c.device])
        )
        .order_by("-opened_at")
    )
    by_subject: dict[tuple[str, int], Ticket] = {}
    for ticket in tickets:
        for subject, pk in (
            (JOURNEY, ticket.journey_id),
            (PERSON, ticket.person_id),
            (DEVICE, ticket.device_id),
        ):
            if pk is not None:
                by_subject[subject, pk] = ticket
    return [
        replace(
            c,
            open_ticket=by_subject.get((c.subject, c.pk))
            or (by_subject.get((DEVICE, c.device.pk)) if c.device else None),
        )
        for c in found
    ]


# --- losses ---------------------------------------------------------------------------------------

STRANGERS_MOST = 50


@dataclass(frozen=True)
class LossRow:
    """One line of the list of a loss: by when, and by whom it was done."""

    key: str
    label: str
    how: str
    due_at: datetime
    done_at: datetime | None
    done_by: User | None
    is_late: bool


def loss_lines(ticket: Ticket, *, now: datetime) -> list[LossRow]:
    """Return the list of a loss with what is done and what is late. One query."""
    done = {step.line: step for step in ticket.loss_steps.select_related("done_by")}
    found = []
    for line, limit in rules.LOSS_LIMITS.items():
        step, due = done.get(line), ticket.opened_at + limit
        found.append(
            LossRow(
                key=line.value,
                label=str(line.label),
                how=str(HOW_TO.get(line, "")),
                due_at=due,
                done_at=step.done_at if step else None,
                done_by=step.done_by if step else None,
                is_late=step is None and due < now,
            )
        )
    return found


HOW_TO = {
    LossLine.DISABLE: _("Devices > Chrome > Devices: find the serial number, then Disable."),
    LossLine.SEE: _("The screen of the device then shows that it is locked, and your number."),
    LossLine.ACCOUNT: _("Directory > Users: sign out everywhere, then a new password."),
}


def devices_of(person: User | None) -> list[Device]:
    """Return the devices somebody has now."""
    loans = Loan.objects.open().filter(person=person).select_related("device")
    return [loan.device for loan in loans.order_by("pk")]


def losses_of_strangers() -> list[LossReport]:
    """Return the losses whose number is on no roll, those that nobody called back first."""
    rows = LossReport.objects.filter(ticket__isnull=True, taken_at__isnull=False)
    return list(
        rows.select_related("settled_by").order_by(
            F("settled_at").desc(nulls_first=True), "-told_at", "-pk"
        )[:STRANGERS_MOST]
    )


# --- boxes at the wrong desk ----------------------------------------------------------------------


@dataclass(frozen=True)
class WrongBoxView:
    """A box that somebody else holds: for whom it is, who holds it, and which box is theirs."""

    told: WrongBox
    loan: Loan | None
    other: Loan | None


def wrong_box_of(journey: Journey) -> WrongBox | None:
    """Return what somebody said who holds the box of a journey, while it is open. One query."""
    rows = WrongBox.objects.filter(device=journey.loan.device_id, settled_at__isnull=True)
    return rows.exclude(holder=journey.person_id).select_related("device", "holder").first()


def own_box_of(told: WrongBox) -> Loan | None:
    """Return the loan of the box that really is for whoever holds a wrong one."""
    loans = Loan.objects.open().with_person().filter(person=told.holder)
    return loans.exclude(device=told.device).select_related("device").first()


def wrong_box_view(ticket: Ticket) -> WrongBoxView | None:
    """Return both sides of a wrong box for a helper (three queries), or nothing."""
    told = (
        WrongBox.objects.filter(ticket=ticket, settled_at__isnull=True)
        .select_related("device", "holder__department")
        .first()
    )
    if told is None:
        return None
    loans = Loan.objects.open().filter(device=told.device)
    kept_for = loans.select_related("person", "department").first()
    return WrongBoxView(told, kept_for, own_box_of(told))


# --- summaries ------------------------------------------------------------------------------------------


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


WEEK_NAMES_MOST = 10


def week_of_lead(rights: Rights) -> Week:
    """Return the state of somebody's own people (two queries)."""
    counts = _people_of(Journey.objects.open().in_scope(rights))
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
    )
