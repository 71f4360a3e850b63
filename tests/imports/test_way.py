"""A sheet is brought, shown, taken in and taken back, by the page and by the command."""

from __future__ import annotations

import io
from collections import Counter
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import InterfaceError, OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Department, Grant, Place, Posting, Trace, Transfer, User
from kitting.imports import actions
from kitting.imports.models import ColumnChoice, Import, ImportFile
from kitting.imports.tasks import move, work_off
from kitting.jobs.models import Job
from kitting.models import BoxCode, Device, DeviceEvent, Edition, Guide, Journey, Loan, Tally
from tests.factories import (
    NOW,
    GrantFactory,
    JourneyFactory,
    TicketFactory,
    UserFactory,
    WaveFactory,
)
from tests.sheets import box, csv_of, devices, people, somebody

TABLES = (User, Department, Place, Grant, Device, BoxCode, Loan, Journey, Posting, Transfer)
TRANSFER = {"職員番号": "000203", "異動日": "2026-11-10", "新部": "福祉部", "新課": "保育課"}


def everything() -> dict[str, list[dict[str, object]]]:
    """Every row of what imports change, but the passwords nobody has."""
    return {
        model.__name__: [
            {k: v for k, v in row.items() if k not in {"id", "password", "last_login"}}
            for row in model.objects.order_by("pk").values()
        ]
        for model in TABLES
    }


def transfers(*rows: dict[str, str]) -> bytes:
    return csv_of([TRANSFER | row for row in rows])


def an_edition() -> Edition:
    guide = Guide.objects.create(slug="g")
    return Edition.objects.create(guide=guide, number=1, title={}, digest="d", created_at=NOW)


def upload(desk, data, kind="roll", name="roll.csv"):
    return desk.post("/imports/", {"kind": kind, "file": SimpleUploadedFile(name, data)})


# --- the page ----------------------------------------------------------------------------------------


def test_a_sheet_goes_the_whole_way_on_the_page(desk, it):
    answer = upload(desk, people({}, somebody("000204", 氏名="小野 健太")))
    run = Import.objects.get()
    assert answer["Location"] == f"/imports/{run.pk}/"
    assert "読みこんでいます" in desk.get(f"/imports/{run.pk}/").content.decode()
    before = everything()

    work_off()
    shown = desk.get(f"/imports/{run.pk}/").content.decode()
    assert "小池 健太" in shown
    assert "この内容で取りこむ" in shown
    assert everything() == before

    desk.post(f"/imports/{run.pk}/take")
    work_off()
    run.refresh_from_db()
    assert (run.state, run.counts["created"], run.by) == ("done", 2, it)
    assert set(User.objects.values_list("staff_number", flat=True)) >= {"000203", "000204"}
    assert not ImportFile.objects.exists()
    entry = AuditEntry.objects.get(action="roll.imported")
    assert (entry.actor, entry.data["batch"]) == (it, run.key)


def test_the_part_that_changes_says_when_it_is_final(desk, it):
    run = actions.bring(data=people({}), bringing=actions.Bringing("roll", "a", it, NOW))
    assert desk.get(f"/imports/{run.pk}/part").status_code == 200
    work_off()
    assert desk.get(f"/imports/{run.pk}/part").status_code == 286


def test_what_is_wrong_comes_back_row_by_row_with_a_marked_file(desk, shown):
    run = shown(people({}, somebody("000204", メールアドレス="x"), somebody("000203")))
    assert (run.state, run.flaw_count) == ("refused", 3)
    page = desk.get(f"/imports/{run.pk}/").content.decode()
    assert "3行目" in page
    lines = desk.get(f"/imports/{run.pk}/marked").content.decode("utf-8-sig").splitlines()
    assert lines[0].endswith("なおすところ")
    assert lines[1].endswith(",")
    assert "メールアドレス" in lines[2].rsplit(",", 1)[1]


def test_a_marked_file_that_was_put_right_comes_in(desk, shown, taken):
    run = shown(people({"メールアドレス": "x"}))
    data = desk.get(f"/imports/{run.pk}/marked").content
    assert taken(data.replace(b",x,", b",a@b.example,")).counts["created"] == 1


def test_columns_are_chosen_once_and_remembered(desk, shown):
    data = "番号,なまえ,部署\n000203,小池 健太,総務課\n".encode()
    run = shown(data)
    assert run.state == "asking"
    page = desk.get(f"/imports/{run.pk}/columns").content.decode()
    assert "総務課" in page
    wrong = desk.post(f"/imports/{run.pk}/columns", {"column_0": "name", "column_1": "name"})
    assert wrong.status_code == 422
    choice = {"column_0": "staff_number", "column_1": "name", "column_2": "section"}
    desk.post(f"/imports/{run.pk}/columns", choice)
    work_off()
    run.refresh_from_db()
    assert (run.state, run.counts["created"]) == ("ready", 1)
    assert ColumnChoice.objects.count() == 1
    again = shown("部署,番号,なまえ\n総務課,000204,小野 健太\n".encode())
    assert (again.state, again.columns["section"]) == ("ready", "部署")


def test_a_file_that_is_left_out_is_deleted_and_nothing_changes(desk, shown):
    before = everything()
    run = shown(people({}))
    desk.post(f"/imports/{run.pk}/drop")
    run.refresh_from_db()
    assert (run.state, ImportFile.objects.count()) == ("dropped", 0)
    assert everything() == before


def test_the_list_takes_as_many_queries_for_three_as_for_one(
    desk, shown, django_assert_num_queries
):
    shown(people({}))
    desk.get("/imports/")
    with CaptureQueriesContext(connection) as one:
        desk.get("/imports/")
    shown(people({}))
    shown(people({}))
    with django_assert_num_queries(len(one)):
        desk.get("/imports/")


@pytest.mark.parametrize("length", [21 * 2**20 + 1, 2 * 2**30])
def test_a_file_that_is_too_large_is_refused_by_its_length_with_a_sentence(db, client, length):
    answer = client.generic("POST", "/imports/", b"", CONTENT_LENGTH=str(length))
    assert answer.status_code == 413
    assert "20.0" in answer.content.decode()


def test_a_form_from_elsewhere_is_refused(it):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(it)
    assert upload(strict, people({})).status_code == 403
    assert not Import.objects.exists()


# --- what was shown is what is written ---------------------------------------------------------------


def test_a_change_in_between_is_said_and_nothing_is_written(shown):
    run = shown(people({}))
    assert run.counts["created"] == 1
    person = UserFactory.create(staff_number="000203", name="別の名前")
    assert actions.order(run=run)
    work_off()
    run.refresh_from_db()
    person.refresh_from_db()
    assert (run.state, run.is_stale, person.name) == ("ready", True, "別の名前")
    assert run.counts["updated"] == 1


def test_the_same_file_again_changes_nothing(taken, shown):
    data = people({}, somebody("000204"))
    taken(data)
    run = shown(data)
    assert run.counts["unchanged"] == 2
    assert not run.preview["shown"]


def test_an_import_that_breaks_off_leaves_nothing_and_says_so(it, shown):
    run = actions.bring(data=people({}), bringing=actions.Bringing("roll", "a", it, NOW))
    ImportFile.objects.all().delete()
    work_off()
    run.refresh_from_db()
    assert run.state == "failed"
    assert Job.objects.get().state == "failed"


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_an_import_whose_database_fell_is_begun_again(shown, monkeypatch, error):
    run = shown(people({}))
    actions.order(run=run)

    def falls(**_more: object) -> None:
        raise error

    monkeypatch.setattr(actions, "take", falls)
    with pytest.raises(error):
        work_off()
    run.refresh_from_db()
    assert (run.state, Job.objects.latest("pk").state) == ("ordered", "failed")
    monkeypatch.undo()
    work_off()
    run.refresh_from_db()
    assert (run.state, run.counts["created"]) == ("done", 1)


def test_a_file_nobody_confirms_is_thrown_away_after_a_day(shown):
    run = shown(people({}))
    assert actions.tidy(now=NOW + timedelta(hours=23)) == 0
    assert actions.tidy(now=NOW + timedelta(hours=25)) == 1
    run.refresh_from_db()
    assert (run.state, ImportFile.objects.count()) == ("dropped", 0)


# --- devices follow their people ---------------------------------------------------------------------


def test_devices_move_with_their_people(taken):
    taken(people({}))
    taken(devices({"利用者": "000203"}), "devices")
    run = taken(people({"課": "職員課"}))
    loan, journey = Loan.objects.get(), Journey.objects.get()
    assert (run.counts["moved"], loan.department.name) == (1, "職員課")
    assert journey.department_id == loan.department_id
    posting = Posting.objects.get()
    assert (posting.department.name, posting.from_on) == ("総務課", None)
    assert posting.to_on >= date(2026, 11, 1)


# --- taking back -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "first", "second"),
    [
        ("roll", [], people({}, somebody("000204", 役割="DX推進リーダー"))),
        ("roll", [people({}, somebody("000204", 役割="DX推進リーダー"))], people({"課": "新課", "役割": "リーダー"}, somebody("000204"))),
        ("roll", [people({}, somebody("000204"))], people({"メールアドレス": "s000204@asahi.example.jp"}, somebody("000204", メールアドレス="s000203@asahi.example.jp"))),
        ("devices", [people({})], devices(box(1, 利用者="000203"), box(2, 用途="予備"))),
        ("transfers", [people({})], transfers({"異動日": "2030-04-01"})),
        ("transfers", [people({})], transfers({"新勤務場所": "東庁舎"})),
    ],
    ids=["new people", "changed people", "swapped addresses", "devices", "plans", "moves"],
)  # fmt: skip
def test_the_last_import_is_taken_back_whole(desk, taken, kind, first, second):
    for data in first:
        taken(data)
    before = everything()
    run = taken(second, kind)
    assert everything() != before
    assert desk.get(f"/imports/{run.pk}/undo").status_code == 200
    desk.post(f"/imports/{run.pk}/undo")
    run.refresh_from_db()
    assert run.state == "undone"
    assert everything() == before
    assert not Trace.objects.exists()
    assert AuditEntry.objects.filter(action="import.undone").count() == 1


def test_taking_back_keeps_the_kept_counts_right(taken, it, settings):
    settings.BOARD_COUNTERS = True
    taken(people({}))
    taken(devices({"利用者": "000203"}), "devices")
    run = taken(transfers({}), "transfers")
    actions.undo(run=run, by=it, now=NOW)
    again = taken(devices({"利用者": "000203"}, box(2, 利用者="000203")), "devices")
    actions.undo(run=again, by=it, now=NOW)
    sums = Counter()
    for kind, key, department, number in Tally.objects.exclude(kind="complete").values_list(
        "kind", "key", "department_id", "number"
    ):
        sums[kind, key, department] += number
    home = Journey.objects.get().department_id
    assert {key[2] for key, number in sums.items() if number} == {home}
    assert max(sums.values()) == 1


def test_moves_of_devices_are_taken_back_too(taken, it):
    taken(people({}))
    taken(devices({"利用者": "000203"}), "devices")
    before = everything()
    run = taken(transfers({}), "transfers")
    assert Loan.objects.get().department.name == "保育課"
    actions.undo(run=run, by=it, now=NOW)
    assert everything() == before


def test_a_device_that_is_not_lent_after_all_says_so(taken, it):
    taken(people({}))
    taken(devices({"利用者": ""}), "devices")
    run = taken(devices({"利用者": "000203"}), "devices")
    actions.undo(run=run, by=it, now=NOW)
    story = DeviceEvent.objects.order_by("pk")
    assert list(story.values_list("kind", flat=True)) == ["bound", "unbound"]
    assert {event.data["import"] for event in story} == {run.key}
    assert story.last().note.text


@pytest.mark.parametrize("what", ["begun", "printed", "ticket", "edited"])
def test_what_depends_on_an_import_keeps_it(desk, taken, what):
    taken(people({}))
    run = taken(devices({"利用者": "000203"}), "devices")
    journey = Journey.objects.get()
    if what == "begun":
        Journey.objects.update(begun_at=NOW, edition=an_edition())
    elif what == "printed":
        BoxCode.objects.update(printed_at=NOW)
    elif what == "ticket":
        TicketFactory.create(journey=journey)
    else:
        run = taken(people({"氏名": "小池 花子"}))
        User.objects.filter(staff_number="000203").update(name="小池 太郎")
    before = everything()
    answer = desk.post(f"/imports/{run.pk}/undo")
    assert answer.status_code == 422
    assert everything() == before


def test_somebody_who_signed_in_is_not_taken_back(taken, it):
    run = taken(people({}))
    User.objects.filter(staff_number="000203").update(last_login=NOW)
    with pytest.raises(actions.DependsError):
        actions.undo(run=run, by=it, now=NOW)


def test_only_the_last_import_is_taken_back(desk, taken, it):
    first = taken(people({}))
    taken(people({"氏名": "小池 花子"}))
    assert desk.post(f"/imports/{first.pk}/undo").status_code == 302
    with pytest.raises(actions.NotNowError):
        actions.undo(run=first, by=it, now=NOW)


# --- moves on a day ----------------------------------------------------------------------------------


def test_a_move_waits_for_its_day_and_happens_once(taken, it):
    taken(people({}))
    taken(devices({"利用者": "000203"}), "devices")
    run = taken(transfers({"異動日": "R9.4.1", "新勤務場所": "第三保育所"}), "transfers")
    assert run.counts["planned"] == 1
    assert not Department.objects.filter(name="保育課").exists()
    april = NOW.replace(year=2027, month=4, day=1)
    assert actions.apply_transfers(now=april - timedelta(days=1)) == 0
    assert actions.apply_transfers(now=april) == 1
    assert actions.apply_transfers(now=april) == 0
    person, loan, journey = (
        User.objects.get(staff_number="000203"),
        Loan.objects.get(),
        Journey.objects.get(),
    )
    assert person.department.full_name == "福祉部 保育課"
    assert person.department.valid_from_on == date(2027, 4, 1)
    assert {person.department_id} == {loan.department_id, journey.department_id}
    assert loan.place.name == journey.place.name == "第三保育所"
    posting = Posting.objects.get()
    assert (posting.department.name, posting.to_on) == ("総務課", date(2027, 4, 1))
    with pytest.raises(actions.DependsError):
        actions.undo(run=run, by=it, now=april)


def test_a_transfer_taken_in_before_changes_nothing_even_after_its_day(taken, shown):
    taken(people({}))
    taken(transfers({}), "transfers")
    taken(people({"課": "財政課"}))
    assert shown(transfers({}), "transfers").counts["unchanged"] == 1


def test_a_roll_leaves_people_where_they_are_until_their_day(taken, shown):
    taken(people({}))
    taken(transfers({"異動日": "2030-04-01"}), "transfers")
    run = taken(people({"部": "福祉部", "課": "保育課", "氏名": "小池 花子"}))
    person = User.objects.get(staff_number="000203")
    assert (run.counts["held"], run.counts["moved"]) == (1, 0)
    assert (person.name, person.department.name) == ("小池 花子", "総務課")


def test_a_move_of_somebody_who_left_is_dropped(taken):
    taken(people({}))
    taken(transfers({"異動日": "2030-04-01"}), "transfers")
    User.objects.filter(staff_number="000203").update(left_on=date(2030, 3, 31))
    assert actions.apply_transfers(now=NOW.replace(year=2030, month=4, day=1)) == 0
    assert Transfer.objects.get().state == "dropped"


@pytest.mark.parametrize(
    ("row", "slug"),
    [
        ({"職員番号": "999999"}, "person_unknown"),
        ({"職員番号": "203"}, "person_zeros"),
        ({"異動日": ""}, "effective_missing"),
        ({"異動日": "四月一日"}, "date_unreadable"),
        ({"新部": "", "新課": ""}, "nothing_said"),
        ({"新部": "", "新課": "知らない課"}, "department_new_alone"),
        ({"氏名": "小野 健太"}, "name_differs"),
    ],
)
def test_a_transfer_that_cannot_be_is_said(taken, shown, row, slug):
    taken(people({}))
    run = shown(transfers(row), "transfers")
    assert [flaw[1] for flaw in run.flaws] == [slug]


def test_a_transfer_that_stands_twice_is_said(taken, shown):
    taken(people({}))
    run = shown(transfers({}, {}), "transfers")
    assert [flaw[1] for flaw in run.flaws] == ["transfer_twice"]


def test_a_planned_move_is_taken_back_on_its_page(desk, taken):
    taken(people({}))
    taken(transfers({"異動日": "2030-04-01"}), "transfers")
    assert "小池 健太" in desk.get("/imports/transfers/").content.decode()
    desk.post(f"/imports/transfers/{Transfer.objects.get().pk}/drop")
    assert Transfer.objects.get().state == "dropped"


def test_the_command_plans_moves_and_the_page_shows_it(desk, taken, tmp_path):
    taken(people({}))
    path = tmp_path / "april.csv"
    path.write_bytes(transfers({"異動日": "2030-04-01"}))
    out = io.StringIO()
    call_command("import_transfers", str(path), "--language=en", stdout=out)
    assert "Move on their day: 1" in out.getvalue()
    assert "april.csv" in desk.get("/imports/").content.decode()


def test_the_task_moves_who_is_due(taken):
    taken(people({}))
    JourneyFactory.create()
    person = User.objects.get(staff_number="000203")
    Transfer.objects.create(
        person=person, effective_on=date(2026, 1, 1), way=["総務部", "広報課"], made_at=NOW
    )
    move()
    person.refresh_from_db()
    assert person.department.name == "広報課"


def test_a_lead_is_no_it_here(client, db):
    client.force_login(GrantFactory.create(role="desk").person)
    assert client.get("/imports/").status_code == 404


# --- departments on a day ----------------------------------------------------------------------------

RENAMED = {
    "施行日": "2027-04-01",
    "旧部": "総務部",
    "旧課": "総務課",
    "新部": "総務部",
    "新課": "総務人事課",
}


def renamed(*rows: dict[str, str]) -> bytes:
    return csv_of([RENAMED | row for row in rows])


def a_section_with_everything(taken) -> User:
    """Two people, a lead and two devices on loan in a section."""
    taken(
        people({"役割": "DX推進リーダー"}, somebody("000204"), somebody("000205", 課="職員課"))
    )
    taken(
        devices({"利用者": "000203"}, box(2, 部="総務部", 課="総務課", 用途="共用")), "devices"
    )
    return User.objects.get(staff_number="000203")


def test_a_renamed_section_goes_over_on_its_day_and_once(taken):
    person = a_section_with_everything(taken)
    old = person.department
    WaveFactory.create(name="第1回").departments.add(old)
    run = taken(renamed({}), "org")
    assert (run.counts["planned"], run.counts["people"], run.counts["departments_new"]) == (
        1,
        2,
        1,
    )
    april = NOW.replace(year=2027, month=4, day=1)
    assert actions.follow_departments(now=april - timedelta(days=1)) == 0
    assert actions.follow_departments(now=april) == 2
    assert actions.follow_departments(now=april) == 0
    new = Department.objects.get(name="総務人事課")
    old.refresh_from_db()
    assert (old.successor, old.valid_to_on, new.valid_from_on) == (
        new,
        date(2027, 3, 31),
        date(2027, 4, 1),
    )
    assert {
        User.objects.get(pk=person.pk).department,
        Grant.objects.get(role="lead").department,
    } == {new}
    assert set(Loan.objects.values_list("department", flat=True)) == {new.pk}
    assert Journey.objects.open().get().department == new
    assert new.waves.count() == 1
    postings = Posting.objects.filter(department=old, to_on=date(2027, 4, 1))
    assert postings.count() == 2


def test_a_roll_that_still_uses_the_old_name_changes_nothing(taken):
    a_section_with_everything(taken)
    taken(renamed({"施行日": "2026-01-01"}), "org")
    before = Department.objects.count()
    run = taken(people({"役割": "DX推進リーダー"}, somebody("000204")))
    assert (run.counts["moved"], run.counts["departments_created"]) == (0, 0)
    assert Department.objects.count() == before


def test_a_renamed_bureau_keeps_its_sections_and_merges_twins(taken):
    taken(
        people(
            {}, somebody("000204", 部="福祉部", 課="総務課"), somebody("000205", 課="職員課")
        )
    )
    taken(renamed({"施行日": "2026-01-01", "旧課": "", "新部": "福祉部", "新課": ""}), "org")
    homes = {
        number: User.objects.get(staff_number=number).department.full_name
        for number in ("000203", "000204", "000205")
    }
    assert homes == {
        "000203": "福祉部 総務課",
        "000204": "福祉部 総務課",
        "000205": "福祉部 職員課",
    }
    assert not Department.objects.filter(parent__name="総務部", valid_to_on=None).exists()


def test_a_sheet_of_departments_is_taken_back(taken, it):
    a_section_with_everything(taken)
    before = everything()
    for day in ("2027-04-01", "2026-01-01"):
        actions.undo(run=taken(renamed({"施行日": day}), "org"), by=it, now=NOW)
        assert everything() == before


def test_what_went_over_by_itself_is_not_taken_back(taken, it):
    a_section_with_everything(taken)
    run = taken(renamed({"新課": "職員課"}), "org")
    april = NOW.replace(year=2027, month=4, day=1)
    actions.follow_departments(now=april)
    with pytest.raises(actions.DependsError):
        actions.undo(run=run, by=it, now=april)


def test_a_sheet_of_departments_twice_changes_nothing(taken, shown):
    taken(people({}))
    taken(renamed({}), "org")
    assert shown(renamed({}), "org").counts["unchanged"] == 1
    assert shown(renamed({"施行日": "2027-05-01"}), "org").counts["updated"] == 1
    taken(people({}))
    taken(renamed({"施行日": "2026-01-01"}), "org")
    assert shown(renamed({"施行日": "2026-01-01"}), "org").counts["unchanged"] == 1


@pytest.mark.parametrize(
    ("row", "slug"),
    [
        ({"施行日": ""}, "day_missing"),
        ({"旧部": "", "旧課": ""}, "old_missing"),
        ({"新部": "", "新課": ""}, "new_missing"),
        ({"旧課": "知らない課"}, "department_unknown"),
        ({"新課": "総務課"}, "department_same"),
    ],
)
def test_a_change_of_departments_that_cannot_be_is_said(taken, shown, row, slug):
    taken(people({}))
    assert [flaw[1] for flaw in shown(renamed(row), "org").flaws] == [slug]


def test_departments_that_end_twice_or_in_each_other_are_said(taken, shown):
    taken(people({}, somebody("000204", 課="職員課")))
    rows = ({}, {}, {"旧課": "職員課", "新課": "総務課"})
    run = shown(renamed(*rows), "org")
    assert [flaw[1] for flaw in run.flaws] == ["department_twice", "department_ends_too"]


def test_the_command_notes_renamed_departments(taken, tmp_path):
    taken(people({}))
    path = tmp_path / "april.csv"
    path.write_bytes(renamed({}))
    out = io.StringIO()
    call_command("import_departments", str(path), "--language=en", stdout=out)
    assert "Go over on their day: 1" in out.getvalue()


@pytest.mark.parametrize(
    ("day", "department", "place"),
    [
        ("異動日", "異動先部署", "異動先勤務地"),
        ("発令日", "新部署", "新任地"),
        ("date", "to department", "to place"),
    ],
)
def test_transfers_come_under_the_names_personnel_gives_them(
    taken, shown, day, department, place
):
    taken(people({}))
    row = {"staff number": "000203", day: "2027-04-01", department: "総務課", place: "西庁舎"}
    assert shown(csv_of([row]), "transfers").counts["planned"] == 1
