"""Pages of the board: the whole city for IT, the own people for a lead, numbers for an auditor."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from kitting.dashboard import queries, rules
from kitting.dashboard.forms import EditionsForm, FiltersForm
from kitting.escalation.views import sees_minutes

if TYPE_CHECKING:
    from kitting.site.queries import SiteRequest

WIDE = (760, 282)
NARROW = (358, 236)
# Screens on a wall ask every minute: one answer serves all who may see the same.
KEPT_SECONDS = 60
CHOICES_SECONDS = 300
# Says when a part was counted; it is no news by itself.
AS_OF = re.compile(r'<p class="asof[^>]*>(.*?)</p>', re.DOTALL)


@never_cache
@login_required
@require_GET
def overview(request: SiteRequest) -> HttpResponse:
    """Show how far everybody in the reader's scope is, and who needs support."""
    if not request.rights.sees_numbers:
        raise Http404
    form = FiltersForm(request.GET, choices=choices_for(request))
    is_part = bool(request.GET.get("part"))
    board = board_for(request, form.filters(), by_bureau=form.by_bureau, keep=is_part)
    context = {
        "board": board,
        "charts": _charts(board),
        "form": form,
        "sees_minutes": sees_times(request),
    }
    if is_part:
        return polled("dashboard/_overview.html", context, request=request)
    return render(request, "dashboard/overview.html", context)


def sees_times(request: SiteRequest) -> bool:
    """Tell whether the reader of the board sees how long people take."""
    return sees_minutes(request) or not request.rights.sees_board


def choices_for(request: SiteRequest) -> queries.Choices:
    """Return what the filters offer this reader."""
    key = f"board-choices:{queries.scope_key(request.rights)}"
    found: queries.Choices | None = cache.get(key)
    if found is None:
        found = queries.choices(request.rights)
        cache.set(key, found, CHOICES_SECONDS)
    return found


def _charts(board: queries.Overview) -> list[tuple[str, rules.Chart]]:
    return [
        (
            name,
            rules.burn_up(
                board.curve,
                board.plan_curve,
                everybody=board.counts.total,
                size=size,
                ahead=board.forecast,
            ),
        )
        for name, size in (("desk", WIDE), ("phone", NARROW))
        if board.curve and board.plan_curve
    ]


def board_for(
    request: SiteRequest,
    filters: queries.Filters = queries.NO_FILTERS,
    *,
    by_bureau: bool = False,
    keep: bool,
) -> queries.Overview:
    """Return the board; the part that is asked for every minute may be up to a minute old."""
    language = translation.get_language() or "ja"
    # Where the demo moves its clock, what was kept belongs to another time.
    offset = request.profile.clock_offset
    moved = int(offset.total_seconds()) if offset else 0
    minutes = sees_times(request)
    scope = queries.scope_key(request.rights, filters)
    key = f"board:{scope}:{language}:{moved}:{minutes:d}{by_bureau:d}"
    board: queries.Overview | None = cache.get(key) if keep else None
    if board is None:
        board = queries.overview(
            rights=request.rights,
            now=request.now,
            language=language,
            filters=filters,
            by_bureau=by_bureau,
            sees_minutes=minutes,
            country=request.profile.holidays_country,
        )
        cache.set(key, board, KEPT_SECONDS)
    return board


def polled(template: str, context: dict[str, Any], *, request: SiteRequest) -> HttpResponse:
    """Answer with a part, or in a few bytes that nothing in it changed; both say as of when."""
    html = render_to_string(template, context, request=request)
    said = AS_OF.search(html)
    etag = quote_etag(hashlib.sha256(AS_OF.sub("", html).encode()).hexdigest()[:32])
    response = HttpResponse(html)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-store"
    answer = cast(
        "HttpResponse", get_conditional_response(request, etag=etag, response=response)
    )
    answer.headers["X-As-Of"] = quote(said.group(1).strip() if said else "")
    return answer


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
    shown = queries.insights(form.chosen(known), language=translation.get_language() or "ja")
    context = {"form": form, "shown": shown, "groups": queries.divide()}
    return render(request, "dashboard/insights.html", context)
