"""A note of a step becomes part of the next edition, and is read until everybody has that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.urls import reverse

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.guides.actions import add_step_note, load_guide
from kitting.guides.models import Edition, StepNote, Trouble
from kitting.guides.queries.kept import forget_editions, step_notes
from tests.factories import NOW, GrantFactory, shipped_guide

if TYPE_CHECKING:
    from django.test import Client

    from accounts.models import User

WORDS = {
    "symptom_ja": "出ない",
    "symptom_en": "Gone",
    "attempt_ja": "待つ",
    "attempt_en": "Wait",
}


@pytest.fixture
def lead(db: None) -> User:
    return GrantFactory.create(role=Role.IT_LEAD).person


@pytest.fixture
def note(lead: User) -> StepNote:
    forget_editions()
    edition = load_guide(draft=shipped_guide(), now=NOW, publish=True).edition
    return add_step_note(
        edition_id=edition.pk,
        step_key="connect-wifi",
        text={"ja": "待つ", "en": ""},
        source="H-0001",
        by=lead,
        now=NOW,
    )


def shown(edition: Edition, version: int) -> list[str]:
    return step_notes(edition.pk, "connect-wifi", version=version, language="ja")


def test_a_note_is_taken_into_a_copy_of_the_edition_in_force(
    client: Client, lead: User, note: StepNote
):
    old = Edition.objects.get()
    client.force_login(lead)
    url = reverse("helpdesk:propose", args=[note.pk])
    assert client.post(url, {**WORDS, "attempt_en": ""}).status_code == 422
    assert client.post(url, WORDS).status_code == 302
    draft = Edition.objects.get(state="draft")
    said = Trouble.objects.filter(step__edition=draft, step__key="connect-wifi")
    assert (said.order_by("-position")[0].symptom) == {"ja": "出ない", "en": "Gone"}
    assert (
        said.count()
        == Trouble.objects.filter(step__edition=old, step__key="connect-wifi").count() + 1
    )
    for rows in ("steps", "lessons"):
        keys = [
            list(getattr(edition, rows).order_by("position").values_list("key", "position"))
            for edition in (old, draft)
        ]
        assert keys[0] == keys[1]
    assert client.post(url, WORDS).status_code == 404  # once
    assert shown(old, 1) == ["待つ"]


def test_further_notes_join_the_same_draft(client: Client, lead: User, note: StepNote):
    client.force_login(lead)
    client.post(reverse("helpdesk:propose", args=[note.pk]), WORDS)
    edition = Edition.objects.get(state="published")
    more = add_step_note(
        edition_id=edition.pk,
        step_key="check-box",
        text={"ja": "x", "en": "x"},
        source="",
        by=lead,
        now=NOW,
    )
    client.post(reverse("helpdesk:propose", args=[more.pk]), WORDS)
    assert Edition.objects.filter(state="draft").count() == 1


def test_publishing_ends_the_note_for_the_new_edition_and_not_for_the_old(
    client: Client, lead: User, note: StepNote
):
    old = Edition.objects.get()
    client.force_login(lead)
    client.post(reverse("helpdesk:propose", args=[note.pk]), WORDS)
    draft = Edition.objects.get(state="draft")
    it = GrantFactory.create(role=Role.IT).person
    publish = reverse("helpdesk:publish", args=[draft.pk])
    client.force_login(it)
    assert client.post(publish).status_code == 404
    client.force_login(lead)
    assert client.post(publish).status_code == 302
    draft.refresh_from_db()
    note.refresh_from_db()
    assert (draft.state, note.ended_by) == ("published", lead)
    assert (shown(old, 2), shown(draft, 3)) == (["待つ"], [])
    assert AuditEntry.objects.filter(action="edition.published", actor=lead).count() == 1
    assert client.post(publish).status_code == 404
