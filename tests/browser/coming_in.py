"""Sheets on their way in, for the tour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kitting.imports.actions import Bringing, bring
from kitting.imports.tasks import work_off
from tests.browser.city import site_now
from tests.factories import TransferFactory
from tests.sheets import people

if TYPE_CHECKING:
    from accounts.models import User

GOOD = people({})
OTHER_NAMES = "番号,なまえ,部署\n000203,小池,総務課\n".encode()
TO_PUT_RIGHT = people({}, {"メールアドレス": "x"})


def bring_sheet(data: bytes, *, work: bool = True) -> str:
    """Bring a staff roll and let it be read; return the address of its page."""
    run = bring(data=data, bringing=Bringing("roll", "職員.csv", None, site_now()))
    if work:
        work_off()
    return f"/imports/{run.pk}/"


def confirm() -> None:
    """Let the worker take in what was confirmed."""
    work_off()


def plan_move(person: User) -> None:
    """Let somebody have a move to come."""
    TransferFactory.create(person=person, effective_on=site_now().date())
