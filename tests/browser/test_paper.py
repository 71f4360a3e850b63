"""What a browser prints."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pypdfium2
import pytest
import zxingcpp

from tests.browser.rooms import advance

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import City

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_booklet_prints_with_its_code_its_pictures_and_without_buttons(
    page: Page, city: City
) -> None:
    advance(city.own, "power-on")
    page.goto(f"/d/{city.device.code}/booklet")
    with pypdfium2.PdfDocument(BytesIO(page.pdf(prefer_css_page_size=True))) as booklet:
        first = booklet[0]
        picture = first.render(scale=2, grayscale=True).to_pil()
        text = "".join(sheet.get_textpage().get_text_range() for sheet in booklet)
        assert [round(side) for side in first.get_size()] == [595, 842]
    [code] = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)
    assert code.text.upper().endswith(f"/D/{city.device.code}")
    assert "充電して、ふたを開ける" in text
    assert "asahi-staff" in text
    assert "Ctrl を押しながら P を押します。プリンタ" not in text
