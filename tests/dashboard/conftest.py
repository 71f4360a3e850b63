"""A town with a published guide, and the city that was worked out on paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from kitting.guides.actions import load_guide
from kitting.site.models import SiteProfile
from tests.dashboard.test_golden import NOW as GOLDEN_NOW
from tests.dashboard.test_golden import GoldenCity
from tests.escalation.town import build_town
from tests.factories import NOW, shipped_guide

if TYPE_CHECKING:
    from pytest_django.fixtures import SettingsWrapper

    from kitting.guides.rules.shapes import GuideDraft
    from tests.escalation.town import Town


@pytest.fixture(scope="session")
def shipped() -> GuideDraft:
    return shipped_guide()


@pytest.fixture
def town(db: None, shipped: GuideDraft) -> Town:
    load_guide(draft=shipped, now=NOW, publish=True)
    return build_town()


@pytest.fixture
def golden(db: None, shipped: GuideDraft, settings: SettingsWrapper) -> GoldenCity:
    """The city that was worked out on paper, at ten o'clock of its Tuesday for pages too."""
    settings.DEBUG = True
    SiteProfile.objects.update_or_create(
        pk=SiteProfile.SINGLE,
        defaults={
            "demo_seeded_at": GOLDEN_NOW,
            "clock_offset": GOLDEN_NOW - timezone.now(),  # noqa: TID251  # pages read it
        },
    )
    return GoldenCity(load_guide(draft=shipped, now=GOLDEN_NOW, publish=True).edition)
