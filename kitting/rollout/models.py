"""When who gets theirs."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from accounts.models import Department, Place, User
from kitting.rollout.states import (
    CHANGEABLE,
    ON_THE_SPOT,
    HeldWhy,
    MarkKind,
    RolloutState,
    Verdict,
)

if TYPE_CHECKING:
    from datetime import datetime

PERCENT_MOST = 100
# What IT can give in a day, where nobody has said: one person's working day.
HELP_MINUTES_A_DAY = 480


class Rollout(models.Model):
    """One campaign of handing out devices, with its deadline, its pilot and what IT can help."""

    name = models.CharField(max_length=80, unique=True)
    state = models.CharField(max_length=10, choices=RolloutState, default=RolloutState.PLANNED)
    starts_on = models.DateField()
    deadline_on = models.DateField()
    follows = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="next", null=True, blank=True
    )
    starts_a_day = models.PositiveIntegerField(null=True, blank=True)
    help_minutes_a_day = models.PositiveIntegerField(default=HELP_MINUTES_A_DAY)
    # What the pilot must show; empty is not asked.
    pilot_ready_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    pilot_active_minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    pilot_help_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    verdict = models.CharField(max_length=5, choices=Verdict, blank=True)
    verdict_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    verdict_at = models.DateTimeField(null=True, blank=True)
    verdict_why = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(deadline_on__gte=F("starts_on")),
                name="rollout_ends_after_it_begins",
            ),
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="open"), name="rollout_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RolloutState.values), name="rollout_state_known"
            ),
            models.CheckConstraint(
                condition=Q(verdict="", verdict_at__isnull=True, verdict_why="")
                | (
                    Q(verdict__in=Verdict.values, verdict_at__isnull=False) & ~Q(verdict_why="")
                ),
                name="rollout_verdict_says_when_and_why",
            ),
            models.CheckConstraint(
                condition=(
                    Q(pilot_ready_percent__isnull=True)
                    | Q(pilot_ready_percent__lte=PERCENT_MOST)
                )
                & (
                    Q(pilot_help_percent__isnull=True) | Q(pilot_help_percent__lte=PERCENT_MOST)
                ),
                name="rollout_percent_of_a_hundred",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_changeable(self) -> bool:
        """Tell whether its plan may still be changed."""
        return self.state in CHANGEABLE


class Wave(models.Model):
    """Departments (and places) that receive devices on the same dates."""

    rollout = models.ForeignKey(Rollout, on_delete=models.PROTECT, related_name="waves")
    name = models.CharField(max_length=80)
    starts_at = models.DateTimeField()
    ends_on = models.DateField()
    departments = models.ManyToManyField(Department, related_name="waves", blank=True)
    places = models.ManyToManyField(Place, related_name="waves", blank=True)
    is_pilot = models.BooleanField(default=False)
    # Where people set up together: from when until when each day, and how many seats there are.
    from_time = models.TimeField(null=True, blank=True)
    to_time = models.TimeField(null=True, blank=True)
    seats = models.PositiveSmallIntegerField(null=True, blank=True)
    helper = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="helped_waves", null=True, blank=True
    )
    # So many may be beginning at one place at the same time before others are asked to wait.
    starts_limit = models.PositiveSmallIntegerField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)
    tells_people = models.BooleanField(default=True)

    held_at = models.DateTimeField(null=True, blank=True)
    held_why = models.CharField(max_length=5, choices=HeldWhy, blank=True)
    held_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    # How many of how many were stuck when it was held by itself.
    held_stuck = models.PositiveIntegerField(default=0)
    held_begun = models.PositiveIntegerField(default=0)
    stuck_limit_percent = models.PositiveSmallIntegerField(null=True, blank=True)
    # Whoever was stuck before this moment is known: only others hold the wave again.
    released_at = models.DateTimeField(null=True, blank=True)

    # For which first day leads and people have been told that it is tomorrow.
    reminded_for_on = models.DateField(null=True, blank=True, editable=False)

    calendar_uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    # Raised with each change: calendars take the newest, and two editors notice each other.
    version = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["rollout", "name"], name="wave_name_once_a_rollout"
            ),
            models.CheckConstraint(
                condition=Q(held_at__isnull=True, held_why="")
                | Q(held_at__isnull=False, held_why__in=HeldWhy.values),
                name="wave_held_says_why",
            ),
            models.CheckConstraint(
                condition=Q(from_time__isnull=True, to_time__isnull=True)
                | Q(from_time__isnull=False, to_time__gt=F("from_time")),
                name="wave_hours_end_after_they_begin",
            ),
            models.CheckConstraint(
                condition=Q(seats__isnull=True) | Q(seats__gte=1), name="wave_has_a_seat"
            ),
            models.CheckConstraint(
                condition=Q(starts_limit__isnull=True) | Q(starts_limit__gte=1),
                name="wave_lets_somebody_begin",
            ),
            models.CheckConstraint(
                condition=Q(stuck_limit_percent__isnull=True)
                | Q(stuck_limit_percent__range=(1, PERCENT_MOST)),
                name="wave_stuck_limit_is_a_percentage",
            ),
            models.CheckConstraint(
                condition=Q(held_stuck__lte=F("held_begun")), name="wave_stuck_among_begun"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def written_at(self) -> datetime:
        """Return when its dates were last written down, for calendars."""
        return self.changed_at or self.starts_at


class WaveMark(models.Model):
    """That somebody looked: the boxes of a wave at a place are charged, its Wi-Fi works.

    Without a place it is said of the whole wave: that its accounts have a licence.
    """

    wave = models.ForeignKey(Wave, on_delete=models.CASCADE, related_name="marks")
    place = models.ForeignKey(
        Place, on_delete=models.CASCADE, related_name="+", null=True, blank=True
    )
    kind = models.CharField(max_length=8, choices=MarkKind)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["wave", "place", "kind"], name="wave_mark_once_a_place"
            ),
            models.UniqueConstraint(
                fields=["wave", "kind"],
                condition=Q(place__isnull=True),
                name="wave_mark_once_a_wave",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=MarkKind.values), name="wave_mark_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ON_THE_SPOT, place__isnull=False)
                | ~Q(kind__in=ON_THE_SPOT) & Q(place__isnull=True),
                name="wave_mark_place_unless_of_the_wave",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.wave_id} {self.place_id} {self.kind}"
