"""Tokens: shown once, known by their digest, opened for what they are for, taken back at once."""

from __future__ import annotations

import hashlib
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client

from accounts import tokens
from accounts.models import AuditEntry, Token
from accounts.states import Role, TokenKind, TokenScope
from kitting.site.models import SiteProfile
from tests.factories import NOW, GrantFactory, TokenFactory, UserFactory

pytestmark = pytest.mark.django_db
PAGE = "/accounts/tokens/"
ASKED = {"kind": "api", "label": "統計", "scope": "it", "days": "30"}


def made(**values: Any) -> tuple[Token, str]:
    wanted = {"kind": TokenKind.API, "label": "a", "days": 30} | values
    return tokens.make_token(
        values=tokens.TokenValues(**wanted), by=UserFactory.create(), now=NOW
    )


def as_role(role: Role) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(GrantFactory.create(role=role).person)
    return client


def test_a_secret_is_known_to_its_holder_only() -> None:
    token, secret = made()
    assert len(secret) > 40
    assert secret not in str(Token.objects.values().get())
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    entry = AuditEntry.objects.get(action="token.made")
    assert (entry.subject, entry.data["label"]) == (f"token:{token.pk}", "a")
    assert secret not in str(entry.data)


def test_a_token_opens_what_it_is_for_until_it_is_over_or_taken_back() -> None:
    token, secret = made()
    by = UserFactory.create()
    assert tokens.admit(secret=secret, kind=TokenKind.API, now=NOW) == token
    assert tokens.admit(secret=secret, kind=TokenKind.WALL, now=NOW) is None
    assert tokens.admit(secret=secret[:-1], kind=TokenKind.API, now=NOW) is None
    assert tokens.admit(secret="", kind=TokenKind.API, now=NOW) is None
    later = NOW + timedelta(days=30)
    assert tokens.admit(secret=secret, kind=TokenKind.API, now=later) is None
    assert tokens.revoke_token(token=token, by=by, now=NOW)
    assert not tokens.revoke_token(token=token, by=by, now=NOW)
    assert tokens.admit(secret=secret, kind=TokenKind.API, now=NOW) is None
    assert AuditEntry.objects.filter(action="token.revoked", actor=by).count() == 1


def test_its_last_use_is_noted_to_the_minute_and_it_may_not_ask_all_the_time() -> None:
    token, secret = made()
    for second in (0, 59):
        tokens.admit(secret=secret, kind=TokenKind.API, now=NOW + timedelta(seconds=second))
    token.refresh_from_db()
    assert token.last_used_at == NOW
    later = NOW + timedelta(minutes=2)
    for _time in range(tokens.ASKED_MOST):
        tokens.admit(secret=secret, kind=TokenKind.API, now=later)
    with pytest.raises(tokens.TooManyError):
        tokens.admit(secret=secret, kind=TokenKind.API, now=later)
    token.refresh_from_db()
    assert token.last_used_at == later
    assert tokens.admit(secret=secret, kind=TokenKind.API, now=later + timedelta(minutes=1))
    assert tokens.admit(secret=made()[1], kind=TokenKind.API, now=later)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "door"},
        {"scope": "all"},
        {"expires_at": NOW},
        {"kind": "wall", "scope": "it"},
        {"kind": "calendar", "subject": ""},
        {"kind": "api", "subject": "rollout:1"},
    ],
)
def test_the_database_refuses_a_token_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenFactory.create(**wrong)


def test_a_digest_stands_once() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TokenFactory.create_batch(2, digest="a" * 64)


def test_the_it_lead_makes_one_reads_it_once_and_takes_it_back() -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    boss = as_role(Role.IT_LEAD)
    shown = boss.post(PAGE, ASKED).content.decode()
    token = Token.objects.get()
    [secret] = set(re.findall(r"kitto_[\w-]{20,}", shown))
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert (token.scope, token.label) == (TokenScope.IT, "統計")
    assert secret not in boss.get(PAGE).content.decode()
    boss.post(f"{PAGE}{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None


def test_a_display_gets_an_address_and_sees_numbers_only_whatever_is_asked() -> None:
    answer = as_role(Role.IT_LEAD).post(PAGE, ASKED | {"kind": "wall"}).content.decode()
    token = Token.objects.get()
    assert (token.kind, token.scope) == (TokenKind.WALL, TokenScope.NUMBERS)
    [secret] = set(re.findall(r"/wall/(kitto_[\w-]+)/", answer))
    assert Client().get(f"/wall/{secret}/").status_code == 200


def test_an_auditor_looks_and_makes_none() -> None:
    auditor = as_role(Role.AUDITOR)
    TokenFactory.create(label="統計")
    assert "統計" in auditor.get(PAGE).content.decode()
    assert auditor.post(PAGE, ASKED).status_code == 403
    assert Token.objects.count() == 1


def test_what_is_missing_is_said_and_nothing_is_made() -> None:
    answer = as_role(Role.IT_LEAD).post(PAGE, {"days": "5"})
    assert answer.status_code == 422
    assert "使う先を選んでください" in answer.content.decode()
    assert not Token.objects.exists()


def test_the_list_costs_the_same_for_one_and_for_three(
    django_assert_num_queries: Any,
) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    boss = as_role(Role.IT_LEAD)
    TokenFactory.create(made_by=UserFactory.create())
    boss.get(PAGE)
    for _more in range(2):
        with django_assert_num_queries(QUERIES):
            boss.get(PAGE)
        TokenFactory.create(made_by=UserFactory.create())


QUERIES = 6
