"""Light: an employee's first view is at most 50 kB compressed and 6 requests, all of them ours."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import brotli
import pytest

from tests.browser.city import City, hold_box
from tests.browser.rooms import advance

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Response

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

MOST_BYTES = 50_000
MOST_REQUESTS = 6
BEFORE_LOAD = """() => {
  const loaded = performance.getEntriesByType("navigation")[0].loadEventStart;
  return performance.getEntriesByType("resource").filter((one) => one.startTime < loaded).map((one) => one.name);
}"""


def first_view(context: BrowserContext, path: str) -> dict[str, int]:
    """Return what a browser with nothing kept asks for, and the bytes of each as they travel.

    Static files travel as whitenoise sends them in production (Brotli, made when collected), pages
    as the proxy does (gzip). What comes after the page stands there (the guide kept for offline) waits
    for an idle moment and is not part of the first view.
    """
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  # playwright cannot wrap a built-in
    page.goto(path, wait_until="load")
    before = set(page.evaluate(BEFORE_LOAD)) | {page.url}
    found = {}
    for answer in answers:
        if answer.url.endswith("/favicon.svg"):
            continue  # the browser's own, for the tab, when nothing else is to do
        if answer.url not in before and not answer.url.endswith(".svg"):
            continue
        body = answer.body()
        is_static = urlsplit(answer.url).path.startswith("/static/")
        squeezed = brotli.compress(body) if is_static else gzip.compress(body, 6)
        found[answer.url] = len(squeezed)
    return found


def check(found: dict[str, int], host: str) -> None:
    assert {urlsplit(url).netloc for url in found} == {host}
    assert len(found) <= MOST_REQUESTS, "\n".join(found)
    assert sum(found.values()) <= MOST_BYTES, found


@pytest.mark.parametrize(
    ("done_until", "path"),
    [
        ("", "/d/{code}"),
        ("connect-wifi", "/j/{journey}/s/connect-wifi/"),
        ("touch-practice", "/j/{journey}/s/touch-practice/"),
        ("keep-safe", "/j/{journey}/s/keep-safe/"),
        ("all", "/j/{journey}/done/"),
    ],
    ids=["box", "step", "practice", "quiz", "completion"],
)
def test_a_first_view_is_light(
    done_until: str, path: str, new_context: OpenBrowser, city: City
) -> None:
    if done_until == "all":
        advance(city.own, "")
    elif done_until:
        advance(city.own, done_until)
    context = new_context()
    if done_until:
        hold_box(context, city.own)
    where = path.format(code=city.device.code, journey=city.own.pk)
    found = first_view(context, where)
    check(found, urlsplit(next(iter(found))).netloc)
    print(where, len(found), sum(found.values()))  # noqa: T201  # read with pytest -s
