"""Finding what a sentence on the Chromebook's screen means: before the number, and on the own way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from kitting.guides import queries as guides
from kitting.journeys import actions
from kitting.journeys.forms import ErrorForm
from kitting.journeys.views.visit import (
    access_of,
    client_key,
    form_key,
    language,
    step_url,
    who_of,
)
from kitting.site.queries import words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from kitting.guides.queries.shapes import ErrorView
    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest


@dataclass(frozen=True)
class _Group:
    """Errors of one step, under its title; of any step without one. `is_own`: of the step at hand."""

    title: str
    is_own: bool
    errors: list[ErrorView]


@never_cache
@require_GET
def errors(request: SiteRequest) -> HttpResponse:
    """Let anybody search the errors by what the screen says, or choose one."""
    return _list(request, _search(request, None), {})


@never_cache
@require_GET
def error(request: SiteRequest, key: str) -> HttpResponse:
    """Tell anybody what an error means."""
    return _one(request, key, None, {})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own_errors(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Let a person search on the own way; choosing one is noted, so that IT sees it."""
    access = access_of(request, journey_id)
    journey = access.journey
    step = _step(request, journey)
    if request.method != "POST":
        own = {"journey": journey, "step": step, "form_key": form_key()}
        return _list(request, _search(request, journey, step=step), own)
    key = request.POST.get("error", "")
    if guides.error_view(journey.edition_id, key, language()) is None:
        raise Http404
    if journey.begun_at is not None and step:
        actions.note_error(
            journey_id=journey_id,
            step_key=step,
            error=key,
            who=who_of(access),
            now=request.now,
            client_key=client_key(request),
        )
    return redirect(_with_step(reverse("journeys:own_error", args=[journey_id, key]), step))


@never_cache
@require_GET
def own_error(request: SiteRequest, journey_id: int, key: str) -> HttpResponse:
    """Tell a person on the own way what an error means, and offer help with it."""
    journey = access_of(request, journey_id).journey
    step = _step(request, journey)
    own = {
        "journey": journey,
        "step": step,
        "back": step_url(journey, step) if step else "",
        "list_url": _with_step(reverse("journeys:own_errors", args=[journey_id]), step),
        "help_url": _with_step(reverse("escalation:ask", args=[journey_id]), step, error=key),
    }
    return _one(request, key, journey, own)


def _step(request: SiteRequest, journey: Journey) -> str:
    """Return the step somebody comes from, or the one being worked on."""
    wished = request.GET.get("step", "")
    known = [row[0] for row in journey.step_keys]
    return wished if wished in known else journey.current_step or (known[-1] if known else "")


def _with_step(url: str, step: str, **more: str) -> str:
    query = urlencode({key: value for key, value in {"step": step, **more}.items() if value})
    return f"{url}?{query}" if query else url


def _search(request: SiteRequest, journey: Journey | None, *, step: str = "") -> dict[str, Any]:
    edition_id = journey.edition_id if journey else None
    form = ErrorForm(request.GET if "q" in request.GET else None)
    say = words(language=language())
    context: dict[str, Any] = {"form": form, "words": say, "found": None}
    if form.is_valid():
        typed = form.cleaned_data["q"]
        context["found"] = guides.find_errors(edition_id, typed, language(), words=say)
    if not context["found"]:
        every = guides.errors(edition_id, language(), words=say)
        context["groups"] = _groups(every, first=step)
    return context


def _groups(every: Iterable[ErrorView], *, first: str) -> list[_Group]:
    """Return the errors by step: those of the own step first, then those of any, then the rest."""
    by_step: dict[str, list[ErrorView]] = {}
    for one in every:
        by_step.setdefault(one.step, []).append(one)
    order = sorted(by_step, key=lambda step: (step != first, step != ""))
    return [
        _Group(by_step[step][0].step_title, bool(step) and step == first, by_step[step])
        for step in order
    ]


def _list(request: SiteRequest, found: dict[str, Any], own: dict[str, Any]) -> HttpResponse:
    status = 422 if found["form"].errors else 200
    return render(request, "journeys/errors.html", found | own, status=status)


def _one(
    request: SiteRequest, key: str, journey: Journey | None, own: dict[str, Any]
) -> HttpResponse:
    say = words(language=language())
    edition_id = journey.edition_id if journey else None
    view = guides.error_view(edition_id, key, language(), words=say)
    if view is None:
        raise Http404
    context = {"error": view, "words": say, "list_url": reverse("journeys:errors"), **own}
    return render(request, "journeys/error.html", context)
