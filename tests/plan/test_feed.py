"""The waves as a calendar to subscribe to: by an address that can be taken back, without a name."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import icalendar
import pytest
from django.test import Client

from accounts.models import Token
from accounts.states import Role
from tests.factories import (
    DepartmentFactory,
    GrantFactory,
    RolloutFactory,
    UserFactory,
    WaveFactory,
)

if TYPE_CHECKING:
    from kitting.rollout.models import Wave

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(GrantFactory.create(role=Role.IT_LEAD).person)
    return client


def feed_of(boss: Client, wave: Wave) -> str:
    page = boss.post(f"/plan/{wave.rollout_id}/feed", {"label": "共有", "days": "365"})
    [path] = set(re.findall(r"/calendar/kitto_[\w-]+\.ics", page.content.decode()))
    return path


def test_a_calendar_holds_the_waves_of_one_rollout_and_nobody(boss: Client) -> None:
    helper = UserFactory.create(name="手伝 花子")
    wave = WaveFactory.create(helper=helper, note="手伝 花子に電話")
    wave.departments.set([DepartmentFactory.create(name="保育課")])
    WaveFactory.create(rollout=RolloutFactory.create(name="次", state="planned"))
    text = Client().get(feed_of(boss, wave)).content.decode()
    calendar = icalendar.Calendar.from_ical(text)
    [event] = calendar.walk("VEVENT")
    assert calendar["X-WR-CALNAME"] == wave.rollout.name
    assert event["SUMMARY"] == f"{wave.rollout.name} {wave.name}"
    assert event["DESCRIPTION"] == "保育課"
    assert "手伝" not in text.replace("\r\n ", "")


def test_a_calendar_asks_again_cheaply_until_a_wave_moves_or_it_is_taken_back(
    boss: Client,
) -> None:
    wave = WaveFactory.create()
    path = feed_of(boss, wave)
    known = {"If-None-Match": Client().get(path).headers["ETag"]}
    assert Client().get(path, headers=known).status_code == 304
    wave.starts_at += timedelta(hours=1)
    wave.save()
    assert Client().get(path, headers=known).status_code == 200
    boss.post(f"/accounts/tokens/{Token.objects.get().pk}/revoke/")
    assert Client().get(path).status_code == 404


def test_one_without_a_label_is_not_made(boss: Client) -> None:
    wave = WaveFactory.create()
    assert boss.post(f"/plan/{wave.rollout_id}/feed", {"days": "365"}).status_code == 422
    assert not Token.objects.exists()
