"""A PC for several people, in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.city import DESK, City, hold_box
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_warns_waits_for_who_is_there_and_closes_for_who_left(
    new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "power-on")
    context = new_context(**DESK)
    hold_box(context, city.own)
    page = context.new_page()
    page.clock.install()
    page.goto(f"/j/{city.own.pk}/")
    page.get_by_role("button", name="みんなで使うパソコンです").click()
    bar = page.locator("[data-idle]")
    expect(bar).to_contain_text("3 分さわらないと閉じます")
    page.wait_for_load_state()  # what counts down is a script, and comes after the words
    page.clock.run_for(165_000)
    expect(bar.get_by_role("alert")).to_contain_text("秒で閉じます")
    bar.get_by_role("button", name="つづける").click()
    expect(bar.get_by_role("button", name="つづける")).to_be_hidden()
    page.clock.run_for(170_000)
    expect(bar.get_by_role("button", name="つづける")).to_be_visible()
    page.get_by_role("button", name="つぎの人").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("つぎの人")
    page.goto(f"/j/{city.own.pk}/")
    expect(page.locator("body")).not_to_contain_text("充電して、ふたを開ける")
