"""Figures of the whole system, read from the database at the moment a monitor asks."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import Count, Min, Q
from django.db.models.functions import Now
from prometheus_client.core import GaugeMetricFamily

from accounts.models import Department, Place, User
from accounts.queries import leads_for, local_day
from accounts.states import Role
from kitting.devices.models import BoxCode, Device, Loan
from kitting.escalation.models import PolicyLevel, Ticket
from kitting.escalation.states import OPEN
from kitting.jobs.models import Heartbeat, Job
from kitting.jobs.queries import late_pulses
from kitting.jobs.states import OPEN as JOB_OPEN
from kitting.journeys.models import Journey
from kitting.lib.later import Later
from kitting.lib.version import VERSION
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from kitting.rollout.models import Wave
from kitting.site.queries import examples_left

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

    from kitting.site.models import Variable

redis = Later("redis")

BROKER_SECONDS = 0.5
QUEUES = ("celery", "sign_in")


class Figures:
    """A collector of the Prometheus client: each scrape asks the database once a family."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield every family of figures; the number of statements does not depend on the size."""
        yield _family("kitto_build", "Which version answers", ("version",), [((VERSION,), 1)])
        yield _family(
            "kitto_journeys",
            "Open journeys by the state of their person",
            ("status",),
            _counted(Journey.objects.filter(closed_at__isnull=True), "status"),
        )
        yield _family(
            "kitto_tickets_open",
            "Open tickets by where they stand on the ladder",
            ("level",),
            _counted(Ticket.objects.filter(state__in=OPEN), "level"),
        )
        yield from _ages()
        yield _family(
            "kitto_board_counts_wrong",
            "Kept counts of the board that differed at the last recount, and were put right",
            (),
            _wrong_counts(),
        )
        yield from _long_work()
        yield _family(
            "kitto_notices_failed",
            "Messages that could not be sent and wait for somebody to look",
            ("channel",),
            _counted(Notice.objects.filter(state=NoticeState.FAILED), "channel"),
        )
        queues = _queues()
        yield _family(
            "kitto_broker_queue",
            "Tasks that wait in Redis",
            ("queue",),
            [((name,), queue.length) for name, queue in queues.items()],
        )
        yield _family(
            "kitto_broker_queue_age_seconds",
            "How long the oldest task in Redis has waited",
            ("queue",),
            [((name,), queue.age) for name, queue in queues.items()],
        )


def _wrong_counts() -> list[tuple[tuple[str, ...], float]]:
    """Return how many counts differed last night; nothing where none are kept."""
    said = Heartbeat.objects.filter(name="recount").values_list("detail", flat=True).first()
    return [((), json.loads(said).get("wrong", 0))] if said else []


def _long_work() -> Iterator[GaugeMetricFamily]:
    rows = list(
        Job.objects.filter(state__in=JOB_OPEN)
        .order_by()
        .values("kind")
        .annotate(number=Count("pk"), oldest=Min("created_at"), measured_at=Now())
    )
    yield _family(
        "kitto_jobs_open",
        "Long work that waits or runs",
        ("kind",),
        [((row["kind"],), row["number"]) for row in rows],
    )
    yield _family(
        "kitto_jobs_age_seconds",
        "How long ago the oldest of the long work that waits or runs was asked for",
        ("kind",),
        [((row["kind"],), _age(row["measured_at"], row["oldest"])) for row in rows],
    )


def _ages() -> Iterator[GaugeMetricFamily]:
    beats = Heartbeat.objects.annotate(measured_at=Now()).values_list(
        "name", "measured_at", "at"
    )
    yield _family(
        "kitto_heartbeat_age_seconds",
        "Since what runs by itself last finished a round",
        ("name",),
        [((name,), _age(asked, at)) for name, asked, at in beats],
    )
    waiting = (
        Notice.objects.waiting()
        .order_by()
        .values("lane")
        .annotate(
            number=Count("pk"),
            oldest=Min("next_try_at"),
            in_vain=Min("created_at", filter=~Q(last_error="")),
            measured_at=Now(),
        )
    )
    rows = list(waiting)
    yield _family(
        "kitto_outbox_waiting",
        "Messages that have not left yet",
        ("lane",),
        [((row["lane"],), row["number"]) for row in rows],
    )
    yield _family(
        "kitto_outbox_late_seconds",
        "How long the oldest message that may leave has waited",
        ("lane",),
        [((row["lane"],), _age(row["measured_at"], row["oldest"])) for row in rows],
    )
    yield _family(
        "kitto_outbox_in_vain_seconds",
        "How long ago the oldest message was written that was tried in vain and will be tried again",
        ("lane",),
        [((row["lane"],), _age(row["measured_at"], row["in_vain"])) for row in rows],
    )
    due = (
        Journey.objects.open()
        .filter(attention_at__isnull=False)
        .annotate(measured_at=Now())
        .order_by("attention_at")
        .values_list("measured_at", "attention_at")
        .first()
    )
    yield _family(
        "kitto_sweep_lag_seconds",
        "How long the journey that is due first has waited for the sweep",
        (),
        [((), _age(*due) if due else 0)],
    )


def _family(
    name: str,
    words: str,
    labels: tuple[str, ...],
    rows: Iterable[tuple[tuple[str, ...], float]],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=labels)
    for values, figure in rows:
        family.add_metric(values, figure)
    return family


def _counted(rows: QuerySet[Any], by: str) -> list[tuple[tuple[str, ...], float]]:
    found = rows.order_by().values_list(by).annotate(number=Count("pk"))
    return [((str(value),), number) for value, number in found]


def _age(asked: datetime, at: datetime | None) -> float:
    """Return seconds from a moment to now, none before it has come."""
    return max((asked - at).total_seconds(), 0) if at else 0


@dataclass(frozen=True)
class Queue:
    """How many tasks wait in a queue, and how many seconds ago the oldest was sent."""

    length: int
    age: float


def _queues() -> dict[str, Queue]:
    if not settings.REDIS_URL:
        return {}
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
    )
    try:
        return {name: _queue(client, name) for name in QUEUES}
    except (redis.RedisError, OSError):
        return {}
    finally:
        client.close()


def _queue(client: Any, name: str) -> Queue:
    """Look at a list of Redis: the new come in at its head, and the oldest is its last."""
    sent_at = _sent_at(client.lindex(name, -1))
    now, _microseconds = client.time()
    return Queue(client.llen(name), max(now - sent_at, 0) if sent_at else 0)


def _sent_at(message: bytes | None) -> float | None:
    """Return when a task was sent; what others left in the list has no age, and breaks no figure."""
    with suppress(ValueError, TypeError, LookupError):
        return float(json.loads(message or b"")["headers"]["sent_at"])
    return None


@dataclass(frozen=True)
class FirstDay:
    """What a city has and lacks before its first box goes out."""

    has_address: bool
    has_mail: bool
    examples: list[Variable]
    it_leads: int
    people: int
    places: int
    places_without_hours: int
    departments: int
    departments_without_lead: int
    levels: int
    devices: int
    lent: int
    unprinted: int
    waves: int
    is_awake: bool


def first_day(*, now: datetime) -> FirstDay:
    """Return what is there and what is not; a few statements, and some for each department."""
    on = local_day(now)
    present = User.objects.present(on=on)
    staffed = Department.objects.filter(people__in=present).distinct()
    codes = BoxCode.objects.filter(device__isnull=False, retired_at__isnull=True)
    return FirstDay(
        has_address=settings.SITE_URL.startswith("https://"),
        has_mail=bool(settings.EMAIL_HOST),
        examples=examples_left(),
        it_leads=present.filter(grants__role=Role.IT_LEAD).distinct().count(),
        people=present.exclude(staff_number=None).count(),
        places=Place.objects.count(),
        places_without_hours=Place.objects.filter(hours__isnull=True).count(),
        departments=staffed.count(),
        departments_without_lead=sum(
            not leads_for(department_id=pk, place_id=None, on=on)
            for pk in staffed.values_list("pk", flat=True)
        ),
        levels=PolicyLevel.objects.count(),
        devices=Device.objects.count(),
        lent=Loan.objects.filter(ended_at__isnull=True, person__isnull=False).count(),
        unprinted=codes.filter(printed_at__isnull=True).count(),
        waves=Wave.objects.count(),
        is_awake=not late_pulses(),
    )
