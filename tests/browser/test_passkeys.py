"""A passkey in a real browser, with an authenticator that the browser itself plays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings as site
from django.test import Client
from playwright.sync_api import expect

from accounts.models import SignIn
from accounts.states import Door, Role
from tests.factories import GrantFactory

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from pytest_django.live_server_helper import LiveServer

# The server answers from another thread: rows must be committed for it to see them.
pytestmark = pytest.mark.django_db(transaction=True)
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_added_and_signs_in_alone(
    browser: Browser, live_server: LiveServer, settings: Any
) -> None:
    # A passkey belongs to a name, not to a number; localhost is one that needs no TLS.
    address = live_server.url.replace("127.0.0.1", "localhost")
    settings.ALLOWED_HOSTS = ["localhost"]
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    person = GrantFactory.create(role=Role.IT).person
    signed_in = Client()
    signed_in.force_login(person)
    context = browser.new_context(base_url=address, locale="ja-JP")
    try:
        cookie = signed_in.cookies[site.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": site.SESSION_COOKIE_NAME, "value": cookie, "url": address}]
        )
        page = context.new_page()
        tools = context.new_cdp_session(page)
        tools.send("WebAuthn.enable")
        tools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        page.goto("/accounts/second-step/passkey/")
        page.locator("[data-passkey-go]").click()
        page.wait_for_url("**/accounts/second-step/**/")
        expect(page.locator("form[data-passkey]")).to_have_count(0)
        assert Authenticator.objects.filter(user=person, type="webauthn").count() == 1
        context.clear_cookies()
        page.goto("/accounts/login/")
        page.locator("[data-passkey-go]").click()
        page.wait_for_url(lambda url: "/accounts/login" not in url)
        assert SignIn.objects.filter(person=person, door=Door.PASSKEY).count() == 1
    finally:
        context.close()
