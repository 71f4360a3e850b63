"""A whole city hall behind one address gets in; three hundred wrong secrets do not."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.actions import count_try, forgive_tries
from accounts.models import Throttle, User
from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import enter_by_box
from kitting.notices.models import Notice
from tests.factories import NOW, JourneyFactory, LoanFactory, UserFactory, shipped_guide

if TYPE_CHECKING:
    from collections.abc import Callable

FIVE = timedelta(minutes=5)
ONE_ADDRESS = "192.0.2.10"
CODE = re.compile(r"\b\d{4}-\d{4}\b")
HOW_MANY = [40, pytest.param(2650, marks=pytest.mark.long)]
AT_ONCE, WRONG, EVALUATED_MOST = 16, 300, 10


def at_once(what: Callable[[int], Any], times: int) -> list[Any]:
    """Do something many times, sixteen at a time, each with a connection of its own."""

    def one(n: int) -> Any:
        try:
            return what(n)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(times)))


# --- right ones are never refused ----------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("people", HOW_MANY)
def test_everybody_of_a_city_signs_in_from_one_address_at_once(people: int) -> None:
    refused = []
    for person in UserFactory.create_batch(people):
        client = Client(REMOTE_ADDR=ONE_ADDRESS)
        client.post("/accounts/login/", {"email": person.email})
        found = CODE.search(Notice.objects.get(person=person).body)
        assert found
        client.post("/accounts/login/code/confirm/", {"code": found[0]})
        refused += [] if "_auth_user_id" in client.session else [person]
    assert refused == []


@pytest.mark.django_db
@pytest.mark.parametrize("people", HOW_MANY)
def test_everybody_of_a_city_opens_a_box_from_one_address_at_once(people: int) -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    outcomes = set()
    for _n in range(people):
        loan = JourneyFactory.create(loan=LoanFactory.create()).loan
        entry = enter_by_box(
            code=loan.device.code,
            staff_number=loan.person.staff_number,
            client=ONE_ADDRESS,
            now=NOW,
            window=FIVE,
        )
        outcomes.add(entry.outcome)
    assert outcomes == {"open"}


@pytest.mark.django_db
def test_a_try_is_one_statement_and_its_window_begins_anew_when_it_is_over() -> None:
    def tried(key: str, minutes: float) -> bool:
        at = NOW + timedelta(minutes=minutes)
        with CaptureQueriesContext(connection) as asked:
            within = count_try(key=key, limit=2, window=FIVE, now=at)
        assert len(asked) == 1
        return within

    assert [tried("one", 0), tried("one", 4.9), tried("one", 4.99)] == [True, True, False]
    assert tried("other", 4.99)
    kept = Throttle.objects.get(key="one")
    assert (kept.count, kept.expires_at) == (2, NOW + FIVE)  # a try too many prolongs nothing
    assert [tried("one", 5), tried("one", 9.9), tried("one", 9.99)] == [True, True, False]
    assert Throttle.objects.get(key="one").expires_at == NOW + 2 * FIVE
    forgive_tries(keys=["one", "two"])
    assert list(Throttle.objects.values_list("key", flat=True)) == ["other"]


@pytest.mark.django_db(transaction=True)
def test_of_many_tries_at_once_no_more_than_the_limit_are_let_through() -> None:
    tries = at_once(lambda _n: count_try(key="x", limit=10, window=FIVE, now=NOW), 60)
    assert sum(tries) == 10
    later = at_once(lambda _n: count_try(key="x", limit=10, window=FIVE, now=NOW + FIVE), 60)
    assert sum(later) == 10


# --- wrong ones are counted before they are judged -----------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_three_hundred_wrong_numbers_at_one_box_ten_are_looked_at() -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    loan = JourneyFactory.create(loan=LoanFactory.create()).loan

    def guess(n: int) -> str:
        return enter_by_box(
            code=loan.device.code,
            staff_number=f"9{n:05d}",
            client=ONE_ADDRESS,
            browser=f"new browser {n}",
            now=NOW,
            window=FIVE,
        ).outcome

    outcomes = at_once(guess, WRONG)
    assert set(outcomes) == {"wrong", "slow"}
    assert 0 < outcomes.count("wrong") <= EVALUATED_MOST


@pytest.mark.django_db(transaction=True)
def test_of_wrong_codes_for_one_account_ten_are_looked_at() -> None:
    person = UserFactory.create()
    browsers = [Client(headers={"accept-language": "en"}) for _n in range(5)]
    for client in browsers:
        client.post("/accounts/login/", {"email": person.email})

    def guess(n: int) -> bool:
        client = Client(headers={"accept-language": "en"})
        client.cookies = browsers[n % len(browsers)].cookies.copy()
        answer = client.post("/accounts/login/code/confirm/", {"code": f"{n:08d}"})
        return "This is not the code" in answer.content.decode()

    looked_at = at_once(guess, 100)
    assert 0 < sum(looked_at) <= EVALUATED_MOST
    body = Notice.objects.filter(person=person).latest("pk").body
    found = CODE.search(body)
    assert found
    answer = browsers[-1].post("/accounts/login/code/confirm/", {"code": found[0]})
    assert answer.status_code in (302, 422)
    assert "_auth_user_id" not in browsers[-1].session


# --- nothing tells a known number from an unknown one --------------------------------------------


@pytest.mark.django_db
def test_a_known_and_an_unknown_number_are_alike_in_text_status_and_statements() -> None:
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    loan = JourneyFactory.create(loan=LoanFactory.create()).loan
    known = UserFactory.create().staff_number
    found = []
    for number in (known, "999999"):
        client = Client(REMOTE_ADDR=f"192.0.2.{len(found) + 1}")
        page = f"/d/{loan.device.code}"
        client.get(page)
        with CaptureQueriesContext(connection) as captured:
            answer = client.post(f"{page}/begin", {"staff_number": number})
        text = re.sub(
            r'(csrfmiddlewaretoken" value|nonce)="[^"]*"', "", answer.content.decode()
        )
        sql = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in captured]
        found.append((answer.status_code, text.replace(str(number), "NUMBER"), sql))
    assert found[0] == found[1]


# --- a lost cache or broker neither opens nor closes a door --------------------------------------


@pytest.mark.django_db
def test_sessions_and_counters_outlive_every_cache() -> None:
    person = UserFactory.create()
    client = Client()
    client.force_login(person)
    for _n in range(5):
        Client().post("/accounts/login/", {"email": person.email})
    cache.clear()
    assert client.get("/accounts/browsers/").status_code == 200
    assert Client().post("/accounts/login/", {"email": person.email}).status_code == 422
    assert Throttle.objects.exists()
    assert User.objects.get(pk=person.pk).session_epoch == 0
