"""What lies around the set-up: the day before, the end, and afterwards. It moves no journey."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from kitting.around.states import InvitationKind, MacroState, Occasion
from kitting.devices.models import Loan
from kitting.guides.models import Edition
from kitting.journeys.models import Journey
from kitting.journeys.states import Via

SCALE = (1, 5)


class Preparation(models.Model):
    """One thing done on the old PC before the set-up; begins nothing."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="preparations")
    key = models.CharField(max_length=40)
    done_at = models.DateTimeField()
    via = models.CharField(max_length=8, choices=Via)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "key"], name="preparation_once")
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} {self.key}"


class Aside(models.Model):
    """What a person chose around the set-up: when to begin, no macros, no letters."""

    journey = models.OneToOneField(Journey, on_delete=models.CASCADE, related_name="aside")
    planned_at = models.DateTimeField(null=True, blank=True)
    no_macros_at = models.DateTimeField(null=True, blank=True)
    no_letters_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"beside {self.journey_id}"


class Macro(models.Model):
    """A macro somebody uses on the old PC, and what becomes of it."""

    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="macros")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="macros")
    name = models.CharField(max_length=120)
    purpose = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=MacroState, default=MacroState.LISTED)
    answer = models.TextField(blank=True)
    taken_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    via = models.CharField(max_length=8, choices=Via)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["state", "changed_at"], name="macro_state")]
        constraints = [
            models.UniqueConstraint(fields=["journey", "name"], name="macro_once_a_journey"),
            models.CheckConstraint(
                condition=Q(state__in=MacroState.values), name="macro_state_known"
            ),
            models.CheckConstraint(
                condition=~Q(state="answered") | ~Q(answer=""), name="macro_answered_has_words"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class OldPc(models.Model):
    """The PC a person had before: said to be given back, and seen to be back."""

    person = models.OneToOneField(User, on_delete=models.PROTECT, related_name="old_pc")
    journey = models.ForeignKey(Journey, on_delete=models.PROTECT, related_name="old_pcs")
    had_none = models.BooleanField(default=False)
    said_at = models.DateTimeField(null=True, blank=True)
    said_via = models.CharField(max_length=8, choices=Via, blank=True)
    collected_at = models.DateTimeField(null=True, blank=True)
    collected_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(said_at__isnull=False) | Q(collected_at__isnull=False),
                name="old_pc_said_or_seen",
            )
        ]

    def __str__(self) -> str:
        return f"old PC of {self.person_id}"


class Acceptance(models.Model):
    """That a person accepted the rules of use for a loan: which text, when, through which door."""

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="acceptances")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="acceptances")
    edition = models.ForeignKey(Edition, on_delete=models.PROTECT, related_name="+")
    version = models.CharField(max_length=40)
    digest = models.CharField(max_length=64, help_text=_("Of the text as it was shown."))
    language = models.CharField(max_length=10)
    accepted_at = models.DateTimeField()
    via = models.CharField(max_length=8, choices=Via)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "person", "version", "via"], name="acceptance_once_a_door"
            )
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.version}"


class Answer(models.Model):
    """One answer to a question of the guide at its start, its end or 30 days later."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="answers")
    occasion = models.CharField(max_length=8, choices=Occasion)
    question = models.CharField(max_length=40)
    scale = models.PositiveSmallIntegerField(null=True, blank=True)
    choice = models.CharField(max_length=40, blank=True)
    text = models.TextField(blank=True)
    answered_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["question", "occasion"], name="answer_question")]
        constraints = [
            models.UniqueConstraint(
                fields=["journey", "occasion", "question"], name="answer_once_an_occasion"
            ),
            models.CheckConstraint(
                condition=Q(occasion__in=Occasion.values), name="answer_occasion_known"
            ),
            models.CheckConstraint(
                condition=Q(scale__isnull=True) | Q(scale__range=SCALE), name="answer_scale"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} {self.occasion} {self.question}"


class LessonRead(models.Model):
    """A lesson somebody has read."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="lessons_read")
    key = models.CharField(max_length=40)
    read_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "key"], name="lesson_read_once")
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} {self.key}"


class Invitation(models.Model):
    """What somebody was gently invited to: each once, never escalated."""

    journey = models.ForeignKey(Journey, on_delete=models.CASCADE, related_name="invitations")
    kind = models.CharField(max_length=10, choices=InvitationKind)
    key = models.CharField(max_length=40, blank=True)
    sent_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "kind", "key"], name="invitation_once"),
            models.CheckConstraint(
                condition=Q(kind__in=InvitationKind.values), name="invitation_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.journey_id} {self.kind} {self.key}".strip()
