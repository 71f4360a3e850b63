"""What people read while the database is away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.core.handlers.exception import convert_exception_to_response
from django.db import DatabaseError, InterfaceError, OperationalError
from django.test import RequestFactory
from django.utils import translation

from kitting.monitor.middleware import page_before

if TYPE_CHECKING:
    from django.http import HttpResponse


def answer(error: Exception, method: str = "get", **headers: str) -> HttpResponse:
    """Answer as Django does when a view meets a fault."""

    def view(_request: object) -> HttpResponse:
        raise error

    request = getattr(RequestFactory(), method)("/j/1/s/check-box/done", headers=headers)
    with translation.override("ja"):
        found: HttpResponse = convert_exception_to_response(view)(request)
    return found


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_said_to_be_so_and_when_to_ask_again(error) -> None:
    said = answer(error("server closed the connection"))
    assert (said.status_code, said["Retry-After"]) == (503, "10")
    assert "いま手入れをしています" in said.content.decode()


def test_the_page_speaks_as_the_browser_wishes_without_asking_who_it_is() -> None:
    said = answer(OperationalError(), accept_language="en-GB,en;q=0.9")
    assert '<html lang="en">' in said.content.decode()
    said = answer(OperationalError(), accept_language="en", cookie="django_language=ja")
    assert '<html lang="ja">' in said.content.decode()


def test_any_other_fault_is_a_fault() -> None:
    assert answer(DatabaseError("no such table")).status_code == 500
    assert answer(ZeroDivisionError()).status_code == 500


@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("http://testserver//evil.example/a", "/evil.example/a"),
        ("http://testserver/j/1/s/check-box/?after=x", "/j/1/s/check-box/"),
        ("https://elsewhere.example/j/1/", "/"),
        ("", "/"),
        ("//testserver", "/"),
    ],
)
def test_who_sent_a_form_is_led_back_to_its_page(referer: str, leads_to: str) -> None:
    request = RequestFactory().post(
        "/j/1/s/check-box/done", headers={"host": "testserver", "referer": referer}
    )
    assert page_before(request) == leads_to
    said = answer(OperationalError(), "post", host="testserver", referer=referer)
    assert f'href="{leads_to}"' in said.content.decode()
