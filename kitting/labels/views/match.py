"""Account slips and boxes: matched by scanning, never by the order of a pile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from kitting.devices.queries import device_by_code
from kitting.labels.actions.slips import match as match_now
from kitting.labels.forms import ScanForm
from kitting.labels.queries import Verdict, box_verdict, compare, slip_counts
from kitting.labels.rules import read_scan, slip_shown
from kitting.labels.views.shared import printer_of
from kitting.lib.codes import CodeError, shown
from kitting.site.rules import permissions_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.site.queries import SiteRequest

P = ParamSpec("P")
R = TypeVar("R")


def _with_camera(view: Callable[P, R]) -> Callable[P, R]:
    """Let a page read codes with zxing-wasm where the browser has no reader of its own."""
    wrap = csp_update({"script-src": ["'wasm-unsafe-eval'"]})
    return cast("Callable[P, R]", wrap(cast("Any", view)))


@_with_camera
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def match(request: SiteRequest) -> HttpResponse:
    """Scan a box and a slip, in any order; say large whether they belong together."""
    by = printer_of(request)
    scanned = {name: request.GET.get(name, "") for name in ("box", "slip")}
    form = ScanForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"counts": slip_counts(), **_seen(**scanned)}
    if request.method == "POST":
        both = _both(form, scanned)
        if both is not None:
            if both.get("box") and both.get("slip"):
                match_now(box_code=both["box"], slip_code=both["slip"], by=by, now=request.now)
            query = urlencode({name: value for name, value in both.items() if value})
            return HttpResponseRedirect(f"{reverse('labels:match')}?{query}")
        context |= {
            "is_match": False,
            "is_mistake": True,
            "said": _("This is neither a box label nor an account slip. Scan once more."),
        }
    # The field is always empty: a scanner would write behind what stands in it.
    context["form"] = ScanForm()
    status = 422 if "is_mistake" in context else 200
    response = render(request, "labels/match.html", context, status=status)
    response.headers["Permissions-Policy"] = permissions_policy("camera")
    return response


def _both(form: ScanForm, scanned: dict[str, str]) -> dict[str, str] | None:
    """Return what is scanned by now; nothing where the last scan cannot be read."""
    try:
        kind, code = read_scan(form.cleaned_data["scan"] if form.is_valid() else "")
    except CodeError:
        return None
    # After a pair the next scan begins a new one.
    return {**({} if all(scanned.values()) else scanned), kind: code}


def _seen(*, box: str, slip: str) -> dict[str, Any]:
    """Return what was scanned so far, and what it says."""
    seen: dict[str, Any] = {
        "box": shown(box) if box else "",
        "slip": slip_shown(slip) if slip else "",
    }
    verdict: Verdict | None = None
    if box and slip:
        verdict = compare(box_code=box, slip_code=slip).verdict
    elif box:
        verdict = box_verdict(device_by_code(box))
    if verdict:
        seen |= {"is_match": verdict == Verdict.MATCH, "said": _sentence(verdict)}
    return seen


def _sentence(verdict: Verdict) -> str:
    return {
        Verdict.MATCH: _("They belong together. Put the slip into this box."),
        Verdict.OTHER_PERSON: _("This slip is somebody else's. Do not put it into this box."),
        Verdict.NOBODYS_BOX: _("This box is for nobody yet, so no slip goes into it."),
        Verdict.LOST_BOX: _("This device is reported as lost. Put the box aside and tell IT."),
        Verdict.NO_BOX: _("No box has this code. Scan the label once more."),
        Verdict.OLD_LABEL: _("This label is no longer used. Scan the new one on the box."),
        Verdict.NO_SLIP: _("No slip has this code. Scan the slip once more."),
        Verdict.OLD_SLIP: _("This slip is out of date. Destroy it and print a new one."),
    }[verdict]


@never_cache
@require_safe
def slip(request: SiteRequest, code: str) -> HttpResponse:
    """Tell whoever scans a slip with a phone what to scan instead; the same for every code."""
    return render(request, "labels/slip.html")
