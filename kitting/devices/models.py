"""The boxes: devices, the codes on their labels, and for whom they are."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _

from accounts.models import Department, Place, User
from kitting.devices.states import DeviceEventKind, DeviceState, LoanKind

# What the database refuses to change of an event, as accounts.appendonly takes it: all but that who did it
# is no longer known here.
KEPT_EVENTS = {
    "kitting_deviceevent": """NOT (
        NEW.id = OLD.id AND NEW.device_id = OLD.device_id AND NEW.kind = OLD.kind
        AND NEW."before" = OLD."before" AND NEW."after" = OLD."after" AND NEW.at = OLD.at
        AND NEW.loan_id {same} OLD.loan_id AND {new_data} = {old_data}
        AND (NEW.actor_id {same} OLD.actor_id OR NEW.actor_id IS NULL)
    )"""
}


class DeviceQuerySet(models.QuerySet["Device"]):
    """Devices, by what is asked about them."""

    def in_use(self) -> DeviceQuerySet:
        """Return devices that can still be somebody's."""
        return self.exclude(state=DeviceState.RETIRED)


class Device(models.Model):
    """One Chromebook and the box it comes in."""

    serial_number = models.CharField(max_length=40, unique=True)
    asset_tag = models.CharField(max_length=40, unique=True, null=True, blank=True)
    code = models.CharField(
        max_length=8,
        unique=True,
        null=True,
        blank=True,
        editable=False,
        help_text=_("The code of the label in force; the history stands in box codes."),
    )
    state = models.CharField(max_length=10, choices=DeviceState, default=DeviceState.STOCK)
    model_name = models.CharField(max_length=80, blank=True)
    mac_address = models.CharField(max_length=17, blank=True)
    carton = models.CharField(max_length=40, blank=True)
    delivered_on = models.DateField(null=True, blank=True)
    arrived_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the box was seen to have arrived.")
    )
    said_elsewhere_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_("When somebody said that they hold this box although it is not theirs."),
    )
    created_at = models.DateTimeField()

    objects = DeviceQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(Upper("asset_tag"), name="device_tag_in_any_case")]
        constraints = [
            models.UniqueConstraint(
                Upper("serial_number"), name="device_serial_once_in_any_case"
            ),
            models.CheckConstraint(condition=~Q(serial_number=""), name="device_has_a_serial"),
            models.CheckConstraint(
                condition=Q(state__in=DeviceState.values), name="device_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.asset_tag or self.serial_number


class BoxCode(models.Model):
    """A code on a label: printed before or after its device is known, never used twice."""

    code = models.CharField(max_length=8, unique=True)
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="box_codes", null=True, blank=True
    )
    created_at = models.DateTimeField()
    printed_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(retired_at__isnull=True),
                name="box_code_one_in_force_a_device",
            )
        ]

    def __str__(self) -> str:
        return self.code


class LoanQuerySet(models.QuerySet["Loan"]):
    """Loans, by what is asked about them."""

    def open(self) -> LoanQuerySet:
        """Return loans that run."""
        return self.filter(ended_at__isnull=True)

    def with_person(self) -> LoanQuerySet:
        """Return loans that completion is counted over."""
        return self.filter(kind=LoanKind.PERSONAL)


class Loan(models.Model):
    """A device is for a person (or shared) of a department at a place, from, to."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="loans")
    kind = models.CharField(max_length=10, choices=LoanKind)
    person = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="loans", null=True, blank=True
    )
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="loans")
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="loans", null=True, blank=True
    )
    started_at = models.DateTimeField()
    handed_over_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = LoanQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["department", "kind"],
                condition=Q(ended_at__isnull=True),
                name="loan_open_by_department",
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(ended_at__isnull=True),
                name="loan_one_open_a_device",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=("personal", "spare"), person__isnull=False)
                | Q(kind="shared", person__isnull=True),
                name="loan_person_unless_shared",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="loan_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} -> {self.person_id or self.kind}"


class DeviceEvent(models.Model):
    """Something that happened to a device: who, when, for whom; never changed, never deleted."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=16, choices=DeviceEventKind)
    before = models.CharField(max_length=10, choices=DeviceState)
    after = models.CharField(max_length=10, choices=DeviceState)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="device_events", null=True, blank=True
    )
    data = models.JSONField(default=dict, help_text=_("Facts without personal content."))

    class Meta:
        indexes = [models.Index(fields=["device", "at"], name="device_event_story")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=DeviceEventKind.values), name="device_event_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(before__in=DeviceState.values, after__in=DeviceState.values),
                name="device_event_states_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.kind}"


class DeviceEventNote(models.Model):
    """Why something happened to a device, in somebody's words; may be erased."""

    event = models.OneToOneField(DeviceEvent, on_delete=models.CASCADE, related_name="note")
    text = models.TextField()
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"note of {self.event_id}"
