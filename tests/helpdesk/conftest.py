"""A town with a published guide, and somebody who asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.guides.actions import load_guide
from kitting.site.models import SiteProfile
from tests.escalation.town import Town, ask, at, build_town
from tests.factories import NOW, shipped_guide

if TYPE_CHECKING:
    from kitting.escalation.models import Ticket
    from kitting.journeys.models import Journey

TEN = at("11-10 10:00")


@pytest.fixture
def town(db: None) -> Town:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    return build_town()


@pytest.fixture
def journey(town: Town) -> Journey:
    return town.begun(town.person(name="小池 健太"), when=TEN)


@pytest.fixture
def asked(journey: Journey) -> Ticket:
    return ask(journey, words="わたしの言葉", now=TEN)
