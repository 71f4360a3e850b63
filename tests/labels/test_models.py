"""Every promise of the tables of labels is kept by the database."""

from __future__ import annotations

import pytest
from django.db import IntegrityError

from kitting.labels.models import AccountSlip, Calibration
from kitting.lib.codes import make_code
from tests.factories import NOW, DeviceFactory, LabelPaperFactory, UserFactory

pytestmark = pytest.mark.django_db


def refused(constraint):
    return pytest.raises(IntegrityError, match=constraint)


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"rows": 0}, "label_paper_has_labels"),
        ({"columns": 21}, "label_paper_has_labels"),
        ({"label_width": 0, "pitch_x": 0}, "label_paper_is_positive"),
        ({"left": -1}, "label_paper_is_positive"),
        ({"pitch_y": 49}, "label_paper_does_not_overlap"),
    ],
)
def test_a_paper_has_measures_that_can_be(changes, constraint):
    with refused(constraint):
        LabelPaperFactory.create(**changes)


def measure(**changes):
    facts = {"printer": "2階", "paper_key": "a4-12-86x42", "measured_at": NOW}
    return Calibration.objects.create(**facts | changes)


def test_a_printer_is_measured_once_a_paper():
    measure()
    measure(paper_key="a4-44-48x25")
    with refused("printer"):
        measure()


@pytest.mark.parametrize(
    ("changes", "constraint"),
    [
        ({"cross_left": 9}, "calibration_cross_in_reach"),
        ({"cross_top": 31}, "calibration_cross_in_reach"),
        ({"ruler_across": 89}, "calibration_ruler_in_reach"),
        ({"ruler_down": 111}, "calibration_ruler_in_reach"),
        ({"right": 6}, "calibration_shift_in_reach"),
        ({"down": -6}, "calibration_shift_in_reach"),
        ({"printer": ""}, "calibration_names_its_printer"),
    ],
)
def test_what_was_measured_is_in_reach(changes, constraint):
    with refused(constraint):
        measure(**changes)


def slip(person, **changes):
    facts = {"code": make_code(), "person": person, "account": "a@b.example", "created_at": NOW}
    return AccountSlip.objects.create(**facts | changes)


def test_a_person_has_one_slip_in_force_and_any_number_of_old_ones():
    person = UserFactory.create()
    slip(person, retired_at=NOW)
    slip(person, retired_at=NOW)
    slip(person)
    with refused("person|account_slip_one_in_force_a_person"):
        slip(person)


def test_the_code_of_a_slip_is_used_once():
    first = slip(UserFactory.create())
    with refused("code"):
        slip(UserFactory.create(), code=first.code)


def test_a_slip_has_an_account():
    with refused("account_slip_has_an_account"):
        slip(UserFactory.create(), account="")


@pytest.mark.parametrize("half", ["matched_at", "matched_device"])
def test_a_match_names_its_box_and_its_moment(half):
    value = NOW if half == "matched_at" else DeviceFactory.create()
    with refused("account_slip_matched_with_a_box"):
        slip(UserFactory.create(), **{half: value})
