"""Pages of the board: the whole city for IT, the own people for a lead, numbers for an auditor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from kitting.dashboard import queries
from kitting.dashboard.forms import EditionsForm, FiltersForm
from kitting.dashboard.views.kept import answer_part, choices_for, draw, look_of
from kitting.escalation.views import sees_minutes

if TYPE_CHECKING:
    from kitting.dashboard.views.kept import Drawn
    from kitting.site.queries import SiteRequest


@never_cache
@login_required
@require_GET
def overview(request: SiteRequest) -> HttpResponse:
    """Show how far everybody in the reader's scope is, and who needs support.

    A page is counted anew once anything has happened; the part that is asked for every minute may
    be a minute old.
    """
    if not request.rights.sees_numbers:
        raise Http404
    form = FiltersForm(request.GET, choices=choices_for(request))
    look = look_of(request, form.filters(), by_bureau=form.by_bureau)
    if request.GET.get("part"):
        return answer_part(
            cache.get(look.drawn_key) or draw(request, look, form, keep=True), request=request
        )
    changes = queries.last_changes()
    drawn: Drawn | None = cache.get(look.drawn_key)
    if drawn is None or changes is None or drawn.changes != changes:
        drawn = draw(request, look, form, changes=changes)
    context = {"drawn": drawn, "form": form, "is_outside": not request.rights.sees_board}
    return render(request, "dashboard/overview.html", context)


@never_cache
@login_required
@require_GET
def department(request: SiteRequest, department_id: int) -> HttpResponse:
    """Show the people of one department: status, step, since when, ticket."""
    if not request.rights.sees_board:
        raise Http404
    page = queries.department_page(
        department_id,
        rights=request.rights,
        language=translation.get_language() or "ja",
    )
    if page is None:
        raise Http404
    context = {"page": page, "sees_minutes": sees_minutes(request)}
    return render(request, "dashboard/department.html", context)


@never_cache
@login_required
@require_GET
def journey(request: SiteRequest, journey_id: int) -> HttpResponse:
    """Show one person's way: every step, every ticket, everything that happened."""
    page = queries.journey_page(
        journey_id, rights=request.rights, language=translation.get_language() or "ja"
    )
    if page is None:
        raise Http404
    context = {"page": page, "sees_minutes": sees_minutes(request)}
    return render(request, "dashboard/journey.html", context)


@never_cache
@login_required
@require_GET
def device(request: SiteRequest, device_id: int) -> HttpResponse:
    """Show one device: for whom it was, when, and what happened to it."""
    if not request.rights.sees_board:
        raise Http404
    page = queries.device_page(device_id, rights=request.rights)
    if page is None:
        raise Http404
    context = {"page": page, "sees_minutes": sees_minutes(request)}
    return render(request, "dashboard/device.html", context)


@never_cache
@login_required
@require_GET
def insights(request: SiteRequest) -> HttpResponse:
    """Show the guide's author how people walk it: one edition, or two side by side."""
    if not request.rights.is_it:
        raise Http404
    known = queries.editions()
    form = EditionsForm(request.GET, editions=known)
    chosen = form.chosen(known)
    shown = queries.insights(chosen, language=translation.get_language() or "ja")
    names = dict(zip(("edition", "beside"), (edition.pk for edition in chosen), strict=False))
    query = f"?{urlencode(names)}"
    context = {"form": form, "shown": shown, "query": query, "groups": queries.divide()}
    return render(request, "dashboard/insights.html", context)
