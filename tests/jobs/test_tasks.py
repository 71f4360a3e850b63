"""What has run out is cleared away, and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session

from accounts.models import Throttle
from kitting.jobs.tasks import tidy
from kitting.site.queries import current


@pytest.mark.django_db
def test_tidying_twice_clears_what_ran_out_once() -> None:
    _, now = current()
    for name, at in (("old", now - timedelta(hours=1)), ("new", now + timedelta(hours=1))):
        Session.objects.create(session_key=name, session_data="", expire_date=at)
        Throttle.objects.create(key=name, count=1, expires_at=at)
    for _ in range(2):
        tidy()
        assert Session.objects.get().session_key == "new"
        assert Throttle.objects.get().key == "new"
