"""A real mail server for the tests of the outbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sink import Sink, running_sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import Settings


@pytest.fixture
def sink(settings: Settings) -> Iterator[Sink]:
    """A mail server that the site sends to."""
    with running_sink() as running:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = running.port
        settings.EMAIL_TIMEOUT = 1
        yield running
