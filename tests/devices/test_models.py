"""Every promise of the tables of boxes is kept by the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError

from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.lib.codes import make_code
from tests.factories import NOW, DepartmentFactory, DeviceFactory, LoanFactory, UserFactory

pytestmark = pytest.mark.django_db


def refused(constraint):
    """Expect the database itself to refuse, for this reason."""
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize("field", ["serial_number", "asset_tag", "code"])
def test_what_identifies_a_device_is_given_once(field):
    first = DeviceFactory.create()
    with refused(field.removesuffix("_number")):
        Device.objects.create(
            **{"serial_number": "OTHER", "created_at": NOW, field: getattr(first, field)}
        )


def test_devices_without_tag_and_code_may_be_many():
    DeviceFactory.create_batch(2, asset_tag=None, code=None)
    assert Device.objects.filter(asset_tag=None, code=None).count() == 2


def test_a_serial_number_is_one_device_in_any_case():
    DeviceFactory.create(serial_number="5CD9326FW0")
    with refused("device_serial_once_in_any_case"):
        DeviceFactory.create(serial_number="5cd9326fw0")


def test_a_device_has_a_serial_number():
    with refused("device_has_a_serial"):
        DeviceFactory.create(serial_number="")


def test_a_device_is_in_a_state_that_is_known():
    with refused("device_state_known"):
        DeviceFactory.create(state="eaten")


def test_a_code_is_used_once():
    box_code = BoxCode.objects.create(code=make_code(), created_at=NOW)
    with refused("code"):
        BoxCode.objects.create(code=box_code.code, created_at=NOW)


def test_a_device_has_one_code_in_force():
    device = DeviceFactory.create()
    with refused("device_id|box_code_one_in_force_a_device"):
        BoxCode.objects.create(code=make_code(), device=device, created_at=NOW)


def test_codes_may_be_printed_before_their_devices_are_known():
    for _ in range(2):
        BoxCode.objects.create(code=make_code(), created_at=NOW, printed_at=NOW)
    assert BoxCode.objects.filter(device=None).count() == 2


def test_old_codes_of_a_device_are_kept():
    device = DeviceFactory.create()
    for _ in range(2):
        BoxCode.objects.create(code=make_code(), device=device, created_at=NOW, retired_at=NOW)
    assert device.box_codes.count() == 3


def test_a_device_is_lent_once_at_a_time():
    loan = LoanFactory.create()
    with refused("device_id|loan_one_open_a_device"):
        LoanFactory.create(device=loan.device)


def test_a_device_is_lent_again_after_it_came_back():
    loan = LoanFactory.create(ended_at=NOW)
    LoanFactory.create(device=loan.device)
    assert loan.device.loans.count() == 2


def test_a_personal_loan_names_its_person():
    with refused("loan_person_unless_shared"):
        LoanFactory.create(person=None)


def test_a_shared_loan_names_nobody():
    with refused("loan_person_unless_shared"):
        LoanFactory.create(kind=LoanKind.SHARED)


def test_a_loan_of_another_kind_cannot_be():
    with refused("loan_person_unless_shared"):
        LoanFactory.create(kind="stolen", person=UserFactory.create())


def test_a_loan_ends_after_it_begins():
    with refused("loan_ends_after_it_begins"):
        LoanFactory.create(ended_at=NOW - timedelta(seconds=1))


def test_completion_is_counted_over_loans_with_a_person():
    personal = LoanFactory.create()
    LoanFactory.create(kind=LoanKind.SHARED, person=None, department=DepartmentFactory.create())
    assert list(Loan.objects.open().with_person()) == [personal]


def test_retired_devices_are_nobodys():
    DeviceFactory.create(state=DeviceState.RETIRED)
    assert not Device.objects.in_use().exists()
