"""The whole guide by fingers alone, in both languages; whatever is pressed is large enough and in sight."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.city import CHROMEBOOK
from tests.browser.test_checks import by_finger, middle, touch
from tests.browser.whole_way import LANGUAGES, Walk

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

SMALLEST = 44  # pixels: what the style calls a small target
LONGEST_WAY = 40  # slides of a finger until anything of a page is in sight
SLIDE = 160
NEAR_END = 24
LEFT = "list => list.scrollHeight - list.clientHeight - list.scrollTop"

# Where a finger would meet a control: a choice by its whole card. `free`: nothing lies over it there.
# A slide is over when the page has stood still for a few frames.
PLACE = """async (control) => {
  const place = control.type === "radio" ? control.closest("label") : control;
  let box = place.getBoundingClientRect();
  for (let still = 0; still < 4; ) {
    await new Promise(requestAnimationFrame);
    const now = place.getBoundingClientRect();
    still = now.y === box.y ? still + 1 : 0;
    box = now;
  }
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const top = document.elementFromPoint(x, y);
  return {
    x, y, width: box.width, height: box.height, middle: innerHeight / 2,
    free: top !== null && place.contains(top),
  };
}"""


class Fingers:
    """Taps and slides; letters come from the keyboard that a tap into a field brings up."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cdp = page.context.new_cdp_session(page)

    def press(self, control: Locator) -> None:
        place = self.bring_up(control)
        assert round(min(place["width"], place["height"])) >= SMALLEST, (
            f"too small: {control} {place}"
        )
        self.page.touchscreen.tap(place["x"], place["y"])

    def bring_up(self, control: Locator) -> dict[str, float]:
        """Slide the page until nothing lies over a control, and return where it is."""
        expect(control).to_be_visible()
        for _slide in range(LONGEST_WAY):
            place: dict[str, float] = control.evaluate(PLACE)
            if place["free"]:
                return place
            self.slide(SLIDE if place["y"] < place["middle"] else -SLIDE)
        pytest.fail(f"{control} was not in sight on {self.page.url}")

    def slide(self, way: int) -> None:
        """Move the page by a finger at its edge, where nothing is to be pressed."""
        x, y = 6, 380
        touch(self.cdp, "Start", (x, y))
        for part in (1, 2, 3, 4):
            touch(self.cdp, "Move", (x, y + way * part / 4))
        touch(self.cdp, "End")

    def fill(self, field: Locator, text: str) -> None:
        self.press(field)
        expect(field).to_be_focused()
        self.page.keyboard.type(text)

    def choose(self, radio: Locator) -> None:
        self.press(radio)
        expect(radio).to_be_checked()

    def practise_touch(self, walk: Walk) -> None:
        page = self.page
        self.press(page.get_by_role("link", name=walk.word("Practise")))
        self.press(walk.button(page, "Touch here"))
        by_finger(page, self.cdp)
        self.keep_on(page.locator("[data-exercise=press] [data-target]"))
        pad = page.locator("[data-pad]")
        self.bring_up(pad)
        x, y = middle(pad)
        touch(self.cdp, "Start", (x - 30, y), (x + 30, y))
        touch(self.cdp, "Move", (x - 36, y), (x + 36, y))
        touch(self.cdp, "Move", (x - 60, y), (x + 60, y))
        touch(self.cdp, "End")
        walk.is_seen(page)

    def keep_on(self, square: Locator) -> None:
        """Keep a finger on the square until its menu opens."""
        self.bring_up(square)
        touch(self.cdp, "Start", middle(square))
        expect(self.page.locator("[data-part=press]")).to_have_class(re.compile("done"))
        touch(self.cdp, "End")

    def practise_touchpad(self, walk: Walk) -> None:
        """There is no touchpad under a finger: the buttons of the practice do it."""
        page = self.page
        self.press(walk.button(page, "Practise by pressing only"))
        self.press(walk.button(page, "Press here"))
        self.to_the_star(page.locator("[data-list]"), page.locator("[data-down]"))
        self.press(page.locator("[data-more]"))
        self.press(page.locator("[data-card]"))
        self.press(page.locator("[data-tray]"))
        walk.is_seen(page)

    def to_the_star(self, pages: Locator, down: Locator) -> None:
        """Press "down" until the end of the long page, seeing each time where that led."""
        expect(pages).to_be_visible()
        element = pages.element_handle()
        while pages.evaluate(LEFT) >= NEAR_END:
            was = pages.evaluate("list => list.scrollTop")
            self.press(down)
            self.page.wait_for_function(
                "([list, was]) => list.scrollTop !== was", arg=[element, was]
            )


# One language by each way is enough each time; the other is played by `make test-long`.
@pytest.mark.parametrize("language", ["en", pytest.param("ja", marks=pytest.mark.long)])
def test_the_whole_guide_is_done_by_fingers_alone(
    new_context: OpenBrowser, city: City, language: str
) -> None:
    walk = Walk(city, language)
    usual = {"locale": LANGUAGES[language], "has_touch": True, "reduced_motion": "reduce"}
    walk.before_signing_in(Fingers(new_context(**usual, is_mobile=True).new_page()))
    laptop = new_context(**usual, **CHROMEBOOK).new_page()
    walk.on_the_chromebook(Fingers(laptop))
    walk.all_is_done(laptop, another_way={"touchpad-practice"})
