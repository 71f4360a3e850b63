"""For who knows it already: one word for a phase, one minute instead of practice, a real browser."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from kitting.journeys import rules
from kitting.journeys.actions.checking import arrive
from kitting.journeys.actions.errors import UnknownStepError
from kitting.journeys.actions.steps import declare_phase, finish_step, pass_test
from kitting.journeys.models import Journey
from kitting.journeys.states import Method, Result
from tests.journeys.conftest import BY_BOX, CODE
from tests.journeys.test_views import CHROMEBOOK

LINE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148 Safari Line/14.18.0"
)
PRACTICE = ["touch-practice", "touchpad-practice", "japanese-input", "apps-windows"]


def phase_url(journey, key):
    return reverse("journeys:phase", args=[journey.pk, key])


def records(journey):
    return {r.step_key: (r.result, r.method) for r in journey.records.all()}


@pytest.fixture
def boxed(client, journey):
    client.post(f"/d/{CODE}/begin", {"staff_number": "010203"})
    return client


def test_one_press_declares_the_whole_phase_and_the_box_stays_seen(boxed, journey):
    page = boxed.get(phase_url(journey, "before_sign_in")).content.decode()
    assert "この段階は全部できました" in page
    boxed.post(phase_url(journey, "before_sign_in"), {"client_key": "one"})

    found = records(journey)
    assert len(found) == 8
    assert found["check-box"] == (Result.CONFIRMED, Method.SERVER)
    assert {v for k, v in found.items() if k != "check-box"} == {
        (Result.SELF_REPORTED, Method.DECLARED)
    }
    journey.loan.refresh_from_db()
    assert journey.loan.received_at is not None
    assert journey.events.filter(client_key="one").count() == 1


def test_what_only_the_server_knows_stays_one_by_one(boxed, journey):
    boxed.post(phase_url(journey, "after_sign_in"))
    found = records(journey)
    assert "confirm-device" not in found
    assert "open-guide" not in found
    assert found["print-test"][0] == Result.SKIPPED
    assert found["screen-lock"] == (Result.SELF_REPORTED, Method.DECLARED)


def test_what_need_not_be_done_is_done_where_it_is_ticked(boxed, journey):
    boxed.post(phase_url(journey, "after_sign_in"), {"also": "print-test"})
    assert records(journey)["print-test"] == (Result.SELF_REPORTED, Method.DECLARED)
    assert records(journey)["camera-mic"][0] == Result.SKIPPED


def test_a_declaration_moves_nothing_that_is_known(journey, now):
    finish_step(
        journey_id=journey.pk,
        step_key="power-on",
        who=BY_BOX,
        now=now,
        result=Result.SKIPPED,
        reason="by_choice",
    )
    keys = ["power-on", "connect-wifi"]
    declare_phase(journey_id=journey.pk, step_keys=keys, left_out=[], who=BY_BOX, now=now)
    again = declare_phase(
        journey_id=journey.pk, step_keys=keys, left_out=[], who=BY_BOX, now=now
    )
    assert not again.changed
    assert records(journey)["power-on"][0] == Result.SKIPPED
    with pytest.raises(UnknownStepError):
        declare_phase(
            journey_id=journey.pk, step_keys=["nothing"], left_out=[], who=BY_BOX, now=now
        )


def test_a_journey_can_be_declared_to_its_end(boxed, journey, now):
    arrive(journey_id=journey.pk, who=BY_BOX, now=now)
    for key in ("before_sign_in", "after_sign_in", "learn"):
        boxed.post(phase_url(journey, key))
    journey = Journey.objects.get(pk=journey.pk)
    assert journey.current_step == "confirm-device"
    assert {s for s, *_r in journey.step_keys} - records(journey).keys() == {
        "confirm-device",
        "keep-safe",
    }


def right(client, journey):
    questions = (
        client.get(reverse("journeys:test", args=[journey.pk])).context["test"].questions
    )
    return {
        f"q{q['number']}": next(c["number"] for c in q["choices"] if c["correct"])
        for q in questions
    }


def test_who_passes_the_test_leaves_practice_out_and_the_record_says_so(boxed, journey):
    address = reverse("journeys:test", args=[journey.pk])
    answers = right(boxed, journey)
    wrong = boxed.post(address, answers | {"q1": 1})
    assert (wrong.status_code, records(journey)) == (422, {})

    boxed.post(address, answers)
    assert records(journey) == dict.fromkeys(PRACTICE, (Result.SKIPPED, Method.TEST))
    assert set(journey.records.values_list("reason", flat=True)) == {rules.TESTED_OUT}


def test_what_was_practised_stays_practised(journey, now):
    finish_step(journey_id=journey.pk, step_key="touch-practice", who=BY_BOX, now=now)
    pass_test(journey_id=journey.pk, step_keys=PRACTICE, who=BY_BOX, now=now)
    assert records(journey)["touch-practice"][0] == Result.SELF_REPORTED


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        (LINE, "LINE"),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Slack/24.1", "Slack"),
        ("Mozilla/5.0 (iPhone) TeamsMobile-iOS Teams/6.1", "Microsoft Teams"),
        ("Mozilla/5.0 (iPhone) Instagram 300.0", "Instagram"),
        ("Mozilla/5.0 (Linux; Android 14) [FB_IAB/FB4A;FBAV/450.0]", "Facebook"),
        (CHROMEBOOK, ""),
        ("Mozilla/5.0 (iPhone) Version/18.0 Mobile/15E148 Safari/604.1", ""),
    ],
)
def test_programs_that_show_pages_inside_themselves_are_known(user_agent, name):
    assert rules.in_app_browser(user_agent) == name


def test_inside_a_chat_program_a_real_browser_is_offered_and_nobody_is_stopped(client, journey):
    page = client.get(f"/d/{CODE}", headers={"user-agent": LINE}).content.decode()
    assert "いま LINE の中で開いています" in page
    assert "openExternalBrowser=1" in page
    assert 'name="staff_number"' in page
    plain = client.get(f"/d/{CODE}", headers={"user-agent": CHROMEBOOK}).content.decode()
    assert "in-app" not in plain


def test_scanning_again_with_the_number_goes_on_in_any_browser(journey, now):
    finish_step(journey_id=journey.pk, step_key="check-box", who=BY_BOX, now=now)
    for user_agent in (LINE, CHROMEBOOK):
        browser = Client(headers={"user-agent": user_agent})
        answer = browser.post(f"/d/{CODE}/begin", {"staff_number": "10203"})
        assert answer["Location"].endswith("/s/power-on/")


def test_who_knows_it_well_is_told_how_to_open_it_on_the_chromebook(client, waiting):
    page = client.get(f"/d/{CODE}").content.decode()
    assert "慣れた人は Chromebook で開く" in page
    assert f"testserver/d/{CODE}" in page
