"""What to do: a guide, its immutable published editions, their steps and troubles.

Bilingual texts are JSON objects {"ja": …, "en": …}; lists of actions hold such objects with an
optional "when" condition over the site's flags.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.guides.states import CheckType, EditionState, Milestone


class Guide(models.Model):
    """One line of editions, such as "Chromebook for city staff"."""

    slug = models.SlugField(max_length=60, unique=True)

    def __str__(self) -> str:
        return self.slug


class Edition(models.Model):
    """One version of a guide; journeys keep the edition they began with."""

    guide = models.ForeignKey(Guide, on_delete=models.PROTECT, related_name="editions")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=EditionState, default=EditionState.DRAFT)
    title = models.JSONField()
    about = models.JSONField(default=dict)
    phases = models.JSONField(default=list)
    completion = models.JSONField(default=dict)
    stuck_reasons = models.JSONField(default=list)
    paper_sheet = models.JSONField(default=dict)
    readings = models.JSONField(default=dict)
    prepare = models.JSONField(default=dict)
    returns = models.JSONField(default=dict)
    rules_of_use = models.JSONField(default=dict)
    test_out = models.JSONField(default=dict)
    errors = models.JSONField(default=list)
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["guide", "number"], name="edition_number_once"),
            models.UniqueConstraint(
                fields=["guide"],
                condition=Q(state="published"),
                name="edition_one_published_a_guide",
            ),
            models.CheckConstraint(
                condition=Q(state__in=EditionState.values), name="edition_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(published_at__isnull=False),
                name="edition_published_has_a_moment",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.guide_id}/{self.number}"


class Step(models.Model):
    """One thing to do, with how to see that it worked."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="steps")
    key = models.SlugField(max_length=40)
    position = models.PositiveSmallIntegerField()
    phase = models.SlugField(max_length=40)
    milestone = models.CharField(max_length=10, choices=Milestone)
    required = models.BooleanField(default=True)
    survives_swap = models.BooleanField(default=False)
    when = models.CharField(max_length=200, blank=True)
    minutes = models.PositiveSmallIntegerField()
    title = models.JSONField()
    why = models.JSONField(default=dict)
    actions = models.JSONField(default=list)
    done_when = models.JSONField()
    check_type = models.CharField(max_length=24, choices=CheckType)
    check_data = models.JSONField(default=dict)
    illustration = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "key"], name="step_key_once"),
            models.UniqueConstraint(fields=["edition", "position"], name="step_position_once"),
            models.CheckConstraint(
                condition=Q(milestone__in=Milestone.values), name="step_milestone_known"
            ),
            models.CheckConstraint(
                condition=Q(check_type__in=CheckType.values), name="step_check_known"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Trouble(models.Model):
    """What to try when a step does not work, and when to call IT."""

    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="troubles")
    position = models.PositiveSmallIntegerField()
    when = models.CharField(max_length=200, blank=True)
    symptom = models.JSONField()
    attempt = models.JSONField()
    call_it = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["step", "position"], name="trouble_position_once")
        ]

    def __str__(self) -> str:
        return f"{self.step_id}/{self.position}"


class Lesson(models.Model):
    """A short extra lesson after completion; never blocks anything."""

    edition = models.ForeignKey(Edition, on_delete=models.CASCADE, related_name="lessons")
    key = models.SlugField(max_length=40)
    position = models.PositiveSmallIntegerField()
    minutes = models.PositiveSmallIntegerField()
    title = models.JSONField()
    actions = models.JSONField(default=list)
    pairs = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["edition", "key"], name="lesson_key_once")
        ]

    def __str__(self) -> str:
        return self.key


class StepNote(models.Model):
    """What IT learned about a step since it was published: shown at once, in every edition.

    It is a proposal for the next edition until somebody took it in (`adopted_in`) or ended it.
    """

    guide = models.ForeignKey(Guide, on_delete=models.PROTECT, related_name="notes")
    step_key = models.SlugField(max_length=40)
    text = models.JSONField(help_text="In Japanese and English; one of them may be empty.")
    source = models.CharField(max_length=20, blank=True, help_text="The ticket it came from.")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    adopted_in = models.ForeignKey(
        Edition, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    def __str__(self) -> str:
        return f"{self.step_key}: {self.text.get('ja') or self.text.get('en', '')}"
