"""Retries get rarer, outlast a weekend and end; a key has one Message-ID."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from kitting.notices.rules import (
    SIGN_IN_STEPS,
    SIGN_IN_VALID,
    STEPS,
    message_id,
    pause_after,
    split_text,
)


def test_a_mail_server_may_be_away_for_two_days_and_nothing_is_given_up() -> None:
    assert sum(STEPS, timedelta()) > timedelta(hours=48)
    assert pause_after(len(STEPS), steps=STEPS, jitter=0) is not None
    assert pause_after(len(STEPS) + 1, steps=STEPS, jitter=0) is None


def test_a_sign_in_code_is_tried_as_long_as_it_is_valid() -> None:
    assert sum(SIGN_IN_STEPS, timedelta()) >= SIGN_IN_VALID


@given(attempts=st.integers(1, len(STEPS) - 1), jitter=st.floats(0, 1, exclude_max=True))
def test_retries_never_come_faster_and_spread_by_a_fifth(attempts: int, jitter: float) -> None:
    pause = pause_after(attempts, steps=STEPS, jitter=jitter)
    later = pause_after(attempts + 1, steps=STEPS, jitter=0)
    plain = pause_after(attempts, steps=STEPS, jitter=0)
    assert pause
    assert later
    assert plain
    assert plain <= pause <= plain * 1.2
    assert plain <= later


def test_a_key_has_one_message_id() -> None:
    first = message_id("ticket:1:lead:5", host="kit.example.jp")
    assert first == message_id("ticket:1:lead:5", host="kit.example.jp")
    assert first != message_id("ticket:1:lead:6", host="kit.example.jp")
    assert first.startswith("<")
    assert first.endswith("@kit.example.jp>")


def test_the_first_line_is_the_subject() -> None:
    assert split_text("\n  A  subject \n\n\n\nbody  \n\n\n\nend\n") == (
        "A subject",
        "body\n\nend",
    )
