"""A guide that somebody walks, on a phone and on a Chromebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.test import Client

from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import begin
from kitting.journeys.actions.errors import Who
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from tests.factories import NOW, JourneyFactory, LoanFactory, UserFactory, shipped_guide

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.models import Journey

CHROMEBOOK = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/150.0.0.0"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"


def make_journey() -> Journey:
    journey = JourneyFactory.create(loan=LoanFactory.create(person=UserFactory.create()))
    begin(journey_id=journey.pk, who=Who(via=Via.BOX), now=NOW)
    journey.refresh_from_db()
    return journey


@pytest.fixture
def journey(db: None) -> Journey:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    return make_journey()


def browser(user_agent: str) -> Client:
    """A browser that nobody has used yet."""
    client = Client(headers={"user-agent": user_agent, "accept-language": "en"})
    client.get("/code/")
    return client


def with_box(journey: Journey, user_agent: str = PHONE) -> Client:
    client = browser(user_agent)
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return client


def signed_in(person: User, user_agent: str = PHONE) -> Client:
    person.language = "en"
    person.save(update_fields=["language"])
    client = browser(user_agent)
    client.force_login(person)
    return client
