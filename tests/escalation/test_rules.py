"""When somebody needs help, and who is asked next."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.escalation import rules
from kitting.escalation.rules import Rest, Verdict, Watched, judge
from kitting.escalation.states import Level, Reason, TicketKind
from kitting.lib import clock
from tests.escalation.town import at

if TYPE_CHECKING:
    from datetime import datetime

OFFICE = clock.Calendar(
    week=clock.parse_week("8:30-17:15"),
    holidays=clock.Holidays("JP"),
    closed=frozenset({date(2026, 12, 4)}),  # a Friday of its own
)
NURSERY = clock.Calendar(
    week=clock.parse_week("Mon-Sat 7:00-19:00"),
    holidays=clock.Holidays("JP"),
    counts_days=True,
)


def watched(**fields: object) -> Watched:
    return Watched(
        **{
            "begun_at": None,
            "expected_from": at("11-10 10:00"),
            "opened_at": None,
            "last_event_at": None,
            "is_ready": False,
            "step_minutes": 3,
            "failing_weight": 0,
            **fields,
        }
    )


def begun(when: datetime, **fields: object) -> Watched:
    return watched(
        **{
            "begun_at": when,
            "expected_from": when,
            "opened_at": when,
            "last_event_at": when,
            **fields,
        }
    )


def found_at(who: Watched, calendar: clock.Calendar) -> tuple[Reason, datetime]:
    """Follow the verdicts until there is a reason; it must not come a minute earlier."""
    now = who.expected_from
    for _look in range(50):
        verdict = judge(who, calendar=calendar, now=now)
        if verdict.reason is not None:
            early = judge(who, calendar=calendar, now=now - timedelta(minutes=1))
            assert early == Verdict(look_again_at=now)
            return verdict.reason, now
        assert verdict.look_again_at is not None
        now = verdict.look_again_at
    raise AssertionError("nothing was ever found")


# --- the right working moment ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calendar", "expected", "found"),
    [
        pytest.param(OFFICE, "11-10 10:00", "11-12 10:00", id="two office days"),
        pytest.param(OFFICE, "11-10 20:00", "11-13 08:30", id="from the next morning on"),
        pytest.param(OFFICE, "11-13 10:00", "11-17 10:00", id="over a weekend"),
        pytest.param(OFFICE, "11-20 10:00", "11-25 10:00", id="over a weekend and a holiday"),
        pytest.param(OFFICE, "12-02 10:00", "12-07 10:00", id="over a closed day of its own"),
        pytest.param(OFFICE, "12-28 16:00", "2027-01-05 16:00", id="over the turn of the year"),
        pytest.param(NURSERY, "11-10 10:00", "11-13 10:00", id="three days where shifts are"),
        pytest.param(
            NURSERY, "11-19 10:00", "11-24 10:00", id="Saturday counts, a holiday not"
        ),
    ],
)
def test_who_never_started_is_found_in_their_own_working_time(calendar, expected, found):
    who = watched(expected_from=at(expected))
    assert found_at(who, calendar) == (Reason.NEVER_STARTED, at(found))


@pytest.mark.parametrize(
    ("minutes", "opened", "found"),
    [
        pytest.param(3, "11-10 10:00", "11-10 10:30", id="never before the floor"),
        pytest.param(10, "11-10 10:00", "11-10 10:40", id="four times the usual minutes"),
        pytest.param(10, "11-10 17:00", "11-11 08:55", id="nights do not count"),
        pytest.param(10, "11-20 17:00", "11-24 08:55", id="weekends and holidays do not count"),
    ],
)
def test_a_step_is_slow_after_several_times_its_usual_minutes(minutes, opened, found):
    who = begun(at(opened), step_minutes=minutes)
    assert found_at(who, OFFICE) == (Reason.SLOW, at(found))


@pytest.mark.parametrize(
    ("calendar", "on_paper", "heard", "found"),
    [
        pytest.param(NURSERY, False, "11-10 18:00", "11-13 18:00", id="shifts count days"),
        pytest.param(OFFICE, True, "11-10 10:00", "11-13 10:00", id="paper is quiet for long"),
        pytest.param(
            NURSERY, True, "11-19 10:00", "11-26 10:00", id="paper in shifts: five days"
        ),
    ],
)
def test_silence_is_found_in_their_own_working_time(calendar, on_paper, heard, found):
    who = begun(at(heard), on_paper=on_paper)
    assert found_at(who, calendar) == (Reason.SILENT, at(found))


def test_a_long_silence_is_called_silence_even_at_a_slow_step():
    who = begun(at("11-10 10:00"))
    verdict = judge(who, calendar=OFFICE, now=at("11-11 10:00"))
    assert verdict.reason == Reason.SILENT


@pytest.mark.parametrize(("weight", "reason"), [(5, None), (6, Reason.FAILING)])
def test_a_check_that_fails_again_and_again_is_found_at_once(weight, reason):
    who = begun(at("11-10 22:00"), failing_weight=weight)
    assert judge(who, calendar=OFFICE, now=at("11-10 22:01")).reason == reason


# --- what stops the clock -------------------------------------------------------------------------


def test_who_is_ready_is_never_found():
    who = begun(at("11-10 10:00"), is_ready=True, failing_weight=99)
    assert judge(who, calendar=OFFICE, now=at("12-25 10:00")) == Verdict()


@pytest.mark.parametrize("started", [True, False])
def test_a_pause_stops_every_clock_until_it_ends(started):
    rest = Rest(paused_until=at("11-16 08:30"))
    who = begun(at("11-10 10:00"), rest=rest) if started else watched(rest=rest)
    now = at("11-13 16:00")
    assert judge(who, calendar=OFFICE, now=now) == Verdict(look_again_at=at("11-16 08:30"))


def test_after_a_pause_the_clock_begins_anew():
    never = watched(rest=Rest(paused_until=at("11-16 08:30")))
    assert found_at(never, OFFICE) == (Reason.NEVER_STARTED, at("11-18 08:30"))
    slow = begun(at("11-10 10:00"), rest=Rest(paused_until=at("11-16 08:30")))
    assert found_at(slow, OFFICE) == (Reason.SLOW, at("11-16 09:00"))


def test_leave_stops_the_clock_until_the_first_working_hour_after_it():
    rest = Rest(leave_from_on=date(2026, 11, 11), leave_to_on=date(2026, 11, 20))
    who = watched(rest=rest)
    look = judge(who, calendar=OFFICE, now=at("11-12 10:00"))
    assert look == Verdict(look_again_at=at("11-24 08:30"))
    assert found_at(who, OFFICE) == (Reason.NEVER_STARTED, at("11-26 08:30"))


def test_leave_without_an_end_is_looked_at_every_working_day():
    who = begun(at("11-10 10:00"), rest=Rest(leave_from_on=date(2026, 11, 11)))
    look = judge(who, calendar=OFFICE, now=at("11-20 10:00"))
    assert look == Verdict(look_again_at=at("11-24 10:00"))


def test_leave_to_come_changes_nothing_yet():
    rest = Rest(leave_from_on=date(2026, 12, 1), leave_to_on=date(2026, 12, 31))
    assert found_at(watched(rest=rest), OFFICE) == (Reason.NEVER_STARTED, at("11-12 10:00"))


def test_a_held_wave_stops_the_clock():
    who = begun(at("11-10 10:00"), failing_weight=9, rest=Rest(held=True))
    look = judge(who, calendar=OFFICE, now=at("11-13 10:00"))
    assert look == Verdict(look_again_at=at("11-16 10:00"))


def test_of_several_rests_the_longest_counts():
    rest = Rest(paused_until=at("11-12 13:00"), held=True)
    assert rest.lasts_until(OFFICE, at("11-11 10:00")) == at("11-12 13:00")
    assert rest.lasts_until(OFFICE, at("11-12 10:00")) == at("11-13 10:00")


def test_after_help_the_clock_begins_anew():
    who = begun(at("11-10 10:00"), helped_at=at("11-12 10:00"))
    assert found_at(who, OFFICE) == (Reason.SLOW, at("11-12 10:30"))


MOMENTS = st.integers(min_value=0, max_value=455 * 24 * 60).map(
    lambda minutes: at("04-01 00:00") + timedelta(minutes=minutes)
)
DATES = st.dates(min_value=date(2026, 4, 1), max_value=date(2027, 6, 30))
RESTS = st.builds(
    lambda paused, held, leave: Rest(paused, held, *leave),
    st.none() | MOMENTS,
    st.booleans(),
    st.tuples(st.none() | DATES, st.none() | DATES),
)
PEOPLE = st.builds(
    Watched,
    begun_at=st.none() | MOMENTS,
    expected_from=MOMENTS,
    opened_at=st.none() | MOMENTS,
    last_event_at=st.none() | MOMENTS,
    is_ready=st.booleans(),
    step_minutes=st.integers(min_value=1, max_value=60),
    failing_weight=st.integers(min_value=0, max_value=8),
    helped_at=st.none() | MOMENTS,
    on_paper=st.booleans(),
    rest=RESTS,
)


@given(who=PEOPLE, now=MOMENTS, calendar=st.sampled_from((OFFICE, NURSERY)))
def test_a_verdict_is_a_reason_or_a_later_look_never_both(who, now, calendar):
    verdict = judge(who, calendar=calendar, now=now)
    if verdict.look_again_at is not None:
        assert verdict.reason is None
        assert verdict.look_again_at > now
    elif verdict.reason is None:
        assert who.is_ready


@given(who=PEOPLE, now=MOMENTS, calendar=st.sampled_from((OFFICE, NURSERY)))
def test_whoever_is_not_ready_is_found_in_the_end_once_nothing_stops_the_clock(
    who, now, calendar
):
    running = Watched(
        begun_at=who.begun_at,
        expected_from=who.expected_from,
        opened_at=who.opened_at,
        last_event_at=who.last_event_at,
        is_ready=False,
        step_minutes=who.step_minutes,
        failing_weight=who.failing_weight,
    )
    for _look in range(10):
        verdict = judge(running, calendar=calendar, now=now)
        if verdict.reason is not None:
            return
        assert verdict.look_again_at
        now = verdict.look_again_at
    raise AssertionError("looked at again and again, and never found")


# --- the ladder -----------------------------------------------------------------------------------


def shipped(kind: TicketKind, reason: Reason, *, answered: bool = False) -> rules.Ladder:
    return rules.SHIPPED[rules.case_of(kind, reason, answered=answered)]


def levels(kind: TicketKind, reason: Reason, *, answered: bool = False) -> list[str]:
    return [rung.level.value for rung in shipped(kind, reason, answered=answered).rungs]


@pytest.mark.parametrize(
    ("reason", "between"),
    [
        (Reason.NEVER_STARTED, []),
        (Reason.SILENT, ["colleague"]),
        (Reason.SLOW, ["colleague"]),
        (Reason.FAILING, ["colleague"]),
    ],
)
def test_what_the_sweep_finds_goes_from_the_person_up(reason, between):
    assert levels(TicketKind.QUIET, reason) == ["person", *between, "lead", "it", "it_lead"]


def test_who_asks_goes_to_it_at_once():
    assert levels(TicketKind.HELP, Reason.ASKED) == ["it", "it_lead"]


def test_after_an_answer_the_person_is_awaited_first():
    assert levels(TicketKind.HELP, Reason.ASKED, answered=True) == ["person", "it", "it_lead"]


def test_a_device_that_comes_back_is_the_leads_matter_first():
    assert levels(TicketKind.RETURN, Reason.REPORTED) == ["lead", "it", "it_lead"]


def test_every_kind_and_reason_has_a_ladder_that_climbs():
    for kind in TicketKind:
        for reason in Reason:
            rungs = shipped(kind, reason).rungs
            heights = [rules.height(rung.level) for rung in rungs]
            assert heights == sorted(set(heights))
            assert rungs[-1].level == Level.IT_LEAD


def test_only_what_lies_above_a_level_is_left():
    ladder = shipped(TicketKind.QUIET, Reason.SLOW)
    assert [rung.level for rung in ladder.above(Level.LEAD)] == ["it", "it_lead"]
    assert list(ladder.above(None)) == list(ladder.rungs)
    assert list(ladder.above(Level.IT_LEAD)) == []


def test_a_loss_does_not_wait_for_the_morning():
    friday_night = at("11-20 22:00")
    loss = shipped(TicketKind.LOSS, Reason.REPORTED)
    assert [rung.level for rung in loss.rungs] == ["duty", "it", "it_lead"]
    ends = [rung.wait.until(OFFICE, friday_night) for rung in loss.rungs]
    assert ends == [at("11-20 22:15"), at("11-20 23:00"), at("11-21 02:00")]
    assert loss.answer.until(OFFICE, friday_night) == at("11-20 22:30")
    assert loss.taken.until(OFFICE, friday_night) == at("11-21 02:00")


def test_an_answer_is_due_in_working_time():
    wait = shipped(TicketKind.HELP, Reason.ASKED).answer
    assert wait.until(OFFICE, at("11-20 17:00")) == at("11-24 08:45")


def test_waits_are_in_working_days_where_people_work_in_shifts():
    wait = shipped(TicketKind.QUIET, Reason.SILENT).rungs[0].wait
    assert wait.until(OFFICE, at("11-10 10:00")) == at("11-11 10:00")
    assert wait.until(NURSERY, at("11-10 10:00")) == at("11-12 10:00")


@pytest.mark.parametrize(
    ("reason", "level", "heard_since", "away"),
    [
        (Reason.SLOW, Level.PERSON, False, True),
        (Reason.SLOW, Level.PERSON, True, False),
        (Reason.SLOW, Level.LEAD, False, False),
        (Reason.FAILING, Level.PERSON, False, False),
    ],
)
def test_who_is_slow_and_not_heard_since_may_just_be_away(reason, level, heard_since, away):
    silent_at, now = at("11-11 10:00"), at("11-10 14:00")
    until = rules.away_until(
        reason, level, heard_since=heard_since, silent_at=silent_at, now=now
    )
    assert until == (silent_at if away else None)
    assert (
        rules.away_until(
            reason, level, heard_since=heard_since, silent_at=silent_at, now=silent_at
        )
        is None
    )
