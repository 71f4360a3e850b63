from __future__ import annotations

import pytest

from kitting.labels.queries import (
    Chosen,
    Sender,
    UnknownNameError,
    departments_called,
    labels_to_print,
    place_called,
)
from tests.factories import (
    BureauFactory,
    DepartmentFactory,
    DeviceFactory,
    LoanFactory,
    PlaceFactory,
)

pytestmark = pytest.mark.django_db

SENDER = Sender(site_url="https://kitto.example.lg.jp", help_line="情報政策課 内線 1234")


@pytest.mark.parametrize("count", [1, 3])
def test_one_query_finds_the_labels_however_many(count, django_assert_num_queries):
    for _ in range(count):
        LoanFactory.create()
    with django_assert_num_queries(1):
        assert len(labels_to_print(sender=SENDER)) == count


def test_only_the_loan_that_runs_says_where_a_box_goes(now):
    device = DeviceFactory.create()
    old = LoanFactory.create(device=device, ended_at=now)
    new = LoanFactory.create(device=device)
    [label] = labels_to_print(sender=SENDER)
    assert label.place == new.place.name
    assert label.place != old.place.name
    assert labels_to_print(sender=SENDER, chosen=Chosen(place=old.place_id)) == []


def test_an_address_is_printed_in_capitals():
    device = DeviceFactory.create()
    [label] = labels_to_print(sender=SENDER)
    assert label.url == f"HTTPS://KITTO.EXAMPLE.LG.JP/D/{device.code}"
    assert label.host == "kitto.example.lg.jp"


def test_a_department_brings_all_below_it():
    bureau = BureauFactory.create(name="こども部")
    section = DepartmentFactory.create(name="保育課", parent=bureau)
    unit = DepartmentFactory.create(name="給食係", parent=section)
    DepartmentFactory.create(name="総務課")
    assert departments_called("こども部") == {bureau.pk, section.pk, unit.pk}
    assert departments_called("こども部 保育課") == {section.pk, unit.pk}


def test_an_unknown_name_comes_with_those_there_are():
    PlaceFactory.create(name="本庁舎")
    with pytest.raises(UnknownNameError) as caught:
        place_called("本庁")
    assert caught.value.names == ["本庁舎"]
