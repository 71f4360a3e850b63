"""What the outbox tells: to the reader, to IT and to the monitors."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kitting.notices.queries import Outbox, outbox, undeliverable, unread
from kitting.notices.states import Channel, Lane, NoticeState
from tests.factories import NOW, NoticeFactory, UserFactory

pytestmark = pytest.mark.django_db

FAILED = {"state": NoticeState.FAILED, "last_error": "550 no such user"}


def test_a_person_reads_the_own_unread_notices_newest_first() -> None:
    person = UserFactory.create()
    page = {"channel": Channel.WIZARD, "state": NoticeState.SENT, "sent_at": NOW}
    old = NoticeFactory.create(person=person, **page)
    new = NoticeFactory.create(
        person=person,
        **{**page, "sent_at": NOW + timedelta(hours=1)},
        created_at=NOW + timedelta(hours=1),
    )
    NoticeFactory.create(person=person, **page, read_at=NOW)
    NoticeFactory.create(person=UserFactory.create(), **page)
    NoticeFactory.create(person=person, channel=Channel.WIZARD, next_try_at=NOW)
    assert unread(person) == [new, old]


def test_undeliverable_notices_are_listed_but_never_sign_in_codes() -> None:
    failed = NoticeFactory.create(**FAILED)
    NoticeFactory.create(**FAILED, lane=Lane.SIGN_IN)
    NoticeFactory.create()
    assert list(undeliverable()) == [failed]


def test_the_outbox_knows_how_late_it_is() -> None:
    due = NOW - timedelta(minutes=7)
    NoticeFactory.create(created_at=due, next_try_at=due)
    NoticeFactory.create(next_try_at=NOW + timedelta(hours=1), last_error="451 later")
    NoticeFactory.create(**FAILED)
    assert outbox(now=NOW) == Outbox(waiting=2, retrying=1, oldest_due_at=due)


def test_an_empty_outbox_is_not_late() -> None:
    assert outbox(now=NOW) == Outbox(waiting=0, retrying=0, oldest_due_at=None)
