"""What every request leaves behind: its name, one line in the log, figures, and a page if it broke."""

from __future__ import annotations

import sys
from time import perf_counter
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse, HttpResponseServerError
from django.template import loader
from django.utils import translation
from django.views.decorators.csrf import requires_csrf_token
from prometheus_client import Counter, Histogram

from kitting.monitor.rules import NO_ROUTE, request_id
from kitting.site.middleware import wished_language

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from kitting.monitor.views import NamedRequest

SECONDS = Histogram(
    "kitto_request_seconds",
    "How long an answer took",
    ("route", "method"),
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
ANSWERS = Counter("kitto_answers", "Answers by their status", ("route", "method", "status"))
QUERIES = Histogram(
    "kitto_request_queries",
    "Statements an answer took in the database",
    ("route", "method"),
    buckets=(0, 2, 4, 6, 8, 10, 15, 20, 30, 60),
)
# The database is away, too busy or full: nobody's fault, and soon over.
AWAY = (InterfaceError, OperationalError)
RETRY_SECONDS = 10
# Asked every few seconds by machines; a line for each would drown the rest.
QUIET = ("jobs:healthz", "jobs:readyz", "monitor:metrics", NO_ROUTE)

log = structlog.stdlib.get_logger("kitting.requests")


class _Statements:
    """Counts what the database is asked."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.count += 1
        return execute(*args)


def monitor_middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Name the request and measure its answer.

    Neither address nor code nor person is kept: the route's name says which page it was.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        name = request_id(
            header=request.headers.get("X-Request-ID", ""),
            is_trusted=settings.TRUSTED_PROXY_COUNT > 0,
        )
        cast("NamedRequest", request).request_id = name
        statements, began = _Statements(), perf_counter()
        with (
            structlog.contextvars.bound_contextvars(request_id=name),
            connection.execute_wrapper(statements),
        ):
            response = get_response(request)
            _note(request, response, perf_counter() - began, statements.count)
        response.headers["X-Request-ID"] = name
        # Here, where static files pass too: no other site may draw our pages or files into its own.
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    return middleware


def _note(
    request: HttpRequest, response: HttpResponse, seconds: float, statements: int
) -> None:
    # A method is whatever a client sends: only those we answer may name a figure.
    method = request.method if request.method in {"GET", "HEAD", "POST"} else "other"
    match = request.resolver_match
    route = (match.view_name if match else "") or NO_ROUTE
    SECONDS.labels(route, method).observe(seconds)
    QUERIES.labels(route, method).observe(statements)
    ANSWERS.labels(route, method, response.status_code).inc()
    if route not in QUIET:
        log.info(
            "request",
            route=route,
            method=method,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
            statements=statements,
        )


@requires_csrf_token
def broken(request: HttpRequest) -> HttpResponse:
    """Say that something broke, and what the fault is called in the log.

    Needs nothing that may be what broke: no database, no context. Where the database does not answer
    the page says that it is soon over, and programs read when to ask again.
    """
    is_away = isinstance(sys.exc_info()[1], AWAY)
    words = {
        "error_id": getattr(request, "request_id", ""),
        "back": "" if request.method in {"GET", "HEAD"} else page_before(request),
    }
    with translation.override(wished_language(request)):
        if is_away:
            page = loader.get_template("503.html").render(words)
            return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_SECONDS)})
        return HttpResponseServerError(loader.get_template("500.html").render(words))


def page_before(request: HttpRequest) -> str:
    """Return the page of ours that a form was sent from: its address cannot be opened itself."""
    before = urlsplit(request.headers.get("Referer", ""))
    # As it came: an unknown host must not break the page that says what broke.
    is_ours = before.netloc == request.META.get("HTTP_HOST", "")
    # One slash: two would lead to whatever site is named behind them.
    return "/" + before.path.lstrip("/") if is_ours else "/"
