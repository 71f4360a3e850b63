"""The plan with its people: what each wave needs, what the pilot shows, what is not ready yet."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from accounts.models import Department, Grant, Place, User
from accounts.queries import local_day
from accounts.states import IT_ROLES, Role
from kitting.around.queries import prepared
from kitting.devices.models import BoxCode, Loan
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.states import TicketKind
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_lines
from kitting.guides.states import Milestone
from kitting.journeys.models import Journey
from kitting.lib import clock
from kitting.plan import rules
from kitting.plan.states import LACKS, CheckKind
from kitting.rollout import rules as rollouts
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.queries import wave_book, with_all_below
from kitting.rollout.states import MarkKind, RolloutState
from kitting.site.models import Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from django.db.models import QuerySet

    from accounts.queries import CalendarBook, Rights
    from kitting.devices.models import LoanQuerySet
    from kitting.rollout.queries import WaveBook

T = TypeVar("T")

# The minutes of a clock are counted from here, so that the numbers of calendars stay small.
COUNTED_FROM = 29_000_000
# So many examples of what is missing are named.
EXAMPLES = 20
# How long somebody needs where no guide says it.
USUAL_MINUTES = 60


# --- who is in a wave --------------------------------------------------------------------------------

Pair = tuple[int, int | None]


def _pairs_by_wave(book: WaveBook) -> tuple[dict[int, list[Pair]], list[Pair]]:
    """Return the departments and places of open loans by wave, and those that are in none."""
    found: dict[int, list[Pair]] = defaultdict(list)
    nowhere: list[Pair] = []
    pairs = Loan.objects.open().values_list("department_id", "place_id").distinct()
    for department_id, place_id in pairs.order_by():
        wave = book.of(department_id, place_id)
        if wave is None:
            nowhere.append((department_id, place_id))
        else:
            found[wave.pk].append((department_id, place_id))
    return found, nowhere


def _of_pairs(pairs: Iterable[Pair]) -> Q:
    """Return who is of some departments at some places, one condition a place."""
    by_place: dict[int | None, list[int]] = defaultdict(list)
    for department_id, place_id in pairs:
        by_place[place_id].append(department_id)
    condition = Q(pk__in=[])
    for place_id, departments in by_place.items():
        condition |= Q(place=place_id, department__in=departments)
    return condition


def loans_of(wave: Wave, *, rights: Rights | None = None) -> LoanQuerySet:
    """Return the open loans of a wave's people (and its shared devices), as far as one may see."""
    book = wave_book(wave.rollout)
    loans = Loan.objects.open().filter(_of_pairs(_pairs_by_wave(book)[0].get(wave.pk, [])))
    if rights is None or rights.is_it:
        return loans
    return loans.filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))


# --- what was seen so far ----------------------------------------------------------------------------


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


# --- the plan ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Numbers:
    """How many people of a wave there are, have begun, are ready."""

    people: int = 0
    begun: int = 0
    ready: int = 0
    waiting: int = 0

    @property
    def not_begun(self) -> int:
        """Return who has not begun."""
        return self.people - self.begun

    @property
    def going(self) -> int:
        """Return who is under way and does not wait for anybody."""
        return max(0, self.begun - self.ready - self.waiting)


@dataclass(frozen=True)
class WaveRow:
    """One wave of the plan."""

    wave: Wave
    departments: list[str]
    places: list[str]
    numbers: Numbers
    stuck: int
    is_over: bool
    findings: list[rollouts.Finding] = field(default_factory=list)


@dataclass(frozen=True)
class PlanPage:
    """A rollout with everything its page shows."""

    rollout: Rollout
    rows: list[WaveRow]
    numbers: Numbers
    nowhere: int
    seen: rollouts.HelpSeen
    pilot: rollouts.PilotSeen | None
    criteria: list[rollouts.Criterion]
    names: Mapping[int, str]

    @property
    def all_met(self) -> bool:
        """Tell whether the pilot meets everything that was asked of it."""
        return bool(self.criteria) and all(one.met for one in self.criteria)


def rollouts_listed() -> list[Rollout]:
    """Return all rollouts: the open one, planned ones, then what is over, newest first."""
    order = {state: n for n, state in enumerate(("open", "planned", "closed", "archived"))}
    rows = Rollout.objects.order_by("-starts_on", "-pk")
    return sorted(rows, key=lambda rollout: order[rollout.state])


def plan_page(rollout: Rollout, *, now: datetime) -> PlanPage:
    """Return a rollout with its waves and what is wrong with them; a fixed number of queries."""
    book, calendars = wave_book(rollout), organisation_book()
    pairs, outside = _pairs_by_wave(book)
    numbers = _numbers(rollout, pairs)
    seen = help_seen(_experience(rollout, book))
    stuck = stuck_by_wave(book.waves)
    today = local_day(now)
    found = rollouts.findings(
        [
            _planned(wave, reach, numbers.get(wave.pk, Numbers()), calendars)
            for wave, reach in zip(book.waves.values(), book.reaches, strict=True)
        ]
        if rollout.is_changeable
        else [],
        _frame(rollout, calendars, today),
        seen,
    )
    pilot = pilot_seen([wave.pk for wave in book.waves.values() if wave.is_pilot])
    return PlanPage(
        rollout=rollout,
        rows=[
            WaveRow(
                wave=wave,
                departments=[str(one) for one in wave.departments.all()],
                places=[str(one) for one in wave.places.all()],
                numbers=numbers.get(wave.pk, Numbers()),
                stuck=stuck.get(wave.pk, StuckSeen()).stuck,
                is_over=wave.ends_on < today,
                findings=[one for one in found if one.wave_id == wave.pk],
            )
            for wave in book.waves.values()
        ],
        numbers=_sum(numbers.values()),
        nowhere=_people_of(outside) if rollout.is_changeable else 0,
        seen=seen,
        pilot=pilot,
        criteria=_criteria(rollout, pilot) if pilot else [],
        names=dict(Department.objects.values_list("pk", "name")),
    )


def _experience(rollout: Rollout, book: WaveBook) -> list[int]:
    """Return the waves whose people say how much help is needed: of what runs, else of what was before."""
    if rollout.state != RolloutState.PLANNED:
        return list(book.waves)
    before = Wave.objects.filter(
        Q(rollout=rollout.follows_id) | Q(rollout__state=RolloutState.OPEN)
    )
    return list(before.values_list("pk", flat=True))


def _numbers(rollout: Rollout, pairs: Mapping[int, list[Pair]]) -> dict[int, Numbers]:
    """Return how many people each wave has: by their journeys, before it opens by their loans."""
    if rollout.state == RolloutState.PLANNED:
        return {wave_id: Numbers(people=_people_of(own)) for wave_id, own in pairs.items()}
    rows = (
        Journey.objects.open()
        .filter(wave__rollout=rollout)
        .values("wave")
        .annotate(
            people=Count("pk"),
            begun=Count("pk", filter=Q(begun_at__isnull=False)),
            ready=Count("pk", filter=Q(ready_at__isnull=False)),
            waiting=Count("pk", filter=Q(status="waiting")),
        )
        .order_by()
    )
    return {
        row["wave"]: Numbers(row["people"], row["begun"], row["ready"], row["waiting"])
        for row in rows
    }


def _people_of(pairs: Iterable[Pair]) -> int:
    return Loan.objects.open().with_person().filter(_of_pairs(pairs)).count()


def _sum(numbers: Iterable[Numbers]) -> Numbers:
    rows = list(numbers)
    return Numbers(
        people=sum(one.people for one in rows),
        begun=sum(one.begun for one in rows),
        ready=sum(one.ready for one in rows),
        waiting=sum(one.waiting for one in rows),
    )


def _planned(
    wave: Wave, reach: rollouts.Reach, numbers: Numbers, calendars: CalendarBook
) -> rollouts.PlannedWave:
    return rollouts.PlannedWave(
        reach=reach,
        name=wave.name,
        starts_on=local_day(wave.starts_at),
        ends_on=wave.ends_on,
        opens=clock.is_open(calendars.default, wave.starts_at),
        to_begin=numbers.not_begun,
        people=numbers.people,
        has_helper=wave.helper_id is not None,
        is_pilot=wave.is_pilot,
    )


def _frame(rollout: Rollout, calendars: CalendarBook, today: date) -> rollouts.Frame:
    return rollouts.Frame(
        starts_on=rollout.starts_on,
        deadline_on=rollout.deadline_on,
        starts_a_day=rollout.starts_a_day,
        help_minutes_a_day=rollout.help_minutes_a_day,
        verdict=rollout.verdict,
        calendar=calendars.default,
        today=today,
    )


def _criteria(rollout: Rollout, pilot: rollouts.PilotSeen) -> list[rollouts.Criterion]:
    return rollouts.criteria(
        ready=rollout.pilot_ready_percent,
        minutes=rollout.pilot_active_minutes,
        help_percent=rollout.pilot_help_percent,
        seen=pilot,
    )


def helpers(*, on: date) -> list[User]:
    """Return who may be named as the one who helps: IT and leads of today."""
    people = User.objects.with_role(*IT_ROLES, Role.LEAD, Role.DESK, on=on)
    return list(people.order_by("kana", "pk"))


@dataclass(frozen=True)
class Branch:
    """A bureau with what lies under it, to choose from."""

    name: str
    departments: list[tuple[int, str]]
    is_open: bool = False


def departments_to_choose(*, on: date, chosen: Collection[int] = ()) -> list[Branch]:
    """Return today's departments, bureau by bureau, each bureau itself on top; open where chosen."""
    rows = {
        d.pk: d
        for d in Department.objects.filter(
            Q(valid_to_on__isnull=True) | Q(valid_to_on__gte=on)
        ).order_by("pk")
    }
    found: dict[int, list[tuple[int, str]]] = {
        pk: [(pk, d.name)] for pk, d in rows.items() if d.parent_id not in rows
    }
    for pk, department in rows.items():
        top = department
        while top.parent_id in rows:
            top = rows[top.parent_id]
        if top.pk != pk:
            found[top.pk].append((pk, department.name))
    return [
        Branch(rows[pk].name, own, is_open=any(key in chosen for key, _name in own))
        for pk, own in found.items()
    ]


# --- before the boxes go out -------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One thing that must be ready: how many of how many are not, and some of them by name.

    An account is known where the roll has one, or an address, as Google's list is compared too.
    """

    kind: CheckKind
    missing: int = 0
    among: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def lack(self) -> str:
        """Return what is missing, in words."""
        return str(LACKS[self.kind])

    @property
    def is_ready(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing

    @property
    def more(self) -> int:
        """Return how many are not named."""
        return self.missing - len(self.examples)


@dataclass(frozen=True)
class Spot:
    """A place of a wave, and what was looked at there: who said so, and when."""

    place: Place
    devices: int
    charged: WaveMark | None
    wifi: WaveMark | None

    @property
    def marks(self) -> list[tuple[MarkKind, WaveMark | None]]:
        """Return both, in the order of the page."""
        return [(MarkKind.CHARGED, self.charged), (MarkKind.WIFI, self.wifi)]


@dataclass(frozen=True)
class Preflight:
    """What is ready for a wave and what is not."""

    checks: list[Check]
    spots: list[Spot]
    licensed: WaveMark | None = None

    @property
    def red(self) -> list[Check]:
        """Return what is missing."""
        return [check for check in self.checks if not check.is_ready]

    @property
    def green(self) -> list[Check]:
        """Return what is ready."""
        return [check for check in self.checks if check.is_ready]


def preflight(wave: Wave, *, rights: Rights, now: datetime) -> Preflight:
    """Return what is ready for the part of a wave one may see; a fixed number of queries."""
    today = local_day(now)
    own = loans_of(wave, rights=rights)
    printed = BoxCode.objects.filter(
        device=OuterRef("device"), retired_at__isnull=True, printed_at__isnull=False
    )
    has_label = set(own.filter(Exists(printed)).values_list("pk", flat=True))
    loans = list(
        own.select_related("device", "person", "department", "place").order_by(
            "place__name", "department_id", "device__asset_tag", "pk"
        )
    )
    marks = {(mark.place_id, mark.kind): mark for mark in wave.marks.select_related("made_by")}
    spots = _spots(loans, marks)
    licensed = marks.get((None, MarkKind.LICENSED))
    return Preflight(
        licensed=licensed,
        checks=[
            Check(CheckKind.GUIDE, missing=published_edition() is None, among=1),
            _check(CheckKind.WORDS, Variable.objects.order_by("position"), _is_example),
            _without_device(wave, rights, on=today),
            _check(CheckKind.LABELS, loans, lambda loan: loan.pk not in has_label),
            _check(
                CheckKind.ACCOUNTS,
                [loan.person for loan in loans if loan.person is not None],
                lambda person: not (person.account or person.email),
            ),
            Check(CheckKind.LICENSED, missing=licensed is None, among=1),
            _check(CheckKind.PLACES, loans, lambda loan: loan.place is None),
            _check(
                CheckKind.HOURS, [s.place for s in spots], lambda place: place.hours_id is None
            ),
            _without_lead(loans, on=today),
            Check(CheckKind.HELPER, missing=wave.helper_id is None, among=1),
            _check(CheckKind.CHARGED, spots, lambda spot: spot.charged is None),
            _check(CheckKind.WIFI, spots, lambda spot: spot.wifi is None),
        ],
        spots=spots,
    )


def _check(kind: CheckKind, rows: Iterable[T], is_missing: Callable[[T], bool]) -> Check:
    listed = list(rows)
    missing = [row for row in listed if is_missing(row)]
    return Check(kind, len(missing), len(listed), [_name(row) for row in missing[:EXAMPLES]])


def _is_example(variable: Variable) -> bool:
    return variable.is_example


def _name(row: object) -> str:
    """Say which one is meant, without a person's name: labels and accounts are known by number."""
    if isinstance(row, Loan):
        where = row.place.name if row.place else row.department.name
        return f"{row.device} {where}"
    if isinstance(row, User):
        return f"{row.name} ({row.staff_number or ''})"
    if isinstance(row, Spot):
        return row.place.name
    if isinstance(row, Variable):
        return row.key
    return str(row)


def _without_device(wave: Wave, rights: Rights, *, on: date) -> Check:
    """Return who works here and has no device, of the wave's departments and places."""
    lent = Loan.objects.open().filter(person=OuterRef("pk"))
    people = User.objects.present(on=on).filter(
        department__isnull=False, staff_number__isnull=False
    )
    if not rights.is_it:
        people = people.filter(
            Q(department_id__in=rights.departments) | Q(place_id__in=rights.places)
        )
    book = wave_book(wave.rollout)
    pairs = people.values_list("department_id", "place_id").distinct().order_by()
    own = [pair for pair in pairs if (found := book.of(*pair)) and found.pk == wave.pk]
    here = people.filter(_of_pairs(own))
    missing = here.filter(~Exists(lent)).order_by("kana", "pk")
    named = [_name(person) for person in missing[:EXAMPLES]]
    return Check(CheckKind.DEVICES, missing.count(), here.count(), named)


def _without_lead(loans: Sequence[Loan], *, on: date) -> Check:
    """Return the departments of some loans that nobody leads, neither them nor their places."""
    grants = Grant.objects.valid(on=on).filter(
        role=Role.LEAD, person__in=User.objects.present(on=on)
    )
    rows = list(grants.values_list("department_id", "place_id"))
    led = with_all_below(department for department, _place in rows if department)
    places = {place for _department, place in rows if place}
    names = {loan.department_id: loan.department.name for loan in loans}
    alone = sorted(
        {
            loan.department_id
            for loan in loans
            if loan.department_id not in led and loan.place_id not in places
        }
    )
    return Check(
        CheckKind.LEADS, len(alone), len(names), [names[pk] for pk in alone[:EXAMPLES]]
    )


def _spots(
    loans: Sequence[Loan], marks: Mapping[tuple[int | None, str], WaveMark]
) -> list[Spot]:
    found: dict[int, Place] = {}
    number: dict[int, int] = defaultdict(int)
    for loan in loans:
        if loan.place is not None:
            found[loan.place.pk] = loan.place
            number[loan.place.pk] += 1
    return [
        Spot(
            place=place,
            devices=number[pk],
            charged=marks.get((pk, MarkKind.CHARGED)),
            wifi=marks.get((pk, MarkKind.WIFI)),
        )
        for pk, place in found.items()
    ]


def may_see(wave: Wave, rights: Rights) -> bool:
    """Tell whether a wave is any matter of somebody: IT, or a lead of some of its people."""
    if rights.is_it:
        return True
    return rights.is_lead and loans_of(wave, rights=rights).exists()


def place_in_scope(wave: Wave, place_id: int, rights: Rights) -> Place | None:
    """Return a place of a wave where somebody may say what was looked at."""
    loans = loans_of(wave, rights=rights).filter(place=place_id)
    return Place.objects.filter(pk=place_id).first() if loans.exists() else None


def waves_of_lead(rights: Rights) -> list[Wave]:
    """Return the waves of the open rollout that concern somebody's own people."""
    book = wave_book()
    pairs = (
        Loan.objects.open()
        .filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))
        .values_list("department_id", "place_id")
        .distinct()
        .order_by()
    )
    found = {wave.pk for pair in pairs if (wave := book.of(*pair))}
    return [wave for pk, wave in book.waves.items() if pk in found]


# --- what starts when --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """When somebody's wave begins, and what to know before; `later` is when there is room again."""

    wave: Wave
    at: datetime
    place: Place | None
    is_own: bool = False
    beginning: int = 0
    later: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Tell whether the wave is on hold."""
        return self.wave.held_at is not None


def start_of_loan(loan: Loan, *, now: datetime) -> Start | None:
    """Return when the wave of a box begins, while its person has not begun (one query, or two)."""
    journey = (
        Journey.objects.open()
        .filter(loan=loan, begun_at__isnull=True, wave__rollout__state=RolloutState.OPEN)
        .select_related("wave", "place")
        .first()
    )
    return _start(journey, now=now) if journey else None


def start_of_journey(journey: Journey, *, now: datetime) -> Start | None:
    """Return when somebody means to begin: the own time, else the wave's."""
    wave = journey.wave
    if wave is None or journey.begun_at is not None:
        return None
    own = prepared(journey).planned_at
    start = _start(journey, now=now)
    if start is None or own is None:
        return start
    return Start(wave, own, start.place, is_own=True, beginning=start.beginning)


def _start(journey: Journey, *, now: datetime) -> Start | None:
    wave = journey.wave
    if wave is None:
        return None
    begun: list[datetime] = []
    if wave.starts_limit is not None and journey.place_id is not None:
        since = now - rules.BEGINNING
        moments = Journey.objects.open().filter(
            wave=wave, place=journey.place_id, begun_at__gt=since, ready_at__isnull=True
        )
        begun = [at for at in moments.values_list("begun_at", flat=True) if at is not None]
    return Start(
        wave=wave,
        at=wave.starts_at,
        place=journey.place,
        beginning=len(begun),
        later=rules.come_back_at(begun, wave.starts_limit, now),
    )


# --- calendars ---------------------------------------------------------------------------------------


def _host() -> str:
    return urlsplit(settings.SITE_URL).hostname or "kitto.invalid"


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def wave_appointment(wave: Wave, *, title: str, words: str, url: str) -> rules.Appointment:
    """Return a wave as an appointment: each working day where it has hours, else from first to last."""
    calendar = organisation_book().default
    starts = wave.starts_at.astimezone(_zone())
    first, last = starts.date(), max(wave.ends_on, starts.date())
    daily = wave.to_time is not None and wave.to_time > starts.time()
    end = wave.to_time if daily and wave.to_time else rules.closing_time(calendar, last)
    ends = starts.replace(hour=end.hour, minute=end.minute)
    if not daily:
        ends = ends.replace(year=last.year, month=last.month, day=last.day)
    return rules.Appointment(
        uid=f"{wave.calendar_uid}@{_host()}",
        sequence=wave.version,
        stamp=wave.written_at,
        starts_at=starts,
        ends_at=max(ends, starts + rules.BEGINNING),
        title=title,
        place="、".join(place.name for place in wave.places.all()),
        words=words,
        url=url,
        last_on=last if daily else None,
        closed=rules.closed_days(calendar, first, last) if daily else (),
    )


def rollout_appointments(rollout: Rollout) -> list[rules.Appointment]:
    """Return every wave of a rollout as an appointment: departments and places, nobody's name."""
    waves = rollout.waves.prefetch_related("departments", "places").order_by("starts_at", "pk")
    return [
        wave_appointment(
            wave,
            title=f"{rollout.name} {wave.name}",
            words="、".join(department.name for department in wave.departments.all()),
            url="",
        )
        for wave in waves
    ]


def own_appointment(
    journey: Journey, start: Start, *, title: str, words: str, url: str, now: datetime
) -> rules.Appointment:
    """Return somebody's own beginning as an appointment, as long as the guide takes."""
    starts = start.at.astimezone(_zone())
    return rules.Appointment(
        uid=f"start-{journey.pk}-{start.wave.calendar_uid}@{_host()}",
        # The own time may change at any moment and back: what is fetched later is newer.
        sequence=int(now.timestamp()) // 60 - COUNTED_FROM,
        stamp=now,
        starts_at=starts,
        ends_at=starts + timedelta(minutes=minutes_to_ready()),
        title=title,
        place=start.place.name if start.place else "",
        words=words,
        url=url,
    )


def minutes_to_ready() -> int:
    """Return how long the published guide takes until a device can be used."""
    edition = published_edition()
    lines = step_lines(edition.pk, settings.LANGUAGE_CODE) if edition else []
    needed = [
        line.minutes for line in lines if line.milestone == Milestone.READY and line.required
    ]
    return sum(needed) or USUAL_MINUTES


# --- who is told -------------------------------------------------------------------------------------


def waves_about_to_begin(*, book: CalendarBook, now: datetime) -> list[Wave]:
    """Return the waves that begin on the next working day and were not announced for that day."""
    today = local_day(now)
    coming = Wave.objects.filter(
        rollout__state=RolloutState.OPEN, starts_at__gt=now, held_at__isnull=True
    )
    return [
        wave
        for wave in coming.select_related("rollout").order_by("starts_at", "pk")
        if rules.day_before(book.default, local_day(wave.starts_at)) <= today
        and wave.reminded_for_on != local_day(wave.starts_at)
    ]


def waves_that_may_stop() -> QuerySet[Wave]:
    """Return the waves that hold themselves when too many are stuck."""
    return Wave.objects.filter(
        rollout__state=RolloutState.OPEN,
        held_at__isnull=True,
        stuck_limit_percent__isnull=False,
    ).order_by("pk")
