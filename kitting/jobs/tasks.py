"""What the worker clears away."""

from __future__ import annotations

import logging

from celery import shared_task
from django.contrib.sessions.models import Session
from django.utils import timezone

from accounts.actions import forget_tries
from accounts.audit import seal_audit

log = logging.getLogger(__name__)


@shared_task(name="jobs.tidy")
def tidy() -> None:
    """Forget sessions and counters of tries that ran out."""
    now = timezone.now()
    Session.objects.filter(expire_date__lt=now).delete()
    forget_tries(now=now)


@shared_task(name="jobs.seal")
def seal() -> None:
    """Put what the audit log gained since the last time under a seal.

    Its head goes into the log of the process too, which stands elsewhere than the database.
    """
    made = seal_audit(now=timezone.now())
    if made is not None:
        log.info("audit seal %s over %s entries: %s", made.number, made.count, made.head)
