"""Pages of the site's own settings, and how somebody reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from accounts import actions as people
from accounts.models import ClosedDay, Place, User, WorkingHours
from accounts.queries import local_day, people_called, people_on_leave
from accounts.requests import way_back
from kitting.site import actions
from kitting.site.forms import (
    ClosedDaysForm,
    HoursForm,
    LeaveForm,
    PlaceHoursForm,
    ProfileForm,
    ReadingForm,
    word_label,
)
from kitting.site.queries import examples_left, settings_of_guide, team_here
from kitting.site.rules import READING_COOKIE

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest

SEARCH_MOST = 80
PEOPLE_MOST = 50
A_YEAR = timedelta(days=365)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: SiteRequest) -> HttpResponse:
    """Show the site's words and switches to IT; the IT lead changes them here."""
    if not request.rights.is_it:
        raise Http404
    flags, variables = settings_of_guide()
    form = ProfileForm(
        request.POST if request.method == "POST" else None,
        profile=request.profile,
        flags=flags,
        variables=variables,
    )
    if request.method == "POST":
        if not request.rights.is_it_lead:
            raise PermissionDenied
        if form.is_valid():
            return _save(request, form)
    context = {
        "form": form,
        "may_change": request.rights.is_it_lead,
        "examples": [(f"id_word_{v.key}", word_label(v)) for v in examples_left()],
    }
    return render(request, "site/profile.html", context, status=422 if form.errors else 200)


def _save(request: SiteRequest, form: ProfileForm) -> HttpResponse:
    if not request.user.is_authenticated:
        raise PermissionDenied
    changed = actions.save_profile(
        profile=form.profile_values(),
        flags=form.flag_values(),
        words=form.word_values(),
        by=request.user,
        now=request.now,
    )
    messages.success(request, _("Saved.") if changed else _("Nothing was different."))
    return redirect("site:profile")


# --- working time ----------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hours(request: SiteRequest) -> HttpResponse:
    """Show every weekly pattern and the places that follow it; a new one is made here."""
    by = team_here(request)
    patterns = list(WorkingHours.objects.annotate(place_count=Count("places")).order_by("name"))
    form = HoursForm(
        request.POST if request.method == "POST" else None,
        others=[row.name for row in patterns],
        initial={"observes_holidays": True, "closes_year_end": True},
    )
    if request.method == "POST" and form.is_valid():
        made = people.save_hours(values=form.values(), by=by, now=request.now)
        messages.success(request, _("Saved."))
        return redirect("site:hours_of", hours_id=made.pk)
    places = [
        (place, PlaceHoursForm(initial={"hours": place.hours_id}, prefix=f"p{place.pk}"))
        for place in Place.objects.order_by("name")
    ]
    context = {"patterns": patterns, "form": form, "places": places}
    return render(request, "site/hours.html", context, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def hours_of(request: SiteRequest, hours_id: int) -> HttpResponse:
    """Show one weekly pattern with its closed days, and change it."""
    by = team_here(request)
    row = get_object_or_404(WorkingHours, pk=hours_id)
    others = WorkingHours.objects.exclude(pk=row.pk).values_list("name", flat=True)
    form = HoursForm(
        request.POST if request.method == "POST" else None,
        others=list(others),
        initial={name: getattr(row, name) for name in HoursForm.base_fields},
    )
    if request.method == "POST" and form.is_valid():
        people.save_hours(hours=row, values=form.values(), by=by, now=request.now)
        messages.success(request, _("Saved."))
        return redirect("site:hours_of", hours_id=row.pk)
    return _hours_page(request, row, form, ClosedDaysForm())


def _hours_page(
    request: SiteRequest, row: WorkingHours, form: HoursForm, days_form: ClosedDaysForm
) -> HttpResponse:
    today = local_day(request.now)
    context = {
        "hours": row,
        "form": form,
        "days_form": days_form,
        "closed_days": row.closed_days.filter(on__gte=today).order_by("on"),
        "places": row.places.order_by("name"),
    }
    has_errors = form.errors or days_form.errors
    return render(request, "site/hours_of.html", context, status=422 if has_errors else 200)


@login_required
@require_POST
def close_days(request: SiteRequest, hours_id: int) -> HttpResponse:
    """Close a calendar, or all of them, on some days."""
    by = team_here(request)
    row = get_object_or_404(WorkingHours, pk=hours_id)
    form = ClosedDaysForm(request.POST)
    if not form.is_valid():
        initial = {name: getattr(row, name) for name in HoursForm.base_fields}
        return _hours_page(request, row, HoursForm(initial=initial), form)
    people.close_days(
        hours=None if form.cleaned_data["everywhere"] else row,
        days=form.days(),
        reason=form.cleaned_data["reason"],
        by=by,
        now=request.now,
    )
    messages.success(request, _("Saved."))
    return redirect("site:hours_of", hours_id=row.pk)


@login_required
@require_POST
def open_day(request: SiteRequest, hours_id: int, day_id: int) -> HttpResponse:
    """Take a closed day back."""
    by = team_here(request)
    day = get_object_or_404(ClosedDay, pk=day_id, hours_id=hours_id)
    people.open_day(day=day, by=by, now=request.now)
    return redirect("site:hours_of", hours_id=hours_id)


@login_required
@require_POST
def place_hours(request: SiteRequest, place_id: int) -> HttpResponse:
    """Say which pattern a place follows."""
    by = team_here(request)
    place = get_object_or_404(Place, pk=place_id)
    form = PlaceHoursForm(request.POST, prefix=f"p{place.pk}")
    if form.is_valid():
        people.set_place_hours(
            place=place, hours=form.cleaned_data["hours"], by=by, now=request.now
        )
        messages.success(request, _("Saved."))
    return redirect("site:hours")


@login_required
@require_GET
def leaves(request: SiteRequest) -> HttpResponse:
    """Show who is away, and find somebody who will be."""
    team_here(request)
    text = request.GET.get("q", "")[:SEARCH_MOST]
    context = {
        "text": text,
        "found": people_called(text, limit=PEOPLE_MOST),
        "away": people_on_leave(on=local_day(request.now), limit=PEOPLE_MOST),
    }
    return render(request, "site/leaves.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: SiteRequest, person_id: int) -> HttpResponse:
    """Say from when until when somebody is away: their clocks stand still, others are asked."""
    by = team_here(request)
    person = get_object_or_404(User, pk=person_id)
    form = LeaveForm(
        request.POST if request.method == "POST" else None,
        initial={"leave_from_on": person.leave_from_on, "leave_to_on": person.leave_to_on},
    )
    if request.method == "POST" and form.is_valid():
        people.set_leave(
            person=person,
            from_on=form.cleaned_data["leave_from_on"],
            to_on=form.cleaned_data["leave_to_on"],
            by=by,
            now=request.now,
        )
        messages.success(request, _("Saved."))
        return redirect("site:leaves")
    context = {"person": person, "form": form}
    return render(request, "site/leave.html", context, status=422 if form.errors else 200)


@require_POST
def reading(request: SiteRequest) -> HttpResponse:
    """Keep how somebody wants to read: with the person, or in this browser."""
    wish = ReadingForm(request.POST).reading(request.reading)
    response = HttpResponseRedirect(way_back(request) or "/")
    if request.user.is_authenticated:
        actions.set_reading(person=request.user, reading=wish)
    else:
        response.set_cookie(
            f"{settings.COOKIE_PREFIX}{READING_COOKIE}",
            wish.cookie,
            max_age=A_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return response


@require_POST
def language(request: SiteRequest) -> HttpResponse:
    """Change the language of this browser and, signed in, of everything the person is sent."""
    wish = request.POST.get("language", "")
    if request.user.is_authenticated and wish in dict(settings.LANGUAGES):
        actions.set_language(person=request.user, language=wish)
    return set_language(request)
