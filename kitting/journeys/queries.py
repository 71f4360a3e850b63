"""Questions about an employee's way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import BigIntegerField, CharField, Count, F, Q, Sum, Value
from django.db.models.functions import Cast, Concat, TruncDate
from django.http import Http404
from django.utils.crypto import salted_hmac

from accounts.models import Throttle, User
from accounts.ready import Ready
from kitting.devices.queries import BoxView, device_by_code
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.pages import lessons, outline
from kitting.guides.queries.paper import all_pages, paper_sheet
from kitting.guides.queries.shared import flags_name, made_once
from kitting.guides.states import Milestone
from kitting.journeys import rules
from kitting.journeys.models import Event, Journey, StepRecord, Tally
from kitting.journeys.states import (
    ADVANCING,
    EventKind,
    HelpState,
    Look,
    Result,
    Status,
    TallyKind,
    Via,
)
from kitting.lib.codes import shown
from kitting.site.queries import flags as site_flags
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from django.contrib.auth.models import AnonymousUser
    from django.db.models import Aggregate, QuerySet
    from django.db.models.expressions import CombinedExpression
    from django.http import HttpRequest

    from accounts.queries import Rights
    from kitting.devices.models import Device, Loan
    from kitting.guides.queries.shapes import LessonView, Outline, PhaseView, StepPage
    from kitting.guides.queries.shapes import StepLine as GuideLine
    from kitting.guides.queries.shared import Noted
    from kitting.journeys.models import JourneyQuerySet
    from kitting.site.queries import SiteRequest

BOX_KEY = "box"
# A browser that several people use, and when somebody last did something in it.
SHARED_COOKIE = "kitto_shared"
SEEN_KEY = "seen"
SHARED_IDLE = timedelta(minutes=3)
# On paper, what nobody knows yet is a place to write.
BLANK = "________"
# How long a box session reads on after everything is done.
BOX_GRACE = timedelta(days=1)


# --- how many -------------------------------------------------------------------------------------


class TallyRow(NamedTuple):
    """So many journeys of a group count under a key; groups nobody asked for are None."""

    kind: str
    key: str
    department_id: int | None
    place_id: int | None
    wave_id: int | None
    edition_id: int | None
    number: int


GROUPS = ("department", "place", "wave", "edition")
# What no row of a journey says: of tickets, or of the counts themselves.
BESIDE = (TallyKind.QUESTION, TallyKind.MINUTES, TallyKind.COMPLETE)
NO_GROUPS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """What is to be counted of one kind, by which groups, from which key on.

    Times of steps are kept for everybody together: `everywhere` asks for them as they are.
    """

    kind: TallyKind
    by: Collection[str] = NO_GROUPS
    since: str = ""
    everywhere: bool = False


def tallies(
    wanted: Sequence[Wanted], *, cells: Q | None = None, journeys: Q | None = None
) -> list[TallyRow]:
    """Return what is counted, in one statement.

    `cells` narrows by the groups that counts are kept by; `journeys` by anything else about a
    journey, which only counting the rows themselves can answer. What is kept of tickets is there
    only where the answer was kept: whoever wants COMPLETE is told.
    """
    if settings.BOARD_COUNTERS and journeys is None:
        found = kept_tallies(wanted, cells=cells)
        if any(row.kind == TallyKind.COMPLETE for row in found):
            kinds = {want.kind for want in wanted}
            return [row for row in found if row.kind in kinds]
    return live_tallies(wanted, cells=cells, journeys=journeys)


def kept_tallies(wanted: Sequence[Wanted], *, cells: Q | None = None) -> list[TallyRow]:
    """Return what was counted along the way, and the line that says whether that is everything."""
    lines = Tally.objects.all()
    arms = [_arm(lines.filter(kind=TallyKind.COMPLETE), TallyKind.COMPLETE, F("key"), ())]
    for want in wanted:
        if want.kind == TallyKind.COMPLETE:
            continue
        if want.kind == TallyKind.TOOK and cells and not want.everywhere:
            arms.append(_arm_of_times(cells))
            continue
        of_kind = lines.filter(kind=want.kind, key__gte=want.since)
        if cells and want.kind != TallyKind.TOOK:
            of_kind = of_kind.filter(cells)
        arms.append(_arm(of_kind, want.kind, F("key"), want.by, number=Sum("number")))
    return [row for row in _united(arms) if row.number]


def live_tallies(
    wanted: Sequence[Wanted], *, cells: Q | None = None, journeys: Q | None = None
) -> list[TallyRow]:
    """Return the same from the journeys themselves."""
    rows = Journey.objects.open().filter(cells or Q(), journeys or Q())
    arms = []
    for want in wanted:
        if want.kind in BESIDE:
            continue
        if want.kind == TallyKind.TOOK:
            narrowed = Q() if want.everywhere else (cells or Q()) & (journeys or Q())
            arms.append(_arm_of_times(narrowed))
        else:
            arms.append(_live_arm(rows, want))
    return _united(arms)


def _live_arm(rows: JourneyQuerySet, want: Wanted) -> QuerySet[Any]:
    if want.kind == TallyKind.STATUS:
        return _arm(rows, want.kind, F("status"), want.by)
    if want.kind == TallyKind.STEP:
        rows = rows.filter(status__in=(Status.IN_PROGRESS, Status.WAITING))
        return _arm(rows, want.kind, F("current_step"), want.by)
    if want.kind == TallyKind.NOTICED:
        return _arm(rows.filter(is_noticed=True), want.kind, Value(""), want.by)
    return _arm_of_ready(rows, want)


def _arm_of_times(narrowed: Q) -> QuerySet[Any]:
    """Count how long steps took, on journeys that are over too."""
    times = StepRecord.objects.filter(seconds__isnull=False).exclude(result=Result.SKIPPED)
    if narrowed:
        times = times.filter(journey__in=Journey.objects.filter(narrowed))
    pieces = Cast(_whole("seconds", rules.PIECE), CharField())
    return _arm(times, TallyKind.TOOK, Concat("step_key", Value(":"), pieces), ())


def _arm_of_ready(rows: JourneyQuerySet, want: Wanted) -> QuerySet[Any]:
    ready = rows.filter(ready_at__isnull=False)
    if want.kind == TallyKind.DAY:
        zone = ZoneInfo(settings.TIME_ZONE)
        if want.since:
            first = datetime.fromisoformat(want.since).replace(tzinfo=zone)
            ready = ready.filter(ready_at__gte=first)
        return _arm(ready, want.kind, TruncDate("ready_at", tzinfo=zone), want.by)
    if want.kind == TallyKind.TIME:
        timed = ready.filter(ready_seconds__isnull=False)
        return _arm(timed, want.kind, _whole("ready_seconds", rules.MINUTE), want.by)
    if want.kind == TallyKind.ASKING:
        return _arm(ready.filter(help_state=HelpState.ASKED), want.kind, Value(""), want.by)
    return _arm(ready.filter(asked_at__isnull=True), want.kind, Value(""), want.by)


def _whole(field: str, piece: int) -> CombinedExpression:
    return (F(field) + (piece - 1)) / piece


def _arm(
    rows: QuerySet[Any],
    kind: str,
    key: Any,
    by: Collection[str],
    *,
    number: Aggregate | None = None,
) -> QuerySet[Any]:
    nobody = Cast(Value(None), BigIntegerField())
    groups = {f"of_{name}": F(f"{name}_id") if name in by else nobody for name in GROUPS}
    said = rows.annotate(
        of_kind=Value(str(kind), CharField()), of_key=Cast(key, CharField()), **groups
    )
    counted: QuerySet[Any] = (
        said.values("of_kind", "of_key", *groups)
        .annotate(people=number or Count("pk"))
        .values_list("of_kind", "of_key", *groups, "people")
        .order_by()
    )
    return counted


def _united(arms: Sequence[QuerySet[Any]]) -> list[TallyRow]:
    first, *others = arms
    return [TallyRow(*row) for row in first.union(*others, all=True)]


@dataclass(frozen=True)
class Access:
    """A journey somebody may read and advance, and through which door."""

    journey: Journey
    via: Via
    actor: User | None
    client_at: datetime | None = None


with_loan_and_person = Ready(
    lambda pk: Journey.objects.select_related("loan__device", "person").filter(pk=pk), int
)
_alone = Ready(lambda pk: Journey.objects.filter(pk=pk), int)
records_of = Ready(lambda pk: StepRecord.objects.filter(journey=pk), int)


def journey_for(
    *,
    journey_id: int,
    user: User | AnonymousUser,
    box: object,
    now: datetime,
    grace: timedelta,
    alone: bool = False,
) -> Access | None:
    """Return a journey if this visitor may walk it: its person signed in, or its box session.

    `box` is what the browser's session keeps under BOX_KEY. A box session ends with the journey, with
    a raised epoch (loss, exchange), and `grace` after everything is done. One query; the device and the
    person come along unless it is asked for `alone`.
    """
    journey = (_alone if alone else with_loan_and_person).first(journey_id)
    if journey is None:
        return None
    if isinstance(user, User):
        own = journey.person_id == user.pk and journey.closed_at is None
        return Access(journey, Via.SIGN_IN, user) if own else None
    if not isinstance(box, dict) or box.get("journey") != journey.pk:
        return None
    ended = (
        journey.closed_at is not None
        or box.get("epoch") != journey.box_epoch
        or (journey.at_home_at is not None and journey.at_home_at + grace < now)
    )
    return None if ended else Access(journey, Via.BOX, None)


def journey_here(request: SiteRequest, journey_id: int, *, alone: bool = False) -> Access:
    """Return the journey if this visitor may walk it; for all others it does not exist."""
    access = journey_for(
        journey_id=journey_id,
        user=request.user,
        box=request.session.get(BOX_KEY),
        now=request.now,
        grace=BOX_GRACE,
        alone=alone,
    )
    if access is None:
        raise Http404
    return access


def holder_key(*, user: User | AnonymousUser | None, box: object) -> str:
    """Return what tells whose browser this is, for nobody but the browser itself; empty for nobody's.

    What a browser keeps for reading without a network belongs to one holder and goes with it.
    """
    if isinstance(user, User):
        whose = f"person {user.pk}"
    elif isinstance(box, dict):
        whose = f"box {box.get('journey')} {box.get('epoch')}"
    else:
        return ""
    return salted_hmac("kitting.journeys.holder", whose).hexdigest()[:16]


def own_journeys(person: User) -> list[Journey]:
    """Return a person's open journeys, the one being worked on first."""
    return list(
        Journey.objects.of(person)
        .select_related("loan__device", "place", "department__parent")
        .order_by("at_home_at", "-begun_at", "pk")
    )


# What pages say of one device or one person, and never keep for others.
OWN_WORDS = frozenset(
    {"asset_tag", "box_code", "serial_last4", "minutes_used", "account", "account_example"}
)


def device_words(journey: Journey, *, signed_in: bool) -> dict[str, str]:
    """Return the words of the guide that come from the device and, after sign-in, the person.

    The Chromebook account is shown only after a full sign-in.
    """
    device = journey.loan.device
    words = {
        "asset_tag": device.asset_tag or "",
        "box_code": shown(device.code) if device.code else "",
        "serial_last4": "",
        "minutes_used": str(max(1, round(journey.active_seconds / 60))),
    }
    if signed_in and journey.person.account:
        words["account"] = words["account_example"] = journey.person.account
    return words


@dataclass(frozen=True, slots=True)
class PrintedGuide:
    """The whole guide of a box as it is printed: nothing in it depends on a person."""

    outline: Outline
    chapters: list[tuple[PhaseView, list[StepPage]]]
    lessons: list[LessonView]
    note: str
    words: dict[str, str]
    flags: Mapping[str, str]


def printed_guide(device: Device, loan: Loan | None, *, language: str) -> PrintedGuide | None:
    """Return the guide of a box: the one its journey began with, else the one it would begin with."""
    journey = journey_of_loan(loan) if loan else None
    if journey is not None and journey.edition_id is not None:
        edition_id, flags = journey.edition_id, journey.flags
    else:
        edition = published_edition()
        if edition is None:
            return None
        edition_id, flags = edition.pk, site_flags()
    place = loan.place if loan else None
    say = {
        "asset_tag": device.asset_tag or BLANK,
        "box_code": shown(device.code) if device.code else BLANK,
    }
    if place is not None and place.wifi_name:
        say["wifi_name"] = place.wifi_name
    return _printed(edition_id, flags, say, language)


def public_guide(*, language: str) -> PrintedGuide | None:
    """Return the guide as anybody may have it: of no box, no place and nobody; None without an edition."""
    edition = published_edition()
    return _printed(edition.pk, site_flags(), {}, language) if edition else None


def _printed(
    edition_id: int, flags: Mapping[str, str], own: Mapping[str, str], language: str
) -> PrintedGuide:
    blank = dict.fromkeys(("asset_tag", "box_code", "serial_last4", "minutes_used"), BLANK)
    say = {**site_words(language=language), **blank, **own}
    found = outline(edition_id, flags, say, language)
    pages = all_pages(edition_id, flags, say, language)
    return PrintedGuide(
        outline=found,
        chapters=[
            (phase, [page for page in pages if page.phase.key == phase.key])
            for phase in found.phases
        ],
        lessons=lessons(edition_id, flags, say, language),
        note=paper_sheet(edition_id, flags, say, language).note,
        words=say,
        flags=flags,
    )


# What the second person of a shared device does: it is enrolled and confirmed already.
SECOND_USER = frozenset({"sign-in", "first-screens", "screen-lock", "easy-to-see", "keep-safe"})


def second_user_steps(language: str) -> list[StepPage]:
    """Return the short guide of whoever uses a shared device after it was set up."""
    edition = published_edition()
    if edition is None:
        return []
    pages = all_pages(edition.pk, site_flags(), site_words(language=language), language)
    return [page for page in pages if page.key in SECOND_USER]


# --- the door -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TryLimit:
    """Under which key a try at a box is counted, how many there may be, and for how long."""

    key: str
    limit: int
    window: timedelta


def try_limits(*, code: str, client: str, browser: str, window: timedelta) -> list[TryLimit]:
    """Return what counts a try at a box; without a browser the address stands for one."""
    address = f"box:{code}:{client}"
    if not browser:
        return [TryLimit(address, rules.TRIES_PER_BROWSER, window)]
    return [
        TryLimit(f"{address}:{browser}", rules.TRIES_PER_BROWSER, window),
        TryLimit(address, rules.TRIES_PER_ADDRESS, window * rules.ADDRESS_WINDOWS),
    ]


_counted = Ready(lambda *keys: Throttle.objects.filter(key__in=keys), str, str)


def slowed_until(limits: Sequence[TryLimit], *, now: datetime) -> datetime | None:
    """Return until when whoever is counted so must wait, or nothing. One query."""
    allowed = {limit.key: limit.limit for limit in limits}
    used = _counted.rows(limits[0].key, limits[-1].key)
    until = (row.expires_at for row in used if row.count >= allowed[row.key])
    return max((at for at in until if at > now), default=None)


def is_waited_at(code: str, *, now: datetime) -> bool:
    """Tell whether wrong numbers were typed at a box lately, so that somebody may have to wait."""
    return Throttle.objects.open_at(now).filter(key__startswith=f"box:{code}:").exists()


def may_help_at(loan: Loan, rights: Rights) -> bool:
    """Tell whether a box belongs to somebody's own people; IT helps everybody."""
    return (
        rights.is_it
        or loan.department_id in rights.departments
        or loan.place_id in rights.places
    )


def box_address(code: str) -> str:
    """Return the address of a box's page, as it stands on its label."""
    return f"{settings.SITE_URL}/d/{code}"


def journey_of_loan(loan: Loan) -> Journey | None:
    """Return the open journey of a loan."""
    return Journey.objects.open().filter(loan=loan).first()


_at_box = Ready(
    lambda code: (
        Journey.objects.open()
        .filter(
            loan__ended_at__isnull=True,
            loan__device__box_codes__code=code,
            loan__device__box_codes__retired_at__isnull=True,
        )
        .select_related(
            "loan__device",
            "loan__person",
            "loan__department",
            "loan__place",
            "place",
            "wave__rollout",
        )
    ),
    str,
)


def box_and_journey(code: str) -> tuple[BoxView, Journey | None]:
    """Return what a stored code leads to, and the open journey of its loan with its wave.

    One query; two more where nobody is to begin with that box.
    """
    journey = _at_box.first(code)
    if journey is None:
        return device_by_code(code), None
    return BoxView("open", device=journey.loan.device, loan=journey.loan), journey


def is_over(journey: Journey, *, now: datetime) -> bool:
    """Tell whether the box opens a journey no longer, because all was done a while ago."""
    return journey.at_home_at is not None and journey.at_home_at + BOX_GRACE < now


# --- a PC for several people ----------------------------------------------------------------------


def is_shared_pc(request: HttpRequest) -> bool:
    """Tell whether somebody said that several people use this browser."""
    return request.COOKIES.get(f"{settings.COOKIE_PREFIX}{SHARED_COOKIE}") == "1"


def is_inside(request: HttpRequest) -> bool:
    """Tell whether somebody is signed in here, fully or with a box."""
    session = getattr(request, "session", None)
    return request.user.is_authenticated or (session is not None and BOX_KEY in session)


def is_idle(seen: object, now: datetime) -> bool:
    """Tell whether the last thing somebody did is too long ago; nothing known is not idle."""
    return isinstance(seen, str) and now - datetime.fromisoformat(seen) > SHARED_IDLE


# --- how far --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StepState:
    """A step of somebody's way, and how far it is; `current` is the one on the page."""

    key: str
    number: int
    title: str
    minutes: int
    required: bool
    milestone: str
    look: Look
    current: bool
    done_at: datetime | None

    @property
    def done(self) -> bool:
        """Tell whether nothing is left to do here."""
        return self.look in (Look.DONE, Look.LIKELY, Look.SKIPPED)


@dataclass(frozen=True, slots=True)
class PhaseState:
    """A phase of somebody's way; `goal` says that a milestone is reached at its end."""

    key: str
    number: int
    title: str
    note: str
    read_on: str
    goal: bool
    steps: tuple[StepState, ...]

    @property
    def total(self) -> int:
        """Return how many steps the phase has."""
        return len(self.steps)

    @property
    def done(self) -> int:
        """Return how many of them are done."""
        return sum(step.done for step in self.steps)

    @property
    def current(self) -> bool:
        """Tell whether the page is about a step of this phase."""
        return any(step.current for step in self.steps)


@dataclass(frozen=True, slots=True)
class Way:
    """Somebody's whole way at a glance; minutes count required steps that are left.

    `at` is the step on the page, or the one to go on with; `next` is the one to go on with.
    """

    title: str
    about: str
    phases: tuple[PhaseState, ...]
    at: StepState | None
    next: StepState | None
    minutes_to_ready: int
    minutes_to_end: int

    @property
    def steps(self) -> tuple[StepState, ...]:
        """Return all steps in order."""
        return tuple(step for phase in self.phases for step in phase.steps)

    @property
    def number(self) -> int:
        """Return the number of the step on the page; after the last step, of the last one."""
        return self.at.number if self.at else self.total

    @property
    def total(self) -> int:
        """Return how many steps there are."""
        return len(self.steps)

    @property
    def done(self) -> int:
        """Return how many of them are done."""
        return sum(step.done for step in self.steps)

    @property
    def left_out(self) -> int:
        """Return how many of them were left out: nothing is to do there, and nothing was done."""
        return sum(step.look == Look.SKIPPED for step in self.steps)

    @property
    def carried_out(self) -> int:
        """Return how many of them were really done, as far as anybody knows."""
        return self.done - self.left_out

    @property
    def minutes_left(self) -> int:
        """Return the minutes to the next milestone."""
        return self.minutes_to_ready or self.minutes_to_end

    def step(self, key: str) -> StepState | None:
        """Return one step."""
        return next((step for step in self.steps if step.key == key), None)


def way_of(
    journey: Journey,
    *,
    records: Iterable[StepRecord],
    words: Mapping[str, str],
    language: str,
    at: str = "",
) -> Way | None:
    """Return how far somebody is, in a language; nothing where no guide is published.

    Before the journey begins, the way is that of the guide it would begin with (two queries more).
    """
    edition_id, flags = journey.edition_id, journey.flags
    if edition_id is None:
        edition = published_edition()
        if edition is None:
            return None
        edition_id, flags = edition.pk, site_flags()
    found = outline(edition_id, flags, words, language)
    return _way(found, {r.step_key: r for r in records}, at or journey.current_step)


def way_at(
    journey: Journey,
    *,
    records: Collection[StepRecord],
    words: Noted,
    language: str,
    at: str,
) -> tuple[Way, str]:
    """Return the way as the page of a step shows it, without times, and the label it is kept under.

    Everybody at the same step with the same steps behind them has the same.
    """
    edition_id = cast("int", journey.edition_id)
    looks = tuple(sorted((r.step_key, look_of(r, is_here=False)) for r in records))
    return made_once(
        edition_id,
        ("way", language, flags_name(journey.flags), looks, at),
        words,
        lambda: _way(
            outline(edition_id, journey.flags, words, language),
            {r.step_key: r for r in records},
            at,
            timed=False,
        ),
    )


def _way(
    found: Outline, records: Mapping[str, StepRecord], at: str, *, timed: bool = True
) -> Way:
    ready = [
        phase.key
        for phase in found.phases
        if any(line.milestone == Milestone.READY for line in phase.steps)
    ]
    goals = {*ready[-1:], *(phase.key for phase in found.phases[-1:])}
    phases = tuple(
        _phase(number, phase, records, at, goal=phase.key in goals, timed=timed)
        for number, phase in enumerate(found.phases, 1)
    )
    steps = [step for phase in phases for step in phase.steps]
    left = [step for step in steps if step.required and step.key not in records]
    return Way(
        title=found.title,
        about=found.about,
        phases=phases,
        at=next((step for step in steps if step.current), None),
        next=next((step for step in steps if not step.done), None),
        minutes_to_ready=sum(s.minutes for s in left if s.milestone == Milestone.READY),
        minutes_to_end=sum(step.minutes for step in left),
    )


def _phase(
    number: int,
    phase: PhaseView,
    records: Mapping[str, StepRecord],
    at: str,
    *,
    goal: bool,
    timed: bool,
) -> PhaseState:
    return PhaseState(
        key=phase.key,
        number=number,
        title=phase.title,
        note=phase.note,
        read_on=phase.read_on,
        goal=goal,
        steps=tuple(
            _step(line, records.get(line.key), at, timed=timed) for line in phase.steps
        ),
    )


def _step(line: GuideLine, record: StepRecord | None, at: str, *, timed: bool) -> StepState:
    return StepState(
        key=line.key,
        number=line.number,
        title=line.title,
        minutes=line.minutes,
        required=line.required,
        milestone=line.milestone,
        look=look_of(record, is_here=line.key == at),
        current=line.key == at,
        done_at=record.done_at if record and timed else None,
    )


def look_of(record: StepRecord | None, *, is_here: bool) -> Look:
    """Return how a step looks in a list."""
    if record is None:
        return Look.NOW if is_here else Look.OPEN
    if record.is_supposed:
        return Look.LIKELY
    return Look.SKIPPED if record.result == Result.SKIPPED else Look.DONE


def last_said(journey: Journey, step_key: str) -> Event | None:
    """Return what last gave a step its mark or took it away."""
    kinds = (*ADVANCING, EventKind.STEP_UNDONE)
    said = Event.objects.filter(journey=journey, step_key=step_key, kind__in=kinds)
    return said.order_by("-number").first()


def failed_tries(journey: Journey, step_key: str) -> int:
    """Return how often a check of a step did not pass since the step was last taken back."""
    kinds = Event.objects.filter(
        journey=journey,
        step_key=step_key,
        kind__in=(EventKind.CHECK_FAILED, EventKind.STEP_UNDONE),
    ).order_by("-number")
    tries = 0
    for kind in kinds.values_list("kind", flat=True):
        if kind == EventKind.STEP_UNDONE:
            break
        tries += 1
    return tries
