"""A browser reaches the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from accounts.models import Place
from tests.factories import PlaceFactory

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

# The server answers from another thread: rows must be committed for it to see them.
pytestmark = pytest.mark.django_db(transaction=True)


def test_a_browser_reaches_the_site(page: Page, live_server: LiveServer) -> None:
    answer = page.goto(f"{live_server.url}/healthz")
    assert answer
    assert answer.status == 200


def test_the_first_page_is_in_japanese(page: Page, live_server: LiveServer) -> None:
    page.goto(live_server.url)
    assert page.locator("html").get_attribute("lang") == "ja"


def test_the_test_itself_writes_while_the_server_runs(
    page: Page, live_server: LiveServer
) -> None:
    PlaceFactory.create(name="本庁舎")
    page.goto(f"{live_server.url}/healthz")
    assert Place.objects.get().name == "本庁舎"
