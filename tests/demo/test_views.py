"""The demo's pages exist in the demo only, and every button does what it says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from kitting.demo.queries import JOB, Search, cards, find_people
from kitting.demo.urls import urlpatterns
from kitting.jobs.actions import start_job
from kitting.jobs.models import Job
from kitting.journeys import actions as journeys
from kitting.journeys.queries import BOX_KEY
from kitting.journeys.states import Via
from kitting.models import Event, Journey, Notice, Ticket
from kitting.notices.actions import deliver_due, queue
from kitting.notices.channels import open_mail
from kitting.notices.states import Channel, Lane
from kitting.site.models import SiteProfile
from tests.demo.conftest import BEGINS, real_now
from tests.factories import NoticeFactory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from django.test import Client
    from pytest_django import DjangoAssertNumQueries

    from accounts.models import User
    from tests.demo.conftest import City

pytestmark = pytest.mark.django_db
BY_BOX = journeys.Who(via=Via.BOX)


@pytest.fixture
def debug(settings: Any) -> Any:
    settings.DEBUG = True
    return settings


@pytest.fixture
def at_the_clock(debug: Any, village: City) -> City:
    """The village, its clock on the Monday at ten."""
    show(BEGINS + timedelta(hours=3))
    return village


def show(moment: Any) -> None:
    SiteProfile.objects.update(clock_offset=moment - real_now())


def shown() -> Any:
    return real_now() + (SiteProfile.objects.get().clock_offset or timedelta())


def addresses() -> list[str]:
    return [
        reverse(f"demo:{pattern.name}", args=[1] if pattern.name == "mail" else [])
        for pattern in urlpatterns
    ]


def exists(client: Client, **extra: Any) -> bool:
    """Tell whether any of the demo's addresses answers this client."""
    found = {client.get(url, **extra).status_code for url in addresses()}
    found |= {client.post(url, **extra).status_code for url in addresses()}
    return found != {404}


# --- where it exists -------------------------------------------------------------------------------


def test_it_exists_over_the_seeded_city(client: Client, debug: Any, demo: SiteProfile) -> None:
    assert client.get("/demo/").status_code == 200


def test_it_does_not_exist_without_debug(client: Client, demo: SiteProfile) -> None:
    assert not exists(client)


def test_it_does_not_exist_without_the_marker(client: Client, debug: Any, db: None) -> None:
    SiteProfile.objects.create(pk=SiteProfile.SINGLE)
    assert not exists(client)


@pytest.mark.parametrize(
    "address", ["203.0.113.7", "8.8.8.8", "100.64.0.1", "2001:db8::1", "unknown", ""]
)
def test_it_does_not_exist_for_the_world(
    client: Client, debug: Any, demo: SiteProfile, address: str
) -> None:
    assert not exists(client, REMOTE_ADDR=address)


@pytest.mark.parametrize("address", ["127.0.0.1", "192.168.1.20", "10.1.2.3", "::1", "fd00::7"])
def test_it_exists_for_a_phone_in_the_same_network(
    client: Client, debug: Any, demo: SiteProfile, address: str
) -> None:
    assert exists(client, REMOTE_ADDR=address)


def test_a_proxy_near_by_does_not_bring_the_world_in(
    client: Client, debug: Any, demo: SiteProfile
) -> None:
    assert not exists(client, headers={"X-Forwarded-For": "203.0.113.7"})
    assert not exists(client, headers={"X-Forwarded-For": "10.0.0.1, 203.0.113.7"})
    assert exists(client, headers={"X-Forwarded-For": "192.168.1.20"})


def test_other_pages_show_its_bar_in_the_demo_only(
    client: Client, debug: Any, demo: SiteProfile
) -> None:
    assert "banner-demo" in client.get("/").content.decode()
    debug.DEBUG = False
    assert "banner-demo" not in client.get("/").content.decode()


def test_reading_changes_nothing(client: Client, at_the_clock: City) -> None:
    before = {
        "session": client.session.session_key,
        "offset": SiteProfile.objects.get().clock_offset,
        "rows": [m.objects.count() for m in (Event, Notice, Ticket, Job)],
    }
    for url in addresses():
        client.get(url)
    assert before == {
        "session": client.session.session_key,
        "offset": SiteProfile.objects.get().clock_offset,
        "rows": [m.objects.count() for m in (Event, Notice, Ticket, Job)],
    }


# --- being somebody --------------------------------------------------------------------------------


def be(client: Client, person: User | None = None, way: str = "sign_in", **more: str) -> Any:
    data = {"way": way, **more} | ({"person": person.pk} if person else {})
    return client.post("/demo/be", data)


def test_one_can_be_anyone_and_nobody_again(client: Client, at_the_clock: City) -> None:
    assert be(client, at_the_clock.officer).status_code == 302
    assert client.get("/dashboard/").status_code == 200

    be(client, at_the_clock.journeys[3].person)
    assert client.get("/dashboard/").status_code == 404

    be(client, way="nobody")
    assert "_auth_user_id" not in client.session


def test_becoming_somebody_keeps_the_device(client: Client, at_the_clock: City) -> None:
    client.post("/demo/device", {"device": "chromebook"})
    for way in ("sign_in", "box", "nobody"):
        be(client, at_the_clock.journeys[3].person, way)
        assert client.session["demo_device"] == "chromebook", way


def test_the_box_is_opened_by_its_page_and_the_number(
    client: Client, at_the_clock: City
) -> None:
    mine = at_the_clock.journeys[3]
    answer = be(client, mine.person, "box")
    assert answer["Location"] == f"/d/{mine.loan.device.code}"
    page = client.get(answer["Location"]).content.decode()
    assert str(mine.person.staff_number) in page  # told by the demo, in a message
    assert BOX_KEY not in client.session

    client.post(f"{answer['Location']}/begin", {"staff_number": mine.person.staff_number or ""})

    assert client.session[BOX_KEY]["journey"] == mine.pk
    be(client, at_the_clock.officer)
    assert BOX_KEY not in client.session


@pytest.mark.parametrize(
    "wrong",
    [{}, {"way": "sign_in"}, {"way": "sign_in", "person": "0"}, {"way": "king", "person": "1"}],
)
def test_nonsense_makes_nobody_anybody(
    client: Client, at_the_clock: City, wrong: dict[str, str]
) -> None:
    assert client.post("/demo/be", wrong).status_code == 404
    assert "_auth_user_id" not in client.session


def test_who_left_cannot_be_played(client: Client, at_the_clock: City) -> None:
    person = at_the_clock.journeys[3].person
    person.left_on = BEGINS.date()
    person.save()
    assert be(client, person).status_code == 404


@pytest.mark.parametrize(
    "next_page", ["//evil.example/", "https://evil.example/", "javascript:1"]
)
def test_becoming_somebody_leads_nowhere_else(
    client: Client, at_the_clock: City, next_page: str
) -> None:
    answer = be(client, at_the_clock.officer, next=next_page)
    assert answer["Location"] == "/demo/"


def test_people_are_found_by_what_is_known_of_them(village: City) -> None:
    person = village.journeys[3].person
    person.name, person.kana = "小池 健太", "コイケ ケンタ"
    person.save()

    def found(text: str) -> list[int]:
        return [one.person.pk for one in find_people(text, now=BEGINS).people]

    for text in (
        "小池健太",
        "こいけ",
        "コイケ けんた",
        person.staff_number or "",
        "小池 本庁舎",
    ):
        assert found(text) == [person.pk], text
    assert found("小池 北図書館") == []
    assert len(found("北図書館")) == 12


def test_a_search_says_that_there_are_more(city: City) -> None:
    result = find_people("本庁舎", now=BEGINS)
    assert len(result.people) == 20
    assert result.has_more
    assert find_people("だれもいない", now=BEGINS) == Search(people=[], has_more=False)


def test_the_cards_are_people_who_fit_their_parts(at_the_clock: City) -> None:
    now = BEGINS + timedelta(hours=3)
    middle, waiting = at_the_clock.journeys[1], at_the_clock.journeys[2]
    for journey in (middle, waiting):
        journeys.begin(journey_id=journey.pk, who=BY_BOX, now=now)
    Journey.objects.filter(pk=waiting.pk).update(status="waiting", help_state="asked")

    found = {card.kind: card for card in cards(now=now)}

    assert list(found) == ["new", "no_mail", "middle", "waiting", "lead", "it", "it_lead"]
    assert found["middle"].person == middle.person
    assert found["waiting"].person == waiting.person
    assert found["no_mail"].person.email == ""
    assert found["new"].journey is not None
    assert found["new"].journey.begun_at is None
    assert found["lead"].person == at_the_clock.lead
    assert found["it"].person == at_the_clock.officer
    assert found["it_lead"].person == at_the_clock.it_lead


@pytest.mark.allow_hosts(["127.0.0.1", "::1", "192.0.2.1"])
def test_the_drawn_address_is_one_a_phone_can_reach(
    client: Client, at_the_clock: City, debug: Any
) -> None:
    debug.ALLOWED_HOSTS = ["*"]
    page = client.get("/demo/", headers={"host": "192.168.7.7:8000"}).content.decode()
    assert re.search(r"HTTP://192\.168\.7\.7:8000/D/[2-9A-Y]{8}", page)
    here = client.get("/demo/", headers={"host": "127.0.0.1:8000"}).content.decode()
    assert (
        "HTTP://127.0.0.1" not in here or "スマートフォンは" in here or "A phone cannot" in here
    )


def test_the_page_costs_the_same_whatever_the_city(
    client: Client,
    at_the_clock: City,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    with django_assert_max_num_queries(16):
        client.get("/demo/")
    with django_assert_max_num_queries(10):
        client.get("/demo/?q=北図書館")


# --- the device ------------------------------------------------------------------------------------


def test_the_browser_acts_as_what_was_chosen(client: Client, at_the_clock: City) -> None:
    client.post("/demo/device", {"device": "phone"})
    assert client.session["demo_device"] == "phone"
    answer = client.post("/demo/device", {"device": "chromebook", "next": "/"})
    assert answer["Location"] == "/"
    assert client.session["demo_device"] == "chromebook"
    client.post("/demo/device", {"device": "own"})
    assert "demo_device" not in client.session
    assert client.post("/demo/device", {"device": "toaster"}).status_code == 404


# --- time ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        ("hour", BEGINS + timedelta(hours=4)),
        ("day", BEGINS + timedelta(days=1, hours=3)),
        ("morning", BEGINS + timedelta(days=1, hours=2)),
    ],
)
def test_the_clock_moves(client: Client, at_the_clock: City, move: str, expected: Any) -> None:
    answer = client.post("/demo/clock", {"move": move}, follow=True)

    assert abs(shown() - expected) < timedelta(seconds=30)
    assert answer.context["messages"]


def test_the_clock_comes_back_to_now(client: Client, at_the_clock: City) -> None:
    client.post("/demo/clock", {"move": "now"})
    assert abs(shown() - real_now()) < timedelta(seconds=60)


def test_moving_on_says_what_happened(client: Client, at_the_clock: City) -> None:
    def so_far() -> list[int]:
        return [
            Journey.objects.filter(ready_at__isnull=False).count(),
            Ticket.objects.filter(kind="help").count(),
            Ticket.objects.filter(kind="quiet").count(),
            Notice.objects.filter(channel=Channel.MAIL, sent_at__isnull=False).count(),
        ]

    for _day in range(3):
        before = so_far()
        answer = client.post("/demo/clock", {"move": "morning"}, follow=True)
        said = " ".join(str(message) for message in answer.context["messages"])
        numbers = [int(number) for number in re.findall(r"\d+", said)[-4:]]
        assert numbers == [now - then for now, then in zip(so_far(), before, strict=True)]

    assert so_far()[0] > 0


def test_the_clock_is_not_moved_while_the_city_is_played(
    client: Client, at_the_clock: City
) -> None:
    job = start_job(
        kind=JOB,
        total=100,
        now=real_now(),
        data={"at": BEGINS.isoformat(), "until": BEGINS.isoformat()},
    )
    before = SiteProfile.objects.get().clock_offset

    client.post("/demo/clock", {"move": "day"})
    client.post("/demo/morning")

    assert SiteProfile.objects.get().clock_offset == before
    assert not Ticket.objects.exists()
    assert job is not None

    client.post("/demo/stop")
    client.post("/demo/clock", {"move": "hour"})
    assert SiteProfile.objects.get().clock_offset != before


def test_a_play_whose_process_died_does_not_hold_the_clock(
    client: Client, at_the_clock: City
) -> None:
    start_job(
        kind=JOB,
        total=100,
        now=real_now() - timedelta(minutes=2),
        data={"at": BEGINS.isoformat(), "until": BEGINS.isoformat()},
    )
    before = SiteProfile.objects.get().clock_offset
    client.post("/demo/clock", {"move": "hour"})
    assert SiteProfile.objects.get().clock_offset != before


def test_progress_is_shown_until_it_is_final(client: Client, at_the_clock: City) -> None:
    assert client.get("/demo/progress").status_code == 286
    job = start_job(
        kind=JOB,
        total=200,
        now=real_now(),
        data={"at": BEGINS.isoformat(), "until": BEGINS.isoformat()},
    )
    assert job is not None
    Job.objects.filter(pk=job.pk).update(done=86)

    part = client.get("/demo/progress")

    assert part.status_code == 200
    assert "43%" in part.content.decode()
    assert "43%" in client.get("/").content.decode()  # in the bar of every page
    client.post("/demo/stop")
    assert client.get("/demo/progress").status_code == 286


def test_a_bad_morning_is_played_and_it_is_told(
    client: Client, at_the_clock: City, debug: Any, tmp_path: Path
) -> None:
    debug.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    debug.EMAIL_FILE_PATH = str(tmp_path)

    answer = client.post("/demo/morning", follow=True)

    assert Ticket.objects.filter(kind="help").count() == 12
    said = " ".join(str(message) for message in answer.context["messages"])
    assert "北図書館" in said
    assert "12" in said
    alarms = Notice.objects.filter(kind="it_outage", sent_at__isnull=False)
    assert alarms.filter(person=at_the_clock.officer).count() == 1  # one, however many ask
    assert any(tmp_path.iterdir())


# --- mails -----------------------------------------------------------------------------------------


def test_mails_are_listed_newest_first_at_the_same_cost(
    client: Client,
    debug: Any,
    demo: SiteProfile,
    django_assert_num_queries: Callable[..., Any],
) -> None:
    def page() -> str:
        with django_assert_num_queries(4):
            return client.get("/demo/mails/").content.decode()

    NoticeFactory.create(subject="古いメール")
    assert "古いメール" in page()
    NoticeFactory.create(subject="新しいメール")
    NoticeFactory.create(subject="案内のなか", channel=Channel.WIZARD, address="")
    text = page()
    assert text.index("新しいメール") < text.index("古いメール")
    assert "案内のなか" not in text


def test_a_mail_is_read_and_its_link_opened_as_the_reader(
    client: Client, at_the_clock: City
) -> None:
    person = at_the_clock.lead
    notice = NoticeFactory.create(person=person, body="こんにちは <b>", link="/dashboard/")

    page = client.get(f"/demo/mails/{notice.pk}/").content.decode()

    assert "こんにちは &lt;b&gt;" in page
    answer = be(client, person, next="/dashboard/")
    assert answer["Location"] == "/dashboard/"
    assert client.get("/demo/mails/0/").status_code == 404


def test_a_forgotten_code_is_read_from_the_mail_itself(
    client: Client, debug: Any, demo: SiteProfile, tmp_path: Path
) -> None:
    debug.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    debug.EMAIL_FILE_PATH = str(tmp_path)
    now = real_now()
    for code in ("1234-5678", "8765-4321"):
        queue(
            dedupe_key=f"sign_in:{code}",
            kind="sign_in_code",
            channel=Channel.MAIL,
            address="koike@asahi.example.jp",
            language="ja",
            subject="確認コード",
            body=f"コードは {code} です。\n{'-' * 40}\n",
            now=now,
            lane=Lane.SIGN_IN,
        )
    with open_mail() as send:
        deliver_due(now=now, lane=Lane.SIGN_IN, send=send)

    for notice in Notice.objects.all():
        code = notice.dedupe_key.removeprefix("sign_in:")
        assert notice.body == ""
        assert code in client.get(f"/demo/mails/{notice.pk}/").content.decode()

    debug.EMAIL_HOST = "mail.example.jp"
    page = client.get(f"/demo/mails/{notice.pk}/").content.decode()
    assert code not in page
