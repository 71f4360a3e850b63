"""What is printed at the end fits its sheet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.city import City, hold_box, sign_in
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("sheet", ["certificate", "card"])
@pytest.mark.parametrize("by_box", [True, False])
def test_certificate_and_card_take_one_sheet(
    sheet: str, by_box: bool, new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "")
    context = new_context()
    if by_box:
        hold_box(context, city.own)
    else:
        sign_in(context, city.person)
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/{sheet}/")

    pdf = page.pdf(prefer_css_page_size=True, print_background=True)

    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1


def test_the_button_prints(new_context: OpenBrowser, city: City) -> None:
    advance(city.own, "")
    context = new_context()
    sign_in(context, city.person)
    page = context.new_page()
    page.add_init_script("window.print = () => { document.title = 'printed'; }")
    page.goto(f"/j/{city.own.pk}/certificate/")
    page.get_by_role("button", name="印刷する").click()
    assert page.title() == "printed"
