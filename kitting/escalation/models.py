"""When someone is stuck: tickets and what happened to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce

from accounts.models import Department, Place, User
from kitting.devices.models import Device
from kitting.escalation.states import (
    OPEN,
    Case,
    Ending,
    EntryKind,
    Level,
    LossLine,
    Part,
    PleaAnswer,
    Quiet,
    Reach,
    Reason,
    Source,
    TicketKind,
    TicketState,
    Wish,
)
from kitting.journeys.models import Journey
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from datetime import date, datetime

    from accounts.queries import Rights


# Written out, because SQLite uses a partial index only where it reads the index's own words.
OPEN_ROWS = RawSQL(
    "kitting_ticket.state IN ('new', 'taken', 'answered')",
    [],
    output_field=models.BooleanField(),
)


# What waits for an answer, but no person of the board: about a box, or from somebody without a journey.
BESIDE_PEOPLE = ~Q(kind="help") | Q(journey__isnull=True)
WAITING_ROWS = Q(state__in=("new", "taken", "answered"), answer_by__isnull=False)
# What is on hold comes last in a queue.
ON_HOLD = ExpressionWrapper(Q(held_at__isnull=False), output_field=models.BooleanField())


class TicketQuerySet(models.QuerySet["Ticket"]):
    """Tickets, by what is asked about them."""

    def open(self) -> TicketQuerySet:
        """Return what still waits for somebody."""
        return self.filter(state__in=OPEN)

    def in_scope(self, rights: Rights) -> TicketQuerySet:
        """Return the tickets IT, a lead or nobody may see and move.

        About a journey counts where its person is today, so that the ticket moves with them.
        """
        if rights.is_it:
            return self
        about_journey = Q(journey__department_id__in=rights.departments) | Q(
            journey__place_id__in=rights.places
        )
        about_others = Q(department_id__in=rights.departments) | Q(place_id__in=rights.places)
        return self.filter(about_journey | (Q(journey__isnull=True) & about_others))

    def due(self, *, now: datetime) -> TicketQuerySet:
        """Return tickets whose next rung is due (walks the partial index); not what is on hold."""
        return self.filter(OPEN_ROWS, due_at__lte=now, held_at__isnull=True)

    def waiting(self) -> TicketQuerySet:
        """Return what somebody asked or reported and nobody has answered yet."""
        return self.live().filter(answer_by__isnull=False)

    def single(self) -> TicketQuerySet:
        """Return tickets that are looked at one by one, not with the outage they belong to."""
        return self.filter(Q(outage__isnull=True) | Q(outage__ended_at__isnull=False))

    def live(self) -> TicketQuerySet:
        """Return open tickets, but for those whose journey is over: they end at their next moment."""
        return self.open().filter(Q(journey__isnull=True) | Q(journey__closed_at__isnull=True))


class OutageQuerySet(models.QuerySet["Outage"]):
    """Outages, by whom they concern."""

    def open(self) -> OutageQuerySet:
        """Return what is still broken."""
        return self.filter(ended_at__isnull=True)

    def at(self, place_id: int | None) -> OutageQuerySet:
        """Return outages everywhere, or at a place."""
        return self.filter(Q(everywhere=True) | Q(places=place_id)).distinct()


class Outage(models.Model):
    """Something that is broken for many: a step at some places, or one trouble of it anywhere."""

    step_key = models.CharField(max_length=40)
    choice = models.CharField(
        max_length=40,
        blank=True,
        help_text="The trouble all ask about; empty is the whole step.",
    )
    everywhere = models.BooleanField(default=False)
    places = models.ManyToManyField(Place, related_name="outages", blank=True)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    # Why Kitto thought so: so many of so many active asked, where this share is usual.
    asking = models.PositiveIntegerField(default=0)
    active = models.PositiveIntegerField(default=0)
    usual = models.FloatField(default=0)
    answer = models.TextField(blank=True)
    answers = models.PositiveSmallIntegerField(default=0)
    answered_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    ending = models.CharField(max_length=10, choices=Ending, blank=True)

    objects = OutageQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["step_key", "choice"],
                condition=Q(ended_at__isnull=True),
                name="outage_one_open_a_step_and_trouble",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ending="")
                | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="outage_ended_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step_key} {self.choice}".strip()


class Ticket(models.Model):
    """One open matter of one kind about a journey, a device or a person."""

    kind = models.CharField(max_length=14, choices=TicketKind)
    journey = models.ForeignKey(
        Journey, on_delete=models.PROTECT, related_name="tickets", null=True, blank=True
    )
    device = models.ForeignKey(
        Device, on_delete=models.PROTECT, related_name="tickets", null=True, blank=True
    )
    person = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="tickets", null=True, blank=True
    )
    reason = models.CharField(max_length=14, choices=Reason)
    choice = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    state = models.CharField(max_length=10, choices=TicketState, default=TicketState.NEW)
    level = models.CharField(max_length=10, choices=Level, default=Level.PERSON)
    round = models.PositiveSmallIntegerField(default=1)
    step_key = models.CharField(max_length=40, blank=True)
    wish = models.CharField(max_length=10, choices=Wish, default=Wish.SCREEN)
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, related_name="tickets", null=True, blank=True
    )
    place = models.ForeignKey(
        Place, on_delete=models.PROTECT, related_name="tickets", null=True, blank=True
    )
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True, blank=True)
    # By when an answer is due; empty while nobody waits for one.
    answer_by = models.DateTimeField(null=True, blank=True)
    taken_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="taken_tickets", null=True, blank=True
    )
    taken_at = models.DateTimeField(null=True, blank=True)
    first_answer_at = models.DateTimeField(null=True, blank=True)
    asked_better_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    minutes_spent = models.PositiveIntegerField(default=0)
    # While its outage lasts, a question waits with the others; so many of its answers it has heard.
    outage = models.ForeignKey(
        Outage, on_delete=models.SET_NULL, related_name="tickets", null=True, blank=True
    )
    outage_answers = models.PositiveSmallIntegerField(default=0)
    # How often its present level was asked; until when it was put off; since when it is on hold.
    level_asks = models.PositiveSmallIntegerField(default=0)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    held_at = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, related_name="merged", null=True, blank=True
    )

    objects = TicketQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=Q(state__in=("new", "taken", "answered"), due_at__isnull=False),
                name="ticket_due",
            ),
            models.Index(
                fields=["department", "state"],
                condition=Q(state__in=("new", "taken", "answered")),
                name="ticket_open_by_department",
            ),
            models.Index(fields=["step_key", "opened_at"], name="ticket_step_lately"),
            models.Index(fields=["answer_by"], condition=WAITING_ROWS, name="ticket_waiting"),
            models.Index(
                *(ON_HOLD, F("answer_by"), F("opened_at"), F("id")),
                condition=WAITING_ROWS,
                name="ticket_waiting_in_order",
            ),
            models.Index(
                *(ON_HOLD, F("answer_by"), F("opened_at"), F("id")),
                condition=Q(state__in=("new", "taken", "answered")),
                name="ticket_open_in_order",
            ),
            models.Index(
                fields=["answer_by"],
                condition=WAITING_ROWS & BESIDE_PEOPLE,
                name="ticket_waiting_beside_people",
            ),
            models.Index(
                fields=["-opened_at"],
                condition=Q(kind="help", first_answer_at__isnull=False),
                name="ticket_answered_lately",
            ),
            models.Index(
                fields=["-resolved_at"],
                condition=Q(state="resolved"),
                name="ticket_resolved_lately",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(journey__isnull=False, device__isnull=True, person__isnull=True)
                | Q(journey__isnull=True, device__isnull=False, person__isnull=True)
                | Q(journey__isnull=True, device__isnull=True, person__isnull=False),
                name="ticket_has_one_subject",
            ),
            models.UniqueConstraint(
                fields=["journey", "kind"],
                condition=Q(state__in=("new", "taken", "answered")),
                name="ticket_one_open_a_journey_and_kind",
            ),
            models.UniqueConstraint(
                fields=["device", "kind"],
                condition=Q(state__in=("new", "taken", "answered")),
                name="ticket_one_open_a_device_and_kind",
            ),
            models.UniqueConstraint(
                fields=["person", "kind"],
                condition=Q(state__in=("new", "taken", "answered")),
                name="ticket_one_open_a_person_and_kind",
            ),
            models.CheckConstraint(
                condition=Q(state="resolved", resolved_at__isnull=False)
                | (~Q(state="resolved") & Q(resolved_at__isnull=True)),
                name="ticket_resolved_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(taken_by__isnull=True) | Q(taken_at__isnull=False),
                name="ticket_taken_has_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True)
                | Q(state="resolved") & ~Q(merged_into=F("pk")),
                name="ticket_merged_is_resolved",
            ),
            models.CheckConstraint(
                condition=~Q(state="resolved")
                | Q(held_at__isnull=True, snoozed_until__isnull=True),
                name="ticket_resolved_waits_for_nothing",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def number(self) -> str:
        """Return the number people say on the phone."""
        return f"H-{self.pk:04d}" if self.pk else "H-"

    @property
    def subject(self) -> dict[str, int]:
        """Return what the ticket is about, as its one filled key and that key's value."""
        keys = {
            "journey_id": self.journey_id,
            "device_id": self.device_id,
            "person_id": self.person_id,
        }
        return {name: key for name, key in keys.items() if key is not None}

    @property
    def is_waiting(self) -> bool:
        """Tell whether somebody waits for an answer."""
        return self.answer_by is not None


class TicketPhoto(models.Model):
    """A photo somebody sent with words of a ticket; the file lies outside of every web folder."""

    entry = models.ForeignKey("TicketEntry", on_delete=models.CASCADE, related_name="photos")
    name = models.CharField(max_length=80, unique=True)
    digest = models.CharField(max_length=64)
    width = models.PositiveSmallIntegerField()
    height = models.PositiveSmallIntegerField()
    sent_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class TicketEntry(models.Model):
    """One line of a ticket's timeline."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="entries")
    kind = models.CharField(max_length=10, choices=EntryKind)
    at = models.DateTimeField()
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    to_person = models.BooleanField(
        default=False, help_text="The person of the box may read it in the guide."
    )

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind}"


class StepPace(models.Model):
    """How long a step usually takes, learned from finished journeys; steps are named by key."""

    step_key = models.CharField(max_length=40, unique=True)
    usual_seconds = models.PositiveIntegerField(help_text="Nine in ten stay below it.")
    slow_seconds = models.PositiveIntegerField(help_text="From here on a step is slow.")
    factor = models.FloatField()
    journeys = models.PositiveIntegerField()
    learned_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(slow_seconds__gt=0), name="step_pace_slow_takes_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.step_key}: {self.slow_seconds} s"


class Policy(models.Model):
    """A rule of the ladder: for which matter, for whom, and what holds for all of its levels.

    Minutes are working time, or wall time where `by_wall`; days are for people who work in shifts.
    """

    case = models.CharField(max_length=14, choices=Case)
    department = models.ForeignKey(
        Department, on_delete=models.CASCADE, related_name="policies", null=True, blank=True
    )
    wave = models.ForeignKey(
        Wave, on_delete=models.CASCADE, related_name="policies", null=True, blank=True
    )
    by_wall = models.BooleanField(default=False)
    patience_minutes = models.PositiveIntegerField(null=True, blank=True)
    patience_days = models.PositiveSmallIntegerField(default=1)
    paper_minutes = models.PositiveIntegerField(null=True, blank=True)
    paper_days = models.PositiveSmallIntegerField(default=1)
    answer_minutes = models.PositiveIntegerField()
    taken_minutes = models.PositiveIntegerField()
    repeats_most = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="How often the last level is asked again at most."
    )
    stops_on_progress = models.BooleanField(default=True)
    stops_on_rest = models.BooleanField(default=True)
    night_from = models.TimeField()
    night_to = models.TimeField()
    changed_at = models.DateTimeField(null=True, blank=True)
    changed_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    # Two who change it at once: the second is told, because the number has moved on.
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "case",
                Coalesce("department", 0),
                Coalesce("wave", 0),
                name="policy_once_a_case_and_scope",
            ),
            models.CheckConstraint(condition=Q(case__in=Case.values), name="policy_case_known"),
            models.CheckConstraint(
                condition=Q(answer_minutes__gt=0, taken_minutes__gt=0),
                name="policy_waits_take_time",
            ),
            models.CheckConstraint(
                condition=Q(patience_minutes__isnull=True) | Q(patience_minutes__gt=0),
                name="policy_patience_takes_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} {self.department or self.wave or ''}".strip()


class PolicyLevel(models.Model):
    """One level of a rule: who is asked, how long they have, by what and when they are told."""

    policy = models.ForeignKey(Policy, on_delete=models.CASCADE, related_name="levels")
    level = models.CharField(max_length=10, choices=Level)
    wait_minutes = models.PositiveIntegerField()
    wait_days = models.PositiveSmallIntegerField(default=1)
    times = models.PositiveSmallIntegerField(default=1)
    reach = models.CharField(max_length=10, choices=Reach, default=Reach.AUTO)
    quiet = models.CharField(max_length=10, choices=Quiet, default=Quiet.OFF_HOURS)
    people_most = models.PositiveSmallIntegerField(default=0, help_text="0 is everybody.")
    named = models.ManyToManyField(User, related_name="+", blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "level"], name="policy_level_once_a_policy"
            ),
            models.CheckConstraint(
                condition=Q(wait_minutes__gt=0), name="policy_level_wait_takes_time"
            ),
            models.CheckConstraint(
                condition=Q(times__gt=0), name="policy_level_asks_at_least_once"
            ),
            models.CheckConstraint(
                condition=~Q(level="person") | Q(times=1) | Q(wait_minutes__gte=525),
                name="policy_level_nudges_once_a_day",
            ),
            models.CheckConstraint(
                condition=Q(level__in=Level.values), name="policy_level_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.level}"


class OfferQuerySet(models.QuerySet["Offer"]):
    """Offers of help, by whether they hold."""

    def standing(self) -> OfferQuerySet:
        """Return the offers that were not taken back."""
        return self.filter(withdrawn_at__isnull=True)


class Offer(models.Model):
    """Somebody who finished and said "I can help" to colleagues, until they take it back."""

    person = models.OneToOneField(User, on_delete=models.CASCADE, related_name="offer")
    offered_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects = OfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | Q(withdrawn_at__gte=F("offered_at")),
                name="offer_withdrawn_after_it_was_made",
            )
        ]

    def __str__(self) -> str:
        return str(self.person_id)


class Plea(models.Model):
    """One request to a colleague to look after somebody stuck; once a ticket and colleague."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="pleas")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="pleas")
    asked_at = models.DateTimeField()
    answer = models.CharField(
        max_length=10, choices=PleaAnswer, default=PleaAnswer.NONE, blank=True
    )
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["person", "asked_at"], name="plea_of_person")]
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "person"], name="plea_once_a_ticket_and_person"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_at__isnull=True)
                | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="plea_answered_has_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.person_id}"


class DutyQuerySet(models.QuerySet["Duty"]):
    """Duties, by day."""

    def covering(self, day: date, *, in_hours: bool) -> DutyQuerySet:
        """Return the duties of a day, in office hours or outside of them."""
        part = Part.OFFICE if in_hours else Part.NIGHT
        return self.filter(from_on__lte=day, to_on__gte=day, part__in=(Part.ALL, part))


class Duty(models.Model):
    """Who is on duty on which days, in which part of them."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="duties")
    from_on = models.DateField()
    to_on = models.DateField(db_index=True)
    part = models.CharField(max_length=10, choices=Part, default=Part.ALL)
    noted_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    objects = DutyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "duties"
        constraints = [
            models.CheckConstraint(
                condition=Q(to_on__gte=F("from_on")), name="duty_ends_after_it_begins"
            ),
            models.UniqueConstraint(
                fields=["person", "from_on", "part"], name="duty_once_a_person_day_and_part"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.from_on:%Y-%m-%d}"


class LossReport(models.Model):
    """What somebody told of a loss on the public page; the personal part may be erased."""

    staff_number = models.CharField(max_length=20, blank=True)
    call_back = models.CharField(max_length=40, blank=True)
    words = models.TextField(blank=True)
    told_at = models.DateTimeField()
    taken_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was looked up whose number it is."
    )
    person = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    ticket = models.ForeignKey(
        Ticket, on_delete=models.SET_NULL, related_name="loss_reports", null=True, blank=True
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=Q(taken_at__isnull=True), name="loss_report_fresh"
            )
        ]

    def __str__(self) -> str:
        return f"loss {self.pk}"


class LossStep(models.Model):
    """One ticked line of the list of a loss: who and when."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="loss_steps")
    line = models.CharField(max_length=12, choices=LossLine)
    done_at = models.DateTimeField()
    done_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "line"], name="loss_step_once_a_ticket"),
            models.CheckConstraint(
                condition=Q(line__in=LossLine.values), name="loss_step_line_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.line}"


class WrongBox(models.Model):
    """Somebody holds a box that is for somebody else, and said so with their own number."""

    device = models.ForeignKey(Device, on_delete=models.PROTECT, related_name="wrong_boxes")
    holder = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="wrong_boxes")
    told_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["device"],
                condition=Q(settled_at__isnull=True),
                name="wrong_box_one_open_a_device",
            )
        ]

    def __str__(self) -> str:
        return f"{self.device_id} {self.holder_id}"
