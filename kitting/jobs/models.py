"""Long work that shows its progress, and the heartbeats of what runs by itself."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from kitting.jobs.states import OPEN, JobState


class Job(models.Model):
    """One long piece of work somebody waits for."""

    kind = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=JobState, default=JobState.WAITING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    heard_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"], condition=Q(state__in=OPEN), name="job_one_open_a_kind"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, finished_at__isnull=True)
                | (~Q(state__in=OPEN) & Q(finished_at__isnull=False)),
                name="job_finished_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(done__lte=F("total")), name="job_done_within_total"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.done}/{self.total}"

    @property
    def percent(self) -> int:
        """Return the done share in whole percent."""
        return 100 * self.done // self.total if self.total else 0


class Heartbeat(models.Model):
    """When something that runs by itself last finished a round."""

    name = models.CharField(max_length=40, unique=True)
    at = models.DateTimeField()
    detail = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M:%S}"


class Incident(models.Model):
    """A time in which something that runs by itself did not; one is open at most of a kind."""

    kind = models.CharField(max_length=40)
    what = models.CharField(max_length=120)
    since = models.DateTimeField()
    found_at = models.DateTimeField()
    # Who tells of it holds this claim meanwhile, so that many processes tell once.
    claimed_until = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=Q(ended_at__isnull=True),
                name="incident_one_open_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("found_at")),
                name="incident_ends_after_it_was_found",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"
