"""The invented city: seeding it, and playing its rollout through the actions the pages use."""

from __future__ import annotations

import heapq
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Max, Q

from accounts.forms import read_roll
from accounts.models import Department, Grant, User
from accounts.queries import CalendarBook, calendar_book, leads_for, local_day
from accounts.states import IT_ROLES, Role
from kitting.around import actions as around
from kitting.around.states import MacroState, Occasion
from kitting.demo import rules
from kitting.demo.queries import JOB, WIFI_STEP, before_wifi, holds_real_people
from kitting.devices.actions.life import Deed, hand_over, receive
from kitting.devices.forms import read_devices
from kitting.devices.models import BoxCode, Device
from kitting.escalation import actions as escalation
from kitting.escalation.actions.alerts import tell_askers
from kitting.escalation.models import Ticket
from kitting.escalation.states import (
    Level,
    Source,
    TicketKind,
    TicketState,
    Wish,
)
from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.guides.models import Step
from kitting.guides.queries.pages import rules_of_use
from kitting.jobs.actions import advance, finish, start_job
from kitting.jobs.models import Job
from kitting.jobs.queries import last_job, open_job
from kitting.jobs.states import OPEN
from kitting.journeys import actions as journeys
from kitting.journeys.models import Event, Journey
from kitting.journeys.rules import ARRIVAL_STEP, RECEIPT_STEP
from kitting.journeys.states import EventKind, HelpState, Method, Result, Via
from kitting.lib import clock
from kitting.notices.actions import deliver_due
from kitting.notices.states import Lane
from kitting.plan.actions import watch as watch_plan
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.states import MarkKind, RolloutState, Verdict
from kitting.site.models import SiteProfile
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import date

WINDOW = timedelta(minutes=5)
TICK = timedelta(minutes=15)
# More people than any city of the demo has.
EVERYBODY = 10_000
# The address under which the play's people come: no browser has such a one.
CLIENT = "demo-"

# What happens after IT has answered, whoever of IT that was.
ANSWER = "answer"
LOSSES = 3
# What share of leads does something, of those passes on, and of people finds it still broken.
LEADS_WHO_ACT = 0.75
LEADS_WHO_PASS = 0.12
STILL_BROKEN = 0.15

# Each wave: its name, on which working day it begins, and whose boxes come. IT's own bureau is first.
WAVES = (
    ("第1回", 0, ("未来創造部", "総務部")),
    ("第2回", 4, ("財務部",)),
    ("第3回", 8, ("福祉部",)),
    ("第4回", 12, ("健康部", "環境部")),
    ("第5回", 15, ("こども未来部",)),
    ("第6回", 20, ("市民部",)),
    ("第7回", 22, ("水道局",)),
    ("第8回", 23, ("産業経済部", "教育委員会")),
    ("第9回", 28, ("都市建設部",)),
)
# The play ends on the day of the seventh wave: much is done, and much is going on.
WORKING_DAYS_BEHIND = 22
DATA = Path(__file__).parent / "data" / "asahi"
ROLLOUT_NAME = "Chromebook 導入"
# What the city's IT can give: half of the day of four people; how many may begin at once.
HELP_MINUTES_A_DAY = 960
STARTS_A_DAY = 150
STARTS_AT_ONCE = 20
STUCK_LIMIT_PERCENT = 60


# --- the plan ---------------------------------------------------------------------------------------


@transaction.atomic
def plan_rollout(*, today: datetime, now: datetime) -> Rollout:
    """Make the demo's rollout: nine waves, most of them behind us on `today`."""
    book = calendar_book(country="JP")
    first = _working_days_back(book.default, today, WORKING_DAYS_BEHIND)
    rollout, made = Rollout.objects.get_or_create(
        name=ROLLOUT_NAME,
        defaults={
            "state": RolloutState.OPEN,
            "starts_on": first.date(),
            "deadline_on": (today + timedelta(days=24)).date(),
            "help_minutes_a_day": HELP_MINUTES_A_DAY,
            "starts_a_day": STARTS_A_DAY,
            "pilot_ready_percent": 80,
            "pilot_active_minutes": 90,
            "pilot_help_percent": 40,
        },
    )
    if not made:
        return rollout
    team = list(User.objects.with_role(*IT_ROLES, on=local_day(now)).order_by("pk"))
    for number, (name, days, bureaus) in enumerate(WAVES):
        begins = clock.add_working_days(book.default, first, days)
        wave = Wave.objects.create(
            rollout=rollout,
            name=name,
            starts_at=begins,
            ends_on=(begins + timedelta(days=11)).date(),
            is_pilot=number == 0,
            helper=team[number % len(team)] if team else None,
            starts_limit=STARTS_AT_ONCE,
            stuck_limit_percent=STUCK_LIMIT_PERCENT,
            changed_at=now,
        )
        wave.departments.set(Department.objects.filter(parent__isnull=True, name__in=bureaus))
    journeys.follow_waves(now=now)
    _make_ready(rollout, team, now=now)
    return rollout


def _make_ready(rollout: Rollout, team: Sequence[User], *, now: datetime) -> None:
    """Let everything be ready for all waves but the last: labels, boxes that are here, Wi-Fi tried out.

    The pilot was judged when it was over: the others could go on.
    """
    *prepared, last = rollout.waves.order_by("starts_at", "pk")
    ready = Journey.objects.filter(wave__in=prepared)
    # By their numbers: a server that has not looked at its new tables yet joins them row by row.
    devices = list(ready.values_list("loan__device_id", flat=True))
    BoxCode.objects.filter(device__in=devices).update(printed_at=now)
    by = team[0] if team else None
    receive(devices=list(Device.objects.filter(pk__in=devices)), deed=Deed(now, by))
    spots = ready.filter(place__isnull=False).values_list("wave", "place").distinct()
    WaveMark.objects.bulk_create(
        [
            WaveMark(wave_id=wave, place_id=place, kind=kind, made_at=now, made_by=by)
            for wave, place in spots.order_by("wave", "place")
            for kind in MarkKind
        ]
    )
    second = rollout.waves.order_by("starts_at", "pk")[1]
    Rollout.objects.filter(pk=rollout.pk).update(
        verdict=Verdict.GO,
        verdict_at=second.starts_at - timedelta(hours=17),
        verdict_by=by,
        verdict_why="つまずいた手順は 1 つで、手順書を直しました。次の回に進みます。",
    )
    Wave.objects.filter(pk=last.pk).update(helper=None)


def stage_end(*, book: CalendarBook, real_now: datetime) -> datetime:
    """Return the moment the demo should show: now in office hours, else the last afternoon."""
    if clock.is_open(book.default, real_now):
        return real_now
    zone = book.default.zone
    day = real_now.astimezone(zone)
    for back in range(1, 15):
        at = (day - timedelta(days=back)).replace(hour=14, minute=30, second=0, microsecond=0)
        if clock.is_open(book.default, at):
            return at
    return real_now


def _working_days_back(calendar: clock.Calendar, at: datetime, days: int) -> datetime:
    day = at.astimezone(calendar.zone).replace(hour=9, minute=0, second=0, microsecond=0)
    left = days
    while left:
        day -= timedelta(days=1)
        left -= clock.is_working_day(calendar, day.date())
    return day


# --- the play ---------------------------------------------------------------------------------------


@dataclass(order=True)
class Act:
    """Something somebody is going to do."""

    at: datetime
    number: int
    kind: str = field(compare=False)
    subject: int = field(compare=False)


@dataclass
class Stage:
    """The play while it runs: who will do what when, and what is known of everybody."""

    seed: int
    book: CalendarBook
    now: datetime
    until: datetime
    tick: datetime
    # Without visitors leads and IT are played too, and nobody sends the mails.
    alone: bool
    minutes: dict[str, int]
    team: list[User]
    people: dict[int, rules.Person] = field(default_factory=dict)
    # Each person's journey as it was last seen.
    journeys: dict[int, Journey] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)
    moves: dict[int, Act] = field(default_factory=dict)
    handled: set[tuple[int, int, str]] = field(default_factory=set)
    asked: set[int] = field(default_factory=set)
    sent_back: set[int] = field(default_factory=set)
    mixed_up: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    visited: set[int] = field(default_factory=set)
    last_event: int = 0
    invited_on: date | None = None
    found: int = 0
    _numbers: count[int] = field(default_factory=count)

    def add(self, at: datetime, kind: str, subject: int) -> Act:
        """Put something on the programme; what lies after the end never happens."""
        act = Act(at, next(self._numbers), kind, subject)
        heapq.heappush(self.acts, act)
        return act

    def add_move(self, at: datetime, journey_id: int) -> None:
        """Let a person go on at a moment, unless they do so earlier anyway: nobody is two people."""
        known = self.moves.get(journey_id)
        if known is None or at < known.at:
            self.moves[journey_id] = self.add(at, "move", journey_id)

    def is_due(self, act: Act) -> bool:
        """Tell whether something still happens: an earlier move takes the place of a later one."""
        return act.kind != "move" or self.moves.get(act.subject) is act


@dataclass(frozen=True)
class Played:
    """How far the play has come."""

    now: datetime
    finished: bool
    acts: int


@dataclass(frozen=True)
class Turn:
    """How long the play holds the write lock in one piece, and rests afterwards (real seconds)."""

    hold: float
    rest: float


# Alone, the play need not wait for anybody. Beside pages its pieces are so short, and its rests so
# long, that who waits for SQLite's lock (it looks every 1 to 50 ms at first) gets it within 0.25 s.
ALONE = Turn(hold=0.25, rest=0.0)
BESIDE_PAGES = Turn(hold=0.12, rest=0.06)


def play(  # noqa: PLR0913  # a play has this many settings, all named
    *,
    seed: int,
    people: int,
    start: datetime,
    until: datetime,
    seconds: float | None = None,
    turn: Turn = ALONE,
    progress: Callable[[datetime], bool] = lambda _now: True,
) -> Played:
    """Play the rollout from `start` to `until` in simulated time, the sweep running in it.

    Every person moves through the actions the pages use. `seconds` ends the play early (real time);
    a later call goes on from where the database is. `progress` hears the simulated moment with each
    piece, in the piece's own transaction; False from it ends the play.
    """
    stage = _stage(seed=seed, people=people, start=start, until=until)
    _plan_losses(stage)
    return _run(stage, seconds=seconds, turn=turn, progress=progress)


def _run(
    stage: Stage,
    *,
    turn: Turn,
    progress: Callable[[datetime], bool],
    seconds: float | None = None,
) -> Played:
    began, done, going_on = time.monotonic(), 0, True
    while going_on and stage.now < stage.until:
        with transaction.atomic():
            done += _piece(stage, hold=turn.hold)
            going_on = progress(min(stage.now, stage.until))
        if seconds is not None and time.monotonic() - began > seconds:
            break
        time.sleep(turn.rest)
    return Played(now=stage.now, finished=stage.now >= stage.until, acts=done)


def _piece(stage: Stage, *, hold: float) -> int:
    """Play on for a moment of real time; return how many acts that were."""
    began, done = time.monotonic(), 0
    while stage.now < stage.until and time.monotonic() - began < hold:
        if stage.acts and stage.acts[0].at <= stage.tick:
            act = heapq.heappop(stage.acts)
            if stage.is_due(act):
                stage.now = max(stage.now, act.at)
                _perform(stage, act)
                done += 1
        else:
            stage.now = min(stage.tick, stage.until)
            _tick(stage)
            stage.tick = _next_tick(stage.book, stage.now)
    return done


def _stage(
    *, seed: int, people: int, start: datetime, until: datetime, alone: bool = True
) -> Stage:
    """Return everybody who still has something to do, and what that is."""
    book = calendar_book(country="JP")
    stage = Stage(
        seed=seed,
        book=book,
        now=start,
        until=until,
        tick=_next_tick(book, start),
        alone=alone,
        minutes=dict(Step.objects.values_list("key", "minutes")),
        team=list(
            User.objects.with_role(Role.IT, Role.IT_LEAD, on=local_day(start)).order_by("pk")
        ),
    )
    _remember(stage)
    everybody = Journey.objects.open().order_by("person__staff_number", "pk")
    rows = (
        everybody.filter(pk__in=everybody.values("pk")[:people], at_home_at__isnull=True)
        .exclude(begun_at__isnull=True, wave__starts_at__gt=until)
        .select_related("person__place", "wave", "loan__device")
    )
    for journey in rows:
        person = journey.person
        stage.journeys[journey.pk] = journey
        stage.people[journey.pk] = rules.person(
            seed,
            person.staff_number or "",
            has_mail=bool(person.email),
            employment=person.employment,
            place=person.place.name if person.place else "",
        )
        waits_for_box = journey.loan.device_id in stage.mixed_up
        if waits_for_box or journey.help_state == HelpState.ASKED:
            stage.waiting.add(journey.pk)
        else:
            _schedule(stage, journey)
    return stage


def _remember(stage: Stage) -> None:
    """Know again, after an interruption, who asked, failed, paused or had the wrong box before."""
    stage.asked |= set(
        Event.objects.filter(kind__in=(EventKind.CHECK_FAILED, EventKind.PAUSED)).values_list(
            "journey_id", flat=True
        )
    )
    rows = Ticket.objects.filter(kind__in=(TicketKind.HELP, TicketKind.WRONG_BOX))
    for journey_id, device_id, state in rows.values_list("journey_id", "device_id", "state"):
        if journey_id:
            stage.asked.add(journey_id)
        if device_id:
            stage.sent_back.add(device_id)
        if device_id and state != TicketState.RESOLVED:
            stage.mixed_up.add(device_id)
    _notice_visitors(stage)


def _notice_visitors(stage: Stage) -> None:
    """Leave the journeys alone in which somebody acts by a real browser.

    Pages leave the client's address where somebody enters, and a key with every press.
    """
    newer = Event.objects.filter(pk__gt=stage.last_event)
    by_browser = Q(client_key__isnull=False) | (
        Q(note__isnull=False)
        & ~Q(note__client_address="")
        & ~Q(note__client_address__startswith=CLIENT)
    )
    stage.visited |= set(newer.filter(by_browser).values_list("journey_id", flat=True))
    stage.last_event = newer.aggregate(last=Max("pk"))["last"] or stage.last_event


def _plan_losses(stage: Stage) -> None:
    """Put a few lost devices on the programme: they happen once, whenever the play goes on."""
    known = set(Ticket.objects.filter(kind=TicketKind.LOSS).values_list("device_id", flat=True))
    pks = sorted(stage.people)
    for index in range(min(LOSSES, len(pks))):
        pk = pks[int(len(pks) * rules.chance_of(stage.seed, "loss", index))]
        device_id = stage.journeys[pk].loan.device_id
        share = (index + rules.chance_of(stage.seed, "loss-day", index)) / LOSSES
        day = clock.next_open(stage.book.default, stage.now + (stage.until - stage.now) * share)
        if device_id not in known:
            stage.add(day, "loss", device_id)


def _schedule(stage: Stage, journey: Journey) -> None:
    """Put a person's next move on the programme, from where the journey stands."""
    person = stage.people[journey.pk]
    calendar = stage.book.of_person(journey.person)
    if journey.at_home_at or (journey.ready_at and not person.practises):
        return
    if journey.begun_at is None:
        if person.kind == rules.NEVER:
            return
        base = journey.wave.starts_at if journey.wave else stage.now
        at = clock.add_working(calendar, base, person.starts_after)
        stage.add_move(max(at, clock.next_open(calendar, stage.now)), journey.pk)
        return
    stage.add_move(_after_step(stage, journey, calendar), journey.pk)


def _after_step(stage: Stage, journey: Journey, calendar: clock.Calendar) -> datetime:
    person = stage.people[journey.pk]
    key = journey.current_step
    needs = rules.step_time(
        stage.seed,
        journey.person.staff_number or "",
        key,
        minutes=stage.minutes.get(key, 3),
        pace=person.pace,
    )
    if person.kind == rules.STOPS and key == person.hard_step:
        needs += person.stops_for
    if journey.ready_at and journey.steps_done <= journey.ready_total:
        needs += timedelta(hours=20 * rules.chance_of(stage.seed, journey.pk, "practice"))
    since = journey.last_event_at or stage.now
    return max(
        clock.add_working(calendar, clock.next_open(calendar, since), needs),
        clock.next_open(calendar, max(journey.paused_until or since, stage.now)),
    )


def _perform(stage: Stage, act: Act) -> None:
    if act.kind == "move":
        stage.moves.pop(act.subject, None)
        _move(stage, act.subject)
    elif act.kind == "it":
        _it_helps(stage, act.subject)
    elif act.kind == "lead":
        _lead_helps(stage, act.subject)
    elif act.kind == ANSWER:
        _person_answers(stage, act.subject)
    elif act.kind == "loss":
        lose_device(device=Device.objects.get(pk=act.subject), now=stage.now)


def _move(stage: Stage, pk: int) -> None:
    """Let a person do the next thing: from the journey as last seen, for the actions look anew."""
    if pk in stage.visited or pk in stage.waiting:
        return
    journey, person = stage.journeys[pk], stage.people[pk]
    try:
        moved = (
            _begin(stage, journey, person)
            if journey.begun_at is None
            else _step(stage, journey, person)
        )
    except journeys.JourneyClosedError:
        return
    except journeys.StartsStoppedError:
        stage.add_move(stage.now + rules.HOUR, pk)
        return
    if moved is not None:
        _see(stage, moved)
        _end_well(stage, moved, person)
        _schedule(stage, moved)


def _see(stage: Stage, journey: Journey) -> None:
    """Keep a journey as it stands now, with what never changes during the play."""
    known = stage.journeys[journey.pk]
    journey.person, journey.wave, journey.loan = known.person, known.wave, known.loan
    stage.journeys[journey.pk] = journey


def _who(journey: Journey, person: rules.Person) -> journeys.Who:
    if person.signs_in and journey.arrived_at is not None:
        return journeys.Who(via=Via.SIGN_IN, actor=journey.person)
    return journeys.Who(via=Via.BOX)


def _begin(stage: Stage, journey: Journey, person: rules.Person) -> Journey | None:
    device = journey.loan.device
    if person.kind == rules.WRONG_BOX and device.pk not in stage.sent_back:
        stage.sent_back.add(device.pk)
        mix_up_box(device=device, now=stage.now)
        return None
    by = stage.team[journey.pk % len(stage.team)] if stage.team else None
    hand_over(loan=journey.loan, deed=Deed(stage.now, by))
    _prepare(stage, journey)
    if person.mistypes:
        _enter(stage, device, "999999")
    return _enter(stage, device, journey.person.staff_number or "").journey


def _enter(stage: Stage, device: Device, number: str) -> journeys.BoxEntry:
    return journeys.enter_by_box(
        code=device.code or "",
        staff_number=number,
        client=f"{CLIENT}{device.pk}",
        now=stage.now,
        window=WINDOW,
    )


def _step(stage: Stage, journey: Journey, person: rules.Person) -> Journey | None:
    key = journey.current_step
    if not key:
        return None
    who = _who(journey, person)
    hard = key == person.hard_step
    if hard and journey.pk not in stage.asked and person.kind in (rules.ASKS, rules.LATER):
        stage.asked.add(journey.pk)
        return _halt(stage, journey, person, who)
    if person.kind == rules.FAILS and key == "confirm-device" and journey.pk not in stage.asked:
        stage.asked.add(journey.pk)
        for _try in range(3):
            moved = journeys.fail_check(
                journey_id=journey.pk, step_key=key, reason="serial", who=who, now=stage.now
            )
        _see(stage, moved.journey)
        return None
    return _advance(stage, journey, person, who)


def _advance(
    stage: Stage, journey: Journey, person: rules.Person, who: journeys.Who
) -> Journey:
    """Finish the current step; from paper, everything before the Chromebook comes at once."""
    key = journey.current_step
    if person.kind == rules.PAPER and key == "power-on" and not journey.on_paper:
        return journeys.go_on_paper(journey_id=journey.pk, who=who, now=stage.now).journey
    on_paper = person.kind == rules.PAPER and journey.arrived_at is None
    if key == ARRIVAL_STEP or (on_paper and key != RECEIPT_STEP):
        who = journeys.Who(
            via=Via.SIGN_IN if person.signs_in else Via.BOX,
            actor=journey.person if person.signs_in else None,
        )
        return journeys.arrive(journey_id=journey.pk, who=who, now=stage.now).journey
    received = key == RECEIPT_STEP
    return journeys.finish_step(
        journey_id=journey.pk,
        step_key=key,
        who=who,
        now=stage.now,
        result=Result.CONFIRMED if received else Result.SELF_REPORTED,
        method=Method.SERVER if received else Method.BUTTON,
    ).journey


# --- before and after -----------------------------------------------------------------------------


def _prepare(stage: Stage, journey: Journey) -> None:
    """Let some people have done on the old PC what can be done, and some name a macro."""
    who = journeys.Who(via=Via.SIGN_IN, actor=journey.person)
    if _draws(stage, journey, "prepares", rules.PREPARES):
        for key in rules.PREPARED:
            around.prepare(journey=journey, key=key, who=who, now=stage.now)
    if not _draws(stage, journey, "macro", rules.USES_MACROS):
        return
    name, purpose, answer = rules.MACROS[journey.pk % len(rules.MACROS)]
    macro = around.list_macro(
        journey=journey,
        name=name,
        purpose=purpose,
        wish=_draws(stage, journey, "wish", rules.WISHES),
        key="list-macros",
        who=who,
        now=stage.now,
    )
    if macro.state == MacroState.ASKED and stage.team:
        _look_after(stage, journey, macro.pk, answer)


def _look_after(stage: Stage, journey: Journey, macro_id: int, answer: str) -> None:
    officer = stage.team[journey.pk % len(stage.team)]
    if _draws(stage, journey, "answered", rules.ANSWERS):
        around.answer_macro(macro_id=macro_id, words=answer, by=officer, now=stage.now)
    elif _draws(stage, journey, "taken", rules.ANSWERS):
        around.take_macro(macro_id=macro_id, by=officer, now=stage.now)


def _end_well(stage: Stage, journey: Journey, person: rules.Person) -> None:
    """Let people give the old PC back, accept the rules and answer, at the milestones."""
    if journey.ready_at == stage.now:
        _give_back(stage, journey, who=_who(journey, person))
    if journey.at_home_at == stage.now:
        _say_how_it_was(stage, journey, person)


def _give_back(stage: Stage, journey: Journey, *, who: journeys.Who) -> None:
    if _draws(stage, journey, "accepts", rules.ACCEPTS):
        _accept_rules(journey, who=who, now=stage.now)
    if _draws(stage, journey, "returns", rules.RETURNS):
        around.give_back_old_pc(journey=journey, who=who, now=stage.now)


def _say_how_it_was(stage: Stage, journey: Journey, person: rules.Person) -> None:
    if _draws(stage, journey, "returns", rules.COLLECTED) and stage.team:
        officer = stage.team[journey.pk % len(stage.team)]
        around.collect_old_pc(journey=journey, by=officer, now=stage.now)
    if _draws(stage, journey, "answers", rules.ANSWERS):
        around.answer_questions(
            journey=journey,
            occasion=Occasion.END,
            answers=_opinion(stage, journey, person),
            now=stage.now,
        )


def _draws(stage: Stage, journey: Journey, about: str, share: float) -> bool:
    return rules.chance_of(stage.seed, journey.pk, about) < share


def _accept_rules(journey: Journey, *, who: journeys.Who, now: datetime) -> None:
    found = rules_of_use(journey.edition_id or 0, journey.flags, site_words(), "ja")
    if found is not None:
        around.accept_rules(
            journey=journey, rules_of_use=found, language="ja", who=who, now=now
        )


def _opinion(stage: Stage, journey: Journey, person: rules.Person) -> dict[str, around.Given]:
    mood = rules.chance_of(stage.seed, journey.pk, "mood")
    return {
        "ease": around.Given(scale=2 + round(3 * mood)),
        "hardest": around.Given(choice=person.hard_step),
        "confidence": around.Given(scale=1 + round(4 * mood)),
    }


WORDS = {
    "connect-wifi": "Wi-Fi の一覧に名前が出ません。",
    "wait-update": "20 分たっても進みません。",
    "enroll": "「登録エラー」と出ました。",
    "sign-in": "パスワードがちがうと出ます。",
    "open-guide": "案内のページが開きません。",
    "touch-practice": "さわっても動きません。",
    "screen-lock": "検索キーが どれか わかりません。",
    "office-files": "前のパソコンのファイルが見つかりません。",
}


def _halt(
    stage: Stage, journey: Journey, person: rules.Person, who: journeys.Who
) -> Journey | None:
    """Ask for help (on the page or by phone), or say あとで."""
    if person.kind == rules.LATER:
        calendar = stage.book.of_person(journey.person)
        until = clock.add_working(
            calendar, clock.next_open(calendar, stage.now), person.stops_for
        )
        _see(
            stage,
            journeys.pause(journey_id=journey.pk, until=until, who=who, now=stage.now).journey,
        )
        stage.add_move(until, journey.pk)
        return None
    stage.waiting.add(journey.pk)
    if person.calls and stage.team:
        escalation.ask_for(
            journey=journey,
            words=WORDS.get(journey.current_step, "次に進めません。"),
            by=stage.team[journey.pk % len(stage.team)],
            source=Source.PHONE,
            now=stage.now,
        )
        return None
    for trouble in (1, 2):
        journeys.note_trouble(
            journey_id=journey.pk,
            step_key=journey.current_step,
            trouble=trouble,
            who=who,
            now=stage.now,
        )
    _ask(journey, who=who, now=stage.now)
    return None


def _ask(journey: Journey, *, who: journeys.Who, now: datetime) -> Ticket:
    return escalation.ask(
        journey=journey,
        choice="trouble-1",
        words=WORDS.get(journey.current_step, "次に進めません。"),
        wish=list(Wish)[journey.pk % len(Wish)],
        who=who,
        now=now,
    )


# --- helpers --------------------------------------------------------------------------------------


def _tick(stage: Stage) -> None:
    """Run what beat runs, and let people notice what is new."""
    stage.found += escalation.sweep(now=stage.now).opened
    watch_plan(now=stage.now)
    _invite(stage)
    tell_askers(now=stage.now)
    if stage.alone:
        deliver_due(now=stage.now, lane=Lane.NORMAL, limit=500, send=_accept)
    _notice_visitors(stage)
    for ticket in Ticket.objects.open().only(
        "round", "level", "state", "journey_id", "opened_at"
    ):
        answered = ticket.state == TicketState.ANSWERED
        key = (ticket.pk, ticket.round, ANSWER if answered else ticket.level)
        if key not in stage.handled and ticket.journey_id not in stage.visited:
            stage.handled.add(key)
            _notice(stage, ticket)


def _invite(stage: Stage) -> None:
    """Send the letters that are due, once a day: nobody in the play answers them."""
    day = local_day(stage.now)
    if stage.invited_on != day:
        stage.invited_on = day
        around.invite(now=stage.now, country="JP")


def _notice(stage: Stage, ticket: Ticket) -> None:
    """Let whoever a ticket is put before do something about it after a while."""
    if ticket.state == TicketState.ANSWERED:
        stage.add(stage.now + timedelta(minutes=1 + ticket.pk % 14), ANSWER, ticket.pk)
    elif ticket.level == Level.PERSON:
        _notice_nudge(stage, ticket)
    elif stage.alone:
        _notice_duty(stage, ticket)


def _notice_nudge(stage: Stage, ticket: Ticket) -> None:
    """Let who was reminded go on after a while, or not."""
    person = stage.people.get(ticket.journey_id or 0)
    draw = rules.chance_of(stage.seed, ticket.pk, ticket.level)
    if person is None or not rules.follows(person, ticket.level, draw):
        return
    default = stage.book.default
    at = clock.add_working(default, ticket.opened_at, timedelta(hours=0.3 + 5 * draw))
    stage.add_move(max(at, clock.next_open(default, stage.now)), ticket.journey_id or 0)


def _notice_duty(stage: Stage, ticket: Ticket) -> None:
    """Let IT or the lead, before whom a ticket was put, do something about it after a while."""
    draw = rules.chance_of(stage.seed, ticket.pk, ticket.level)
    default = stage.book.default
    now = clock.next_open(default, stage.now)
    if ticket.level in (Level.IT, Level.IT_LEAD):
        after = timedelta(minutes=3 + 40 * draw**2)
        stage.add(clock.add_working(default, now, after), "it", ticket.pk)
    elif draw < LEADS_WHO_ACT:
        after = timedelta(hours=0.5 + 4 * draw)
        stage.add(clock.add_working(default, now, after), "lead", ticket.pk)


def _accept(_message: object) -> None:
    """Take a mail of the play without sending it anywhere: the outbox keeps what was said."""


def _it_helps(stage: Stage, pk: int) -> None:
    """Let the IT team take a ticket, and a few minutes later answer or end it."""
    ticket = Ticket.objects.open().select_related("journey", "device").filter(pk=pk).first()
    if ticket is None or not stage.team or ticket.state == TicketState.ANSWERED:
        return
    officer = ticket.taken_by or stage.team[pk % len(stage.team)]
    if ticket.state == TicketState.TAKEN:
        _it_answers(stage, ticket, officer)
    elif stage.now < stage.until - rules.IT_AWAY:
        try:
            escalation.take(ticket=ticket, by=officer, now=stage.now)
        except escalation.TicketError:
            return
        stage.add(stage.now + timedelta(minutes=2 + pk % 9), "it", pk)


def _it_answers(stage: Stage, ticket: Ticket, officer: User) -> None:
    if ticket.kind == TicketKind.HELP and ticket.journey_id:
        escalation.reply(
            ticket=ticket,
            by=officer,
            words="お待たせしました。10 秒ほど待ってから、もう一度ためしてください。",
            now=stage.now,
        )
        return
    if ticket.kind == TicketKind.LOSS:
        escalation.mark_lost(ticket=ticket, by=officer, now=stage.now)
    escalation.resolve(ticket=ticket, by=officer, words="", now=stage.now)
    _go_on(stage, ticket)


def _lead_helps(stage: Stage, pk: int) -> None:
    ticket = Ticket.objects.open().select_related("journey").filter(pk=pk).first()
    if ticket is None or ticket.level != Level.LEAD:
        return
    leads = leads_for(
        department_id=ticket.department_id,
        place_id=ticket.place_id,
        on=local_day(stage.now),
    )
    lead = next(
        (x for x in leads if not ticket.journey or x.pk != ticket.journey.person_id), None
    )
    if lead is None:
        return
    draw = rules.chance_of(stage.seed, pk, "lead")
    if draw < LEADS_WHO_PASS:
        escalation.pass_to_it(ticket=ticket, by=lead, words="", now=stage.now)
        return
    try:
        if ticket.state == TicketState.NEW:
            escalation.go(ticket=ticket, by=lead, now=stage.now)
            stage.add(stage.now + timedelta(minutes=15 + 60 * draw), "lead", pk)
            return
        escalation.resolve(ticket=ticket, by=lead, words="", now=stage.now)
    except escalation.TicketError:
        return
    _go_on(stage, ticket)


def _go_on(stage: Stage, ticket: Ticket) -> None:
    """After help the person goes on, wherever that was; who would never begin does so rarely."""
    pks = (
        [ticket.journey_id]
        if ticket.journey_id
        else list(
            Journey.objects.open()
            .filter(loan__device=ticket.device)
            .values_list("pk", flat=True)
        )
    )
    for pk in pks:
        draw = rules.chance_of(stage.seed, ticket.pk, "follows")
        if pk in stage.people and rules.follows(stage.people[pk], ticket.level, draw):
            stage.waiting.discard(pk)
            stage.add_move(stage.now + timedelta(minutes=4), pk)


def _person_answers(stage: Stage, pk: int) -> None:
    """Let who asked say whether it works now."""
    ticket = Ticket.objects.select_related("journey").filter(pk=pk).first()
    if ticket is None or ticket.kind != TicketKind.HELP or ticket.journey_id is None:
        return
    if ticket.state != TicketState.ANSWERED:
        return
    if rules.chance_of(stage.seed, pk, ticket.round) < STILL_BROKEN:
        escalation.still(ticket=ticket, words="まだ 同じです。", actor=None, now=stage.now)
        return
    escalation.better(ticket=ticket, actor=None, now=stage.now)
    _go_on(stage, ticket)


def lose_device(*, device: Device, now: datetime) -> Ticket:
    """Report a device as lost, as somebody at the box page would."""
    return escalation.report(
        device=device,
        kind=TicketKind.LOSS,
        words="電車に忘れました。",
        client=f"{CLIENT}loss-{device.pk}",
        now=now,
    )


def mix_up_box(*, device: Device, now: datetime) -> Ticket:
    """Report a box that stands at the wrong desk, as whoever stands there would."""
    return escalation.report(
        device=device,
        kind=TicketKind.WRONG_BOX,
        words="箱の番号と、自分の番号が合いません。",
        client=f"{CLIENT}{device.pk}",
        now=now,
    )


def _next_tick(book: CalendarBook, after: datetime, every: timedelta = TICK) -> datetime:
    """Return when the sweep runs next: every quarter of an hour while anybody works."""
    zone = book.default.zone
    at = (after + every).astimezone(zone)
    if at.hour < 7 or at.hour >= 19:  # noqa: PLR2004  # the nurseries' hours
        at = at.replace(hour=7, minute=0, second=0, microsecond=0) + timedelta(
            days=at.hour >= 19  # noqa: PLR2004  # as above
        )
    while not clock.is_working_day(book.default, at.date()):
        at = at.replace(hour=7, minute=0) + timedelta(days=1)
    return at


# --- what visitors do with the city ---------------------------------------------------------------


@dataclass(frozen=True)
class Passed:
    """What happened while time passed: so many more are ready, asked for help, were found stuck."""

    now: datetime
    ready: int = 0
    asked: int = 0
    found: int = 0


def let_time_pass(*, to: datetime, now: datetime, real_clock: Callable[[], datetime]) -> Passed:
    """Let the city live on until a moment ahead, its clock following; helping is left to the visitor."""
    ready, asked = _ready(), _asked()

    def progress(shown: datetime) -> bool:
        set_clock(shown=shown, real_now=real_clock())
        return True

    stage = _stage(seed=_seed(), people=EVERYBODY, start=now, until=to, alone=False)
    _run(stage, turn=BESIDE_PAGES, progress=progress)
    return Passed(now=to, ready=_ready() - ready, asked=_asked() - asked, found=stage.found)


def come_back_to_now(*, real_now: datetime) -> Passed:
    """Let the site's clock show real time again, and look once at what is due by then."""
    set_clock(shown=real_now, real_now=real_now)
    return Passed(now=real_now, found=escalation.sweep(now=real_now).opened)


def _ready() -> int:
    return Journey.objects.filter(ready_at__isnull=False).count()


def _asked() -> int:
    return Ticket.objects.filter(kind=TicketKind.HELP).count()


def _seed() -> int:
    """Return the seed the city was played with."""
    job = last_job(JOB)
    return int(job.data.get("seed", 1)) if job else 1


@dataclass(frozen=True)
class BadMorning:
    """What went wrong: so many people of one place asked for help, by then."""

    place: str
    asked: int
    now: datetime


def play_bad_morning(*, now: datetime, real_clock: Callable[[], datetime]) -> BadMorning | None:
    """Let the Wi-Fi of one place fail on a working morning; None where nobody is left to meet it.

    Everybody there begins, comes as far as the Wi-Fi and asks within twenty minutes. Beside that
    one device is lost and one box stands at the wrong desk. Helping is left to the visitor.
    """
    group = rules.unlucky(before_wifi())
    if group is None:
        return None
    begins = rules.this_or_next_morning(calendar_book(country="JP").default, now)
    let_time_pass(to=begins, now=now, real_clock=real_clock)
    unlucky = Journey.objects.filter(pk__in=group.journeys).select_related(
        "person", "loan__device"
    )
    asks = {
        journey: begins + rules.BEFORE_ASKING + rules.ASKING * rules.chance_of(0, journey.pk)
        for journey in unlucky
    }
    asked = 0
    for journey in sorted(asks, key=lambda one: asks[one]):
        asked += fail_at_wifi(journey, begins=begins, asks_at=asks[journey])
    ends = begins + rules.BEFORE_ASKING + rules.ASKING
    _lose_and_mix_up(besides=group.journeys, now=begins + rules.BEFORE_ASKING)
    escalation.sweep(now=ends)
    set_clock(shown=ends, real_now=real_clock())
    return BadMorning(place=group.name, asked=asked, now=ends)


@transaction.atomic
def fail_at_wifi(journey: Journey, *, begins: datetime, asks_at: datetime) -> bool:
    """Let one person begin, come as far as the Wi-Fi step, and ask; tell whether it came to that."""
    hand_over(loan=journey.loan, deed=Deed(begins))
    entry = journeys.enter_by_box(
        code=journey.loan.device.code or "",
        staff_number=journey.person.staff_number or "",
        client=f"{CLIENT}{journey.loan.device_id}",
        now=begins,
        window=WINDOW,
    )
    if entry.journey is None:
        return False
    journey, who = entry.journey, journeys.Who(via=Via.BOX)
    marked = set(journey.records.values_list("step_key", flat=True))
    keys = [row[0] for row in journey.step_keys]
    before = [key for key in keys[: keys.index(WIFI_STEP)] if key not in marked]
    for at, key in zip(rules.moments(begins, asks_at, len(before)), before, strict=True):
        journeys.finish_step(journey_id=journey.pk, step_key=key, who=who, now=at)
    moved = journeys.note_trouble(
        journey_id=journey.pk, step_key=WIFI_STEP, trouble=1, who=who, now=asks_at
    )
    _ask(moved.journey, who=who, now=asks_at)
    return True


def _lose_and_mix_up(*, besides: Sequence[int], now: datetime) -> None:
    """Let one device be lost and one box stand at the wrong desk, both of others."""
    known = Ticket.objects.open().filter(device__isnull=False).values("device_id")
    others = (
        Journey.objects.open()
        .exclude(pk__in=besides)
        .exclude(loan__device_id__in=known)
        .select_related("loan__device")
    )
    user = others.filter(ready_at__isnull=False).order_by("-ready_at", "pk").first()
    if user is not None:
        lose_device(device=user.loan.device, now=now)
    owner = others.filter(begun_at__isnull=True).order_by("wave__starts_at", "pk").first()
    if owner is not None:
        mix_up_box(device=owner.loan.device, now=now)


# --- seeding ---------------------------------------------------------------------------------------------


class RealRollError(Exception):
    """People of a real organisation are here: the demo never touches them."""


@transaction.atomic
def seed_city(*, real_now: datetime) -> bool:
    """Bring the invented city in, once: guide, people, boxes, IT's roles, the plan.

    Returns whether anything was done; raises `RealRollError` where people are known that the demo
    did not bring.
    """
    profile, _made = SiteProfile.objects.select_for_update().get_or_create(
        pk=SiteProfile.SINGLE
    )
    if profile.demo_seeded_at is not None:
        return False
    if holds_real_people():
        raise RealRollError
    begins = play_from(real_now=real_now)
    profile.demo_seeded_at = real_now
    profile.clock_offset = begins - real_now
    profile.save(update_fields=["demo_seeded_at", "clock_offset"])
    load_guide(draft=read_guide_file(SHIPPED_GUIDE), now=begins, publish=True)
    people = read_roll((DATA / "staff.csv").read_bytes(), "staff.csv")
    escalation.take_in_roll(rows=people, now=begins)
    _name_it(now=begins)
    boxes = read_devices((DATA / "devices.csv").read_bytes(), "devices.csv")
    journeys.take_in_devices(rows=boxes, now=begins)
    plan_rollout(today=play_until(real_now=real_now), now=begins)
    return True


def _name_it(*, now: datetime) -> None:
    """Give the demo's IT team its roles by hand, as the roles page would: the roll never does."""
    roles = {"IT責任者": Role.IT_LEAD, "IT担当": Role.IT}
    Grant.objects.bulk_create(
        [
            Grant(person=person, role=roles[person.title], granted_at=now)
            for person in User.objects.filter(title__in=roles)
        ]
    )


def play_until(*, real_now: datetime) -> datetime:
    """Return the moment the play ends with: now in office hours, else the last afternoon."""
    return stage_end(book=calendar_book(country="JP"), real_now=real_now)


def play_from(*, real_now: datetime) -> datetime:
    """Return the moment the play begins with: early on the rollout's first day."""
    book = calendar_book(country="JP")
    first = _working_days_back(book.default, play_until(real_now=real_now), WORKING_DAYS_BEHIND)
    return first.replace(hour=7)


# --- the play in the background ----------------------------------------------------------------------------


def go_on_playing(
    *,
    seed: int,
    people: int,
    seconds: float | None,
    real_clock: Callable[[], datetime],
    turn: Turn = ALONE,
    heard: Callable[[int, datetime], bool] = lambda _percent, _now: True,
) -> bool:
    """Play on from where the last play stopped, the site's clock following; tell whether it ended.

    `heard` gets percent and simulated moment with each piece; False from it stops the play.
    """
    job = _job(seed=seed, real_now=real_clock())
    if job is None:
        return True
    begins = datetime.fromisoformat(job.data["begins"])
    until = datetime.fromisoformat(job.data["until"])

    def progress(now: datetime) -> bool:
        real_now = real_clock()
        done = min(job.total, int((now - begins).total_seconds() // 60))
        if not advance(job_id=job.pk, done=done, now=real_now):
            return False  # a visitor stopped the play, and the clock is theirs
        set_clock(shown=now, real_now=real_now)
        Job.objects.filter(pk=job.pk).update(data={**job.data, "at": now.isoformat()})
        return heard(100 * done // max(job.total, 1), now)

    with _statements_unkept():
        played = play(
            seed=job.data["seed"],
            people=people,
            start=datetime.fromisoformat(job.data["at"]),
            until=until,
            seconds=seconds,
            turn=turn,
            progress=progress,
        )
    if played.finished:
        finish(job_id=job.pk, now=real_clock())
    return played.finished


@contextmanager
def _statements_unkept() -> Iterator[None]:
    """Keep DEBUG from writing every statement down in full, which costs as much as running it."""
    connection.make_debug_cursor = connection.make_cursor  # type: ignore[method-assign,assignment]  # Django has no setting for it
    try:
        yield
    finally:
        del connection.make_debug_cursor


def _job(*, seed: int, real_now: datetime) -> Job | None:
    """Return the play's job, opened now if there never was one; None once it has ended."""
    job = last_job(JOB)
    if job is not None:
        return job if job.state in OPEN else None
    begins, until = play_from(real_now=real_now), play_until(real_now=real_now)
    return start_job(
        kind=JOB,
        total=int((until - begins).total_seconds() // 60),
        now=real_now,
        data={
            "seed": seed,
            "begins": begins.isoformat(),
            "until": until.isoformat(),
            "at": begins.isoformat(),
        },
    )


def stop_play(*, now: datetime) -> bool:
    """End the play where it is, for good; False if none was going on. `now` is real time."""
    job = open_job(JOB)
    return job is not None and finish(job_id=job.pk, now=now)


def set_clock(*, shown: datetime, real_now: datetime) -> None:
    """Let the demo's clock show a moment from now on."""
    SiteProfile.objects.filter(pk=SiteProfile.SINGLE, demo_seeded_at__isnull=False).update(
        clock_offset=shown - real_now
    )
