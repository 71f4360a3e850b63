"""Without a network: the guide is read, what is pressed waits and arrives once, and nothing stale looks current."""

from __future__ import annotations

import re
from threading import Event
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from kitting.escalation.models import TicketEntry
from kitting.journeys.actions.resting import end_box_sessions
from kitting.journeys.views import step
from kitting.models import Journey
from tests.browser.city import City, hold_box, sign_in
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext, Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = "async () => (await (await caches.open('kitto-pages')).keys()).map(({ url }) => url)"
STORED = """async () => {
  const base = await new Promise((done) => {
    const asked = indexedDB.open("kitto", 1);
    asked.onsuccess = () => done(asked.result);
  });
  return await new Promise((done) => {
    const asked = base.transaction("outbox").objectStore("outbox").getAll();
    asked.onsuccess = () => { base.close(); done(JSON.stringify(asked.result)); };
  });
}"""
# At once: what waits has had no time to be sent by itself.
SIGN_OUT = "() => document.querySelector('form[action=\"/accounts/logout/\"]').submit()"
PAGES_OF_A_GUIDE = 20
SLOW = 40_000


@pytest.fixture
def phone(new_context: OpenBrowser, city: City) -> Page:
    """A phone that has opened the guide once and has had a moment to keep it."""
    return visited(new_context(service_workers="allow"), city.own)


def visited(context: BrowserContext, journey: Journey) -> Page:
    advance(journey, "check-box")
    if not any(cookie["name"] == "kitto_session" for cookie in context.cookies()):
        hold_box(context, journey)
    page = context.new_page()
    page.goto(f"/j/{journey.pk}/s/check-box/")
    until(lambda: len(page.evaluate(KEPT)) > PAGES_OF_A_GUIDE)
    return page


def until(holds: Callable[[], bool]) -> None:
    """Wait for what no page shows."""
    end = monotonic() + SLOW / 1000
    while not holds():
        assert monotonic() < end
        sleep(0.1)


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).first.click()


def own_events(city: City) -> list[tuple[str, str]]:
    events = Journey.objects.get(pk=city.own.pk).events.order_by("number")
    wanted = events.filter(kind__in=("step_done", "step_undone", "help_changed"))
    return list(wanted.values_list("kind", "step_key"))


def without_network(page: Page, do: Callable[[], None]) -> None:
    page.context.set_offline(True)
    try:
        do()
    finally:
        page.context.set_offline(False)


def is_current(page: Page) -> None:
    """Expect a page that came from the server."""
    expect(page.locator("[data-saved-bar]")).to_be_hidden(timeout=SLOW)


def test_the_guide_is_read_and_done_without_a_network(phone: Page, city: City) -> None:
    base = f"/j/{city.own.pk}"
    expect(phone.locator("[data-saved-bar]")).to_be_hidden()
    phone.context.set_offline(True)

    # A step that was never opened can be read, and says that it is no page of now.
    phone.goto(f"{base}/s/wait-update/")
    expect(phone.locator("h1")).to_be_visible()
    expect(phone.locator("[data-saved-bar]")).to_contain_text("電波がありません")
    expect(phone.locator("[data-saved-at]")).to_have_text(re.compile(r"\d+/\d+ \d+:\d\d"))

    # できました twice, help once: each leads on, and the page says what waits.
    phone.goto(f"{base}/s/check-box/")
    press(phone, "受け取りました")
    expect(phone).to_have_url(re.compile("/s/power-on/$"))
    expect(phone.locator("[data-outbox-waits]")).to_contain_text("電波がもどったら送ります")
    expect(phone.locator("[data-outbox-count]")).to_have_text("1")
    press(phone, "できました")
    expect(phone).to_have_url(re.compile("/s/language-keyboard/$"))
    expect(phone.locator("[data-outbox-count]")).to_have_text("2")
    phone.get_by_role("link", name="困っています").first.click()
    phone.locator("input[name=choice]").first.check()
    phone.locator("textarea").fill("音が出ません")
    press(phone, "知らせる")
    expect(phone.locator("[data-outbox-count]")).to_have_text("3")
    assert own_events(city) == []

    phone.goto("/offline/")
    expect(phone.locator("[data-list] li")).to_have_count(3)
    expect(phone.locator("[data-list]")).to_contain_text("できました")

    phone.context.set_offline(False)
    expect(phone.locator("[data-outbox-sent]")).to_be_visible(timeout=SLOW)
    assert own_events(city) == [
        ("step_done", "check-box"),
        ("step_done", "power-on"),
        ("help_changed", ""),
    ]
    done = Journey.objects.get(pk=city.own.pk).events.filter(kind="step_done")
    assert all(event.client_at and event.client_at <= event.at for event in done)
    assert TicketEntry.objects.filter(text="音が出ません").count() == 1
    phone.goto(f"{base}/")
    is_current(phone)
    assert Journey.objects.get(pk=city.own.pk).current_step == "language-keyboard"


def test_what_was_pressed_without_a_network_can_be_taken_back(phone: Page, city: City) -> None:
    phone.context.set_offline(True)
    press(phone, "受け取りました")
    expect(phone).to_have_url(re.compile("/s/power-on/$"))
    phone.locator("[data-outbox-undo]").click()
    expect(phone).to_have_url(re.compile("/s/check-box/$"))
    expect(phone.locator("[data-outbox-count]")).to_have_text("2")
    # Pressing again on the same kept page is a press of its own.
    press(phone, "受け取りました")
    expect(phone).to_have_url(re.compile("/s/power-on/$"))
    phone.context.set_offline(False)
    is_current(phone)
    assert own_events(city) == [
        ("step_done", "check-box"),
        ("step_undone", "check-box"),
        ("step_done", "check-box"),
    ]


def test_a_kept_page_gives_way_to_the_truth(phone: Page, city: City) -> None:
    phone.context.set_offline(True)
    phone.goto(f"/j/{city.own.pk}/")
    expect(phone.locator("[data-saved-bar]")).to_be_visible()
    advance(city.own, "connect-wifi")  # on another device
    phone.context.set_offline(False)
    is_current(phone)
    expect(phone.locator("main")).to_contain_text("Wi-Fi につなぐ")


def test_a_page_that_comes_after_signing_out_is_not_kept(
    new_context: OpenBrowser, city: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = new_context(service_workers="allow")
    sign_in(context, city.person)
    page = visited(context, city.own)
    asked, may_answer = Event(), Event()

    def late(*args: Any) -> Any:
        asked.set()
        may_answer.wait(SLOW / 1000)
        return at_once(*args)

    at_once = step.check_context
    monkeypatch.setattr(step, "check_context", late)
    other = context.new_page()
    other.goto("/errors/")
    other.evaluate(f"location.href = '/j/{city.own.pk}/s/check-box/'")
    assert asked.wait(SLOW / 1000)
    page.evaluate(SIGN_OUT)
    expect(page).to_have_url(re.compile("/$"))
    may_answer.set()
    expect(other).to_have_url(re.compile("/s/check-box/$"))
    other.wait_for_load_state()
    until(lambda: page.evaluate(KEPT) == [])
    sleep(1)  # nothing says that nothing more comes
    assert page.evaluate(KEPT) == []


def test_signing_out_sends_first_and_keeps_nothing(
    new_context: OpenBrowser, city: City
) -> None:
    context = new_context(service_workers="allow")
    sign_in(context, city.person)
    page = visited(context, city.own)
    context.set_offline(True)
    press(page, "受け取りました")
    expect(page.locator("[data-outbox-count]")).to_have_text("1")
    context.set_offline(False)
    page.evaluate(SIGN_OUT)
    expect(page).to_have_url(re.compile("/$"))
    until(lambda: page.evaluate(KEPT) == [])
    assert own_events(city) == [("step_done", "check-box")]
    assert page.evaluate(STORED) == "[]"
    context.set_offline(True)
    with pytest.raises(Exception, match="ERR_"):
        page.goto(f"/j/{city.own.pk}/s/power-on/")
    context.set_offline(False)


def test_without_a_network_nobody_is_signed_out_unheard(phone: Page, city: City) -> None:
    phone.goto(f"/j/{city.own.pk}/")
    phone.context.set_offline(True)
    press(phone, "このブラウザの案内を閉じる")
    expect(phone.locator("h1")).to_have_text("この端末で待っているもの")
    expect(phone.locator("[data-when-offline]")).to_be_visible()
    press(phone, "ここにのこっているものを消す")
    expect(phone.locator("[data-erased]")).to_be_visible()
    until(lambda: phone.evaluate(KEPT) == [])
    phone.context.set_offline(False)


def test_an_ended_session_keeps_what_waits_until_the_guide_is_open_again(
    phone: Page, city: City
) -> None:
    def end_meanwhile() -> None:
        press(phone, "受け取りました")
        expect(phone).to_have_url(re.compile("/s/power-on/$"))
        end_box_sessions(journey_id=city.own.pk)
        phone.context.clear_cookies(name="kitto_session")

    without_network(phone, end_meanwhile)
    expect(phone).to_have_url(re.compile("/offline/$"), timeout=SLOW)
    phone.goto(f"/j/{city.own.pk}/s/power-on/")
    expect(phone).to_have_url(re.compile("/offline/$"))
    expect(phone.locator("[data-when-ended]")).to_be_visible()
    assert own_events(city) == []

    phone.goto(f"/d/{city.device.code}")
    expect(phone.locator("[data-outbox-ended]")).to_be_visible()
    phone.get_by_label("職員番号").fill(city.person.staff_number or "")
    press(phone, "はじめる")
    expect(phone.locator("[data-outbox-sent]")).to_be_visible(timeout=SLOW)
    assert own_events(city) == [("step_done", "check-box")]


def test_the_next_person_finds_nothing_of_the_one_before(phone: Page, city: City) -> None:
    def ask() -> None:
        phone.goto(f"/j/{city.own.pk}/help/")
        phone.locator("textarea").fill("ないしょの言葉")
        press(phone, "知らせる")
        expect(phone.locator("[data-outbox-count]")).to_have_text("1")
        advance(city.neighbour, "check-box")
        hold_box(phone.context, city.neighbour)

    without_network(phone, ask)
    expect(phone).to_have_url(re.compile("/offline/$"), timeout=SLOW)
    phone.goto(f"/j/{city.neighbour.pk}/")
    until(lambda: not any(f"/j/{city.own.pk}/" in url for url in phone.evaluate(KEPT)))
    phone.goto(f"/j/{city.neighbour.pk}/")
    expect(phone.locator("[data-outbox]")).to_be_hidden()
    until(lambda: "ないしょ" not in phone.evaluate(STORED))
    assert "help" in phone.evaluate(STORED)  # that something waited is kept, as ids
    assert not TicketEntry.objects.exists()
