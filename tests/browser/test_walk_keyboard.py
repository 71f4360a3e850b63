"""The whole guide by keyboard alone, in both languages; where the focus is can always be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.city import CHROMEBOOK
from tests.browser.whole_way import LANGUAGES, Walk

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

LONGEST_WAY = 60  # presses of Tab until anything of a page is reached
PRACTICE = {"touch-practice", "touchpad-practice"}

# What has the focus, seen from the control that is looked for.
FOCUS = """(wanted) => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const label = one.closest("label") ?? one;
  const ringed = [one, label].some((place) => {
    const look = getComputedStyle(place);
    return look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2;
  });
  const shows = (x, y) => {
    const top = document.elementFromPoint(x, y);
    return top !== null && (label.contains(top) || top.contains(one));
  };
  const middle = box.x + box.width / 2;
  const mates = one.type === "radio" && one.name === wanted.name;
  return {
    here: one === wanted || mates,
    what: one.outerHTML.slice(0, 120),
    seen: one === document.body || (ringed && shows(middle, box.y + 2) && shows(middle, box.bottom - 2)),
  };
}"""


class Keyboard:
    """Tab, Enter, Space, arrows and letters; nothing else."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = page.keyboard

    def reach(self, control: Locator) -> None:
        """Press Tab until a control has the focus; whatever has it on the way must be seen."""
        hidden = []
        focus = control.evaluate(FOCUS)
        for _press in range(LONGEST_WAY):
            if focus["here"]:
                break
            self.keys.press("Tab")
            focus = control.evaluate(FOCUS)
            hidden += [] if focus["seen"] else [focus["what"]]
        assert focus["here"], f"no way to {control} on {self.page.url}"
        assert hidden == [], self.page.url

    def press(self, control: Locator) -> None:
        self.reach(control)
        self.keys.press("Enter")

    def fill(self, field: Locator, text: str) -> None:
        self.reach(field)
        self.keys.type(text)

    def choose(self, radio: Locator) -> None:
        self.reach(radio)
        self.keys.press("Space")
        for _choice in range(3):
            if radio.is_checked():
                return
            self.keys.press("ArrowDown")
        pytest.fail(f"{radio} was not chosen")

    def practise_touch(self, walk: Walk) -> None:
        page = self.page
        self.press(page.get_by_role("link", name=walk.word("Practise")))
        self.press(walk.button(page, "Touch here"))
        self.to_the_star()
        self.then("press")
        self.then("spread")
        self.keys.press("Enter")
        walk.is_seen(page)

    def practise_touchpad(self, walk: Walk) -> None:
        page = self.page
        self.press(page.get_by_role("link", name=walk.word("Practise")))
        self.press(walk.button(page, "Press here"))
        self.to_the_star()
        self.then("second")
        self.then("drag")
        self.press(page.locator("[data-tray]"))
        walk.is_seen(page)

    def to_the_star(self) -> None:
        """Scroll to the end of the long page, which has the focus by then."""
        expect(self.page.locator("[data-list]")).to_be_focused()
        self.keys.press("End")

    def then(self, exercise: str) -> None:
        """Press what the next exercise has brought under the focus."""
        place = self.page.locator(f"[data-exercise={exercise}]")
        expect(place.locator("[data-target], [data-pad], [data-card]")).to_be_focused()
        self.keys.press("Enter")


# One language by each way is enough each time; the other is played by `make test-long`.
@pytest.mark.parametrize("language", ["ja", pytest.param("en", marks=pytest.mark.long)])
def test_the_whole_guide_is_done_by_keyboard_alone(
    new_context: OpenBrowser, city: City, language: str
) -> None:
    walk = Walk(city, language)
    usual = {"locale": LANGUAGES[language], "reduced_motion": "reduce"}
    walk.before_signing_in(Keyboard(new_context(**usual).new_page()))
    laptop = new_context(**usual, **CHROMEBOOK).new_page()
    walk.on_the_chromebook(Keyboard(laptop))
    walk.all_is_done(laptop, another_way=PRACTICE)
