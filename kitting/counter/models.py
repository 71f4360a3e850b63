"""What was scanned at the counter, and what came of it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.counter.states import Mode, Outcome
from kitting.devices.models import Device, Loan


class Scan(models.Model):
    """One scan at a counter, good or not; one that waited without a network arrives once.

    What was typed is not kept where it named a person or a box: those are rows of their own.
    """

    client = models.CharField(max_length=40)
    sequence = models.PositiveIntegerField()
    mode = models.CharField(max_length=10, choices=Mode)
    outcome = models.CharField(max_length=16, choices=Outcome)
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="scans", null=True, blank=True
    )
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="scans", null=True, blank=True
    )
    person = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    boxes = models.PositiveIntegerField(
        default=1, help_text="How many boxes one scan was about."
    )
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="counter_scans", null=True, blank=True
    )
    at = models.DateTimeField()
    scanned_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="By the device's clock, where it waited for the network.",
    )
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["by", "-at"], name="scan_by_lately")]
        constraints = [
            models.UniqueConstraint(fields=["client", "sequence"], name="scan_arrives_once"),
            models.CheckConstraint(
                condition=Q(outcome__in=Outcome.values), name="scan_outcome_known"
            ),
            models.CheckConstraint(
                condition=Q(undone_at__isnull=True)
                | Q(outcome__in=("handed", "bound", "arrived")),
                name="scan_only_good_ones_are_undone",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.mode} {self.outcome}"
