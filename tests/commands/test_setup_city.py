"""A real city is set up step by step, and each run says what is left."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.management.commands.setup_city import ask
from kitting.site.models import Variable
from kitting.site.queries import current, examples_left
from tests.factories import DeviceFactory, GrantFactory, LoanFactory, UserFactory

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

pytestmark = pytest.mark.django_db


def run(**options: object) -> str:
    out = StringIO()
    call_command("setup_city", no_input=True, language="en", stdout=out, **options)
    return out.getvalue()


def test_an_empty_city_gets_the_guide_and_reads_what_is_left() -> None:
    said = run()
    assert "The guide that comes with Kitto is published." in said
    assert "[ ] IT leads: 0" in said
    assert "createitlead" in said
    assert "Still examples: Name of your organisation (org_name)" in said
    assert all(f"({row.key})" in said for row in examples_left()), (
        "each with what --set asks for"
    )
    assert "is published" not in run(), "a second run publishes nothing anew"


def test_words_are_kept_in_both_languages_and_written_down() -> None:
    run(words=["it_phone=内線 4321"], words_en=["it_phone=ext. 4321"])
    row = Variable.objects.get(key="it_phone")
    assert (row.value, row.value_en) == ("内線 4321", "ext. 4321")
    assert row.key not in [one.key for one in examples_left()]
    assert AuditEntry.objects.filter(action="site.profile_changed").count() == 1


def test_the_address_of_the_site_is_the_one_people_read(settings: SettingsWrapper) -> None:
    settings.SITE_URL = "https://kit.example.lg.jp"
    run()
    assert Variable.objects.get(key="guide_url").value == "kit.example.lg.jp"
    run(words=["guide_url=kit.maebashi.example"])
    run()
    assert Variable.objects.get(key="guide_url").value == "kit.maebashi.example"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["phone=1"], "no such words: phone"),
        (["it_phone"], "KEY=WORD"),
        (["box_code=X"], "box_code"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_can(words: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        run(words=words)
    assert not Variable.objects.exclude(value="").exists()


def test_asked_at_the_keyboard_an_empty_answer_leaves_the_example() -> None:
    run()
    _profile, now = current()
    asked: list[str] = []

    def reply(prompt: str) -> str:
        asked.append(prompt)
        return "前橋市" if len(asked) == 1 else " "

    ask(reply, now=now)
    assert len(asked) > 10
    assert Variable.objects.get(key="org_name").value == "前橋市"
    assert len(examples_left()) == len(asked) - 1


def test_what_is_there_is_ticked_off_and_what_lacks_is_counted() -> None:
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    GrantFactory.create(role=Role.LEAD, person=lead, department=lead.department)
    UserFactory.create()  # in a department that nobody leads
    DeviceFactory.create()
    LoanFactory.create(person=lead)
    said = run()
    assert "[x] IT leads: 1" in said
    assert "Departments with people: 2, without a lead: 1" in said
    assert "[x] Devices: 2, for somebody: 1" in said
    assert "[ ] Worker and beat run" in said
