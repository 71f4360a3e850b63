"""Changing the plan: who may be named twice, what is over, and two editors at once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from accounts.models import AuditEntry
from kitting.rollout import actions
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.states import MarkKind, RolloutState, Verdict
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    PlaceFactory,
    RolloutFactory,
    WaveFactory,
)

pytestmark = pytest.mark.django_db


def rollout_values(**facts: Any) -> actions.RolloutValues:
    values = {
        "name": "秋の配布",
        "starts_on": date(2026, 11, 2),
        "deadline_on": date(2026, 12, 25),
        "help_minutes_a_day": 300,
    }
    return actions.RolloutValues(**{**values, **facts})


def wave_values(**facts: Any) -> actions.WaveValues:
    return actions.WaveValues(
        **{"name": "第1回", "starts_at": NOW, "ends_on": date(2026, 11, 13), **facts}
    )


def save(rollout: Rollout, wave: Wave | None = None, **facts: Any) -> actions.Saved:
    more = {name: facts.pop(name) for name in ("version",) if name in facts}
    return actions.save_wave(
        rollout=rollout,
        wave=wave,
        values=wave_values(**facts),
        departments=[],
        places=[],
        by=None,
        now=NOW,
        **more,
    )


def move(rollout: Rollout, to: RolloutState) -> Rollout:
    return actions.move_rollout(rollout=rollout, to=to, by=None, now=NOW)


def test_a_rollout_goes_from_planned_to_archived_and_back_only_where_it_may() -> None:
    rollout = RolloutFactory.create(state=RolloutState.PLANNED)
    with pytest.raises(actions.NotNowError):
        move(rollout, RolloutState.CLOSED)
    rollout = move(rollout, RolloutState.OPEN)
    with pytest.raises(actions.NotNowError):
        move(rollout, RolloutState.OPEN)
    rollout = move(move(rollout, RolloutState.CLOSED), RolloutState.OPEN)
    rollout = move(move(rollout, RolloutState.CLOSED), RolloutState.ARCHIVED)
    for state in RolloutState:
        with pytest.raises(actions.NotNowError):
            move(rollout, state)


def test_a_second_rollout_does_not_open_while_one_is_open() -> None:
    RolloutFactory.create(name="前")
    with pytest.raises(actions.AnotherOpenError):
        move(RolloutFactory.create(name="次", state="planned"), RolloutState.OPEN)
    assert Rollout.objects.get(name="次").state == RolloutState.PLANNED


def test_what_is_over_is_not_changed_any_more() -> None:
    rollout = RolloutFactory.create(state=RolloutState.CLOSED)
    wave = WaveFactory.create(rollout=rollout)
    with pytest.raises(actions.NotNowError):
        actions.save_rollout(rollout=rollout, values=rollout_values(), by=None, now=NOW)
    with pytest.raises(actions.NotNowError):
        save(rollout, wave)
    with pytest.raises(actions.NotNowError):
        actions.drop_wave(wave=wave, by=GrantFactory.create().person, now=NOW)


def test_the_next_rollout_says_what_it_follows_and_a_name_is_given_once() -> None:
    before = RolloutFactory.create(name="前", state="closed")
    made = actions.save_rollout(
        rollout=None, values=rollout_values(name="次"), follows=before, by=None, now=NOW
    )
    assert (made.follows, made.state) == (before, RolloutState.PLANNED)
    with pytest.raises(actions.NameTakenError):
        actions.save_rollout(rollout=None, values=rollout_values(name="前"), by=None, now=NOW)


def test_two_editors_of_a_wave_notice_each_other() -> None:
    rollout = RolloutFactory.create()
    wave = save(rollout).wave
    first = save(rollout, wave, version=0, seats=10)
    assert (first.wave.version, first.moved) == (1, False)
    with pytest.raises(actions.ChangedMeanwhileError):
        save(rollout, wave, version=0, seats=20)
    wave.refresh_from_db()
    assert wave.seats == 10


def test_a_wave_whose_dates_change_is_said_to_have_moved_and_keeps_its_name_in_calendars() -> (
    None
):
    rollout = RolloutFactory.create()
    wave = save(rollout).wave
    uid = wave.calendar_uid
    saved = save(rollout, wave, starts_at=NOW + timedelta(days=1))
    assert saved.moved
    assert saved.wave.calendar_uid == uid
    with pytest.raises(actions.NameTakenError):
        save(rollout)


def test_a_verdict_needs_an_open_rollout_and_says_who_when_and_why() -> None:
    rollout, by = RolloutFactory.create(), GrantFactory.create().person
    given = actions.give_verdict(
        rollout=rollout, verdict=Verdict.NO_GO, why="Wi-Fi が足りません。", by=by, now=NOW
    )
    assert (given.verdict, given.verdict_by, given.verdict_at) == ("no_go", by, NOW)
    entry = AuditEntry.objects.get(action="rollout.verdict")
    assert (entry.actor, entry.data["why"]) == (by, "Wi-Fi が足りません。")
    move(rollout, RolloutState.CLOSED)
    with pytest.raises(actions.NotNowError):
        actions.give_verdict(rollout=rollout, verdict=Verdict.GO, why="a", by=by, now=NOW)


def test_a_mark_is_made_once_and_taken_back_once_each_on_record() -> None:
    facts = {
        "wave": WaveFactory.create(),
        "place": PlaceFactory.create(),
        "kind": MarkKind.CHARGED,
        "by": GrantFactory.create().person,
        "now": NOW,
    }
    assert [actions.mark(**facts), actions.mark(**facts)] == [True, False]
    assert WaveMark.objects.get().made_by == facts["by"]
    assert [actions.unmark(**facts), actions.unmark(**facts)] == [True, False]
    found = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(found) == ["wave.marked", "wave.unmarked"]


def test_whom_a_wave_is_for_is_kept_and_dropping_it_lets_go() -> None:
    rollout, department = RolloutFactory.create(), DepartmentFactory.create()
    place = PlaceFactory.create()
    saved = actions.save_wave(
        rollout=rollout,
        wave=None,
        values=wave_values(),
        departments=[department],
        places=[place],
        by=None,
        now=NOW,
    )
    assert list(saved.wave.departments.all()) == [department]
    assert list(saved.wave.places.all()) == [place]
    actions.drop_wave(wave=saved.wave, by=GrantFactory.create().person, now=NOW)
    assert not Wave.objects.exists()
