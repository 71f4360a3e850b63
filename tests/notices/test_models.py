"""What the database itself refuses about notices."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.migrations.loader import MigrationLoader

from kitting.notices.models import Notice, Outlet
from kitting.notices.states import NoticeState
from tests.factories import NOW, NoticeFactory, UserFactory

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db
ADDRESS = "https://programs.example.jp/kitto/open-sesame"


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


def test_a_person_is_told_one_unasked_thing_a_day() -> None:
    day = NOW.date()
    first = NoticeFactory.create(
        person=UserFactory.create(), unasked_on=day, state=NoticeState.CANCELLED
    )
    second = NoticeFactory.create(unasked_on=day, person=first.person)
    NoticeFactory.create(person=first.person)
    with pytest.raises(IntegrityError), transaction.atomic():
        NoticeFactory.create(unasked_on=day, person=second.person)


def test_a_copy_of_the_database_does_not_open_an_outlet(settings: Settings) -> None:
    outlet = Outlet.objects.create(
        label="a", kind="webhook", url=ADDRESS, secret="s" * 20, events=[], created_at=NOW
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret FROM kitting_outlet")
        url, secret = cursor.fetchone()
    assert "example" not in url
    assert "sss" not in secret
    outlet.refresh_from_db()
    assert (outlet.url, outlet.secret) == (ADDRESS, "s" * 20)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", [settings.SECRET_KEY]
    outlet.refresh_from_db()
    assert outlet.url == ADDRESS
    settings.SECRET_KEY_FALLBACKS = []
    outlet.refresh_from_db()
    assert (outlet.url, outlet.secret) == ("", "")
    outlet.kind, outlet.secret = "webhook", ""
    with pytest.raises(IntegrityError), transaction.atomic():
        outlet.save()


def test_what_was_kept_in_clear_is_sealed_by_the_upgrade() -> None:
    sealing = import_module("kitting.migrations.0028_sealed_outlets")
    Outlet.objects.create(label="a", kind="chat", url="x", events=[], created_at=NOW)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE kitting_outlet SET url = %s", [ADDRESS])
    before = MigrationLoader(connection).project_state([("kitting", "0027_of_a_country")])
    sealing.seal(before.apps, None)
    assert Outlet.objects.get().url == ADDRESS
    sealing.open_again(before.apps, None)
    with connection.cursor() as cursor:
        cursor.execute("SELECT url, secret FROM kitting_outlet")
        assert cursor.fetchone() == (ADDRESS, "")


def test_the_search_for_due_notices_walks_the_partial_index() -> None:
    NoticeFactory.create_batch(3)
    NoticeFactory.create(state=NoticeState.SENT, sent_at=NOW)
    due = Notice.objects.due(now=NOW).filter(lane="normal").order_by("next_try_at", "pk")
    assert due.count() == 3
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
    assert "notice_due" in due.explain()
