"""Whose wave is which, what a plan needs, and when a wave stops by itself."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from kitting.lib import clock
from kitting.rollout import rules

TOKYO = ZoneInfo("Asia/Tokyo")
OFFICE = clock.Calendar(
    week=clock.parse_week("8:30-17:15"), holidays=clock.Holidays(None), zone=TOKYO
)
MONDAY = date(2026, 11, 9)


def reach(pk: int, departments: set[int], places: set[int] = frozenset(), **more: Any):
    named = frozenset(departments)
    return rules.Reach(
        wave_id=pk,
        starts_at=datetime(2026, 11, 9 + pk, 9, tzinfo=TOKYO),
        departments=named,
        below=frozenset(more.get("below", set())) | named,
        places=frozenset(places),
    )


def planned(pk: int = 1, people: int = 10, **facts: Any) -> rules.PlannedWave:
    values = {
        "reach": reach(pk, {pk}),
        "name": f"第{pk}回",
        "starts_on": MONDAY,
        "ends_on": MONDAY + timedelta(days=4),
        "opens": True,
        "to_begin": people,
        "people": people,
        "has_helper": True,
    }
    return rules.PlannedWave(**{**values, **facts})


def frame(**facts: Any) -> rules.Frame:
    values = {
        "starts_on": MONDAY,
        "deadline_on": date(2026, 12, 25),
        "starts_a_day": None,
        "help_minutes_a_day": 480,
        "verdict": "",
        "calendar": OFFICE,
        "today": MONDAY,
    }
    return rules.Frame(**{**values, **facts})


def kinds(*waves: rules.PlannedWave, **facts: Any) -> list[tuple[str, int]]:
    found = rules.findings(waves, frame(**facts), rules.HelpSeen())
    return [(one.kind, one.wave_id) for one in found]


# --- whose wave ------------------------------------------------------------------------------------


def test_a_section_follows_its_bureau_unless_it_is_named_itself() -> None:
    bureau, section = reach(1, {1}, below={11, 12}), reach(2, {12})
    assert rules.wave_of([bureau, section], 11, None) == 1
    assert rules.wave_of([bureau, section], 12, None) == 2
    assert rules.wave_of([bureau, section], 99, None) is None


def test_a_wave_of_departments_and_places_takes_only_who_is_in_both() -> None:
    both, rest = reach(2, {1}, {7}), reach(1, {1})
    assert rules.wave_of([rest, both], 1, 7) == 2
    assert rules.wave_of([rest, both], 1, 8) == 1
    assert rules.wave_of([both], 1, None) is None


def test_a_wave_of_a_place_takes_everybody_there_and_an_empty_one_nobody() -> None:
    assert rules.wave_of([reach(1, set(), {7})], 3, 7) == 1
    assert rules.wave_of([reach(1, set())], 3, 7) is None


def test_of_two_waves_that_mean_the_same_the_earlier_counts() -> None:
    assert rules.wave_of([reach(2, {1}), reach(1, {1})], 1, None) == 1


# --- what is wrong with a plan ---------------------------------------------------------------------


def test_a_sound_plan_has_nothing_to_say() -> None:
    assert kinds(planned(1), planned(2)) == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"ends_on": date(2026, 12, 28)}, "past_deadline"),
        ({"starts_on": date(2026, 11, 14), "ends_on": date(2026, 11, 20)}, "closed_day"),
        ({"opens": False}, "closed_hour"),
        ({"has_helper": False}, "no_helper"),
        ({"people": 0}, "nobody"),
    ],
)
def test_what_is_wrong_with_a_wave_is_said(facts: dict[str, Any], kind: str) -> None:
    assert kinds(planned(**facts)) == [(kind, 1)]


def test_a_wave_before_its_rollout_is_said() -> None:
    assert kinds(planned(), starts_on=date(2026, 11, 10)) == [("before_rollout", 1)]


def test_a_wave_that_is_over_is_not_judged_any_more() -> None:
    late = planned(people=9999, has_helper=False)
    assert kinds(late, today=MONDAY + timedelta(days=5)) == []


def test_a_department_in_two_waves_is_said_once_unless_their_places_differ() -> None:
    twice = [planned(1, reach=reach(1, {5, 6})), planned(2, reach=reach(2, {6}))]
    apart = [planned(1, reach=reach(1, {6}, {1})), planned(2, reach=reach(2, {6}, {2}))]
    [found] = rules.findings(twice, frame(), rules.HelpSeen())
    assert (found.kind, found.wave_id) == ("overlap", 2)
    assert found.values == {"wave": "第1回", "departments": [6]}
    assert kinds(*apart) == []


def test_help_is_reckoned_from_what_was_seen_over_all_waves_of_a_day() -> None:
    # 20 a day in each of two waves, half of them ask, 30 minutes each: 600 minutes.
    seen = rules.HelpSeen(begun=100, asked=50, answered=10, minutes=300)
    waves = [planned(1, 100), planned(2, 100)]
    found = rules.findings(waves, frame(), seen)
    assert [(f.kind, f.wave_id) for f in found] == [("too_much_help", 1), ("too_much_help", 2)]
    assert found[0].values == {"on": MONDAY, "need": 600, "most": 480}
    assert rules.findings(waves[:1], frame(), seen) == []


def test_before_anything_is_seen_a_guess_stands_in_for_it() -> None:
    few = rules.HelpSeen(begun=19, asked=19, answered=4, minutes=400)
    assert (few.rate, few.minutes_each) == (0.25, 10)
    assert not few.rate_is_seen
    enough = rules.HelpSeen(begun=20, asked=5, answered=5, minutes=60)
    assert (enough.rate, enough.minutes_each) == (0.25, 12)


def test_more_starts_a_day_than_foreseen_are_said() -> None:
    assert kinds(planned(people=51), starts_a_day=10) == [("too_many_starts", 1)]
    assert kinds(planned(people=50), starts_a_day=10) == []


def test_who_has_begun_already_and_days_that_are_gone_do_not_count() -> None:
    wednesday = MONDAY + timedelta(days=2)
    # 30 left on three days: ten a day.
    wave = planned(people=100, to_begin=30)
    assert rules.starts_per_day(wave, frame(today=wednesday)) == {
        wednesday + timedelta(days=n): 10 for n in range(3)
    }


def test_after_a_pilot_the_next_wave_wants_a_verdict_a_week_before() -> None:
    pilot = planned(1, is_pilot=True)
    soon, later = (
        planned(n, starts_on=day, ends_on=day)
        for n, day in ((2, date(2026, 11, 16)), (3, date(2026, 11, 17)))
    )
    assert kinds(pilot, soon, later) == [("no_verdict", 2)]
    assert kinds(pilot, soon, later, verdict="go") == []
    assert kinds(soon) == []


# --- the pilot and holding -------------------------------------------------------------------------


def test_a_pilot_is_judged_by_what_it_shows() -> None:
    seen = rules.PilotSeen(people=50, ready=40, begun=45, asked=9, median_minutes=50)
    found = rules.criteria(ready=80, minutes=49, help_percent=20, seen=seen)
    assert [(c.kind, c.seen, c.met) for c in found] == [
        ("ready", 80, True),
        ("minutes", 50, False),
        ("help", 20, True),
    ]
    assert rules.criteria(ready=None, minutes=None, help_percent=None, seen=seen) == []


def test_what_was_not_measured_is_not_met() -> None:
    seen = rules.PilotSeen(people=0, ready=0, begun=0, asked=0, median_minutes=None)
    found = rules.criteria(ready=0, minutes=60, help_percent=100, seen=seen)
    assert [(c.seen, c.met) for c in found] == [(None, False)] * 3


@pytest.mark.parametrize(
    ("stuck", "begun", "limit", "holds"),
    [
        (4, 10, 30, True),
        (3, 10, 30, False),
        (9, 9, 30, False),
        (10, 10, None, False),
    ],
)
def test_a_wave_stops_when_more_than_its_share_of_enough_people_is_stuck(
    stuck: int, begun: int, limit: int | None, *, holds: bool
) -> None:
    assert rules.holds_itself(stuck=stuck, begun=begun, limit_percent=limit) is holds
