"""Signing in by the organisation's own sign-in: there, back, and matched to the roll."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from accounts import sso
from accounts.actions import write_audit
from accounts.queries import local_day, person_by_claims
from accounts.requests import way_back

if TYPE_CHECKING:
    from accounts.requests import PersonRequest

SESSION_KEY = "sso"
TEN_MINUTES = timedelta(minutes=10)


def _provider(key: str) -> sso.Provider:
    found = settings.SSO_PROVIDERS.get(key)
    if found is None:
        raise Http404
    return sso.Provider(**found)


def _callback(key: str) -> str:
    return f"{settings.SITE_URL}{reverse('account_sso_back', args=[key])}"


@never_cache
@require_POST
def start(request: PersonRequest, key: str) -> HttpResponse:
    """Send a browser to the provider, by a page: a form may lead to this site alone."""
    provider, question = _provider(key), sso.ask()
    try:
        address = sso.authorize_url(provider, question, callback=_callback(key))
    except sso.SsoError as error:
        return _refuse(request, key, error.reason)
    request.session[SESSION_KEY] = {
        **asdict(question),
        "key": key,
        "next": way_back(request),
        "at": request.now.isoformat(),
    }
    context = {"address": address, "provider": provider}
    return render(request, "accounts/sso_go.html", context)


@never_cache
@require_GET
def back(request: PersonRequest, key: str) -> HttpResponse:
    """Take the provider's answer: once, in the browser that asked, for somebody on the roll."""
    provider = _provider(key)
    kept = request.session.pop(SESSION_KEY, None)
    if not _is_answer(request, key, kept):
        return _refuse(request, key, "state")
    if "code" not in request.GET:
        return _refuse(request, key, "cancelled")
    question = sso.Question(kept["state"], kept["nonce"], kept["verifier"])
    try:
        claims = sso.claims_of(
            provider, question, code=request.GET["code"], callback=_callback(key)
        )
    except sso.SsoError as error:
        return _refuse(request, key, error.reason)
    person = person_by_claims(
        email=claims.email, staff_number=claims.staff_number, on=local_day(request.now)
    )
    if person is None:
        return _refuse(request, key, "unknown")
    record_authentication(
        request, person, method="socialaccount", provider=key, uid=claims.subject
    )
    answer: HttpResponse = perform_login(
        request, Login(user=person, redirect_url=kept["next"] or None)
    )
    return answer


def _is_answer(request: PersonRequest, key: str, kept: object) -> bool:
    """Tell whether this browser asked this provider a short while ago, and this is the answer."""
    if not isinstance(kept, dict) or kept["key"] != key:
        return False
    is_same = secrets.compare_digest(
        kept["state"].encode(), request.GET.get("state", "").encode()
    )
    return is_same and request.now - datetime.fromisoformat(kept["at"]) <= TEN_MINUTES


def _refuse(request: PersonRequest, key: str, reason: str) -> HttpResponse:
    """Lead to the other doors with a plain sentence; the reason goes into the log."""
    if reason != "cancelled":
        write_audit(
            action="sign_in.refused",
            now=request.now,
            by=None,
            data={"door": key, "reason": reason},
        )
    sentence = {
        "cancelled": _("You stopped. Nothing has happened."),
        "unknown": _("This account is not on the staff list. Please ask IT."),
        "domain": _("Please use your work account, not a private one."),
        "tenant": _("Please use your work account, not a private one."),
        "unreachable": _("The sign-in of your organisation does not answer just now."),
    }.get(reason, _("That did not work. Please try again, or use another way."))
    messages.warning(request, sentence)
    return redirect("account_login")
