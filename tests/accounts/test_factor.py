"""The second step: asked of IT before any page of IT answers, and of nobody by surprise."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value
from django.test import Client

from accounts.doors import reset_second_factor
from accounts.models import AuditEntry, SignIn, Throttle
from accounts.states import Door, Role
from kitting.notices.models import Notice
from kitting.site.queries import wall_clock
from tests.factories import GrantFactory, UserFactory
from tests.passkeys import SoftKey

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db
CODE = re.compile(r"\b\d{4}-\d{4}\b")
APP, KEY = "/accounts/second-step/app/", "/accounts/second-step/passkey/"
IT_PAGE = "/settings/hours/"


@pytest.fixture
def _required(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = True


@pytest.fixture
def it() -> User:
    return GrantFactory.create(role=Role.IT).person


def first_step(person: User) -> Client:
    """Sign in by mail, as far as that goes."""
    client = Client(headers={"accept-language": "ja"})
    client.post("/accounts/login/", {"email": person.email})
    body = Notice.objects.filter(person=person).order_by("-pk")[0].body
    found = CODE.search(body)
    assert found
    client.answer = client.post("/accounts/login/code/confirm/", {"code": found[0]})
    return client


def app_code(secret: str, at: float) -> str:
    return f"{hotp_value(secret, int(at) // 30):06d}"


def set_up_app(client: Client, clock: time_machine.Traveller) -> str:
    page = client.get(APP).content.decode()
    secret = re.search(r'secret">([A-Z2-7]+)<', page)
    assert secret
    now = __import__("time").time()
    answer = client.post(APP, {"code": app_code(secret[1], now)})
    assert answer["Location"] == "/accounts/second-step/codes/"
    return secret[1]


@pytest.fixture
def clock() -> Any:
    with time_machine.travel("2026-11-10 01:00:00+00:00", tick=False) as found:
        yield found


# --- before any page of IT answers ---------------------------------------------------------------


@pytest.mark.usefixtures("_required")
@pytest.mark.parametrize("role", [Role.IT, Role.IT_LEAD, Role.AUDITOR])
def test_it_sets_up_a_second_step_before_any_of_its_pages_answers(
    role: Role, clock: time_machine.Traveller
) -> None:
    person = GrantFactory.create(role=role).person
    page = IT_PAGE if role != Role.AUDITOR else "/accounts/roles/"
    client = first_step(person)
    assert client.answer["Location"] == "/accounts/second-step/"
    answer = client.get(page)
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/accounts/second-step/?next={page.replace('/', '%2F')}",
    )
    assert client.post(page, {}).status_code in (302, 405)
    set_up_app(client, clock)
    assert client.get(page).status_code == 200
    assert AuditEntry.objects.filter(action="factor.added", actor=person).exists()


@pytest.mark.usefixtures("_required")
def test_who_holds_no_guarded_role_is_asked_for_nothing() -> None:
    client = first_step(UserFactory.create())
    assert client.answer["Location"] == "/"
    assert client.get("/").status_code == 200


@pytest.mark.usefixtures("_required")
def test_a_session_from_before_opens_nothing_of_its(it: User) -> None:
    stolen = Client()
    stolen.force_login(it)
    Authenticator.objects.create(user=it, type="totp", data={"secret": "x"})
    answer = stolen.get(IT_PAGE)
    assert answer["Location"].startswith("/accounts/again/code/?next=")


def test_where_it_is_not_required_its_pages_answer(it: User) -> None:
    client = first_step(it)
    assert client.get(IT_PAGE).status_code == 200


# --- the app -------------------------------------------------------------------------------------


def test_the_app_is_asked_at_the_next_sign_in_and_its_code_works_once(
    it: User, clock: time_machine.Traveller
) -> None:
    secret = set_up_app(first_step(it), clock)
    clock.shift(60)
    client = first_step(it)
    assert client.answer["Location"] == "/accounts/login/second-step/"
    assert "_auth_user_id" not in client.session
    code = app_code(secret, __import__("time").time())
    client.post("/accounts/login/second-step/", {"code": code})
    assert client.session["_auth_user_id"] == str(it.pk)
    again = first_step(it)
    assert again.post("/accounts/login/second-step/", {"code": code}).status_code == 422
    assert "_auth_user_id" not in again.session


def test_secrets_are_not_readable_in_the_database(
    it: User, clock: time_machine.Traveller
) -> None:
    secret = set_up_app(first_step(it), clock)
    kept = json.dumps(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in kept


def test_wrong_codes_are_counted_before_they_are_judged(
    it: User, clock: time_machine.Traveller
) -> None:
    secret = set_up_app(first_step(it), clock)
    clock.shift(60)
    client = first_step(it)
    for _n in range(10):
        client.post("/accounts/login/second-step/", {"code": "000000"})
    right = app_code(secret, __import__("time").time())
    answer = client.post("/accounts/login/second-step/", {"code": right})
    assert answer.status_code == 422
    assert "_auth_user_id" not in client.session
    clock.shift(timedelta(minutes=11))
    client = first_step(it)
    right = app_code(secret, __import__("time").time())
    client.post("/accounts/login/second-step/", {"code": right})
    assert "_auth_user_id" in client.session
    assert not Throttle.objects.filter(key=f"factor:{it.pk}").exists()


def test_recovery_codes_are_shown_once_and_work_once(
    it: User, clock: time_machine.Traveller
) -> None:
    client = first_step(it)
    set_up_app(client, clock)
    page = client.get("/accounts/second-step/codes/").content.decode()
    codes = re.findall(r'class="code">(\d{5}) (\d{5})<', page)
    assert len(codes) == 10
    again = client.get("/accounts/second-step/codes/").content.decode()
    assert codes[0][0] not in again
    typed = " ".join(codes[0])
    for outcome in (True, False):
        other = first_step(it)
        other.post("/accounts/login/second-step/", {"code": typed})
        assert ("_auth_user_id" in other.session) is outcome


# --- passkeys ------------------------------------------------------------------------------------


def add_passkey(client: Client, key: SoftKey) -> Any:
    page = client.get(KEY).content.decode()
    found = re.search(r'application/json">(.*?)</script>', page)
    assert found
    answer = key.create(json.loads(found[1])["creation_options"])
    return client.post(KEY, {"name": "", "credential": json.dumps(answer)})


def by_passkey(key: SoftKey, **how: str) -> Client:
    client = Client(headers={"user-agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/150.0"})
    options = client.post("/accounts/login/passkey/options/").json()["request_options"]
    answer = json.dumps(key.get(options, **how))
    client.post("/accounts/login/passkey/", {"credential": answer})
    return client


@pytest.mark.usefixtures("_required")
def test_a_passkey_signs_in_alone_and_opens_its_pages(it: User) -> None:
    key = SoftKey()
    assert add_passkey(first_step(it), key)["Location"] == "/accounts/second-step/codes/"
    client = by_passkey(key)
    assert client.session["_auth_user_id"] == str(it.pk)
    assert client.get(IT_PAGE).status_code == 200
    row = SignIn.objects.get(session_key=client.session.session_key)
    assert (row.door, row.browser, row.person) == (Door.PASSKEY, "Chrome (Windows)", it)


def test_a_passkey_that_asks_for_nothing_is_no_second_step(it: User) -> None:
    assert add_passkey(first_step(it), SoftKey(verifies=False)).status_code == 422
    assert not Authenticator.objects.exists()


def test_a_strange_key_and_a_strange_site_open_nothing(it: User) -> None:
    key = SoftKey()
    add_passkey(first_step(it), key)
    strange = SoftKey()
    strange.user, strange.id = key.user, key.id
    for client in (by_passkey(strange), by_passkey(key, origin="https://evil.example")):
        assert "_auth_user_id" not in client.session


def test_who_left_signs_in_with_no_passkey(it: User) -> None:
    key = SoftKey()
    add_passkey(first_step(it), key)
    it.is_active = False
    it.save()
    assert "_auth_user_id" not in by_passkey(key).session


# --- lost ----------------------------------------------------------------------------------------


def test_another_it_lead_forgets_a_lost_second_step(
    it: User, clock: time_machine.Traveller
) -> None:
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    mine = first_step(it)
    set_up_app(mine, clock)
    client = Client()
    client.force_login(lead)
    assert client.post(f"/accounts/roles/{lead.pk}/factor/").status_code == 403
    assert client.post(f"/accounts/roles/{it.pk}/factor/").status_code == 302
    assert not Authenticator.objects.exists()
    assert mine.get("/accounts/second-step/").status_code == 302
    assert AuditEntry.objects.get(action="factor.reset").actor == lead


# --- a session of IT ends by itself --------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "pauses", "stays"),
    [(59, 1, True), (61, 1, False), (50, 14, True), (50, 15, False)],
)
def test_a_session_of_it_ends_when_idle_and_after_twelve_hours(
    it: User, clock: time_machine.Traveller, minutes: int, pauses: int, stays: bool
) -> None:
    client = first_step(it)
    for _n in range(pauses):
        clock.shift(timedelta(minutes=minutes))
        answer = client.get(IT_PAGE)
    assert (answer.status_code == 200) is stays
    assert ("_auth_user_id" in client.session) is stays


def test_a_session_of_everybody_else_goes_on(clock: time_machine.Traveller) -> None:
    client = first_step(UserFactory.create())
    clock.shift(timedelta(hours=20))
    assert client.get("/accounts/browsers/").status_code == 200


def test_nobody_stays_signed_in_for_ever_however_often_they_come(
    clock: time_machine.Traveller,
) -> None:
    client = first_step(UserFactory.create())
    for _day in range(14):
        clock.shift(timedelta(days=1))
        client.post("/language/", {"language": "ja"})
        assert client.get("/accounts/browsers/").status_code == 200
        client.session.save()  # whatever writes a session gives its row new days
    clock.shift(timedelta(minutes=1))
    assert client.get("/accounts/browsers/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_signing_in_gives_the_session_a_new_key(it: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"email": it.email})
    before = client.session.session_key
    found = CODE.search(Notice.objects.filter(person=it).order_by("-pk")[0].body)
    assert found
    client.post("/accounts/login/code/confirm/", {"code": found[0]})
    assert client.session["_auth_user_id"] == str(it.pk)
    assert client.session.session_key != before


def test_a_new_proof_gives_the_session_a_new_key(
    it: User, clock: time_machine.Traveller
) -> None:
    client = first_step(it)
    secret = set_up_app(client, clock)
    before = client.session.session_key
    clock.shift(timedelta(minutes=6))
    now = __import__("time").time()
    answer = client.post("/accounts/again/code/", {"code": app_code(secret, now)})
    assert answer.status_code == 302
    after = client.session.session_key
    assert after != before
    assert SignIn.objects.get(person=it).session_key == after
    assert client.get("/accounts/browsers/").status_code == 200
    thief = Client()
    thief.cookies["kitto_session"] = str(before)
    assert thief.get("/accounts/browsers/").status_code == 302


def test_whoever_owns_a_second_step_is_told_when_it_changes(
    it: User, clock: time_machine.Traveller, django_capture_on_commit_callbacks: Any
) -> None:
    def told() -> list[str]:
        found = Notice.objects.filter(person=it, kind="factor_changed").order_by("pk")
        return [notice.body for notice in found]

    client = first_step(it)
    with django_capture_on_commit_callbacks(execute=True):
        set_up_app(client, clock)
    assert "アプリ" in told()[0]
    with django_capture_on_commit_callbacks(execute=True):
        add_passkey(client, SoftKey())
    assert "パスキー" in told()[-1]
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post("/accounts/second-step/app/drop/").status_code == 302
    assert "消され" in told()[-1]
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    assert reset_second_factor(person=it, by=lead, now=wall_clock())
    assert "IT 責任者" in told()[-1]
    assert not Notice.objects.filter(kind="factor_changed").exclude(address=it.email).exists()
