"""A small city for browsers: one box to set up, neighbours nobody touches, helpers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F
from django.test import Client

from accounts.states import Role
from kitting.guides.actions import load_guide
from kitting.journeys.models import StepRecord
from kitting.journeys.queries import BOX_KEY
from kitting.notices.models import Notice
from tests.factories import (
    DepartmentFactory,
    DeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
    shipped_guide,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import BrowserContext

    from accounts.models import User
    from kitting.models import Device, Journey

    # The fixture `new_context`: opens a browser, differing from a phone in an office by what is named.
    OpenBrowser = Callable[..., BrowserContext]

DESK: dict[str, Any] = {"viewport": {"width": 1366, "height": 768}}
CHROMEBOOK: dict[str, Any] = {
    **DESK,
    "user_agent": (
        "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36"
        " (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36"
    ),
}
ENGLISH = {"locale": "en-GB"}
CODE = re.compile(r"\b\d{4}-\d{4}\b")


@dataclass(frozen=True)
class City:
    """Who is in the city; `own` is the journey a test walks, `neighbour` the one it must not."""

    own: Journey
    neighbour: Journey
    it: User
    lead: User

    @property
    def person(self) -> User:
        return self.own.person

    @property
    def device(self) -> Device:
        return self.own.loan.device


def site_now() -> datetime:
    """Return the server's clock, which is the machine's own."""
    return datetime.now(UTC)


def make_journey(*, device: dict[str, object] | None = None, **facts: object) -> Journey:
    """Make a box for somebody, handed out yesterday."""
    before = site_now() - timedelta(days=1)
    loan = LoanFactory.create(
        device=DeviceFactory.create(created_at=before, **(device or {})),
        started_at=before,
        **facts,
    )
    return JourneyFactory.create(loan=loan, created_at=before)


def make_city() -> City:
    """Make two people of one department, their lead and somebody of IT."""
    load_guide(draft=shipped_guide(), now=site_now(), publish=True)
    department = DepartmentFactory.create(name="保育課")
    place = PlaceFactory.create(name="第三保育所")
    own, neighbour = (
        make_journey(
            person=UserFactory.create(department=department, place=place),
            device={"serial_number": serial},
        )
        for serial in ("5CD0PX7F2K", "5CD0PX5L9L")
    )
    return City(
        own=own,
        neighbour=neighbour,
        it=GrantFactory.create(role=Role.IT).person,
        lead=GrantFactory.create(role=Role.LEAD, department=department).person,
    )


def sign_in(context: BrowserContext, person: User) -> None:
    """Put a signed-in session into a browser; the sign-in pages have tests of their own."""
    client = Client()
    client.force_login(person)
    _keep_session(context, client)


def hold_box(context: BrowserContext, journey: Journey) -> None:
    """Put a box session into a browser, as typing the staff number does."""
    client = Client()
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    _keep_session(context, client)


def _keep_session(context: BrowserContext, client: Client) -> None:
    context.add_cookies(
        [
            {
                "name": settings.SESSION_COOKIE_NAME,
                "value": client.session.session_key or "",
                "domain": "127.0.0.1",
                "path": "/",
            }
        ]
    )


def code_from_outbox(person: User) -> str:
    """Return the newest sign-in code written to somebody."""
    newest = Notice.objects.filter(person=person, kind="sign_in_code").order_by("-pk")[:1].get()
    found = CODE.search(newest.body)
    assert found
    return found[0]


def a_minute_a_step() -> None:
    """Let the steps done so far be a minute older: people read, and a burst would be asked about."""
    StepRecord.objects.update(done_at=F("done_at") - timedelta(minutes=1))
