"""The pages of the second step: set up, asked for, printed, forgotten."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.base import views as base
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.recovery_codes.internal.flows import can_generate_recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as keys
from allauth.mfa.webauthn.internal import auth
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.actions import write_audit
from accounts.doors import renew_sign_in
from accounts.queries import factors_of
from accounts.requests import person_of
from accounts.views.frame import page
from kitting.lib import qr

if TYPE_CHECKING:
    from django.http import HttpRequest

    from accounts.models import User
    from accounts.requests import PersonRequest

ASKED = ("GET", "HEAD", "POST")


@never_cache
@login_required
@require_GET
def overview(request: PersonRequest) -> HttpResponse:
    """Show what second steps somebody has, and offer those they have not."""
    context = {"factors": factors_of(person_of(request)), "rights": request.rights}
    return render(request, "accounts/factor.html", context)


def _proved(request: HttpRequest, kind: str, *, action: str) -> None:
    """Write down what changed; whoever has just set a factor up has proved it in this browser."""
    if action == "factor.added":
        record_authentication(request, request.user, "mfa", type=kind, reauthenticated=True)
    write_audit(
        action=action,
        now=cast("PersonRequest", request).now,
        by=cast("User", request.user),
        data={"kind": kind},
    )


class _SetUpApp(totp.ActivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_app.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        return found | {"qr": qr.draw(found["totp_url"])}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _proved(self.request, Authenticator.Type.TOTP, action="factor.added")
        return response


class _DropApp(totp.DeactivateTOTPView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_drop.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _proved(self.request, Authenticator.Type.TOTP, action="factor.removed")
        return response


class _AddPasskey(keys.AddWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_passkey.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        # Asked anew as a passkey: one that the device keeps and that asks who is there.
        options = auth.begin_registration(self.request.user, passwordless=True)
        return found | {"js_data": {"creation_options": options}}

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _proved(self.request, Authenticator.Type.WEBAUTHN, action="factor.added")
        return response


class _DropPasskey(keys.RemoveWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_drop.html"
    success_url = "/accounts/second-step/"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _proved(self.request, Authenticator.Type.WEBAUTHN, action="factor.removed")
        return response


class _NewCodes(recovery.GenerateRecoveryCodesView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_codes_new.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        write_audit(action="factor.codes", now=self.request.now, by=self.request.user)
        return response


def _new_key(request: HttpRequest) -> None:
    """Give the session a new key after a proof, and the list of browsers with it."""
    before = request.session.session_key
    request.session.cycle_key()
    renew_sign_in(before=before or "", after=request.session.session_key or "")


class _PasskeyAgain(keys.ReauthenticateWebAuthnView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_again.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _new_key(self.request)
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        for sentence in form.errors.get("credential", []):
            messages.error(self.request, sentence)
        return redirect("mfa_reauthenticate")


class _Again(base.ReauthenticateView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_again.html"

    def form_valid(self, form: Any) -> HttpResponse:
        response: HttpResponse = super().form_valid(form)
        _new_key(self.request)
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        factors = factors_of(cast("User", self.request.user))
        if factors.passkeys:
            options = auth.begin_authentication(self.request.user)
            found["js_data"] = {"request_options": options}
        return found | {"factors": factors}


class _Second(base.AuthenticateView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_ask.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found: dict[str, Any] = super().get_context_data(**kwargs)
        return found | {"factors": factors_of(self.stage.login.user)}


class _Codes(recovery.ViewRecoveryCodesView):  # type: ignore[misc]  # allauth ships no types
    template_name = "accounts/factor_codes.html"


ask = page(_Second.as_view())
again = page(_Again.as_view())
passkey_again = require_POST(_PasskeyAgain.as_view())
set_up_app = never_cache(page(_SetUpApp.as_view()))
drop_app = page(_DropApp.as_view())
add_passkey = never_cache(page(_AddPasskey.as_view()))
drop_passkey = page(_DropPasskey.as_view())
codes = never_cache(require_GET(_Codes.as_view()))
passkey_sign_in = require_POST(keys.LoginWebAuthnView.as_view())
_new_codes = page(_NewCodes.as_view())


@login_required
@require_http_methods(ASKED)
def new_codes(request: PersonRequest) -> HttpResponse:
    """Make new recovery codes; the old ones end. Without a second step there are none."""
    if not can_generate_recovery_codes(person_of(request)):
        return redirect("mfa_index")
    return _new_codes(request)


@login_required
@require_GET
def start_again(_request: PersonRequest) -> HttpResponse:
    """Lead to the one way of proving oneself again that there is."""
    return redirect("mfa_reauthenticate")


@never_cache
@require_POST
def passkey_options(_request: HttpRequest) -> HttpResponse:
    """Hand out what a browser asks its passkeys for before it knows who is there."""
    answer = JsonResponse({"request_options": auth.begin_authentication(user=None)})
    answer.status_code = HTTPStatus.OK
    return answer
