"""The widest texts a page can be handed, wherever people type or IT writes: nothing scrolls sideways at 320 px."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.escalation import actions as escalation
from kitting.models import Announcement, Notice, SiteProfile
from kitting.notices.states import Channel
from tests.browser.city import site_now
from tests.browser.rooms import advance, question
from tests.browser.tour import NARROWEST, OPENED, TOO_WIDE, Tour
from tests.factories import GrantFactory, NoticeFactory
from tests.security.columns import fill_every_column
from tests.security.corpus import RAW

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from accounts.models import User
    from tests.browser.city import City, OpenBrowser

pytestmark = pytest.mark.django_db(transaction=True)

# One of each kind that pushes: letters, kanji, pictures, marks above marks, from the right, and much of it.
WIDEST = {
    "a word without end": RAW["a word without end"],
    "ten thousand signs": RAW["ten thousand signs"],
    "an address without end": RAW["an address without end"],
    "a word of wide signs": RAW["a word of wide signs"],
    "pictures": "👨‍👩‍👧‍👦" * 100,
    "marks above marks": RAW["many marks above marks"],
    "from the right": "مرحبا" * 60,
}
USUAL = ("a word without end", "from the right")


def kinds() -> list[object]:
    """Return all kinds of texts; those that seldom push alone are `long`."""
    return [
        pytest.param(text, id=name, marks=[] if name in USUAL else [pytest.mark.long])
        for name, text in WIDEST.items()
    ]


def tell_everybody(city: City, lead_of_it: User) -> int:
    """Let everything that is shown to people stand somewhere; returns the ticket."""
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    advance(city.own, "connect-wifi")
    ticket = question(city.own, "一覧に出ません。")
    escalation.reply(ticket=ticket, by=city.it, words="10 秒ほど待ちます。", now=site_now())
    SiteProfile.objects.update(has_announcements=True)
    Announcement.objects.create(
        text="きょう 15 時から", starts_at=site_now(), made_by=lead_of_it
    )
    NoticeFactory.create(
        person=city.person, channel=Channel.WIZARD, state="sent", sent_at=site_now()
    )
    return ticket.pk


def too_wide(page: Page, *paths: str) -> list[str]:
    found = []
    for path in paths:
        answer = page.goto(path)
        assert answer
        assert (path, answer.status) == (path, 200)
        page.evaluate(OPENED)
        page.set_viewport_size(NARROWEST)
        found += [f"{path}: {one[:200]}" for one in page.evaluate(TOO_WIDE)]
    return found


@pytest.mark.parametrize("text", kinds())
def test_the_widest_texts_push_no_page_sideways(
    new_context: OpenBrowser, city: City, text: str
) -> None:
    lead_of_it = GrantFactory.create(role="it_lead").person
    ticket = tell_everybody(city, lead_of_it)
    fill_every_column(text)
    Notice.objects.update(subject=text[:200])
    city.person.refresh_from_db()
    assert city.person.name[:10] == text[:10]
    own, department = city.own, city.own.department_id
    tour = Tour(city, new_context)
    base = f"/j/{own.pk}"
    wrong = too_wide(
        tour.as_person(city.person),
        *("/", f"{base}/", f"{base}/s/connect-wifi/", f"{base}/s/check-box/", f"{base}/later"),
        *(
            f"{base}/help/?step=connect-wifi",
            f"{base}/tickets/{ticket}/",
            f"/d/{city.device.code}",
        ),
    )
    helping = (
        "/tickets/",
        f"/tickets/{ticket}/",
        "/dashboard/",
        f"/dashboard/departments/{department}/",
    )
    wrong += too_wide(tour.as_person(city.lead), *helping, "/helpdesk/round/")
    wrong += too_wide(
        tour.as_person(lead_of_it),
        *helping,
        *(f"/tickets/call/?q={city.person.staff_number}", "/tickets/ladder/", "/settings/"),
        *(
            "/outlets/",
            "/outbox/",
            "/accounts/roles/",
            "/plan/",
            "/counter/devices/",
            "/helpdesk/notes/",
        ),
    )
    assert not wrong, "\n".join(wrong)
