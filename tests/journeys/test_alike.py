"""What is kept of pages for everybody: a page is the same with it and without, and nobody's data is in it."""

from __future__ import annotations

import gzip
import re
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.states import Role
from kitting.devices.models import Device, Loan
from kitting.escalation.models import WrongBox
from kitting.guides.queries.kept import forget_editions, kept_edition
from kitting.journeys.actions.errors import SYSTEM
from kitting.journeys.actions.resting import pause
from kitting.journeys.models import Journey
from kitting.journeys.queries import OWN_WORDS, device_words
from kitting.journeys.views import door, step, way
from kitting.lib.codes import make_code, shown
from kitting.rollout.states import RolloutState
from kitting.site.actions import Word, save_words
from kitting.site.models import Announcement, SiteProfile
from kitting.site.queries import forget_words
from kitting.site.rules import READING_COOKIE
from kitting.templatetags import kitto_kept
from tests.factories import (
    NOW,
    DepartmentFactory,
    DeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    PlaceFactory,
    RolloutFactory,
    TicketFactory,
    UserFactory,
    WaveFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from kitting.guides.queries.shapes import StepPage
    from kitting.journeys.views.visit import Visit

A_YEAR = timedelta(days=365)
pytestmark = pytest.mark.django_db

CHROMEBOOK = (
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 Chrome/139.0.0.0 Safari/537.36"
)
# What is another on each page: the token of its forms, and what tells one press from the next.
ONCE = re.compile(r'value="[0-9a-zA-Z]{32,}"|nonce="[^"]+"')
UNSEEN = re.compile(r"(?<=>)\s+|\s+(?=<)")


def forget() -> None:
    forget_editions()
    forget_words()
    kitto_kept.drawn_once.clear()
    kitto_kept.kept_pages.clear()


def someone(number: int, **fields: Any) -> Journey:
    """Return the box of somebody of whom everything differs."""
    person = UserFactory.create(
        staff_number=f"55{number:04}",
        name=f"田辺 {number}番",
        account=f"tanabe{number}@asahi.example.jp",
        email=f"tanabe{number}@mail.example.jp",
    )
    device = DeviceFactory.create(
        code=make_code(Random(number).choice),
        asset_tag=f"CB-77{number:04}",
        serial_number=f"5CD7QZ{number:04}",
    )
    return JourneyFactory.create(
        loan=LoanFactory.create(person=person, device=device), **fields
    )


def box_client(journey: Journey, *, done: int) -> Client:
    """Return a browser in a box session that did some steps."""
    client = Client()
    code, number = journey.loan.device.code, journey.person.staff_number
    client.post(reverse("journeys:begin", args=[code]), {"staff_number": number})
    for _step in range(done):
        journey.refresh_from_db()
        client.post(reverse("journeys:done", args=[journey.pk, journey.current_step]))
        client.post(reverse("journeys:declare", args=[journey.pk]))
    journey.refresh_from_db()
    return client


def signed_in(journey: Journey) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=journey.person_id), backend="kitting.signin.Backend")
    return client


@pytest.fixture
def looks(guide: Any) -> list[Callable[[], str]]:
    """Return ways to look at pages: persons, doors, languages, devices, looks, places on the way."""
    first, second, third = (someone(number) for number in (4, 5, 6))
    browsers = [
        (box_client(first, done=2), first),
        (box_client(second, done=9), second),
        (box_client(third, done=2), third),
        (signed_in(second), second),
    ]
    arrive = reverse("journeys:arrive", args=[second.pk])
    browsers[1][0].post(arrive, HTTP_USER_AGENT=CHROMEBOOK)
    keys = [one.key for one in kept_edition(guide.pk).steps]
    told = [{}, {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_USER_AGENT": CHROMEBOOK}]
    ways: list[Callable[[], str]] = []
    for client, journey in browsers:
        known = {row[0] for row in journey.step_keys}
        for number, key in enumerate(key for key in keys if key in known):
            path = reverse("journeys:step", args=[journey.pk, key])
            after = (f"?after={keys[0]}", "?after=open-guide", "")[number % 3]
            cookie = ("", "dark.lg.all", "light.xl.")[number % 3]
            ways.append(_looking(client, path + after, cookie, told[number % 3]))
            ways.append(_looking(client, path, "", told[(number + 1) % 3]))
    return ways


def _looking(client: Client, path: str, cookie: str, told: dict[str, str]) -> Callable[[], str]:
    def look() -> str:
        client.cookies[READING_COOKIE] = cookie
        page = client.get(path, **told)
        assert page.status_code == 200
        return UNSEEN.sub("", ONCE.sub("", page.content.decode()))

    return look


def drawn_for_one(visit: Visit, key: str) -> tuple[StepPage, str, None]:
    return (*step._page(visit, key), None)  # noqa: SLF001  # the other way to the same page


def test_a_page_is_the_same_whoever_was_there_before(
    looks: list[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = []
    with monkeypatch.context() as alone:
        alone.setattr(step, "_page_for_all", drawn_for_one)
        for look in looks:
            forget()
            cold.append(look())
    assert not kitto_kept.kept_pages
    order = list(range(len(looks)))
    Random(7).shuffle(order)
    forget()
    for _round in range(2):
        for number in order:
            assert looks[number]() == cold[number]
    assert len(kitto_kept.drawn_once) > 50  # otherwise nothing was kept
    assert len(kitto_kept.kept_pages) > 50


def test_nothing_of_one_person_or_device_is_kept(looks: list[Callable[[], str]]) -> None:
    forget()
    for look in looks:
        look()
    drawn = "".join(html for _storage, html in kitto_kept.drawn_once.values())
    drawn += "".join("".join(kept.pieces) for kept in kitto_kept.kept_pages.values())
    drawn += repr(list(kitto_kept.kept_pages))
    assert "こうなれば成功です" in drawn
    for journey in Journey.objects.select_related("person", "loan__device"):
        device = journey.loan.device
        for own in (
            *(device.asset_tag, device.code, device.serial_number[-4:]),
            *(journey.person.name, journey.person.account, f"/j/{journey.pk}/"),
        ):
            assert own, journey
            assert own not in drawn
    assert not ONCE.search(drawn)
    edition = Journey.objects.exclude(edition=None)[0].edition_id
    for _site, made, _label in kept_edition(edition).said.values():
        assert not re.search(r"tanabe|CB-77|5CD7QZ|done_at=datetime", repr(made))


def test_every_word_of_a_device_or_person_is_known_as_such(waiting: Journey) -> None:
    assert set(device_words(waiting, signed_in=True)) <= OWN_WORDS


def test_a_word_that_changes_is_on_the_next_page(waiting: Journey) -> None:
    client = box_client(waiting, done=0)
    path = reverse("journeys:step", args=[waiting.pk, "connect-wifi"])
    assert "asahi-staff" in client.get(path).content.decode()
    save_words(words={"wifi_name": Word(value="yuhi-net", value_en="")}, by=None, now=NOW)
    page = client.get(path).content.decode()
    assert "yuhi-net" in page
    assert "asahi-staff" not in page


def test_a_page_is_light(waiting: Journey) -> None:
    client = box_client(waiting, done=0)
    sizes = {}
    for key, *_rest in waiting.step_keys:
        page = client.get(reverse("journeys:step", args=[waiting.pk, key]))
        sizes[key] = len(gzip.compress(page.content, 6))
    assert max(sizes.values()) <= 5_900, sizes
    assert sorted(sizes.values())[len(sizes) // 2] <= 4_700, sizes


def test_what_is_of_one_person_now_stands_on_a_page_that_others_share(guide: Any) -> None:
    forget()
    first, second = someone(7), someone(8)
    calm, asking = box_client(first, done=2), box_client(second, done=2)
    paths = [
        reverse("journeys:step", args=[journey.pk, journey.current_step])
        for journey in (first, second)
    ]
    for who, path in zip((calm, asking), paths, strict=True):
        who.get(path)
    assert len(kitto_kept.kept_pages) == 1
    ask = reverse("escalation:ask", args=[second.pk])
    choice = re.search(r'name="choice" value="([\w-]+)"', asking.get(ask).content.decode())
    assert choice
    asking.post(ask, {"choice": choice[1], "wish": "screen"})
    assert 'id="help-title"' in asking.get(paths[1]).content.decode()
    assert 'id="help-title"' not in calm.get(paths[0]).content.decode()
    assert "kitto_shared" not in calm.cookies
    calm.cookies["kitto_shared"] = "1"
    assert "data-idle" in calm.get(paths[0]).content.decode()
    assert "data-idle" not in asking.get(paths[1]).content.decode()
    with_token = re.findall(
        r'name="csrfmiddlewaretoken" value="(\w+)"', calm.get(paths[0]).content.decode()
    )
    assert len(with_token) > 1
    assert len(set(with_token)) == 1


def test_signs_that_stand_in_a_text_by_themselves_say_nothing(guide: Any) -> None:
    forget()
    journey = someone(9)
    client = box_client(journey, done=0)
    wild = "外字\ue000 \ufdd0\ufdd1\ufdd3\ufde3\ufdef777000777000777"
    Announcement.objects.create(text=wild, starts_at=NOW - timedelta(days=3_650))
    SiteProfile.objects.update(has_announcements=True)
    page = client.get(reverse("journeys:step", args=[journey.pk, journey.current_step]))
    assert "外字\ue000" in page.content.decode()
    assert page.content.decode().count("777000777000777") == 1


# --- the whole way ----------------------------------------------------------------------------------


@pytest.fixture
def ways(guide: Any) -> list[Callable[[], str]]:
    """Return ways to look at whole ways: of several persons, as far or further, through both doors."""
    people = [someone(number) for number in (21, 22, 23, 24)]
    browsers = [
        (box_client(one, done=done), one)
        for one, done in zip(people, (2, 2, 9, 0), strict=True)
    ]
    third, last = people[2:]
    browsers += [(signed_in(people[1]), people[1]), (signed_in(third), third)]
    for name, who, told in (("arrive", 2, CHROMEBOOK), ("paper", 3, "")):
        path = reverse(f"journeys:{name}", args=[people[who].pk])
        browsers[who][0].post(path, {"on": "1"}, HTTP_USER_AGENT=told)
    pause(journey_id=people[1].pk, until=NOW + A_YEAR * 90, who=SYSTEM, now=NOW)
    Journey.objects.filter(pk=third.pk).update(fast_until=NOW + A_YEAR * 90)
    GrantFactory.create(person_id=third.person_id, role=Role.LEAD, department=third.department)
    WrongBox.objects.create(
        device=people[0].loan.device,
        holder=last.person,
        ticket=TicketFactory.create(journey=None, device=people[0].loan.device),
        told_at=NOW,
    )
    Device.objects.filter(pk=people[0].loan.device_id).update(said_elsewhere_at=NOW)
    looking: list[Callable[[], str]] = []
    for client, journey in browsers:
        path = reverse("journeys:overview", args=[journey.pk])
        for told in ({}, {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_USER_AGENT": CHROMEBOOK}):
            looking += [_looking(client, path, kind, told) for kind in ("", "dark.lg.all")]
    return looking


def test_a_whole_way_is_the_same_whoever_looked_before(
    ways: list[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = []
    with monkeypatch.context() as alone:
        alone.setattr(way, "_overview_for_all", lambda _visit, _context: None)
        for look in ways:
            forget()
            cold.append(look())
    assert not kitto_kept.kept_pages
    order = [*range(len(ways))] * 2
    Random(9).shuffle(order)
    forget()
    for number in order:
        assert ways[number]() == cold[number]
    said = "".join(cold)
    for words in (
        "いまは休みの時間です",
        "fast-title",
        "紙で進めています",
        "みんなの進み具合",
        '/swap"',
    ):
        assert words in said
    assert 10 < len(kitto_kept.kept_pages) < len(ways)


def test_nothing_of_one_person_is_kept_of_a_whole_way(ways: list[Callable[[], str]]) -> None:
    forget()
    said = "".join(look() for look in ways)
    drawn = "".join(html for _storage, html in kitto_kept.drawn_once.values())
    drawn += "".join("".join(kept.pieces[::2]) for kept in kitto_kept.kept_pages.values())
    drawn += repr(list(kitto_kept.kept_pages))
    assert "すべての手順" in drawn
    for journey in Journey.objects.select_related("person", "loan__device"):
        for own in (journey.loan.device.code, f"/j/{journey.pk}/"):
            assert own in said
            assert own not in drawn
        assert journey.person.name not in drawn
    assert not ONCE.search(drawn)


# --- the page of a box ------------------------------------------------------------------------------


@pytest.fixture
def boxes(guide: Any) -> list[Callable[[], str]]:
    """Return ways to look at boxes that nobody has begun with: of two departments, waves and places."""
    rollout = RolloutFactory.create(state=RolloutState.OPEN)
    ways: list[Callable[[], str]] = []
    for number in (11, 12, 13):
        one = someone(number, wave=WaveFactory.create(rollout=rollout, note=f"{number}階へ"))
        place = PlaceFactory.create(name=f"別{number}庁舎")
        department = DepartmentFactory.create(name=f"税務{number}課")
        Loan.objects.filter(pk=one.loan_id).update(place=place, department=department)
        Journey.objects.filter(pk=one.pk).update(place=place, department=department)
        Announcement.objects.create(
            text=f"{number}番の会場", place=place, starts_at=NOW - A_YEAR
        )
        path = reverse("journeys:box", args=[one.loan.device.code])
        for told in ({}, {"HTTP_ACCEPT_LANGUAGE": "en"}, {"HTTP_USER_AGENT": CHROMEBOOK}):
            ways += [_looking(Client(), path, cookie, told) for cookie in ("", "dark.lg.all")]
    SiteProfile.objects.update(has_announcements=True)
    return ways


def test_a_box_page_is_the_same_whichever_box_was_looked_at_before(
    boxes: list[Callable[[], str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cold = []
    with monkeypatch.context() as alone:
        alone.setattr(door, "_door_for_all", lambda _request, _context: None)
        for look in boxes:
            forget()
            cold.append(look())
    assert not kitto_kept.kept_pages
    assert len(set(cold)) == len(cold) * 2 // 3  # a Chromebook sees what a phone does
    order = [*range(len(boxes))] * 2
    Random(8).shuffle(order)
    forget()
    for number in order:
        assert boxes[number]() == cold[number]
    assert len(kitto_kept.kept_pages) == 4  # two languages, two looks


def test_nothing_of_one_box_is_kept(boxes: list[Callable[[], str]]) -> None:
    forget()
    said = "".join(look() for look in boxes)
    drawn = "".join(html for _storage, html in kitto_kept.drawn_once.values())
    drawn += "".join("".join(kept.pieces[::2]) for kept in kitto_kept.kept_pages.values())
    drawn += repr(list(kitto_kept.kept_pages))
    assert "職員番号" in drawn
    loans = Loan.objects.select_related("device", "place", "department", "person")
    for loan in loans:
        code = loan.device.code or ""
        for own in (code, shown(code), loan.place.name, f"{loan.place.name[1:3]}番の会場"):  # type: ignore[union-attr]  # each has a place
            assert own in said
            assert own not in drawn
        assert loan.department.name in said
        assert loan.department.name not in drawn
        assert loan.person.name not in said  # type: ignore[union-attr]  # each has a person
    assert not ONCE.search(drawn)


def test_a_door_that_is_slow_or_was_wrong_is_one_browsers_own(waiting: Journey) -> None:
    forget()
    code = waiting.loan.device.code
    path, begin = (reverse(f"journeys:{name}", args=[code]) for name in ("box", "begin"))
    wrong, right = Client(), Client(REMOTE_ADDR="192.0.2.7")
    right.get(path)
    for _try in range(4):
        refused = wrong.post(begin, {"staff_number": "999999"})
    assert refused.status_code == 429
    assert "番号が何回か" in wrong.get(path).content.decode()
    assert "番号が何回か" not in right.get(path).content.decode()
    assert len(kitto_kept.kept_pages) == 1


def test_a_box_page_asks_three_times(
    waiting: Journey, django_assert_max_num_queries: Any
) -> None:
    path = reverse("journeys:box", args=[waiting.loan.device.code])
    Client().get(path)
    with django_assert_max_num_queries(3):
        Client().get(path)


def test_a_staff_number_costs_eighteen_statements(
    waiting: Journey, django_assert_max_num_queries: Any
) -> None:
    box_client(someone(15), done=0)
    client, code = Client(), waiting.loan.device.code
    client.get(reverse("journeys:box", args=[code]))
    with django_assert_max_num_queries(18):  # four of them frame transactions
        client.post(
            reverse("journeys:begin", args=[code]),
            {"staff_number": waiting.person.staff_number},
        )


def test_where_too_much_is_kept_the_older_half_goes(
    waiting: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kitto_kept, "PAGES_MOST", 4)
    client = box_client(waiting, done=5)
    waiting.refresh_from_db()
    forget()
    for row in waiting.step_keys[:6]:
        client.get(reverse("journeys:step", args=[waiting.pk, row[0]]))
    assert len(kitto_kept.kept_pages) == 4  # four, then the newer two of them and two more
