"""Finding what a sentence on the Chromebook's screen means."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from kitting.guides.models import Edition
from kitting.guides.queries.errors import errors, find_errors
from kitting.journeys.models import Event
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import EventKind
from tests.journeys.conftest import wide


def box_client(journey, language="ja"):
    client = Client(headers={"accept-language": language})
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


def text(response):
    return response.content.decode()


def looked_up(journey):
    found = Event.objects.filter(journey=journey, kind=EventKind.ERROR_OPENED)
    return [(e.step_key, e.data["reason"], e.via) for e in found.order_by("number")]


# --- searching -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("このデバイスを使用する権限がありません", "signin-not-authorized"),
        ("デバイスを使用する けんげん", "signin-not-authorized"),
        ("けんげんがありません", "signin-not-authorized"),
        ("メールまたはﾊﾟｽﾜｰﾄﾞを確認できません", "signin-wrong"),
        (wide("NOT AUTHORIZED"), "signin-not-authorized"),
        ("Your device is locked.", "device-disabled"),
        (
            "asahi-staff に接続できませんでした。別のネットワークを選んで",
            "network-cannot-connect",
        ),
        ("リクエストが多すぎます", "enroll-registration-failed"),
        ("ライセンスを使い切りました", "enroll-missing-licenses"),
        ("immediate update required", "update-required"),
        ("管理者によって管理", "managed-setting"),
    ],
)
def test_what_is_remembered_of_a_sentence_finds_it(guide, typed, key):
    assert find_errors(guide.pk, typed, "ja")[0].key == key


def test_every_sentence_finds_itself_in_both_languages(guide):
    for language in ("ja", "en"):
        known = errors(guide.pk, language)
        assert len(known) == 32
        for one in known:
            assert find_errors(guide.pk, one.sentence, "ja")[0].key == one.key
            assert (
                find_errors(guide.pk, f"error: {one.sentence.upper()}!", "en")[0].key == one.key
            )


def test_what_nobody_knows_finds_nothing(guide):
    assert find_errors(guide.pk, "ねこがいます", "ja") == []


# --- before the number ---------------------------------------------------------------------------


def test_anybody_can_search_and_read_without_a_number(guide):
    client = Client(headers={"accept-language": "ja"})
    page = text(client.get("/errors/", {"q": "利用規約"}))
    assert reverse("journeys:error", args=["enroll-tos"]) in page
    page = text(client.get("/errors/enroll-tos/"))
    assert "管理者がまだ規約に同意していません" in page
    assert "IT 担当がなおします" in page
    assert "管理コンソール" not in page  # what IT does is for IT


def test_an_empty_search_is_asked_again_and_an_unknown_error_does_not_exist(guide):
    client = Client()
    assert client.get("/errors/", {"q": " "}).status_code == 422
    assert client.get("/errors/none/").status_code == 404


def test_without_a_guide_there_is_nothing_to_find(db):
    client = Client(headers={"accept-language": "ja"})
    assert client.get("/errors/").status_code == 200
    assert client.get("/errors/", {"q": "license"}).status_code == 200


def test_a_guide_without_errors_still_answers(guide):
    Edition.objects.update(errors=[])
    page = text(Client(headers={"accept-language": "ja"}).get("/errors/", {"q": "tos"}))
    assert "この文は見つかりません" in page


# --- on the own way ------------------------------------------------------------------------------


def test_every_step_and_the_help_form_lead_to_the_search(journey):
    client = box_client(journey)
    step = text(client.get(reverse("journeys:step", args=[journey.pk, "power-on"])))
    help_form = text(client.get(f"/j/{journey.pk}/help/?step=power-on"))
    # On the page of a step it is said as seen from there, the same for everybody.
    assert 'href="../../errors/?step=power-on"' in step
    assert f'href="/j/{journey.pk}/errors/?step=power-on"' in help_form
    assert "エラーの文でさがす" in step


def test_choosing_an_error_is_noted_and_needs_no_script(journey):
    client = box_client(journey)
    url = f"/j/{journey.pk}/errors/?step=connect-wifi"
    page = text(client.get(url))
    assert page.index("Wi-Fi") < page.index("ライセンス")  # the own step comes first
    response = client.post(url, {"error": "captive-portal"})
    shown = f"/j/{journey.pk}/errors/captive-portal/?step=connect-wifi"
    assert (response.status_code, response["Location"]) == (302, shown)
    assert looked_up(journey) == [("connect-wifi", "captive-portal", "box")]
    page = text(client.get(shown))
    assert "先に同意やログインが必要な" in page
    assert f"/j/{journey.pk}/s/connect-wifi/" in page


def test_a_double_press_is_noted_once_and_reading_notes_nothing(journey):
    client = box_client(journey)
    url = f"/j/{journey.pk}/errors/"
    key = re.findall(r'name="client_key" value="(\w+)"', text(client.get(url)))[0]
    for _press in range(2):
        client.post(url, {"error": "signin-wrong", "client_key": key})
    client.get(f"{url}signin-wrong/")
    assert len(looked_up(journey)) == 1


def test_an_unknown_error_cannot_be_noted_and_nobody_else_comes_in(journey):
    client = box_client(journey)
    assert client.post(f"/j/{journey.pk}/errors/", {"error": "none"}).status_code == 404
    assert Client().get(f"/j/{journey.pk}/errors/").status_code == 404
    assert looked_up(journey) == []


def test_before_the_beginning_an_error_can_be_read(waiting):
    client = box_client(waiting)
    response = client.post(f"/j/{waiting.pk}/errors/", {"error": "signin-wrong"})
    assert client.get(response["Location"]).status_code == 200
    assert looked_up(waiting) == []


def test_the_sentence_goes_along_with_the_question(journey):
    client = box_client(journey)
    page = text(client.get(f"/j/{journey.pk}/help/?step=enroll&error=enroll-tos"))
    assert "利用規約に同意していただく必要があります</textarea>" in page


def test_the_search_speaks_english_too(journey):
    page = text(box_client(journey, "en").get(f"/j/{journey.pk}/errors/enroll-tos/"))
    assert "An administrator has not accepted the terms yet." in page
    assert "On a Japanese screen" in page
