"""The counter in a real browser: without a network, with a camera, with a scanner's keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from accounts.states import Role
from kitting.counter.models import Scan
from kitting.devices.models import Loan
from kitting.lib import qr
from tests.browser.city import City, sign_in
from tests.browser.test_offline import SIGN_OUT, until
from tests.factories import GrantFactory

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

# A camera that sees what a test draws: the same stream of pictures a real one gives.
CAMERA = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 480;
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, 480, 480);
  window.holdUp = ({ size, path }) => {
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, 480, 480);
    pen.scale(480 / size, 480 / size);
    pen.fillStyle = "#000";
    pen.fill(new Path2D(path));
  };
  setInterval(() => {
    pen.fillStyle = "#fff"; // a stream has frames only where something is drawn
    pen.fillRect(0, 0, 0.01, 0.01);
  }, 50);
  navigator.mediaDevices.getUserMedia = async () => canvas.captureStream(20);
}"""


@pytest.fixture
def counter(new_context: OpenBrowser, city: City) -> Page:
    context = new_context()
    sign_in(context, GrantFactory.create(role=Role.DESK).person)
    page = context.new_page()
    page.goto("/counter/")
    return page


def typed_by_scanner(page: Page, *texts: str | None) -> None:
    """Type as a USB scanner does: the text, then Enter, wherever the cursor is."""
    for text in texts:
        page.keyboard.type(text or "")
        page.keyboard.press("Enter")


def answer(page: Page, words: str) -> None:
    expect(page.locator("[data-answer]")).to_contain_text(words)


def test_a_scanner_hands_out_without_a_mouse(counter: Page, city: City) -> None:
    typed_by_scanner(counter, f"HTTPS://KIT.EXAMPLE.JP/D/{city.device.code}")
    expect(counter.get_by_text(city.person.name, exact=True)).to_be_visible()
    typed_by_scanner(counter, city.person.staff_number)
    answer(counter, "OK")
    expect(counter.get_by_label("箱", exact=True)).to_be_focused()
    assert counter.locator("[data-answer]").get_attribute("aria-live") == "assertive"


def test_what_is_scanned_without_a_network_arrives_in_order_and_once(
    counter: Page, city: City
) -> None:
    counter.context.set_offline(True)
    typed_by_scanner(counter, city.device.code, city.neighbour.person.staff_number)
    answer(counter, "待っています")
    typed_by_scanner(counter, city.device.code, city.person.staff_number)
    expect(counter.locator("[data-waits-list] li")).to_have_count(2)
    assert not Scan.objects.exists()
    counter.context.set_offline(False)
    expect(counter.locator("[data-conflicts-list] li")).to_have_count(1)
    expect(counter.locator("[data-waits-list] li")).to_have_count(0)
    told = list(Scan.objects.order_by("pk").values_list("outcome", flat=True))
    assert told == ["others", "handed"]
    assert Loan.objects.get(person=city.person).handed_over_at is not None
    counter.reload()
    counter.locator("[data-conflicts-list] button").click()
    expect(counter.locator("[data-conflicts-list] li")).to_have_count(0)
    assert Scan.objects.count() == 2


KEPT = """async () => {
  const box = await caches.open("kitto-pages");
  const pages = (await box.keys()).filter(({ url }) => url.includes("/counter/"));
  return Promise.all(pages.map(async (page) => (await box.match(page)).text()));
}"""


FILES = """async () => {
  const names = (await caches.keys()).filter((name) => name.startsWith("kitto-files-"));
  const kept = await Promise.all(names.map(async (name) => (await caches.open(name)).keys()));
  return kept.flat().map(({ url }) => url);
}"""


def test_the_counter_comes_up_again_without_a_network(
    new_context: OpenBrowser, city: City
) -> None:
    context = new_context(service_workers="allow")
    clerk = GrantFactory.create(role=Role.DESK).person
    sign_in(context, clerk)
    page = context.new_page()
    page.goto("/counter/")
    typed_by_scanner(page, city.neighbour.loan.device.code, city.neighbour.person.staff_number)
    answer(page, "OK")
    page.reload()
    expect(page.get_by_text(city.neighbour.person.name)).to_be_visible()
    until(lambda: len(page.evaluate(KEPT)) == len(("hand out", "arrive")))
    until(lambda: any("zxing-wasm/share" in url for url in page.evaluate(FILES)))
    bare = "".join(page.evaluate(KEPT))
    assert "csrfmiddlewaretoken" not in bare
    assert not [name for name in (clerk.name, city.neighbour.person.name) if name in bare]

    context.set_offline(True)
    typed_by_scanner(page, city.device.code, city.person.staff_number)
    answer(page, "待っています")
    page.reload()
    expect(page.locator("[data-saved-bar]")).to_contain_text("電波がありません")
    expect(page.locator("[data-waits-list] li")).to_have_count(1)
    typed_by_scanner(page, city.device.code, city.person.staff_number)
    answer(page, "待っています")
    expect(page.locator("[data-waits-list] li")).to_have_count(2)
    page.get_by_role("link", name="到着").click()
    expect(page.locator("h1")).to_be_visible()
    page.get_by_role("link", name="わたす").click()
    expect(page.locator("[data-waits-list] li")).to_have_count(2)
    context.set_offline(False)
    expect(page.get_by_role("heading", name="さいごに読み取ったもの")).to_be_visible()
    expect(page.locator("[data-waits-list] li")).to_have_count(0)
    told = list(Scan.objects.order_by("pk").values_list("outcome", flat=True))
    assert told[1:] == ["handed", "already"]

    # Who signs out leaves nothing behind, and without a network the counter stays closed.
    page.evaluate(SIGN_OUT)
    expect(page).to_have_url(re.compile("/accounts/|/$"))
    until(lambda: page.evaluate(KEPT) == [])


def test_the_camera_reads_a_label_with_the_vendored_reader(counter: Page, city: City) -> None:
    counter.evaluate(CAMERA)
    counter.evaluate("() => { delete window.BarcodeDetector; }")
    counter.get_by_role("button", name="カメラで読む").click()
    label = qr.draw(f"HTTPS://KIT.EXAMPLE.JP/D/{city.device.code}")
    counter.evaluate("drawn => holdUp(drawn)", {"size": label.size, "path": label.path})
    expect(counter.get_by_text(city.person.name, exact=True)).to_be_visible()
    card = qr.draw(city.person.staff_number or "")
    counter.evaluate("drawn => holdUp(drawn)", {"size": card.size, "path": card.path})
    answer(counter, "OK")


def test_without_a_camera_the_page_says_so_and_typing_goes_on(
    counter: Page, city: City
) -> None:
    counter.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = async () => { throw new Error(); }; }"
    )
    counter.get_by_role("button", name="カメラで読む").click()
    expect(counter.get_by_text("カメラが使えません")).to_be_visible()
    counter.get_by_label("箱", exact=True).focus()
    typed_by_scanner(counter, city.device.code, city.person.staff_number)
    answer(counter, "OK")
