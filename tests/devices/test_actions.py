"""A sheet brings devices and loans in step, twice as once, and takes no device away."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Place
from accounts.taking import Order
from kitting.devices.actions.importing import import_devices
from kitting.devices.actions.labels import (
    CodeNotFreeError,
    bind_code,
    replace_code,
)
from kitting.devices.forms import read_devices
from kitting.devices.models import BoxCode, Device, DeviceEvent, Loan
from kitting.devices.rules import fresh_codes
from kitting.devices.states import DeviceState, LoanKind
from kitting.lib.codes import is_valid, make_code
from tests.factories import (
    NOW,
    DepartmentFactory,
    DeviceFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
)
from tests.sheets import box, devices

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def section():
    return DepartmentFactory.create(name="総務課", parent__name="総務部")


@pytest.fixture
def koike(section):
    place = PlaceFactory.create(name="本庁舎")
    return UserFactory.create(staff_number="000203", department=section, place=place)


@pytest.fixture
def ono(section):
    return UserFactory.create(staff_number="000204", department=section)


def take(*changes, now=NOW, **kwargs):
    """Take a sheet in whose rows differ from one good row by what is given."""
    result = import_devices(
        rows=read_devices(devices(*changes), ""), order=Order(now, **kwargs)
    )
    assert not result.flaws
    return result


def written(context):
    verbs = ("INSERT", "UPDATE", "DELETE")
    return [q["sql"] for q in context.captured_queries if q["sql"].startswith(verbs)]


def open_loan():
    return Loan.objects.open().get()


def test_a_new_device_has_a_code_on_its_label():
    result = take({})
    device = Device.objects.get()
    assert result.created == 1
    assert (device.serial_number, device.asset_tag) == ("5CD4C62H66", "CB-000001")
    assert is_valid(device.code)
    assert device.box_codes.get().code == device.code
    assert device.state == DeviceState.STOCK


def test_a_device_for_a_person_is_lent_where_the_person_works(koike):
    take({"利用者": "000203", "用途": "個人"})
    loan = open_loan()
    assert (loan.person, loan.kind) == (koike, LoanKind.PERSONAL)
    assert (loan.department, loan.place) == (koike.department, koike.place)
    assert loan.device.state == DeviceState.LENT


def test_the_sheets_own_department_and_place_win(koike):
    other = DepartmentFactory.create(name="職員課", parent__name="人事部")
    result = take({"利用者": "000203", "部": "人事部", "課": "職員課", "設置場所": "新館"})
    assert open_loan().department == other
    assert open_loan().place.name == "新館"
    assert result.places_created == ("新館",)


def test_a_section_alone_is_found_when_there_is_one_of_that_name(section):
    take({"課": "総務課", "用途": "共用"})
    assert open_loan().department == section


def test_a_person_is_found_by_address_or_account_too(koike):
    koike.account = "K.Koike"
    koike.save()
    take(
        box(1, 利用者="S000203@asahi.example.jp"),
        box(2, 利用者="K.Koike"),
    )
    assert Loan.objects.filter(person=koike).count() == 2


def test_a_shared_device_is_nobodys(section):
    take({"部": "総務部", "課": "総務課", "用途": "共用"})
    loan = open_loan()
    assert (loan.kind, loan.person, loan.department) == (LoanKind.SHARED, None, section)


@pytest.mark.parametrize("purpose", ["", "個人", "予備"])
def test_a_device_for_nobody_waits_in_stock(purpose):
    take({"用途": purpose})
    assert Device.objects.get().state == DeviceState.STOCK
    assert not Loan.objects.exists()


def test_two_devices_of_one_person_are_two_loans(koike):
    take(box(1, 利用者="000203"), box(2, 利用者="000203"))
    assert Loan.objects.filter(person=koike).count() == 2


def test_a_second_run_changes_nothing_and_writes_nothing(koike, section):
    rows = [box(1, 利用者="000203"), box(2, 課="総務課", 用途="共用"), box(3)]
    take(*rows)
    codes = set(Device.objects.values_list("code", flat=True))
    before = AuditEntry.objects.count()
    with CaptureQueriesContext(connection) as context:
        result = take(*rows, now=LATER)
    assert (result.created, result.updated, result.unchanged) == (0, 0, 3)
    assert written(context) == []
    assert set(Device.objects.values_list("code", flat=True)) == codes
    assert AuditEntry.objects.count() == before


def test_a_dry_run_says_the_same_and_writes_nothing(koike, ono):
    take(box(1, 利用者="000203"), box(2, 利用者="000203"))
    rows = [box(1, 利用者="000204"), box(2, 利用者="000203", 設置場所="新館"), box(3)]
    with CaptureQueriesContext(connection) as context:
        would = take(*rows, dry_run=True, now=LATER)
    assert written(context) == []
    done = take(*rows, now=LATER)
    assert would.counts == done.counts
    assert (done.created, done.updated, done.handed_on) == (1, 2, ("CB-000001",))


def test_a_device_named_for_somebody_else_is_handed_on(koike, ono):
    take({"利用者": "000203"})
    result = take({"利用者": "000204"}, now=LATER)
    old, new = Loan.objects.order_by("pk")
    assert result.handed_on == ("CB-000001",)
    assert (old.person, old.ended_at) == (koike, LATER)
    assert (new.person, new.started_at, new.ended_at) == (ono, LATER, None)


def test_what_a_sheet_lends_stands_in_the_story_of_a_device(koike, ono):
    it = UserFactory.create()
    take({"利用者": ""})
    assert not DeviceEvent.objects.exists()
    take({"利用者": "000203"}, by=it)
    take({"利用者": "000204"}, by=it)
    take({"利用者": "000204"}, by=it)
    story = DeviceEvent.objects.order_by("pk").values_list("kind", "before", "after", "actor")
    assert list(story) == [
        ("bound", "stock", "lent", it.pk),
        ("unbound", "lent", "stock", it.pk),
        ("bound", "stock", "lent", it.pk),
    ]


def test_a_device_that_becomes_shared_is_handed_on_too(koike):
    take({"利用者": "000203"})
    take({"課": "総務課", "用途": "共用"}, now=LATER)
    assert open_loan().kind == LoanKind.SHARED


def test_a_loan_moves_with_its_department_and_place(koike):
    take({"利用者": "000203"})
    other = DepartmentFactory.create(name="職員課", parent__name="人事部")
    result = take({"利用者": "000203", "課": "職員課", "設置場所": "新館"})
    assert (result.loans_moved, result.loans_opened, result.updated) == (1, 0, 1)
    assert (open_loan().department, open_loan().place.name) == (other, "新館")


def test_a_sheet_that_names_nobody_ends_no_loan(koike):
    take({"利用者": "000203"})
    result = take({})
    assert result.kept == ("CB-000001",)
    assert open_loan().person == koike


@pytest.mark.parametrize(
    "state", [DeviceState.LOST, DeviceState.RETURNING, DeviceState.RETIRED]
)
def test_a_lost_or_returned_device_is_not_lent_by_an_old_sheet(state, koike):
    take({})
    Device.objects.update(state=state)
    result = take({"利用者": "000203"})
    assert result.settled == ("CB-000001",)
    assert Device.objects.get().state == state
    assert not Loan.objects.exists()


def test_the_sheet_of_somebody_who_left_comes_in_again_without_a_problem(koike):
    take({"利用者": "000203"})
    koike.left_on = date(2026, 11, 1)
    koike.save()
    assert take({"利用者": "000203"}).unchanged == 1


def test_devices_that_are_missing_are_reported_and_stay():
    take(box(1), box(2), box(3))
    Device.objects.filter(asset_tag="CB-000003").update(state=DeviceState.RETIRED)
    assert take(box(1)).missing == ("CB-000002",)
    assert Device.objects.count() == 3


def test_a_device_without_a_tag_gets_the_one_of_the_sheet():
    take({"アセット ID": ""})
    assert take({"アセット ID": "CB-000001"}).updated == 1
    assert Device.objects.get().asset_tag == "CB-000001"
    assert take({"アセット ID": ""}).unchanged == 1


def test_leading_zeros_stay():
    take({"シリアル番号": "0001234567", "アセット ID": "000042", "カートン": "0007"})
    device = Device.objects.get()
    assert (device.serial_number, device.asset_tag, device.carton) == (
        "0001234567",
        "000042",
        "0007",
    )


def test_facts_of_a_device_are_updated():
    take({"機種": "Chromebook 314 Touch", "納品日": "2026-10-06"})
    take({"機種": "Chromebook Flip CX3"})
    device = Device.objects.get()
    assert device.model_name == "Chromebook Flip CX3"
    assert device.delivered_on == date(2026, 10, 6)


def test_a_serial_number_known_in_small_letters_is_the_same_device():
    DeviceFactory.create(serial_number="5cd4c62h66", asset_tag=None)
    assert take({}).created == 0


def test_codes_that_were_ever_used_are_not_made_again():
    old, new = make_code(), make_code()
    made = iter([old, old, new, new, make_code()])
    codes = fresh_codes(2, taken={old}, make=lambda: next(made))
    assert codes[0] == new
    assert len(set(codes)) == 2


def test_the_import_is_written_in_the_audit_log():
    boss = UserFactory.create()
    take({}, by=boss)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor) == ("devices.imported", boss)
    assert entry.data["created"] == 1


def test_the_number_of_queries_does_not_grow_with_the_rows(koike):
    def queries_for(numbers):
        rows = [box(n, 利用者="000203") for n in numbers]
        with CaptureQueriesContext(connection) as context:
            take(*rows)
        return len(context)

    take(box(1, 利用者="000203"))
    assert queries_for(range(100, 103)) == queries_for(range(200, 230))


def test_handing_many_on_takes_as_many_queries_as_one(koike, ono):
    def queries_for(numbers):
        take(*(box(n, 利用者="000203") for n in numbers))
        with CaptureQueriesContext(connection) as context:
            result = take(*(box(n, 利用者="000204") for n in numbers), now=LATER)
        assert len(result.handed_on) == len(numbers)
        return len(context)

    assert queries_for(range(3)) == queries_for(range(100, 130))


def test_places_are_made_once():
    DepartmentFactory.create(name="総務課")
    take(*(box(n, 設置場所="新館", 課="総務課", 用途="共用") for n in range(3)))
    assert Place.objects.filter(name="新館").count() == 1


# --- labels --------------------------------------------------------------------------------------


def test_a_replaced_code_opens_and_the_old_one_is_retired():
    device = DeviceFactory.create()
    old = device.code
    new = replace_code(device=device, now=NOW)
    device.refresh_from_db()
    assert device.code == new != old
    assert BoxCode.objects.get(code=old).retired_at == NOW
    assert device.box_codes.get(retired_at=None).code == new


def test_a_label_printed_before_is_bound_to_a_device():
    device = DeviceFactory.create()
    label = BoxCode.objects.create(code=make_code(), created_at=NOW)
    bind_code(code=label.code, device=device, now=NOW)
    device.refresh_from_db()
    assert device.code == label.code
    assert device.box_codes.get(retired_at=None) == label


def test_every_new_label_stands_in_the_story_of_its_device():
    it, device = UserFactory.create(), LoanFactory.create().device
    label = BoxCode.objects.create(code=make_code(), created_at=NOW)
    replace_code(device=device, now=NOW, by=it)
    bind_code(code=label.code, device=device, now=LATER, by=it)
    story = device.events.order_by("pk").values_list("kind", "before", "after", "actor", "at")
    state = device.state
    assert list(story) == [("relabelled", state, state, it.pk, at) for at in (NOW, LATER)]


def test_the_first_label_of_a_device_replaces_none():
    device = DeviceFactory.create(code=None)
    before = device.events.count()
    label = BoxCode.objects.create(code=make_code(), created_at=NOW)
    bind_code(code=label.code, device=device, now=NOW, replaces=False)
    assert device.events.count() == before


@pytest.mark.parametrize("why", ["unknown", "retired", "taken"])
def test_a_label_that_is_not_free_changes_nothing(why):
    device = DeviceFactory.create()
    code = {
        "unknown": make_code(),
        "retired": BoxCode.objects.create(
            code=make_code(), created_at=NOW, retired_at=NOW
        ).code,
        "taken": DeviceFactory.create().code,
    }[why]
    with pytest.raises(CodeNotFreeError):
        bind_code(code=code, device=device, now=NOW)
    assert device.box_codes.get(retired_at=None).code == device.code
    assert Device.objects.get(pk=device.pk).code == device.code


def test_labels_are_written_in_the_audit_log():
    device = LoanFactory.create().device
    replace_code(device=device, now=NOW)
    label = BoxCode.objects.create(code=make_code(), created_at=NOW)
    bind_code(code=label.code, device=device, now=NOW)
    actions = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["code.replaced", "code.bound"]
