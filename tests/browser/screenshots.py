"""Take the pictures of README.md and docs/ anew, from a demo city of their own: make screenshots.

`python -m tests.browser.screenshots [SECONDS]`: how long the city is played first (default 60).
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pypdfium2
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.needs import HOW_TO_GET, found
from tests.runtime.serving import Site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "img"
LABELS_ADDRESS = "https://kit.example.lg.jp"
SECONDS = 60
PATIENCE = 60_000  # milliseconds: a bad morning is played while its button waits
LARGEST = 300_000  # bytes
STEPS_BEFORE = 3
IT_OFFICER = "IT 担当"


def main() -> None:
    """Play a city, serve it, and take every picture."""
    chromium = found("chromium")
    if not chromium:
        raise SystemExit(HOW_TO_GET["chromium"])
    seconds = sys.argv[1] if len(sys.argv) > 1 else str(SECONDS)
    PICTURES.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="kitto-pictures-") as name:
        folder = Path(name)
        site = Site(folder=folder, database_url=f"sqlite:///{folder / 'kitto.sqlite3'}")
        manage(site, "simulate", "--seed", "1", "--seconds", seconds)
        picture_of_labels(site)
        with site.serving() as server, browser(chromium) as opened:
            picture_of_pages(opened, server.url)
    for path in sorted(PICTURES.glob("*.png")):
        sys.stdout.write(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes\n")


def manage(site: Site, *arguments: str, **environment: str) -> None:
    """Run a command on the city."""
    subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=site.environment | environment,
        check=True,
    )


@contextmanager
def browser(chromium: str) -> Iterator[Browser]:
    """Open a browser that shows Japanese in light colours."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=chromium,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        yield opened
        opened.close()


def tab(opened: Browser, url: str, *, width: int, height: int, scale: float) -> Page:
    """Open a page of some size at the demo's own page."""
    context = opened.new_context(
        base_url=url,
        locale="ja-JP",
        timezone_id="Asia/Tokyo",
        color_scheme="light",
        reduced_motion="reduce",
        viewport={"width": width, "height": height},
        device_scale_factor=scale,
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto("/demo/")
    return page


def picture_of_pages(opened: Browser, url: str) -> None:
    """Walk as somebody who has just received a box, then help as IT."""
    phone = tab(opened, url, width=390, height=844, scale=2)
    # Whoever has begun nothing stands first.
    card = phone.locator(".demo-who", has=phone.locator("button[value=box]")).first
    number = card.locator("dd").first.inner_text().strip()
    card.locator("button[value=box]").click()
    phone.locator("input[name=staff_number]").fill(number)
    phone.locator("main form button[type=submit]").first.click()
    for _step in range(STEPS_BEFORE):
        before = phone.url
        phone.locator(".act-b button").click()
        expect(phone).not_to_have_url(before)
    phone.goto(phone.url.partition("?")[0])
    shoot(phone, "step-390")
    phone.locator(".act-b a").click()
    expect(phone.locator("textarea")).to_be_attached()
    shoot(phone, "help-390")

    desk = tab(opened, url, width=1366, height=1000, scale=1)
    desk.locator("#morning").click()
    expect(desk.locator(".msgs")).to_be_visible()
    officer = desk.locator(".demo-who", has=desk.get_by_role("heading", name=IT_OFFICER))
    officer.locator("button[value=sign_in]").click()
    desk.goto("/dashboard/")
    shoot(desk, "board-1366")
    desk.locator(".q-t").first.click()
    desk.locator("form[action$='/take'] button").click()
    expect(desk.locator("form[action$='/take']")).to_have_count(0)
    shoot(desk, "ticket-1366")


def shoot(page: Page, name: str) -> None:
    """Keep what the window shows."""
    page.evaluate("document.fonts.ready.then(() => scrollTo(0, 0))")
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path)
    with Image.open(path) as image:
        keep(image.convert("RGB"), path)


def picture_of_labels(site: Site) -> None:
    """Keep the first sheet of one department's labels."""
    file = site.folder / "labels.pdf"
    manage(
        site,
        *("labels", "--output", str(file), "--department", "第三保育所"),
        SITE_URL=LABELS_ADDRESS,
    )
    with pypdfium2.PdfDocument(file) as document:
        sheet = document[0].render(scale=1.5).to_pil()
    keep(sheet.convert("RGB"), PICTURES / "labels.png")


def keep(image: Image.Image, path: Path) -> None:
    """Write a picture in few colours: it is looked at, not measured."""
    image.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < LARGEST, f"{path.name} is too large"


if __name__ == "__main__":
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    main()
