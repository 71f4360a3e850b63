"""What happens to the plan by itself."""

from __future__ import annotations

from celery import shared_task

from kitting.notices.tasks import wake
from kitting.plan.actions import watch
from kitting.site.queries import current


@shared_task(name="plan.watch")
def watch_plan() -> None:
    """Hold waves that go badly, and say what begins tomorrow."""
    _, now = current()
    done = watch(now=now)
    if done.held or done.announced:
        wake()
