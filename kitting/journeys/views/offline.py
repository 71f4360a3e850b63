"""Without a network: the script that keeps the guide readable, and what it asks the server."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import User
from kitting.journeys.queries import BOX_KEY, holder_key, own_journeys
from kitting.journeys.views.visit import access_of, box_journey, step_url, visit_of

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest


@lru_cache(maxsize=1)
def files_version() -> str:
    """Return what differs as soon as a script, style or picture of the pages does."""
    known = str(getattr(staticfiles_storage, "manifest_hash", ""))
    if known:
        return known
    files = sorted(path for folder in settings.STATICFILES_DIRS for path in folder.rglob("*.*"))
    seen = "".join(f"{path.name} {path.stat().st_mtime_ns};" for path in files)
    return hashlib.sha256(seen.encode()).hexdigest()[:12]


@never_cache
@require_GET
def worker(request: SiteRequest) -> HttpResponse:
    """Hand out the script that keeps pages; it lies at the root because it looks after all of them."""
    config = {
        "version": files_version(),
        "files": settings.STATIC_URL,
        "hashed": bool(getattr(staticfiles_storage, "manifest_hash", "")),
        "waiting": reverse("journeys:waiting"),
        "pass": reverse("journeys:pass"),
    }
    script = f"self.KITTO = {json.dumps(config)};\nimportScripts({json.dumps(static('js/worker.js'))});\n"
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


@never_cache
@require_GET
def waiting(request: SiteRequest) -> HttpResponse:
    """Say what waits on this device, and what can be done without a network."""
    return render(request, "journeys/waiting.html")


@never_cache
@require_GET
def entry(request: SiteRequest) -> JsonResponse:
    """Give the device what it needs to send what waits: a fresh token, and whose guides it may walk."""
    user = request.user if isinstance(request.user, User) else None
    if user is not None:
        mine = [journey.pk for journey in own_journeys(user)]
    else:
        journey = box_journey(request)
        mine = [journey.pk] if journey else []
    return JsonResponse(
        {
            "token": get_token(request),
            "holder": holder_key(user=user, box=request.session.get(BOX_KEY)),
            "journeys": mine,
        }
    )


@never_cache
@require_GET
def keep(request: SiteRequest, journey_id: int) -> JsonResponse:
    """Name the pages that make a guide readable without a network, the next one first."""
    access = access_of(request, journey_id)
    visit = visit_of(request, access)
    journey = access.journey
    steps = visit.way.steps if journey.begun_at else ()
    at = next((n for n, step in enumerate(steps) if step.key == journey.current_step), 0)
    asking = reverse("escalation:ask", args=[journey_id])
    pages = [reverse("journeys:waiting"), reverse("journeys:overview", args=[journey_id])]
    pages += [step_url(journey, step.key) for step in (*steps[at:], *steps[:at])]
    pages.insert(3, f"{asking}?step={journey.current_step}")
    pages.append(asking)
    said: list[dict[str, Any]] = [
        {"key": step.key, "title": step.title, "done": step.done} for step in steps
    ]
    return JsonResponse({"pages": pages, "steps": said})
