"""Where somebody is signed in, and the end of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import doors
from accounts.queries import sign_ins_of
from accounts.requests import person_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import PersonRequest


@never_cache
@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show the browsers in which this person is signed in."""
    context = {
        "sign_ins": sign_ins_of(person_of(request)),
        "current": request.session.session_key,
    }
    return render(request, "accounts/browsers.html", context)


@never_cache
@login_required
@require_POST
def end(request: PersonRequest, sign_in_id: int) -> HttpResponse:
    """End one of one's own."""
    person = person_of(request)
    row = get_object_or_404(person.sign_ins, pk=sign_in_id)
    doors.end_sign_in(sign_in=row, by=person, now=request.now)
    messages.success(request, _("That browser is signed out."))
    return redirect("account_browsers")


@never_cache
@login_required
@require_POST
def end_all(request: PersonRequest) -> HttpResponse:
    """End all but this one; what nobody wrote down ends too."""
    person = person_of(request)
    doors.end_all_sessions(
        person=person,
        by=person,
        now=request.now,
        reason="own wish",
        keep=request.session.session_key or "",
    )
    before = request.session.session_key or ""
    update_session_auth_hash(request, person)
    doors.renew_sign_in(before=before, after=request.session.session_key or "")
    messages.success(request, _("All other browsers are signed out."))
    return redirect("account_browsers")
