"""Reading ease: readings above kanji, letters and colours, and a voice that reads the step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.site.rules import READING_COOKIE
from tests.browser.city import DESK, City, hold_box, sign_in
from tests.browser.rooms import advance
from tests.browser.tour import Tour

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

# A browser with one Japanese voice that keeps what it is told.
VOICE = """
  window.said = [];
  window.cancelled = 0;
  const speech = {
    getVoices: () => [{ lang: "ja-JP", localService: true }],
    speak: (one) => { said.push([one.lang, one.text]); setTimeout(() => one.onstart?.(), 0); },
    cancel: () => { cancelled += 1; },
    addEventListener: () => {},
  };
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  Object.defineProperty(window, "speechSynthesis", { value: speech, configurable: true });
"""
SAID = "() => said"
# Found by what it is: with readings its words are in pieces.
DISPLAY = "details:has(form[data-reading]) > summary"


def held(context: BrowserContext, city: City) -> BrowserContext:
    hold_box(context, city.own)
    return context


def names(page: Page) -> set[str]:
    """Return what Chromium tells a screen reader about links and buttons."""
    tree = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return {
        node["name"]["value"]
        for node in tree
        if node.get("role", {}).get("value") in ("link", "button")
    }


def test_the_switch_puts_readings_above_kanji_and_keeps_them(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "connect-wifi")
    page = held(new_context(), city).new_page()
    step = f"/j/{city.own.pk}/s/connect-wifi/"
    page.goto(step)
    expect(page.locator("ruby")).to_have_count(0)
    page.locator(DISPLAY).click()
    page.get_by_label("小学校で習わない漢字").check(force=True)
    expect(page.locator("html")).to_have_attribute("data-ruby", "6")
    page.locator(DISPLAY).click()
    page.get_by_label("すべての漢字").check(force=True)
    expect(page.locator("html")).to_have_attribute("data-ruby", "all")
    expect(page).to_have_url(re.compile(re.escape(step)))
    expect(page.locator(".do ruby").first).to_contain_text("いちらん")
    # A screen reader hears the words, not the words twice.
    assert {"困っています", "できました"} <= names(page)
    page.locator(DISPLAY).click()
    page.locator("input[name=text][value=xl]").check(force=True)
    page.locator("input[name=theme][value=dark]").check(force=True)
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.wait_for_load_state("networkidle")
    # The server draws the next page so from its first byte: no script is needed for it.
    page.goto(f"/j/{city.own.pk}/")
    html = page.content()
    assert 'data-theme="dark"' in html
    assert 'data-text="xl"' in html
    expect(page.locator("main ruby").first).to_be_visible()


def test_very_large_letters_with_readings_stay_readable_and_inside_the_screen(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "connect-wifi")
    tour = Tour(city, new_context)
    page = tour.with_box(city.own)
    for path in (f"/j/{city.own.pk}/s/open-guide/", "/errors/?q=Wi-Fi"):
        before = tour.readings
        tour.go(page, path)
        assert tour.readings > before
    assert not tour.wrong, "\n".join(tour.wrong)


def test_without_a_script_a_button_keeps_the_same_wishes_with_the_person(
    new_context: OpenBrowser, city: City
) -> None:
    context = new_context(java_script_enabled=False)
    sign_in(context, city.person)
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/")
    page.locator(DISPLAY).click()
    page.get_by_label("すべての漢字").check(force=True)
    page.get_by_role("button", name="この見え方にする").click()
    expect(page.locator("main ruby").first).to_be_visible()
    other = new_context(**DESK)
    sign_in(other, city.person)
    again = other.new_page()
    again.goto(f"/j/{city.own.pk}/")
    expect(again.locator("html")).to_have_attribute("data-ruby", "all")


def test_a_voice_reads_the_step_with_its_readings_and_stops(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "connect-wifi")
    context = held(new_context(), city)
    context.add_init_script(VOICE)
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/s/connect-wifi/")
    page.get_by_role("button", name="声で聞く").click()
    said = page.evaluate(SAID)
    assert said[0] == ["ja", "Wi-Fi につなぐ"]
    assert ["ja", "「接続」を押し、「接続済み」と出たら「次へ」を押します。"] in said
    expect(page.locator("h1.is-read, .is-read").first).to_be_visible()
    stop = page.get_by_role("button", name="声を止める")
    expect(stop).to_be_focused()
    stop.press("Enter")
    expect(stop).to_be_hidden()
    expect(page.locator(".is-read")).to_have_count(0)
    expect(page.get_by_role("button", name="声で聞く")).to_be_focused()
    assert page.evaluate("() => cancelled") >= 1

    context.add_cookies(
        [{"name": READING_COOKIE, "value": "..all", "url": page.url}],
    )
    page.reload()
    page.locator("[data-aloud] button").first.click()
    in_kana = "「せつぞく」をおし、「せつぞくずみ」とでたら「つぎへ」をおします。"
    assert ["ja", in_kana] in page.evaluate(SAID)


def test_where_no_voice_speaks_the_language_nothing_is_offered(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "connect-wifi")
    context = held(new_context(locale="en-US"), city)
    context.add_init_script(VOICE)  # Japanese only
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/s/connect-wifi/")
    expect(page.locator("[data-aloud]")).to_be_hidden()
    expect(page.get_by_role("link", name="I need help").first).to_be_visible()
