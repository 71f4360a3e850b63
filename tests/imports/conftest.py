"""Somebody of IT who brings sheets, and a worker who reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kitting.imports.actions import Bringing, bring, order
from kitting.imports.models import Import
from kitting.imports.tasks import work_off
from tests.factories import NOW, GrantFactory

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.test import Client

    from accounts.models import User

Bring = "Callable[..., Import]"


@pytest.fixture
def it(db: None) -> User:
    return GrantFactory.create().person


@pytest.fixture
def desk(client: Client, it: User) -> Client:
    """The browser of IT."""
    client.force_login(it)
    return client


@pytest.fixture
def shown(it: User) -> Callable[..., Import]:
    """Bring a sheet and let it be read."""

    def run(data: bytes, kind: str = "roll", name: str = "sheet.csv") -> Import:
        made = bring(data=data, bringing=Bringing(kind, name, it, NOW))
        work_off()
        return Import.objects.get(pk=made.pk)

    return run


@pytest.fixture
def taken(shown: Callable[..., Import]) -> Callable[..., Import]:
    """Bring a sheet, confirm what is shown, and let it be taken in."""

    def run(data: bytes, kind: str = "roll") -> Import:
        made = shown(data, kind)
        assert order(run=made), (made.state, made.flaws)
        work_off()
        return Import.objects.get(pk=made.pk)

    return run
