"""A city comes in by two commands; what is wrong is said row by row, and then nothing comes in."""

from __future__ import annotations

import io
from datetime import date, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from accounts.models import AuditEntry, Department, Grant, Place, User, WorkingHours
from kitting.models import BoxCode, Device, Journey, Loan, Ticket
from tests.sheets import ASAHI, box, devices, people, somebody, wide, xlsx_of

TABLES = (
    User,
    Department,
    Place,
    WorkingHours,
    Grant,
    Device,
    BoxCode,
    Loan,
    Journey,
    AuditEntry,
)


class Ran:
    """What a command printed, and the status it ended with."""

    def __init__(self, command, path, *options):
        out, err = io.StringIO(), io.StringIO()
        self.status, self.refusal = 0, ""
        try:
            call_command(command, str(path), *options, stdout=out, stderr=err)
        except CommandError as error:
            self.status, self.refusal = error.returncode, str(error)
        self.out, self.err = out.getvalue(), err.getvalue()


@pytest.fixture
def take(tmp_path):
    """Run a command on what would be in the file."""

    def run(command, data, *options, language="en"):
        path = tmp_path / "sheet.csv"
        path.write_bytes(data)
        return Ran(command, path, f"--language={language}", *options)

    return run


def everything():
    """Every row of the tables an import may touch, as plain values."""
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in TABLES}


def city():
    """The city as people know it, without the codes and passwords drawn by chance."""
    persons = User.objects.order_by("staff_number").values_list(
        "staff_number", "name", "kana", "email", "department__name", "place__name", "hours__name",
        "title", "employment", "extension",
    )  # fmt: skip
    loans = Loan.objects.order_by("device__serial_number").values_list(
        "device__serial_number", "device__asset_tag", "device__model_name", "device__mac_address",
        "device__carton", "device__delivered_on", "kind", "person__staff_number",
        "department__name", "place__name",
    )  # fmt: skip
    return list(persons), list(loans)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["", "_cp932"])
def test_the_demo_city_comes_in_whole_and_a_second_run_changes_nothing(kind):
    staff, boxes = ASAHI / f"staff{kind}.csv", ASAHI / f"devices{kind}.csv"
    first = Ran("import_staff", staff, "--language=en")
    assert "People: 2678 new, 0 changed, 0 unchanged" in first.out
    assert "Named IT in the roll: 10." in first.out
    assert "Devices: 2650 new" in Ran("import_devices", boxes, "--language=en").out
    assert Loan.objects.with_person().count() == Journey.objects.count() == 2620
    assert BoxCode.objects.count() == Device.objects.exclude(code=None).count() == 2650
    assert Grant.objects.count() == 81
    assert Place.objects.filter(hours__counts_days=True).count() == 18
    before = everything()
    assert "0 new, 0 changed, 2678 unchanged" in Ran("import_staff", staff, "--language=en").out
    assert (
        "0 new, 0 changed, 2650 unchanged" in Ran("import_devices", boxes, "--language=en").out
    )
    assert everything() == before


@pytest.mark.django_db
def test_both_encodings_give_the_same_city():
    Ran("import_staff", ASAHI / "staff.csv")
    Ran("import_devices", ASAHI / "devices.csv")
    whole = city()
    for command, name in (("import_staff", "staff"), ("import_devices", "devices")):
        ran = Ran(command, ASAHI / f"{name}_cp932.csv", "--language=en")
        assert "0 new, 0 changed" in ran.out
    assert city() == whole


@pytest.mark.django_db
def test_a_workbook_of_the_city_changes_nothing(take):
    Ran("import_staff", ASAHI / "staff.csv")
    Ran("import_devices", ASAHI / "devices.csv")
    before = everything()
    for command, name in (("import_staff", "staff"), ("import_devices", "devices")):
        assert take(command, xlsx_of((ASAHI / f"{name}.csv").read_bytes())).status == 0
    assert everything() == before


@pytest.mark.django_db
def test_a_dry_run_shows_what_would_be_and_writes_nothing(take):
    take("import_staff", people({}))
    before = everything()
    ran = take("import_staff", people({"氏名": "小野 健太"}, somebody("000204")), "--dry-run")
    assert "This is a dry run. Nothing was written" in ran.out
    assert "People: 1 new, 1 changed, 0 unchanged" in ran.out
    ran = take("import_devices", devices({"利用者": "000203"}), "--dry-run")
    assert "Devices: 1 new, 0 changed, 0 unchanged" in ran.out
    assert "Loans: 1 opened, 0 moved" in ran.out
    assert everything() == before


@pytest.mark.django_db
def test_bad_rows_of_a_roll_are_all_named_and_nothing_is_written(take):
    data = people({"氏名": ""}, somebody("000204"), {"メールアドレス": "x", "部": "", "課": ""})
    ran = take("import_staff", data)
    assert ran.status == 1
    assert ran.err.splitlines() == [
        "Row 2: The name is missing.",
        "Row 4: The department is missing.",
        "Row 4: The e-mail address cannot be right: x",
        "Row 4: The staff number 000203 stands in row 2 already.",
    ]
    assert ran.refusal == "Nothing was written. Things to put right: 4"
    assert ran.out == ""
    assert not User.objects.exists()


@pytest.mark.django_db
def test_bad_rows_of_devices_are_all_named_and_nothing_is_written(take):
    ran = take("import_devices", devices(box(1), box(2, 利用者="999999"), box(3, 用途="会議")))
    assert ran.status == 1
    assert [line.split(":")[0] for line in ran.err.splitlines()] == ["Row 3", "Row 4"]
    assert not Device.objects.exists()


@pytest.mark.django_db
def test_bad_rows_are_named_in_japanese_by_default(tmp_path):
    path = tmp_path / "roll.csv"
    path.write_bytes(people({"職員番号": ""}))
    ran = Ran("import_staff", path)
    assert "2行目" in ran.err
    assert "職員番号がありません。" in ran.err
    assert "何も登録していません。" in ran.refusal


@pytest.mark.django_db
def test_a_roll_with_bad_rows_does_not_follow_who_left_either(take):
    take("import_staff", people({}))
    take("import_devices", devices({"利用者": "000203"}))
    User.objects.update(left_on=date(2020, 1, 1))
    before = everything()
    assert take("import_staff", people({}, {"氏名": ""})).status == 1
    assert everything() == before


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["import_staff", "import_devices"])
def test_a_file_that_is_not_there_or_no_sheet_is_said_plainly(command, take, tmp_path):
    missing = Ran(command, tmp_path / "no.csv", "--language=en")
    assert (missing.status, missing.refusal.split(":")[0]) == (1, "There is no such file")
    folder = Ran(command, tmp_path, "--language=en")
    assert (folder.status, folder.refusal.split(":")[0]) == (1, "The file cannot be read")
    ran = take(command, b"%PDF-1.7 nothing")
    assert ran.status == 1
    assert ran.err == "This file is not a sheet. Save it as CSV or as XLSX.\n"
    assert take(command, b"").err == "The file is empty.\n"


@pytest.mark.django_db
def test_people_who_are_missing_are_reported_and_stay(take):
    take("import_staff", people({}, somebody("000017")))
    ran = take("import_staff", people({}))
    assert "Not in the file, nothing was deleted: 1 (000017)" in ran.out
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_a_leaving_date_closes_the_journey_and_asks_the_device_back(take):
    take("import_staff", people({}))
    take("import_devices", devices({"利用者": "000203"}))
    assert Journey.objects.open().count() == 1
    ran = take("import_staff", people({"退職日": "2020-03-31"}))
    assert "With a new leaving date: 1 (000203)" in ran.out
    assert not Journey.objects.open().exists()
    assert Ticket.objects.open().get().device == Device.objects.get()


@pytest.mark.django_db
def test_the_device_sheet_does_not_bring_the_journey_of_somebody_who_left_back(take):
    take("import_staff", people({}))
    take("import_devices", devices({"利用者": "000203"}))
    take("import_staff", people({"退職日": "2020-03-31"}))
    assert take("import_devices", devices({"利用者": "000203"})).status == 0
    assert not Journey.objects.open().exists()


@pytest.mark.django_db
def test_a_leaving_date_to_come_changes_nothing_yet(take):
    take("import_staff", people({}))
    take("import_devices", devices({"利用者": "000203"}))
    on = date.today() + timedelta(days=90)  # noqa: DTZ011  # the day is far enough in every zone
    take("import_staff", people({"退職日": f"{on:%Y-%m-%d}"}))
    assert Journey.objects.open().count() == 1
    assert not Ticket.objects.exists()
    assert "Not in the file" in take("import_staff", people(somebody("000204"))).out


@pytest.mark.django_db
def test_a_device_handed_on_closes_one_journey_and_opens_another(take):
    take("import_staff", people({}, somebody("000204")))
    take("import_devices", devices({"利用者": "000203"}))
    ran = take("import_devices", devices({"利用者": "000204"}))
    assert "Handed on to somebody else: 1 (CB-000001)" in ran.out
    assert Journey.objects.open().get().person.staff_number == "000204"
    assert Journey.objects.count() == 2


@pytest.mark.django_db
def test_the_language_of_the_answer_ends_with_the_command(take):
    with translation.override("ja"):
        take("import_staff", people({}), language="en")
        assert translation.get_language() == "ja"


@pytest.mark.django_db
def test_the_first_it_lead_is_somebody_on_the_roll(take):
    take("import_staff", people({"役割": "IT責任者"}))
    out = io.StringIO()
    call_command("createitlead", "--staff-number", wide("000203"), "--language=en", stdout=out)
    assert out.getvalue() == "小池 健太 is IT lead now.\n"
    assert Grant.objects.get().person.staff_number == "000203"
    call_command("createitlead", "--staff-number=000203", "--language=en", stdout=out)
    assert "already" in out.getvalue()


@pytest.mark.django_db
def test_the_first_it_lead_may_come_before_the_roll(take):
    call_command(
        "createitlead",
        "--email=S000203@asahi.example.jp",
        "--name=小池 健太",
        stdout=io.StringIO(),
    )
    take("import_staff", people({}))
    person = User.objects.get()
    assert person.staff_number == "000203"
    assert person.grants.get().role == "it_lead"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options", [("--staff-number=999999",), ("--email=nobody@asahi.example.jp",)]
)
def test_an_it_lead_nobody_knows_is_not_made(options):
    with pytest.raises(CommandError) as refused:
        call_command("createitlead", *options)
    assert refused.value.returncode == 1
    assert not User.objects.exists()


@pytest.mark.django_db
def test_an_it_lead_without_an_address_is_told_what_is_missing(take):
    take("import_staff", people({"メールアドレス": ""}))
    err = io.StringIO()
    call_command(
        "createitlead",
        "--staff-number=000203",
        "--language=en",
        stdout=io.StringIO(),
        stderr=err,
    )
    assert "has no e-mail address" in err.getvalue()
