"""Shares, the plan, the bottleneck, the chart."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.dashboard import rules
from kitting.dashboard.rules import Counts, PlannedWave

MONDAY = date(2026, 11, 9)
COUNTS = st.builds(Counts, *[st.integers(min_value=0, max_value=5000)] * 4)


@given(first=COUNTS, second=COUNTS)
def test_two_groups_together_have_everybody_once(first, second):
    both = first + second
    assert both.total == first.total + second.total
    assert both.done == first.done + second.done
    assert both.total == both.done + both.in_progress + both.waiting + both.not_started


@given(counts=COUNTS)
def test_all_is_said_of_all_only_and_nothing_of_nobody_only(counts):
    for percent in (counts.percent, counts.whole_percent):
        assert 0 <= percent <= 100
        assert (percent == 100) == (counts.total > 0 and counts.done == counts.total)
        assert (percent == 0) == (counts.done == 0)


@pytest.mark.parametrize(
    ("done", "others", "percent", "whole"),
    [
        (0, 0, 0.0, 0),
        (1, 2, 33.3, 33),
        (2619, 1, 99.9, 99),
        (1, 2619, 0.1, 1),
        (3, 0, 100.0, 100),
    ],
)
def test_a_share_is_written_with_one_decimal_or_none(done, others, percent, whole):
    counts = Counts(done=done, not_started=others)
    assert (counts.percent, counts.whole_percent) == (percent, whole)


@pytest.mark.parametrize(
    ("day", "ready"), [(-1, 0), (0, 20), (1, 40), (4, 100), (5, 100), (400, 100)]
)
def test_inside_a_wave_the_plan_rises_evenly(day, ready):
    wave = PlannedWave(people=100, starts_on=MONDAY, ends_on=MONDAY + timedelta(days=4))
    assert rules.planned([wave], MONDAY + timedelta(days=day)) == ready


def test_waves_add_up_and_a_wave_that_ends_before_it_starts_is_done_at_once():
    waves = [
        PlannedWave(people=10, starts_on=MONDAY, ends_on=MONDAY),
        PlannedWave(people=5, starts_on=MONDAY, ends_on=MONDAY - timedelta(days=3)),
    ]
    assert rules.planned(waves, MONDAY) == 15
    assert rules.planned([], MONDAY) == 0


def test_a_running_total_has_every_day():
    per_day = {MONDAY - timedelta(days=9): 1, MONDAY: 2, MONDAY + timedelta(days=2): 3}
    rows = rules.cumulative(per_day, first=MONDAY, last=MONDAY + timedelta(days=3))
    assert [number for _day, number in rows] == [3, 3, 6, 6]
    assert [day for day, _number in rows] == [MONDAY + timedelta(days=n) for n in range(4)]


def test_the_bottleneck_costs_most_time_of_people():
    assert rules.bottleneck([("a", 30, 2), ("b", 12, 9), ("c", 9, 90)]) == "b"
    assert rules.bottleneck([("a", 9, 90)]) == ""
    assert rules.bottleneck([]) == ""


@given(everybody=st.integers(min_value=0, max_value=3_000_000))
def test_a_chart_has_few_and_round_lines(everybody):
    plan = [(MONDAY, 0), (MONDAY + timedelta(days=30), everybody)]
    chart = rules.burn_up([(MONDAY, 0)], plan, everybody=everybody, size=(760, 282))
    numbers = [number for _y, number in chart.ticks_y]
    assert numbers[0] == 0
    assert len(numbers) <= rules.LINES + 1
    assert all(number < max(everybody, 1) for number in numbers)


def test_a_chart_stays_inside_its_frame():
    days = [MONDAY + timedelta(days=n) for n in range(60)]
    plan = [(day, min(100, 2 * n)) for n, day in enumerate(days)]
    actual = [(day, n) for n, day in enumerate(days[:20])]
    chart = rules.burn_up(actual, plan, everybody=100, size=(358, 236))
    for pair in f"{chart.actual} {chart.plan} {chart.area}".split():
        x, y = map(float, pair.split(","))
        assert chart.left <= x <= chart.right
        assert chart.top <= y <= chart.bottom
    assert chart.ticks_x[0][1] == MONDAY


@pytest.mark.parametrize(
    ("days", "ready", "at_end"), [(3, 95, True), (3, 30, False), (50, 95, False)]
)
def test_the_label_of_everybody_makes_room_for_the_label_of_what_is(days, ready, at_end):
    plan = [(MONDAY, 0), (MONDAY + timedelta(days=60), 100)]
    actual = [(MONDAY, 0), (MONDAY + timedelta(days=days), ready)]
    chart = rules.burn_up(actual, plan, everybody=100, size=(358, 236))
    assert chart.all_at_end is at_end


@given(
    ready=st.integers(min_value=0, max_value=100),
    plan_ready=st.integers(min_value=0, max_value=100),
    days=st.integers(min_value=1, max_value=59),
)
def test_the_labels_of_a_chart_are_never_cut_off_and_stand_apart(ready, plan_ready, days):
    today = MONDAY + timedelta(days=days)
    plan = [(MONDAY, 0), (today, plan_ready), (MONDAY + timedelta(days=60), 100)]
    actual = [(MONDAY, 0), (today, ready)]
    chart = rules.burn_up(actual, plan, everybody=100, size=(358, 236))
    for label in (chart.label_y, chart.plan_label_y):
        assert rules.HIGHEST <= label <= chart.bottom - 4
    assert abs(chart.plan_label_y - chart.label_y) >= rules.BETWEEN


@pytest.mark.parametrize(("needed", "said"), [(0.04, 0.1), (62.7, 62.7), (9 / 7, 1.3), (0, 0)])
def test_the_pace_said_is_enough(needed, said):
    assert rules.rounded_up(needed) == said


def test_a_chart_of_one_day_is_drawn():
    chart = rules.burn_up([(MONDAY, 0)], [(MONDAY, 0)], everybody=0, size=(358, 236))
    assert chart.actual
