"""How we are: for load balancers (/healthz), for people and monitors (/readyz)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kitting.jobs.queries import database_answers, pulses
from kitting.lib.later import Later

if TYPE_CHECKING:
    from django.http import HttpRequest

    from kitting.jobs.queries import Pulse

redis = Later("redis")

# A notice that has been due for longer shows that delivery does not keep up.
LATE_SECONDS = 300
BROKER_SECONDS = 0.5


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say whether this process and its database answer; a dead worker does not matter here."""
    try:
        database_answers()
    except (DatabaseError, InterfaceError):
        return HttpResponse(
            "no database\n", content_type="text/plain; charset=utf-8", status=503
        )
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Say what is alive and since when: names and ages only."""
    try:
        found = pulses()
    except (DatabaseError, InterfaceError):
        return JsonResponse({"ok": False, "reasons": ["database"]}, status=503)
    delivery = found["deliver"]
    checks = {
        "database": True,
        "broker": _broker_answers(delivery),
        "sweep": found["sweep"].is_well,
        "deliver": delivery.is_well,
        "mail_server": not delivery.detail.get("unreachable"),
        "outbox": delivery.detail.get("late_seconds", 0) <= LATE_SECONDS,
    }
    reasons = [name for name, is_well in checks.items() if not is_well]
    report: dict[str, Any] = {
        "ok": not reasons,
        "reasons": reasons,
        "checks": checks,
        "sweep_age_seconds": _seconds(found["sweep"]),
        "deliver_age_seconds": _seconds(delivery),
        "outbox": {
            name: delivery.detail.get(name) for name in ("waiting", "retrying", "late_seconds")
        },
    }
    return JsonResponse(report, status=503 if reasons else 200)


def _seconds(pulse: Pulse) -> float | None:
    return None if pulse.age is None else round(pulse.age.total_seconds(), 1)


def _broker_answers(delivery: Pulse) -> bool:
    """Ask Redis; the broker inside this process is as alive as the worker it wakes."""
    if not settings.REDIS_URL:
        return delivery.is_well
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
    )
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()
