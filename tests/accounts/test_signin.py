"""Signing in by a code from the mail: whoever is on the roll, nobody else, and no word about it."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import Resolver404, resolve

from accounts.models import Throttle
from kitting.notices.models import Notice
from kitting.notices.states import Lane, NoticeState
from kitting.notices.tasks import deliver_sign_in
from tests.factories import UserFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from accounts.models import User

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"
CONFIRM = "/accounts/login/code/confirm/"
CODE = re.compile(r"\b\d{4}-\d{4}\b")


def ask(client: Client, email: str, **extra: str) -> Any:
    return client.post(LOGIN, {"email": email, **extra})


def code_by_mail() -> str:
    deliver_sign_in()
    found = CODE.search(str(mail.outbox[-1].body))
    assert found
    return found[0]


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def shape(response: Any) -> tuple[int, str]:
    return response.status_code, response.headers.get("Location", "")


# --- the way in ----------------------------------------------------------------------------------


def test_a_code_from_the_mail_signs_in(client: Client) -> None:
    person = UserFactory.create()
    assert client.get(LOGIN).status_code == 200
    assert shape(ask(client, person.email)) == (302, CONFIRM)
    assert client.get(CONFIRM).status_code == 200
    assert not is_signed_in(client)
    answer = client.post(CONFIRM, {"code": code_by_mail()})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert client.session["_auth_user_id"] == str(person.pk)
    assert [m.to for m in mail.outbox] == [[person.email]]


WIDE = str.maketrans("0123456789@-", "０１２３４５６７８９＠－")  # noqa: RUF001  # full-width on purpose


@pytest.mark.parametrize(
    "write", [str, str.upper, lambda text: f" {text} ", lambda text: text.translate(WIDE)]
)
@pytest.mark.parametrize(
    "type_in",
    [
        lambda code: code.replace("-", " "),
        lambda code: code.replace("-", ""),
        lambda code: code.translate(WIDE),
    ],
)
def test_address_and_code_may_be_written_as_people_write(
    client: Client, write: Callable[[str], str], type_in: Callable[[str], str]
) -> None:
    person = UserFactory.create(email="Kenta.Koike@asahi.example.jp")
    ask(client, write(person.email))
    client.post(CONFIRM, {"code": type_in(code_by_mail())})
    assert is_signed_in(client)


def test_the_mail_speaks_the_language_of_the_page(client: Client) -> None:
    person = UserFactory.create(language="ja")
    client.cookies["django_language"] = "en"
    ask(client, person.email)
    code_by_mail()
    assert mail.outbox[-1].subject == "Your sign-in code"
    assert mail.outbox[-1].extra_headers["Content-Language"] == "en"


def test_the_code_is_erased_once_it_has_left(client: Client) -> None:
    person = UserFactory.create()
    ask(client, person.email)
    code_by_mail()
    notice = Notice.objects.get(lane=Lane.SIGN_IN)
    assert (notice.state, notice.body, notice.person) == (NoticeState.SENT, "", person)


def test_a_code_works_for_ten_minutes() -> None:
    person = UserFactory.create()
    for minutes, works in ((9, True), (11, False)):
        client = Client()
        with time_machine.travel("2026-11-10 01:00:00+00:00", tick=False) as clock:
            ask(client, person.email)
            code = Notice.objects.filter(lane=Lane.SIGN_IN).order_by("-pk")[0].body
            found = CODE.search(code)
            assert found
            clock.shift(timedelta(minutes=minutes))
            client.post(CONFIRM, {"code": found[0]})
            assert is_signed_in(client) is works


def test_signing_out_takes_a_press(client: Client) -> None:
    client.force_login(UserFactory.create())
    assert client.get("/accounts/logout/").status_code == 200
    assert is_signed_in(client)
    assert client.post("/accounts/logout/").status_code == 302
    assert not is_signed_in(client)


def test_who_is_signed_in_is_led_on(client: Client) -> None:
    client.force_login(UserFactory.create())
    answer = client.get(LOGIN)
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_wished_page_comes_after_sign_in_if_it_is_ours() -> None:
    person = UserFactory.create()
    for wish, reached in (("/dashboard/", "/dashboard/"), ("https://evil.example/", "/")):
        client = Client()
        answer = ask(client, person.email, next=wish)
        code = code_by_mail()
        answer = client.post(answer["Location"], {"code": code})
        assert answer["Location"] == reached


# --- nobody learns who is on the roll ------------------------------------------------------------


def answers(client: Client, email: str) -> list[tuple[int, str, str]]:
    found = []
    for response in (
        ask(client, email),
        client.get(CONFIRM),
        client.post(CONFIRM, {"code": "0000-0000"}),
    ):
        text = re.sub(
            r'(csrfmiddlewaretoken" value|nonce)="[^"]*"', "", response.content.decode()
        )
        found.append((*shape(response), text.replace(email, "ADDRESS")))
    return found


def test_an_unknown_address_gets_the_same_pages_and_leaves_nothing() -> None:
    person = UserFactory.create()
    known = answers(Client(), person.email)
    before = Notice.objects.count()
    unknown = answers(Client(), "nobody@asahi.example.jp")
    assert unknown == known
    assert Notice.objects.count() == before
    deliver_sign_in()
    assert len(mail.outbox) == 1


def test_an_unknown_address_costs_the_same_work() -> None:
    person = UserFactory.create()

    def statements(email: str) -> list[str]:
        client = Client()
        with CaptureQueriesContext(connection) as captured:
            ask(client, email)
            client.get(CONFIRM)
            client.post(CONFIRM, {"code": "0000-0000"})
        # Without what differs from one call to the next: texts, numbers, nothing.
        sql = [query["sql"] for query in captured if "SAVEPOINT" not in query["sql"]]
        return sorted(re.sub(r"'(?:[^']|'')*'|\b\d+\b|NULL", "?", one) for one in sql)

    known, unknown = statements(person.email), statements("nobody@asahi.example.jp")
    assert known == unknown
    assert [one for one in known if one.startswith('INSERT INTO "kitting_notice"')]


def test_nobody_gets_in_with_the_code_of_an_unknown_address(client: Client) -> None:
    ask(client, "nobody@asahi.example.jp")
    for guess in ("", "-", "0000-0000"):
        assert client.post(CONFIRM, {"code": guess}).status_code == 422
    assert not is_signed_in(client)


# --- who has left --------------------------------------------------------------------------------


@pytest.mark.parametrize("gone", [{"left_on": date(2026, 3, 31)}, {"is_active": False}])
def test_who_left_gets_the_same_page_and_no_code(gone: dict[str, object]) -> None:
    UserFactory.create(email="gone@asahi.example.jp", **gone)
    unknown = answers(Client(), "nobody@asahi.example.jp")
    assert answers(Client(), "gone@asahi.example.jp") == unknown
    deliver_sign_in()
    assert mail.outbox == []


def test_who_leaves_with_a_code_in_hand_is_refused(client: Client) -> None:
    person: User = UserFactory.create()
    ask(client, person.email)
    code = code_by_mail()
    person.left_on = date(2026, 11, 9)
    person.save()
    assert shape(client.post(CONFIRM, {"code": code})) == (302, LOGIN)
    assert not is_signed_in(client)


def test_who_leaves_is_out_with_the_next_request(client: Client) -> None:
    person: User = UserFactory.create()
    client.force_login(person)
    assert client.get("/accounts/logout/").status_code == 200
    person.left_on = date(2026, 11, 9)
    person.save()
    assert client.get("/accounts/logout/").status_code == 302


# --- limits --------------------------------------------------------------------------------------


def test_a_whole_office_behind_one_address_gets_its_codes() -> None:
    for person in UserFactory.create_batch(30):
        client = Client()
        assert shape(ask(client, person.email)) == (302, CONFIRM)
        client.post(CONFIRM, {"code": code_by_mail()})
        assert is_signed_in(client)


def test_one_address_is_sent_five_codes_in_ten_minutes() -> None:
    person, other = UserFactory.create_batch(2)
    for _ in range(5):
        assert ask(Client(), person.email).status_code == 302
    assert ask(Client(), person.email).status_code == 422
    assert ask(Client(), person.email.upper()).status_code == 422
    assert ask(Client(), other.email).status_code == 302


def test_who_is_pestered_from_elsewhere_still_gets_a_code() -> None:
    person = UserFactory.create()
    for _ in range(8):
        ask(Client(REMOTE_ADDR="203.0.113.9"), person.email)
    assert ask(Client(REMOTE_ADDR="198.51.100.7"), person.email).status_code == 302


def test_five_wrong_guesses_end_a_code(client: Client) -> None:
    person = UserFactory.create()
    ask(client, person.email)
    code = code_by_mail()
    wrong = "0000-0000" if code != "0000-0000" else "1111-1111"
    for _ in range(4):
        assert client.post(CONFIRM, {"code": wrong}).status_code == 422
    assert client.post(CONFIRM, {"code": wrong}).status_code == 302
    client.post(CONFIRM, {"code": code})
    assert not is_signed_in(client)


def test_guesses_that_come_back_to_an_old_session_are_counted_all_the_same(
    client: Client,
) -> None:
    # Many guesses at once all read the session before any of them has counted in it.
    person = UserFactory.create()
    ask(client, person.email)
    code = code_by_mail()
    wrong = "0000-0000" if code != "0000-0000" else "1111-1111"
    stashed = dict(client.session)
    for _ in range(10):
        session = client.session
        session.update(stashed)
        session.save()
        client.post(CONFIRM, {"code": wrong})
    session = client.session
    session.update(stashed)
    session.save()
    client.post(CONFIRM, {"code": code})
    assert not is_signed_in(client)


def test_the_counters_do_not_give_away_who_asked(client: Client) -> None:
    person = UserFactory.create()
    ask(client, person.email)
    kept = " ".join(Throttle.objects.values_list("key", flat=True))
    assert kept
    assert person.email not in kept
    assert "127.0.0.1" not in kept


# --- nothing else of allauth ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "",
        "signup/",
        "password/reset/",
        "password/change/",
        "email/",
        "3rdparty/",
        "inactive/",
        "2fa/",
    ],
)
def test_no_other_page_of_allauth_is_there(path: str) -> None:
    with pytest.raises(Resolver404):
        resolve(f"/accounts/{path}")


def test_a_password_opens_nothing(client: Client) -> None:
    person: User = UserFactory.create()
    person.set_password("correct horse")
    person.save()
    client.post(
        LOGIN, {"email": person.email, "login": person.email, "password": "correct horse"}
    )
    assert not is_signed_in(client)
