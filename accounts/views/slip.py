"""Signing in by a printed slip."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import doors
from accounts.actions import count_try, write_audit
from accounts.role_forms import SlipForm
from accounts.rules import slip_secret

if TYPE_CHECKING:
    from accounts.requests import PersonRequest

WINDOW = timedelta(minutes=10)
# The secret has 136 bits: this only keeps a script from keeping us busy. A city hall stands behind
# one address, so only wrong codes of a browser are few.
TRIES_PER_BROWSER = 10
TRIES_PER_CLIENT = 6000


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: PersonRequest) -> HttpResponse:
    """Take the code of a slip, once."""
    if not request.profile.slip_entry_allowed:
        raise Http404
    if request.user.is_authenticated:
        return redirect("home")
    form = SlipForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        answer = _enter(request, form)
        if answer is not None:
            return answer
    status = 422 if form.errors else 200
    return render(request, "accounts/slip.html", {"form": form}, status=status)


def _enter(request: PersonRequest, form: SlipForm) -> HttpResponse | None:
    if not _may_try(request):
        form.add_error("code", _("Too many tries. Wait ten minutes and try again."))
        return None
    person = doors.use_slip(secret=slip_secret(form.cleaned_data["code"]), now=request.now)
    if person is None:
        data = {"door": "slip", "reason": "code"}
        write_audit(action="sign_in.refused", now=request.now, by=None, data=data)
        form.add_error(
            "code", _("This code does not work. It may have been used, stopped or be too old.")
        )
        return None
    record_authentication(request, person, method="slip")
    answer: HttpResponse = perform_login(request, Login(user=person))
    return answer


def _may_try(request: PersonRequest) -> bool:
    client = get_adapter(request).get_client_ip(request)
    token = request.META.get("CSRF_COOKIE", "")
    browser = hashlib.sha256(f"{client} {token}".encode()).hexdigest()[:24]
    limits = ((f"slip:{browser}", TRIES_PER_BROWSER), (f"slip:{client}", TRIES_PER_CLIENT))
    return all(
        count_try(key=key, limit=limit, window=WINDOW, now=request.now) for key, limit in limits
    )
