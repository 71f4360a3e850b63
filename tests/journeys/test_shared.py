"""A PC for several people: who leaves it is signed out, and the next one begins at the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from kitting.journeys.queries import BOX_KEY, SEEN_KEY, SHARED_COOKIE
from tests.factories import LoanFactory

if TYPE_CHECKING:
    from django.test import Client

    from kitting.guides.models import Edition
    from kitting.journeys.models import Journey


@pytest.fixture
def shared(client: Client, journey: Journey) -> Client:
    """A browser for everybody, with a box session."""
    client.post("/shared/switch")
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


def wait(client: Client, minutes: float) -> None:
    """Let the last touch be so long ago."""
    session = client.session
    session[SEEN_KEY] = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()
    session.save()


def test_only_a_browser_that_was_called_shared_signs_out(
    client: Client, journey: Journey
) -> None:
    client.force_login(journey.person)
    wait(client, 60)
    assert client.get(f"/j/{journey.pk}/").status_code == 200


def test_after_three_idle_minutes_a_box_session_is_over(
    shared: Client, journey: Journey
) -> None:
    shared.get(f"/j/{journey.pk}/")
    wait(shared, 2.9)
    assert shared.get(f"/j/{journey.pk}/").status_code == 200
    wait(shared, 3.1)
    page = shared.get(f"/j/{journey.pk}/", follow=True)
    assert page.redirect_chain == [("/shared/", 302)]
    assert "前の人の案内は閉じました" in page.content.decode()
    assert BOX_KEY not in shared.session
    assert shared.get(f"/j/{journey.pk}/").status_code == 404


def test_after_three_idle_minutes_a_full_sign_in_is_over(
    client: Client, journey: Journey
) -> None:
    client.post("/shared/switch")
    client.force_login(journey.person)
    client.get("/")
    wait(client, 3.1)
    assert client.post(f"/j/{journey.pk}/paper")["Location"] == "/shared/"
    assert "_auth_user_id" not in client.session
    assert not type(journey).objects.get(pk=journey.pk).on_paper


def test_every_touch_begins_the_minutes_anew_but_no_poll_does(
    shared: Client, journey: Journey
) -> None:
    shared.get(f"/j/{journey.pk}/")
    wait(shared, 2)
    seen = shared.session[SEEN_KEY]
    shared.get(f"/j/{journey.pk}/?part=1")
    assert shared.session[SEEN_KEY] == seen
    assert shared.post("/shared/stay").status_code == 204
    assert shared.session[SEEN_KEY] > seen


def test_a_poll_after_the_end_learns_that_it_is_over(shared: Client, journey: Journey) -> None:
    shared.get(f"/j/{journey.pk}/")
    wait(shared, 4)
    assert shared.get(f"/j/{journey.pk}/?part=1").status_code == 403


def test_the_next_person_finds_nothing_of_the_one_before(
    shared: Client, journey: Journey
) -> None:
    shared.cookies["kitto_reading"] = "dark"
    answer = shared.post("/shared/next")
    assert answer["Location"] == "/shared/"
    assert answer["Clear-Site-Data"] == '"cache", "storage"'
    assert BOX_KEY not in shared.session
    assert shared.cookies[SHARED_COOKIE].value == "1"
    assert shared.get(f"/j/{journey.pk}/").status_code == 404


def test_the_bar_stands_on_every_page_inside_and_nowhere_else(
    shared: Client, journey: Journey
) -> None:
    inside = shared.get(f"/j/{journey.pk}/").content.decode()
    assert "kitto-offline" not in inside  # nothing of this person is kept in the browser
    assert 'data-idle="180"' in inside
    assert '<noscript><meta http-equiv="refresh" content="185; url=/shared/">' in inside
    shared.post("/shared/next")
    assert "data-idle" not in shared.get("/").content.decode()


def test_it_can_be_taken_back_and_leads_nowhere_else(client: Client, journey: Journey) -> None:
    assert client.post("/shared/switch", {"next": "https://evil.example/"})["Location"] == "/"
    assert client.cookies[SHARED_COOKIE].value == "1"
    client.post("/shared/switch", {"over": "1"})
    assert client.cookies[SHARED_COOKIE].value == ""
    assert "みんなで使うパソコンです" in client.get("/").content.decode()
    assert journey.pk


def test_whoever_uses_a_shared_device_second_gets_the_short_guide(
    client: Client, guide: Edition
) -> None:
    assert guide.pk
    device = LoanFactory.create(kind="shared", person=None).device
    page = client.get(f"/d/{device.code}").content.decode()
    assert f"/d/{device.code}/booklet#sign-in" in page
    assert "booklet#enroll" not in page
