"""What the database itself refuses about notices."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from tests.factories import NOW, NoticeFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("notice_dedupe_key_not_empty", {"dedupe_key": ""}),
        ("notice_sent_has_a_moment", {"state": NoticeState.SENT, "sent_at": None}),
        ("notice_sent_has_a_moment", {"state": NoticeState.QUEUED, "sent_at": NOW}),
        ("notice_mail_has_an_address", {"address": ""}),
        (
            "notice_sent_after_it_was_written",
            {"state": NoticeState.SENT, "sent_at": NOW.replace(year=2020)},
        ),
    ],
)
def test_the_database_refuses_a_notice_that_cannot_be(
    name: str, fields: dict[str, Any]
) -> None:
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        NoticeFactory.create(**fields)


@pytest.mark.parametrize("field", ["dedupe_key", "message_id"])
def test_a_key_and_a_message_id_stand_once(field: str) -> None:
    first = NoticeFactory.create()
    with pytest.raises(IntegrityError), transaction.atomic():
        NoticeFactory.create(**{field: getattr(first, field)})


def test_the_search_for_due_notices_walks_the_partial_index() -> None:
    NoticeFactory.create_batch(3)
    NoticeFactory.create(state=NoticeState.SENT, sent_at=NOW)
    due = Notice.objects.due(now=NOW).filter(lane="normal").order_by("next_try_at", "pk")
    assert due.count() == 3
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "notice_due" in due.explain()
