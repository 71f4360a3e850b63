"""How a notice leaves the house: e-mail, chat rooms, programs, and what each answer means."""

from __future__ import annotations

import http.client
import json
import smtplib
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.message import BadHeaderError
from django.utils.module_loading import import_string

from kitting.lib import outbound
from kitting.notices.rules import is_known_chat, signature
from kitting.notices.states import OutletKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.core.mail.backends.base import BaseEmailBackend

    from kitting.notices.models import Notice, Outlet

    Send = Callable[[Notice], None]

PERMANENT = 500
# Answers after which another try may help; all others from 300 to 499 need somebody to change something.
ASK_AGAIN = (408, 409, 425, 429)
OUTLET_SECONDS = 5.0
CLOSING = 421


class RefusedError(Exception):
    """The message will never arrive: another try is useless."""


class NotNowError(Exception):
    """The message did not leave now; another one may."""


class UnreachableError(Exception):
    """The mail server does not answer or does not know us; no message can leave."""


def host() -> str:
    """Return the name of this site in Message-ID and List-Id."""
    return urlsplit(settings.SITE_URL).hostname or "localhost"


@contextmanager
def open_mail() -> Iterator[Send]:
    """Lend a function that sends one notice; one connection serves the whole round.

    The function raises RefusedError, NotNowError or UnreachableError. The connection is opened with
    the first message, so that a round without messages talks to nobody.
    """
    line = get_connection(timeout=settings.EMAIL_TIMEOUT)

    def send(notice: Notice) -> None:
        _open(line)
        _hand_over(line, as_mail(notice, line))

    try:
        yield send
    finally:
        _close(line)


def as_mail(notice: Notice, line: BaseEmailBackend | None = None) -> EmailMessage:
    """Return the e-mail of a notice: plain text, marked as sent by a machine."""
    return EmailMessage(
        subject=notice.subject,
        body=notice.body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[notice.address],
        reply_to=[settings.HELP_DESK_EMAIL] if settings.HELP_DESK_EMAIL else None,
        headers=_headers(notice.message_id, notice.language),
        connection=line,
    )


def _headers(message_id: str, language: str) -> dict[str, str]:
    return {
        "Message-ID": message_id,
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": f"Kitto <kitto.{host()}>",
        "Content-Language": language,
    }


def send_now(*, to: list[str], subject: str, body: str, message_id: str) -> None:
    """Send one mail past the outbox, for the moment in which nobody empties it.

    Takes no longer than `EMAIL_TIMEOUT` a turn. Raises `OSError` or `smtplib.SMTPException`.
    """
    line = get_connection(timeout=settings.EMAIL_TIMEOUT)
    mail = EmailMessage(
        subject=subject,
        body=body,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=to,
        headers=_headers(message_id, settings.LANGUAGE_CODE),
        connection=line,
    )
    try:
        mail.send()
    finally:
        _close(line)


def _open(line: BaseEmailBackend) -> None:
    try:
        line.open()
    except (OSError, smtplib.SMTPException) as error:
        _close(line)
        raise UnreachableError(said(error)) from error


def _close(line: BaseEmailBackend) -> None:
    with suppress(OSError, smtplib.SMTPException):  # the other side may be gone already
        line.close()


def _hand_over(line: BaseEmailBackend, mail: EmailMessage) -> None:
    try:
        line.send_messages([mail])
    except (BadHeaderError, UnicodeError, smtplib.SMTPNotSupportedError) as error:
        raise RefusedError(said(error)) from error
    except (OSError, smtplib.SMTPException) as error:
        code = code_of(error)
        if code in (0, CLOSING):
            _close(line)
        if code >= PERMANENT and not isinstance(error, smtplib.SMTPSenderRefused):
            raise RefusedError(said(error)) from error
        # A refused sender is our own setting: the people's messages wait until it is repaired.
        raise NotNowError(said(error)) from error


def code_of(error: Exception) -> int:
    """Return the mail server's answer code, or 0 where it gave none."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return max((code for code, _ in error.recipients.values()), default=0)
    return error.smtp_code if isinstance(error, smtplib.SMTPResponseException) else 0


def said(error: Exception) -> str:
    """Return what went wrong in one short line for the list of undeliverable notices."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        answers = error.recipients.values()
        text = "; ".join(f"{code} {_text(answer)}" for code, answer in answers)
    elif isinstance(error, smtplib.SMTPResponseException):
        text = f"{error.smtp_code} {_text(error.smtp_error)}"
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.replace("\x00", "").split())[:300]


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer


# --- chat rooms and programs ----------------------------------------------------------------------


@contextmanager
def open_outlets() -> Iterator[Send]:
    """Lend a function that sends one notice to its outlet.

    One that failed is left alone for the rest of the round: the others must not wait for it again.
    """
    tired: set[int] = set()

    def send(notice: Notice) -> None:
        outlet = notice.outlet
        if outlet is None:
            raise RefusedError("the outlet was removed")
        if outlet.pk in tired:
            raise NotNowError("waits behind another message")
        try:
            (_chat if outlet.kind == OutletKind.CHAT else _webhook)(notice, outlet)
        except NotNowError:
            tired.add(outlet.pk)
            raise

    yield send


def _chat(notice: Notice, outlet: Outlet) -> None:
    if not is_known_chat(outlet.url):
        raise RefusedError("not a chat service that is known")
    # Apprise is large and only deliverers need it: its module is named in the settings and loaded here.
    say = import_string(settings.CHAT_SENDER)
    text = "\n".join(part for part in (notice.body, _address(notice)) if part)
    if not say(outlet.url, title=notice.subject, body=text, seconds=OUTLET_SECONDS):
        raise NotNowError("the chat service did not take it")


def _address(notice: Notice) -> str:
    return f"{settings.SITE_URL}{notice.link}" if notice.link else ""


def _webhook(notice: Notice, outlet: Outlet) -> None:
    body = as_json(notice)
    timestamp = int(time.time())
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Kitto",
        "X-Kitto-Id": notice.message_id.strip("<>"),
        "X-Kitto-Timestamp": str(timestamp),
        "X-Kitto-Signature": signature(outlet.secret, timestamp=timestamp, body=body),
    }
    try:
        status = outbound.post(
            outlet.url,
            body=body,
            headers=headers,
            near=settings.WEBHOOK_PRIVATE_NETWORKS,
            seconds=OUTLET_SECONDS,
        )
    except (OSError, http.client.HTTPException) as error:
        # A certificate that nobody trusts is such an OSError too (and a ValueError): it may be a new one tomorrow.
        raise NotNowError(said(error)) from error
    except (outbound.ForbiddenAddressError, ValueError) as error:
        raise RefusedError(f"this address may not be called: {error}") from error
    _heed(status)


def _heed(status: int) -> None:
    if http.client.OK <= status < http.client.MULTIPLE_CHOICES:
        return
    if status >= PERMANENT or status in ASK_AGAIN:
        raise NotNowError(f"answered {status}")
    raise RefusedError(f"answered {status}")


def as_json(notice: Notice) -> bytes:
    """Return what a program is told: one JSON object, keys in order, so that it can be signed."""
    said = {
        "id": notice.message_id.strip("<>"),
        "event": notice.kind,
        "subject": notice.subject,
        "text": notice.body,
        "url": _address(notice),
        "created_at": notice.created_at.isoformat(),
    }
    return json.dumps(said, ensure_ascii=False, sort_keys=True).encode()
