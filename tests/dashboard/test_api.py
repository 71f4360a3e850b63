"""The board for programs and for a wall: by token, numbers only, as described, and cheap to ask again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jsonschema
import pytest
import requests
import schemathesis
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, settings
from openapi_spec_validator import validate
from schemathesis.core.transport import Response

from accounts import tokens
from accounts.models import User
from accounts.states import Role, TokenKind, TokenScope
from kitting.dashboard.views.api import DESCRIPTION, PARTS
from kitting.journeys.models import Journey
from tests.dashboard.test_golden import NOW
from tests.examples import examples
from tests.factories import GrantFactory, UserFactory

if TYPE_CHECKING:
    from tests.dashboard.test_golden import GoldenCity

pytestmark = pytest.mark.django_db
DESCRIBED = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
QUESTIONS = [path.rpartition("/")[2] for path in DESCRIBED["paths"]]


def token_for(scope: TokenScope, kind: TokenKind = TokenKind.API) -> str:
    values = tokens.TokenValues(kind=kind, label="a", days=30, scope=scope)
    return tokens.make_token(values=values, by=UserFactory.create(), now=NOW)[1]


def program(scope: TokenScope) -> Client:
    return Client(headers={"authorization": f"Bearer {token_for(scope)}"})


@pytest.fixture
def it(golden: GoldenCity) -> Client:
    return program(TokenScope.IT)


@pytest.fixture
def numbers(golden: GoldenCity) -> Client:
    return program(TokenScope.NUMBERS)


def ask(client: Client, question: str, **headers: str) -> Any:
    answer = client.get(f"/api/v1/{question}", headers=headers)
    return answer.json()


# --- as described ---------------------------------------------------------------------------------


def test_the_description_is_valid_and_names_every_question() -> None:
    validate(DESCRIBED)
    assert sorted(QUESTIONS) == sorted([*PARTS, "waves"])
    assert Client().get("/api/openapi.json").json() == DESCRIBED


@pytest.mark.parametrize("scope", TokenScope)
def test_every_answer_is_as_described(golden: GoldenCity, scope: TokenScope) -> None:
    client = program(scope)
    for question in QUESTIONS:
        answers = DESCRIBED["paths"][f"/api/v1/{question}"]["get"]["responses"]
        schema = answers["200"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": DESCRIBED["components"]}
        answer = client.get(f"/api/v1/{question}")
        assert answer.status_code == 200, question
        jsonschema.validate(answer.json(), whole)


schema = schemathesis.openapi.from_dict(DESCRIBED)
# Every border of every parameter, one by one: hundreds of requests.
schema.config.phases.coverage.enabled = examples(1) > 1
WHOLE = [
    schemathesis.checks.not_a_server_error,
    schemathesis.specs.openapi.checks.status_code_conformance,
    schemathesis.specs.openapi.checks.content_type_conformance,
    schemathesis.specs.openapi.checks.response_schema_conformance,
]


@schema.parametrize()
@settings(
    max_examples=examples(4),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_a_program_asks_is_answered_as_described(
    case: schemathesis.Case, golden: GoldenCity
) -> None:
    if not hasattr(golden, "token"):
        golden.token = token_for(TokenScope.IT)  # type: ignore[attr-defined]  # kept for all examples
    said = {"Authorization": f"Bearer {golden.token}"}  # type: ignore[attr-defined]  # see above
    case.validate_response(asked_by_client(case, said), checks=WHOLE)


def asked_by_client(case: schemathesis.Case, headers: dict[str, str]) -> Response:
    """Ask through Django's own client: it leaves the database of the test open."""
    address = f"{case.formatted_path}?{urlencode(case.query or {}, doseq=True)}"
    answer = Client().generic(case.method, address, headers=headers)
    asked = requests.Request(case.method, f"http://testserver{address}", headers=headers)
    return Response(
        status_code=answer.status_code,
        headers={name.lower(): [value] for name, value in answer.headers.items()},
        content=answer.content,
        request=asked.prepare(),
        elapsed=0.1,
        verify=False,
        message=answer.reason_phrase,
        encoding="utf-8",
        http_version="1.1",
    )


# --- what is said ---------------------------------------------------------------------------------


def test_the_figures_are_those_of_the_board(it: Client, golden: GoldenCity) -> None:
    found = ask(it, "overview")
    assert (found["people"], found["ready"], found["planned"], found["gap"]) == (20, 11, 15, -4)
    assert (found["ready_percent"], found["forecast"]) == (55.0, "2026-11-25")
    assert found["minutes_to_ready"] == {"median": 40, "nine_in_ten": 60}
    of_department = {row["name"]: row for row in ask(it, "departments")["departments"]}
    assert (of_department["保育課"]["ready"], of_department["保育課"]["gap"]) == (4, -4)
    steps = {row["key"]: row for row in ask(it, "steps")["steps"]}
    assert (steps["connect-wifi"]["reached"], steps["connect-wifi"]["here"]) == (15, 2)
    days = {row["day"]: row for row in ask(it, "days")["days"]}
    assert days["2026-11-17"] == {"day": "2026-11-17", "ready": 11, "planned": 15}
    assert (ask(it, "tickets")["overdue"], ask(it, "tickets")["people_waiting"]) == (1, 1)
    waves = ask(it, "waves")["waves"]
    assert [wave["counts"]["people"] for wave in waves] == [14, 6]
    assert [wave["planned"] for wave in waves] == [14, 1]
    narrowed = ask(it, f"overview?wave={waves[1]['id']}")
    assert (narrowed["people"], narrowed["ready"]) == (6, 1)


def test_no_answer_names_anybody(it: Client) -> None:
    said = "".join(json.dumps(ask(it, one), ensure_ascii=False) for one in QUESTIONS)
    for person in User.objects.filter(journeys__isnull=False):
        assert person.name not in said


def test_numbers_hide_groups_under_five_and_what_would_tell_them(
    numbers: Client, golden: GoldenCity
) -> None:
    bureau = golden.bureaus["市民部"].pk
    assert ask(numbers, f"overview?bureau={bureau}")["people"] == 12
    # Four of 消防課 are moved into the wave of the others: the wave now splits a group.
    moved = Journey.objects.filter(department=golden.departments["消防課"]).order_by("pk")[:4]
    Journey.objects.filter(pk__in=list(moved.values_list("pk", flat=True))).update(
        wave=golden.waves["保育課"]
    )
    cache.clear()
    assert [wave["counts"] for wave in ask(numbers, "waves")["waves"]] == [None, None]
    assert [w["counts"]["people"] for w in ask(program(TokenScope.IT), "waves")["waves"]] == [
        18,
        2,
    ]
    Journey.objects.filter(department=golden.departments["消防課"]).update(
        department=golden.departments["保育課"]
    )
    Journey.objects.filter(pk=golden.under_way[1].pk).update(
        department=golden.departments["消防課"]
    )
    cache.clear()
    rows = ask(numbers, "departments")["departments"]
    assert all(row["people"] >= 5 for row in rows)
    assert "消防課" not in [row["name"] for row in rows if row["departments_together"] == 1]
    for asked in (f"wave={golden.waves['消防課'].pk}", "department=1"):
        refused = numbers.get(f"/api/v1/overview?{asked}")
        assert (refused.status_code, refused.json()["error"]) == (403, "hidden")


# --- at the door ----------------------------------------------------------------------------------


def test_without_a_token_nothing_is_said_whoever_is_signed_in(golden: GoldenCity) -> None:
    signed_in = Client()
    signed_in.force_login(GrantFactory.create(role=Role.IT_LEAD).person)
    wall = token_for(TokenScope.NUMBERS, TokenKind.WALL)
    for client, said in (
        (signed_in, ""),
        (Client(), "Bearer nothing"),
        (Client(), f"Bearer {wall}"),
        (Client(), f"Basic {token_for(TokenScope.IT)}"),
    ):
        headers = {"authorization": said} if said else {}
        answer = client.get("/api/v1/overview", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_session_adds_nothing_to_a_token(golden: GoldenCity) -> None:
    client = program(TokenScope.NUMBERS)
    client.force_login(GrantFactory.create(role=Role.IT_LEAD).person)
    wave = golden.waves["消防課"].pk
    assert client.get(f"/api/v1/overview?wave={wave}").status_code == 403


@pytest.mark.parametrize(
    ("question", "status", "error"),
    [
        ("nothing", 404, "not_found"),
        ("overview?colour=blue", 400, "unknown_parameter"),
        ("overview?wave=x", 400, "bad_parameter"),
        ("overview?wave=999999", 400, "bad_parameter"),
        ("overview?wave=1&wave=2", 400, "bad_parameter"),
        ("overview?department=-1", 400, "bad_parameter"),
        ("waves?wave=1", 400, "unknown_parameter"),
    ],
)
def test_a_question_that_means_nothing_is_refused(
    it: Client, question: str, status: int, error: str
) -> None:
    answer = it.get(f"/api/v1/{question}")
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_asking_again_costs_a_few_bytes_until_something_changes(
    it: Client, golden: GoldenCity
) -> None:
    first = it.get("/api/v1/overview")
    known = {"if-none-match": first.headers["ETag"]}
    again = it.get("/api/v1/overview", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    Journey.objects.filter(pk=golden.waiting[0].pk).update(status="waiting")
    cache.clear()
    assert it.get("/api/v1/overview", headers=known).status_code == 200


def test_who_asks_too_often_is_told_when_to_come_back(it: Client) -> None:
    for _time in range(tokens.ASKED_MOST):
        last = it.get("/api/v1/nothing")
    assert last.status_code == 404
    answer = it.get("/api/v1/overview")
    assert (answer.status_code, answer.json()["error"]) == (429, "too_many")
    assert answer.headers["Retry-After"] == "60"


# --- on a wall ------------------------------------------------------------------------------------


def test_a_wall_shows_numbers_and_nobody_and_costs_little_to_keep_fresh(
    golden: GoldenCity,
) -> None:
    secret = token_for(TokenScope.NUMBERS, TokenKind.WALL)
    client = Client(headers={"accept-language": "ja"})
    page = client.get(f"/wall/{secret}/").content.decode()
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "55.0 %" in words
    assert "20 人のうち 11 人が使えます" in words
    assert "10:00 時点" in words
    assert "11/25" in words
    for person in User.objects.filter(journeys__isnull=False):
        assert person.name not in page
    part = client.get(f"/wall/{secret}/?part=1")
    again = client.get(
        f"/wall/{secret}/?part=1", headers={"if-none-match": part.headers["ETag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-As-Of"]
    for other in (token_for(TokenScope.IT), f"{secret}x", "kitto_"):
        assert client.get(f"/wall/{other}/").status_code == 404
