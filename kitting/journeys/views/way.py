"""The whole way: begin, arrive, pause, the two milestones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from accounts.queries import calendar_book, local_day
from kitting.guides.queries.pages import completion, lessons
from kitting.journeys import actions, rules
from kitting.journeys.forms import (
    NEXT_DAY,
    OTHER_DAY,
    TODAY,
    LaterForm,
)
from kitting.journeys.views.visit import (
    Alike,
    Visit,
    access_of,
    again_of,
    context_of,
    entering,
    go_on,
    language,
    on_chromebook,
    visit_of,
    who_of,
)
from kitting.lib import marks
from kitting.lib.codes import shown
from kitting.notices.actions import read as mark_read
from kitting.notices.queries import unread

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from kitting.journeys.models import Journey
    from kitting.site.queries import SiteRequest

NOTICES_SHOWN = 3


@never_cache
@require_GET
def overview(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show the whole way: what is done, what comes next, how long it takes."""
    access = access_of(request, journey_id)
    visit = visit_of(request, access, at=access.journey.current_step)
    context = context_of(request, visit) | {
        "notices": unread(access.actor)[:NOTICES_SHOWN] if access.actor else [],
        "paused": _pauses(visit.journey, request.now),
        "again": again_of(request, visit),
        "here": request.get_full_path(),
    }
    if visit.kept:
        context["alike"] = _overview_for_all(visit, context)
    return render(request, "journeys/overview.html", context)


@dataclass(frozen=True)
class _DeviceShown:
    """What a kept page knows of a device: a sign for its code."""

    code: str


@dataclass(frozen=True)
class _LoanShown:
    """What a kept page knows of a loan: its device."""

    device: _DeviceShown


@dataclass(frozen=True)
class _JourneyShown:
    """What a kept page knows of a journey that has begun: how far it is, and no moment of it."""

    edition_id: int | None
    arrived_at: bool
    ready_at: bool
    at_home_at: bool
    reads_paper: bool
    loan: _LoanShown
    begun_at: bool = True
    pk: int = marks.NUMBER


def _overview_for_all(visit: Visit, context: Mapping[str, Any]) -> Alike:
    """Return what the whole way shows everybody who has the same steps behind them."""
    journey, code = visit.journey, visit.journey.loan.device.code or ""
    known = _JourneyShown(
        edition_id=journey.edition_id,
        arrived_at=journey.arrived_at is not None,
        ready_at=journey.ready_at is not None,
        at_home_at=journey.at_home_at is not None,
        reads_paper=journey.reads_paper,
        loan=_LoanShown(_DeviceShown(marks.BOX if code else "")),
    )
    return Alike(
        label=visit.kept,
        below={"way": visit.way},
        words={marks.BOX: code, marks.BOX_SHOWN: shown(code)},
        same={
            "journey": known,
            "by_box": context["by_box"],
            "may_arrive": context["may_arrive"],
        },
    )


def _pauses(journey: Journey, now: datetime) -> bool:
    return journey.paused_until is not None and journey.paused_until > now


@never_cache
@require_POST
def start(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Begin an own journey without a box at hand."""
    access = access_of(request, journey_id)
    try:
        moved = actions.begin(
            journey_id=access.journey.pk, who=entering(request), now=request.now
        )
    except actions.NoGuideError as error:
        raise Http404 from error
    except actions.StartsStoppedError:
        messages.warning(request, _("Nobody can begin just now. Please try again later."))
        return redirect("journeys:overview", journey_id=journey_id)
    return go_on(moved)


@never_cache
@require_POST
def declare(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Take the person's word that what was pressed faster than possible is done."""
    access = access_of(request, journey_id)
    if access.journey.begun_at is None:
        raise Http404
    moved = actions.declare_done(
        journey_id=access.journey.pk, who=who_of(access), now=request.now
    )
    return go_on(moved)


@never_cache
@require_POST
def read(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Put away what the person was told here; only who is signed in was told anything."""
    access = access_of(request, journey_id)
    if access.actor is None:
        raise Http404
    mark_read(person=access.actor, about=request.POST.get("about", ""), now=request.now)
    return redirect("journeys:overview", journey_id=journey_id)


@never_cache
@require_POST
def arrive(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Note that the guide is open on the Chromebook."""
    access = access_of(request, journey_id)
    if not on_chromebook(request):
        return redirect("journeys:overview", journey_id=journey_id)
    try:
        moved = actions.arrive(
            journey_id=access.journey.pk, who=who_of(access), now=request.now
        )
    except actions.NoGuideError as error:
        raise Http404 from error
    return go_on(moved, after=rules.ARRIVAL_STEP)


@never_cache
@require_http_methods(["GET", "POST"])
def later(request: SiteRequest, journey_id: int, key: str = "") -> HttpResponse:
    """Ask when the person goes on, and stop the clocks until then."""
    access = access_of(request, journey_id)
    book = calendar_book(country=request.profile.holidays_country)
    calendar = book.of_person(access.journey.person)
    moments = rules.later(calendar, request.now)
    form = LaterForm(
        request.POST if request.method == "POST" else None,
        choices=_later_choices(moments),
        today=local_day(request.now),
    )
    if request.method == "POST" and form.is_valid():
        chosen = {TODAY: moments.today, NEXT_DAY: moments.next_day}
        until = chosen.get(form.cleaned_data["when"]) or rules.opening_of(
            calendar, form.cleaned_data["on"] or local_day(request.now)
        )
        actions.pause(
            journey_id=access.journey.pk, until=until, who=who_of(access), now=request.now
        )
        return redirect("journeys:overview", journey_id=journey_id)
    back = key or access.journey.current_step
    context = {"journey": access.journey, "form": form, "back": back, "other_day": OTHER_DAY}
    return render(request, "journeys/later.html", context, status=422 if form.errors else 200)


def _later_choices(moments: rules.Later) -> list[tuple[str, str]]:
    choices = [
        (NEXT_DAY, _("Next working day, %(at)s") % {"at": _moment(moments.next_day)}),
        (OTHER_DAY, _("Another day")),
    ]
    if moments.today:
        at = date_format(localtime(moments.today), "H:i")
        choices.insert(0, (TODAY, _("Later today, at %(at)s") % {"at": at}))
    return choices


def _moment(at: datetime) -> str:
    # Translators: a day and a time, such as Tue, Nov 10, 8:30.
    return date_format(localtime(at), _("D, M j, H:i"))


@never_cache
@require_GET
def ready(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Say that the device can be used for work: a good place to stop."""
    access = access_of(request, journey_id)
    if access.journey.ready_at is None:
        return redirect("journeys:overview", journey_id=journey_id)
    visit = visit_of(request, access)
    return render(request, "journeys/ready.html", context_of(request, visit))


@never_cache
@require_GET
def finished(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Say that everything is done, and what comes next."""
    access = access_of(request, journey_id)
    journey = access.journey
    if journey.at_home_at is None or journey.edition_id is None:
        return redirect("journeys:overview", journey_id=journey_id)
    visit = visit_of(request, access)
    context = context_of(request, visit) | {
        "completion": completion(journey.edition_id, visit.words, language()),
        "lessons": lessons(journey.edition_id, journey.flags, visit.words, language()),
        "minutes": visit.words["minutes_used"],
    }
    return render(request, "journeys/finished.html", context)
