"""The counter: boxes arrive and go out, scan by scan."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast
from urllib.parse import urlencode

from csp.decorators import csp_update
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from kitting.counter import actions
from kitting.counter.forms import ScanForm, sentence, tone
from kitting.counter.queries import (
    box_of,
    boxes,
    last_scans,
    may_hand_out,
    may_undo,
    other_box,
    scan_of,
    sees_all,
    tallies,
    tally,
)
from kitting.counter.rules import LABELS, LIVES
from kitting.counter.states import Mode, Outcome
from kitting.journeys.queries import holder_key
from kitting.lib.codes import shown
from kitting.site.rules import permissions_policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.core.paginator import Page

    from accounts.models import User
    from kitting.counter.models import Scan
    from kitting.counter.queries import Box
    from kitting.site.queries import SiteRequest

P = ParamSpec("P")
R = TypeVar("R")
ROWS = 50
PAGES = {Mode.HAND_OUT: "counter:home", Mode.ARRIVE: "counter:arrive"}


def _clerk(request: SiteRequest) -> User:
    """Return who stands behind the counter; for everybody else the page does not exist."""
    if not may_hand_out(request.rights):
        raise Http404
    return cast("User", request.user)


def _with_camera(view: Callable[P, R]) -> Callable[P, R]:
    """Let a page read codes with zxing-wasm where the browser has no reader of its own."""
    wrap = csp_update({"script-src": ["'wasm-unsafe-eval'"]})
    return cast("Callable[P, R]", wrap(cast("Any", view)))


@_with_camera
@never_cache
@login_required
@require_GET
def home(request: SiteRequest) -> HttpResponse:
    """Hand boxes out: box, person, done. `box` shows whose it is first, `scan` what came of one.

    With `bare` it is the page a browser keeps for times without a network: nobody's name is on it.
    """
    return _counter(request, Mode.HAND_OUT)


@_with_camera
@never_cache
@login_required
@require_GET
def arrive(request: SiteRequest) -> HttpResponse:
    """Note that boxes and cartons have arrived."""
    return _counter(request, Mode.ARRIVE)


def _counter(request: SiteRequest, mode: Mode, form: ScanForm | None = None) -> HttpResponse:
    by = _clerk(request)
    if request.GET.get("bare"):
        return _bare(request, mode)
    typed = request.GET.get("box", "")[:200] if mode == Mode.HAND_OUT else ""
    box = box_of(typed, request.rights) if typed else None
    if request.GET.get("part"):
        return render(request, "counter/_box.html", _of_box(box))
    scan = _last(request, by)
    context: dict[str, Any] = {
        "mode": mode,
        "form": form or ScanForm(mode=mode, initial=_keys(mode) | {"box": typed}),
        "result": _result(scan, request) if scan else None,
        "tally": tally(request.rights),
        "lately": [(row, tone(row), may_undo(row)) for row in last_scans(by, mode=mode)],
        "holder": holder_key(user=by, box=None),
        **_of_box(box),
    }
    status = 422 if form is not None else 200
    return _seeing(render(request, "counter/counter.html", context, status=status))


def _bare(request: SiteRequest, mode: Mode) -> HttpResponse:
    holder = holder_key(user=request.user, box=None)
    context = {"mode": mode, "form": ScanForm(mode=mode), "holder": holder, "bare": True}
    return _seeing(render(request, "counter/bare.html", context))


def _seeing(response: HttpResponse) -> HttpResponse:
    """Let a page use the camera."""
    response.headers["Permissions-Policy"] = permissions_policy("camera")
    return response


def _keys(mode: Mode) -> dict[str, Any]:
    """Return what tells this scan from all others, where no script counts them."""
    return {"mode": mode, "client": uuid.uuid4().hex, "sequence": 0}


def _last(request: SiteRequest, by: User) -> Scan | None:
    number = request.GET.get("scan", "")
    return scan_of(int(number), by) if number.isdecimal() and len(number) < 16 else None  # noqa: PLR2004  # longer is no row


def _of_box(box: Box | None) -> dict[str, Any]:
    """Return what is shown of a box before anybody is scanned: for whom it is, or why not."""
    if box is None:
        return {"box": None}
    facts = box.facts
    refused = LABELS.get(facts.label) or LIVES.get(facts.state)
    if not facts.in_scope:
        refused = Outcome.NOT_YOURS
    return {
        "box": box,
        "refused": Outcome(refused).label if refused else "",
        "kept_for": box.loan.person if box.loan and not refused else None,
        "code": shown(box.device.code) if box.device and box.device.code else "",
    }


def _result(scan: Scan, request: SiteRequest) -> dict[str, Any]:
    is_one_too_many = scan.outcome == Outcome.HAS_ONE
    other = other_box(scan.person, scan.device) if is_one_too_many and scan.person else None
    return {
        "scan": scan,
        "tone": tone(scan),
        "sentence": sentence(scan),
        "may_undo": may_undo(scan),
        "other": other,
        "may_force": is_one_too_many and sees_all(request.rights),
        "keys": _keys(Mode(scan.mode)),
    }


@never_cache
@login_required
@require_POST
def scan(request: SiteRequest) -> HttpResponse:
    """Take one scan; a script gets the answer as data, a form is led back to the counter."""
    by = _clerk(request)
    mode = Mode.ARRIVE if request.POST.get("mode") == Mode.ARRIVE else Mode.HAND_OUT
    form = ScanForm(request.POST, mode=mode)
    asks_for_data = request.headers.get("Accept", "").startswith("application/json")
    if not form.is_valid():
        if asks_for_data:
            return JsonResponse({"tone": "ng", "words": _first(form)}, status=422)
        return _counter(request, mode, form)
    typed = form.typed()
    if not asks_for_data and _only_box(typed):
        return redirect(f"{reverse('counter:home')}?{urlencode({'box': typed.box})}")
    done = actions.take_scan(typed=typed, by=by, rights=request.rights, now=request.now)
    if asks_for_data:
        return _as_data(request, done)
    return redirect(f"{reverse(PAGES[mode])}?scan={done.pk}")


def _first(form: ScanForm) -> str:
    return next((str(error) for errors in form.errors.values() for error in errors), "")


def _only_box(typed: actions.Typed) -> bool:
    """Tell whether a scanner without a script has read the box, and the person comes next."""
    return typed.mode == Mode.HAND_OUT and not (typed.person.strip() or typed.as_kept)


def _as_data(request: SiteRequest, done: Scan) -> JsonResponse:
    result = _result(done, request)
    return JsonResponse(
        {
            "id": done.pk,
            "outcome": done.outcome,
            "tone": result["tone"],
            "title": str(Outcome(done.outcome).label),
            "words": result["sentence"],
            "html": render_to_string("counter/_result.html", {"result": result}, request),
        }
    )


WHY_NOT = {
    "begun": gettext_lazy("The person has begun already. Use the page of the device."),
    "not_yours": gettext_lazy("This box or person is not of your departments. Ask IT."),
}


@never_cache
@login_required
@require_POST
def undo(request: SiteRequest, scan_id: int) -> HttpResponse:
    """Take back what a scan did."""
    by = _clerk(request)
    found = scan_of(scan_id, by)
    if found is None:
        raise Http404
    try:
        actions.undo(scan=found, by=by, rights=request.rights, now=request.now)
    except actions.CannotUndoError as error:
        words = WHY_NOT.get(error.why, _("Something else happened since. Nothing changed."))
        messages.warning(request, words)
    else:
        messages.success(request, _("Taken back."))
    return redirect(PAGES[Mode(found.mode)])


@never_cache
@login_required
@require_GET
def listing(request: SiteRequest) -> HttpResponse:
    """Show how many boxes arrived and went out, by place, and those that are still here."""
    _clerk(request)
    rows = tallies(request.rights)
    place = request.GET.get("place", "")
    chosen = next((row for row in rows if str(row.place_id) == place), None)
    only_left = request.GET.get("show") != "all"
    found = boxes(
        request.rights,
        place_id=chosen.place_id if chosen else None,
        only_left=only_left,
    )
    page: Page[Any] = Paginator(found, ROWS).get_page(request.GET.get("page"))
    context = {
        "rows": rows,
        "tally": tally(request.rights),
        "chosen": chosen,
        "only_left": only_left,
        "page": page,
    }
    return render(request, "counter/boxes.html", context)
