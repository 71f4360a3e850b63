"""A mail server that does not work is named in words that say which setting to look at."""

from __future__ import annotations

import gc
import socket
from contextlib import contextmanager
from io import StringIO
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from django.core.management import CommandError, call_command

from tests.sink import Sink, running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper

ADDRESS = "koike@asahi.example.jp"


@pytest.fixture
def mail(settings: SettingsWrapper) -> SettingsWrapper:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", 1, 1
    return settings


def said() -> str:
    with pytest.raises(CommandError) as error:
        call_command("test_mail", ADDRESS, language="en")
    assert error.value.returncode == 1
    return str(error.value)


def test_a_mail_that_left_is_said_to_have_left(mail: SettingsWrapper) -> None:
    out = StringIO()
    with running_sink() as sink:
        mail.EMAIL_PORT = sink.port
        call_command("test_mail", ADDRESS, language="ja", stdout=out)
        (one,) = sink.mails
    assert one["To"] == ADDRESS
    assert ADDRESS in out.getvalue()


def test_without_a_server_it_says_so(settings: SettingsWrapper) -> None:
    settings.EMAIL_HOST = ""
    assert "EMAIL_HOST is empty" in said()


def test_what_is_no_address_is_refused(mail: SettingsWrapper) -> None:
    with pytest.raises(CommandError, match="no mail address"):
        call_command("test_mail", "koike", language="en")


def test_nobody_at_the_port(mail: SettingsWrapper) -> None:
    assert "no mail server listens on its port 1" in said()


def test_a_name_nobody_knows(mail: SettingsWrapper) -> None:
    mail.EMAIL_HOST = "mail.invalid"
    assert "Nobody knows the name" in said()


def test_a_server_that_never_answers(mail: SettingsWrapper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        mail.EMAIL_PORT = deaf.getsockname()[1]
        assert "A firewall may keep" in said()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("EMAIL_USE_TLS", "offers no encryption"),
        ("EMAIL_USE_SSL", "Encryption could not begin"),
    ],
)
def test_encryption_that_the_port_does_not_speak(
    mail: SettingsWrapper, setting: str, words: str
) -> None:
    with running_sink() as sink:
        mail.EMAIL_PORT = sink.port
        setattr(mail, setting, True)
        assert words in said()
        gc.collect()  # the library leaves a line whose encryption failed to the collector


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("550 no such user", "does not take mail for this address"),
        ("554 spam", "refuses the message itself"),
    ],
)
def test_a_server_that_refuses(mail: SettingsWrapper, answer: str, words: str) -> None:
    with running_sink() as sink:
        mail.EMAIL_PORT = sink.port
        (sink.recipient_answers if answer.startswith("550") else sink.answers).append(answer)
        told = said()
        assert words in told
        assert answer in told


@contextmanager
def server_with_names() -> Iterator[int]:
    """Run a mail server that knows nobody's password."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    controller = Controller(
        Sink(),
        hostname="127.0.0.1",
        port=port,
        authenticator=lambda *_asked: AuthResult(success=False, handled=False),
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield port
    finally:
        controller.stop(no_assert=True)


def test_a_name_or_password_that_is_wrong(mail: SettingsWrapper) -> None:
    with server_with_names() as port:
        mail.EMAIL_PORT = port
        mail.EMAIL_HOST_USER, mail.EMAIL_HOST_PASSWORD = "kitto", "wrong"
        assert "refuses the name or password" in said()
