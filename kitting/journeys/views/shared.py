"""A PC that several people use: saying so, going on, leaving it to the next person."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts.requests import way_back
from kitting.journeys.forms import BoxCodeForm
from kitting.journeys.queries import SHARED_COOKIE, is_inside
from kitting.journeys.views.visit import on_chromebook
from kitting.site.queries import words
from kitting.site.rules import READING_COOKIE

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest

A_YEAR = timedelta(days=365)


@require_POST
def switch(request: SiteRequest) -> HttpResponse:
    """Note that several people use this browser, or only one (`over`)."""
    response = redirect(way_back(request) or "home")
    if "over" in request.POST:
        response.delete_cookie(f"{settings.COOKIE_PREFIX}{SHARED_COOKIE}", samesite="Lax")
        messages.info(request, _("This PC is treated as your own again."))
        return response
    response.set_cookie(
        f"{settings.COOKIE_PREFIX}{SHARED_COOKIE}",
        "1",
        max_age=A_YEAR,
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
        samesite="Lax",
    )
    messages.success(
        request, _("Noted. After 3 minutes without a touch the guide closes by itself.")
    )
    return response


@never_cache
@require_POST
def stay(_request: SiteRequest) -> HttpResponse:
    """Hear that somebody is still there: the idle minutes begin anew."""
    return HttpResponse(status=204)


@never_cache
@require_POST
def leave_to_next(request: SiteRequest) -> HttpResponse:
    """End whatever is open in this browser, and lead to the door for the next person."""
    logout(request)
    return _without_traces(redirect("journeys:next_person"))


@never_cache
@require_GET
def next_person(request: SiteRequest) -> HttpResponse:
    """Say that the guide of the one before is closed, and let the next one begin."""
    if is_inside(request):
        return redirect("home")
    context = {"form": BoxCodeForm(), "words": words(), "on_device": on_chromebook(request)}
    return _without_traces(render(request, "journeys/next_person.html", context))


def _without_traces(response: HttpResponse) -> HttpResponse:
    """Let the browser drop what the one before left: pages kept for offline, ways of reading."""
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    response.delete_cookie(f"{settings.COOKIE_PREFIX}{READING_COOKIE}", samesite="Lax")
    response.delete_cookie(settings.LANGUAGE_COOKIE_NAME, samesite="Lax")
    return response
