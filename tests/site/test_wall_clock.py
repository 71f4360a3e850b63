"""Heartbeats go by real time, however far the demo's clock was moved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from kitting.escalation.tasks import sweep_rounds
from kitting.jobs.queries import pulses
from kitting.models import Heartbeat, SiteProfile
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("moved", [timedelta(days=-35), timedelta(hours=9)])
def test_a_moved_demo_clock_moves_no_heartbeat(moved: timedelta, settings) -> None:
    settings.DEBUG = True
    SiteProfile.objects.update_or_create(
        pk=SiteProfile.SINGLE, defaults={"demo_seeded_at": NOW, "clock_offset": moved}
    )

    sweep_rounds()

    beat = Heartbeat.objects.annotate(asked_at=Now()).get(name="sweep")
    assert abs(beat.asked_at - beat.at) < timedelta(minutes=1)
    assert pulses()["sweep"].is_well
