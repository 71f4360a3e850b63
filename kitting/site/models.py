"""An organisation's own words and switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Place, User
from kitting.site.states import VariableSource

if TYPE_CHECKING:
    from datetime import datetime


class SiteProfile(models.Model):
    """The one row that says whose site this is."""

    SINGLE = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=SINGLE, editable=False)
    service_name = models.CharField(max_length=40, default="きっと")
    section_word = models.CharField(max_length=40, blank=True)
    lead_word = models.CharField(max_length=40, blank=True)
    holidays_country = models.CharField(max_length=2, default="JP", blank=True)
    box_entry_allowed = models.BooleanField(
        default=True,
        help_text=_("Box code and staff number open the guide on the Chromebook too."),
    )
    mail_entry_allowed = models.BooleanField(
        default=True, help_text=_("People sign in with a code by e-mail.")
    )
    slip_entry_allowed = models.BooleanField(
        default=True, help_text=_("People without e-mail sign in with a printed slip.")
    )
    leads_see_minutes = models.BooleanField(default=False)
    # What IT spent on one device the old way; the board compares with it.
    minutes_before = models.PositiveSmallIntegerField(null=True, blank=True)
    names_on_labels = models.BooleanField(
        default=False, help_text=_("Labels on boxes may carry the name of their person.")
    )
    # Raised whenever a note of a step changes, so that no process shows what it kept before.
    notes_version = models.PositiveIntegerField(default=0, editable=False)
    # Raised whenever a word of this organisation changes, for the same reason.
    words_version = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    demo_seeded_at = models.DateTimeField(null=True, blank=True, editable=False)
    clock_offset = models.DurationField(null=True, blank=True, editable=False)
    # Pages ask for what is wrong at the moment only where there may be something.
    has_announcements = models.BooleanField(default=False, editable=False)
    has_outages = models.BooleanField(default=False, editable=False)
    has_outlets_off = models.BooleanField(default=False, db_default=False, editable=False)
    # Since when sweep or delivery are late, as a web process saw it last; IT's pages then look closer.
    late_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(pk=1), name="site_profile_is_single"),
            models.CheckConstraint(
                condition=Q(clock_offset__isnull=True) | Q(demo_seeded_at__isnull=False),
                name="site_clock_moves_in_the_demo_only",
            ),
        ]

    def __str__(self) -> str:
        return self.service_name

    @property
    def is_demo(self) -> bool:
        """Tell whether this database holds the invented city."""
        return self.demo_seeded_at is not None and settings.DEBUG


class AnnouncementQuerySet(models.QuerySet["Announcement"]):
    """Public notices, by moment and by whom they are for."""

    def shown(self, *, now: datetime) -> AnnouncementQuerySet:
        """Return what is said to people at a moment."""
        return self.filter(
            Q(expires_at__isnull=True) | Q(expires_at__gt=now),
            ended_at__isnull=True,
            starts_at__lte=now,
        )

    def covering(self, *, place_id: int | None, wave_id: int | None) -> AnnouncementQuerySet:
        """Return what is for everyone, or for a place or a wave."""
        scope = Q(place__isnull=True, wave__isnull=True)
        if place_id is not None:
            scope |= Q(place_id=place_id)
        if wave_id is not None:
            scope |= Q(wave_id=wave_id)
        return self.filter(scope)


class Announcement(models.Model):
    """A public notice: said on box and step pages to everyone, to a place or to a wave."""

    text = models.CharField(max_length=300)
    text_en = models.CharField(max_length=300, blank=True)
    place = models.ForeignKey(
        Place, on_delete=models.CASCADE, related_name="announcements", null=True, blank=True
    )
    # By name: the plan of waves is a room above this one.
    wave = models.ForeignKey(
        "kitting.Wave",
        on_delete=models.CASCADE,
        related_name="announcements",
        null=True,
        blank=True,
    )
    stops_starts = models.BooleanField(default=False)
    pauses_clocks = models.BooleanField(default=False)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="+", null=True, blank=True
    )

    objects = AnnouncementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(place__isnull=True) | Q(wave__isnull=True),
                name="announcement_has_one_scope",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("starts_at")),
                name="announcement_ends_after_it_begins",
            ),
        ]

    def __str__(self) -> str:
        return self.text

    def is_shown(self, *, now: datetime) -> bool:
        """Tell whether it is said to people at a moment, as the question `shown` does."""
        runs = self.expires_at is None or self.expires_at > now
        return runs and self.ended_at is None and self.starts_at <= now

    def covers(self, *, place_id: int | None, wave_id: int | None) -> bool:
        """Tell whether it is for everyone, or for a place or a wave, as the question `covering` does."""
        return self.place_id in (None, place_id) and self.wave_id in (None, wave_id)

    @property
    def over_at(self) -> datetime | None:
        """Return when it stopped or will stop being said, if anybody knows."""
        known = [at for at in (self.expires_at, self.ended_at) if at]
        return min(known, default=None)


class Flag(models.Model):
    """A switch of the guide: steps, actions and troubles are shown if it matches."""

    key = models.SlugField(max_length=40, unique=True)
    values = models.JSONField(default=list)
    default = models.CharField(max_length=40)
    value = models.CharField(max_length=40, blank=True)
    note = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.key} = {self.current}"

    @property
    def current(self) -> str:
        """Return the chosen value, or the guide's default."""
        return self.value or self.default


class Variable(models.Model):
    """A word of the guide that every organisation sets once, such as the phone of IT."""

    key = models.SlugField(max_length=40, unique=True)
    example = models.CharField(max_length=200)
    example_en = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=200, blank=True)
    value_en = models.CharField(max_length=200, blank=True)
    source = models.CharField(
        max_length=10, choices=VariableSource, default=VariableSource.SITE
    )
    note = models.CharField(max_length=200, blank=True)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(source__in=VariableSource.values), name="variable_source_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} = {self.value or self.example}"

    @property
    def is_example(self) -> bool:
        """Tell whether people would read the example instead of this site's own word."""
        return self.source == VariableSource.SITE and self.value == ""


def as_words(variables: list[Variable], language: str) -> dict[str, Any]:
    """Return each variable's text in a language, the example where nothing is set."""
    if language == "ja":
        return {v.key: v.value or v.example for v in variables}
    return {v.key: v.value_en or v.value or v.example_en or v.example for v in variables}
