"""The pages around a set-up, as a browser meets them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from kitting.around import actions
from kitting.around.models import Acceptance, Answer, Aside, LessonRead, Macro, OldPc
from kitting.journeys.actions.steps import finish_step, pass_test
from kitting.journeys.queries import BOX_KEY
from tests.factories import GrantFactory
from tests.journeys.conftest import BY_BOX


def url(name, journey, *more):
    return reverse(f"around:{name}", args=[journey.pk, *more])


def page(response):
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def own(client, journey):
    client.force_login(journey.person)
    return client


@pytest.fixture
def boxed(client, journey):
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


@pytest.fixture
def ready(journey, now):
    for key, milestone, _required in journey.step_keys:
        if milestone == "ready":
            finish_step(journey_id=journey.pk, step_key=key, who=BY_BOX, now=now)
    journey.refresh_from_db()
    return journey


def test_the_day_before_can_be_read_by_anybody_and_done_before_beginning(client, waiting):
    assert "充電する" in page(client.get("/prepare/"))
    client.force_login(waiting.person)
    client.post(url("tick", waiting, "charge"))
    client.post(url("tick", waiting, "choose-time"), {"on": "2099-01-05", "at": "10:00"})
    text = page(client.get(url("prepare", waiting)))
    waiting.refresh_from_db()

    assert waiting.begun_at is None
    assert "2099-01-05" in text
    assert sorted(waiting.preparations.values_list("key", flat=True)) == [
        "charge",
        "choose-time",
    ]


def test_a_day_in_the_past_is_asked_again(own, journey):
    answer = own.post(url("tick", journey, "choose-time"), {"on": "2020-01-05", "at": "10:00"})
    assert answer.status_code == 422
    assert not Aside.objects.filter(planned_at__isnull=False).exists()


def test_a_box_session_writes_macros_and_reads_none(boxed, journey):
    boxed.post(
        url("macros", journey), {"name": "集計.xlsm", "purpose": "月の集計", "wish": "on"}
    )
    boxed.get(url("macros", journey))
    text = page(boxed.get(url("macros", journey)))

    assert Macro.objects.get().name == "集計.xlsm"
    assert "集計.xlsm</h2>" not in text
    assert "月の集計" not in text
    assert "1 件" in text
    boxed.force_login(journey.person)
    assert "月の集計" in page(boxed.get(url("macros", journey)))


def test_the_rules_are_accepted_only_as_they_were_shown(own, journey):
    own.post(url("accept", journey), {"digest": "another text"})
    assert not Acceptance.objects.exists()
    digest = own.get(url("returns", journey)).context["rules"].digest
    own.post(url("accept", journey), {"digest": digest})
    text = page(own.get(url("returns", journey)))

    assert Acceptance.objects.get().via == "sign_in"
    assert "ログインして同意しました" in text


def test_who_accepted_by_the_box_may_do_so_again_signed_in(boxed, journey):
    digest = boxed.get(url("returns", journey)).context["rules"].digest
    boxed.post(url("accept", journey), {"digest": digest})
    assert "箱の番号と職員番号で同意しました" in page(boxed.get(url("returns", journey)))
    boxed.force_login(journey.person)
    boxed.post(url("accept", journey), {"digest": digest})
    assert list(Acceptance.objects.order_by("pk").values_list("via", flat=True)) == [
        "box",
        "sign_in",
    ]


def test_the_old_pc_is_given_back_and_the_word_taken_back(own, journey):
    own.post(url("old_pc", journey))
    assert OldPc.objects.get().said_via == "sign_in"
    own.post(url("old_pc", journey), {"undo": "1"})
    assert not OldPc.objects.exists()


def test_a_certificate_tells_the_truth_about_practice(client, ready, now):
    pass_test(journey_id=ready.pk, step_keys=["touchpad-practice"], who=BY_BOX, now=now)
    client.force_login(ready.person)
    text = page(client.get(url("certificate", ready)))

    assert "小池 健太 様" in text
    assert "テストでとばしました" in text
    assert text.count(">まだ<") == 3


def test_a_box_session_gets_a_certificate_without_a_name(boxed, ready):
    text = page(boxed.get(url("certificate", ready)))
    assert "小池" not in text
    assert "ここに名前を書きます" in text


def test_there_is_no_certificate_before_the_device_can_be_used(own, journey):
    assert own.get(url("certificate", journey)).status_code == 302


def test_the_card_names_the_number_to_call_and_nobody(own, journey):
    text = page(own.get(url("card", journey)))
    card = text[text.index("wcard") :]
    assert "027-000-0000" in card
    assert "小池" not in card.split("</article>")[0]
    assert "K7M3" not in card


def test_the_survey_takes_what_is_given(own, ready):
    own.post(
        url("survey", ready),
        {"ease": "4", "hardest": "connect-wifi", "comment": " ", "confidence": "3"},
    )
    assert sorted(Answer.objects.values_list("question", "scale", "choice")) == [
        ("confidence", 3, ""),
        ("ease", 4, ""),
        ("hardest", None, "connect-wifi"),
    ]
    assert "1 分で終わります" not in page(own.get(f"/j/{ready.pk}/ready/"))


def test_nothing_that_was_answered_is_shown_again(boxed, ready):
    boxed.post(url("survey", ready), {"comment": "むずかしかった", "ease": "2"})
    text = page(boxed.get(url("survey", ready)))
    assert "むずかしかった" not in text
    assert "checked" not in text[text.index("<main") :]


def test_confidence_is_asked_at_the_start_and_after_a_month(own, journey, ready):
    assert own.get(url("confidence", ready)).status_code == 302
    own.post(url("month", ready), {"confidence": "5"})
    assert Answer.objects.get().occasion == "month"


def test_every_lesson_can_be_read_before_beginning(client, waiting):
    client.force_login(waiting.person)
    text = page(client.get(url("lessons", waiting)))
    assert text.count("lesson-") == 7
    macros = page(client.get(url("lesson", waiting, "lesson-macros")))
    assert "前は" in macros
    assert url("macros", waiting) in macros
    client.post(url("read", waiting, "lesson-macros"))
    assert LessonRead.objects.get().key == "lesson-macros"


def test_letters_are_stopped_only_after_signing_in(boxed, journey):
    assert boxed.post(url("letters", journey)).status_code == 404
    boxed.force_login(journey.person)
    boxed.post(url("letters", journey))
    assert Aside.objects.get().no_letters_at is not None


def test_the_guide_is_a_manual_for_ever(client, ready, now, rf):
    for key, *_rest in ready.step_keys:
        finish_step(journey_id=ready.pk, step_key=key, who=BY_BOX, now=now)
    client.force_login(ready.person)
    type(ready).objects.filter(pk=ready.pk).update(at_home_at=now - timedelta(days=400))
    text = page(client.get(url("manual", ready)))
    assert text.count('<details class="tip"') >= 27
    assert "使うときのきまり" in text


def test_it_answers_a_macro_on_its_list(client, waiting, now):
    macro = actions.list_macro(
        journey=waiting, name="集計.xlsm", purpose="", wish=True, who=BY_BOX, now=now
    )
    client.force_login(GrantFactory.create().person)
    assert "集計.xlsm" in page(client.get("/macros/"))
    client.post(f"/macros/{macro.pk}/take")
    assert client.post(f"/macros/{macro.pk}/answer", {"words": ""}).status_code == 422
    client.post(f"/macros/{macro.pk}/answer", {"words": "フィルターを使います。"})
    macro.refresh_from_db()
    assert (macro.state, macro.answer) == ("answered", "フィルターを使います。")
    client.force_login(waiting.person)
    assert "フィルターを使います" in page(client.get(url("macros", waiting)))


def test_what_was_left_out_is_not_counted_as_done(client, ready, now):
    pass_test(journey_id=ready.pk, step_keys=["touchpad-practice"], who=BY_BOX, now=now)
    client.force_login(ready.person)
    text = page(client.get(f"/j/{ready.pk}/ready/"))
    assert "<b>16</b> / 20<br>とばした手順 1" in text
