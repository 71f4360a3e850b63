"""A tour of pages that gathers what axe and a narrow screen find wrong with them.

Pages for employees are looked at twice: as they come, and in very large letters with readings above all kanji.
The usual run takes one look at a page, the next one at its next state, each page beginning with another, so that every
look comes up; `make test-long` (KITTO_ALL_LOOKS) takes every look at every page. Widths are always measured.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from zlib import crc32

from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve

from accounts.models import User
from kitting.site.rules import READING_COOKIE, Reading
from tests.browser.city import City, hold_box, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import BrowserContext, Page, Request, ViewportSize

    from kitting.models import Journey
    from tests.browser.city import OpenBrowser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
USUAL = {"resultTypes": ["violations"], "preload": False, "elementRef": False}
ALL_RULES = {**USUAL, "runOnly": TAGS}
# Only colours differ between the themes.
COLOURS = {**USUAL, "runOnly": ["color-contrast"]}
SIZES: tuple[ViewportSize, ...] = (
    {"width": 390, "height": 844},
    {"width": 1366, "height": 768},
)
NARROWEST: ViewportSize = {"width": 320, "height": 640}
# A look is one of the sizes, a theme, and what axe asks there.
Look = tuple[int, Literal["light", "dark"], dict[str, Any]]
LOOKS: tuple[Look, ...] = (
    (0, "light", ALL_RULES),
    (0, "dark", COLOURS),
    (1, "light", ALL_RULES),
    (1, "dark", COLOURS),
)
# Large letters change no colour, they can only push things together.
ENLARGED: tuple[Look, ...] = ((0, "light", {**USUAL, "runOnly": ["target-size"]}),)
ALL_LOOKS = bool(os.environ.get("KITTO_ALL_LOOKS"))
NUMBERS = re.compile("[0-9]+")
LARGEST = Reading(text="xl", ruby="all")
OPENED = """
  document.querySelectorAll("details.tip").forEach((tip) => { tip.open = true; });
  const flat = new CSSStyleSheet();
  flat.replaceSync(".top, .act, .pic, .wz-rail { position: static !important }");
  document.adoptedStyleSheets = [flat];
"""
TOO_WIDE = """() => document.scrollingElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > innerWidth)
    .map((one) => one.cloneNode().outerHTML)
"""
UNFOLDED = "() => [...document.querySelectorAll('details')].map((one) => one.open)"
UNFOLD = """(open) => document.querySelectorAll("details").forEach((one, place) => {
  one.open = open[place] ?? one.open;
})"""
ENLARGE = "(text) => { document.documentElement.dataset.text = text; }"
AS_IT_WAS = "() => { delete document.documentElement.dataset.text; }"
AXE = Axe()


@dataclass
class Tour:
    """Goes through pages and gathers what is wrong with them."""

    city: City
    new_context: OpenBrowser

    def __post_init__(self) -> None:
        self.wrong: list[str] = []
        self.seen: set[str] = set()
        self.readings = 0
        self._enlarged: set[str] = set()
        self._people: dict[BrowserContext, User] = {}
        self._methods: dict[Page, str] = {}
        self._turns: Counter[str] = Counter()

    def browser(self, **wishes: Any) -> BrowserContext:
        context = self.new_context(reduced_motion="reduce", **wishes)
        context.on("request", self._request)
        return context

    def as_person(self, person: User, **wishes: Any) -> Page:
        context = self.browser(**wishes)
        sign_in(context, person)
        self._people[context] = person
        return context.new_page()

    def with_box(self, journey: Journey, **wishes: Any) -> Page:
        context = self.browser(**wishes)
        hold_box(context, journey)
        return context.new_page()

    def go(self, page: Page, *paths: str, status: int = 200) -> None:
        for path in paths:
            answer = page.goto(path)
            assert answer
            assert (path, answer.status) == (path, status)
            self.look(page)

    def look(self, page: Page) -> None:
        """Judge the page as it stands; once more in the largest letters unless only staff come here."""
        with suppress(Resolver404):
            self.seen.add(resolve(urlsplit(page.url).path).view_name)
        self._judge(page, page.url, self._looks_at(page))
        person = self._people.get(page.context)
        path = urlsplit(page.url).path
        # One state of each page is enough for the widths of its words.
        if path not in self._enlarged and (person is None or not person.grants.exists()):
            self._enlarged.add(path)
            self._look_enlarged(page, person)

    def _look_enlarged(self, page: Page, person: User | None) -> None:
        where = f"{page.url} very large"
        if self._methods[page] != "GET":
            # The answer to a form cannot be asked for again, so it goes without readings.
            page.evaluate(ENLARGE, LARGEST.text)
            self._judge(page, where, LOOKS if ALL_LOOKS else ENLARGED)
            page.evaluate(AS_IT_WAS)
            return
        with self._reading_enlarged(page, person):
            again = page.context.new_page()
            again.goto(page.url)
        self.readings += again.locator("ruby").count()
        again.evaluate(UNFOLD, page.evaluate(UNFOLDED))
        self._judge(again, where, LOOKS if ALL_LOOKS else ENLARGED)
        again.close()

    @contextmanager
    def _reading_enlarged(self, page: Page, person: User | None) -> Iterator[None]:
        """Let the server write the pages of a browser as somebody who wants it largest reads them."""
        if person is None:
            cookie = {"name": READING_COOKIE, "value": LARGEST.cookie, "url": page.url}
            page.context.add_cookies([cookie])
            yield
            page.context.clear_cookies(name=READING_COOKIE)
            return
        mine = User.objects.filter(pk=person.pk)
        mine.update(text_size=LARGEST.text, ruby=LARGEST.ruby)
        yield
        mine.update(text_size="", ruby="")

    def _looks_at(self, page: Page) -> tuple[Look, ...]:
        """Return every look, or the next one of this page: alone, it asks for everything."""
        if ALL_LOOKS:
            return LOOKS
        path = NUMBERS.sub("", urlsplit(page.url).path)
        place, theme, _rules = LOOKS[(crc32(path.encode()) + self._turns[path]) % len(LOOKS)]
        self._turns[path] += 1
        return ((place, theme, ALL_RULES),)

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            self._methods[request.frame.page] = request.method

    def _judge(self, page: Page, where: str, looks: tuple[Look, ...]) -> None:
        """Look with every hint opened and nothing stuck over anything."""
        page.evaluate(OPENED)
        page.evaluate(AXE.axe_script)
        for place, theme, rules in looks:
            page.set_viewport_size(SIZES[place])
            page.emulate_media(color_scheme=theme)
            self._axe(page, rules, f"{where} {SIZES[place]['width']} {theme}")
        for size in (SIZES[1], NARROWEST):
            page.set_viewport_size(size)
            self.wrong += [
                f"{where} too wide at {size['width']}: {one}" for one in page.evaluate(TOO_WIDE)
            ]

    def _axe(self, page: Page, rules: dict[str, Any], where: str) -> None:
        for violation in page.evaluate("r => axe.run(r).then(f => f.violations)", rules):
            nodes = "; ".join(str(node["html"])[:160] for node in violation["nodes"][:3])
            self.wrong.append(f"{where}: {violation['id']}: {nodes}")
