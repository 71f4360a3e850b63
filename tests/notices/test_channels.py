"""The mail server's answers, from a real mail server."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from kitting.notices.actions import Delivered, deliver_due, queue
from kitting.notices.channels import open_mail
from kitting.notices.models import Notice
from kitting.notices.states import Channel, Lane, NoticeState
from tests.factories import NOW
from tests.sink import HANG, LOST

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import Settings

    from tests.sink import Sink

pytestmark = pytest.mark.django_db


def put(number: int = 1, **fields: Any) -> None:
    given: dict[str, Any] = {
        "subject": "[H-0434] 返事がきました",
        "body": "小池さん\nできました",
        **fields,
    }
    queue(
        dedupe_key=f"k{number}",
        kind="test",
        channel=Channel.MAIL,
        language="ja",
        address="s010203@asahi.example.jp",
        now=NOW,
        **given,
    )


def deliver(at: datetime = NOW) -> Delivered:
    with open_mail() as send:
        return deliver_due(now=at, lane=Lane.NORMAL, send=send)


def deliver_until_settled() -> int:
    """Deliver at each due moment until nothing waits; returns the rounds."""
    at, rounds = NOW, 0
    while waiting := Notice.objects.waiting().order_by("next_try_at").first():
        at = max(at, waiting.next_try_at) + timedelta(seconds=1)
        deliver(at)
        rounds += 1
    return rounds


def test_a_mail_says_what_it_is(sink: Sink, settings: Settings) -> None:
    settings.HELP_DESK_EMAIL = "help@asahi.example.jp"
    put()
    assert deliver() == Delivered(sent=1)
    (mail,) = sink.mails
    assert mail["Message-ID"] == Notice.objects.get().message_id
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"] == "Kitto <kitto.127.0.0.1>"
    assert mail["Reply-To"] == "help@asahi.example.jp"
    assert mail["Content-Language"] == "ja"
    assert mail["Subject"] == "[H-0434] 返事がきました"
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().split() == ["小池さん", "できました"]


def test_one_connection_serves_a_round(sink: Sink) -> None:
    for number in range(20):
        put(number)
    assert deliver().sent == 20
    assert len(set(sink.message_ids)) == 20
    assert sink.connections == 1


def test_three_temporary_answers_then_one_mail(sink: Sink) -> None:
    sink.answers.extend(["451 later"] * 3)
    put()
    assert deliver_until_settled() == 4
    assert len(sink.mails) == 1


def test_an_unknown_recipient_is_not_asked_again(sink: Sink) -> None:
    sink.recipient_answers.append("550 no such user")
    put()
    put(2)
    assert deliver() == Delivered(sent=1, failed=1)
    deliver_until_settled()
    assert sink.offered == 1
    failed = Notice.objects.get(state=NoticeState.FAILED)
    assert failed.last_error == "550 no such user"


def test_a_refused_text_is_not_sent_again(sink: Sink) -> None:
    sink.answers.append("554 spam")
    put()
    assert deliver() == Delivered(failed=1)
    deliver_until_settled()
    assert sink.offered == 1


def test_a_full_mailbox_is_tried_again(sink: Sink) -> None:
    sink.recipient_answers.append("452 mailbox full")
    put()
    assert deliver() == Delivered(postponed=1)
    deliver_until_settled()
    assert len(sink.mails) == 1


def test_a_server_that_hangs_is_left_in_time(sink: Sink) -> None:
    sink.answers.append(HANG)
    put()
    started = time.monotonic()
    assert deliver() == Delivered(postponed=1)
    assert time.monotonic() - started < 5
    deliver_until_settled()
    assert len(set(sink.message_ids)) == 1


def test_a_server_that_closes_in_between_costs_one_pause(sink: Sink) -> None:
    sink.answers.append("421 closing")
    put()
    put(2)
    assert deliver() == Delivered(sent=1, postponed=1)
    deliver_until_settled()
    assert len(sink.mails) == 2
    assert len(set(sink.message_ids)) == 2


def test_a_line_that_breaks_after_the_text_repeats_that_mail_alone_under_its_own_id(
    sink: Sink,
) -> None:
    sink.answers.extend([LOST, LOST])
    for number in range(5):
        put(number)
    deliver_until_settled()
    assert not Notice.objects.exclude(state=NoticeState.SENT).exists()
    assert len(set(sink.message_ids)) == 5
    assert len(sink.message_ids) == 7  # two were taken unheard, and came once more


def test_a_server_that_is_down_is_told_apart(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    put()
    assert deliver() == Delivered(postponed=1, unreachable=True)
    assert Notice.objects.get().attempts == 0


def test_a_line_break_in_a_subject_cannot_add_a_header(sink: Sink) -> None:
    put(subject="Hello\nBcc: all@asahi.example.jp")
    assert deliver().sent == 1
    assert sink.mails[0]["Bcc"] is None
