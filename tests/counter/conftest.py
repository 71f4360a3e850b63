"""A counter with one department, its lead, IT and the desk."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from accounts.queries import rights_of
from accounts.states import Role
from kitting.counter.actions import Typed, take_scan
from kitting.counter.states import Mode
from kitting.devices.states import DeviceState
from tests.factories import (
    NOW,
    DepartmentFactory,
    DeviceFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from accounts.models import User
    from kitting.counter.models import Scan
    from kitting.devices.models import Device

SEQUENCE = count(1)


def free_device(**more: Any) -> Device:
    return DeviceFactory.create(state=DeviceState.STOCK, **more)


def kept_box(**more: Any) -> Device:
    """Make a box that is kept for somebody, with its journey."""
    loan = LoanFactory.create(**more)
    if loan.person:
        JourneyFactory.create(loan=loan)
    return loan.device


def scan(by: User, box: str, person: str = "", *, now=NOW, **more: Any) -> Scan:
    typed = Typed(
        client=more.pop("client", "c" * 32),
        sequence=more.pop("sequence", next(SEQUENCE)),
        box=box,
        person=person,
        **more,
    )
    return take_scan(typed=typed, by=by, rights=rights_of(by, on=now.date()), now=now)


def arrival(by: User, box: str, **more: Any) -> Scan:
    return scan(by, box, mode=Mode.ARRIVE, **more)


@pytest.fixture
def desk(db: None) -> User:
    return GrantFactory.create(role=Role.DESK).person


@pytest.fixture
def it(db: None) -> User:
    return GrantFactory.create(role=Role.IT).person


@pytest.fixture
def section(db: None):
    return DepartmentFactory.create(name="総務課")


@pytest.fixture
def lead(section) -> User:
    return GrantFactory.create(role=Role.LEAD, department=section).person


@pytest.fixture
def koike(section) -> User:
    return UserFactory.create(name="小池", staff_number="000203", department=section)
