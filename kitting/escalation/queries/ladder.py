"""The rules of the ladder as the database holds them, and who is on duty."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from accounts.models import Department, User
from accounts.queries import calendar_book, local_day
from accounts.ready import Ready
from accounts.states import IT_ROLES, Role
from kitting.escalation import rules
from kitting.escalation.models import (
    Duty,
    Offer,
    Outage,
    Plea,
    Policy,
    PolicyLevel,
    StepPace,
    Ticket,
)
from kitting.escalation.states import (
    Case,
    Level,
    Part,
    Quiet,
    Reach,
    Reason,
    TicketKind,
    TicketState,
)
from kitting.guides.models import Step
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind, Method
from kitting.lib import clock
from kitting.site.queries import clock_pauses, profile_now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from accounts.queries import CalendarBook


SIGNS = (
    EventKind.CHECK_FAILED,
    EventKind.TROUBLE_OPENED,
    EventKind.ERROR_OPENED,
    EventKind.OTHER_ACCOUNT,
)


# Enough to learn from, and the last ones: people get quicker as word goes round.
WAYS_MOST = 2000
# A clock that was stopped longer ago than this has run out since.
HALTS_REMEMBERED = timedelta(days=21)


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


@dataclass(frozen=True)
class LadderBook:
    """Every rule of the ladder, and which department lies below which: loaded once."""

    ladders: tuple[rules.Ladder, ...] = ()
    parents: Mapping[int, int | None] = field(default_factory=dict)
    _chosen: dict[tuple[Case, int | None, int | None], rules.Ladder] = field(
        default_factory=dict, compare=False
    )
    _patience: dict[tuple[int | None, int | None], rules.Patience] = field(
        default_factory=dict, compare=False
    )

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
        whose = (journey.department_id, journey.wave_id)
        if whose not in self._patience:
            start, silence, slow = (self._choose(case, *whose) for case in rules.PATIENT)
            self._patience[whose] = rules.patience_of(start, silence, slow)
        return self._patience[whose]

    def _choose(
        self, case: Case, department_id: int | None, wave_id: int | None
    ) -> rules.Ladder:
        of = (case, department_id, wave_id)
        if of not in self._chosen:
            line = self._line(department_id)
            self._chosen[of] = rules.choose(self.ladders, case, line=line, wave_id=wave_id)
        return self._chosen[of]

    def _line(self, department_id: int | None) -> list[int]:
        """Return a department and those above it, nearest first."""
        line: list[int] = []
        at = department_id
        while at is not None and at not in line:
            line.append(at)
            at = self.parents.get(at)
        return line


_policies = Ready(lambda: Policy.objects.order_by("pk"))
_levels = Ready(lambda: PolicyLevel.objects.order_by("pk"))
_named: Ready[Any] = Ready(lambda: PolicyLevel.named.through._default_manager.order_by("pk"))


def ladder_book() -> LadderBook:
    """Load every rule of the ladder: three queries, four where a department has its own."""
    policies = _policies.rows()
    levels = _levels.rows() if policies else []
    by_department = any(policy.department_id for policy in policies)
    parents = dict(Department.objects.values_list("pk", "parent_id")) if by_department else {}
    named: dict[int, list[int]] = {}
    for row in _named.rows() if levels else ():
        named.setdefault(row.policylevel_id, []).append(row.user_id)
    ladders = []
    for policy in policies:
        own = [(row, named.get(row.pk, [])) for row in levels if row.policy_id == policy.pk]
        ladders.append(_as_ladder(policy, own))
    return LadderBook(tuple(ladders), parents)


def answer_minutes() -> int:
    """Return within how many minutes everybody's question should be answered (one query)."""
    general = Policy.objects.filter(case=Case.ASKED, department=None, wave=None)
    minutes = general.values_list("answer_minutes", flat=True).first()
    shipped = int(rules.SHIPPED[Case.ASKED].answer.amount.total_seconds()) // 60
    return minutes if minutes is not None else shipped


def as_ladder(policy: Policy) -> rules.Ladder:
    """Return a rule as the sweep reads it; needs its levels loaded."""
    return _as_ladder(
        policy,
        [(row, [person.pk for person in row.named.all()]) for row in policy.levels.all()],
    )


def _as_ladder(
    policy: Policy, levels: Sequence[tuple[PolicyLevel, Sequence[int]]]
) -> rules.Ladder:
    def wait(minutes: int, days: int = 1) -> rules.Wait:
        return rules.Wait(timedelta(minutes=minutes), shift_days=days, by_wall=policy.by_wall)

    upwards = sorted(levels, key=lambda level: rules.height(Level(level[0].level)))
    return rules.Ladder(
        case=Case(policy.case),
        rungs=tuple(
            _as_rung(row, wait(row.wait_minutes, row.wait_days), named)
            for row, named in upwards
        ),
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


def _as_rung(row: PolicyLevel, wait: rules.Wait, named: Sequence[int]) -> rules.Rung:
    return rules.Rung(
        level=Level(row.level),
        wait=wait,
        times=row.times,
        reach=Reach(row.reach),
        quiet=Quiet(row.quiet),
        people=row.people_most,
        named=tuple(sorted(named)),
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


def offers_near(
    *, department_id: int | None, place_id: int | None, now: datetime
) -> list[User]:
    """Return who finished and offered to help in a department or at a place, longest ago first (one query)."""
    here = Q(person__department_id=department_id) if department_id else Q()
    if place_id:
        here |= Q(person__place_id=place_id)
    if not here:
        return []
    return [
        offer.person
        for offer in Offer.objects.standing()
        .filter(here, person__in=User.objects.present(on=local_day(now)))
        .select_related("person__hours", "person__place__hours")
        .order_by("offered_at", "pk")
    ]


def colleagues_for(
    ticket: Ticket, offered: Sequence[User], *, now: datetime
) -> tuple[list[User], str]:
    """Return who may be asked to look after somebody stuck, least asked first; or why nobody may.

    Of those who offered it near them: who can be written to, was not asked about this ticket yet and
    not too often lately. Two queries, none where nobody offered it.
    """
    stuck_id = ticket.journey.person_id if ticket.journey else ticket.person_id
    if not ticket.department_id and not ticket.place_id:
        return [], "nobody"
    others = [person for person in offered if person.pk != stuck_id]
    if not others:
        return [], "no_offer"
    pleas = Plea.objects.filter(person__in=others)
    asked = Counter(
        pleas.filter(asked_at__gt=now - rules.PLEAS_WINDOW).values_list("person_id", flat=True)
    )
    known = set(pleas.filter(ticket=ticket).values_list("person_id", flat=True))
    free = [
        person
        for person in others
        if person.pk not in known
        and person.email
        and not person.is_on_leave(local_day(now))
        and asked[person.pk] < rules.PLEAS_MOST
    ]
    return sorted(free, key=lambda person: asked[person.pk]), "" if free else "asked_enough"


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


def organisation_book() -> CalendarBook:
    """Return every working calendar, with the holidays of this organisation's country."""
    return calendar_book(country=profile_now().holidays_country)
