"""A photo is cut and hidden in the browser, before anything leaves it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.city import City, hold_box
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

# The file that would be sent: its type, its size in points, and how many colours stand in its left half.
SENT = """async () => {
  const [file] = document.querySelector("input[name=photo]").files;
  const picture = await createImageBitmap(file);
  const page = new OffscreenCanvas(picture.width, picture.height);
  const pen = page.getContext("2d");
  pen.drawImage(picture, 0, 0);
  const rows = pen.getImageData(0, 0, picture.width / 2, picture.height).data;
  let changes = 0;
  for (let at = 4; at < rows.length; at += 4) changes += Math.abs(rows[at] - rows[at - 4]) > 60;
  return [file.type, picture.width, picture.height, changes];
}"""


def stripes() -> bytes:
    """Return a picture that is all fine lines: whatever is hidden loses them."""
    picture = Image.new("L", (400, 200), 255)
    for x in range(0, 400, 8):
        picture.paste(0, (x, 0, x + 4, 200))
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def page(new_context: OpenBrowser, city: City) -> Page:
    advance(city.own, "connect-wifi")
    context = new_context()
    hold_box(context, city.own)
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/help/")
    page.locator("input[name=photo]").set_input_files(
        {"name": "screen.png", "mimeType": "image/png", "buffer": stripes()}
    )
    expect(page.locator("[data-photo-tool]")).to_be_visible()
    return page


def kept(page: Page, steps: int) -> list[object]:
    expect(page.locator("[data-photo-tool]")).to_have_attribute("data-kept", str(steps))
    found: list[object] = page.evaluate(SENT)
    return found


def drag(page: Page, *, to_x: float) -> None:
    page.locator(".photo-view").scroll_into_view_if_needed()
    box = page.locator(".photo-view").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 12, box["y"] + 12)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * to_x, box["y"] + box["height"] - 12, steps=4)
    page.mouse.up()


def test_what_is_dragged_over_cannot_be_read_in_what_is_sent(page: Page) -> None:
    before = kept(page, 0)
    assert before[:3] == ["image/jpeg", 400, 200]
    assert int(str(before[3])) > 5000

    drag(page, to_x=0.6)
    after = kept(page, 1)
    assert after[:3] == ["image/jpeg", 400, 200]
    assert int(str(after[3])) < int(str(before[3])) / 3

    page.get_by_role("button", name="1 つ前にもどす").click()
    assert int(str(kept(page, 0)[3])) > 5000


def test_two_taps_keep_only_what_lies_between(page: Page) -> None:
    page.get_by_label("ここだけ残す").check()
    view = page.locator(".photo-view")
    view.scroll_into_view_if_needed()
    box = view.bounding_box()
    assert box is not None
    view.click(position={"x": box["width"] * 0.25, "y": 2})
    view.click(position={"x": box["width"] * 0.75, "y": box["height"] - 2})
    found = kept(page, 1)
    assert abs(int(str(found[1])) - 200) < 6


def test_a_keyboard_is_enough(page: Page) -> None:
    view = page.locator(".photo-view")
    view.focus()
    for key in ("Shift+ArrowLeft",) * 5 + ("Shift+ArrowUp",) * 5 + ("Enter",):
        view.press(key)
    for key in ("Shift+ArrowRight",) * 6 + ("Shift+ArrowDown",) * 10 + ("Enter",):
        view.press(key)
    assert int(str(kept(page, 1)[3])) < 600
    expect(page.get_by_text("かくしました")).to_be_visible()


def test_the_camera_opens_by_itself_only_in_a_box_session(
    page: Page, new_context: OpenBrowser, city: City
) -> None:
    field = page.locator("input[name=photo]")
    assert field.get_attribute("capture") == "environment"
    expect(page.get_by_role("button", name="前にとった写真を選ぶ")).to_be_visible()


def test_without_a_script_the_photo_goes_as_it_is(new_context: OpenBrowser, city: City) -> None:
    advance(city.own, "connect-wifi")
    context = new_context(java_script_enabled=False)
    hold_box(context, city.own)
    page = context.new_page()
    page.goto(f"/j/{city.own.pk}/help/")
    expect(page.locator("[data-photo-tool]")).to_be_hidden()
    expect(page.locator("input[name=photo]")).to_be_visible()
