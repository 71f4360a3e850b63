"""Everything that opens and closes a person's sign-ins: browsers, printed slips, second factors."""

from __future__ import annotations

import hashlib
import secrets
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.db.models import F

from accounts.actions import PersonError, PersonLeftError, write_audit
from accounts.models import Grant, SignIn, Slip, User
from accounts.queries import local_day
from accounts.rules import SLIP_ALPHABET, SLIP_LENGTH
from accounts.states import GUARDED_ROLES

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from accounts.states import Door


class _SessionStore(Protocol):
    def delete(self, session_key: str | None = None) -> None: ...


class GuardedPersonError(PersonError):
    """Somebody with an IT role never signs in by a slip of paper."""


class HasMailError(PersonError):
    """The person can read mail, and gets codes there."""


# --- browsers ------------------------------------------------------------------------------------


@transaction.atomic
def note_sign_in(
    *, person: User, session_key: str, door: Door, browser: str, client: str, now: datetime
) -> SignIn:
    """Remember that a browser is signed in, for the list its person sees."""
    row, _is_new = SignIn.objects.update_or_create(
        session_key=session_key,
        defaults={
            "person": person,
            "door": door,
            "browser": browser[:60],
            "client_address": client[:60],
            "at": now,
        },
    )
    write_audit(action="sign_in.done", now=now, by=person, data={"door": door.value})
    return row


def renew_sign_in(*, before: str, after: str) -> None:
    """Let the list go on with a browser whose session got a new key."""
    SignIn.objects.filter(session_key=before).update(session_key=after)


def _sessions() -> _SessionStore:
    store: _SessionStore = import_module(settings.SESSION_ENGINE).SessionStore()
    return store


@transaction.atomic
def end_sign_in(*, sign_in: SignIn, by: User, now: datetime) -> None:
    """End the session of one browser."""
    _sessions().delete(sign_in.session_key)
    sign_in.delete()
    write_audit(action="session.ended", now=now, by=by, subject=f"person:{sign_in.person_id}")


@transaction.atomic
def end_all_sessions(
    *, person: User, by: User | None, now: datetime, reason: str, keep: str = ""
) -> None:
    """End every session of somebody, whatever browser holds it; of its own list `keep` stays.

    The epoch is what counts: sessions that nobody wrote down end by it too.
    """
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
    person.refresh_from_db(fields=["session_epoch"])
    SignIn.objects.filter(person=person).exclude(session_key=keep or "-").delete()
    write_audit(
        action="sessions.ended",
        now=now,
        by=by,
        subject=f"person:{person.pk}",
        data={"reason": reason},
    )


# --- printed slips -------------------------------------------------------------------------------


def digest_of(secret: str) -> str:
    """Return what the database knows of a slip: its secret has 136 random bits, so no salt."""
    return hashlib.sha256(secret.encode()).hexdigest()


def is_guarded(person: User) -> bool:
    """Tell whether somebody holds or will hold a role that wants a second factor."""
    return Grant.objects.filter(person=person, role__in=GUARDED_ROLES).exists()


@transaction.atomic
def issue_slip(*, person: User, by: User, now: datetime, lifetime: timedelta) -> str:
    """Make a new slip for somebody without mail and return its secret, once; an older one ends.

    Raises `PersonLeftError`, `HasMailError`, `GuardedPersonError`.
    """
    person = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    if not person.is_active or person.has_left(local_day(now)):
        raise PersonLeftError
    if person.email:
        raise HasMailError
    if is_guarded(person):
        raise GuardedPersonError
    person.slips.unused().update(revoked_at=now)
    secret = "".join(secrets.choice(SLIP_ALPHABET) for _ in range(SLIP_LENGTH))
    Slip.objects.create(
        person=person,
        digest=digest_of(secret),
        issued_at=now,
        issued_by=by,
        expires_at=now + lifetime,
    )
    write_audit(action="slip.issued", now=now, by=by, subject=f"person:{person.pk}")
    return secret


@transaction.atomic
def revoke_slips(*, person: User, by: User | None, now: datetime) -> int:
    """Take back whatever slip of somebody was not used; return how many."""
    count = person.slips.unused().update(revoked_at=now)
    if count:
        write_audit(action="slip.revoked", now=now, by=by, subject=f"person:{person.pk}")
    return count


@transaction.atomic
def use_slip(*, secret: str, now: datetime) -> User | None:
    """Take a slip and return whose it is, once; nobody where it does not (or no longer) work."""
    slip = (
        Slip.objects.open_at(now)
        .filter(digest=digest_of(secret))
        .select_related("person")
        .first()
    )
    if slip is None:
        return None
    person = slip.person
    if not person.is_active or person.has_left(local_day(now)) or is_guarded(person):
        return None
    if not Slip.objects.open_at(now).filter(pk=slip.pk).update(used_at=now):
        return None
    write_audit(action="slip.used", now=now, by=person, subject=f"person:{person.pk}")
    return person


# --- second factors ------------------------------------------------------------------------------


@transaction.atomic
def reset_second_factor(*, person: User, by: User | None, now: datetime) -> int:
    """Forget somebody's lost second factor and end their sessions; return how many were forgotten.

    At the next sign-in the person sets up a new one before any page of IT answers.
    """
    count: int = Authenticator.objects.filter(user=person).delete()[0]
    if count:
        write_audit(action="factor.reset", now=now, by=by, subject=f"person:{person.pk}")
        end_all_sessions(person=person, by=by, now=now, reason="factor.reset")
        get_adapter().send_notification_mail("factor_reset", person)
    return count
