"""What Google said of the devices, when it was asked, and what was changed there."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.devices.models import Device
from kitting.directory.states import (
    OPEN,
    ChangeKind,
    ChangeState,
    LookState,
    Problem,
    Scope,
    Source,
    Standing,
)


class DirectoryLook(models.Model):
    """One look at Google's devices: page by page, to be gone on with after any break."""

    source = models.CharField(max_length=10, choices=Source, default=Source.API)
    scope = models.CharField(max_length=10, choices=Scope)
    state = models.CharField(max_length=10, choices=LookState, default=LookState.RUNNING)
    asked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # From when what was seen is; empty where an exported file does not say.
    as_of_at = models.DateTimeField(null=True, blank=True)
    page_token = models.TextField(blank=True)
    pages = models.PositiveIntegerField(default=0)
    # Whoever works on it holds it until then; a killed worker lets go by itself.
    busy_until = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=20, choices=Problem, blank=True)
    seen = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unreadable = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    confirmed = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    closed = models.PositiveIntegerField(default=0)
    held_back = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="look_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="running", finished_at__isnull=True)
                | (~Q(state="running") & Q(finished_at__isnull=False)),
                name="look_finished_has_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.scope} {self.started_at:%Y-%m-%d %H:%M}"


class DirectoryDeviceQuerySet(models.QuerySet["DirectoryDevice"]):
    """Devices at Google, by what is asked about them."""

    def current(self) -> DirectoryDeviceQuerySet:
        """Return what stands for a device: still listed, and no former entry of the same one."""
        return self.filter(gone_at__isnull=True, is_former=False)


class DirectoryDevice(models.Model):
    """One device as Google showed it last; statuses are kept as they came."""

    # Google's id of the device, or its serial number where only a file without ids spoke of it.
    key = models.CharField(max_length=100, unique=True)
    google_id = models.CharField(max_length=80, blank=True)
    serial_number = models.CharField(max_length=40, db_index=True)
    device = models.ForeignKey(
        Device,
        on_delete=models.SET_NULL,
        related_name="directory_devices",
        null=True,
        blank=True,
    )
    is_former = models.BooleanField(default=False)
    status = models.CharField(max_length=40, blank=True)
    standing = models.CharField(max_length=10, choices=Standing, default=Standing.UNKNOWN)
    model_name = models.CharField(max_length=80, blank=True)
    os_version = models.CharField(max_length=40, blank=True)
    org_unit = models.CharField(max_length=300, blank=True)
    asset_tag = models.CharField(max_length=100, blank=True)
    location = models.CharField(max_length=200, blank=True)
    annotated_user = models.CharField(max_length=100, blank=True)
    mac_address = models.CharField(max_length=17, blank=True)
    recent_users = models.JSONField(default=list)
    first_enrolled_at = models.DateTimeField(null=True, blank=True)
    last_enrolled_at = models.DateTimeField(null=True, blank=True)
    last_sync_at = models.DateTimeField(null=True, blank=True)
    update_state = models.CharField(max_length=40, blank=True)
    compliance = models.CharField(max_length=40, blank=True)
    updates_until_on = models.DateField(null=True, blank=True)
    # What contradicts the journey on this device: kind by what Google shows. Empty if nothing.
    differences = models.JSONField(default=dict)
    has_differences = models.BooleanField(default=False)
    look = models.ForeignKey(
        DirectoryLook, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = DirectoryDeviceQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["device"],
                condition=Q(has_differences=True),
                name="directory_differences",
            ),
            models.Index(fields=["updates_until_on"], name="directory_updates_end"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(device__isnull=False, is_former=False),
                name="directory_one_current_a_device",
            ),
            models.CheckConstraint(
                condition=~Q(serial_number=""), name="directory_device_has_a_serial"
            ),
        ]

    def __str__(self) -> str:
        return self.serial_number


class RemoteChange(models.Model):
    """One thing that was changed at Google, or by hand in its console: who asked, what came of it."""

    kind = models.CharField(max_length=10, choices=ChangeKind)
    state = models.CharField(max_length=10, choices=ChangeState, default=ChangeState.ASKED)
    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="remote_changes")
    by_hand = models.BooleanField(default=False)
    reason = models.CharField(max_length=400, blank=True)
    texts = models.JSONField(default=dict)
    asked_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    retry_at = models.DateTimeField(null=True, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=20, choices=Problem, blank=True)
    status_seen = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["kind", "asked_at"],
                condition=Q(state__in=("asked", "sent")),
                name="remote_change_open",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "kind"],
                condition=Q(state__in=("asked", "sent")),
                name="remote_change_one_open_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(state__in=OPEN, settled_at__isnull=True)
                | (~Q(state__in=OPEN) & Q(settled_at__isnull=False)),
                name="remote_change_settled_has_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.device_id}: {self.state}"
