"""Record the short clips of our own practice pages: make clips.

No test by name, so that `make test` does not record; it stands here for its browsers and its city. A clip plays once
and stands still; the page's own sentences are its captions, and the finger is drawn in.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.browser.city import CHROMEBOOK, City, hold_box
from tests.browser.test_checks import arrive_before, by_finger, middle, to_the_middle, touch

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

CLIPS = Path(__file__).resolve().parents[2] / "static" / "img" / "clips"
WIDTH = 480
LARGEST = 60_000  # bytes
SECOND = 1000
FINGER = 22


class Film:
    """Takes one picture after another of the place of practice."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pictures: list[Image.Image] = []
        self.lasts: list[int] = []

    def shot(self, *fingers: tuple[float, float], lasts: int = SECOND) -> None:
        place = self.page.locator("[data-arena]")
        box = place.bounding_box()
        assert box
        picture = Image.open(io.BytesIO(place.screenshot())).convert("RGB")
        pen = ImageDraw.Draw(picture, "RGBA")
        for x, y in fingers:
            at = (x - box["x"], y - box["y"])
            pen.ellipse(
                (at[0] - FINGER, at[1] - FINGER, at[0] + FINGER, at[1] + FINGER),
                fill=(255, 212, 61, 150),
                outline=(26, 26, 26, 255),
                width=3,
            )
        self.pictures.append(picture)
        self.lasts.append(lasts)

    def save(self, name: str) -> None:
        width = min(WIDTH, self.pictures[0].width)
        size = (width, round(self.pictures[0].height * width / self.pictures[0].width))
        first, *rest = [picture.resize(size) for picture in self.pictures]
        CLIPS.mkdir(parents=True, exist_ok=True)
        path = CLIPS / f"{name}.webp"
        first.save(
            path, save_all=True, append_images=rest, duration=self.lasts, loop=1, quality=60
        )
        assert path.stat().st_size < LARGEST


def test_touch(new_context: OpenBrowser, city: City) -> None:
    arrive_before(city, "touch-practice")
    wishes = {**CHROMEBOOK, "reduced_motion": "reduce", "has_touch": True}
    page = new_context(**wishes).new_page()
    hold_box(page.context, city.own)
    page.goto(f"/j/{city.own.pk}/s/touch-practice/")
    expect(page.locator("[data-check]")).to_be_visible()
    cdp, film = page.context.new_cdp_session(page), Film(page)
    to_the_middle(page)

    at = middle(page.locator("[data-exercise=tap] [data-target]"))
    film.shot()
    film.shot(at)
    page.locator("[data-exercise=tap] [data-target]").tap()

    expect(page.locator("[data-exercise=scroll]")).to_be_visible()
    x, y = middle(page.locator("[data-list]"))
    film.shot((x, y + 40))
    film.shot((x, y - 40))
    by_finger(page, cdp)

    target = page.locator("[data-exercise=press] [data-target]")
    expect(target).to_be_visible()
    at = middle(target)
    film.shot(at)
    touch(cdp, "Start", at)
    expect(page.locator("[data-part=press]")).to_have_class(re.compile("done"))
    touch(cdp, "End")

    pad = page.locator("[data-pad]")
    expect(pad).to_be_visible()
    x, y = middle(pad)
    film.shot((x - 30, y), (x + 30, y))
    touch(cdp, "Start", (x - 30, y), (x + 30, y))
    touch(cdp, "Move", (x - 45, y), (x + 45, y))
    film.shot((x - 60, y), (x + 60, y))
    touch(cdp, "Move", (x - 60, y), (x + 60, y))
    touch(cdp, "End")
    expect(page.locator("[data-status]")).to_contain_text("4 つともできました")
    film.shot(lasts=2 * SECOND)
    film.save("touch-practice")
