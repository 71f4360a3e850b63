"""Real browsers in front of a real server."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser.city import City, make_city
from tests.browser.watch import Watch
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Playwright
    from pytest_django.live_server_helper import LiveServer

    from tests.browser.city import OpenBrowser

FLAGS = [
    "--no-sandbox",  # CI runs as root, where the sandbox refuses to start
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The browser's own windows are not looked at, so none is made ready; the rest is what Playwright switches off.
    (
        "--disable-features=PreloadTopChromeWebUI,PreloadTopChromeWebUILessNavigations,AcceptCHFrame,"
        "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,DialMediaRouteProvider,"
        "GlobalMediaControls,HttpsUpgrades,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,"
        "Translate,AutoDeElevate,RenderDocument,OptimizationHints"
    ),
    # A camera and a microphone that exist nowhere; who may use them is said by each test.
    "--use-fake-device-for-media-stream",
]

# A phone in a Japanese office: tests that want a desk, English or no JavaScript say so.
USUAL = {
    "locale": "ja-JP",
    "timezone_id": "Asia/Tokyo",
    "viewport": {"width": 390, "height": 844},
    # Working without a network has tests of its own; elsewhere nothing is kept and fetched behind a page.
    "service_workers": "block",
}

PATIENCE = 15_000  # milliseconds: the machine may have other things to do
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright with its loop in this thread, where Django would then refuse to touch the database."""
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as running:
        yield running
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium, silent towards the network."""
    return {
        **browser_type_launch_args,
        "executable_path": needs("chromium"),
        "args": FLAGS,
        "timeout": 60_000,
    }


@pytest.fixture
def new_context(new_context: OpenBrowser, live_server: LiveServer) -> Iterator[OpenBrowser]:
    """Browsers that know the site's address; at the end none of them may have complained."""
    watch = Watch(live_server.url)

    def open_one(**wishes: Any) -> Any:
        context = new_context(**{"base_url": live_server.url, **USUAL, **wishes})
        context.set_default_timeout(PATIENCE)
        watch.over(context)
        return context

    yield open_one
    assert watch.complaints == []


@pytest.fixture
def city(live_server: LiveServer) -> City:
    """A small city on the shipped guide, committed, so that the server sees it."""
    return make_city()
