"""The board and a display on a wall keep themselves fresh: when, how cheaply, and never under the hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.cache import cache
from playwright.sync_api import expect

from accounts import tokens
from accounts.states import TokenKind, TokenScope
from kitting.journeys.actions import Who, begin
from kitting.journeys.states import Via
from tests.browser.city import DESK, City, sign_in, site_now
from tests.browser.conftest import USUAL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Response
    from pytest_django.live_server_helper import LiveServer

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60_000
HIDE = """is_hidden => {
  Object.defineProperty(document, "hidden", { get: () => is_hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""
# Something a reader opened, below what they scrolled past; both are there again in every fresh part.
TOP = "() => document.querySelector('#step-title').getBoundingClientRect().top"


def is_part(response: Response) -> bool:
    return "part=1" in response.url


def a_minute_later(page: Page) -> int:
    """Let a minute pass in the browser; return what the part it asks for is answered with."""
    with page.expect_response(is_part) as answer:
        page.clock.run_for(MINUTE + 1000)
    return int(answer.value.status)


def asked(page: Page) -> list[str]:
    """Return the parts that are asked for from now on, as they come."""
    found: list[str] = []
    page.on(
        "request",
        lambda request: found.append(request.url) if "part=1" in request.url else None,
    )
    return found


def board(new_context: OpenBrowser, city: City) -> Page:
    context = new_context(**DESK)
    sign_in(context, city.it)
    page = context.new_page()
    page.clock.install()
    page.goto("/dashboard/")
    return page


def somebody_begins(city: City) -> None:
    begin(journey_id=city.neighbour.pk, who=Who(via=Via.BOX), now=site_now())
    cache.clear()


def test_the_board_asks_each_minute_in_few_bytes_and_only_while_it_is_seen(
    new_context: OpenBrowser, city: City
) -> None:
    page = board(new_context, city)
    assert a_minute_later(page) == 200
    assert a_minute_later(page) == 304
    expect(page.locator(".state-in_progress, .key")).not_to_have_count(0)
    page.evaluate(HIDE, True)
    found = asked(page)
    page.clock.run_for(5 * MINUTE)
    assert found == []
    somebody_begins(city)
    with page.expect_response(is_part) as answer:  # at once, as the last answer is old by now
        page.evaluate(HIDE, False)
        page.clock.run_for(10)
    assert answer.value.status == 200


def test_the_board_never_moves_under_the_hand(new_context: OpenBrowser, city: City) -> None:
    page = board(new_context, city)
    assert a_minute_later(page) == 200
    page.evaluate(
        "() => document.querySelector('#step-title').scrollIntoView({ behavior: 'instant' })"
    )
    before = page.evaluate(TOP)
    somebody_begins(city)
    found = asked(page)
    page.mouse.down()
    page.clock.run_for(3 * MINUTE)
    assert found == []
    page.mouse.up()
    assert a_minute_later(page) == 200
    page.wait_for_function("() => !document.querySelector('[data-poll]').dataset.stale")
    assert abs(page.evaluate(TOP) - before) <= 1


def test_the_board_says_in_words_that_it_is_stale_and_recovers(
    new_context: OpenBrowser, city: City
) -> None:
    page = board(new_context, city)
    assert a_minute_later(page) == 200
    word = page.locator("main .stale")
    expect(word).to_be_hidden()
    figures = page.locator("main .kpi").inner_text()
    page.route("**/dashboard/?part=1", lambda route: route.abort())
    page.clock.run_for(MINUTE + 1000)
    expect(word).to_be_visible()
    assert page.locator("main .kpi").inner_text() == figures  # what was known stays
    page.unroute("**/dashboard/?part=1")
    assert a_minute_later(page) == 304
    expect(word).to_be_hidden()


def test_a_wall_keeps_asking_says_when_it_is_old_and_goes_dark_when_its_address_ends(
    browser: Browser, live_server: LiveServer, city: City
) -> None:
    values = tokens.TokenValues(
        kind=TokenKind.WALL, label="a", days=30, scope=TokenScope.NUMBERS
    )
    token, secret = tokens.make_token(values=values, by=city.it, now=site_now())
    # Its own browser: an address that ends is answered with 404, which elsewhere is a complaint.
    context = browser.new_context(base_url=live_server.url, **{**USUAL, **DESK})
    page = context.new_page()
    page.clock.install()
    page.goto(f"/wall/{secret}/")
    assert a_minute_later(page) == 200
    assert a_minute_later(page) == 304
    old, over = page.locator("[data-wall-old]"), page.locator("[data-wall-over]")
    page.route("**/wall/**", lambda route: route.abort())
    page.clock.run_for(2 * MINUTE)
    expect(old).to_be_hidden()
    page.clock.run_for(2 * MINUTE)
    expect(old).to_be_visible()
    page.unroute("**/wall/**")
    assert a_minute_later(page) == 304
    expect(old).to_be_hidden()
    tokens.revoke_token(token=token, by=city.it, now=site_now())
    assert a_minute_later(page) == 404
    expect(over).to_be_visible()
    expect(page.locator("[data-wall]")).to_be_empty()
    context.close()
