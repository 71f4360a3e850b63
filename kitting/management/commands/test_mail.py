"""Try the mail server, and say in plain words what is wrong with it."""

from __future__ import annotations

import smtplib
import socket
import ssl
import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from kitting.management.commands._sheets import add_language
from kitting.notices.channels import host, said, send_now
from kitting.notices.rules import message_id

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

# What stands first is asked first: most of these are kinds of those below them.
REASONS: tuple[tuple[type[Exception], str], ...] = (
    (
        smtplib.SMTPAuthenticationError,
        gettext_noop(
            "The server refuses the name or password. Look at EMAIL_HOST_USER and EMAIL_HOST_PASSWORD."
        ),
    ),
    (
        smtplib.SMTPNotSupportedError,
        gettext_noop(
            "The server offers no encryption or no sign-in on this port. Look at EMAIL_PORT, EMAIL_USE_TLS"
            " (port 587) and EMAIL_USE_SSL (port 465)."
        ),
    ),
    (
        smtplib.SMTPSenderRefused,
        gettext_noop("The server does not take mail from DEFAULT_FROM_EMAIL (%(sender)s)."),
    ),
    (
        smtplib.SMTPRecipientsRefused,
        gettext_noop(
            "The server does not take mail for this address. Is it spelt right? May this machine send to it?"
        ),
    ),
    (smtplib.SMTPDataError, gettext_noop("The server refuses the message itself.")),
    (
        smtplib.SMTPServerDisconnected,
        gettext_noop(
            "The server hung up. Often the port wants encryption from the beginning: EMAIL_USE_SSL=1 with"
            " port 465."
        ),
    ),
    (
        ssl.SSLCertVerificationError,
        gettext_noop(
            "The certificate of the server is not trusted here. Is EMAIL_HOST the name in it? Your own"
            " authority is named by SSL_CERT_FILE."
        ),
    ),
    (
        ssl.SSLError,
        gettext_noop(
            "Encryption could not begin. EMAIL_USE_SSL=1 is for port 465, EMAIL_USE_TLS=1 for port 587."
        ),
    ),
    (
        socket.gaierror,
        gettext_noop("Nobody knows the name EMAIL_HOST (%(host)s). Is it spelt right?"),
    ),
    (
        TimeoutError,
        gettext_noop(
            "No answer in time. A firewall may keep this machine from port %(port)s of %(host)s."
        ),
    ),
    (
        ConnectionRefusedError,
        gettext_noop("%(host)s answers, and no mail server listens on its port %(port)s."),
    ),
    (Exception, gettext_noop("The mail could not be sent.")),
)


class Command(BaseCommand):
    """`manage.py test_mail ADDRESS`: one mail, now and past the outbox."""

    help = "Send one mail by the mail server of the settings, and say what is wrong if it does not go."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whom to write to."""
        parser.add_argument("address", metavar="ADDRESS")
        add_language(parser)

    def handle(self, *_args: Any, address: str, language: str, **_options: Any) -> None:
        """Send, or say why not; exit status 1 if it did not leave."""
        with translation.override(language):
            _check(address)
            try:
                send_now(
                    to=[address],
                    subject=_("A try from Kitto"),
                    body=_("If you can read this, Kitto can send mail. Nothing is to be done."),
                    message_id=message_id(f"try:{uuid.uuid4()}", host=host()),
                )
            except (OSError, smtplib.SMTPException) as error:
                reason = f"{why(error)}\n({said(error)})"
                raise CommandError(reason, returncode=1) from error
            self.stdout.write(
                _("%(host)s has taken the mail for %(address)s. Now look whether it arrives.")
                % {"host": settings.EMAIL_HOST, "address": address}
            )


def why(error: Exception) -> str:
    """Return what is probably wrong, and which setting to look at."""
    # A server that takes the call and says nothing is reported as one that hung up.
    is_silent = isinstance(error.__context__, TimeoutError)
    met = error.__context__ if is_silent else error
    words = next(words for kind, words in REASONS if isinstance(met, kind))
    return _(words) % {
        "host": settings.EMAIL_HOST,
        "port": settings.EMAIL_PORT,
        "sender": settings.DEFAULT_FROM_EMAIL,
    }


def _check(address: str) -> None:
    try:
        validate_email(address)
    except ValidationError as error:
        raise CommandError(_("This is no mail address."), returncode=1) from error
    if not settings.EMAIL_HOST:
        message = _("No mail server is set: EMAIL_HOST is empty, and mails are kept as files.")
        raise CommandError(message, returncode=1)
