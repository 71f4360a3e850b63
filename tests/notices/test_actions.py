"""What is said is said once, in the reader's language, and its fate is recorded."""

from __future__ import annotations

import re
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from kitting.notices import actions
from kitting.notices.actions import UNSHOWN
from kitting.notices.actions.sheaf import Sheaf
from kitting.notices.channels import NotNowError, RefusedError, UnreachableError
from kitting.notices.models import Notice
from kitting.notices.states import Channel, Lane, NoticeState
from tests.factories import NOW, NoticeFactory, UserFactory

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.notices.channels import Send

pytestmark = pytest.mark.django_db

KINDS = [
    "it_asked",
    "it_lead_stuck",
    "it_stuck",
    "lead_asked",
    "lead_stuck",
    "loss",
    "nudge",
    "received",
    "reply",
    "resolved",
    "return_device",
    "sign_in_code",
]
CONTEXT = {
    "number": "H-0434",
    "person_name": "小野　健太",
    "place": "第三保育所",
    "extension": "2417",
    "step": {"ja": "Wi-Fi につなぐ", "en": "Connect to Wi-Fi"},
    "words": "なおしました",
    "code": "1234-5678",
}


class Post:
    """A mail server that answers as it is told and remembers what it took."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.taken: list[str] = []

    def __call__(self, notice: Notice) -> None:
        answer = self.answers.pop(0) if self.answers else None
        if answer:
            raise answer
        self.taken.append(notice.message_id)


def put(key: str = "ticket:1:1:lead", **fields: object) -> Notice | None:
    given = {
        "kind": "test",
        "channel": Channel.MAIL,
        "language": "ja",
        "subject": "件名",
        "body": "本文",
        "address": "a@asahi.example.jp",
        "now": NOW,
        **fields,
    }
    return actions.queue(dedupe_key=key, **given)  # type: ignore[arg-type]  # a test's own shorthand


def deliver(send: Send, *, at: datetime = NOW, lane: Lane = Lane.NORMAL) -> actions.Delivered:
    return actions.deliver_due(now=at, lane=lane, send=send)


# --- writing -------------------------------------------------------------------------------------


def test_the_same_key_is_queued_once() -> None:
    assert put() is not None
    assert put() is None
    assert Notice.objects.count() == 1


def test_another_fault_than_a_known_key_is_not_hidden() -> None:
    with pytest.raises(IntegrityError):
        put(address="")


def test_what_is_read_on_a_page_counts_as_sent_at_once() -> None:
    notice = put(channel=Channel.WIZARD, address="")
    assert notice
    assert (notice.state, notice.sent_at) == (NoticeState.SENT, NOW)


def test_a_notice_for_later_waits_for_its_hour() -> None:
    morning = NOW + timedelta(hours=15)
    put(not_before=morning)
    put("page", channel=Channel.WIZARD, address="", not_before=morning)
    post = Post()
    assert deliver(post).taken == 0
    assert deliver(post, at=morning).sent == 2
    assert len(post.taken) == 1


def test_a_person_is_written_to_by_what_the_person_can_read() -> None:
    reader, guest = UserFactory.create(), UserFactory.create(email="")
    by_mail = actions.queue_message(
        kind="nudge", person=reader, reason="t:1", context={}, now=NOW
    )
    on_page = actions.queue_message(
        kind="nudge", person=guest, reason="t:1", context={}, now=NOW
    )
    assert by_mail
    assert on_page
    assert (by_mail.channel, by_mail.address) == (Channel.MAIL, reader.email)
    assert (on_page.channel, on_page.address) == (Channel.WIZARD, "")


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_message_has_a_subject_and_a_body(kind: str, language: str) -> None:
    person = UserFactory.create(language=language, name="小池　健太")
    subject, body = actions.render(
        kind=kind, person=person, channel=Channel.MAIL, context={**CONTEXT, "path": "/d/1"}
    )
    assert subject
    assert len(subject) <= (28 if language == "ja" else 48)
    assert "\n" not in subject
    assert "/d/1" in body
    assert "&#x27;" not in body
    assert "{" not in body


def test_a_message_speaks_the_readers_language() -> None:
    reader = UserFactory.create(language="en")
    _, body = actions.render(
        kind="lead_stuck", person=reader, channel=Channel.MAIL, context=CONTEXT
    )
    assert "Connect to Wi-Fi" in body
    assert "つなぐ" not in body


def test_what_a_helper_wrote_is_said_as_it_was_written_whatever_signs_it_has() -> None:
    person = UserFactory.create()
    wild = "".join(
        map(chr, range(0xE000, 0xE010))
    )  # letters of Japan's own fonts, and our signs
    said = {
        "kind": "reply",
        "person": person,
        "channel": Channel.MAIL,
        "context": {**CONTEXT, "words": f"画面の{wild}を押す"},
    }
    assert wild in actions.render(**said, sheaf=Sheaf())[1]
    assert actions.render(**said, sheaf=Sheaf()) == actions.render(**said)


def test_a_request_starts_with_its_number() -> None:
    person = UserFactory.create()
    subject, _ = actions.render(
        kind="it_asked", person=person, channel=Channel.MAIL, context=CONTEXT
    )
    assert subject.startswith("[H-0434] ")


@pytest.mark.parametrize("kind", ["nudge", "received", "reply", "resolved", "sign_in_code"])
def test_who_needs_help_reads_nothing_about_others(kind: str) -> None:
    person = UserFactory.create(name="小池　健太")
    _, body = actions.render(kind=kind, person=person, channel=Channel.MAIL, context=CONTEXT)
    assert "小野" not in body
    assert "2417" not in body


@pytest.mark.django_db(transaction=True)
def test_two_who_speak_unasked_at_once_do_so_on_two_days() -> None:
    person = UserFactory.create()
    said = threading.Event()

    def first() -> None:
        with transaction.atomic():
            actions.queue_message(kind="nudge", person=person, reason="a", context={}, now=NOW)
            said.set()
            time.sleep(0.3)  # on PostgreSQL the other one finds the day free until now
        connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert said.wait(30)
    actions.queue_message(kind="invite_month", person=person, reason="b", context={}, now=NOW)
    thread.join()
    days = Notice.objects.order_by("unasked_on").values_list("kind", "unasked_on")
    assert list(days) == [
        ("nudge", NOW.date()),
        ("invite_month", NOW.date() + timedelta(days=1)),
    ]


# --- delivering ----------------------------------------------------------------------------------


def test_a_delivered_notice_is_recorded_and_never_sent_again() -> None:
    notice = put()
    post = Post()
    assert deliver(post) == actions.Delivered(sent=1)
    assert deliver(post, at=NOW + timedelta(days=3)) == actions.Delivered()
    assert notice
    assert post.taken == [notice.message_id]
    notice.refresh_from_db()
    assert notice.state == NoticeState.SENT
    assert notice.sent_at is not None


def test_a_temporary_answer_is_tried_again_later_and_later() -> None:
    notice = put()
    assert notice
    post = Post(NotNowError("451 later"), NotNowError("451 later"))
    at, waits = NOW, []
    while notice.state != NoticeState.SENT:
        deliver(post, at=at)
        notice.refresh_from_db()
        waits.append(notice.next_try_at - at)
        at = notice.next_try_at + timedelta(seconds=1)
    assert notice.attempts == 3
    assert timedelta(minutes=1) <= waits[0] < timedelta(minutes=2)
    assert waits[1] >= timedelta(minutes=2)
    assert notice.last_error == ""


def test_a_retry_does_not_come_before_its_moment() -> None:
    put()
    post = Post(NotNowError("451 later"))
    deliver(post)
    assert deliver(post, at=NOW + timedelta(seconds=55)).taken == 0


def test_a_permanent_answer_ends_it_and_is_kept() -> None:
    notice = put()
    post = Post(RefusedError("550 no such user"))
    assert deliver(post).failed == 1
    assert deliver(post, at=NOW + timedelta(days=3)).taken == 0
    assert notice
    notice.refresh_from_db()
    assert (notice.state, notice.last_error) == (NoticeState.FAILED, "550 no such user")
    assert actions.try_again(notice_id=notice.pk, now=NOW)
    assert deliver(post).sent == 1


def test_a_server_that_is_away_for_three_days_costs_nobody_a_message() -> None:
    for number in range(3):
        put(f"k{number}")
    away = Post(*[UnreachableError("refused")] * 500)
    at = NOW
    while at < NOW + timedelta(days=3):
        assert deliver(away, at=at).failed == 0
        at += timedelta(hours=1)
    back = Post()
    assert deliver(back, at=at).sent == 3
    assert len(set(back.taken)) == 3


def test_an_unreachable_server_is_asked_once_a_round() -> None:
    for number in range(5):
        put(f"k{number}")
    post = Post(UnreachableError("refused"))
    assert deliver(post) == actions.Delivered(postponed=1, unreachable=True)
    assert post.taken == []


def test_a_poisonous_notice_does_not_hold_up_the_others() -> None:
    for number in range(3):
        put(f"k{number}")
    post = Post(None, KeyError("whatever"), None)
    assert deliver(post) == actions.Delivered(sent=2, postponed=1)


def test_two_deliverers_share_the_work_and_send_each_notice_once() -> None:
    for number in range(4):
        put(f"k{number}")
    other = Post()

    def slow(notice: Notice) -> None:
        # While this one is with the server, a second deliverer goes through the whole outbox.
        deliver(other)
        mine.append(notice.message_id)

    mine: list[str] = []
    deliver(slow)
    assert sorted(mine + other.taken) == sorted(
        Notice.objects.values_list("message_id", flat=True)
    )


def test_a_claim_of_a_dead_worker_runs_out() -> None:
    notice = put()

    def killed(_: Notice) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(killed)
    post = Post()
    assert deliver(post, at=NOW + timedelta(seconds=90)).taken == 0
    assert deliver(post, at=NOW + timedelta(seconds=130)).sent == 1
    assert notice
    assert post.taken == [notice.message_id]


# --- sign-in codes -------------------------------------------------------------------------------


def test_a_sign_in_code_is_erased_when_it_is_sent() -> None:
    notice = put(lane=Lane.SIGN_IN, body="1234-5678")
    assert deliver(Post(), lane=Lane.SIGN_IN).sent == 1
    assert notice
    notice.refresh_from_db()
    assert notice.body == ""


@pytest.mark.parametrize("answer", [RefusedError("550"), NotNowError("451")])
def test_a_sign_in_code_that_did_not_leave_is_erased_too(answer: Exception) -> None:
    notice = put(lane=Lane.SIGN_IN, body="1234-5678")
    deliver(Post(answer), lane=Lane.SIGN_IN)
    deliver(Post(), lane=Lane.SIGN_IN, at=NOW + timedelta(minutes=10))
    assert notice
    notice.refresh_from_db()
    assert notice.body == ""
    assert notice.state != NoticeState.SENT


def test_an_old_sign_in_code_is_not_sent() -> None:
    put(lane=Lane.SIGN_IN)
    post = Post()
    assert deliver(post, lane=Lane.SIGN_IN, at=NOW + timedelta(minutes=10)).taken == 0
    assert Notice.objects.get().state == NoticeState.CANCELLED


def test_lanes_do_not_wait_for_each_other() -> None:
    put("normal")
    put("code", lane=Lane.SIGN_IN)
    assert deliver(Post(), lane=Lane.SIGN_IN).sent == 1
    assert deliver(Post()).sent == 1


# --- afterwards ----------------------------------------------------------------------------------


def test_what_waits_can_be_taken_back() -> None:
    put(about="ticket:1")
    put("other", about="ticket:2")
    assert actions.cancel(about="ticket:1") == 1
    assert deliver(Post()).sent == 1


def test_what_was_read_is_not_unread() -> None:
    person = UserFactory.create()
    NoticeFactory.create(
        channel=Channel.WIZARD,
        person=person,
        about="ticket:1",
        state=NoticeState.SENT,
        sent_at=NOW,
    )
    assert actions.read(person=person, about="ticket:1", now=NOW) == 1
    assert actions.read(person=person, about="ticket:1", now=NOW) == 0


def test_no_message_shows_what_is_left_out_where_many_are_set_at_once() -> None:
    for file in sorted((settings.BASE_DIR / "templates" / "emails").glob("*.txt")):
        tags = re.findall(r"{[{%].*?[}%]}", file.read_text(encoding="utf-8"))
        assert not set(re.findall(r"\w+", " ".join(tags))) & UNSHOWN, file.name
