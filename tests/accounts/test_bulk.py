"""Rows that are written many at once are as those that are written one by one."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DataError, transaction

from accounts.bulk import write_many
from kitting.escalation.models import TicketEntry
from kitting.escalation.states import EntryKind
from kitting.notices.models import Notice
from kitting.notices.states import Channel, NoticeState
from tests.factories import NOW, TicketFactory, UserFactory
from tests.needs import needs

pytestmark = pytest.mark.django_db


def notice(key: str, **fields: object) -> Notice:
    usual = {
        "kind": "nudge",
        "channel": Channel.MAIL,
        "address": "a@example.jp",
        "language": "ja",
        "subject": "続き",
        "body": '一行目\n"引用", {波括弧}, \\ と NULL',
        "message_id": f"<{key}@example.jp>",
        "created_at": NOW,
        "next_try_at": NOW,
    }
    return Notice(dedupe_key=key, **usual | fields)


def test_every_value_comes_back_as_it_went_in():
    person = UserFactory.create()
    rows = [
        notice("a", person=person, unasked_on=date(2026, 11, 10)),
        notice("b", state=NoticeState.SENT, sent_at=NOW, subject=""),
        notice("c", channel=Channel.WIZARD, address="", read_at=NOW),
    ]
    write_many(rows)
    for row in rows:
        kept = Notice.objects.get(dedupe_key=row.dedupe_key)
        for field in Notice._meta.concrete_fields:
            assert getattr(kept, field.attname) == getattr(row, field.attname), field.name


def test_facts_come_back_as_facts():
    ticket = TicketFactory.create()
    facts = [{}, {"level": "lead", "why": '"{,}\\'}, {"reason": "失敗"}]
    entries = [
        TicketEntry(ticket=ticket, kind=EntryKind.RAISED, at=NOW, data=data) for data in facts
    ]
    write_many(entries)
    kept = TicketEntry.objects.in_bulk([entry.pk for entry in entries])
    assert [kept[entry.pk].data for entry in entries] == facts


@pytest.mark.parametrize("number", [0, 1, 2, 501])
def test_rows_know_their_numbers_however_many_they_are(number: int):
    rows = [notice(f"n{n}") for n in range(number)]
    write_many(rows)
    numbers = dict(Notice.objects.values_list("dedupe_key", "pk"))
    assert {row.dedupe_key: row.pk for row in rows} == numbers


def test_rows_that_are_all_alike_are_each_written():
    ticket = TicketFactory.create()
    write_many([TicketEntry(ticket=ticket, kind=EntryKind.STILL, at=NOW) for _ in range(3)])
    assert ticket.entries.filter(kind=EntryKind.STILL).count() == 3


def test_what_was_ever_said_is_not_said_again():
    write_many([notice("a", subject="first")], once="dedupe_key")
    write_many([notice("a", subject="second"), notice("b")], once="dedupe_key")
    assert set(Notice.objects.values_list("dedupe_key", "subject")) == {
        ("a", "first"),
        ("b", "続き"),
    }


def test_a_text_that_is_too_long_is_refused_and_never_cut_off():
    needs("postgres")
    with pytest.raises(DataError), transaction.atomic():
        write_many([notice("a"), notice("b", subject="x" * 201)])
    assert not Notice.objects.exists()
