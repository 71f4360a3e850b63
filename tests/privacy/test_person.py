"""Somebody gets everything that is kept about them, and is taken out with the counts left standing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pypdfium2
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

from accounts.actions import write_audit
from accounts.doors import issue_slip
from accounts.models import AuditEntry, User
from accounts.queries import PROOFS_KEY
from accounts.states import Role
from kitting.escalation.states import EntryKind, TicketState
from kitting.journeys.models import Event, EventNote, Journey
from kitting.notices.models import Notice
from kitting.privacy.actions import StillHereError, remove_person
from kitting.privacy.queries.person import (
    BELOW,
    NEVER_OUT,
    NEVER_TABLES,
    OWN_FIELDS,
    rows_about,
)
from kitting.privacy.queries.words import FIELD_WORDS, INNER, TABLE_WORDS
from kitting.site.queries import wall_clock
from tests.factories import (
    NOW,
    GrantFactory,
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
    assert rows_about(User.objects.get(pk=person.pk))["user"][0].name == "-"


# --- the page of the IT lead -----------------------------------------------------------------------


@pytest.fixture
def lead() -> Client:
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    client.force_login(GrantFactory.create(role=Role.IT_LEAD, person__name="責任 者").person)
    return client


def words_of(pdf: bytes) -> str:
    pages = pypdfium2.PdfDocument(pdf)
    return "".join(page.get_textpage().get_text_range() for page in pages)


def test_the_it_lead_takes_everything_out_as_a_file_and_says_why(lead: Client) -> None:
    person = leave_data(left=False)
    page = lead.get("/privacy/people/", {"q": "大島"}).content.decode()
    assert f'/privacy/people/{person.pk}/"' in page
    address = f"/privacy/people/{person.pk}/export"
    assert lead.post(address, {"kind": "pdf"}).status_code == 422
    assert not AuditEntry.objects.filter(action="person.exported").exists()
    files = {
        kind: lead.post(address, {"kind": kind, "reason": "asked at the counter"}).content
        for kind in ("json", "pdf")
    }
    found = json.loads(files["json"])
    assert [note["text"] for note in found["eventnote"]] == [SAID]
    assert {"大島", SAID, "192.0.2.3"} <= {
        word for word in ("大島", SAID, "192.0.2.3") if word in words_of(files["pdf"])
    }
    assert b"Helvetica" not in files["pdf"]
    paper = words_of(files["pdf"])
    assert "Staff number" in paper
    assert "came in by a sign-in" in paper
    assert not [
        word for word in ("staff_number", "step_key", "_at:", "sign_in.done") if word in paper
    ]
    entries = AuditEntry.objects.filter(action="person.exported").order_by("pk")
    assert [entry.data for entry in entries] == [
        {"kind": kind, "reason": "asked at the counter"} for kind in ("json", "pdf")
    ]
    assert {entry.actor_name for entry in entries} == {"責任 者"}


def test_the_command_writes_the_same_pdf_file(tmp_path: Path) -> None:
    person, target = leave_data(left=False), tmp_path / "own.pdf"
    call_command("person_data", person.staff_number, "--output", str(target))
    assert SAID in words_of(target.read_bytes())


def test_whoever_left_is_found_and_removed_with_a_reason(lead: Client) -> None:
    person = leave_data(left=True)
    number, address = str(person.staff_number), f"/privacy/people/{person.pk}/remove"
    for said in ({"number": number}, {"reason": "left", "number": "1"}):
        assert lead.post(address, said).status_code == 422
    assert SAID in every_text()
    answer = lead.post(address, {"reason": "left in March", "number": number})
    assert answer["Location"] == "/privacy/people/"
    assert SAID not in every_text()
    assert AuditEntry.objects.get(action="person.removed").data["reason"] == "left in March"
    assert lead.get(f"/privacy/people/{person.pk}/").status_code == 404


def test_who_works_here_is_not_removed(lead: Client) -> None:
    person = leave_data(left=False)
    said = {"reason": "x", "number": str(person.staff_number)}
    page = lead.post(f"/privacy/people/{person.pk}/remove", said)
    assert page.status_code == 422
    assert "nothing was removed" in page.content.decode()


@override_settings(SECOND_FACTOR_REQUIRED=True)
def test_without_a_fresh_second_proof_nothing_is_handed_out() -> None:
    person, client = leave_data(left=False), Client()
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    client.force_login(lead)
    for minutes, is_open in ((30, False), (1, True)):
        session = client.session
        at = (wall_clock() - timedelta(minutes=minutes)).timestamp()
        session[PROOFS_KEY] = [{"method": "mfa", "at": at}]
        session.save()
        page = client.get(f"/privacy/people/{person.pk}/")
        file = client.post(
            f"/privacy/people/{person.pk}/export", {"kind": "json", "reason": "x"}
        )
        assert (page.status_code == 200, file.status_code == 200) == (is_open, is_open)
    assert page.status_code == 200


def test_every_table_about_somebody_has_words() -> None:
    named = {
        str(model._meta.model_name)
        for model in apps.get_models()
        if model._meta.model_name not in NEVER_TABLES
        for field in model._meta.concrete_fields
        if field.related_model in BELOW
        or (field.related_model is User and field.name in OWN_FIELDS)
    }
    assert sorted(named | {"user", "auditentry"}) == sorted(TABLE_WORDS)


def test_every_column_of_those_tables_has_words_or_is_the_programs_own() -> None:
    columns = {
        field.name
        for model in apps.get_models()
        if model._meta.model_name in TABLE_WORDS
        for field in model._meta.concrete_fields
    }
    assert sorted(columns - NEVER_OUT) == sorted(set(FIELD_WORDS) | INNER)
    assert not set(FIELD_WORDS) & INNER


def test_nobody_is_removed_by_a_slip_of_the_hand_or_while_here() -> None:
    person = leave_data(left=False)
    number = str(person.staff_number)
    with pytest.raises(CommandError, match="--confirm"):
        call_command("person_data", number, "--remove")
    with pytest.raises(CommandError, match="nothing was removed"):
        call_command("person_data", number, "--remove", "--confirm", number)
    with pytest.raises(StillHereError):
        remove_person(person=person, by=None, now=NOW, reason="")
    assert SAID in every_text()
