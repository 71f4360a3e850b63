"""Two browsers and one code, as they meet the pages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from kitting.handoff.models import Handoff
from kitting.journeys.models import Journey
from kitting.journeys.queries import BOX_KEY
from tests.factories import GrantFactory, UserFactory
from tests.handoff.conftest import (
    CHROMEBOOK,
    PHONE,
    browser,
    make_journey,
    signed_in,
    with_box,
)

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django.test import Client

CODE = re.compile(r"handoff-code\">(\d{4}-\d{4})<")


def text(response: HttpResponse) -> str:
    return response.content.decode()


def shown_by(client: Client) -> str:
    client.post("/code/show/new")
    return CODE.findall(text(client.get("/code/show/")))[0]


def owner(client: Client) -> str:
    return str(client.session.get("_auth_user_id", ""))


def test_the_phone_gives_and_the_chromebook_types(journey: Journey) -> None:
    chromebook = browser(CHROMEBOOK)
    answer = chromebook.post("/code/", {"code": shown_by(with_box(journey))})
    assert answer["Location"] == f"/j/{journey.pk}/"
    assert chromebook.get(f"/j/{journey.pk}/").status_code == 200
    assert owner(chromebook) == ""


def test_the_chromebook_shows_and_the_signed_in_phone_says_yes(journey: Journey) -> None:
    chromebook, phone = browser(CHROMEBOOK), signed_in(journey.person)
    code = shown_by(chromebook)
    assert phone.post("/code/", {"code": code})["Location"] == "/code/typed/"
    question = text(phone.get("/code/typed/"))
    assert "Chrome on Chromebook" in question
    assert "You are signed in there" in question
    assert code in question
    assert owner(chromebook) == ""

    phone.post("/code/answer", {"page": "typed", "answer": "yes"})
    assert "data-go" in text(chromebook.get("/code/show/?part=1"))
    chromebook.post("/code/fetch", {"page": "show"})
    assert owner(chromebook) == str(journey.person_id)
    assert "open on the other device" in text(phone.get("/code/typed/"))


def test_the_phone_shows_and_is_asked_before_anybody_is_signed_in(journey: Journey) -> None:
    phone, chromebook = signed_in(journey.person), browser(CHROMEBOOK)
    code = shown_by(phone)
    assert chromebook.post("/code/", {"code": code})["Location"] == "/code/typed/"
    chromebook.post("/code/fetch", {"page": "typed"})
    assert owner(chromebook) == ""
    assert "Chrome on Chromebook" in text(phone.get("/code/show/"))
    phone.post("/code/answer", {"page": "show", "answer": "yes"})
    chromebook.post("/code/fetch", {"page": "typed"})
    assert owner(chromebook) == str(journey.person_id)


def test_the_asking_browser_cannot_say_yes_itself(journey: Journey) -> None:
    phone, chromebook = signed_in(journey.person), browser(CHROMEBOOK)
    chromebook.post("/code/", {"code": shown_by(phone)})
    for page in ("show", "typed"):
        chromebook.post("/code/answer", {"page": page, "answer": "yes"})
        chromebook.post("/code/fetch", {"page": page})
    assert owner(chromebook) == ""
    assert Handoff.objects.get().state == "asked"


def test_who_signs_out_after_the_question_can_say_yes_no_more(journey: Journey) -> None:
    phone, chromebook = signed_in(journey.person), browser(CHROMEBOOK)
    phone.post("/code/", {"code": shown_by(chromebook)})
    phone.logout()
    phone.post("/code/answer", {"page": "typed", "answer": "yes"})
    chromebook.post("/code/fetch", {"page": "show"})
    assert owner(chromebook) == ""


def test_a_box_session_never_becomes_a_sign_in(journey: Journey) -> None:
    chromebook, phone = browser(CHROMEBOOK), with_box(journey)
    phone.post("/code/", {"code": shown_by(chromebook)})
    phone.post("/code/answer", {"page": "typed", "answer": "yes"})
    chromebook.post("/code/fetch", {"page": "show"})
    assert owner(chromebook) == ""
    assert chromebook.session[BOX_KEY]["journey"] == journey.pk
    assert journey.person.name not in text(chromebook.get(f"/j/{journey.pk}/"))


def test_a_signed_in_browser_keeps_its_person(journey: Journey) -> None:
    other = make_journey()
    phone = signed_in(other.person)
    answer = phone.post("/code/", {"code": shown_by(signed_in(journey.person))})
    assert answer.status_code == 422
    assert owner(phone) == str(other.person_id)


def test_who_has_a_role_is_told_to_sign_in_there(db: None) -> None:
    page = text(signed_in(GrantFactory.create().person).get("/code/show/"))
    assert "Sign in there with your e-mail address" in page
    assert "handoff/new" not in page


def test_an_unknown_code_and_a_used_one_look_the_same(journey: Journey) -> None:
    code = shown_by(with_box(journey))
    browser(CHROMEBOOK).post("/code/", {"code": code})
    used, unknown = (
        browser(PHONE).post("/code/", {"code": code}),
        browser(PHONE).post("/code/", {"code": "0000-0000"}),
    )
    assert used.status_code == unknown.status_code == 422
    assert "This code does not work" in text(used)
    assert "This code does not work" in text(unknown)


def test_a_scanned_code_waits_for_the_button(journey: Journey) -> None:
    code = shown_by(with_box(journey))
    page = browser(CHROMEBOOK).get("/code/", {"code": code})
    assert f'value="{code}"' in text(page)
    assert Handoff.objects.get().state == "open"


@pytest.mark.parametrize("code", ["", "123", "abcdefgh"])
def test_what_is_no_code_is_said_so(db: None, code: str) -> None:
    answer = browser(PHONE).post("/code/", {"code": code})
    assert answer.status_code == 422
    assert "Type the 8 digits" in text(answer)


def test_the_page_is_asked_again_only_for_what_is_new(journey: Journey) -> None:
    phone = with_box(journey)
    code = shown_by(phone)
    part = phone.get("/code/show/?part=1")
    again = phone.get("/code/show/?part=1", headers={"if-none-match": part["ETag"]})
    assert again.status_code == 304
    browser(CHROMEBOOK).post("/code/", {"code": code})
    last = phone.get("/code/show/?part=1", headers={"if-none-match": part["ETag"]})
    assert last.status_code == 286
    assert "open on the other device" in text(last)


def test_a_stopped_code_opens_nothing(journey: Journey) -> None:
    phone = with_box(journey)
    code = shown_by(phone)
    phone.post("/code/show/stop")
    assert browser(CHROMEBOOK).post("/code/", {"code": code}).status_code == 422


def test_two_devices_show_the_truth_at_the_next_look(journey: Journey) -> None:
    phone, chromebook = with_box(journey), browser(CHROMEBOOK)
    chromebook.post("/code/", {"code": shown_by(phone)})
    step = f"/j/{journey.pk}/s/check-box/"
    for client in (phone, chromebook):
        assert f'action="{step}done"' in text(client.get(step))
    # Both press the button of the page they look at; it is done once, and both see it.
    for client in (phone, chromebook, chromebook):
        key = re.findall(r'name="client_key" value="(\w+)"', text(client.get(step)))[-1]
        assert client.post(f"{step}done", {"client_key": key}).status_code == 302
    assert journey.events.filter(kind="step_done", step_key="check-box").count() == 1
    for client in (phone, chromebook):
        assert f'action="{step}done"' not in text(client.get(step))
    # One takes it back; the other's old button no longer brings it back by itself.
    phone.post(f"{step}undo", {"client_key": "x1b"})
    chromebook.post(f"{step}undo", {"client_key": "x2b"})
    assert journey.events.filter(kind="step_undone").count() == 1
    assert Journey.objects.get(pk=journey.pk).current_step == "check-box"


def test_somebody_without_a_box_signs_in_by_code_too(db: None) -> None:
    person = UserFactory.create()
    phone, chromebook = signed_in(person), browser(CHROMEBOOK)
    phone.post("/code/", {"code": shown_by(chromebook)})
    phone.post("/code/answer", {"page": "typed", "answer": "yes"})
    chromebook.post("/code/fetch", {"page": "show"})
    assert owner(chromebook) == str(person.pk)
