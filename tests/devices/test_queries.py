"""A code leads to its box, and an old or empty one says what it is."""

from __future__ import annotations

import pytest

from kitting.devices.actions.labels import replace_code
from kitting.devices.models import BoxCode
from kitting.devices.queries import device_by_code
from kitting.lib.codes import make_code, shown
from tests.factories import NOW, DeviceFactory, LoanFactory
from tests.sheets import wide

pytestmark = pytest.mark.django_db


def test_a_code_opens_its_box_with_the_loan_that_runs():
    loan = LoanFactory.create()
    LoanFactory.create(device=DeviceFactory.create(), ended_at=NOW)
    view = device_by_code(loan.device.code)
    assert (view.state, view.device, view.loan) == ("open", loan.device, loan)


@pytest.mark.parametrize(
    "typed", [str.lower, shown, wide, lambda code: f" {code[:4]} {code[4:]}"]
)
def test_a_code_may_be_typed_in_any_way(typed):
    device = DeviceFactory.create()
    assert device_by_code(typed(device.code)).device == device


def test_a_box_without_a_loan_opens_too():
    loan = LoanFactory.create(ended_at=NOW)
    view = device_by_code(loan.device.code)
    assert (view.state, view.device, view.loan) == ("open", loan.device, None)


def test_an_old_label_shows_no_loan():
    loan = LoanFactory.create()
    old = loan.device.code
    replace_code(device=loan.device, now=NOW)
    view = device_by_code(old)
    assert (view.state, view.device, view.loan) == ("retired", loan.device, None)


def test_a_label_without_a_device_is_unbound():
    code = BoxCode.objects.create(code=make_code(), created_at=NOW).code
    assert device_by_code(code).state == "unbound"


@pytest.mark.parametrize("code", [pytest.param(make_code(), id="never made"), "", "CB-000001"])
def test_whatever_is_no_code_is_unknown(code):
    LoanFactory.create(device__asset_tag="CB-000001")
    view = device_by_code(code)
    assert (view.state, view.device, view.loan) == ("unknown", None, None)


def test_opening_a_box_takes_two_queries(django_assert_num_queries):
    loan = LoanFactory.create()
    with django_assert_num_queries(2):
        view = device_by_code(loan.device.code)
        assert view.loan.person.name
        assert view.loan.department.name
        assert view.loan.place.name
