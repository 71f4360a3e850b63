"""The whole guide, from the label to the last page, in either language and with whatever hands walk it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

from django.utils.translation import gettext, override, pgettext
from playwright.sync_api import expect

from kitting.models import Journey
from tests.browser import test_walk_laptop, test_walk_no_js
from tests.browser.city import a_minute_a_step
from tests.browser.test_checks import allow_idle_detection, leave, write
from tests.journeys.conftest import wide

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.browser.city import City

LANGUAGES = {"ja": "ja-JP", "en": "en-GB"}
ANSWERS = {"ja": test_walk_no_js.RIGHT_ANSWERS, "en": test_walk_laptop.RIGHT_ANSWERS}
ON_THE_PHONE = (
    *("power-on", "language-keyboard", "connect-wifi", "wait-update"),
    *("enroll", "sign-in", "first-screens", "open-guide"),
)
SEEN_BY_THE_PAGE = {
    *("touch-practice", "screen-lock", "camera-mic", "office-files"),
    *("touchpad-practice", "japanese-input", "apps-windows"),
}


class Hands(Protocol):
    """How somebody works a page; each way reaches a control, and sees that it can be reached."""

    page: Page

    def press(self, control: Locator) -> None:
        """Press a button or a link."""

    def fill(self, field: Locator, text: str) -> None:
        """Go into a field and write."""

    def choose(self, radio: Locator) -> None:
        """Choose one of several answers."""

    def practise_touch(self, walk: Walk) -> None:
        """Do the four exercises for fingers."""

    def practise_touchpad(self, walk: Walk) -> None:
        """Do the four exercises for the touchpad."""


class Walk:
    """One person, one language, one device after the other."""

    def __init__(self, city: City, language: str) -> None:
        city.person.language = language
        city.person.save(update_fields=["language"])
        self.city = city
        self.language = language

    def word(self, words: str, context: str = "") -> str:
        """Return what stands on the screen for words of the code."""
        with override(self.language):
            return pgettext(context, words) if context else gettext(words)

    def button(self, page: Page | Locator, words: str, context: str = "") -> Locator:
        return page.get_by_role("button", name=self.word(words, context), exact=True)

    def press(self, hands: Hands, words: str, context: str = "", *, then: str) -> None:
        """Press the main button of a step and stand at the next page."""
        bar = hands.page.locator(".act")
        hands.press(self.button(bar, words, context))
        stands_at(hands.page, then)

    def enter(self, hands: Hands) -> None:
        """Type the staff number on the page of the box."""
        number = self.city.person.staff_number or ""
        hands.fill(hands.page.get_by_label(self.word("Staff number")), number)
        hands.press(self.button(hands.page, "Begin"))

    def before_signing_in(self, hands: Hands) -> None:
        """From the label on the box to the step that opens the guide on the Chromebook."""
        hands.page.goto(f"/d/{self.city.device.code}")
        self.enter(hands)
        stands_at(hands.page, "check-box")
        self.press(hands, "I received it", then=ON_THE_PHONE[0])
        for then in ON_THE_PHONE[1:]:
            self.press(hands, "Done", "button", then=then)

    def on_the_chromebook(self, hands: Hands) -> None:
        """From the address typed on the Chromebook to the last page; arriving presses its own button."""
        page, code = hands.page, self.city.device.code or ""
        page.goto("/")
        hands.fill(page.get_by_label(self.word("Box code")), code)
        hands.press(self.button(page, "Open the box page"))
        self.enter(hands)
        stands_at(page, "touch-practice")
        hands.practise_touch(self)
        self.press(hands, "Continue", then="confirm-device")
        serial = page.get_by_label(self.word("Last 4 characters of the serial number"))
        hands.fill(serial, self.city.device.serial_number[-4:])
        self.press(hands, "Check", then="screen-lock")
        self.lock(hands)
        self.press(hands, "Continue", then="easy-to-see")
        self.press(hands, "Done", "button", then="camera-mic")
        self.see_and_hear(hands)
        self.press(hands, "Continue", then="office-files")
        self.go_away(hands, seconds=16)
        self.press(hands, "I opened it", then="ready")
        hands.press(page.get_by_role("link", name=self.word("Go on with practice")))
        stands_at(page, "print-test")
        self.press(hands, "Done", "button", then="touchpad-practice")
        hands.practise_touchpad(self)
        self.press(hands, "Continue", then="japanese-input")
        hands.press(page.get_by_label(self.word("Write here")))
        write(page, "まえばし", "前橋")
        page.keyboard.type(wide("OK123"))
        self.is_seen(page)
        self.press(hands, "Continue", then="apps-windows")
        self.go_away(hands, seconds=4)
        self.press(hands, "Continue", then="keep-safe")
        for answer in ANSWERS[self.language]:
            hands.choose(page.get_by_label(answer))
        self.press(hands, "Check", then="done")

    def lock(self, hands: Hands) -> None:
        """Lock the screen and unlock it, which no page can do by itself."""
        allow_idle_detection(hands.page)
        start = self.button(hands.page, "Start the practice")
        hands.press(start)
        expect(start).to_be_disabled()
        cdp = hands.page.context.new_cdp_session(hands.page)
        for is_unlocked in (False, True):
            cdp.send(
                "Emulation.setIdleOverride",
                {"isUserActive": True, "isScreenUnlocked": is_unlocked},
            )
            self.says(hands.page, "all" if is_unlocked else "locked")

    def see_and_hear(self, hands: Hands) -> None:
        """Look into the camera, say something, count the beeps."""
        page = hands.page
        page.context.grant_permissions(["camera", "microphone"])
        page.evaluate("Math.random = () => 0.3")  # three beeps
        hands.press(self.button(page, "Start the check"))
        hands.press(self.button(page, "Play the beeps"))
        for part in ("camera", "microphone"):
            expect(page.locator(f"[data-part={part}]")).to_have_class(re.compile("done"))
        hands.press(page.get_by_role("button", name="3", exact=True))
        self.is_seen(page)

    def go_away(self, hands: Hands, *, seconds: int) -> None:
        """Look at something else and come back."""
        hands.press(self.button(hands.page, "Start the practice"))
        leave(hands.page, seconds=seconds)
        self.is_seen(hands.page)

    def is_seen(self, page: Page) -> None:
        self.says(page, "all")

    def says(self, page: Page, key: str) -> None:
        """Wait until the check says what it says then."""
        words = page.locator(f"[data-say={key}]").text_content() or ""
        expect(page.locator("[data-said]")).to_have_text(words)

    def all_is_done(self, page: Page, *, another_way: set[str]) -> None:
        """The last page, and every step in the database with what was seen of it."""
        expect(page.locator("h1")).to_have_text(
            {"ja": "おつかれさまでした", "en": "Well done"}[self.language]
        )
        own = Journey.objects.get(pk=self.city.own.pk)
        records = list(own.records.all())
        assert [record.step_key for record in records] == [key for key, *_rest in own.step_keys]
        assert (own.status, own.steps_done, own.steps_total) == ("done", 20, 20)
        assert {str(record.result) for record in records} == {
            *("confirmed", "likely", "self_reported")
        }
        assert {record.step_key for record in records if record.reason == "another_way"} == (
            another_way
        )
        by_page = {record.step_key for record in records if record.method == "check"}
        assert by_page == SEEN_BY_THE_PAGE - another_way
        assert Journey.objects.get(pk=self.city.neighbour.pk).event_count == 0


def stands_at(page: Page, where: str) -> None:
    """Wait for a page, and let people have read the one before."""
    expect(page).to_have_url(re.compile(rf"/{where}/(\?after=[\w-]+)?$"))
    expect(page.locator("main h1")).to_be_visible()
    a_minute_a_step()
