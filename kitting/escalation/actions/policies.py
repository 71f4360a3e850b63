"""Changing the rules of the ladder, and seeing beforehand who would hear of what today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Min, Q

from accounts.actions import write_audit
from accounts.models import Department
from accounts.queries import local_day
from kitting.escalation import rules
from kitting.escalation.actions.sweeping import BATCH, sweep
from kitting.escalation.models import Policy, PolicyLevel, Ticket
from kitting.escalation.queries.ladder import ladder_book, organisation_book
from kitting.escalation.states import Level
from kitting.journeys.models import Journey
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from accounts.models import User

# A preview looks forward in steps at which something is due, so many at most.
ROUNDS_MOST = 40
STEP = timedelta(minutes=10)
# So many people's clocks are looked at anew in a preview; a city of usual size has fewer.
JOURNEYS_MOST = 3000
# The version of a rule that is not kept yet.
NEW = 0


class PolicyError(Exception):
    """A rule cannot be changed like this."""


class PolicyMovedError(PolicyError):
    """Somebody else changed the rule since this page was opened."""


class ScopeTakenError(PolicyError):
    """There is a rule for this matter and these people already."""


@dataclass(frozen=True)
class LevelValues:
    """One level as it was typed."""

    level: str
    wait_minutes: int
    wait_days: int
    times: int
    reach: str
    quiet: str
    people_most: int
    named: Sequence[User] = ()


@dataclass(frozen=True)
class PolicyValues:
    """A rule as it was typed: `facts` are the fields of its row."""

    facts: Mapping[str, object]
    levels: Sequence[LevelValues]


@transaction.atomic
def save_policy(
    *, policy: Policy, values: PolicyValues, version: int, by: User, now: datetime
) -> Policy:
    """Keep a rule, new or changed; everybody it holds for is looked at anew.

    Who is under way on the ladder follows it from the next level on. Raises `PolicyMovedError`,
    `ScopeTakenError`.
    """
    kept = _write(policy, values, version=version)
    Policy.objects.filter(pk=kept.pk).update(changed_at=now, changed_by=by)
    facts = {name: str(value) for name, value in values.facts.items()}
    levels = " > ".join(level.level for level in values.levels)
    write_audit(
        action="policy.saved",
        subject=str(kept),
        by=by,
        now=now,
        data={**facts, "levels": levels},
    )
    _look_anew(kept, now=now)
    return kept


@transaction.atomic
def drop_policy(*, policy: Policy, by: User, now: datetime) -> None:
    """Take a rule away: the less specific one holds again, at last the shipped one."""
    write_audit(action="policy.dropped", subject=str(policy), by=by, now=now)
    _look_anew(policy, now=now)
    policy.delete()


def _write(policy: Policy, values: PolicyValues, *, version: int) -> Policy:
    scope = Policy.objects.filter(
        case=policy.case, department=policy.department, wave=policy.wave
    ).exclude(pk=policy.pk)
    if scope.exists():
        raise ScopeTakenError
    if version == NEW:
        kept = Policy(
            case=policy.case, department=policy.department, wave=policy.wave, **values.facts
        )
        kept.save()
    else:
        moved = Policy.objects.filter(pk=policy.pk, version=version).update(
            version=F("version") + 1, **values.facts
        )
        if not moved:
            raise PolicyMovedError
        kept = Policy.objects.get(pk=policy.pk)
    _write_levels(kept, values.levels)
    return kept


def _write_levels(policy: Policy, levels: Sequence[LevelValues]) -> None:
    policy.levels.all().delete()
    for level in levels:
        row = PolicyLevel.objects.create(
            policy=policy,
            level=level.level,
            wait_minutes=level.wait_minutes,
            wait_days=level.wait_days,
            times=level.times,
            reach=level.reach,
            quiet=level.quiet,
            people_most=level.people_most,
        )
        row.named.set(level.named)


def _concerned(policy: Policy) -> QuerySet[Journey]:
    """Return the journeys whose clocks a rule may set; only three matters have a patience."""
    if policy.case not in rules.PATIENT:
        return Journey.objects.none()
    rows = Journey.objects.open().filter(ready_at__isnull=True, attention_at__isnull=False)
    if policy.department_id:
        rows = rows.filter(department_id__in=_below(policy.department_id))
    if policy.wave_id:
        rows = rows.filter(wave_id=policy.wave_id)
    return rows


def _below(department_id: int) -> list[int]:
    """Return a department and everything below it."""
    children: dict[int | None, list[int]] = {}
    for pk, parent_id in Department.objects.values_list("pk", "parent_id"):
        children.setdefault(parent_id, []).append(pk)
    found, rest = [], [department_id]
    while rest:
        at = rest.pop()
        found.append(at)
        rest += [pk for pk in children.get(at, ()) if pk not in found]
    return found


def _look_anew(policy: Policy, *, now: datetime, most: int | None = None) -> None:
    rows = _concerned(policy).filter(attention_at__gt=now)
    if most is not None:
        rows = Journey.objects.filter(
            pk__in=list(rows.order_by("pk").values_list("pk", flat=True)[:most])
        )
    rows.update(attention_at=now)


# --- before it is on --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """One message a rule would send today: to whom, about which ticket, by what, when."""

    to: str
    person: User | None
    ticket: Ticket
    level: str
    channel: str
    at: datetime

    @property
    def level_label(self) -> str:
        """Return the level in words."""
        return str(Level(self.level).label)


@dataclass
class Outlook:
    """What a rule would do today: its messages, how many people get one, how many it is as things are.

    `is_whole` is false where so much is due that not all of the day was played.
    """

    heard: list[Heard] = field(default_factory=list)
    before: int = 0
    is_whole: bool = True

    @property
    def people(self) -> int:
        """Return how many people get something."""
        return len({row.to for row in self.heard})


def preview(
    *, policy: Policy, values: PolicyValues | None, version: int, now: datetime
) -> Outlook:
    """Play the rest of today by the sweep itself, with a rule as typed, and undo all of it.

    Nothing is sent and nothing is kept: the messages stand in the outbox only within a transaction
    that never ends. Nobody does anything in this play, so it shows the most that could be sent.
    Without `values` the rule is played as it stands. Raises `PolicyMovedError`, `ScopeTakenError`.
    """
    found = Outlook()
    if version != NEW:
        found.before = _play(policy, None, version=version, now=now).people
    if values is None:
        return found
    played = _play(policy, values, version=version, now=now)
    played.before = found.before
    return played


def _play(
    policy: Policy, values: PolicyValues | None, *, version: int, now: datetime
) -> Outlook:
    played = Outlook()
    with transaction.atomic():
        last = Notice.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        kept = policy if values is None else _write(policy, values, version=version)
        _look_anew(kept, now=now, most=JOURNEYS_MOST)
        played.is_whole = _play_day(now)
        played.heard = _heard(kept, since=last, now=now)
        transaction.set_rollback(True)
    return played


def _play_day(now: datetime) -> bool:
    """Sweep now and at every moment of today at which something falls due; False if it got too long."""
    at, night = now, _midnight(now)
    for _round in range(ROUNDS_MOST):
        swept = sweep(now=at)
        if swept.due >= BATCH:
            continue
        following = _next_due(at)
        if following is None or following >= night:
            return True
        at = max(following, at + STEP)
    return False


def _next_due(at: datetime) -> datetime | None:
    journeys = Journey.objects.open().filter(attention_at__gt=at)
    tickets = Ticket.objects.open().filter(due_at__gt=at, held_at__isnull=True)
    moments = (
        journeys.aggregate(first=Min("attention_at"))["first"],
        tickets.aggregate(first=Min("due_at"))["first"],
    )
    return min((moment for moment in moments if moment is not None), default=None)


def _midnight(now: datetime) -> datetime:
    zone = organisation_book().zone
    return datetime.combine(local_day(now) + timedelta(days=1), time(), tzinfo=zone)


def _heard(policy: Policy, *, since: int, now: datetime) -> list[Heard]:
    """Return what was written by this rule since a moment and would leave today."""
    book = ladder_book()
    notices = (
        Notice.objects.filter(
            Q(state=NoticeState.SENT)
            | Q(state=NoticeState.QUEUED, next_try_at__lt=_midnight(now)),
            pk__gt=since,
            about__startswith="ticket:",
        )
        .select_related("person", "outlet")
        .order_by("next_try_at", "pk")
    )
    rows = [(notice, int(notice.about.partition(":")[2])) for notice in notices]
    tickets = (
        Ticket.objects.filter(pk__in={pk for _notice, pk in rows})
        .select_related("journey__person", "person", "device", "department", "place")
        .in_bulk()
    )
    return [
        Heard(
            to=str(notice.person or notice.outlet or notice.address),
            person=notice.person,
            ticket=tickets[pk],
            level=notice.dedupe_key.split(":")[3],
            channel=notice.get_channel_display(),
            at=notice.next_try_at,
        )
        for notice, pk in rows
        if book.of_ticket(tickets[pk]).pk == policy.pk
    ]
