"""Who is invited to what, and what a certificate may say."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from kitting.around.rules import Letter, Standing, letter, practice_of
from kitting.around.states import InvitationKind, Practice
from tests.factories import NOW

DAY = timedelta(days=1)
FRESH = Standing(
    ready_at=NOW,
    at_home=True,
    last_letter_at=None,
    month_asked=False,
    practice_asked=False,
    lessons=("one", "two"),
)


def test_nobody_gets_a_letter_in_the_first_days():
    assert letter(FRESH, NOW + 4 * DAY) is None
    assert letter(replace(FRESH, at_home=False), NOW + 4 * DAY) is None


def test_a_lesson_comes_each_week_in_order():
    assert letter(FRESH, NOW + 7 * DAY) == Letter(InvitationKind.LESSON, "one")
    after = replace(FRESH, last_letter_at=NOW + 7 * DAY, lessons=("two",))
    assert letter(after, NOW + 13 * DAY) is None
    assert letter(after, NOW + 14 * DAY) == Letter(InvitationKind.LESSON, "two")


def test_practice_is_invited_to_once_and_before_lessons():
    learning = replace(FRESH, at_home=False)
    assert letter(learning, NOW + 5 * DAY) == Letter(InvitationKind.PRACTICE)
    asked = replace(learning, practice_asked=True)
    assert letter(asked, NOW + 9 * DAY) == Letter(InvitationKind.LESSON, "one")


def test_the_question_after_30_days_comes_once_and_never_late():
    assert letter(FRESH, NOW + 30 * DAY) == Letter(InvitationKind.MONTH)
    nothing_left = replace(FRESH, lessons=())
    assert letter(replace(nothing_left, month_asked=True), NOW + 30 * DAY) is None
    assert letter(nothing_left, NOW + 60 * DAY) is None


@pytest.mark.parametrize(
    ("result", "method", "reason", "said"),
    [
        ("", "", "", Practice.OPEN),
        ("confirmed", "check", "", Practice.DONE),
        ("self_reported", "button", "", Practice.SAID),
        ("self_reported", "another_way", "", Practice.ANOTHER_WAY),
        ("self_reported", "declared", "", Practice.DECLARED),
        ("skipped", "test", "test_out", Practice.TESTED),
        ("skipped", "button", "by_choice", Practice.LEFT_OUT),
    ],
)
def test_a_certificate_says_what_was_really_done(result, method, reason, said):
    assert practice_of(result=result, method=method, reason=reason) == said
