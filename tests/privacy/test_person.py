"""Somebody gets everything that is kept about them, and is taken out with the counts left standing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command

from accounts.actions import write_audit
from accounts.doors import issue_slip
from accounts.models import AuditEntry, User
from kitting.escalation.states import EntryKind, TicketState
from kitting.journeys.models import Event, EventNote, Journey
from kitting.notices.models import Notice
from kitting.privacy.actions import StillHereError, remove_person
from kitting.privacy.queries import everything_about
from tests.factories import (
    NOW,
    JourneyFactory,
    NoticeFactory,
    SignInFactory,
    TicketFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.django_db
SAID = "わたしの電話は090"


def leave_data(*, left: bool) -> User:
    """Make somebody with a set-up, a question, a message, a browser and a slip."""
    journey = JourneyFactory.create(loan__person=UserFactory.create(email="", name="大島 花"))
    person = journey.person
    assert person is not None
    event = Event.objects.create(
        journey=journey, number=1, kind="begun", via="box", at=NOW, data={}
    )
    EventNote.objects.create(event=event, text=SAID, client_address="192.0.2.3")
    ticket = TicketFactory.create(journey=journey, state=TicketState.RESOLVED, resolved_at=NOW)
    ticket.entries.create(kind=EntryKind.OPENED, at=NOW, text=SAID)
    NoticeFactory.create(person=person, state="sent", sent_at=NOW, created_at=NOW, body=SAID)
    SignInFactory.create(person=person, client_address="192.0.2.3")
    issue_slip(person=person, by=person, now=NOW, lifetime=timedelta(days=1))
    write_audit(action="sign_in.done", now=NOW, by=person)
    if left:
        User.objects.filter(pk=person.pk).update(left_on=NOW.date())
        type(journey.loan).objects.filter(pk=journey.loan_id).update(ended_at=NOW)
    return person


def every_text() -> str:
    """Return all rows of all tables but the audit log, whose names have a time of their own."""
    return " ".join(
        str(list(model._default_manager.values_list()))
        for model in apps.get_models()
        if not model._meta.model_name.startswith("audit")
    )


def test_the_file_holds_the_own_words_and_no_secret_and_nobody_else(tmp_path: Path) -> None:
    person, other = leave_data(left=False), leave_data(left=False)
    User.objects.filter(pk=other.pk).update(name="別の 人")
    target = tmp_path / "own.json"
    call_command("person_data", person.staff_number, "--output", str(target))
    text = target.read_text(encoding="utf-8")
    found = json.loads(text)
    assert {"user", "journey", "event", "eventnote", "ticket", "ticketentry", "notice"} <= set(
        found
    )
    assert [note["text"] for note in found["eventnote"]] == [SAID]
    assert len(found["journey"]) == len(found["ticket"]) == len(found["signin"]) == 1
    assert "別の 人" not in text
    for secret in ("password", "session_key", "digest"):
        assert f'"{secret}"' not in text
    assert target.stat().st_mode & 0o077 == 0
    assert AuditEntry.objects.filter(action="person.exported").count() == 1


def test_a_removed_person_leaves_counts_and_no_word() -> None:
    person = leave_data(left=True)
    number = str(person.staff_number)
    before = (Journey.objects.count(), Event.objects.count(), Notice.objects.count())
    call_command("person_data", number, "--remove", "--confirm", number)
    assert (Journey.objects.count(), Event.objects.count(), Notice.objects.count()) == before
    left = every_text()
    assert not [word for word in (SAID, "大島", "192.0.2.3", number) if word in left]
    assert AuditEntry.objects.get(action="person.removed").data["ticket_entries"] == 1
    assert everything_about(User.objects.get(pk=person.pk))["user"][0]["name"] == "-"


def test_nobody_is_removed_by_a_slip_of_the_hand_or_while_here() -> None:
    person = leave_data(left=False)
    number = str(person.staff_number)
    with pytest.raises(CommandError, match="--confirm"):
        call_command("person_data", number, "--remove")
    with pytest.raises(CommandError, match="nothing was removed"):
        call_command("person_data", number, "--remove", "--confirm", number)
    with pytest.raises(StillHereError):
        remove_person(person=person, by=None, now=NOW)
    assert SAID in every_text()
