"""From the phone to the Chromebook and back, without typing anything twice."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from kitting.models import Journey
from tests.browser.city import CHROMEBOOK, hold_box, sign_in
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words, exact=True).click()


def type_code(page: Page, code: str) -> None:
    page.get_by_label("番号").fill(code)
    press(page, "この番号をつかう")


@pytest.mark.parametrize("by_box", [True, False])
def test_the_guide_moves_to_the_chromebook_that_shows_a_code(
    by_box: bool, new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "open-guide")
    phone, laptop = new_context().new_page(), new_context(**CHROMEBOOK).new_page()
    if by_box:
        hold_box(phone.context, city.own)
    else:
        sign_in(phone.context, city.person)

    laptop.goto("/")
    laptop.get_by_role("link", name="番号をつかってここでつづける").click()
    press(laptop, "番号を出す")
    code = laptop.locator(".handoff-code").inner_text()

    phone.goto(f"/j/{city.own.pk}/")
    phone.get_by_role("link", name="ほかの端末でつづける").click()
    phone.get_by_role("link", name="番号を打つ").click()
    type_code(phone, code.replace("-", ""))
    expect(phone.locator("main")).to_contain_text("Chromebook の Chrome")
    press(phone, "はい、ひらく" if by_box else "はい、ログインする")
    expect(phone.locator("main")).to_contain_text("ひらき")

    # The Chromebook goes on by itself, at the step after arriving.
    expect(laptop).to_have_url(re.compile("/s/touch-practice/"), timeout=30_000)
    expect(phone.locator("main")).to_contain_text("どちらの端末でも進められます")
    assert laptop.get_by_text(re.compile("ログイン中(?!の端末)")).count() == (
        0 if by_box else 2
    )
    assert Journey.objects.get(pk=city.own.pk).arrived_at is not None


def test_the_phone_takes_over_from_the_chromebook_without_scripts(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "touch-practice")
    laptop = new_context(**CHROMEBOOK, java_script_enabled=False).new_page()
    phone = new_context(java_script_enabled=False).new_page()
    sign_in(laptop.context, city.person)
    laptop.goto("/code/show/")
    press(laptop, "番号を出す")
    phone.goto("/code/")
    type_code(phone, laptop.locator(".handoff-code").inner_text())
    expect(phone.locator("main")).to_contain_text("もう 1 台の端末を見ます")
    laptop.get_by_role("link", name="もう一度見る").click()
    press(laptop, "はい、ログインする")
    phone.get_by_role("link", name="もう一度見る").click()
    press(phone, "ここでガイドをひらく")
    expect(phone).to_have_url(re.compile(f"/j/{city.own.pk}/"))
