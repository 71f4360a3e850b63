"""Sheets of devices are read whoever saved them, and every bad row is named in plain words."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation

from accounts.forms import SheetRefusedError
from accounts.taking import Order
from kitting.devices.actions.importing import import_devices
from kitting.devices.forms import DEVICE_SENTENCES, problems, read_devices
from kitting.devices.models import Device
from kitting.devices.rules import COLUMNS
from kitting.lib.rows import Flaw
from kitting.lib.sheets import match_headers
from tests.factories import NOW, BureauFactory, DepartmentFactory, DeviceFactory, UserFactory
from tests.sheets import ASAHI, DEVICE, box, csv_of, devices, wide, xlsx_of


def said(data):
    """What people are told about a sheet, in English, as Kitto would take it in."""
    result = import_devices(rows=read_devices(data, "devices.csv"), order=Order(NOW))
    with translation.override("en"):
        return [problem.sentence for problem in problems(result.flaws)]


def only_row(**columns):
    (row,) = read_devices(csv_of([DEVICE | columns]), "devices.csv")
    return row


def test_every_column_of_the_demo_city_is_known_and_none_twice():
    headers = (ASAHI / "devices.csv").read_text("utf-8-sig").splitlines()[0].split(",")
    matching = match_headers(headers, COLUMNS)
    assert (matching.unknown, matching.ambiguous) == ([], {})


def test_field_names_of_googles_directory_are_known():
    row = {
        "serialNumber": "5cd4c62h66",
        "annotatedAssetId": "CB-000001",
        "annotatedUser": "S000203@asahi.example.jp",
        "annotatedLocation": "本庁舎",
        "macAddress": "b0a34bf5b110",
        "model": "Chromebook 314 Touch",
        "orgUnitPath": "/職員",
    }
    (device,) = read_devices(csv_of([row]), "gam.csv")
    assert device.serial_number == "5CD4C62H66"
    assert device.person == "s000203@asahi.example.jp"
    assert device.mac_address == "B0:A3:4B:F5:B1:10"
    assert (device.asset_tag, device.place) == ("CB-000001", "本庁舎")


def test_a_file_of_serial_numbers_alone_is_enough():
    (first, second) = read_devices(b"S/N\n0001234567\n0001234568\n", "serials.csv")
    assert (first.serial_number, second.serial_number) == ("0001234567", "0001234568")


def test_full_width_and_spaces_become_the_usual_form():
    row = only_row(
        **{
            "シリアル番号": wide("5cd4c62h66"),
            "アセット ID": wide("CB-000001"),
            "利用者": wide("000 203"),
        }
    )
    assert (row.serial_number, row.asset_tag, row.person) == (
        "5CD4C62H66",
        "CB-000001",
        "000203",
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
def test_every_encoding_and_a_workbook_give_the_same_rows(encoding):
    rows = [DEVICE | {"設置場所": "第一保育所", "納品日": "2026-10-06"}]
    plain = read_devices(csv_of(rows), "")
    assert read_devices(csv_of(rows, encoding=encoding), "") == plain
    assert read_devices(xlsx_of(csv_of(rows)), "") == plain
    assert plain[0].delivered_on == date(2026, 10, 6)


@pytest.mark.parametrize(
    ("word", "purpose"),
    [
        ("個人", "personal"),
        ("共用", "shared"),
        ("予備", "spare"),
        ("Shared", "shared"),
        ("", ""),
    ],
)
def test_purposes_are_known_by_their_words(word, purpose):
    assert only_row(用途=word).purpose == purpose


def test_a_sheet_without_serial_numbers_is_refused():
    with pytest.raises(SheetRefusedError, match="column_missing"):
        read_devices("アセット ID\nCB-000001\n".encode(), "devices.csv")


@pytest.fixture
def roll():
    section = DepartmentFactory.create(name="総務課", parent__name="総務部")
    DepartmentFactory.create(name="庶務課", parent=section.parent)
    DepartmentFactory.create(name="庶務課", parent=BureauFactory.create(name="市民部"))
    UserFactory.create(staff_number="000203", department=section)
    UserFactory.create(staff_number="000204", department=None)
    UserFactory.create(staff_number="000205", department=section, left_on=date(2026, 11, 9))
    DeviceFactory.create(serial_number="5CD0000000", asset_tag="CB-000000")
    DeviceFactory.create(serial_number="5CD9999999", asset_tag="CB-999999")


BAD = [
    ({"シリアル番号": ""}, "The serial number is missing."),
    (
        {"シリアル番号": "5.02E+10"},
        "“シリアル番号” was changed by the spreadsheet program: 5.02E+10. Make the column text and enter it again.",
    ),
    (
        {"シリアル番号": "5CD端末1"},
        "The serial number may have letters, digits and hyphens only: 5CD端末1",
    ),
    ({"シリアル番号": "5" * 41}, "“シリアル番号” may have 40 characters at most."),
    (
        {"アセット ID": "cb-999999"},
        "The asset tag CB-999999 belongs to another device: 5CD9999999",
    ),
    (
        {"シリアル番号": "5CD0000000", "アセット ID": "CB-000007"},
        "The device 5CD0000000 has the asset tag CB-000000, not CB-000007.",
    ),
    ({"MAC アドレス": "B0:A3:4B"}, "The MAC address cannot be right: B0:A3:4B"),
    ({"利用者": "999999"}, "Nobody on the roll has the staff number 999999."),
    (
        {"利用者": "203"},
        "The staff number 203 seems to have lost its zeros. 000203 is known.",
    ),
    ({"利用者": "000205"}, "The person with the number 000205 works here no more."),
    (
        {"利用者": "000203", "用途": "共用"},
        "The purpose is “共用”, but a person is named. Keep one of them.",
    ),
    ({"用途": "会議"}, "The purpose “会議” is not known. Write 個人, 共用 or 予備."),
    (
        {"部": "総務部", "課": "無い課", "用途": "共用"},
        "The department “総務部 無い課” is not on the roll.",
    ),
    (
        {"課": "庶務課", "用途": "共用"},
        "There are several departments called “庶務課”. Add the one above.",
    ),
    ({"用途": "共用"}, "The department is missing."),
    ({"利用者": "000204"}, "The department is missing."),
    ({"納品日": "10月"}, "“納品日” is not a date: 10月. Write it like 2027-03-31."),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("columns", "sentence"), BAD)
def test_a_bad_row_is_named_in_plain_words_and_nothing_is_written(columns, sentence, roll):
    assert said(devices(box(17), columns)) == [f"Row 3: {sentence}"]
    assert Device.objects.count() == 2


@pytest.mark.django_db
def test_what_stands_in_two_rows_is_said_of_the_later_one():
    assert said(devices({}, {"シリアル番号": "5cd4c62h66"})) == [
        "Row 3: The serial number 5CD4C62H66 stands in row 2 already.",
        "Row 3: The asset tag CB-000001 stands in row 2 already.",
    ]


@pytest.mark.django_db
def test_all_bad_rows_are_named_at_once_in_their_order(roll):
    rows = [columns for columns, _sentence in BAD]
    result = import_devices(rows=read_devices(devices(*rows), ""), order=Order(NOW))
    numbers = [problem.row for problem in problems(result.flaws)]
    assert set(numbers) == set(range(2, len(BAD) + 2))
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("slug", DEVICE_SENTENCES)
def test_every_sentence_is_there_in_both_languages(slug):
    names = ("value", "earlier", "likely", "holder", "tag", "serial", "own")
    flaw = Flaw(17, slug, dict.fromkeys(names, "A1"))
    with translation.override("en"):
        (english,) = problems([flaw])
    with translation.override("ja"):
        (japanese,) = problems([flaw])
    assert english.sentence.startswith("Row 17: ")
    assert japanese.sentence.startswith("17行目")
    assert "%(" not in english.sentence + japanese.sentence
