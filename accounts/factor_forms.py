"""Second factors as people type them: counted in our own table before they are judged."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn import forms as keys
from allauth.mfa.webauthn.internal import auth
from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.actions import count_try, forgive_tries, write_audit

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.requests import PersonRequest

TRIES_PER_PERSON = 10
TRY_WINDOW = timedelta(minutes=10)
# A code of an app is good for thirty seconds, and for one use.
APP_CODE_KEPT = timedelta(minutes=2)
NAME_MOST = 40


def _code_field() -> forms.CharField:
    return forms.CharField(
        label=_("Code of the second step"),
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
        error_messages={"required": _("Type the code.")},
    )


def _now() -> Any:
    return cast("PersonRequest", context.request).now


def _count(person: User) -> str:
    """Count a try of somebody and return its key; raises `ValidationError` when there were too many."""
    key = f"factor:{person.pk}"
    if not count_try(key=key, limit=TRIES_PER_PERSON, window=TRY_WINDOW, now=_now()):
        raise forms.ValidationError(
            _("Too many tries. Wait ten minutes and try again."), code="too_many"
        )
    return key


def _note_refusal(person: User) -> None:
    write_audit(action="factor.refused", now=_now(), by=person, subject=f"person:{person.pk}")


class _CodeForm(base.BaseAuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """A code of an app, or one of the recovery codes."""

    code = _code_field()

    def clean_code(self) -> str:
        """Count the try, then judge it; a code of an app that was used is wrong."""
        key = _count(self.user)
        self.cleaned_data["code"] = plain = unicodedata.normalize(
            "NFKC", self.cleaned_data["code"]
        ).replace(" ", "")
        try:
            code = str(super().clean_code())
        except forms.ValidationError:
            _note_refusal(self.user)
            raise
        is_app = self.authenticator.type == Authenticator.Type.TOTP
        # Kept in the database: a cache of one process forgets, and others never knew.
        used = f"factor:{self.user.pk}:{plain}"
        if is_app and not count_try(key=used, limit=1, window=APP_CODE_KEPT, now=_now()):
            _note_refusal(self.user)
            raise get_adapter().validation_error("incorrect_code")
        forgive_tries(keys=[key])
        return code


class AuthenticateForm(_CodeForm, base.AuthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The second step of signing in."""


class ReauthenticateForm(_CodeForm, base.ReauthenticateForm):  # type: ignore[misc]  # allauth ships no types
    """The second step once more, before something that matters."""


class SetUpAppForm(ActivateTOTPForm):  # type: ignore[misc]  # allauth ships no types
    """The first code of an app."""

    code = _code_field()

    def clean_code(self) -> str:
        """Count the try, then judge it."""
        key = _count(self.user)
        self.cleaned_data["code"] = unicodedata.normalize(
            "NFKC", self.cleaned_data["code"]
        ).replace(" ", "")
        code = str(super().clean_code())
        forgive_tries(keys=[key])
        return code


class AddPasskeyForm(keys._BaseAddWebAuthnForm):  # type: ignore[misc]  # noqa: SLF001  # allauth's public one has a box to choose a weaker key
    """A new passkey: always one that asks for a finger, a face or a PIN."""

    name = forms.CharField(
        label=_("Name of this passkey"), max_length=NAME_MOST, required=False
    )

    def clean(self) -> dict[str, Any]:
        """Take a key only if it asked who is there."""
        said: dict[str, Any] = super().clean()
        credential = said.get("credential")
        if credential:
            data = auth.parse_registration_response(credential).response.attestation_object
            if not data.auth_data.is_user_verified():
                raise get_adapter().validation_error("incorrect_code")
        return said


class _CountedKey:
    """A passkey as second step: counted as codes are."""

    user: User | None

    def clean_credential(self) -> Any:
        """Count the try where it is known whose it is, then judge it."""
        key = _count(self.user) if self.user is not None else ""
        try:
            found = super().clean_credential()  # type: ignore[misc]  # the form beside this one
        except forms.ValidationError:
            if self.user is not None:
                _note_refusal(self.user)
            raise
        if key:
            forgive_tries(keys=[key])
        return found


class AuthenticateKeyForm(_CountedKey, keys.AuthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A passkey as the second step of signing in."""


class ReauthenticateKeyForm(_CountedKey, keys.ReauthenticateWebAuthnForm):  # type: ignore[misc]  # allauth ships no types
    """A passkey once more, before something that matters."""
