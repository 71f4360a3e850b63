"""What monitors read."""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from kitting.monitor.queries import Figures

if TYPE_CHECKING:

    class NamedRequest(HttpRequest):
        """A request that went through the monitor's middleware."""

        request_id: str


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell a monitor how Kitto is: counts only, to who knows the token; for others no such page."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not (
        settings.METRICS_TOKEN
        and compare_digest(sent.encode(), settings.METRICS_TOKEN.encode())
    ):
        raise Http404
    figures = CollectorRegistry()
    figures.register(Figures())
    requests = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):  # several processes answer: add them up
        requests = CollectorRegistry()
        MultiProcessCollector(requests)  # type: ignore[no-untyped-call]  # the client types this one not
    body = generate_latest(requests) + generate_latest(figures)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)
