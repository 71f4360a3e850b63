"""The employee's pages, as a browser meets them."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db.models import F
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.states import Role
from kitting.devices.models import BoxCode, Device
from kitting.devices.states import DeviceState
from kitting.guides.models import Edition
from kitting.guides.states import EditionState
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.actions.resting import end_box_sessions
from kitting.journeys.models import Journey
from kitting.journeys.queries import BOX_KEY, box_and_journey
from kitting.journeys.states import CloseReason, EventKind, Method, Result, Via
from kitting.journeys.views import door
from kitting.lib.codes import make_code
from kitting.site.models import SiteProfile
from tests.factories import (
    NOW,
    DeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    NoticeFactory,
    UserFactory,
)
from tests.journeys.conftest import CODE, wide

if TYPE_CHECKING:
    from django.http import HttpResponse

CHROMEBOOK = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/150.0.0.0"
SECRETS = (
    "小池",
    "健太",
    "こいけ",
    "koike",
    "010203",
    "4-321",
    "5CD4C62B0I",
    "00:11:22:33:44:55",
)
# What a page shows once and a robot could not copy into the next.
FLEETING = re.compile(r'value="[0-9a-zA-Z]{32,}"|nonce="[^"]+"')


def text(response: HttpResponse) -> str:
    return response.content.decode()


def fresh(journey: Journey) -> Journey:
    return Journey.objects.get(pk=journey.pk)


def kinds(journey: Journey) -> list[str]:
    return list(journey.events.order_by("number").values_list("kind", flat=True))


def url(name: str, journey: Journey, *more: str) -> str:
    return reverse(f"journeys:{name}", args=[journey.pk, *more])


def type_number(client: Client, number: str, code: str = CODE) -> HttpResponse:
    return client.post(f"/d/{code}/begin", {"staff_number": number})


def state_of_the_database() -> str:
    """Return one digest over every row of every table."""
    rows = [
        (model._meta.label, sorted(map(repr, model._base_manager.values())))  # noqa: SLF001  # Django's own way to list tables
        for model in apps.get_models()
    ]
    return hashlib.sha256(repr(rows).encode()).hexdigest()


@pytest.fixture
def phone(waiting: Journey, client: Client) -> Client:
    """A browser in which box code and staff number were typed."""
    type_number(client, "010203")
    return client


@pytest.fixture
def signed_in(waiting: Journey, client: Client) -> Client:
    """A browser in which the person of the box is signed in and has begun."""
    client.force_login(waiting.person)
    client.post(url("start", waiting))
    return client


# --- the box page


@pytest.mark.parametrize(
    "typed", [CODE, "k7m39qxp", "K7M3-9QXP", wide("K7M3-9QXP"), "k7m3ー9qxp", " K7M3 9QXP"]
)
@pytest.mark.parametrize("way", ["/d/{}", "/D/{}", "/d/{}/"])
def test_a_code_opens_its_box_however_it_is_written(waiting, client, way, typed):
    response = client.get(way.format(quote(typed)))
    assert response.status_code == 200
    assert "K7M3-9QXP" in text(response)


def test_a_scanner_may_look_ahead_without_reading(waiting: Journey, client: Client) -> None:
    assert client.head(f"/D/{CODE}").status_code == 200


def test_the_address_on_labels_is_short_and_has_no_slash_at_its_end() -> None:
    assert reverse("journeys:box", args=[CODE]) == f"/d/{CODE}"


def test_the_box_page_says_nothing_about_its_person(waiting: Journey, client: Client) -> None:
    page = text(client.get(f"/d/{CODE}"))
    assert not [secret for secret in (*SECRETS, "CB-900123") if secret in page]


def test_the_box_page_offers_help_before_any_number(waiting: Journey, client: Client) -> None:
    page = text(client.get(f"/d/{CODE}"))
    for kind in ("help", "wrong_box", "loss", "found"):
        assert f'href="/d/{CODE}/report/{kind}"' in page


@pytest.mark.parametrize("typed", ["K7M39QXQ", "ABC", "0ILOUZ01", "K7M39QXP9"])
def test_what_is_no_code_gets_help_and_a_404(waiting, client, typed):
    response = client.get(f"/d/{typed}")
    assert response.status_code == 404
    assert 'name="code"' in text(response)


def test_an_unknown_code_and_an_old_label_are_answered_politely(
    waiting: Journey, client: Client
) -> None:
    unknown = client.get(f"/d/{make_code()}")
    BoxCode.objects.create(
        code="K7M3AAA8", device=waiting.loan.device, created_at=NOW, retired_at=NOW
    )
    old = BoxCode.objects.create(
        code=make_code(), device=waiting.loan.device, created_at=NOW, retired_at=NOW
    )
    retired = client.get(f"/d/{old.code}")
    assert (unknown.status_code, retired.status_code) == (404, 404)
    assert text(unknown) != text(retired)
    assert type_number(client, "010203", old.code).status_code == 302
    assert fresh(waiting).begun_at is None


def test_a_box_of_nobody_waits_and_a_shared_one_says_so(guide: Any, client: Client) -> None:
    nobody = DeviceFactory.create()
    shared = LoanFactory.create(kind="shared", person=None).device
    unbound = BoxCode.objects.create(code=make_code(), created_at=NOW).code
    for code in (nobody.code, shared.code, unbound):
        page = client.get(f"/d/{code}")
        assert page.status_code == 200
        assert "staff_number" not in text(page)
        assert type_number(client, "010203", code).status_code == 302


def test_a_lost_device_asks_for_the_finder_and_opens_for_nobody(
    waiting: Journey, client: Client
) -> None:
    Device.objects.filter(pk=waiting.loan.device_id).update(state=DeviceState.LOST)
    assert f'href="/d/{CODE}/report/found"' in text(client.get(f"/d/{CODE}"))
    type_number(client, "010203")
    assert fresh(waiting).begun_at is None


# --- the staff number


@pytest.mark.parametrize("typed", ["010203", "10203", wide("010203"), "01 02-03"])
def test_box_and_staff_number_lead_to_the_first_step(waiting, client, typed):
    response = type_number(client, typed)
    assert response.url == url("step", waiting, "check-box")
    assert client.get(response.url).status_code == 200


@pytest.mark.parametrize("is_own", [True, False])
def test_a_box_that_goes_back_while_its_door_opens_shows_what_it_is_now(
    waiting: Journey, client: Client, monkeypatch: pytest.MonkeyPatch, is_own: bool
) -> None:
    def read_and_gone(code: str) -> tuple[Any, Journey | None]:
        found = box_and_journey(code)
        close_journeys([waiting], reason=CloseReason.LOAN_ENDED, now=NOW)
        return found

    if is_own:
        client.force_login(waiting.person)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(door, "box_and_journey", read_and_gone)
        response = type_number(client, "010203")
    assert response.url == f"/d/{CODE}"
    assert client.get(response.url).status_code == 200
    assert BOX_KEY not in client.session
    assert fresh(waiting).begun_at is None


def test_without_a_guide_nobody_begins_by_any_door(waiting: Journey) -> None:
    Edition.objects.update(state=EditionState.RETIRED)
    own = Client()
    own.force_login(waiting.person)
    for browser in (own, Client()):
        response = type_number(browser, "010203")
        assert response.url == f"/d/{CODE}"
        assert "案内はまだ準備中です" in text(browser.get(response.url))


def test_a_wrong_number_says_nothing_about_the_roll(waiting: Journey) -> None:
    UserFactory.create(staff_number="020304")
    pages = []
    for number in ("020304", "999999"):
        response = type_number(Client(), number)
        assert response.status_code == 422
        pages.append(FLEETING.sub("", text(response)).replace(number, ""))
    assert pages[0] == pages[1]


def test_after_three_wrong_numbers_the_page_says_when_to_come_back(
    waiting: Journey, client: Client
) -> None:
    client.get(f"/d/{CODE}")
    assert [type_number(client, "1").status_code for _try in range(3)] == [422, 422, 429]
    slow = type_number(client, "010203")
    assert slow.status_code == 429
    assert fresh(waiting).begun_at is None
    page = text(client.get(f"/d/{CODE}"))
    assert "staff_number" not in page
    assert f'href="/d/{CODE}/report/help"' in page


def test_an_empty_number_is_no_try(waiting: Journey, client: Client) -> None:
    assert [type_number(client, " - ").status_code for _try in range(5)] == [422] * 5
    assert type_number(client, "010203").status_code == 302


def test_a_lockout_never_ends_an_open_session(phone: Client, waiting: Journey) -> None:
    other = Client()
    for _try in range(6):
        type_number(other, "1")
    assert phone.get(url("overview", waiting)).status_code == 200


def test_entering_gives_the_browser_a_new_session(waiting: Journey, client: Client) -> None:
    session = client.session
    session["anything"] = 1
    session.save()
    before = client.cookies["kitto_session"].value
    type_number(client, "010203")
    assert client.cookies["kitto_session"].value != before


def test_the_same_browser_goes_on_without_the_number(phone: Client, waiting: Journey) -> None:
    page = text(phone.get(f"/d/{CODE}"))
    assert "staff_number" not in page
    assert f'href="{url("overview", waiting)}"' in page


def test_on_the_chromebook_a_site_may_ask_for_a_full_sign_in(
    waiting: Journey, client: Client
) -> None:
    SiteProfile.objects.update_or_create(pk=1, defaults={"box_entry_allowed": False})
    agent = {"HTTP_USER_AGENT": CHROMEBOOK}
    assert "staff_number" not in text(client.get(f"/d/{CODE}", **agent))
    client.post(f"/d/{CODE}/begin", {"staff_number": "010203"}, **agent)
    assert fresh(waiting).begun_at is None
    assert type_number(client, "010203").url == url("step", waiting, "check-box")


# --- what a box session may do


def walk(client: Client, journey: Journey) -> list[str]:
    """Press the main button until everything is done; return where each press led."""
    led = []
    for _press in range(40):
        at = fresh(journey).current_step
        if not at:
            break
        client.get(url("step", journey, at))
        if at == "confirm-device":
            response = client.post(url("check", journey, at), {"serial": "2b01"})
        elif at == "keep-safe":
            response = client.post(url("check", journey, at), {"q1": "2", "q2": "2", "q3": "1"})
        else:
            response = client.post(url("done", journey, at))
        assert response.status_code == 302
        led.append(response.url)
        # People take a minute a step; a burst would be asked about.
        journey.records.update(done_at=F("done_at") - timedelta(minutes=1))
    return led


def test_a_box_session_walks_all_twenty_steps(phone: Client, waiting: Journey) -> None:
    led = walk(phone, waiting)
    journey = fresh(waiting)
    assert (journey.steps_done, journey.ready_done, journey.current_step) == (
        20,
        journey.ready_total,
        "",
    )
    assert led.count(url("ready", waiting)) == 1
    assert led[-1] == url("finished", waiting)
    assert journey.loan.received_at is not None
    checked = dict(
        journey.records.filter(result=Result.CONFIRMED).values_list("step_key", "method")
    )
    assert checked == dict.fromkeys(("check-box", "confirm-device", "keep-safe"), Method.SERVER)


def test_a_signed_in_person_walks_all_twenty_steps(signed_in: Client, waiting: Journey) -> None:
    walk(signed_in, waiting)
    journey = fresh(waiting)
    assert journey.at_home_at is not None
    assert set(journey.events.values_list("via", flat=True)) == {Via.SIGN_IN}
    received = journey.records.get(step_key="check-box")
    assert received.result == Result.SELF_REPORTED  # nobody scanned the label


def test_whoever_scans_the_label_signed_in_has_the_receipt_confirmed(
    waiting: Journey, client: Client
) -> None:
    client.force_login(waiting.person)
    assert "staff_number" not in text(client.get(f"/d/{CODE}"))
    client.post(f"/d/{CODE}/begin")
    client.post(url("done", waiting, "check-box"))
    assert waiting.records.get(step_key="check-box").result == Result.CONFIRMED


def pages_of(journey: Journey) -> list[str]:
    """Return every address a journey can be read at."""
    keys = [row[0] for row in fresh(journey).step_keys]
    return [
        "/",
        f"/d/{CODE}",
        f"/box?code={CODE}",
        *(url("step", journey, key) for key in keys),
        *(url(name, journey) for name in ("overview", "ready", "finished", "later")),
        url("step_later", journey, keys[0]),
        f"{url('step', journey, keys[1])}?after={keys[0]}",
        reverse("escalation:ask", args=[journey.pk]),
    ]


def test_no_page_of_a_box_session_names_its_person(phone: Client, waiting: Journey) -> None:
    walk(phone, waiting)
    wrong = phone.post(url("check", waiting, "confirm-device"), {"serial": "zzzz"})
    found = [phone.get(path, follow=True) for path in pages_of(waiting)]
    for response in (wrong, *found):
        page = text(response)
        assert not [secret for secret in SECRETS if secret in page], response.request
        assert "さん" not in page or "小池" not in page


def test_only_after_a_full_sign_in_the_account_is_shown(
    signed_in: Client, waiting: Journey
) -> None:
    assert "koikek@asahi.example.jp" in text(signed_in.get(url("step", waiting, "sign-in")))


@pytest.mark.parametrize("who", ["phone", "signed_in"])
def test_reading_writes_nothing(who, waiting, request):
    client = request.getfixturevalue(who)
    walk(client, waiting)
    before = state_of_the_database()
    for path in pages_of(waiting):
        for headers in ({}, {"HTTP_USER_AGENT": CHROMEBOOK}):
            assert client.get(path, follow=True, **headers).status_code == 200
    stranger = Client()
    for path in pages_of(waiting):
        stranger.get(path)
    assert state_of_the_database() == before


def test_a_box_session_opens_one_journey_and_nothing_else(
    phone: Client, waiting: Journey
) -> None:
    own_other = JourneyFactory.create(loan=LoanFactory.create(person=waiting.person))
    strange = JourneyFactory.create()
    for journey in (own_other, strange):
        assert phone.get(url("overview", journey)).status_code == 404
        assert phone.post(url("start", journey)).status_code == 404
        assert phone.post(url("done", journey, "check-box")).status_code == 404
    assert phone.get(reverse("escalation:desk")).status_code != 200
    assert phone.get(reverse("dashboard:overview")).status_code != 200


@pytest.mark.parametrize("path", ["overview", "ready", "finished", "later", "leave", "arrive"])
def test_others_journeys_do_not_exist(waiting, client, path):
    assert client.get(url(path, waiting)).status_code in (404, 405)
    client.force_login(UserFactory.create())
    assert client.post(url(path, waiting)).status_code in (404, 405)
    assert client.get(url("step", waiting, "check-box")).status_code == 404


def end_by_loss(journey: Journey) -> None:
    close_journeys([journey], reason=CloseReason.LOST, now=timezone.now())  # noqa: TID251  # the page's own clock


def end_by_epoch(journey: Journey) -> None:
    end_box_sessions(journey_id=journey.pk)


def end_by_completion(journey: Journey) -> None:
    done = timezone.now() - timedelta(days=1, minutes=1)  # noqa: TID251  # the page's own clock
    Journey.objects.filter(pk=journey.pk).update(at_home_at=done, ready_at=done)


@pytest.mark.parametrize("end", [end_by_loss, end_by_epoch, end_by_completion])
def test_a_box_session_ends_with_its_journey(phone, waiting, end):
    end(waiting)
    assert phone.get(url("overview", waiting)).status_code == 404
    assert phone.post(url("done", waiting, "check-box")).status_code == 404


def test_a_day_after_completion_the_box_opens_no_more(waiting: Journey, client: Client) -> None:
    end_by_completion(waiting)
    assert "staff_number" not in text(client.get(f"/d/{CODE}"))
    assert type_number(client, "010203").url == f"/d/{CODE}"
    assert BOX_KEY not in client.session


def test_leaving_ends_the_session_in_this_browser_only(phone: Client, waiting: Journey) -> None:
    other = Client()
    type_number(other, "010203")
    assert phone.post(url("leave", waiting)).url == "/"
    assert phone.get(url("overview", waiting)).status_code == 404
    assert other.get(url("overview", waiting)).status_code == 200


def test_what_the_person_was_told_stays_until_it_is_read(
    signed_in: Client, waiting: Journey
) -> None:
    NoticeFactory.create(
        person=waiting.person,
        channel="wizard",
        state="sent",
        sent_at=NOW,
        about="journey:1",
        subject="つづきはこちら",
    )
    assert "つづきはこちら" in text(signed_in.get(url("overview", waiting)))
    assert signed_in.post(url("read", waiting), {"about": "journey:1"}).status_code == 302
    assert "つづきはこちら" not in text(signed_in.get(url("overview", waiting)))


def test_a_box_session_reads_none_of_the_persons_messages(
    phone: Client, waiting: Journey
) -> None:
    NoticeFactory.create(
        person=waiting.person,
        channel="wizard",
        state="sent",
        sent_at=NOW,
        subject="つづきはこちら",
    )
    assert "つづきはこちら" not in text(phone.get(url("overview", waiting)))
    assert phone.post(url("read", waiting)).status_code == 404


# --- two accounts


def test_another_account_at_a_box_mixes_nothing_and_is_noted(
    waiting: Journey, client: Client
) -> None:
    other = UserFactory.create()
    client.force_login(other)
    assert "staff_number" not in text(client.get(f"/d/{CODE}"))
    assert client.post(f"/d/{CODE}/begin", {"staff_number": "010203"}).url == f"/d/{CODE}"
    assert kinds(waiting) == [EventKind.OTHER_ACCOUNT]
    assert BOX_KEY not in client.session
    assert client.get(url("overview", waiting)).status_code == 404


def test_signing_in_ends_the_box_session_here_and_not_on_the_phone(
    phone: Client, waiting: Journey
) -> None:
    chromebook = Client()
    type_number(chromebook, "010203")
    other = UserFactory.create()
    chromebook.force_login(other)
    assert chromebook.get(url("overview", waiting)).status_code == 404
    chromebook.post("/reading/", {"theme": "dark"})
    assert BOX_KEY not in chromebook.session
    assert kinds(waiting)[-1] == EventKind.OTHER_ACCOUNT
    assert phone.get(url("overview", waiting)).status_code == 200


def test_the_persons_own_sign_in_is_nothing_to_note(phone: Client, waiting: Journey) -> None:
    phone.force_login(waiting.person)
    phone.post(url("done", waiting, "check-box"))
    assert EventKind.OTHER_ACCOUNT not in kinds(waiting)
    assert BOX_KEY not in phone.session
    assert phone.get(url("overview", waiting)).status_code == 200


# --- a step


def test_every_step_shows_what_to_do_and_the_four_buttons(
    phone: Client, waiting: Journey
) -> None:
    phone.post(url("done", waiting, "check-box"))
    for number, (key, *_rest) in enumerate(fresh(waiting).step_keys, 1):
        page = text(phone.get(url("step", waiting, key)))
        assert f'<b class="num">{number}</b> / 20' in page, key
        assert f'href="{reverse("escalation:ask", args=[waiting.pk])}?step={key}"' in page, key
        assert f'href="{url("step_later", waiting, key)}"' in page, key
        assert "<details" in page, key
        assert 'id="should-see"' in page, key


def test_done_leads_on_and_can_be_taken_back_from_there(
    phone: Client, waiting: Journey
) -> None:
    response = phone.post(url("done", waiting, "check-box"))
    assert response.url == url("step", waiting, "power-on") + "?after=check-box"
    page = text(phone.get(response.url))
    assert f'action="{url("undo", waiting, "check-box")}"' in page
    assert phone.post(url("undo", waiting, "check-box")).url == url(
        "step", waiting, "check-box"
    )
    assert fresh(waiting).steps_done == 0


def test_a_double_press_is_one(phone: Client, waiting: Journey) -> None:
    for _press in range(2):
        phone.post(url("done", waiting, "check-box"), {"client_key": "k"})
    assert kinds(waiting) == [EventKind.BEGUN, EventKind.STEP_DONE]


def test_an_unknown_step_does_not_exist(phone: Client, waiting: Journey) -> None:
    assert phone.get(url("step", waiting, "make-coffee")).status_code == 404
    assert phone.post(url("done", waiting, "make-coffee")).status_code == 404


def test_only_what_need_not_be_done_can_be_left_out(phone: Client, waiting: Journey) -> None:
    assert phone.post(url("skip", waiting, "enroll")).status_code == 404
    for key in ("camera-mic", "touch-practice", "keep-safe"):
        assert phone.post(url("skip", waiting, key)).status_code == 302
    assert set(waiting.records.values_list("result", flat=True)) == {Result.SKIPPED}


def test_a_hint_that_was_read_is_noted_and_an_invented_one_is_not(
    phone: Client, waiting: Journey
) -> None:
    address = url("trouble", waiting, "check-box")
    assert phone.post(address, {"trouble": "1"}).status_code == 204
    assert phone.post(address, {"trouble": "99"}).status_code == 404
    assert kinds(waiting)[-1] == EventKind.TROUBLE_OPENED


def test_coming_back_is_noted_only_after_a_while(phone: Client, waiting: Journey) -> None:
    address = url("step", waiting, "check-box")
    assert "data-opened" not in text(phone.get(address))
    Journey.objects.update(last_event_at=NOW)
    assert f'data-opened="{url("opened", waiting, "check-box")}"' in text(phone.get(address))
    assert phone.post(url("opened", waiting, "check-box")).status_code == 204


def test_what_the_page_cannot_check_yet_it_does_not_claim(
    phone: Client, waiting: Journey
) -> None:
    phone.post(url("done", waiting, "screen-lock"))
    record = waiting.records.get(step_key="screen-lock")
    assert (record.result, record.method) == (Result.SELF_REPORTED, Method.BUTTON)


# --- checks of the server


def test_a_wrong_serial_can_be_tried_again_and_then_taken_on_ones_word(
    phone: Client, waiting: Journey
) -> None:
    address = url("check", waiting, "confirm-device")
    done = f'action="{url("done", waiting, "confirm-device")}"'
    first = phone.post(address, {"serial": "zzzz"})
    assert first.status_code == 422
    assert done not in text(first)
    second = text(phone.post(address, {"serial": "yyyy"}))
    assert done in second
    assert f'href="/d/{CODE}/report/wrong_box"' in second
    phone.post(url("done", waiting, "confirm-device"))
    record = waiting.records.get(step_key="confirm-device")
    assert record.result == Result.SELF_REPORTED
    assert kinds(waiting).count(EventKind.CHECK_FAILED) == 2


def test_guessing_serials_is_slowed(phone: Client, waiting: Journey) -> None:
    address = url("check", waiting, "confirm-device")
    codes = [phone.post(address, {"serial": f"ZZZ{n}"}).status_code for n in range(6)]
    assert codes == [422] * 5 + [429]


def test_questions_show_their_reasons_and_keep_no_score(
    phone: Client, waiting: Journey
) -> None:
    address = url("check", waiting, "keep-safe")
    done = f'action="{url("done", waiting, "keep-safe")}"'
    assert phone.post(address, {"q1": "1"}).status_code == 422
    wrong = phone.post(address, {"q1": "1", "q2": "2", "q3": "1", "tries": "0"})
    assert wrong.status_code == 422
    assert "朝まで待つと" in text(wrong)
    assert done not in text(wrong)
    assert done in text(phone.post(address, {"q1": "1", "q2": "2", "q3": "1", "tries": "1"}))
    assert EventKind.CHECK_FAILED not in kinds(waiting)
    assert phone.post(address, {"q1": "2", "q2": "2", "q3": "1"}).status_code == 302
    assert waiting.records.get(step_key="keep-safe").result == Result.CONFIRMED


def test_there_is_nothing_to_check_where_no_check_is(phone: Client, waiting: Journey) -> None:
    assert phone.post(url("check", waiting, "power-on")).status_code == 404


# --- the Chromebook


def test_a_chromebook_says_that_it_is_there(phone: Client, waiting: Journey) -> None:
    arrive = url("arrive", waiting)
    assert arrive not in text(phone.get(url("overview", waiting)))
    for name, more in (("overview", ()), ("step", ("check-box",)), ("step", ("open-guide",))):
        page = text(phone.get(url(name, waiting, *more), HTTP_USER_AGENT=CHROMEBOOK))
        assert f'action="{arrive}" data-arrive' in page
    assert phone.post(arrive).status_code == 302
    assert fresh(waiting).arrived_at is None
    phone.post(arrive, HTTP_SEC_CH_UA_PLATFORM='"Chrome OS"')
    assert fresh(waiting).arrived_at is not None
    page = text(phone.get(url("overview", waiting), HTTP_USER_AGENT=CHROMEBOOK))
    assert "data-arrive" not in page


def test_elsewhere_the_step_shows_the_way_and_takes_ones_word(
    phone: Client, waiting: Journey
) -> None:
    page = text(phone.get(url("step", waiting, "open-guide")))
    assert 'class="qr"' in page
    assert "testserver" in page
    phone.post(url("done", waiting, "open-guide"))
    assert waiting.records.get(step_key="open-guide").result == Result.SELF_REPORTED
    assert fresh(waiting).arrived_at is None


def test_done_on_the_chromebook_is_arriving(phone: Client, waiting: Journey) -> None:
    phone.post(url("done", waiting, "open-guide"), HTTP_USER_AGENT=CHROMEBOOK)
    assert fresh(waiting).arrived_at is not None
    assert waiting.records.get(step_key="open-guide").result == Result.CONFIRMED
    phone.post(url("undo", waiting, "open-guide"))
    phone.post(url("done", waiting, "open-guide"), HTTP_USER_AGENT=CHROMEBOOK)
    assert waiting.records.get(step_key="open-guide").result == Result.CONFIRMED


def test_only_the_demo_can_pretend_to_be_a_chromebook(
    phone: Client, waiting: Journey, settings: Any
) -> None:
    session = phone.session
    session["demo_device"] = "chromebook"
    session.save()
    assert "data-arrive" not in text(phone.get(url("overview", waiting)))
    SiteProfile.objects.update_or_create(pk=1, defaults={"demo_seeded_at": NOW})
    settings.DEBUG = True
    assert "data-arrive" in text(phone.get(url("overview", waiting)))


# --- later


def test_later_asks_when_and_stops_the_clocks(phone: Client, waiting: Journey) -> None:
    address = url("step_later", waiting, "check-box")
    assert phone.get(address).status_code == 200
    assert phone.post(address, {}).status_code == 422
    assert phone.post(address, {"when": "day"}).status_code == 422
    assert phone.post(address, {"when": "day", "on": "2001-01-01"}).status_code == 422
    assert phone.post(address, {"when": "next"}).url == url("overview", waiting)
    journey = fresh(waiting)
    assert journey.paused_until is not None
    assert journey.paused_until > journey.attention_at
    assert "pause" in text(phone.get(url("overview", waiting)))


def test_a_day_can_be_chosen(phone: Client, waiting: Journey) -> None:
    on = timezone.localdate() + timedelta(days=9)  # the page's own clock
    phone.post(url("later", waiting), {"when": "day", "on": on.isoformat()})
    until = fresh(waiting).paused_until
    assert until is not None
    assert timezone.localtime(until).date() >= on


# --- home


def test_home_asks_strangers_for_the_box_code(waiting: Journey, client: Client) -> None:
    page = text(client.get("/"))
    assert 'name="code"' in page
    assert client.get("/box", {"code": "k7m3-9qxp"}).url == f"/d/{CODE}"


@pytest.mark.parametrize(
    ("typed", "said"), [("K7M3-9QX", "8"), ("K7M3-90IP", "0 I"), ("K7M39QXQ", ""), ("", "")]
)
def test_home_says_what_cannot_be_right_about_a_code(waiting, client, typed, said):
    response = client.get("/box", {"code": typed})
    assert response.status_code == 422
    assert said in text(response)


def test_home_leads_back_to_this_browsers_set_up(phone: Client, waiting: Journey) -> None:
    assert f'href="{url("overview", waiting)}"' in text(phone.get("/"))


def test_home_on_the_chromebook_has_the_guides_two_ways(
    waiting: Journey, client: Client
) -> None:
    page = text(client.get("/", HTTP_USER_AGENT=CHROMEBOOK))
    assert reverse("account_login") in page
    assert 'name="code"' in page


def test_home_leads_everybody_to_their_place(waiting: Journey, client: Client) -> None:
    client.force_login(waiting.person)
    assert client.get("/").url == url("overview", waiting)
    JourneyFactory.create(loan=LoanFactory.create(person=waiting.person))
    two = client.get("/")
    assert two.status_code == 200
    assert url("overview", waiting) in text(two)


def test_a_set_up_leads_nobody_to_pages_that_are_closed_to_them(
    waiting: Journey, client: Client
) -> None:
    client.force_login(waiting.person)
    page = text(client.get(url("overview", waiting)))
    assert reverse("dashboard:overview") not in page
    assert reverse("counter:home") not in page


def test_home_leads_helpers_without_a_set_up_of_their_own_to_the_board(
    waiting: Journey, client: Client
) -> None:
    helper = GrantFactory.create(role=Role.IT).person
    client.force_login(helper)
    assert client.get("/").url == reverse("dashboard:overview")
    own = JourneyFactory.create(loan=LoanFactory.create(person=helper))
    assert client.get("/").url == url("overview", own)
    assert text(client.get(url("overview", own))).count(reverse("dashboard:overview")) == 2
    Journey.objects.filter(pk=own.pk).update(ready_at=NOW)
    assert client.get("/").url == reverse("dashboard:overview")


def test_home_helps_who_has_no_guide(guide: Any, client: Client) -> None:
    client.force_login(UserFactory.create())
    page = client.get("/")
    assert page.status_code == 200
    assert 'name="code"' in text(page)


# --- the milestones


def test_the_milestones_are_shown_once_they_are_reached(
    phone: Client, waiting: Journey
) -> None:
    for name in ("ready", "finished"):
        assert phone.get(url(name, waiting)).url == url("overview", waiting)
    walk(phone, waiting)
    for name in ("ready", "finished"):
        assert phone.get(url(name, waiting)).status_code == 200


def test_a_journey_that_has_not_begun_shows_the_way_and_a_button(
    waiting: Journey, client: Client
) -> None:
    client.force_login(waiting.person)
    page = text(client.get(url("overview", waiting)))
    assert f'action="{url("start", waiting)}"' in page
    assert client.get(url("step", waiting, "check-box")).url == url("overview", waiting)
    assert client.post(url("start", waiting)).url == url("step", waiting, "check-box")


def test_every_page_is_there_in_english(phone: Client, waiting: Journey) -> None:
    walk(phone, waiting)
    for path in pages_of(waiting):
        page = phone.get(path, follow=True, HTTP_ACCEPT_LANGUAGE="en")
        assert 'lang="en"' in text(page)
        assert page.status_code == 200


# --- how much each page asks the database


@pytest.mark.parametrize("key", ["check-box", "connect-wifi", "open-guide", "office-files"])
def test_a_step_page_asks_four_times(phone, waiting, key, django_assert_max_num_queries):
    phone.get(url("step", waiting, key))
    with django_assert_max_num_queries(4):
        phone.get(url("step", waiting, key))


def test_done_asks_nine_times(phone, waiting, django_assert_max_num_queries):
    phone.get(url("step", waiting, "power-on"))
    with django_assert_max_num_queries(9):
        phone.post(url("done", waiting, "power-on"), {"client_key": "k"})


def test_the_overview_asks_the_same_however_far_somebody_is(
    phone, waiting, django_assert_max_num_queries
):
    for _time in range(2):
        with django_assert_max_num_queries(6):
            phone.get(url("overview", waiting))
        walk(phone, waiting)
