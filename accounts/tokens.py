"""Tokens of programs, wall displays and calendars: made once, shown once, taken back at any time."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Q

from accounts.actions import count_try, write_audit
from accounts.models import Token
from accounts.states import TokenKind, TokenScope

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

# So that a secret that was left somewhere is found by those who look for such.
PREFIX = "kitto_"
SECRET_BYTES = 32
SECRET_MOST = 100
SHOWN = len(PREFIX) + 6
# How often a minute one token may ask; a display asks once.
ASKED_MOST = 120
MINUTE = timedelta(minutes=1)


class TooManyError(Exception):
    """A token asked more often than it may; it may again after a minute."""


@dataclass(frozen=True)
class TokenValues:
    """What a token is to be: what it opens, how far it sees, for how many days."""

    kind: TokenKind
    label: str
    days: int
    scope: TokenScope = TokenScope.NUMBERS
    subject: str = ""


def _digest(secret: str) -> str:
    # The secret has 256 random bits: no salt, no slow hash is needed.
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def make_token(*, values: TokenValues, by: User, now: datetime) -> tuple[Token, str]:
    """Make a token and return it with its secret, which nobody can read again."""
    secret = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    token = Token.objects.create(
        kind=values.kind,
        label=values.label,
        scope=values.scope,
        subject=values.subject,
        digest=_digest(secret),
        beginning=secret[:SHOWN],
        made_at=now,
        made_by=by,
        expires_at=now + timedelta(days=values.days),
    )
    _write("token.made", token, by=by, now=now)
    return token, secret


@transaction.atomic
def revoke_token(*, token: Token, by: User, now: datetime) -> bool:
    """Take a token back; False where somebody already did."""
    mine = Token.objects.filter(pk=token.pk, revoked_at__isnull=True)
    if not mine.update(revoked_at=now, revoked_by=by):
        return False
    _write("token.revoked", token, by=by, now=now)
    return True


def admit(*, secret: str, kind: TokenKind, now: datetime) -> Token | None:
    """Return the open token somebody shows, noting its use; None where it opens nothing.

    It is counted before anything is answered. Raises `TooManyError`.
    """
    if not secret.startswith(PREFIX) or len(secret) > SECRET_MOST:
        return None
    token = Token.objects.open_at(now).filter(digest=_digest(secret), kind=kind).first()
    if token is None:
        return None
    if not count_try(key=f"token:{token.pk}", limit=ASKED_MOST, window=MINUTE, now=now):
        raise TooManyError
    # To the minute is enough, and a display does not write each time it asks.
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - MINUTE)
    Token.objects.filter(stale, pk=token.pk).update(last_used_at=now)
    return token


def _write(action: str, token: Token, *, by: User, now: datetime) -> None:
    write_audit(
        action=action,
        now=now,
        by=by,
        subject=f"token:{token.pk}",
        data={
            "kind": str(token.kind),
            "label": token.label,
            "scope": str(token.scope),
            "about": token.subject,
            "until": token.expires_at.isoformat(),
        },
    )
