"""What the worker erases each night."""

from __future__ import annotations

from celery import shared_task

from kitting.privacy.actions import retain
from kitting.site.queries import wall_clock


@shared_task(name="privacy.retain")
def retain_by_policy() -> None:
    """Erase what was kept as long as the settings say."""
    retain(now=wall_clock())
