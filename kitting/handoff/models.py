"""One code that brings the guide from one device to another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.handoff.states import RUNNING, Gift, HandoffState, Side
from kitting.journeys.models import Journey

if TYPE_CHECKING:
    from datetime import datetime


class HandoffQuerySet(models.QuerySet["Handoff"]):
    """Codes, by whether they still work."""

    def running(self, *, now: datetime) -> HandoffQuerySet:
        """Return the codes that may still lead somewhere."""
        return self.filter(state__in=RUNNING, expires_at__gt=now)


class Handoff(models.Model):
    """A short code on one screen, typed on another: five minutes, once."""

    code = models.CharField(max_length=8, unique=True)
    shown_by = models.CharField(max_length=8, choices=Side)
    state = models.CharField(max_length=8, choices=HandoffState, default=HandoffState.OPEN)
    gift = models.CharField(max_length=8, choices=Gift, blank=True)
    person = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="handoffs", null=True, blank=True
    )
    journey = models.ForeignKey(
        Journey, on_delete=models.CASCADE, related_name="handoffs", null=True, blank=True
    )
    box_epoch = models.PositiveIntegerField(default=0)
    taker = models.CharField(max_length=16, blank=True)
    taker_browser = models.CharField(max_length=20, blank=True)
    taker_system = models.CharField(max_length=20, blank=True)
    taker_on_chromebook = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    objects = HandoffQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=HandoffState.values), name="handoff_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=(HandoffState.OPEN, HandoffState.REFUSED))
                | Q(gift__in=Gift.values),
                name="handoff_asked_has_a_gift",
            ),
            models.CheckConstraint(
                condition=~Q(gift=Gift.BOX) | Q(journey__isnull=False, person__isnull=True),
                name="handoff_box_is_one_journey",
            ),
            models.CheckConstraint(
                condition=~Q(gift=Gift.SIGN_IN) | Q(person__isnull=False, journey__isnull=True),
                name="handoff_sign_in_is_one_person",
            ),
        ]

    def __str__(self) -> str:
        return f"handoff {self.pk} {self.state}"

    def is_running(self, now: datetime) -> bool:
        """Tell whether this code may still lead somewhere."""
        return self.state in RUNNING and self.expires_at > now
