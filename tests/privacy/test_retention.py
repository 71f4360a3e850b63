"""Words of people go when their time is over; rows, counts and the chain of the log stay."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.test import Client, override_settings

from accounts.actions import write_audit
from accounts.audit import seal_audit, verify
from accounts.models import AuditEntry, SignIn
from kitting.devices.models import DeviceEvent, DeviceEventNote
from kitting.escalation.models import LossReport, TicketEntry
from kitting.escalation.states import EntryKind, TicketState
from kitting.journeys.models import Event, EventNote
from kitting.notices.models import Notice
from kitting.privacy.actions import retain
from kitting.privacy.queries.kept import due_now, rules
from tests.factories import (
    NOW,
    DeviceFactory,
    JourneyFactory,
    NoticeFactory,
    SignInFactory,
    TicketFactory,
)

if TYPE_CHECKING:
    from datetime import datetime

pytestmark = pytest.mark.django_db
SECRET = "住所は三丁目"


def leave_words(at: datetime) -> dict[str, Any]:
    """Leave one row of every kind of words, written or settled at a moment."""
    journey = JourneyFactory.create()
    event = Event.objects.create(
        journey=journey, number=1, kind="begun", via="box", at=at, data={}
    )
    ticket = TicketFactory.create(
        journey=journey, state=TicketState.RESOLVED, opened_at=at, resolved_at=at
    )
    write_audit(action="role.granted", now=at, by=journey.person, subject=SECRET)
    device = DeviceEvent.objects.create(
        device=DeviceFactory.create(), kind="received", before="stock", after="lent", at=at
    )
    return {
        "event": EventNote.objects.create(event=event, text=SECRET, client_address="192.0.2.3"),
        "sign_in": SignInFactory.create(client_address="192.0.2.3", at=at),
        "ticket": ticket.entries.create(kind=EntryKind.OPENED, at=at, text=SECRET),
        "device": DeviceEventNote.objects.create(event=device, text=SECRET),
        "loss": LossReport.objects.create(
            told_at=at, settled_at=at, words=SECRET, call_back="090", staff_number="1"
        ),
        "notice": NoticeFactory.create(
            state="sent", created_at=at, sent_at=at, body=SECRET, subject=SECRET
        ),
    }


def words_left() -> str:
    models = (EventNote, SignIn, TicketEntry, DeviceEventNote, LossReport, Notice, AuditEntry)
    return " ".join(str(list(model._default_manager.values_list())) for model in models)


def test_every_rule_erases_what_is_past_its_days_and_nothing_younger() -> None:
    longest = max(rule.days for rule in rules())
    leave_words(NOW - timedelta(days=longest + 1))
    erased = retain(now=NOW)
    left = {key for key, count in erased.items() if not count}
    assert left <= {"survey_words"}
    assert SECRET not in words_left()
    assert "192.0.2.3" not in words_left()
    young = leave_words(NOW)
    assert not any(retain(now=NOW).values())
    assert EventNote.objects.get(pk=young["event"].pk).text == SECRET


def test_the_rows_and_the_chain_of_the_log_stay() -> None:
    rows = leave_words(NOW - timedelta(days=4000))
    seal_audit(now=NOW)
    retain(now=NOW)
    for row in rows.values():
        assert type(row)._default_manager.filter(pk=row.pk).exists()
    assert [line for line in verify().breaks if "guard" not in line] == []
    said = AuditEntry.objects.get(action="retention.erased").data
    assert said["ticket_words"] == 1


def test_a_question_that_is_still_open_keeps_its_words() -> None:
    ticket = TicketFactory.create(opened_at=NOW - timedelta(days=4000))
    ticket.entries.create(kind=EntryKind.OPENED, at=ticket.opened_at, text=SECRET)
    retain(now=NOW)
    assert ticket.entries.get().text == SECRET


def test_a_dry_run_counts_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    leave_words(NOW - timedelta(days=4000))
    assert {line.key: line.count for line in due_now(NOW)}["event_words"] == 1
    call_command("retention", "--dry-run")
    out = capsys.readouterr().out
    assert "event_words: 1 would be erased (kept for 365 days)" in out
    assert SECRET in words_left()
    call_command("retention")
    assert "event_words: 1 erased" in capsys.readouterr().out
    assert SECRET not in words_left()


@override_settings(KEEP_WORDS_DAYS=41, KEEP_AUDIT_DAYS=777, PHOTO_DAYS=33, PRINT_DAYS=12)
@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_page_says_the_times_of_the_settings(language: str) -> None:
    page = Client(headers={"accept-language": language}).get("/privacy/")
    text = page.content.decode()
    assert page.status_code == 200
    for number in ("41", "777", "33", "12", "24", "14"):
        assert number in text


def test_every_page_leads_to_it() -> None:
    assert 'href="/privacy/"' in Client().get("/accounts/login/").content.decode()
