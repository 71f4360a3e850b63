"""The board for programs: read only, numbers without names, by a token of the client's own."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from django.http import HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.timezone import localtime
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.states import TokenKind
from accounts.tokens import TooManyError, admit
from kitting.dashboard import queries
from kitting.dashboard.views.door import read_as
from kitting.dashboard.views.kept import board_for, choices_for, look_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.dashboard import rules
    from kitting.dashboard.queries import Overview
    from kitting.site.queries import SiteRequest

DESCRIPTION = Path(__file__).parents[1] / "data" / "openapi.json"
SCHEME = "Bearer "
FILTERS = ("wave", "bureau", "department")
DIGITS_MOST = 9
Json = dict[str, Any]


class RefusedError(Exception):
    """A question that is not answered: status, a stable word for programs, a sentence for people."""

    def __init__(self, status: int, error: str, message: str) -> None:
        """Keep what is answered instead."""
        super().__init__(message)
        self.status = status
        self.error = error

    def response(self) -> JsonResponse:
        """Return the answer that says so."""
        body = {"error": self.error, "message": str(self)}
        response = JsonResponse(body, status=self.status)
        if self.status == 401:  # noqa: PLR2004  # the one that asks for a token
            response.headers["WWW-Authenticate"] = 'Bearer realm="kitto"'
        if self.status == 429:  # noqa: PLR2004  # the one that says when
            response.headers["Retry-After"] = "60"
        return response


@cache
def _description() -> bytes:
    return DESCRIPTION.read_bytes()


@require_GET
def openapi(request: SiteRequest) -> HttpResponse:
    """Give the description of this interface (OpenAPI 3.1); nothing of the city stands in it."""
    response = HttpResponse(_description(), content_type="application/json")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@never_cache
@require_GET
def api(request: SiteRequest, what: str) -> HttpResponse:
    """Answer one question of a program, or in a few bytes that nothing has changed."""
    try:
        _enter(request)
        body = _body(request, what)
    except RefusedError as refused:
        return refused.response()
    # When it was counted is no news by itself.
    plain = json.dumps(body, sort_keys=True).encode()
    etag = quote_etag(hashlib.sha256(plain).hexdigest()[:32])
    response = JsonResponse(
        {"as_of": localtime(request.now).isoformat(timespec="seconds"), **body}
    )
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"
    return cast("HttpResponse", get_conditional_response(request, etag=etag, response=response))


def _enter(request: SiteRequest) -> None:
    said = request.headers.get("Authorization", "")
    secret = said.removeprefix(SCHEME).strip() if said.startswith(SCHEME) else ""
    try:
        token = admit(secret=secret, kind=TokenKind.API, now=request.now)
    except TooManyError as error:
        raise RefusedError(429, "too_many", "Ask again in a minute.") from error
    if token is None:
        message = "Send a valid token: Authorization: Bearer …"
        raise RefusedError(401, "unauthorized", message)
    read_as(request, token)


def _body(request: SiteRequest, what: str) -> Json:
    if what == "waves":
        _check_names(request, ())
        rows = queries.wave_rows(request.rights, now=request.now)
        return {"waves": [_wave(row) for row in rows]}
    if what not in PARTS:
        raise RefusedError(404, "not_found", "There is no such question.")
    board = board_for(request, look_of(request, _filters(request)), keep=True)
    if board.is_refused:
        raise RefusedError(403, "hidden", "Fewer than five people could be worked out from it.")
    if board.is_hidden:
        raise RefusedError(403, "hidden", "There are fewer than five people.")
    return PARTS[what](board)


# --- what is asked --------------------------------------------------------------------------------


def _check_names(request: SiteRequest, known: tuple[str, ...]) -> None:
    for name in request.GET:
        if name not in known:
            raise RefusedError(400, "unknown_parameter", f"There is no parameter {name!r}.")


def _filters(request: SiteRequest) -> queries.Filters:
    _check_names(request, FILTERS)
    offered = choices_for(request)
    known = {
        "wave": dict(offered.waves),
        "bureau": dict(offered.bureaus),
        "department": dict(offered.departments),
    }
    asked = {name: _key(request, name, known[name]) for name in FILTERS if name in request.GET}
    return queries.Filters(
        wave=asked.get("wave"),
        bureau=asked.get("bureau"),
        department=asked.get("department"),
    )


def _key(request: SiteRequest, name: str, known: dict[int, str]) -> int:
    values = request.GET.getlist(name)
    text = values[0]
    if len(values) > 1 or not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MOST):
        raise RefusedError(400, "bad_parameter", f"{name} must be one whole number.")
    if int(text) not in known:
        if not request.rights.is_it and name != "bureau":
            message = f"This token may not narrow by {name}."
            raise RefusedError(403, "hidden", message)
        raise RefusedError(400, "bad_parameter", f"There is no {name} {text}.")
    return int(text)


# --- what is answered -----------------------------------------------------------------------------


def _counts(counts: rules.Counts) -> Json:
    return {
        "people": counts.total,
        "ready": counts.done,
        "in_progress": counts.in_progress,
        "waiting": counts.waiting,
        "not_started": counts.not_started,
    }


def _took(took: rules.Took | None) -> Json | None:
    return {"median": took.median, "nine_in_ten": took.most} if took else None


def _overview(board: Overview) -> Json:
    ahead = board.forecast
    return {
        **_counts(board.counts),
        "ready_percent": board.counts.percent,
        "planned": board.planned,
        "gap": board.gap,
        "days_ahead": board.ahead,
        "deadline": board.rollout.deadline_on.isoformat() if board.rollout else None,
        "people_a_day": round(board.pace.mean, 2) if board.pace else None,
        "people_a_day_needed": None if board.needed is None else round(board.needed, 2),
        "forecast": ahead.likely_on.isoformat() if ahead and ahead.likely_on else None,
        "minutes_to_ready": _took(board.time),
        "ready_without_help": board.alone,
        "shared_devices": board.shared_devices,
        "people_without_device": board.people_without_device,
    }


def _departments(board: Overview) -> Json:
    return {
        "departments": [
            {
                "id": row.pk,
                "name": row.name,
                "bureau": row.bureau or None,
                "departments_together": row.together,
                **_counts(row.counts),
                "planned": row.planned,
                "gap": row.gap,
                "ready_last_ten_days": list(row.line),
            }
            for row in board.departments
        ]
    }


def _steps(board: Overview) -> Json:
    return {
        "steps": [
            {
                "number": step.number,
                "key": step.key,
                "title": step.title,
                "reached": step.reached,
                "here": step.here,
                "asked": step.asked,
                "minutes": _took(step.took),
                "is_bottleneck": step.is_bottleneck,
            }
            for step in board.steps
        ]
    }


def _days(board: Overview) -> Json:
    return {
        "days": [
            {"day": day.isoformat(), "ready": ready, "planned": planned}
            for day, ready, planned in board.compared
        ]
    }


def _tickets(board: Overview) -> Json:
    return {
        "people_waiting": board.counts.waiting,
        "other_requests_waiting": board.reports,
        "overdue": board.overdue,
        "needs_attention": board.attention,
        "minutes_to_first_answer": _took(board.help.answer),
        "minutes_goal": board.help.target,
        "minutes_spent": board.spent,
    }


def _wave(row: queries.WaveRow) -> Json:
    wave = row.wave
    return {
        "id": wave.pk,
        "name": wave.name,
        "rollout": wave.rollout.name,
        "starts_on": row.starts_on.isoformat(),
        "ends_on": wave.ends_on.isoformat(),
        "is_pilot": wave.is_pilot,
        "is_on_hold": wave.held_at is not None,
        "counts": _counts(row.counts) if row.counts else None,
        "planned": row.planned,
    }


PARTS: dict[str, Callable[[Overview], Json]] = {
    "overview": _overview,
    "departments": _departments,
    "steps": _steps,
    "days": _days,
    "tickets": _tickets,
}
