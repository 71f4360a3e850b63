"""IT's list of macros: who uses which, and how its work is done now."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from kitting.around import actions
from kitting.around.forms import MacroAnswerForm
from kitting.around.queries import macros_in_scope
from kitting.around.states import MacroState
from kitting.notices.tasks import wake

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.site.queries import SiteRequest

SHOWN = 200


@never_cache
@login_required
@require_GET
def macros(request: SiteRequest) -> HttpResponse:
    """Show the macros that were written down, those where help is wished for first."""
    if not request.rights.is_it:
        raise Http404
    return _page(request, MacroAnswerForm(), 0)


def _page(request: SiteRequest, form: MacroAnswerForm, about: int) -> HttpResponse:
    rows = list(macros_in_scope(request.rights)[: SHOWN + 1])
    order = (MacroState.ASKED, MacroState.IN_HAND, MacroState.LISTED, MacroState.ANSWERED)
    rows.sort(key=lambda row: order.index(MacroState(row.state)))
    context = {
        "macros": rows[:SHOWN],
        "is_more": len(rows) > SHOWN,
        "form": form,
        "about": about,
    }
    status = 422 if form.errors else 200
    return render(request, "around/macro_desk.html", context, status=status)


@never_cache
@login_required
@require_POST
def macro_verb(request: SiteRequest, macro_id: int, verb: str) -> HttpResponse:
    """Take a macro, or say how its work is done now."""
    if not request.rights.is_it or verb not in ("take", "answer"):
        raise Http404
    macro = get_object_or_404(macros_in_scope(request.rights), pk=macro_id)
    by = cast("User", request.user)
    if verb == "take":
        if not actions.take_macro(macro_id=macro.pk, by=by, now=request.now):
            messages.info(request, _("Somebody else looks after it already."))
        return redirect("around:macro_desk")
    form = MacroAnswerForm(request.POST)
    if not form.is_valid():
        return _page(request, form, macro.pk)
    actions.answer_macro(
        macro_id=macro.pk, words=form.cleaned_data["words"], by=by, now=request.now
    )
    wake()
    messages.success(request, _("The answer is on its way."))
    return redirect("around:macro_desk")
