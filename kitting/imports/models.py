"""Sheets on their way in, and which columns were chosen for which headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from accounts.models import User
from kitting.imports.states import HELD, WORKING, ImportState, Kind

if TYPE_CHECKING:
    from datetime import datetime


class ImportQuerySet(models.QuerySet["Import"]):
    """Imports, by what is asked about them."""

    def to_work_off(self) -> ImportQuerySet:
        """Return those a worker has something to do for."""
        return self.filter(state__in=WORKING)

    def stale(self, *, before: datetime) -> ImportQuerySet:
        """Return those whose file nobody has looked at since a moment."""
        return self.filter(state__in=HELD, made_at__lt=before)


class Import(models.Model):
    """One sheet somebody brought: read, shown, taken in, perhaps taken back.

    `key` names the file while it is kept, and the batch in the traces. `columns` say which header
    holds which field. `effect` is the digest of what was shown; `flaws` are [row, slug, params].
    """

    key = models.CharField(max_length=32, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.WAITING)
    file_name = models.CharField(max_length=120)
    size = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
    headers = models.JSONField(default=list, blank=True)
    columns = models.JSONField(default=dict, blank=True)
    rows = models.PositiveIntegerField(default=0)
    flaws = models.JSONField(default=list, blank=True)
    flaw_count = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict, blank=True)
    preview = models.JSONField(default=dict, blank=True)
    effect = models.CharField(max_length=64, blank=True)
    is_stale = models.BooleanField(default=False)
    by = models.ForeignKey(
        User, on_delete=models.SET_NULL, related_name="imports", null=True, blank=True
    )
    by_name = models.CharField(max_length=80, blank=True)
    made_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=Kind.values), name="import_kind_known"),
            models.CheckConstraint(
                condition=Q(state__in=ImportState.values), name="import_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["done", "failed", "dropped", "undone"])
                ^ Q(finished_at__isnull=True),
                name="import_finished_has_a_moment",
            ),
        ]
        indexes = [
            models.Index(
                fields=["state"],
                condition=Q(state__in=["waiting", "ordered"]),
                name="import_to_work_off",
            )
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_working(self) -> bool:
        """Tell whether a worker has something to do."""
        return self.state in WORKING


class ColumnChoice(models.Model):
    """Which columns somebody chose for a kind of sheet with certain headers; used the next time."""

    kind = models.CharField(max_length=10, choices=Kind)
    header_key = models.CharField(max_length=64)
    columns = models.JSONField(default=dict)
    chosen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "header_key"], name="column_choice_once_a_header_set"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {len(self.columns)}"


class ImportFile(models.Model):
    """The file of an import, packed; it goes with the answer to it.

    It lies in the database: no web server can hand it out, every process finds it, nothing is left over.
    """

    of = models.OneToOneField(Import, on_delete=models.CASCADE, related_name="file")
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"file of {self.of_id}"
