"""What the pages of the invented city show."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection
from django.db.models import Count, Q, Value
from django.db.models.functions import Now, Replace

from accounts.models import Grant, User
from accounts.queries import local_day
from accounts.states import Role
from kitting.demo.rules import Group
from kitting.escalation.models import Ticket
from kitting.escalation.states import OPEN, Level
from kitting.jobs.models import Job
from kitting.jobs.states import OPEN as JOB_OPEN
from kitting.journeys.models import Journey, StepRecord
from kitting.journeys.states import HelpState, Status
from kitting.notices.models import Notice
from kitting.notices.states import Channel
from kitting.site.models import SiteProfile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import EmailMessage

    from django.db.models import QuerySet

JOB = "simulate"
WIFI_STEP = "connect-wifi"
# A play that was not heard of for so long has ended with its process.
HEARD_WITHIN = timedelta(seconds=30)
MOST_FOUND = 20
# What a building holds at most whose Wi-Fi can fail for everybody in it.
SMALL_PLACE = 60
MAIL_FILES = 200
# How Django's file backend divides the mails of one file.
DIVIDER = b"-" * 79
_TO_KATAKANA = {code: code + 0x60 for code in range(ord("ぁ"), ord("ゖ") + 1)}


def holds_real_people() -> bool:
    """Tell whether people are in this database whom the demo did not bring; tables may be missing."""
    tables = connection.introspection.table_names()
    if User._meta.db_table not in tables or not User.objects.exists():
        return False
    if SiteProfile._meta.db_table not in tables:
        return True
    return not SiteProfile.objects.filter(demo_seeded_at__isnull=False).exists()


# --- the play -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PlayState:
    """How far the rollout has been played: percent of its time, and the simulated moment.

    A play that is neither running nor over was interrupted and goes on with the next start.
    """

    percent: int
    at: datetime
    until: datetime
    is_running: bool
    is_over: bool

    @property
    def share(self) -> str:
        """Return the percentage as people read it."""
        return f"{self.percent}%"


def play_state() -> PlayState | None:
    """Return how far the play has come, or nothing where there never was one (one query)."""
    job = Job.objects.filter(kind=JOB).annotate(asked_at=Now()).order_by("-pk").first()
    if job is None:
        return None
    return PlayState(
        percent=job.percent,
        at=datetime.fromisoformat(job.data["at"]),
        until=datetime.fromisoformat(job.data["until"]),
        is_running=job.state in JOB_OPEN and job.heard_at > job.asked_at - HEARD_WITHIN,
        is_over=job.state not in JOB_OPEN,
    )


def ready_people() -> tuple[int, int]:
    """Return how many people are ready, and of how many."""
    found = Journey.objects.open().aggregate(
        everybody=Count("pk"), ready=Count("pk", filter=Q(ready_at__isnull=False))
    )
    return found["ready"], found["everybody"]


def before_wifi() -> list[Group]:
    """Return who has not come past the Wi-Fi yet, by building; in large ones by department."""
    past = StepRecord.objects.filter(step_key=WIFI_STEP).values("journey_id")
    rows = (
        Journey.objects.open()
        .filter(person__staff_number__isnull=False, loan__device__code__isnull=False)
        .exclude(help_state=HelpState.ASKED)
        .exclude(pk__in=past)
        .order_by("pk")
        .values_list("pk", "place__name", "department__name")
    )
    sizes = {
        row["place__name"]: row["n"]
        for row in User.objects.order_by()
        .filter(place__isnull=False)
        .values("place__name")
        .annotate(n=Count("pk"))
    }
    groups: dict[tuple[str, bool], list[int]] = {}
    for pk, place, department in rows:
        is_small = 0 < sizes.get(place, 0) <= SMALL_PLACE
        groups.setdefault((place if is_small else department, is_small), []).append(pk)
    return [Group(name, tuple(pks), is_small) for (name, is_small), pks in groups.items()]


# --- people ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Found:
    """Somebody one can be: the person, the own set-up with its box, the roles."""

    person: User
    journey: Journey | None
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Search:
    """Who was found, and whether there are more than are shown."""

    people: list[Found]
    has_more: bool


def find_people(text: str, *, now: datetime) -> Search:
    """Find people by name, reading, staff number, department or place; every word must fit.

    Full-width, hiragana and missing spaces are fine. Three queries.
    """
    people = User.objects.present(on=local_day(now)).filter(staff_number__isnull=False)
    for word in unicodedata.normalize("NFKC", text).split():
        kana = word.translate(_TO_KATAKANA)
        people = people.alias(
            name_only=Replace("name", Value(" ")), kana_only=Replace("kana", Value(" "))
        ).filter(
            Q(name_only__icontains=word)
            | Q(kana_only__icontains=kana)
            | Q(staff_number__icontains=word)
            | Q(department__name__icontains=word)
            | Q(department__parent__name__icontains=word)
            | Q(place__name__icontains=word)
        )
    rows = list(
        people.select_related("department__parent", "place").order_by("staff_number")[
            : MOST_FOUND + 1
        ]
    )
    return Search(
        people=_with_boxes(rows[:MOST_FOUND], now=now), has_more=len(rows) > MOST_FOUND
    )


def box_of(person: User) -> Journey | None:
    """Return a person's set-up with its box; of several, the first."""
    return Journey.objects.of(person).select_related("loan__device").order_by("pk").first()


def _with_boxes(people: list[User], *, now: datetime) -> list[Found]:
    boxes: dict[int, Journey] = {}
    for journey in (
        Journey.objects.open()
        .filter(person__in=people)
        .select_related("loan__device")
        .order_by("pk")
    ):
        boxes.setdefault(journey.person_id, journey)
    roles: dict[int, list[str]] = {}
    for grant in Grant.objects.valid(on=local_day(now)).filter(person__in=people):
        label = str(Role(grant.role).label)
        if label not in roles.setdefault(grant.person_id, []):
            roles[grant.person_id].append(label)
    return [
        Found(
            person=person,
            journey=boxes.get(person.pk),
            roles=tuple(roles.get(person.pk, ())),
        )
        for person in people
    ]


@dataclass(frozen=True)
class Card:
    """A part somebody can play at once; `kind` is the part's name."""

    kind: str
    person: User
    journey: Journey | None


def cards(*, now: datetime) -> list[Card]:
    """Return one person for each part worth playing; parts that nobody fits are left out."""
    begun = Journey.objects.open()
    walkers = {
        "new": begun.filter(
            Q(wave__isnull=True) | Q(wave__starts_at__lte=now),
            begun_at__isnull=True,
        )
        .exclude(person__email="")
        .order_by("-wave__starts_at", "pk"),
        "no_mail": begun.filter(begun_at__isnull=True, person__email="").order_by(
            "wave__starts_at", "pk"
        ),
        "middle": begun.filter(
            status=Status.IN_PROGRESS, help_state=HelpState.NONE, arrived_at__isnull=True
        )
        .exclude(person__email="")
        .order_by("-last_event_at", "pk"),
        "waiting": begun.filter(status=Status.WAITING).order_by("last_event_at", "pk"),
    }
    found = [
        Card(kind, journey.person, journey)
        for kind, rows in walkers.items()
        if (journey := _first_walker(rows)) is not None
    ]
    return found + _helpers(now=now)


def _first_walker(rows: QuerySet[Journey]) -> Journey | None:
    return rows.select_related(
        "person__department__parent", "person__place", "loan__device"
    ).first()


def _helpers(*, now: datetime) -> list[Card]:
    grants = (
        Grant.objects.valid(on=local_day(now))
        .filter(person__in=User.objects.present(on=local_day(now)))
        .select_related("person__department__parent", "person__place")
    )
    wanted = Ticket.objects.filter(state__in=OPEN, level=Level.LEAD).values("department_id")
    leads = grants.filter(role=Role.LEAD, department__isnull=False).exclude(person__email="")
    rows = {
        "lead": leads.filter(department_id__in=wanted).order_by("pk").first()
        or leads.order_by("pk").first(),
        "it": grants.filter(role=Role.IT).order_by("pk").first(),
        "it_lead": grants.filter(role=Role.IT_LEAD).order_by("pk").first(),
    }
    return [Card(kind, grant.person, None) for kind, grant in rows.items() if grant]


# --- mails ----------------------------------------------------------------------------------------


def mails() -> QuerySet[Notice]:
    """Return what went out or waits to, newest first."""
    return (
        Notice.objects.filter(channel=Channel.MAIL)
        .select_related("person")
        .order_by("-created_at", "-pk")
    )


def mails_sent() -> int:
    """Return how many mails have left so far."""
    return Notice.objects.filter(channel=Channel.MAIL, sent_at__isnull=False).count()


def text_of(notice: Notice) -> str:
    """Return what a mail says; a sign-in code is read from the mail itself, for the outbox forgot it.

    Empty where the mail left by a real mail server.
    """
    if notice.body or settings.EMAIL_HOST:
        return notice.body
    for mail in _mails_in(sorted(Path(settings.EMAIL_FILE_PATH).glob("*"), reverse=True)):
        if mail["Message-ID"] == notice.message_id:
            body = mail.get_body(("plain",))
            return str(body.get_content()) if body else ""
    return ""


def _mails_in(files: Iterable[Path]) -> Iterable[EmailMessage]:
    """Yield the mails of the newest files in which Django keeps them, newest first."""
    for path in list(files)[:MAIL_FILES]:
        for part in reversed(path.read_bytes().split(DIVIDER)):
            if part.strip():
                yield message_from_bytes(part.strip(b"\r\n"), policy=policy.default)
