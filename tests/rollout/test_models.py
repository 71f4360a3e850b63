"""What the database itself refuses about the plan."""

from __future__ import annotations

from datetime import date, time

import pytest
from django.db import IntegrityError, transaction

from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.states import RolloutState
from tests.factories import NOW, PlaceFactory, WaveFactory

pytestmark = pytest.mark.django_db


def refused(constraint: str, columns: str = "nothing else"):
    """Expect the database to refuse, by the constraint's name or (SQLite) by its columns."""
    return pytest.raises(IntegrityError, match=f"{constraint}|{columns}")


def rollout(name: str = "秋の配布", **fields: object) -> Rollout:
    return Rollout.objects.create(
        **{
            "name": name,
            "starts_on": date(2026, 11, 2),
            "deadline_on": date(2026, 12, 25),
            **fields,
        }
    )


def test_a_rollout_is_named_once():
    rollout()
    with refused("name"):
        rollout()


def test_a_rollout_ends_after_it_begins():
    rollout("一日だけ", deadline_on=date(2026, 11, 2))
    with refused("rollout_ends_after_it_begins"):
        rollout(deadline_on=date(2026, 11, 1))


def test_one_rollout_runs_at_a_time():
    rollout("済み", state=RolloutState.CLOSED)
    rollout("前", state=RolloutState.OPEN)
    with refused("rollout_one_open", "kitting_rollout.state"):
        rollout("次", state=RolloutState.OPEN)


def test_a_wave_is_named_once_in_its_rollout():
    first, second = rollout("前"), rollout("次")
    for plan in (first, second):
        Wave.objects.create(rollout=plan, name="A", starts_at=NOW, ends_on=date(2026, 11, 9))
    with refused("wave_name_once_a_rollout", "kitting_wave.rollout_id, kitting_wave.name"):
        Wave.objects.create(rollout=first, name="A", starts_at=NOW, ends_on=date(2026, 11, 9))


BROKEN_WAVES = {
    "wave_held_says_why": {"held_at": NOW},
    "wave_hours_end_after_they_begin": {"from_time": time(10), "to_time": time(9)},
    "wave_has_a_seat": {"seats": 0},
    "wave_lets_somebody_begin": {"starts_limit": 0},
    "wave_stuck_limit_is_a_percentage": {"stuck_limit_percent": 101},
    "wave_stuck_among_begun": {"held_stuck": 2, "held_begun": 1},
}


@pytest.mark.parametrize("name", sorted(BROKEN_WAVES))
def test_the_database_refuses_a_wave_that_cannot_be(name: str):
    with refused(name):
        WaveFactory.create(**BROKEN_WAVES[name])


BROKEN_ROLLOUTS = {
    "rollout_state_known": {"state": "unheard"},
    "rollout_verdict_says_when_and_why": {"verdict": "go", "verdict_at": NOW},
    "rollout_percent_of_a_hundred": {"pilot_ready_percent": 101},
}


@pytest.mark.parametrize("name", sorted(BROKEN_ROLLOUTS))
def test_the_database_refuses_a_rollout_that_cannot_be(name: str):
    with refused(name):
        rollout(**BROKEN_ROLLOUTS[name])


def test_a_mark_is_made_once_for_a_place_and_is_of_a_known_kind():
    wave, place = WaveFactory.create(), PlaceFactory.create()
    WaveMark.objects.create(wave=wave, place=place, kind="wifi", made_at=NOW)
    with refused("wave_mark_once_a_place", "kitting_wavemark.wave_id"), transaction.atomic():
        WaveMark.objects.create(wave=wave, place=place, kind="wifi", made_at=NOW)
    with refused("wave_mark_kind_known"):
        WaveMark.objects.create(wave=wave, place=None, kind="mood", made_at=NOW)


def test_licences_are_said_once_and_of_a_whole_wave():
    wave, place = WaveFactory.create(), PlaceFactory.create()
    WaveMark.objects.create(wave=wave, kind="licensed", made_at=NOW)
    with refused("wave_mark_once_a_wave", "kitting_wavemark.wave_id"), transaction.atomic():
        WaveMark.objects.create(wave=wave, kind="licensed", made_at=NOW)
    for where, kind in ((place, "licensed"), (None, "wifi")):
        with refused("wave_mark_place_unless_of_the_wave"), transaction.atomic():
            WaveMark.objects.create(wave=wave, place=where, kind=kind, made_at=NOW)
