"""What the worker does about journeys by itself."""

from __future__ import annotations

from celery import shared_task

from kitting.journeys import actions


@shared_task(name="journeys.fold_tallies")
def fold_tallies() -> int:
    """Add up the lines of the kept counts; returns how many went."""
    return actions.fold_tallies()
