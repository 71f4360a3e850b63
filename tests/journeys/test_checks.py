"""What a page may say of its checks, and how much of it is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from kitting.guides.states import CheckType
from kitting.journeys import rules
from kitting.journeys.actions.checking import check_serial
from kitting.journeys.actions.steps import finish_step
from kitting.journeys.forms import OwnWordForm, SeenForm
from kitting.journeys.models import StepRecord
from kitting.journeys.queries import look_of
from kitting.journeys.states import EventKind, Look, Method, Outcome, Result, Why
from kitting.site.models import SiteProfile
from kitting.site.rules import permissions_policy
from tests.factories import DeviceFactory
from tests.journeys.conftest import BY_BOX, CODE

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpResponse
    from django.test import Client

    from kitting.journeys.models import Journey

UA = "Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36"
CHROMEBOOK = UA.format(system="X11; CrOS x86_64 14541.0.0", n=150)
PHONE = UA.format(system="Linux; Android 10; K", n=150)
PAGE_CHECKS = {
    "touch-practice": CheckType.TOUCH_PRACTICE,
    "touchpad-practice": CheckType.TOUCHPAD_PRACTICE,
    "japanese-input": CheckType.IME_PRACTICE,
    "screen-lock": CheckType.IDLE_LOCK,
    "office-files": CheckType.LEAVE_AND_RETURN,
    "camera-mic": CheckType.AV_TEST,
}
PRACTICE = ("touch-practice", "touchpad-practice", "japanese-input")
ANSWERS = {"q1": "2", "q2": "2", "q3": "1"}


@pytest.fixture
def laptop(journey: Journey, client: Client) -> Client:
    """The Chromebook, on which box code and staff number were typed."""
    client.defaults["HTTP_USER_AGENT"] = CHROMEBOOK
    client.post(f"/d/{CODE}/begin", {"staff_number": "010203"})
    return client


def say(client: Client, journey: Journey, verb: str, key: str, **words: str) -> HttpResponse:
    return client.post(reverse(f"journeys:{verb}", args=[journey.pk, key]), words)


def mark(journey: Journey, key: str) -> tuple[str, str, str]:
    record = journey.records.get(step_key=key)
    return record.result, record.method, record.reason


# --- what the page saw


@pytest.mark.parametrize("key", PAGE_CHECKS)
def test_what_the_page_saw_on_the_chromebook_is_put_down(
    laptop: Client, journey: Journey, key: str
) -> None:
    assert say(laptop, journey, "check", key, outcome="seen").status_code == 302
    if key == "office-files":  # it was away; nobody saw what was done there
        assert mark(journey, key) == (Result.LIKELY, Method.CHECK, Why.WAS_AWAY)
    else:
        assert mark(journey, key) == (Result.CONFIRMED, Method.CHECK, "")


@pytest.mark.parametrize("key", PAGE_CHECKS)
def test_elsewhere_than_on_the_chromebook_it_is_the_persons_word(
    laptop: Client, journey: Journey, key: str
) -> None:
    laptop.defaults["HTTP_USER_AGENT"] = PHONE
    say(laptop, journey, "check", key, outcome="seen")
    assert mark(journey, key) == (Result.SELF_REPORTED, Method.CHECK, Why.NOT_CHROMEOS)


def test_the_demo_can_act_as_the_chromebook_in_a_check(
    laptop: Client, journey: Journey, settings: Any, now: datetime
) -> None:
    settings.DEBUG = True
    SiteProfile.objects.update_or_create(
        pk=SiteProfile.SINGLE, defaults={"demo_seeded_at": now}
    )
    laptop.defaults["HTTP_USER_AGENT"] = PHONE
    session = laptop.session
    session["demo_device"] = "chromebook"
    session.save()
    say(laptop, journey, "check", "screen-lock", outcome="seen")
    assert mark(journey, "screen-lock") == (Result.CONFIRMED, Method.CHECK, "")


@pytest.mark.parametrize("key", PRACTICE)
def test_practice_done_another_way_is_done(laptop: Client, journey: Journey, key: str) -> None:
    say(laptop, journey, "check", key, outcome="another_way")
    assert mark(journey, key) == (Result.SELF_REPORTED, Method.ANOTHER_WAY, Why.ANOTHER_WAY)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("touch-practice", {}),
        ("touch-practice", {"outcome": "confirmed"}),
        ("touch-practice", {"outcome": "seen", "reason": "denied"}),
        ("touch-practice", {"outcome": "tried", "reason": "not_seen"}),  # nobody's business
        ("screen-lock", {"outcome": "another_way"}),
        ("screen-lock", {"outcome": "tried", "reason": "no_camera"}),
        ("camera-mic", {"outcome": "tried", "reason": "a long story of somebody"}),
        ("camera-mic", {"outcome": "tried"}),
    ],
)
def test_what_a_check_cannot_say_is_refused(
    laptop: Client, journey: Journey, key: str, words: dict[str, str]
) -> None:
    before = journey.events.count()
    response = say(laptop, journey, "check", key, **words)
    assert response.status_code == 422
    assert 'role="alert"' in response.content.decode()
    assert journey.events.count() == before


@pytest.mark.parametrize(
    "key", ["power-on", "easy-to-see", "enroll", "check-box", "open-guide"]
)
def test_what_no_page_can_see_cannot_be_said_to_be_seen(
    laptop: Client, journey: Journey, key: str
) -> None:
    before = journey.events.count()
    assert say(laptop, journey, "check", key, outcome="seen").status_code == 404
    assert journey.events.count() == before


@pytest.mark.parametrize("key", ["confirm-device", "keep-safe"])
def test_what_only_the_server_can_decide_is_not_taken_from_the_page(
    laptop: Client, journey: Journey, key: str
) -> None:
    assert say(laptop, journey, "check", key, outcome="seen").status_code == 422
    assert not journey.records.filter(step_key=key).exists()


def test_a_try_that_it_should_know_of_is_noted_with_its_reason(
    laptop: Client, journey: Journey
) -> None:
    response = say(laptop, journey, "check", "camera-mic", outcome="tried", reason="no_camera")
    assert (response.status_code, response.content) == (204, b"")
    event = journey.events.get(kind=EventKind.CHECK_FAILED)
    assert (event.step_key, event.data) == ("camera-mic", {"reason": "no_camera"})
    assert not journey.records.filter(step_key="camera-mic").exists()


def test_a_press_that_arrives_twice_counts_once(laptop: Client, journey: Journey) -> None:
    for _twice in range(2):
        say(laptop, journey, "check", "screen-lock", outcome="seen", client_key="k1")
    done = journey.events.filter(kind=EventKind.STEP_DONE, step_key="screen-lock")
    assert done.count() == 1


# --- the person's own word


def test_the_own_word_says_why_the_page_did_not_see_it(
    laptop: Client, journey: Journey
) -> None:
    say(laptop, journey, "done", "camera-mic", reason="no_camera")
    assert mark(journey, "camera-mic") == (Result.SELF_REPORTED, Method.BUTTON, "no_camera")


@pytest.mark.parametrize("key", PAGE_CHECKS)
def test_without_javascript_every_check_is_finished_by_the_own_word(
    laptop: Client, journey: Journey, key: str
) -> None:
    assert say(laptop, journey, "done", key).status_code == 302
    assert mark(journey, key) == (Result.SELF_REPORTED, Method.BUTTON, Why.NOT_CHECKED)


@pytest.mark.parametrize(
    ("key", "reason"),
    [("touch-practice", "no_camera"), ("power-on", "timeout"), ("screen-lock", "because")],
)
def test_a_reason_that_does_not_belong_there_is_refused(
    laptop: Client, journey: Journey, key: str, reason: str
) -> None:
    assert say(laptop, journey, "done", key, reason=reason).status_code == 422
    assert not journey.records.filter(step_key=key).exists()


def test_a_step_without_a_check_has_no_reason(laptop: Client, journey: Journey) -> None:
    say(laptop, journey, "done", "power-on")
    assert mark(journey, "power-on") == (Result.SELF_REPORTED, Method.BUTTON, "")


def test_opened_on_a_phone_is_said_to_be_so(laptop: Client, journey: Journey) -> None:
    laptop.defaults["HTTP_USER_AGENT"] = PHONE
    say(laptop, journey, "done", "open-guide")
    assert mark(journey, "open-guide") == (
        *(Result.SELF_REPORTED, Method.BUTTON),
        Why.NOT_CHROMEOS,
    )


def test_who_has_no_touchscreen_leaves_the_practice_out(
    laptop: Client, journey: Journey
) -> None:
    say(laptop, journey, "skip", "touch-practice", reason="no_touch")
    assert mark(journey, "touch-practice")[::2] == (Result.SKIPPED, Why.NO_TOUCH)
    assert say(laptop, journey, "skip", "japanese-input", reason="why not").status_code == 404


# --- the serial number


def test_the_asset_tag_is_right_but_no_proof(journey: Journey, now: datetime, guide) -> None:
    answer = type_serial(journey, "cb-900123", now)
    assert answer == "right"
    assert mark(journey, "confirm-device") == (Result.LIKELY, Method.SERVER, Why.ASSET_TAG)


def test_the_number_of_another_device_is_told_apart(journey: Journey, now: datetime) -> None:
    DeviceFactory.create(serial_number="5CD0PX5L9L")
    assert type_serial(journey, "5l9l", now) == "wrong"
    assert type_serial(journey, "9999", now) == "wrong"
    failed = journey.events.filter(kind=EventKind.CHECK_FAILED).order_by("number")
    assert [e.data["reason"] for e in failed] == [Why.OTHER_DEVICE, Why.SERIAL]


def type_serial(journey: Journey, typed: str, now: datetime) -> str:
    return check_serial(
        journey_id=journey.pk,
        step_key="confirm-device",
        typed=typed,
        who=BY_BOX,
        now=now,
        window=rules.LATER_TODAY,
    ).outcome


def test_who_goes_on_after_wrong_numbers_is_seen_to_have(
    laptop: Client, journey: Journey
) -> None:
    for _try in range(2):
        say(laptop, journey, "check", "confirm-device", serial="9999")
    say(laptop, journey, "done", "confirm-device")
    assert mark(journey, "confirm-device") == (
        *(Result.SELF_REPORTED, Method.BUTTON),
        Why.NUMBER_DIFFERS,
    )


# --- the version of the system


@pytest.mark.parametrize(
    ("agent", "said", "reason"),
    [
        (CHROMEBOOK, "", Why.NEW_ENOUGH),
        (CHROMEBOOK.replace("/150.", "/149."), "", Why.OLD_VERSION),
        (CHROMEBOOK, "old_version", Why.OLD_VERSION),  # the page read the full version
        (PHONE, "new_enough", Why.NOT_CHROMEOS),
        ("Mozilla/5.0 (X11; CrOS x86_64 1) Other", "", Why.UNSUPPORTED),
    ],
)
def test_the_last_step_says_whether_the_system_is_new_enough_and_stops_nobody(
    laptop: Client, journey: Journey, agent: str, said: str, reason: str
) -> None:
    laptop.defaults["HTTP_USER_AGENT"] = agent
    say(laptop, journey, "check", "keep-safe", **ANSWERS, version=said)
    assert mark(journey, "keep-safe") == (Result.CONFIRMED, Method.SERVER, reason)


def test_a_version_nobody_can_have_found_is_refused(laptop: Client, journey: Journey) -> None:
    response = say(laptop, journey, "check", "keep-safe", **ANSWERS, version="151.0")
    assert response.status_code == 422


def test_who_waits_for_an_update_reads_so(laptop: Client, journey: Journey) -> None:
    step = reverse("journeys:step", args=[journey.pk, "keep-safe"])
    note = "data-check data-quiet"
    new = laptop.get(step).content.decode()
    laptop.defaults["HTTP_USER_AGENT"] = CHROMEBOOK.replace("/150.", "/120.")
    old = laptop.get(step).content.decode()
    hidden = [page[page.index(note) :].split(">")[0].endswith("hidden") for page in (new, old)]
    assert hidden == [True, False]


@pytest.mark.parametrize(
    ("brands", "agent", "milestone"),
    [
        ('"Not=A?Brand";v="8", "Chromium";v="150", "Google Chrome";v="151"', "", 151),
        ('"Chromium";v="150"', "Chrome/120.0", 150),
        ("", "Chrome/149.0.0.0", 149),
        ("", "Firefox/140.0", None),
    ],
)
def test_the_milestone_is_read_from_what_a_browser_says(brands, agent, milestone) -> None:
    assert rules.chrome_milestone(brands=brands, user_agent=agent) == milestone


def test_an_old_system_is_not_confirmed_by_its_own_check() -> None:
    found = rules.finding(
        check_type=CheckType.OS_VERSION,
        outcome=Outcome.SEEN,
        on_chromebook=True,
        version=Why.OLD_VERSION,
    )
    assert (found.result, found.reason) == (Result.SELF_REPORTED, Why.OLD_VERSION)


@pytest.mark.parametrize(
    ("text", "parts"),
    [("前橋OK123", ("前橋", "OK123")), ("前橋", ("前橋", "")), ("OK", ("", "OK"))],
)
def test_the_text_to_write_has_a_word_and_a_tail(text: str, parts: tuple[str, str]) -> None:
    assert rules.split_expected(text) == parts


# --- what pages hold


def test_every_check_of_the_page_has_its_reasons_and_nothing_else() -> None:
    for kind in rules.WHY_NOT_SEEN:
        assert OwnWordForm({"reason": "timeout"}, check_type=kind).is_valid()
        assert SeenForm({"outcome": "seen"}, check_type=kind).is_valid()
        assert rules.WHY_TRIED.get(kind, frozenset()) <= rules.WHY_NOT_SEEN[kind]


def test_a_page_may_ask_the_browser_for_nothing_but_what_its_check_needs(
    laptop: Client, journey: Journey
) -> None:
    def policy(key: str) -> set[str]:
        page = laptop.get(reverse("journeys:step", args=[journey.pk, key]))
        header = page.headers["Permissions-Policy"]
        return {part.split("=")[0] for part in header.split(", ") if part.endswith("(self)")}

    assert policy("camera-mic") == {"camera", "microphone"}
    assert policy("screen-lock") == {"idle-detection"}
    assert policy("japanese-input") == {"keyboard-map"}
    assert policy("touch-practice") == policy("power-on") == set()
    assert laptop.get("/").headers["Permissions-Policy"] == permissions_policy()


@pytest.mark.parametrize("key", PAGE_CHECKS)
def test_a_module_is_loaded_only_where_it_looks(
    laptop: Client, journey: Journey, key: str
) -> None:
    page = laptop.get(reverse("journeys:step", args=[journey.pk, key])).content.decode()
    plain = laptop.get(reverse("journeys:step", args=[journey.pk, "power-on"]))
    assert "js/check.js" in page
    assert page.count("js/checks/") == 1
    assert "js/check" not in plain.content.decode()


def test_what_a_check_made_likely_is_done_for_the_person(
    journey: Journey, now: datetime
) -> None:
    finish_step(
        journey_id=journey.pk,
        step_key="office-files",
        who=BY_BOX,
        now=now,
        result=Result.LIKELY,
        method=Method.CHECK,
    )
    record = journey.records.get(step_key="office-files")
    assert (record.is_settled, look_of(record, is_here=False)) == (True, Look.DONE)
    supposed = StepRecord(result=Result.LIKELY, method=Method.ARRIVAL)
    assert (supposed.is_settled, look_of(supposed, is_here=False)) == (False, Look.LIKELY)
