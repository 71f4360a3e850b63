"""The pages of the plan, pressed as people press them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
from django.test import Client

from kitting.around.actions import plan_time
from kitting.journeys.actions.errors import Who
from kitting.journeys.models import Journey
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from kitting.rollout.models import Rollout, Wave, WaveMark
from kitting.site.queries import current
from tests.factories import DepartmentFactory, GrantFactory, PlaceFactory

if TYPE_CHECKING:
    from accounts.models import User
    from tests.plan.conftest import Ward

pytestmark = pytest.mark.django_db


def as_(person: User) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(person)
    return client


def event_of(response: Any) -> Any:
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    [event] = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
    return event


ROLLOUT = {
    "name": "春の配布",
    "starts_on": "2027-04-05",
    "deadline_on": "2027-06-30",
    "help_minutes_a_day": "480",
}
WAVE = {
    "name": "第1回",
    "starts_on": "2027-04-05",
    "starts_time": "09:30",
    "ends_on": "2027-04-16",
}


def test_a_rollout_goes_its_whole_way_on_pages(ward: Ward):
    boss = as_(ward.it)
    before = ward.wave.rollout
    boss.post(f"/plan/new?after={before.pk}", ROLLOUT)
    rollout = Rollout.objects.get(name="春の配布")
    assert (rollout.state, rollout.follows) == ("planned", before)
    boss.post(f"/plan/{rollout.pk}/waves/new", WAVE | {"departments": [ward.department.pk]})
    wave = rollout.waves.get()
    assert wave.starts_at == datetime(2027, 4, 5, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    refused = boss.post(f"/plan/{rollout.pk}/open", follow=True)
    assert "ほかの導入が進行中です" in refused.content.decode()
    boss.post(f"/plan/{before.pk}/close")
    journey = ward.journey()
    boss.post(f"/plan/{rollout.pk}/open")
    journey.refresh_from_db()
    assert journey.wave == wave
    boss.post(f"/plan/{rollout.pk}/verdict", {"verdict": "go", "why": "順調です。"})
    for verb in ("close", "archive"):
        boss.post(f"/plan/{rollout.pk}/{verb}")
    rollout.refresh_from_db()
    assert (rollout.state, rollout.verdict) == ("archived", "go")


def test_it_plans_and_only_the_lead_of_it_opens_and_decides(ward: Ward):
    officer = as_(GrantFactory.create().person)
    assert officer.get(f"/plan/{ward.wave.rollout_id}/edit").status_code == 200
    assert officer.post(f"/plan/{ward.wave.rollout_id}/close").status_code == 404
    assert officer.post(f"/plan/{ward.wave.rollout_id}/verdict").status_code == 404


WRONG = [
    ({"ends_on": "2027-04-04"}, "最初の日か、それより後の日"),
    ({"from_time": "10:00"}, "順に両方選んでください"),
    ({"from_time": "10:00", "to_time": "09:00"}, "順に両方選んでください"),
    ({"departments": []}, "所属か場所を 1 つ以上"),
    ({"starts_on": "明日"}, "日を選びます"),
]


@pytest.mark.parametrize(("facts", "words"), WRONG)
def test_a_wave_that_cannot_be_is_said_beside_its_field(
    ward: Ward, facts: dict[str, Any], words: str
):
    address = f"/plan/{ward.wave.rollout_id}/waves/new"
    typed = WAVE | {"departments": [ward.department.pk]} | facts
    answer = as_(ward.it).post(address, typed)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Wave.objects.count() == 1


def test_two_editors_do_not_write_over_each_other(ward: Ward):
    address = f"/plan/waves/{ward.wave.pk}/edit"
    typed = WAVE | {"departments": [ward.department.pk], "version": "0"}
    boss = as_(ward.it)
    assert boss.post(address, typed).status_code == 302
    again = boss.post(address, typed | {"name": "別の名前"})
    assert again.status_code == 422
    assert "ほかの人がこの回を先に変更しました" in again.content.decode()


def test_a_lead_marks_the_own_places_and_no_others(ward: Ward):
    ward.journey()
    lead = as_(ward.lead)
    base = f"/plan/waves/{ward.wave.pk}"
    assert lead.post(f"{base}/places/{ward.place.pk}", {"kind": "charged"}).status_code == 302
    assert WaveMark.objects.get().made_by == ward.lead
    elsewhere = PlaceFactory.create()
    assert lead.post(f"{base}/places/{elsewhere.pk}", {"kind": "wifi"}).status_code == 404
    lead.post(f"{base}/places/{ward.place.pk}", {"kind": "charged", "undo": "1"})
    assert not WaveMark.objects.exists()
    assert ward.wave.name in lead.get("/plan/").content.decode()


def test_it_says_that_the_accounts_of_a_wave_have_a_licence(ward: Ward):
    ward.journey()
    base = f"/plan/waves/{ward.wave.pk}"
    assert as_(ward.lead).post(f"{base}/licensed").status_code == 404
    boss = as_(ward.it)
    assert "ライセンスを確かめていません" in boss.get(f"{base}/").content.decode()
    boss.post(f"{base}/licensed")
    boss.post(f"{base}/licensed")
    assert WaveMark.objects.get().made_by == ward.it
    page = boss.get(f"{base}/").content.decode()
    assert "ライセンスを確かめていません" not in page
    assert ward.it.name in page
    boss.post(f"{base}/unlicensed")
    assert not WaveMark.objects.exists()


def test_who_holds_a_wave_stands_on_it_and_a_press_lets_it_go_on(ward: Ward):
    boss, base = as_(ward.it), f"/plan/waves/{ward.wave.pk}"
    boss.post(f"{base}/hold")
    assert ward.it.name in boss.get(f"{base}/").content.decode()
    boss.post(f"{base}/release")
    assert Wave.objects.get().held_at is None
    assert boss.post(f"{base}/away").status_code == 404


def test_a_box_says_when_it_begins_and_that_one_may_wait_or_go_on(ward: Ward):
    _profile, now = current()
    Wave.objects.update(
        starts_at=now + timedelta(days=1), starts_limit=1, held_at=now, held_why="hand"
    )
    began, waits = ward.journey(begun=True), ward.journey()
    Journey.objects.filter(pk=began.pk).update(begun_at=now)
    code = waits.loan.device.code
    shown = Client(headers={"accept-language": "ja"}).get(f"/d/{code}").content.decode()
    assert "はじめる日" in shown
    assert "このまま始めてもかまいません" in shown
    assert "先に進んでもかまいません" in shown
    assert f"/d/{code}/calendar.ics" in shown
    begun = Client().get(f"/d/{began.loan.device.code}").content.decode()
    assert "はじめる日" not in begun


def test_the_calendar_of_a_box_keeps_its_name_and_says_nothing_personal(ward: Ward):
    journey = ward.journey()
    address = f"/d/{journey.loan.device.code}/calendar.ics"
    first = event_of(Client().get(address))
    assert first["UID"].startswith(str(ward.wave.calendar_uid))
    assert first.decoded("DTSTART") == ward.wave.starts_at
    as_(ward.it).post(
        f"/plan/waves/{ward.wave.pk}/edit",
        WAVE | {"departments": [ward.department.pk], "version": "0"},
    )
    second = event_of(Client().get(address))
    assert second["UID"] == first["UID"]
    assert int(second["SEQUENCE"]) == int(first["SEQUENCE"]) + 1
    assert second.decoded("DTSTART") != first.decoded("DTSTART")
    assert journey.person.name not in str(Client().get(address).content.decode())


def test_the_own_calendar_holds_the_time_one_chose_else_that_of_the_wave(ward: Ward):
    journey = ward.journey()
    client = Client()
    session = client.session
    session[BOX_KEY] = {"journey": journey.pk, "epoch": 0}
    session.save()
    address = f"/j/{journey.pk}/calendar.ics"
    assert event_of(client.get(address)).decoded("DTSTART") == ward.wave.starts_at
    own = ward.wave.starts_at + timedelta(days=2)
    who = Who(via=Via.BOX)
    plan_time(journey=journey, key="time", planned_at=own, who=who, now=ward.wave.starts_at)
    chosen = event_of(client.get(address))
    assert chosen.decoded("DTSTART") == own
    assert chosen["UID"].startswith(f"start-{journey.pk}-")
    assert Client().get(address).status_code == 404


def test_a_wave_goes_into_the_calendar_of_those_who_help(ward: Ward):
    ward.journey()
    event = event_of(as_(ward.lead).get(f"/plan/waves/{ward.wave.pk}/calendar.ics"))
    assert str(event["SUMMARY"]) == f"{ward.wave.rollout.name} 第1回"
    assert "保育課" in str(event["DESCRIPTION"])


def test_what_is_wrong_with_a_plan_stands_on_it_in_words(ward: Ward):
    other = DepartmentFactory.create(name="市民課")
    _profile, now = current()
    Wave.objects.update(starts_at=now, ends_on=(now + timedelta(days=400)).date())
    second = Wave.objects.create(
        rollout=ward.wave.rollout,
        name="第2回",
        starts_at=now,
        ends_on=(now + timedelta(days=30)).date(),
    )
    second.departments.set([ward.department, other])
    shown = as_(ward.it).get("/plan/").content.decode()
    assert "保育課は「第1回」にも入っています" in shown
    assert "手助けする人が決まっていません" in shown
    assert "より後です" in shown
