"""Everything that changes the plan itself; whom it moves is a matter of the rooms above."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from accounts.actions import write_audit
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.rollout.states import ROLLOUT_MOVES, RolloutState, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, time

    from accounts.models import Department, Place, User
    from kitting.rollout.states import MarkKind


class PlanError(Exception):
    """The plan cannot be changed like this."""


class NotNowError(PlanError):
    """A rollout cannot become this from what it is now."""


class AnotherOpenError(PlanError):
    """Another rollout is open: one runs at a time."""


class ChangedMeanwhileError(PlanError):
    """Somebody else changed the wave since it was read."""


class BegunError(PlanError):
    """Somebody of the wave has begun: it stays as what happened."""


class NameTakenError(PlanError):
    """There is another one of this name."""


@dataclass(frozen=True)
class RolloutValues:
    """What is decided about a rollout."""

    name: str
    starts_on: date
    deadline_on: date
    help_minutes_a_day: int
    starts_a_day: int | None = None
    pilot_ready_percent: int | None = None
    pilot_active_minutes: int | None = None
    pilot_help_percent: int | None = None


@dataclass(frozen=True)
class WaveValues:
    """What is decided about a wave."""

    name: str
    starts_at: datetime
    ends_on: date
    from_time: time | None = None
    to_time: time | None = None
    seats: int | None = None
    helper_id: int | None = None
    starts_limit: int | None = None
    stuck_limit_percent: int | None = None
    is_pilot: bool = False
    tells_people: bool = True
    note: str = ""


@transaction.atomic
def save_rollout(
    *,
    rollout: Rollout | None,
    values: RolloutValues,
    by: User | None,
    now: datetime,
    follows: Rollout | None = None,
) -> Rollout:
    """Make a rollout or change one. Raises `NameTakenError`, `NotNowError` where it is over."""
    kept = (
        Rollout.objects.select_for_update().get(pk=rollout.pk)
        if rollout
        else Rollout(follows=follows)
    )
    if not kept.is_changeable:
        raise NotNowError
    for name, value in vars(values).items():
        setattr(kept, name, value)
    _save_named(kept)
    action = "rollout.changed" if rollout else "rollout.planned"
    write_audit(action=action, now=now, by=by, subject=kept.name, data=_plain(values))
    return kept


def _save_named(row: Rollout | Wave) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        if "name" not in str(error):
            raise
        raise NameTakenError from error


def _plain(values: RolloutValues | WaveValues) -> dict[str, object]:
    return {name: str(value) for name, value in vars(values).items() if value not in (None, "")}


@transaction.atomic
def move_rollout(
    *, rollout: Rollout, to: RolloutState, by: User | None, now: datetime
) -> Rollout:
    """Open, close or archive a rollout. Raises `NotNowError`, `AnotherOpenError`."""
    before = [state for state, moves in ROLLOUT_MOVES.items() if to in moves]
    try:
        with transaction.atomic():
            moved = Rollout.objects.filter(pk=rollout.pk, state__in=before).update(state=to)
    except IntegrityError as error:
        raise AnotherOpenError from error
    if not moved:
        raise NotNowError
    write_audit(action=f"rollout.{to.value}", now=now, by=by, subject=rollout.name)
    return Rollout.objects.get(pk=rollout.pk)


@transaction.atomic
def give_verdict(
    *, rollout: Rollout, verdict: Verdict, why: str, by: User, now: datetime
) -> Rollout:
    """Say whether the pilot lets the others go on; a later verdict takes the place of this one."""
    given = Rollout.objects.filter(pk=rollout.pk, state=RolloutState.OPEN).update(
        verdict=verdict, verdict_why=why, verdict_by=by, verdict_at=now
    )
    if not given:
        raise NotNowError
    data = {"verdict": verdict.value, "why": why}
    write_audit(action="rollout.verdict", now=now, by=by, subject=rollout.name, data=data)
    return Rollout.objects.get(pk=rollout.pk)


@dataclass(frozen=True)
class Saved:
    """A wave as it was saved, and whether its dates moved."""

    wave: Wave
    moved: bool


@transaction.atomic
def save_wave(  # noqa: PLR0913  # a wave has this many sides, and the callers name each
    *,
    rollout: Rollout,
    wave: Wave | None,
    values: WaveValues,
    departments: Sequence[Department],
    places: Sequence[Place],
    by: User | None,
    now: datetime,
    version: int | None = None,
) -> Saved:
    """Make a wave or change one; `version` is what its editor had read.

    Raises `NameTakenError`, `ChangedMeanwhileError`, `NotNowError` where the rollout is over.
    """
    if not Rollout.objects.select_for_update().get(pk=rollout.pk).is_changeable:
        raise NotNowError
    kept = Wave.objects.select_for_update().get(pk=wave.pk) if wave else Wave(rollout=rollout)
    if wave and version is not None and kept.version != version:
        raise ChangedMeanwhileError
    moved = wave is None or (kept.starts_at, kept.ends_on) != (
        values.starts_at,
        values.ends_on,
    )
    for name, value in vars(values).items():
        setattr(kept, name, value)
    kept.changed_at = now
    kept.version += 1 if wave else 0
    _save_named(kept)
    kept.departments.set(departments)
    kept.places.set(places)
    data = _plain(values) | {
        "departments": [str(one) for one in departments],
        "places": [str(one) for one in places],
    }
    action = "wave.changed" if wave else "wave.planned"
    write_audit(action=action, now=now, by=by, subject=kept.name, data=data)
    return Saved(kept, moved)


@transaction.atomic
def drop_wave(*, wave: Wave, by: User, now: datetime) -> None:
    """Take a wave out of the plan. Raises `NotNowError` where its rollout is over."""
    if not Rollout.objects.select_for_update().get(pk=wave.rollout_id).is_changeable:
        raise NotNowError
    write_audit(action="wave.dropped", now=now, by=by, subject=wave.name)
    wave.delete()


@transaction.atomic
def mark(*, wave: Wave, place: Place | None, kind: MarkKind, by: User, now: datetime) -> bool:
    """Note that somebody looked, on the spot or for a whole wave; tell whether it was new."""
    _row, is_new = WaveMark.objects.get_or_create(
        wave=wave, place=place, kind=kind, defaults={"made_at": now, "made_by": by}
    )
    if is_new:
        _audit_mark("wave.marked", wave, place, kind, by=by, now=now)
    return is_new


@transaction.atomic
def unmark(*, wave: Wave, place: Place | None, kind: MarkKind, by: User, now: datetime) -> bool:
    """Take such a note back; tell whether there was one."""
    gone, _rows = WaveMark.objects.filter(wave=wave, place=place, kind=kind).delete()
    if gone:
        _audit_mark("wave.unmarked", wave, place, kind, by=by, now=now)
    return bool(gone)


def _audit_mark(
    action: str, wave: Wave, place: Place | None, kind: MarkKind, *, by: User, now: datetime
) -> None:
    data = {"kind": kind.value, "place": place.name if place else ""}
    write_audit(action=action, now=now, by=by, subject=wave.name, data=data)
