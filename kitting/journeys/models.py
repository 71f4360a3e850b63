"""An employee's way: the journey, the state of its steps, and everything that happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Department, Place, User
from kitting.devices.models import Loan
from kitting.guides.models import Edition
from kitting.journeys.states import (
    CloseReason,
    EventKind,
    HelpState,
    Method,
    Result,
    Status,
    TallyKind,
    Via,
)
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.queries import Rights


class JourneyQuerySet(models.QuerySet["Journey"]):
    """Journeys, by what is asked about them."""

    def open(self) -> JourneyQuerySet:
        """Return journeys that still count."""
        return self.filter(closed_at__isnull=True)

    def of(self, person: User) -> JourneyQuerySet:
        """Return a person's own open journeys."""
        return self.open().filter(person=person)

    def in_scope(self, rights: Rights) -> JourneyQuerySet:
        """Return what IT, a lead or nobody may see of others' journeys."""
        if rights.is_it:
            return self
        return self.filter(
            Q(department_id__in=rights.departments) | Q(place_id__in=rights.places)
        )

    def needing_attention(self, *, now: datetime) -> JourneyQuerySet:
        """Return what the sweep must look at by a moment (walks the partial index)."""
        return self.open().filter(attention_at__lte=now)


class Journey(models.Model):
    """One person setting up one loaned device, on one edition of a guide."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="journeys")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="journeys")
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="journeys"
    )
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="journeys", null=True, blank=True
    )
    wave = models.ForeignKey(
        Wave, on_delete=models.SET_NULL, related_name="journeys", null=True, blank=True
    )
    edition = models.ForeignKey(
        Edition, on_delete=models.PROTECT, related_name="journeys", null=True, blank=True
    )
    flags = models.JSONField(default=dict, help_text=_("Frozen when the journey begins."))
    step_keys = models.JSONField(default=list, help_text=_("The steps that apply, in order."))

    status = models.CharField(max_length=12, choices=Status, default=Status.NOT_STARTED)
    help_state = models.CharField(max_length=10, choices=HelpState, default=HelpState.NONE)
    current_step = models.CharField(max_length=40, blank=True)
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text=_("Since when the current step is open.")
    )
    steps_total = models.PositiveSmallIntegerField(default=0)
    steps_done = models.PositiveSmallIntegerField(default=0)
    ready_total = models.PositiveSmallIntegerField(default=0)
    ready_done = models.PositiveSmallIntegerField(default=0)
    active_seconds = models.PositiveIntegerField(default=0)
    opened_seconds = models.PositiveIntegerField(
        default=0, help_text=_("Of the active time, how much had passed when the step opened.")
    )
    ready_seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Active time until the device was ready.")
    )
    asked_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When help was asked for first, if ever.")
    )
    is_noticed = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Kitto noticed that its person may need help; set by escalation only."),
    )
    event_count = models.PositiveIntegerField(default=0)

    created_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)
    last_event_at = models.DateTimeField(null=True, blank=True)
    arrived_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    at_home_at = models.DateTimeField(null=True, blank=True)
    paused_until = models.DateTimeField(null=True, blank=True)
    on_paper = models.BooleanField(default=False)
    fast_until = models.CharField(
        max_length=40,
        blank=True,
        help_text=_("The last of the steps that were pressed faster than possible."),
    )
    attention_at = models.DateTimeField(
        null=True, blank=True, help_text=_("When the sweep must look at it next.")
    )
    closed_at = models.DateTimeField(null=True, blank=True)
    close_reason = models.CharField(max_length=12, choices=CloseReason, blank=True)
    box_epoch = models.PositiveIntegerField(
        default=0, help_text=_("Raised to end all box sessions of this journey.")
    )

    objects = JourneyQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["department", "status", "place", "wave"],
                condition=Q(closed_at__isnull=True),
                name="journey_board",
            ),
            models.Index(
                fields=["attention_at"],
                condition=Q(closed_at__isnull=True, attention_at__isnull=False),
                name="journey_attention",
            ),
            models.Index(
                fields=["current_step", "status"],
                condition=Q(closed_at__isnull=True),
                name="journey_steps_now",
            ),
            models.Index(
                fields=["department"],
                condition=Q(closed_at__isnull=True, is_noticed=True),
                name="journey_noticed",
            ),
            models.Index(
                fields=["department"],
                condition=Q(closed_at__isnull=True, ready_at__isnull=False, help_state="asked"),
                name="journey_ready_and_asking",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["loan"],
                condition=Q(closed_at__isnull=True),
                name="journey_one_open_a_loan",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="journey_status_known"
            ),
            models.CheckConstraint(
                condition=Q(begun_at__isnull=True, edition__isnull=True)
                | Q(begun_at__isnull=False, edition__isnull=False),
                name="journey_edition_frozen_when_begun",
            ),
            models.CheckConstraint(
                condition=Q(steps_done__lte=F("steps_total"), ready_done__lte=F("ready_total")),
                name="journey_done_within_total",
            ),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(ready_at__isnull=False),
                name="journey_done_means_ready",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, close_reason="")
                | (Q(closed_at__isnull=False) & ~Q(close_reason="")),
                name="journey_closed_has_a_reason",
            ),
        ]

    def __str__(self) -> str:
        return f"journey {self.pk}"

    @property
    def reads_paper(self) -> bool:
        """Tell whether silence is normal now: the person works from paper and has not arrived yet."""
        return self.on_paper and self.arrived_at is None


class StepRecord(models.Model):
    """How far one step of one journey is; names the step by key, never by row."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="records")
    step_key = models.CharField(max_length=40)
    result = models.CharField(max_length=14, choices=Result)
    method = models.CharField(max_length=12, choices=Method)
    opened_at = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField()
    reason = models.CharField(max_length=40, blank=True)
    seconds = models.PositiveIntegerField(
        null=True, blank=True, help_text=_("Active time on this step, where it is known.")
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["journey", "step_key"], name="step_record_once_a_journey"
            ),
            models.CheckConstraint(
                condition=Q(result__in=Result.values), name="step_record_result_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} {self.step_key} {self.result}"

    @property
    def is_supposed(self) -> bool:
        """Tell whether it only follows from something else: the person has said nothing of it."""
        return self.result == Result.LIKELY and self.method == Method.ARRIVAL

    @property
    def is_settled(self) -> bool:
        """Tell whether nothing is left to say about it."""
        return self.result != Result.SKIPPED and not self.is_supposed


class Event(models.Model):
    """Something that happened on a journey; never changed, never deleted."""

    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="events")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=16, choices=EventKind)
    step_key = models.CharField(max_length=40, blank=True)
    at = models.DateTimeField()
    via = models.CharField(max_length=8, choices=Via)
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    client_key = models.CharField(  # noqa: DJ001  # NULL is "no key": unique among the rest
        max_length=60, null=True, blank=True
    )
    client_at = models.DateTimeField(null=True, blank=True)
    data = models.JSONField(default=dict, help_text=_("Facts without personal content."))

    class Meta:
        indexes = [models.Index(fields=["kind", "at"], name="event_kind_at")]
        constraints = [
            models.UniqueConstraint(fields=["journey", "number"], name="event_number_once"),
            models.UniqueConstraint(
                fields=["journey", "client_key"],
                condition=Q(client_key__isnull=False),
                name="event_client_key_once",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=EventKind.values), name="event_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.journey_id}#{self.number} {self.kind} {self.step_key}".strip()


class EventNote(models.Model):
    """The personal part of an event (free words, client address); may be erased."""

    event = models.OneToOneField(Event, on_delete=models.CASCADE, related_name="note")
    text = models.TextField(blank=True)
    client_address = models.CharField(max_length=60, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"note of {self.event_id}"


class Press(models.Model):
    """A press of a button that waited on a device without network, and arrived: once."""

    client = models.CharField(max_length=40)
    sequence = models.PositiveIntegerField()
    path = models.CharField(max_length=200)
    client_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "sequence"], name="press_arrives_once")
        ]

    def __str__(self) -> str:
        return f"{self.client} {self.sequence}"


class Tally(models.Model):
    """One line of the kept counts: in a group, so many more (or fewer) journeys count somewhere.

    Lines are only ever added, by whatever moves a journey and in the same transaction, so that two
    people of one department never wait for each other; what counts is their sum.
    """

    kind = models.CharField(max_length=8, choices=TallyKind)
    key = models.CharField(max_length=60, blank=True)
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    # A wave that is taken away leaves its journeys without one, and their counts with them.
    wave = models.ForeignKey(
        Wave, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    edition = models.ForeignKey(
        Edition, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    number = models.IntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=~Q(number=0), name="tally_says_something"),
            models.CheckConstraint(
                condition=Q(kind__in=TallyKind.values), name="tally_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}: {self.number:+}"
