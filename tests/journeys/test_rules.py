"""How a journey moves, and what people type on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.journeys import rules
from kitting.journeys.rules import Fact, PlannedStep, Progress, apply, replay
from kitting.journeys.states import EventKind, HelpState, Method, Result, Status
from kitting.lib.clock import Calendar, Holidays, parse_week
from tests.journeys.conftest import wide

T0 = datetime(2026, 11, 10, 1, 0, tzinfo=UTC)
PLAN = (
    PlannedStep("box", rules.READY, required=True),
    PlannedStep("wifi", rules.READY, required=True),
    PlannedStep("print", rules.READY, required=False),
    PlannedStep("touch", rules.AT_HOME, required=True),
)
OFFICE = Calendar(week=parse_week("8:30-17:15"), holidays=Holidays("JP"))
TOKYO = ZoneInfo("Asia/Tokyo")


def at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


def begun(*facts: Fact) -> Progress:
    return replay(PLAN, [Fact(EventKind.BEGUN, T0), *facts])


def done(key: str, minutes: float, result: str = Result.SELF_REPORTED) -> Fact:
    return Fact(EventKind.STEP_DONE, at(minutes), key, result=result, method=Method.BUTTON)


def local(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=TOKYO)


def test_beginning_opens_the_first_step() -> None:
    found = begun()
    assert (found.current_step, found.opened_at, found.begun_at) == ("box", T0, T0)


def test_a_step_is_opened_when_the_one_before_is_finished() -> None:
    found = begun(done("box", 3))
    assert (found.current_step, found.opened_at) == ("wifi", at(3))
    assert found.marks["box"].opened_at == T0


def test_a_step_out_of_order_leaves_the_first_open_one_current() -> None:
    found = begun(done("wifi", 3))
    assert (found.current_step, found.opened_at) == ("box", T0)


def test_ready_needs_the_required_steps_only() -> None:
    assert begun(done("box", 1)).ready_at is None
    assert begun(done("box", 1), done("wifi", 2)).ready_at == at(2)


def test_at_home_needs_ready_too() -> None:
    assert begun(done("touch", 1)).at_home_at is None
    assert begun(done("touch", 1), done("box", 2), done("wifi", 3)).at_home_at == at(3)


def test_undoing_takes_a_milestone_back_and_doing_again_dates_it_anew() -> None:
    undo = Fact(EventKind.STEP_UNDONE, at(5), "wifi")
    back = begun(done("box", 1), done("wifi", 2), undo)
    assert (back.ready_at, back.current_step) == (None, "wifi")
    again = begun(done("box", 1), done("wifi", 2), undo, done("wifi", 9))
    assert again.ready_at == at(9)


def test_what_is_likely_never_overwrites_what_is_known() -> None:
    likely = Fact(EventKind.STEP_LIKELY, at(4), "box", method=Method.ARRIVAL)
    known = begun(done("box", 1), likely)
    assert known.marks["box"].result == Result.SELF_REPORTED
    supposed = begun(likely)
    assert supposed.marks["box"].result == Result.LIKELY
    assert begun(likely, done("box", 6)).marks["box"].result == Result.SELF_REPORTED


def test_breaks_longer_than_half_an_hour_are_no_work() -> None:
    found = begun(done("box", 10), done("wifi", 41), done("touch", 71))
    assert found.active_seconds == (10 + 30) * 60


def test_only_the_persons_own_moves_count_as_work_and_end_a_break() -> None:
    pause = Fact(EventKind.PAUSED, at(1), until=at(300))
    staff = Fact(EventKind.STEP_DONE, at(5), "box", by_person=False, result=Result.CONFIRMED)
    found = begun(pause, staff)
    assert found.paused_until == at(300)
    assert found.last_event_at == at(1)
    assert begun(pause, done("box", 20)).paused_until is None


def test_coming_back_opens_the_step_anew_and_reading_on_does_not() -> None:
    back = Fact(EventKind.STEP_OPENED, at(90), "box")
    assert begun(back).opened_at == at(90)
    assert begun(Fact(EventKind.STEP_OPENED, at(5), "box")).opened_at == T0
    assert begun(Fact(EventKind.STEP_OPENED, at(90), "wifi")).opened_at == T0


def test_nothing_moves_before_the_beginning() -> None:
    found = replay(PLAN, [Fact(EventKind.OTHER_ACCOUNT, T0, by_person=False)])
    assert (found.current_step, found.begun_at, found.event_count) == ("", None, 1)


@pytest.mark.parametrize(
    ("begun_", "ready", "help_state", "expected"),
    [
        (False, False, HelpState.NONE, Status.NOT_STARTED),
        (True, False, HelpState.NONE, Status.IN_PROGRESS),
        (True, False, HelpState.ANSWERED, Status.IN_PROGRESS),
        (False, False, HelpState.ASKED, Status.WAITING),
        (True, False, HelpState.ASKED, Status.WAITING),
        (True, True, HelpState.ASKED, Status.DONE),
    ],
)
def test_a_person_is_in_one_state(begun_, ready, help_state, expected):
    assert rules.status(begun=begun_, ready=ready, help_state=help_state) == expected


facts = st.builds(
    Fact,
    kind=st.sampled_from(EventKind.values),
    at=st.integers(0, 5000).map(at),
    step_key=st.sampled_from([step.key for step in PLAN]),
    by_person=st.booleans(),
    result=st.sampled_from(Result.values),
    method=st.sampled_from(Method.values),
    until=st.none() | st.integers(0, 9000).map(at),
)


@given(st.lists(facts, max_size=30))
def test_whatever_happens_milestones_follow_from_the_marks(happened: list[Fact]) -> None:
    found = begun(*happened)
    assert bool(found.ready_at) == rules.reached(PLAN, found.marks, rules.READY)
    assert not found.at_home_at or found.ready_at
    assert found.current_step == rules.next_step(PLAN, found.marks)
    assert bool(found.opened_at) == bool(found.current_step)
    assert found.event_count == len(happened) + 1
    last = Fact(EventKind.STEP_UNDONE, at(9999), "box")
    assert apply(PLAN, found, last).current_step == "box"


# --- what people type


@pytest.mark.parametrize("typed", ["010203", "10203", wide("010203"), " 01-02 03 "])
def test_a_staff_number_is_read_however_it_is_typed(typed: str) -> None:
    assert rules.is_same_number(typed, "010203")


@pytest.mark.parametrize("typed", ["", "000", "01020", "102030", "010204", "-"])
def test_another_number_is_another_number(typed: str) -> None:
    assert not rules.is_same_number(typed, "010203")


def test_nobody_without_a_number_is_let_in() -> None:
    assert not rules.is_same_number("", "")
    assert not rules.is_same_number("0", "")


@pytest.mark.parametrize("typed", ["2B0I", "2b0i", wide("2B0I"), "28O1", "5CD4C62B0I", "2B-0I"])
def test_the_end_of_a_serial_number_forgives_what_looks_alike(typed: str) -> None:
    assert rules.is_serial_end(typed, "5CD4C62B0I")


@pytest.mark.parametrize("typed", ["", "B0I", "2B0", "12B0", "X2B0I"])
def test_less_than_four_or_other_characters_are_no_end(typed: str) -> None:
    assert not rules.is_serial_end(typed, "5CD4C62B0I")


def test_every_question_must_be_right() -> None:
    choices = [{"number": 1, "correct": False}, {"number": 2, "correct": True}]
    questions = [{"number": n, "choices": choices} for n in (1, 2)]
    assert rules.right_answers(questions, {1: 2, 2: 1}) == {1}
    assert rules.right_answers(questions, {}) == frozenset()


@pytest.mark.parametrize(
    ("user_agent", "platform", "expected"),
    [
        ("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) Chrome/150", "", True),
        ("Mozilla/5.0", '"Chrome OS"', True),
        ("Mozilla/5.0", '"Chromium OS"', True),
        ("Mozilla/5.0 (Windows NT 10.0) Chrome/150", '"Windows"', False),
        ("Mozilla/5.0 (iPhone) MicrOSoft", "", False),
    ],
)
def test_a_chromebook_is_known_by_what_its_browser_says(user_agent, platform, expected):
    assert rules.runs_chromeos(user_agent=user_agent, platform=platform) is expected


# --- later


def test_in_the_morning_later_is_this_afternoon() -> None:
    found = rules.later(OFFICE, local(10, 9))
    assert found.today == local(10, 13)
    assert found.next_day == local(11, 8, 30)


def test_in_the_afternoon_later_is_an_hour_on_if_there_is_one() -> None:
    assert rules.later(OFFICE, local(10, 15)).today == local(10, 16)
    assert rules.later(OFFICE, local(10, 16, 30)).today is None


def test_after_a_friday_comes_a_monday_and_after_a_holiday_the_day_after() -> None:
    assert rules.later(OFFICE, local(13, 10)).next_day == local(16, 8, 30)
    assert rules.later(OFFICE, local(20, 10)).next_day == local(24, 8, 30)


def test_a_day_off_is_moved_to_the_next_working_morning() -> None:
    assert rules.opening_of(OFFICE, local(14, 0).date()) == local(16, 8, 30)
