"""Sign-in joined to the outbox: allauth asks, the outbox sends, our own table counts the tries."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.forms import ConfirmLoginCodeForm, RequestLoginCodeForm
from allauth.account.internal.stagekit import clear_login
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django import forms
from django.conf import settings
from django.db import transaction
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.actions import count_try, forgive_tries, write_audit
from accounts.doors import is_guarded, note_sign_in
from accounts.models import User
from accounts.queries import (
    GUARD_KEY,
    PROOFS_KEY,
    factors_of,
    is_mail_open,
    session_clocks,
)
from accounts.ready import Ready
from accounts.states import Door
from kitting.handoff.rules import browser_name, system_name
from kitting.lib import qr
from kitting.lib.clients import client_address
from kitting.lib.sealed import text_locks
from kitting.notices.actions import queue, queue_message, render
from kitting.notices.models import Notice
from kitting.notices.states import Channel, Lane
from kitting.notices.tasks import wake
from kitting.site.queries import wall_clock

if TYPE_CHECKING:
    from datetime import date

    from cryptography.fernet import MultiFernet
    from django.http import HttpRequest, HttpResponse

    from kitting.site.queries import SiteRequest

TEN_MINUTES = timedelta(minutes=10)
HOUR = timedelta(hours=1)
# A city hall stands behind one address: what one person may do is small, what one address may do is
# more than all people of a city do on the first morning.
CODES_PER_PERSON_AND_CLIENT = 5
CODES_PER_PERSON_AND_HOUR = 20
CODES_PER_CLIENT = 6000
GUESSES_PER_BROWSER = 10
GUESSES_PER_ACCOUNT_AND_CLIENT = 10
GUESSES_PER_CLIENT = 6000
CODE_DIGITS = 8
# What is told about a second step, by allauth's name for it.
FACTOR_NEWS = {
    "totp_activated": _("An app for codes was added to your account."),
    "totp_deactivated": _("The app for codes was removed from your account."),
    "webauthn_added": _("A passkey was added to your account."),
    "webauthn_removed": _("A passkey was removed from your account."),
    "recovery_codes_generated": _("New recovery codes were made. The old ones no longer work."),
    "factor_reset": _("Your second step was forgotten, as an IT lead said."),
}


class Adapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth ships no types
    """How allauth behaves on this site."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "incorrect_code": _("This is not the code from the mail. Look at the newest mail."),
        "too_many_login_attempts": _("Too many tries. Wait ten minutes and try again."),
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """People come from the roll only."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address tries are counted by."""
        return client_of(request)

    def generate_login_code(self) -> str:
        """Return eight digits: they can be typed while a Japanese input method is on."""
        digits = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
        return f"{digits[:4]}-{digits[4:]}"

    def send_mail(self, _template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Put the code into the outbox; whatever else allauth would like to say is not sent."""
        if "code" in context:
            say_code(email=email, code=context["code"], request=context["request"])

    def send_notification_mail(
        self,
        template_prefix: str,
        user: User,
        _context: dict[str, Any] | None = None,
        _email: str | None = None,
    ) -> None:
        """Tell somebody that a second step of theirs was added, removed, renewed or forgotten."""
        sentence = FACTOR_NEWS.get(template_prefix.rpartition("/")[2])
        if sentence is None:
            return
        with translation.override(user.language):
            what = str(sentence)
        queue_message(
            kind="factor_changed",
            person=user,
            reason=f"factor:{secrets.token_hex(8)}",
            context={"what": what},
            now=wall_clock(),
            link=reverse("mfa_index"),
        )

    def login(self, request: HttpRequest, user: User) -> None:
        """Sign in, remember the browser for the person's list, and start the clocks of the session."""
        super().login(request, user)
        remember_sign_in(request, user, door=_door_of(request))
        now = cast("SiteRequest", request).now
        request.session[GUARD_KEY] = session_clocks(now, is_guarded=is_guarded(user))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead to the page somebody wanted; who needs a second step and has none sets it up first."""
        user = cast("User", request.user)
        if settings.SECOND_FACTOR_REQUIRED and is_guarded(user) and not factors_of(user).any:
            return reverse("mfa_index")
        return str(super().get_login_redirect_url(request))

    def pre_login(
        self, request: HttpRequest, user: User, **_kwargs: Any
    ) -> HttpResponse | None:
        """Refuse who left between asking for a code and typing it, with the first page again."""
        if user.is_active and not user.has_left(today()):
            return None
        clear_login(request)
        return HttpResponseRedirect(reverse("account_login"))


class FactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth ships no types
    """How second factors behave here: their secrets are encrypted, their words are ours."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This is not right. Try once more."),
    }

    def encrypt(self, text: str) -> str:
        """Return a secret as the database keeps it."""
        return _locks().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return what was kept; older keys of the site (SECRET_KEY_FALLBACKS) still open it."""
        return _locks().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: User) -> str:
        """Return how an app names the account."""
        return user.email or str(user.staff_number or user.pk)

    def get_totp_issuer(self) -> str:
        """Return how an app names this site."""
        return str(cast("SiteRequest", context.request).profile.service_name)

    def _get_site_name(self) -> str:
        return self.get_totp_issuer()

    def build_totp_svg(self, url: str) -> str:
        """Return the picture of a secret as the path that our pages draw."""
        return qr.draw(url).path

    def generate_authenticator_name(self, _user: User, _type: str) -> str:
        """Return what a new passkey is called: the device it was made on."""
        agent = context.request.headers.get("User-Agent", "")
        return browser_of(agent) or gettext("Passkey")


def _locks() -> MultiFernet:
    return text_locks("kitting.factor", (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS))


def browser_of(agent: str) -> str:
    """Return how a browser is named to people, such as Chrome (Chromebook)."""
    browser, system = browser_name(agent), system_name(agent)
    return f"{browser} ({system})" if browser and system else browser or system


def _door_of(request: HttpRequest) -> Door:
    """Return how somebody came in, as the session says."""
    proofs = request.session.get(PROOFS_KEY) or [{}]
    by = {proof.get("method") for proof in proofs}
    if any(proof.get("passwordless") for proof in proofs):
        return Door.PASSKEY
    if "socialaccount" in by:
        return Door.SSO
    return Door.SLIP if "slip" in by else Door.MAIL


def remember_sign_in(request: HttpRequest, person: User, *, door: Door) -> None:
    """Write down in which browser somebody is signed in now."""
    if not request.session.session_key:
        request.session.save()
    note_sign_in(
        person=person,
        session_key=str(request.session.session_key),
        door=door,
        browser=browser_of(request.headers.get("User-Agent", "")),
        client=client_of(request),
        now=cast("SiteRequest", request).now,
    )


_person = Ready(lambda pk: User.objects.filter(pk=pk), int)


class Backend(AuthenticationBackend):  # type: ignore[misc]  # allauth ships no types
    """Who is behind a session: people who left are nobody from their next request on."""

    def get_user(self, user_id: int) -> User | None:
        """Return the person of a session; every page asks."""
        found = _person.first(user_id)
        return found if self.user_can_authenticate(found) else None

    def user_can_authenticate(self, user: User | None) -> bool:
        """Tell whether this person may use the site."""
        return bool(super().user_can_authenticate(user)) and (
            user is None or not user.has_left(today())
        )


class _EmailField(forms.EmailField):
    """An address as people type it, full-width signs included."""

    def to_python(self, value: Any) -> str:
        return unicodedata.normalize("NFKC", str(super().to_python(value) or "")).strip()


class AskForCodeForm(RequestLoginCodeForm):  # type: ignore[misc]  # allauth ships no types
    """The one question of the sign-in page."""

    email = _EmailField(
        label=_("E-mail address"),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={
            "required": _("Type your e-mail address."),
            "invalid": _("This is not an e-mail address. Example: name@example.lg.jp"),
        },
    )

    def clean_email(self) -> str:
        """Find the person; an unknown address takes the same way, to nowhere."""
        email = str(self.cleaned_data["email"]).lower()
        request = context.request
        if not is_mail_open(cast("SiteRequest", request).profile):
            raise forms.ValidationError(_("This site sends no codes by mail."), code="closed")
        if not _may_ask(email, request):
            raise forms.ValidationError(
                _("Too many tries. Wait ten minutes and try again."), code="too_many"
            )
        self._user = User.objects.present(on=today()).filter(email__iexact=email).first()
        if self._user is None:
            say_code(email=email, code="", request=request)
        return email


class TypeCodeForm(ConfirmLoginCodeForm):  # type: ignore[misc]  # allauth ships no types
    """The code from the mail."""

    code = forms.CharField(
        label=_("Code"),
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "autocapitalize": "off",
                "spellcheck": "false",
            }
        ),
        error_messages={"required": _("Type the code from the mail.")},
    )

    def clean_code(self) -> str:
        """Count the guess, then judge it; full-width digits are fine."""
        request = context.request
        self.cleaned_data["code"] = unicodedata.normalize("NFKC", self.cleaned_data["code"])
        account = _account_key(request)
        if not _may_guess(request, account):
            raise forms.ValidationError(
                _("Too many tries. Wait ten minutes and try again."), code="too_many"
            )
        try:
            code = str(super().clean_code())
        except forms.ValidationError:
            _note_wrong_code(request)
            raise
        forgive_tries(keys=[account])
        return code


def client_of(request: HttpRequest) -> str:
    """Return the address a request is counted by."""
    return client_address(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded=request.META.get("HTTP_X_FORWARDED_FOR", ""),
        proxies=settings.TRUSTED_PROXY_COUNT,
    )


def today() -> date:
    """Return the day on the organisation's clock: a leaving date counts from its morning on."""
    return timezone.localdate()


def say_code(*, email: str, code: str, request: HttpRequest) -> None:
    """Write the mail with a sign-in code, in the language the person is reading now.

    For an address that belongs to nobody the same work is done and thrown away, so that neither the
    page nor its time nor its statements tell who is on the roll.
    """
    person = User.objects.present(on=today()).filter(email__iexact=email).first()
    language = translation.get_language() or settings.LANGUAGE_CODE
    subject, body = render(
        kind="sign_in_code",
        person=person,
        channel=Channel.MAIL,
        context={"code": code},
        language=language,
    )
    with transaction.atomic():
        notice = queue(
            dedupe_key=f"sign_in:{secrets.token_hex(16)}",
            kind="sign_in_code",
            channel=Channel.MAIL,
            person=person,
            address=person.email if person else email,
            language=language,
            subject=subject,
            body=body,
            now=cast("SiteRequest", request).now,
            lane=Lane.SIGN_IN,
        )
        if notice:
            Notice.objects.filter(pk=notice.pk, person__isnull=True).delete()
    wake(Lane.SIGN_IN)


def _key(door: str, *parts: str) -> str:
    """Return the name of a counter; it does not give away the address it counts."""
    return f"{door}:{salted_hmac('kitting.signin', '|'.join(parts)).hexdigest()}"


def _may_ask(email: str, request: HttpRequest) -> bool:
    client, now = client_of(request), cast("SiteRequest", request).now
    counters = (
        (_key("code", email, client), CODES_PER_PERSON_AND_CLIENT, TEN_MINUTES),
        (_key("code", email), CODES_PER_PERSON_AND_HOUR, HOUR),
        (_key("code", "", client), CODES_PER_CLIENT, TEN_MINUTES),
    )
    return all(
        count_try(key=key, limit=limit, window=window, now=now)
        for key, limit, window in counters
    )


def _account_key(request: HttpRequest) -> str:
    """Return what guesses at one account are counted by: whose it is, and who guesses.

    A client that guesses shuts itself out, never the person, who sits elsewhere.
    """
    stage = getattr(request, "_login_stage", None)
    email = str(stage.state.get("email") or "") if stage else ""
    return _key("account", email.lower(), client_of(request))


def _note_wrong_code(request: HttpRequest) -> None:
    """Write a wrong code down, the same whether anybody has the address."""
    stage = getattr(request, "_login_stage", None)
    email = str(stage.state.get("email") or "") if stage else ""
    write_audit(
        action="sign_in.refused",
        now=cast("SiteRequest", request).now,
        by=None,
        data={"door": Door.MAIL.value, "reason": "code", "address": email[:254]},
    )


def _may_guess(request: HttpRequest, account: str) -> bool:
    # The code lives in this browser's session, so the session is what its guesses are counted by;
    # allauth counts them in the session too, but many at once would slip through there.
    now = cast("SiteRequest", request).now
    counters = (
        (_key("guess", request.session.session_key or ""), GUESSES_PER_BROWSER),
        (account, GUESSES_PER_ACCOUNT_AND_CLIENT),
        (_key("guess", "", client_of(request)), GUESSES_PER_CLIENT),
    )
    return all(
        count_try(key=key, limit=limit, window=TEN_MINUTES, now=now) for key, limit in counters
    )
