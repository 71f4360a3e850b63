"""What was pressed without a network arrives once, in order, with its own time; and pages know whose they are."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from kitting.escalation.models import Ticket, TicketEntry
from kitting.journeys import rules
from kitting.journeys.actions.loans import close_journeys
from kitting.journeys.actions.presses import take_press
from kitting.journeys.actions.resting import end_box_sessions
from kitting.journeys.models import Journey, Press
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import CloseReason, EventKind
from tests.factories import NOW, UserFactory

if TYPE_CHECKING:
    from django.http import HttpResponse

DEVICE = "0f0e0d0c-0b0a-4908-8706-050403020100"


@pytest.fixture
def phone(journey: Journey) -> Client:
    """A browser that holds the box session."""
    return with_box(journey)


def with_box(journey: Journey, **wishes: Any) -> Client:
    client = Client(**wishes)
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


def replay(
    client: Client,
    path: str,
    sequence: int,
    fields: dict[str, str] | None = None,
    *,
    at: datetime | str | None = None,
) -> HttpResponse:
    """Send what waited on the device, as the worker does."""
    pressed = at.isoformat() if isinstance(at, datetime) else (at or "")
    headers = {"Kitto-Press": f"{DEVICE}:{sequence}", "Kitto-Pressed-At": pressed}
    return client.post(path, fields or {}, headers=headers)


def step(journey: Journey, key: str, verb: str = "done") -> str:
    return f"/j/{journey.pk}/s/{key}/{verb}"


def told(journey: Journey) -> list[tuple[str, str]]:
    """Return what the person did since the beginning, in order."""
    events = journey.events.exclude(kind=EventKind.BEGUN).order_by("number")
    return list(events.values_list("kind", "step_key"))


# --- arriving


def test_what_waited_arrives_in_order_and_once(journey: Journey, phone: Client) -> None:
    start = datetime.now(UTC)
    sent = [
        (step(journey, "check-box"), {"client_key": "a" * 32}),
        (step(journey, "power-on"), {"client_key": "b" * 32}),
        (step(journey, "power-on", "undo"), {"client_key": "c" * 32}),
        (f"/j/{journey.pk}/help/?step=power-on", {"choice": "other", "words": "つきません"}),
    ]
    for _again in range(3):
        for number, (path, fields) in enumerate(sent, 1):
            assert replay(phone, path, number, fields).status_code == 204
    assert told(journey)[:3] == [
        ("step_done", "check-box"),
        ("step_done", "power-on"),
        ("step_undone", "power-on"),
    ]
    assert Press.objects.filter(client=DEVICE).count() == len(sent)
    assert Ticket.objects.get().journey == journey
    assert TicketEntry.objects.filter(text="つきません").count() == 1
    assert Journey.objects.get(pk=journey.pk).current_step == "power-on"
    assert journey.events.filter(at__lt=start).count() == 1  # only the beginning


def test_the_same_press_by_another_way_is_one(journey: Journey, phone: Client) -> None:
    # The answer to the first was lost on the way back: the device sends it again.
    fields = {"client_key": "a" * 32}
    assert phone.post(step(journey, "check-box"), fields).status_code == 302
    phone.post(step(journey, "check-box", "undo"), {"client_key": "b" * 32})
    assert replay(phone, step(journey, "check-box"), 1, fields).status_code == 204
    assert told(journey) == [("step_done", "check-box"), ("step_undone", "check-box")]


def test_a_question_sent_twice_is_one_question(journey: Journey, phone: Client) -> None:
    fields = {"choice": "other", "words": "一度だけ", "client_key": "d" * 32}
    asked = [phone.post(f"/j/{journey.pk}/help/", fields) for _n in range(3)]
    assert len({answer["Location"] for answer in asked}) == 1
    assert replay(phone, f"/j/{journey.pk}/help/", 9, fields).status_code == 204
    assert TicketEntry.objects.filter(text="一度だけ").count() == 1


def test_a_refused_press_leaves_no_trace(journey: Journey, phone: Client) -> None:
    before = journey.events.count()
    assert replay(phone, step(journey, "no-such-step"), 1).status_code == 404
    # What was not taken may come again, and then counts.
    assert not Press.objects.exists()
    assert journey.events.count() == before
    assert replay(phone, step(journey, "check-box"), 1).status_code == 204


def test_an_old_token_is_refused_and_the_fresh_one_taken(journey: Journey) -> None:
    phone = with_box(journey, enforce_csrf_checks=True)
    assert replay(phone, step(journey, "check-box"), 1).status_code == 403
    assert not Press.objects.exists()
    token = phone.get("/offline/pass").json()["token"]
    fields = {"csrfmiddlewaretoken": token}
    assert replay(phone, step(journey, "check-box"), 1, fields).status_code == 204


@pytest.mark.parametrize("said", ["", "1", f"{DEVICE}:", f"{DEVICE}:x", "'; drop:1"])
def test_what_is_no_press_is_a_form_like_any_other(
    journey: Journey, phone: Client, said: str
) -> None:
    answer = phone.post(step(journey, "check-box"), headers={"Kitto-Press": said})
    assert answer.status_code == 302
    assert not Press.objects.exists()


def test_pages_outside_a_journey_take_no_presses(journey: Journey, phone: Client) -> None:
    assert replay(phone, "/reading", 1).status_code != 204
    assert not Press.objects.exists()


# --- its own time


def pressed(journey: Journey) -> list[datetime | None]:
    events = journey.events.filter(kind=EventKind.STEP_DONE).order_by("number")
    return list(events.values_list("client_at", flat=True))


def test_its_own_time_is_kept_and_the_receipt_orders(journey: Journey, phone: Client) -> None:
    first, second = NOW + timedelta(minutes=5), NOW + timedelta(minutes=7)
    replay(phone, step(journey, "check-box"), 1, at=first)
    replay(phone, step(journey, "power-on"), 2, at=second)
    assert pressed(journey) == [first, second]
    moments = journey.events.order_by("number").values_list("at", flat=True)
    assert sorted(moments) == list(moments)
    assert all(at > second for at in list(moments)[1:])


def test_clocks_that_are_wrong_change_nothing(journey: Journey, phone: Client) -> None:
    before = datetime.now(UTC)
    replay(phone, step(journey, "check-box"), 1, at=datetime(1999, 1, 1, tzinfo=UTC))
    replay(phone, step(journey, "power-on"), 2, at=datetime(2099, 1, 1, tzinfo=UTC))
    replay(phone, step(journey, "language-keyboard"), 3, at=NOW)  # the clock went back
    early, late, back = pressed(journey)
    assert early == NOW  # when the journey began
    assert late
    assert before <= late <= datetime.now(UTC)
    assert back == late


@pytest.mark.parametrize("said", ["", "yesterday", "2026-11-10T10:00:00", "2026-13-40T99:00Z"])
def test_a_time_that_is_none_is_none(journey: Journey, phone: Client, said: str) -> None:
    replay(phone, step(journey, "check-box"), 1, at=said)
    assert pressed(journey) == [None]


def test_what_comes_online_has_no_time_of_its_own(journey: Journey, phone: Client) -> None:
    phone.post(step(journey, "check-box"))
    assert pressed(journey) == [None]


@pytest.mark.parametrize(
    ("client_at", "last", "expected"),
    [(None, NOW, None), (-9, -5, -5), (-3, -5, -3), (9, -5, 0), (-9, None, -9)],
)
def test_the_own_time_lies_between_the_last_event_and_now(
    client_at: Any, last: Any, expected: Any
) -> None:
    def moment(hours: Any) -> Any:
        return NOW + timedelta(hours=hours) if isinstance(hours, int) else hours

    found = rules.own_time(moment(client_at), last=moment(last), now=NOW)
    assert found == moment(expected)


# --- when the session has ended


@pytest.mark.parametrize("how", ["epoch", "closed", "left"])
def test_an_ended_session_takes_nothing_and_says_so(
    journey: Journey, phone: Client, how: str
) -> None:
    assert phone.get("/offline/pass").json()["journeys"] == [journey.pk]
    if how == "epoch":
        end_box_sessions(journey_id=journey.pk)
    elif how == "closed":
        close_journeys([journey], reason=CloseReason.LOST, now=NOW)
    else:
        phone.post(f"/j/{journey.pk}/leave")
    assert phone.get("/offline/pass").json()["journeys"] == []
    assert replay(phone, step(journey, "check-box"), 1).status_code == 404
    assert not Press.objects.exists()


def test_who_enters_again_sends_what_waited(journey: Journey, phone: Client) -> None:
    phone.post(f"/j/{journey.pk}/leave")
    phone.force_login(journey.person)
    assert phone.get("/offline/pass").json()["journeys"] == [journey.pk]
    assert replay(phone, step(journey, "check-box"), 1).status_code == 204
    assert told(journey) == [("step_done", "check-box")]


def test_somebody_else_cannot_send_it(journey: Journey) -> None:
    client = Client()
    client.force_login(UserFactory.create())
    assert client.get("/offline/pass").json()["journeys"] == []
    assert replay(client, step(journey, "check-box"), 1).status_code == 404


# --- what the device keeps


def holder(answer: HttpResponse) -> str:
    return answer.headers.get("Kitto-Holder", "")


def test_every_page_says_whose_it_is(journey: Journey, phone: Client) -> None:
    mine = holder(phone.get(f"/j/{journey.pk}/"))
    assert re.fullmatch("[0-9a-f]{16}", mine)
    assert holder(phone.get("/")) == mine
    assert holder(phone.get(f"/j/{journey.pk}/keep")) == mine
    assert holder(Client().get("/")) == "-"
    person = Client()
    person.force_login(journey.person)
    assert holder(person.get(f"/j/{journey.pk}/")) not in ("", "-", mine)
    phone.post(f"/j/{journey.pk}/leave")
    assert holder(phone.get("/")) == "-"


def test_health_asks_no_session(phone: Client) -> None:
    assert holder(phone.get("/readyz")) == ""


def test_the_pages_to_keep_begin_with_the_next_step(journey: Journey, phone: Client) -> None:
    phone.post(step(journey, "check-box"))
    kept = phone.get(f"/j/{journey.pk}/keep").json()
    base = f"/j/{journey.pk}"
    assert kept["pages"][:4] == [
        "/offline/",
        f"{base}/",
        f"{base}/s/power-on/",
        f"{base}/help/?step=power-on",
    ]
    assert len(kept["steps"]) == len(set(kept["pages"])) - 4 == journey.steps_total
    assert [one["key"] for one in kept["steps"] if one["done"]] == ["check-box"]
    assert all(phone.get(path).status_code == 200 for path in kept["pages"])


def test_the_worker_comes_from_the_root_and_names_its_files(client: Client, db: None) -> None:
    answer = client.get("/sw.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer["Cache-Control"]
    config = json.loads(answer.content.decode().partition(" = ")[2].partition(";\n")[0])
    assert config["version"]
    assert config["files"] == "/static/"
    assert "worker-src 'self'" in answer["Content-Security-Policy"]


def test_a_page_of_the_guide_hides_what_only_a_kept_page_says(
    journey: Journey, phone: Client
) -> None:
    page = phone.get(f"/j/{journey.pk}/s/check-box/").content.decode()
    assert "data-saved-bar hidden" in page
    assert "data-saved-at></b>" in page
    assert '<html lang="' in page
    assert re.search(r'name="client_key" value="[0-9a-f]{32}', page)


# --- the table itself


def test_a_number_of_a_device_is_used_once(db: None) -> None:
    facts = {"client": DEVICE, "sequence": 1, "path": "/", "received_at": NOW}
    Press.objects.create(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        Press.objects.create(**facts)


def test_old_presses_are_cleared_away(db: None) -> None:
    for days in (0, 100):
        when = NOW + timedelta(days=days)
        take_press(client=DEVICE, sequence=days, path="/", client_at=None, now=when)
    assert [press.sequence for press in Press.objects.all()] == [100]


@pytest.mark.django_db(transaction=True)
def test_eight_arrivals_at_once_are_one(journey: Journey) -> None:
    together, answers = threading.Barrier(8), []
    phones = [with_box(journey) for _n in range(8)]

    def send(phone: Client) -> None:
        try:
            together.wait()
            fields = {"choice": "other", "words": "同時に"}
            answers.append(replay(phone, f"/j/{journey.pk}/help/", 1, fields).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(phone,)) for phone in phones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [204] * 8
    assert TicketEntry.objects.filter(text="同時に").count() == 1
