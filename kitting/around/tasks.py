"""What Celery runs for the letters."""

from __future__ import annotations

from celery import shared_task

from kitting.around.actions import invite
from kitting.notices.tasks import wake
from kitting.site.queries import current


@shared_task(name="around.invite")
def invite_due() -> None:
    """Send the gentle invitations that are due: lessons, practice, one question after 30 days."""
    profile, now = current()
    if invite(now=now, country=profile.holidays_country):
        wake()
