"""Every page: nothing for axe to find, wide or narrow, light or dark; a keyboard is enough."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.city import City, hold_box
from tests.browser.rooms import ROOMS, advance
from tests.browser.tour import SIZES, Tour
from tests.house.test_access import TABLE, VISITORS, all_visitors

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.browser.city import OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)


# The demo asks the system for the way to the network; nothing is sent.
ANY_WAY = pytest.mark.allow_hosts(["127.0.0.1", "::1", "192.0.2.1"])
EMPLOYEES = [VISITORS.index(who) for who in ("anonymous", "box session", "own journey")]


def is_for_employees(room: str) -> bool:
    """Tell whether employees get to see a page of a room."""
    cells = [all_visitors(TABLE[name][0]) for name in ROOMS[room].pages if name in TABLE]
    return any(cell[who] in "ov" for cell in cells for who in EMPLOYEES)


def rooms() -> list[Any]:
    """Return all rooms of employees and every second one of those who help; the rest is `long`."""
    for_staff = [room for room in ROOMS if not is_for_employees(room)]
    return [
        pytest.param(
            room,
            marks=[
                *([ANY_WAY] if room == "the_demo" else []),
                *([pytest.mark.long] if room in for_staff[1::2] else []),
            ],
        )
        for room in ROOMS
    ]


@pytest.mark.parametrize("room", rooms())
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    room: str, new_context: OpenBrowser, city: City, settings: Any
) -> None:
    settings.ROOT_URLCONF = "tests.browser.errors"
    settings.DEBUG = room == "the_demo"  # where the demo exists
    tour = Tour(city, new_context)
    ROOMS[room].visit(tour)
    assert ROOMS[room].pages <= tour.seen
    assert not tour.wrong, "\n".join(tour.wrong)


# Another name of a page that is seen; parts of pages, and answers for machines.
NO_PAGES = {
    *("imports:marked", "imports:part", "monitor:metrics"),
    *("plan:box_calendar", "plan:own_calendar", "plan:wave_calendar"),
    *("account_request_login_code", "account_reauthenticate", "account_sso_back"),
    *("journeys:step_later", "labels:sheet"),
    *("demo:progress", "jobs:healthz", "jobs:readyz"),
    *("journeys:keep", "journeys:pass", "journeys:worker"),
    *("escalation:own_photo", "escalation:photo"),
    *("labels:file", "labels:progress", "labels:ruler"),
    *("dashboard:api", "dashboard:openapi", "plan:feed"),
    *("dashboard:after_sheet", "dashboard:insights_sheet", "dashboard:summary_sheet"),
}
# The access table cannot tell: without DEBUG none of the demo's addresses exist.
BUTTONS_OF_THE_DEMO = {"demo:be", "demo:clock", "demo:device", "demo:morning", "demo:stop"}


def test_every_page_is_on_the_tour() -> None:
    pages = {name for name, (get, _post) in TABLE.items() if set(get) - set("Lm")}
    toured = frozenset().union(*(room.pages for room in ROOMS.values()))
    assert sorted(pages - toured) == sorted(NO_PAGES | BUTTONS_OF_THE_DEMO)


# --- by keyboard alone --------------------------------------------------------------------------------

FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), look = getComputedStyle(one);
  const shows = (x, y) => {
    const top = document.elementFromPoint(x, y);
    return top !== null && (one.contains(top) || top.contains(one));
  };
  const middle = box.x + box.width / 2;
  return {
    name: one.innerText.trim(),
    ring: look.outlineStyle !== "none" && parseFloat(look.outlineWidth) >= 2,
    free: shows(middle, box.y + 2) && shows(middle, box.bottom - 2),
  };
}"""
LONGEST_WAY = 60
# Of several heights, one lets something come to rest where the bar of buttons stands.
HEIGHTS = (560, 600, 640, 680, 720, 768)


@pytest.mark.parametrize("width", [size["width"] for size in SIZES])
def test_a_step_is_done_by_keyboard_and_the_focus_is_always_seen(
    width: int, new_context: OpenBrowser, city: City
) -> None:
    advance(city.own, "connect-wifi")
    context = new_context(reduced_motion="reduce")
    hold_box(context, city.own)
    page = context.new_page()
    hidden = []
    for height in HEIGHTS:
        page.set_viewport_size({"width": width, "height": height})
        page.goto(f"/j/{city.own.pk}/s/connect-wifi/")
        hidden += hidden_on_the_way(page, to="できました")
    page.keyboard.press("Enter")

    expect(page).to_have_url(re.compile("/s/wait-update/"))
    assert hidden == []
    # The reader starts at the new heading.
    expect(page.locator("h1")).to_be_focused()


def hidden_on_the_way(page: Page, *, to: str) -> list[object]:
    """Press Tab until a button has the focus; return what had it and could not be seen."""
    hidden = []
    for _tab in range(LONGEST_WAY):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        hidden += [focus] if not (focus["ring"] and focus["free"]) else []
        if focus["name"] == to:
            break
    return hidden
