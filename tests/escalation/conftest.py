"""A town with a published guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.guides.actions import load_guide
from tests.escalation.town import build_town
from tests.factories import NOW, shipped_guide

if TYPE_CHECKING:
    from kitting.guides.models import Edition
    from kitting.guides.rules.shapes import GuideDraft
    from tests.escalation.town import Town


@pytest.fixture(scope="session")
def shipped() -> GuideDraft:
    return shipped_guide()


@pytest.fixture
def guide(db: None, shipped: GuideDraft) -> Edition:
    return load_guide(draft=shipped, now=NOW, publish=True).edition


@pytest.fixture
def town(guide: Edition) -> Town:
    return build_town()
