"""A small town in which we know who is stuck: who is found, and who is disturbed for nothing."""

from __future__ import annotations

import pytest

from tests.escalation.truth import play_it

# Drawn so that all three kinds of trouble come up among so few.
PEOPLE, SEED, DAYS = 24, 61, 6


@pytest.mark.django_db
def test_who_is_stuck_is_found_and_who_is_fine_is_left_in_peace() -> None:
    found = play_it(PEOPLE, seed=SEED, days=DAYS)
    assert sum(found.stuck.values()) >= 5, "too little was planted to say anything"
    assert found.share_found == 1, found.missed
    assert found.fine >= 10
    assert found.alarms == 0, found.alarmed
    assert found.most_a_day == 1
    assert found.lead_most_an_hour <= 2
