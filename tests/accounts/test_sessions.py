"""A session is found as long as it lasts, and is the one that Django writes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.test import Client

from accounts import sessions
from accounts.sessions import SessionStore

if TYPE_CHECKING:
    from typing import Any

pytestmark = pytest.mark.django_db


def begun(**words: str) -> str:
    store = SessionStore()
    store.update(words)
    store.save()
    return str(store.session_key)


def test_what_was_kept_is_found_by_one_question(django_assert_num_queries: Any):
    key = begun(name="kept")
    with django_assert_num_queries(1):
        assert dict(SessionStore(key).items()) == {"name": "kept"}
    assert dict(db.SessionStore(key).items()) == {"name": "kept"}


@pytest.mark.parametrize("key", [None, "", "nobody-has-this-one", "it's; --"])
def test_an_unknown_key_is_nobodys_and_is_never_taken_over(key: str | None):
    store = SessionStore(key)
    assert not list(store.items())
    store["name"] = "new"
    store.save()
    assert store.session_key != key


def test_a_session_that_ran_out_is_found_no_more():
    key = begun(name="old")
    row = Session.objects.get(pk=key)
    row.expire_date -= timedelta(days=400)
    row.save()
    store = SessionStore(key)
    assert not list(store.items())
    assert store.session_key is None


def test_what_came_with_another_question_is_asked_for_no_more(django_assert_num_queries: Any):
    key = begun(name="kept")
    row = Session.objects.get(pk=key)
    with django_assert_num_queries(0):
        store = SessionStore(key)
        store.take(row.session_data, until=row.expire_date)
        assert dict(store.items()) == {"name": "kept"}
        late = SessionStore(key)
        late.take(row.session_data, until=row.expire_date - timedelta(days=400))
        assert not list(late.items())
        assert late.session_key is None
    store = SessionStore(key)
    store.take(None, until=None)
    assert dict(store.items()) == {"name": "kept"}


@pytest.mark.parametrize(
    "cookie", ['"\\000abcdefgh"', '"abcdefgh\\000"', "ab/cd'ef--gh", "x" * 9000]
)
def test_a_cookie_that_names_no_session_opens_the_page_of_a_stranger(
    cookie: str, django_assert_max_num_queries: Any
):
    browser = Client()
    with django_assert_max_num_queries(4):
        page = browser.get("/", headers={"cookie": f"{settings.SESSION_COOKIE_NAME}={cookie}"})
    assert page.status_code == 200


def test_a_key_that_is_drawn_twice_is_drawn_again(monkeypatch: pytest.MonkeyPatch):
    taken = begun(name="first")
    drawn = iter([taken, "b" * 32])
    monkeypatch.setattr(sessions, "get_random_string", lambda *_of: next(drawn))
    assert begun(name="second") == "b" * 32
    assert dict(SessionStore(taken).items()) == {"name": "first"}
