"""Where we speak to beside people, and what did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kitting.notices import actions
from kitting.notices.forms import OutletForm
from kitting.notices.models import Outlet
from kitting.notices.queries import has_heard_again, outlet_rows, said_lately, undeliverable
from kitting.notices.states import Lane
from kitting.notices.tasks import wake
from kitting.site.queries import it_lead_here, team_here

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.site.queries import SiteRequest

PARKED_A_PAGE = 50


# --- chat rooms and programs --------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def outlets(request: SiteRequest) -> HttpResponse:
    """List the chat rooms and programs, what they hear of and how they fare."""
    it_lead_here(request)
    return render(request, "notices/outlets.html", {"rows": outlet_rows()})


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def outlet(request: SiteRequest, outlet_id: int | None = None) -> HttpResponse:
    """Make a chat room or program known, or change it."""
    by = it_lead_here(request)
    kept = get_object_or_404(Outlet, pk=outlet_id) if outlet_id else None
    form = OutletForm(request.POST if request.method == "POST" else None, outlet=kept)
    if request.method == "POST" and form.is_valid():
        saved = actions.save_outlet(
            outlet=kept, values=form.cleaned_data, by=by, now=request.now
        )
        messages.success(request, _("Saved. Send a test to see that it arrives."))
        return redirect("notices:outlet", outlet_id=saved.pk)
    said = said_lately(kept) if kept else []
    context = {
        "form": form,
        "kept": kept,
        "said": said,
        "heard_again": kept is not None and has_heard_again(kept),
    }
    return render(request, "notices/outlet.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def outlet_verb(request: SiteRequest, outlet_id: int, verb: str) -> HttpResponse:
    """Send a test, let an outlet rest or hear again, or take it away: test, pause, resume, remove."""
    by = it_lead_here(request)
    found = get_object_or_404(Outlet, pk=outlet_id)
    if verb == "test":
        actions.test_outlet(outlet=found, by=by, now=request.now)
        messages.success(request, _("The test is on its way. Look here again in a moment."))
        wake(Lane.OUTLET)
    elif verb == "pause":
        actions.switch_outlet(outlet=found, is_on=False, by=by, now=request.now)
    elif verb == "resume":
        _resume(request, found, by=by)
    elif verb == "remove":
        actions.remove_outlet(outlet=found, by=by, now=request.now)
        messages.success(request, _("%(name)s was removed.") % {"name": found.label})
        return redirect("notices:outlets")
    else:
        raise Http404
    return redirect("notices:outlet", outlet_id=outlet_id)


def _resume(request: SiteRequest, found: Outlet, *, by: User) -> None:
    try:
        actions.switch_outlet(outlet=found, is_on=True, by=by, now=request.now)
    except actions.UntestedError:
        said = _(
            "No test has arrived yet. Send one first; when it has arrived, press this again."
        )
        messages.warning(request, said)
        return
    wake(Lane.OUTLET)


# --- what did not arrive --------------------------------------------------------------------------------


@never_cache
@login_required
@require_GET
def parked(request: SiteRequest) -> HttpResponse:
    """List the messages that could not be sent, with the reason."""
    team_here(request)
    page = Paginator(undeliverable(), PARKED_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "notices/parked.html", {"page": page})


@login_required
@require_POST
def all_again(request: SiteRequest) -> HttpResponse:
    """Send everything that could not be sent once more."""
    count = actions.try_all_again(by=team_here(request), now=request.now)
    said = ngettext("%(n)s message is sent again.", "%(n)s messages are sent again.", count)
    messages.success(request, said % {"n": count})
    _wake_all()
    return redirect("notices:parked")


@login_required
@require_POST
def parked_verb(request: SiteRequest, notice_id: int, verb: str) -> HttpResponse:
    """Send one message once more, or let it be: again, leave."""
    by = team_here(request)
    if verb == "again":
        done = actions.try_again(notice_id=notice_id, by=by, now=request.now)
        _wake_all()
    elif verb == "leave":
        done = actions.let_be(notice_id=notice_id, by=by, now=request.now)
    else:
        raise Http404
    if not done:
        messages.warning(request, _("Somebody has seen to this message already."))
    return redirect("notices:parked")


def _wake_all() -> None:
    wake(Lane.NORMAL)
    wake(Lane.OUTLET)
