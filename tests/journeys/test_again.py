"""A press from an older tab: nothing is written, and the page says when it was done already."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone

from kitting.journeys import actions
from kitting.journeys.actions.errors import SYSTEM
from kitting.journeys.models import Journey
from kitting.journeys.states import EventKind, Method, Result, Via
from kitting.site.models import SiteProfile
from tests.factories import NOW
from tests.journeys.conftest import BY_BOX
from tests.journeys.test_fast import right
from tests.journeys.test_views import CHROMEBOOK, kinds, phone, text, type_number, url

if TYPE_CHECKING:
    from datetime import datetime

    from django.test import Client
    from pytest_django.fixtures import SettingsWrapper as Settings

    from kitting.journeys.actions.errors import Who

__all__ = ["phone"]

TOLD = "に完了しています。"
TAKEN_BACK = "に「まだ」へもどしてあります。"


@pytest.fixture
def at_eleven(waiting: Journey, settings: Settings) -> Journey:
    """The journey of the box, on pages whose clock says eleven o'clock on the day of `NOW`."""
    moment = NOW + timedelta(hours=1)
    offset = moment - timezone.now()  # noqa: TID251  # what the pages' own clock is behind
    settings.DEBUG = True
    SiteProfile.objects.update(demo_seeded_at=NOW, clock_offset=offset)
    return waiting


def finish(journey: Journey, key: str, at: datetime, *, who: Who = BY_BOX) -> None:
    actions.finish_step(journey_id=journey.pk, step_key=key, who=who, now=at)


def note_on(page: str) -> str:
    """Return what a page says about what was done before, without marks."""
    found = re.search(r'<p class="note note-info" role="status">.*?</p>', page, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[0]).strip() if found else ""


def press(client: Client, journey: Journey, verb: str, key: str, tab: str) -> str:
    return client.post(url(verb, journey, key), {"client_key": tab}).url


def test_an_older_tab_is_told_when_the_step_was_done(at_eleven: Journey, phone: Client) -> None:
    finish(at_eleven, "check-box", NOW + timedelta(minutes=32))
    before = kinds(at_eleven)
    address = press(phone, at_eleven, "done", "check-box", "older tab")
    assert address == url("step", at_eleven, "power-on") + "?again=check-box"
    page = text(phone.get(address))
    assert note_on(page) == f"「箱の中を確かめる」は、10:32 {TOLD}"
    english = text(phone.get(address, headers={"accept-language": "en"}))
    assert note_on(english) == 'You had already done "Check what is in the box" at 10:32.'
    assert TOLD not in text(phone.get(url("step", at_eleven, "power-on")))
    assert kinds(at_eleven) == before


def test_another_day_is_told_with_its_date(at_eleven: Journey, phone: Client) -> None:
    finish(at_eleven, "check-box", NOW - timedelta(days=1))
    page = text(phone.get(press(phone, at_eleven, "done", "check-box", "older tab")))
    assert note_on(page) == f"「箱の中を確かめる」は、11月9日（月）10:00 {TOLD}"


def test_leaving_out_what_is_done_already_says_when(at_eleven: Journey, phone: Client) -> None:
    finish(at_eleven, "camera-mic", NOW)
    address = press(phone, at_eleven, "skip", "camera-mic", "older tab")
    assert TOLD in text(phone.get(address))


def test_the_same_press_again_is_not_told_anything(at_eleven: Journey, phone: Client) -> None:
    first = press(phone, at_eleven, "done", "check-box", "one tab")
    assert {press(phone, at_eleven, "done", "check-box", "one tab") for _again in range(8)} == {
        first
    }
    assert "again" not in first
    back = press(phone, at_eleven, "undo", "check-box", "one tab, back")
    assert press(phone, at_eleven, "undo", "check-box", "one tab, back") == back
    assert "again" not in back


def test_arriving_twice_by_one_press_is_not_told_anything(
    at_eleven: Journey, client: Client
) -> None:
    client.defaults["HTTP_USER_AGENT"] = CHROMEBOOK
    type_number(client, "010203")
    Journey.objects.update(arrived_at=None)
    first = press(client, at_eleven, "done", "open-guide", "one tab")
    assert press(client, at_eleven, "done", "open-guide", "one tab") == first
    other = press(client, at_eleven, "done", "open-guide", "older tab")
    assert other.endswith("?again=open-guide")
    assert kinds(at_eleven).count(EventKind.ARRIVED) == 1


def test_taken_back_in_another_tab_says_when(at_eleven: Journey, phone: Client) -> None:
    finish(at_eleven, "check-box", NOW)
    actions.undo_step(
        journey_id=at_eleven.pk,
        step_key="check-box",
        who=BY_BOX,
        now=NOW + timedelta(minutes=40),
    )
    address = press(phone, at_eleven, "undo", "check-box", "older tab")
    assert address == url("step", at_eleven, "check-box") + "?again=check-box"
    page = text(phone.get(address))
    assert f"10:40 {TAKEN_BACK}" in page
    assert TOLD not in page


def test_what_was_never_done_was_not_taken_back(at_eleven: Journey, phone: Client) -> None:
    page = text(phone.get(press(phone, at_eleven, "undo", "power-on", "a tab")))
    assert TAKEN_BACK not in page


def test_an_older_tab_is_told_that_a_whole_phase_was_done(
    at_eleven: Journey, phone: Client
) -> None:
    address = reverse("journeys:phase", args=[at_eleven.pk, "before_sign_in"])
    first = phone.post(address, {"client_key": "one tab"}).url
    assert phone.post(address, {"client_key": "one tab"}).url == first
    assert "again" not in first
    known = kinds(at_eleven)
    other = phone.post(address, {"client_key": "older tab"}).url
    last = at_eleven.records.order_by("-done_at", "pk").first()
    assert last is not None
    assert other.partition("?") == (first, "?", f"again={last.step_key}")
    assert TOLD in text(phone.get(other))
    assert kinds(at_eleven) == known


def test_a_short_test_passed_twice_names_no_step_that_was_left_out(
    at_eleven: Journey, phone: Client
) -> None:
    address = reverse("journeys:test", args=[at_eleven.pk])
    answers = right(phone, at_eleven)
    places = [phone.post(address, answers | {"client_key": tab}).url for tab in ("one", "two")]
    assert places[0] == places[1]
    assert "again" not in places[1]
    finish(at_eleven, "touch-practice", NOW)
    other = phone.post(address, answers | {"client_key": "three"}).url
    assert other.endswith("?again=touch-practice")
    assert TOLD in text(phone.get(other))


@pytest.mark.parametrize("who", [SYSTEM, actions.Who(via=Via.STAFF)])
def test_what_others_did_is_not_said_to_be_done_by_the_person(
    at_eleven: Journey, phone: Client, who: Who
) -> None:
    finish(at_eleven, "check-box", NOW, who=who)
    address = press(phone, at_eleven, "done", "check-box", "older tab")
    page = text(phone.get(address, headers={"accept-language": "en"}))
    assert "was done at 10:00 already." in page
    assert "You had already" not in page


def test_an_invented_address_says_nothing_untrue(at_eleven: Journey, phone: Client) -> None:
    actions.finish_step(
        journey_id=at_eleven.pk,
        step_key="camera-mic",
        who=BY_BOX,
        now=NOW,
        result=Result.SKIPPED,
        method=Method.BUTTON,
        reason="by_choice",
    )
    for key in ("make-coffee", "power-on", "camera-mic", "%3Cscript%3E"):
        page = text(phone.get(url("step", at_eleven, "check-box") + f"?again={key}"))
        assert TOLD not in page
        assert TAKEN_BACK not in page


def test_who_has_done_everything_is_told_on_the_page_of_all_steps(
    at_eleven: Journey, phone: Client
) -> None:
    for key, *_rest in Journey.objects.get(pk=at_eleven.pk).step_keys:
        finish(at_eleven, key, NOW)
    address = press(phone, at_eleven, "done", "check-box", "older tab")
    assert address == url("overview", at_eleven) + "?again=check-box"
    assert f"10:00 {TOLD}" in text(phone.get(address))
