"""Beside the way: working from paper, the guide to print, three steps at a new place."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from kitting.devices.queries import device_by_code
from kitting.guides.forms import NEW_PLACE_GUIDE, read_guide_file
from kitting.guides.queries.paper import short_guide
from kitting.journeys import actions
from kitting.journeys.queries import printed_guide
from kitting.journeys.views.visit import access_of, language, who_of
from kitting.lib import qr
from kitting.lib.codes import CodeError, parse
from kitting.site.queries import flags, words

if TYPE_CHECKING:
    from django.http import HttpResponse

    from kitting.guides.rules.shapes import GuideDraft
    from kitting.site.queries import SiteRequest


@never_cache
@require_GET
def booklet(request: SiteRequest, code: str) -> HttpResponse:
    """Show the whole guide of a box on one page, made to be printed; nothing on it is personal."""
    try:
        known = parse(code)
    except CodeError as error:
        raise Http404 from error
    view = device_by_code(known)
    if view.device is None or view.state != "open":
        raise Http404
    pages = printed_guide(view.device, view.loan, language=language())
    if pages is None:
        raise Http404
    address = f"{settings.SITE_URL}{reverse('journeys:box', args=[known])}"
    context = {
        "code": known,
        "loan": view.loan,
        "guide": pages,
        "qr": qr.draw(address),
        "address": address,
    }
    return render(request, "journeys/booklet.html", context)


@never_cache
@require_POST
def mark(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Note that the person goes on from paper, or take it back (`over`)."""
    access = access_of(request, journey_id)
    act = actions.leave_paper if "over" in request.POST else actions.go_on_paper
    moved = act(journey_id=journey_id, who=who_of(access), now=request.now)
    if moved.changed and not moved.journey.on_paper:
        messages.success(request, _("Noted: you go on here, not from paper."))
    return redirect("journeys:overview", journey_id=journey_id)


@cache
def _new_place() -> GuideDraft:
    return read_guide_file(NEW_PLACE_GUIDE)


@never_cache
@require_GET
def moved(request: SiteRequest) -> HttpResponse:
    """Show anybody the three steps at a new place; who is signed in reads their own Wi-Fi."""
    say = words()
    place = request.user.place if request.user.is_authenticated else None
    if place is not None and place.wifi_name:
        say["wifi_name"] = place.wifi_name
    title, about, steps = short_guide(_new_place(), flags(), say, language())
    context = {"title": title, "about": about, "steps": steps, "words": say}
    return render(request, "journeys/moved.html", context)
