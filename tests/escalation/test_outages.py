"""What is broken for many is one matter: noticed by rate, told once, answered once, ended once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.queries import local_day, rights_of
from accounts.states import Role
from kitting.escalation import rules
from kitting.escalation.actions.alerts import answer_outage, end_outage, tell_askers
from kitting.escalation.actions.climbing import climb
from kitting.escalation.actions.outages import declare_outage
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.models import Outage, Ticket
from kitting.escalation.queries.desk import queue_of
from kitting.escalation.queries.ladder import organisation_book
from kitting.escalation.rules import Halt, Rest
from kitting.escalation.states import Ending
from kitting.journeys.actions.entering import begin, enter_by_box
from kitting.journeys.actions.errors import StartsStoppedError
from kitting.notices.models import Notice
from kitting.site.actions import AnnouncementValues, announce, end_announcement
from kitting.site.models import Announcement, SiteProfile
from tests.escalation.town import BY_BOX, ask, at, due_of, finish, said_to, sweep_until
from tests.factories import GrantFactory, WaveFactory

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.journeys.models import Journey
    from tests.escalation.town import Town

TEN = at("11-10 10:00")
MINUTE = timedelta(minutes=1)


# --- the rule -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "active", "usual", "found"),
    [
        (3, 3, 0.02, False),  # three may be chance and a corner
        (4, 4, 0.05, True),
        (20, 400, 0.05, False),  # 400 at once, nothing broken
        (34, 400, 0.05, False),  # and a busy hour of it
        (90, 400, 0.05, True),
        (2_600, 2_650, 0.05, True),
        (2_650, 2_650, 0.9, False),  # where nearly everybody asks anyway
    ],
)
def test_a_rate_far_above_the_usual_is_an_outage(asking, active, usual, found):
    assert rules.is_outage(asking=asking, active=active, usual=usual) is found


@given(st.integers(1, 60), st.integers(0, 60), st.floats(0.02, 0.95))
def test_the_chance_of_as_many_is_that_of_a_binomial(active, asking, usual):
    asking = min(asking, active)
    chance = 1.0 if asking == 0 else rules.chance_of_as_many(asking, active, usual)
    exact, ways = 0.0, 1
    for k in range(active + 1):
        if k >= asking:
            exact += ways * usual**k * (1 - usual) ** (active - k)
        ways = ways * (active - k) // (k + 1)
    assert chance == pytest.approx(exact, abs=1e-9)


def test_nothing_known_means_one_in_twenty():
    assert rules.usual_rate(asked=0, met=0) == pytest.approx(0.05)
    assert rules.usual_rate(asked=0, met=10_000) == rules.USUAL_LEAST
    assert rules.usual_rate(asked=300, met=980) == pytest.approx(0.301)


def test_a_halt_covers_its_place_wave_and_step():
    here = {"place_id": 1, "wave_id": 2, "step": "a"}
    assert Halt(TEN).covers(**here)
    assert Halt(TEN, places=frozenset({1}), wave_id=2, step="a").covers(**here)
    assert not Halt(TEN, places=frozenset({3})).covers(**here)
    assert not Halt(TEN, wave_id=3).covers(**here)
    assert not Halt(TEN, step="b").covers(**here)


@pytest.mark.django_db
def test_a_halt_is_a_rest_until_its_end(town):
    calendar = town.book.default
    halt = Halt(TEN, ends=TEN + 30 * MINUTE)
    resting = Rest(halts=(halt,))
    assert resting.lasts_until(calendar, TEN) == halt.ends
    assert resting.lasts_until(calendar, TEN + 30 * MINUTE) is None
    assert resting.ended_at(calendar, TEN + 31 * MINUTE) == halt.ends
    assert Rest(halts=(Halt(TEN),)).lasts_until(calendar, TEN) == at("11-11 10:00")


# --- noticing -------------------------------------------------------------------------------------


def stuck(town: Town, number: int, *, when: datetime, person: str = "person") -> list[Journey]:
    """Let people begin at a place and ask at the first step, one a minute."""
    journeys = [town.begun(getattr(town, person)(), when=when) for _n in range(number)]
    for count, journey in enumerate(journeys):
        ask(journey, now=when + count * MINUTE, choice="network")
    return journeys


pytest_db = pytest.mark.django_db


@pytest_db
def test_many_at_one_place_are_one_alarm(town):
    stuck(town, 12, when=TEN)
    outage = Outage.objects.get()
    assert list(outage.places.all()) == [town.office]
    assert outage.tickets.count() == 12
    assert said_to(town.it).count("it_outage") == 1
    single = Notice.objects.filter(person=town.it, kind="it_asked")
    assert set(single.values_list("state", flat=True)) == {
        "cancelled"
    }  # nobody has read them yet
    assert SiteProfile.objects.get().has_outages


@pytest_db
def test_400_at_once_with_nothing_broken_are_no_outage(town):
    for _n in range(60):
        finish(town.begun(when=TEN), now=TEN)
    stuck(town, 3, when=TEN)
    assert not Outage.objects.exists()


@pytest_db
def test_a_second_place_joins_and_many_are_everywhere(town):
    stuck(town, 5, when=TEN)
    stuck(town, 5, when=TEN + 10 * MINUTE, person="teacher")
    outage = Outage.objects.get()
    assert set(outage.places.all()) == {town.office, town.nursery}
    assert Notice.objects.filter(kind="it_outage").count() == len({town.it, town.it_lead})


@pytest_db
def test_what_was_asked_yesterday_is_no_rush(town):
    stuck(town, 3, when=at("11-09 10:00"))
    stuck(town, 1, when=TEN)
    assert not Outage.objects.exists()


@pytest_db
def test_a_question_of_an_outage_waits_with_it(town):
    stuck(town, 6, when=TEN)
    tickets = Ticket.objects.all()
    assert {ticket.due_at for ticket in tickets} == {None}
    sweep_until(at("11-20 10:00"))
    assert not Ticket.objects.exclude(level="it").exists()
    rights = rights_of(town.it, on=local_day(TEN))
    assert queue_of(rights=rights, show="open", now=TEN, language="ja") == []


@pytest_db
def test_one_answer_reaches_all_and_whoever_asks_later(town):
    journeys = stuck(town, 6, when=TEN)
    outage = Outage.objects.get()
    answer_outage(outage=outage, by=town.it, words="直しています。", now=TEN + 10 * MINUTE)
    late = town.begun(when=TEN + 10 * MINUTE)
    ask(late, now=TEN + 11 * MINUTE, choice="network")
    tell_askers(now=TEN + 12 * MINUTE)
    assert tell_askers(now=TEN + 13 * MINUTE) == 0
    for journey in [*journeys, late]:
        ticket = Ticket.objects.get(journey=journey)
        assert ticket.entries.filter(kind="reply", text="直しています。").count() == 1
        assert said_to(journey.person).count("reply") >= 1
        journey.refresh_from_db()
        assert journey.help_state == "answered"


@pytest_db
def test_its_end_resolves_them_and_asks_whether_it_works(town):
    journeys = stuck(town, 6, when=TEN)
    outage = Outage.objects.get()
    over = {"outage": outage, "by": town.it, "now": TEN + 30 * MINUTE}
    assert end_outage(**over, ending=Ending.SOLVED, words="直りました。")
    assert not end_outage(**over, ending=Ending.SOLVED, words="")
    for journey in journeys:
        ticket = Ticket.objects.get(journey=journey)
        assert (ticket.state, ticket.asked_better_at) == ("resolved", None)
    assert not SiteProfile.objects.get().has_outages
    stuck(town, 1, when=TEN + 40 * MINUTE)
    assert Ticket.objects.order_by("-pk")[0].outage is None


@pytest_db
def test_or_each_goes_on_by_itself_without_a_flood(town):
    stuck(town, 6, when=TEN)
    before = Notice.objects.count()
    outage = Outage.objects.get()
    end_outage(outage=outage, by=town.it, ending=Ending.SINGLE, words="", now=TEN + 30 * MINUTE)
    tickets = list(Ticket.objects.all())
    assert {ticket.outage_id for ticket in tickets} == {None}
    assert {ticket.due_at for ticket in tickets} == {at("11-10 12:30")}
    assert Notice.objects.count() == before
    assert climb(tickets[0].pk, book=town.book, now=at("11-10 12:30")) == "raised"


@pytest_db
def test_whoever_is_taken_care_of_already_keeps_their_helper(town):
    journeys = stuck(town, 3, when=TEN)
    first = Ticket.objects.get(journey=journeys[0])
    Ticket.objects.filter(pk=first.pk).update(taken_by=town.it, taken_at=TEN, state="taken")
    stuck(town, 4, when=TEN + 5 * MINUTE)
    first.refresh_from_db()
    assert (first.outage_id, Outage.objects.count()) == (None, 1)


@pytest_db
def test_an_outage_can_be_said_by_hand_before_anybody_asks(town):
    outage = declare_outage(
        step="connect-wifi",
        places=[town.nursery],
        by=town.it,
        book=organisation_book(),
        now=TEN,
    )
    assert (outage.everywhere, list(outage.places.all())) == (False, [town.nursery])
    again = declare_outage(
        step="connect-wifi", places=[], by=town.it, book=organisation_book(), now=TEN
    )
    assert again.pk == outage.pk
    assert Outage.objects.get().everywhere


# --- clocks ---------------------------------------------------------------------------------------


@pytest_db
def test_an_outage_stops_the_clocks_at_its_step_and_place_only(town):
    here, elsewhere = town.begun(when=TEN), town.begun(town.teacher(), when=TEN)
    outage = declare_outage(
        step="check-box",
        places=[town.office],
        by=town.it,
        book=organisation_book(),
        now=TEN,
    )
    sweep_until(at("11-13 18:00"))
    assert list(Ticket.objects.values_list("journey_id", flat=True)) == [elsewhere.pk]
    now = at("11-16 10:00")
    end_outage(outage=outage, by=town.it, ending=Ending.SOLVED, words="", now=now)
    sweep(now=now + 5 * MINUTE)
    assert due_of(here) == now + rules.slow_after(3)


@pytest_db
@pytest.mark.parametrize("scope", ["everyone", "place", "wave"])
def test_a_public_notice_stops_clocks_in_its_scope(town, scope):
    wave = WaveFactory.create(starts_at=TEN)
    journey = town.begun(when=TEN, wave=wave)
    other = town.begun(town.teacher(), when=TEN)
    values = {
        "everyone": {},
        "place": {"place_id": town.office.pk},
        "wave": {"wave_id": wave.pk},
    }[scope]
    announcement = announce(
        values=AnnouncementValues(text="停電", pauses_clocks=True, **values),
        by=town.it,
        now=TEN,
    )
    sweep_until(at("11-14 18:00"))
    found = set(Ticket.objects.values_list("journey_id", flat=True))
    assert found == (set() if scope == "everyone" else {other.pk})
    end_announcement(announcement=announcement, by=town.it, now=at("11-16 10:00"))
    sweep_until(at("11-20 18:00"))
    assert Ticket.objects.filter(journey=journey).exists()


@pytest_db
def test_a_notice_that_expires_lets_the_clocks_run_by_itself(town):
    journey = town.begun(when=TEN)
    until = TEN + timedelta(hours=2)
    announce(
        values=AnnouncementValues(text="停電", pauses_clocks=True, expires_at=until),
        by=town.it,
        now=TEN,
    )
    sweep(now=TEN)
    assert due_of(journey) == until
    sweep(now=until)
    assert due_of(journey) == until + rules.slow_after(3)


# --- pages ----------------------------------------------------------------------------------------


@pytest_db
def test_new_starts_are_stopped_and_said(town, client):
    journey = town.journey()
    device = journey.loan.device
    announce(
        values=AnnouncementValues(
            text="きょうは始めないでください。", text_en="Not today.", stops_starts=True
        ),
        by=town.it,
        now=TEN,
    )
    with pytest.raises(StartsStoppedError):
        begin(journey_id=journey.pk, who=BY_BOX, now=TEN)
    with pytest.raises(StartsStoppedError):
        enter_by_box(
            code=device.code or "",
            staff_number=journey.person.staff_number or "",
            client="1",
            now=TEN,
            window=MINUTE,
        )
    Announcement.objects.update(starts_at=at("2020-01-01 00:00"))
    page = client.get(f"/d/{device.code}", headers={"accept-language": "en"})
    assert "Not today." in page.content.decode()
    number = {"staff_number": journey.person.staff_number}
    assert client.post(f"/d/{device.code}/begin", number).status_code == 302
    journey.refresh_from_db()
    assert journey.begun_at is None


@pytest_db
def test_who_is_about_to_meet_an_outage_reads_of_it(town):
    journey = town.begun(town.person(language="en"), when=TEN)
    declare_outage(
        step="power-on", places=[town.office], by=town.it, book=organisation_book(), now=TEN
    )
    outage = Outage.objects.get()
    client = Client(headers={"accept-language": "en"})
    client.force_login(journey.person)
    path = f"/j/{journey.pk}/"
    assert "that comes soon" in client.get(path).content.decode()
    assert "that comes soon" in client.get(f"{path}s/check-box/").content.decode()
    assert "trouble with this step" in client.get(f"{path}s/power-on/").content.decode()
    assert "trouble with" not in client.get(f"{path}s/sign-in/").content.decode()
    answer_outage(outage=outage, by=town.it, words="11時に直ります。", now=TEN)
    assert "11時に直ります。" in client.get(f"{path}s/power-on/").content.decode()


@pytest.fixture
def it_page(town: Town) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(GrantFactory.create(role=Role.IT, person__language="en").person)
    return client


@pytest_db
def test_it_sees_answers_and_ends_an_outage_on_one_page(town, it_page):
    stuck(town, 6, when=TEN)
    outage = Outage.objects.get()
    assert "6 people ask" in it_page.get("/tickets/").content.decode()
    assert "6 of 6 people" not in it_page.get("/tickets/alerts/").content.decode()
    path = f"/tickets/alerts/outages/{outage.pk}"
    assert it_page.post(f"{path}/answer", {"words": ""}).status_code == 422
    it_page.post(f"{path}/answer", {"words": "Wait."})
    assert Ticket.objects.filter(state="answered").count() == 6
    it_page.post(f"{path}/solved", {"words": ""})
    assert not Outage.objects.open().exists()


@pytest_db
def test_it_says_something_until_a_moment_and_holds_a_wave(town, it_page):
    wave = WaveFactory.create(starts_at=TEN)
    said = {"text": "停電", "scope": f"wave-{wave.pk}", "until": "2099-01-01T10:00"}
    assert (
        it_page.post("/tickets/alerts/say", {**said, "until": "2020-01-01T10:00"}).status_code
        == 422
    )
    it_page.post("/tickets/alerts/say", {**said, "stops_starts": "on"})
    made = Announcement.objects.get()
    assert (made.wave, made.stops_starts, made.pauses_clocks) == (wave, True, False)
    assert "停電" in it_page.get("/tickets/alerts/").content.decode()
    it_page.post(f"/tickets/alerts/said/{made.pk}/end")
    assert not SiteProfile.objects.get().has_announcements
    it_page.post(f"/tickets/alerts/waves/{wave.pk}/hold")
    wave.refresh_from_db()
    assert wave.held_at is not None
    it_page.post(f"/tickets/alerts/waves/{wave.pk}/release")
    wave.refresh_from_db()
    assert wave.held_at is None
