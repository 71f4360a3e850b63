"""Pages of Google's side: plain without access, IT only, two clicks and a reason."""

from __future__ import annotations

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from openpyxl import load_workbook

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.directory.states import Finding
from kitting.models import Device, DirectoryDevice, DirectoryLook, RemoteChange
from tests.factories import (
    NOW,
    DeviceFactory,
    DirectoryDeviceFactory,
    DirectoryLookFactory,
    GrantFactory,
    JourneyFactory,
    LoanFactory,
    RemoteChangeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HOME = "/directory/"


@pytest.fixture
def it() -> Client:
    client = Client()
    client.force_login(
        GrantFactory.create(role=Role.IT, person=UserFactory.create(language="en")).person
    )
    return client


@pytest.fixture
def wide(settings, tmp_path):
    key = tmp_path / "key.json"
    key.write_text("{}")
    settings.DIRECTORY_KEY_FILE, settings.DIRECTORY_WRITE = str(key), True
    settings.DIRECTORY_WITHOUT_SECOND_FACTOR = True
    return settings


def look_done(**facts):
    return DirectoryLookFactory.create(state="done", finished_at=NOW, **facts)


def text_of(response):
    assert response.status_code in (200, 422)
    return response.content.decode()


def test_without_access_every_page_says_so_and_nothing_breaks(it):
    device = DeviceFactory.create()
    assert "The access to Google is not set up" in text_of(it.get(HOME))
    assert "Google was not looked at yet" in text_of(it.get(HOME))
    assert "does not hold this device" in text_of(it.get(f"/directory/devices/{device.pk}/"))
    answer = it.post("/directory/look", follow=True)
    assert "not set up on this site" in text_of(answer)
    assert not DirectoryLook.objects.exists()


def test_every_finding_has_a_page_and_two_sheets(it):
    look_done()
    for finding in Finding:
        assert it.get(f"/directory/findings/{finding.value}/").status_code == 200
        for kind in ("csv", "xlsx"):
            answer = it.post(f"/directory/findings/{finding.value}/export.{kind}")
            assert answer.status_code == 200
    assert it.get("/directory/findings/nonsense/").status_code == 404
    assert it.post("/directory/findings/only_kitto/export.pdf").status_code == 404


def test_a_serial_number_is_masked_on_pages_and_whole_in_a_sheet_that_is_noted(it):
    look_done()
    device = DeviceFactory.create(serial_number="5CD1234567", asset_tag="CB-000001")
    page = text_of(it.get("/directory/findings/only_kitto/"))
    assert "4567" in page
    assert "5CD1234567" not in page
    assert "5CD1234567" not in text_of(it.get(f"/directory/devices/{device.pk}/"))
    sheet = it.post("/directory/findings/only_kitto/export.csv").content.decode("utf-8-sig")
    assert "5CD1234567" in sheet
    noted = AuditEntry.objects.get(action="directory.exported")
    assert noted.data == {"finding": "only_kitto", "kind": "csv", "devices": 1}


def test_a_sheet_runs_nothing_in_a_spreadsheet_program(it):
    look_done()
    DirectoryDeviceFactory.create(device=None, asset_tag="=cmd|' /C calc'!A0")
    made = it.post("/directory/findings/only_google/export.xlsx").content
    cells = [c for row in load_workbook(io.BytesIO(made)).active.iter_rows() for c in row]
    assert {cell.data_type for cell in cells} <= {"s", "inlineStr"}
    assert "'=cmd" in it.post("/directory/findings/only_google/export.csv").content.decode()


@pytest.mark.parametrize("finding", list(Finding))
def test_a_list_costs_the_same_with_one_row_and_with_three(it, finding, settings, rows_of):
    settings.DIRECTORY_STAFF_UNITS = ["/本庁"]
    look_done()
    address = f"/directory/findings/{finding.value}/"
    costs = []
    for number in (1, 2):
        for _time in range(number):
            rows_of(finding)
        with rows_of.counted() as statements:
            assert it.get(address).status_code == 200
        costs.append(len(statements))
    assert costs[0] == costs[1]


@pytest.fixture
def rows_of(django_assert_max_num_queries):
    """Make one row of a finding."""
    facts = {
        Finding.ONLY_GOOGLE: {"device": None},
        Finding.OTHER_TAG: {"asset_tag": "X"},
        Finding.UPDATE_PENDING: {"update_state": "updateStateNeedReboot"},
        Finding.UPDATES_END: {"updates_until_on": NOW.date()},
        Finding.DISABLED: {"standing": "disabled"},
        Finding.STRANGE_STATUS: {"standing": "unknown", "status": "NEW"},
    }

    def make(finding):
        if finding == Finding.ONLY_KITTO:
            LoanFactory.create()
        elif finding == Finding.WITHOUT_GUIDE:
            DirectoryDeviceFactory.create(device=JourneyFactory.create().loan.device)
        elif finding in (Finding.OTHER_PERSON, Finding.NOT_ENROLLED):
            DirectoryDeviceFactory.create(
                device=LoanFactory.create().device,
                differences={finding.value: "x"},
                has_differences=True,
            )
        else:
            device = (
                {}
                if finding == Finding.ONLY_GOOGLE
                else {"device": LoanFactory.create().device}
            )
            DirectoryDeviceFactory.create(**device | facts.get(finding, {}))

    make.counted = lambda: django_assert_max_num_queries(40)
    return make


def test_every_finding_finds_its_own(it, settings, rows_of):
    settings.DIRECTORY_STAFF_UNITS = ["/本庁"]
    look_done()
    for finding in Finding:
        DirectoryDevice.objects.all().delete()
        rows_of(finding)
        page = text_of(it.get(f"/directory/findings/{finding.value}/"))
        assert "No such device" not in page, finding


def test_nothing_is_missing_where_nobody_looked(it):
    DeviceFactory.create()
    DirectoryLookFactory.create(state="failed", finished_at=NOW)
    assert "No such device" in text_of(it.get("/directory/findings/only_kitto/"))


# --- an export ---


def upload(text: str, **more):
    file = SimpleUploadedFile("gam.csv", text.encode(), content_type="text/csv")
    return {"file": file, **more}


def test_an_export_is_tried_first_and_then_taken_in(it):
    device = DeviceFactory.create(serial_number="5CD0000001")
    text = "serialNumber,status\n5CD0000001,ACTIVE\n5CD0000002,ACTIVE\n"
    tried = text_of(it.post("/directory/import/", upload(text, **{"try": "1"})))
    assert "Devices in the file: 2. Known to Kitto: 1." in tried
    assert not DirectoryDevice.objects.exists()
    answer = it.post("/directory/import/", upload(text, take="1", whole="on"))
    assert answer.headers["Location"] == HOME
    assert DirectoryDevice.objects.get(device=device).status == "ACTIVE"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("serialNumber\n1.23E+10\n", "Row 2"),
        ("name\nx\n", "A column is missing"),
        ("serialNumber,status\n5CD1,ACTIVE\n5cd1,ACTIVE\n", "stands in row 2 already"),
        ("serialNumber,status\n,ACTIVE\n", "The serial number is missing."),
    ],
)
def test_an_export_that_cannot_be_right_says_why_and_changes_nothing(it, text, said):
    answer = it.post("/directory/import/", upload(text, take="1"))
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert not DirectoryDevice.objects.exists()


# --- a lost device ---


def address_of(device: Device, what: str = "") -> str:
    return f"/directory/devices/{device.pk}/{what}"


REASON = {"reason": "Left on the train", "checked": "on"}


def test_a_device_is_disabled_by_two_clicks_a_reason_and_a_tick(it, wide):
    device = DeviceFactory.create()
    assert "change" in text_of(it.get(address_of(device)))
    form = text_of(it.get(address_of(device, "change")))
    assert "Nothing on it is erased" in form
    for typed in ({}, {"reason": "x"}, {"checked": "on"}):
        assert it.post(address_of(device, "change"), typed).status_code == 422
    assert not RemoteChange.objects.exists()
    assert it.post(address_of(device, "change"), REASON).status_code == 302
    change = RemoteChange.objects.get()
    assert (change.kind, change.reason, change.by_hand) == (
        "disable",
        "Left on the train",
        False,
    )


def test_enabling_again_says_first_that_it_takes_a_licence(it, wide):
    entry = DirectoryDeviceFactory.create(status="DISABLED", standing="disabled")
    assert "takes one licence" in text_of(it.get(address_of(entry.device, "change")))
    it.post(address_of(entry.device, "change"), REASON)
    assert RemoteChange.objects.get().kind == "reenable"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("DIRECTORY_WRITE", "may only read at Google"),
        ("DIRECTORY_WITHOUT_SECOND_FACTOR", "Give the second proof now"),
    ],
)
def test_what_is_missing_is_said_and_the_check_list_for_the_console_stays(
    it, wide, setting, said
):
    setattr(wide, setting, False)
    device = DeviceFactory.create()
    assert said in text_of(it.get(address_of(device, "change")))
    it.post(address_of(device, "change"), REASON)
    change = RemoteChange.objects.get()
    assert change.by_hand
    page = text_of(it.get(address_of(device)))
    assert "Do not deprovision it" in page
    it.post(f"/directory/changes/{change.pk}/done")
    change.refresh_from_db()
    assert (change.state, change.settled_at is not None) == ("done", True)


def test_there_is_no_way_to_deprovision_from_here(it, wide):
    device = DeviceFactory.create()
    assert "Kitto never does it" in text_of(it.get(address_of(device)))
    it.post(address_of(device, "change"), {**REASON, "kind": "deprovision"})
    assert RemoteChange.objects.get().kind == "disable"


def test_a_device_page_costs_the_same_with_one_change_and_with_three(
    it, django_assert_num_queries, django_assert_max_num_queries
):
    change = RemoteChangeFactory.create(state="done", settled_at=NOW)
    with django_assert_max_num_queries(20) as first:
        it.get(address_of(change.device))
    for _more in range(2):
        RemoteChangeFactory.create(state="done", settled_at=NOW, device=change.device)
    with django_assert_num_queries(len(first)):
        it.get(address_of(change.device))


def test_writing_back_is_refused_where_it_is_switched_off(it, wide):
    answer = it.post("/directory/write-back", follow=True)
    assert "switched off on this site" in text_of(answer)
