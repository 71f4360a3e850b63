"""What declaring and deciding promise."""

from __future__ import annotations

import pytest

from accounts.models import AuditEntry
from kitting.site import actions
from kitting.site.actions import ProfileValues, Word
from kitting.site.models import Flag, SiteProfile, Variable
from kitting.site.queries import examples_left, flags, words
from kitting.site.rules import FlagDefinition, Reading, VariableDefinition
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

KEYBOARD = FlagDefinition("keyboard", ("jis", "us"), "jis", position=1)
PHONE = VariableDefinition("it_phone", "内線 1234", "site", position=1)
VALUES = ProfileValues(
    "きっと",
    "",
    "",
    "JP",
    box_entry_allowed=True,
    mail_entry_allowed=True,
    slip_entry_allowed=True,
    leads_see_minutes=False,
)


def declare(flag: FlagDefinition = KEYBOARD, variable: VariableDefinition = PHONE) -> int:
    return actions.declare(flags=[flag], variables=[variable])


def test_declared_words_and_switches_hold_from_the_start():
    assert declare() == 2
    assert flags() == {"keyboard": "jis"}
    assert words(language="ja") == {"it_phone": "内線 1234"}
    assert [v.key for v in examples_left()] == ["it_phone"]


def test_declaring_again_changes_nothing():
    declare()
    assert declare() == 0


def test_a_new_definition_never_touches_what_was_chosen():
    declare()
    Flag.objects.update(value="us")
    Variable.objects.update(value="内線 99", value_en="ext. 99")
    other = FlagDefinition("keyboard", ("jis", "us", "de"), "de", "new note", 1)
    assert declare(other, VariableDefinition("it_phone", "0", "site", position=1)) == 2
    assert Flag.objects.get().default == "de"
    assert flags() == {"keyboard": "us"}
    assert words(language="en") == {"it_phone": "ext. 99"}


def test_what_a_guide_no_longer_names_stays():
    declare()
    actions.declare(flags=[], variables=[])
    assert (Flag.objects.count(), Variable.objects.count()) == (1, 1)


def test_decisions_are_kept_and_written_down(now):
    declare()
    by = UserFactory.create()
    changed = actions.save_profile(
        profile=ProfileValues(**{**vars(VALUES), "service_name": "そよかぜ"}),
        flags={"keyboard": "us", "nothing": "x"},
        words={"it_phone": Word("内線 5", "ext. 5"), "nothing": Word("x", "")},
        by=by,
        now=now,
    )
    assert changed == ["service_name", "keyboard", "it_phone"]
    assert SiteProfile.objects.get().service_name == "そよかぜ"
    assert flags() == {"keyboard": "us"}
    assert words(language="ja") == {"it_phone": "内線 5"}
    assert examples_left() == []
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.at, entry.data) == (by, now, {"changed": changed})


def test_deciding_the_same_again_writes_nothing_down(now):
    declare()
    by = UserFactory.create()
    for _ in range(2):
        changed = actions.save_profile(
            profile=VALUES, flags={"keyboard": "us"}, words={}, by=by, now=now
        )
    assert changed == []
    assert AuditEntry.objects.count() == 1


def test_an_empty_choice_is_the_guides_own(now):
    declare()
    Flag.objects.update(value="us")
    actions.save_profile(
        profile=VALUES, flags={"keyboard": ""}, words={}, by=UserFactory.create(), now=now
    )
    assert flags() == {"keyboard": "jis"}


def test_reading_and_language_follow_the_person():
    person = UserFactory.create()
    actions.set_reading(person=person, reading=Reading("dark", "xl", ruby="4"))
    actions.set_language(person=person, language="en")
    person.refresh_from_db()
    assert (person.theme, person.text_size, person.ruby, person.language) == (
        "dark",
        "xl",
        "4",
        "en",
    )
