"""Two tabs of one guide: the older one is told what the other has done already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.city import DESK, ENGLISH

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

NO_SCRIPT: dict[str, Any] = {"java_script_enabled": False}


def says(page: Page, words: str) -> None:
    line = page.get_by_role("status").filter(has_text=re.compile(words))
    expect(line).to_have_count(1)
    expect(line).to_be_visible()


@pytest.mark.parametrize(
    ("wishes", "done", "taken_back", "buttons"),
    [
        (
            NO_SCRIPT,
            r"」は、\d\d:\d\d に完了しています。",
            "へもどしてあります。",
            ("受け取りました", "もどす"),
        ),
        (
            DESK | ENGLISH,
            r"You had already done .+ at \d\d:\d\d\.",
            "was taken back at",
            ("I received it", "Back"),
        ),
    ],
    ids=["phone without JavaScript", "desk in English"],
)
def test_an_older_tab_is_told_what_the_other_one_did(
    new_context: OpenBrowser,
    city: City,
    wishes: dict[str, Any],
    done: str,
    taken_back: str,
    buttons: tuple[str, str],
) -> None:
    browser = new_context(**wishes)
    older, newer = browser.new_page(), browser.new_page()
    newer.goto(f"/d/{city.device.code}")
    newer.locator("[name=staff_number]").fill(city.person.staff_number or "")
    newer.locator("main form button[type=submit]").first.click()
    expect(newer).to_have_url(re.compile("/s/check-box/"))
    older.goto(newer.url)

    for page in (newer, older):
        page.get_by_role("button", name=buttons[0], exact=True).click()
        expect(page).to_have_url(re.compile("/s/power-on/"))
    says(older, done)

    newer.goto(newer.url.partition("?")[0])
    for page in (newer, older):
        page.locator(".act").get_by_role("button", name=buttons[1], exact=True).click()
        expect(page).to_have_url(re.compile("/s/check-box/"))
    says(older, taken_back)
    assert older.evaluate("document.documentElement.scrollWidth <= innerWidth")
