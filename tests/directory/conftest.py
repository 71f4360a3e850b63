"""A directory on loopback, and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.directory.client import Directory
from tests.directory.fake import Running, access_to, write_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pytest_django.fixtures import SettingsWrapper

    from kitting.directory.client import Access
    from tests.directory.fake import FakeDirectory


@pytest.fixture
def fake() -> Iterator[FakeDirectory]:
    with Running() as running:
        yield running


@pytest.fixture
def key(tmp_path: Path, fake: FakeDirectory) -> Path:
    return write_key(tmp_path, fake)


@pytest.fixture
def access(fake: FakeDirectory, key: Path) -> Access:
    return access_to(fake, key)


@pytest.fixture
def directory(access: Access) -> Iterator[Directory]:
    with Directory(access) as opened:
        yield opened


@pytest.fixture
def set_up(settings: SettingsWrapper, fake: FakeDirectory, key: Path) -> FakeDirectory:
    """The site's settings lead to the fake."""
    settings.DIRECTORY_KEY_FILE = str(key)
    settings.DIRECTORY_ADMIN = "admin@asahi.example.jp"
    settings.DIRECTORY_API_URL = fake.url
    return fake
