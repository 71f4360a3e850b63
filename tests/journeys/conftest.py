"""A published guide, and one box of one person."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.states import Via
from tests.factories import (
    NOW,
    DeviceFactory,
    JourneyFactory,
    LoanFactory,
    UserFactory,
    shipped_guide,
)

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.guides.models import Edition
    from kitting.guides.rules.shapes import GuideDraft
    from kitting.journeys.models import Journey

BY_BOX = Who(via=Via.BOX)
CODE = "K7M39QXP"


@pytest.fixture(scope="session")
def shipped() -> GuideDraft:
    return shipped_guide()


@pytest.fixture
def guide(db: None, shipped: GuideDraft) -> Edition:
    return load_guide(draft=shipped, now=NOW, publish=True).edition


@pytest.fixture
def waiting(guide: Edition) -> Journey:
    """A box of somebody who has not begun."""
    person = UserFactory.create(
        staff_number="010203",
        name="小池 健太",
        kana="こいけ けんた",
        email="koike@asahi.example.jp",
        account="koikek@asahi.example.jp",
        extension="内線 4-321",
    )
    device = DeviceFactory.create(
        code=CODE,
        serial_number="5CD4C62B0I",
        asset_tag="CB-900123",
        mac_address="00:11:22:33:44:55",
    )
    return JourneyFactory.create(loan=LoanFactory.create(person=person, device=device))


@pytest.fixture
def journey(waiting: Journey, now: datetime) -> Journey:
    """The same, just begun with the box code and the staff number."""
    begin(journey_id=waiting.pk, who=BY_BOX, now=now)
    waiting.refresh_from_db()
    return waiting


def wide(text: str) -> str:
    """Return a text as a Japanese keyboard types it by accident: full-width."""
    return text.translate({n: n + 0xFEE0 for n in range(0x21, 0x7F)})
