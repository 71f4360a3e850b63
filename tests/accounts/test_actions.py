"""A roll brings everybody in step, twice as once, and takes nobody away."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.actions import (
    PersonLeftError,
    enter_person,
    name_it_lead,
)
from accounts.forms import read_roll
from accounts.models import AuditEntry, Department, Grant, Place, User, WorkingHours
from accounts.roll import import_roll
from accounts.states import Language, Role
from accounts.taking import Order
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    PlaceFactory,
    UserFactory,
    WorkingHoursFactory,
)
from tests.sheets import people, somebody

pytestmark = pytest.mark.django_db


def take(*changes, **kwargs):
    """Take a roll in whose rows differ from one good row by what is given."""
    result = import_roll(
        rows=read_roll(people(*changes), "roll.csv"), order=Order(NOW, **kwargs)
    )
    assert not result.flaws
    return result


def one():
    return User.objects.get(staff_number="000203")


def written(context):
    return [
        q["sql"]
        for q in context.captured_queries
        if q["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
    ]


def test_a_person_stands_in_department_place_and_hours_after_the_first_run():
    result = take({})
    person = one()
    assert result.created == 1
    assert (person.username, person.name, person.email) == (
        "000203",
        "小池 健太",
        "s000203@asahi.example.jp",
    )
    assert person.department.full_name == "総務部 総務課"
    assert (person.place.name, person.hours.week) == ("本庁舎", "8:30-17:15")
    assert person.place.hours == person.hours


def test_nobody_gets_a_password_by_the_roll():
    take({})
    assert not one().has_usable_password()
    assert not one().check_password("")


def test_a_second_run_changes_nothing_and_writes_nothing():
    rows = [
        {"役割": "DX推進リーダー"},
        somebody("000204"),
        somebody("000017", 退職日="2027-03-31"),
    ]
    take(*rows)
    before = AuditEntry.objects.count()
    with CaptureQueriesContext(connection) as context:
        result = take(*rows)
    assert (result.created, result.updated, result.unchanged) == (0, 0, 3)
    assert written(context) == []
    assert AuditEntry.objects.count() == before


def test_a_change_and_a_new_person_come_in_one_file():
    take({}, somebody("000204"))
    result = take({"氏名": "小野 健太"}, somebody("000204"), somebody("000205"))
    assert (result.created, result.updated, result.unchanged) == (1, 1, 1)
    assert one().name == "小野 健太"


def test_a_dry_run_says_the_same_and_writes_nothing():
    take({"役割": "DX推進リーダー"}, somebody("000204"))
    rows = [{"課": "職員課"}, somebody("000299", 部="新部", 勤務場所="新館", 役割="リーダー")]
    with CaptureQueriesContext(connection) as context:
        would = take(*rows, dry_run=True)
    assert written(context) == []
    assert User.objects.count() == 2
    done = take(*rows)
    assert would.dry_run
    assert would.counts == done.counts
    assert done.counts["updated"] == done.counts["created"] == 1


def test_people_who_are_missing_are_reported_and_stay():
    take({}, somebody("000017"), somebody("000018", 退職日="2026-11-01"))
    result = take({})
    assert result.missing == ("000017",)
    assert User.objects.filter(staff_number="000017", left_on=None, is_active=True).exists()


def test_leading_zeros_stay():
    take(somebody("000017", 内線="0042"))
    assert User.objects.get().staff_number == "000017"
    assert User.objects.get().extension == "0042"


def test_columns_the_file_does_not_have_are_left_alone():
    take({"内線": "4148", "アカウント": "k.koike", "退職日": "2027-03-31"})
    take({})
    person = one()
    assert (person.extension, person.account) == ("4148", "k.koike")
    assert person.left_on == date(2027, 3, 31)


def test_an_empty_cell_of_a_column_the_file_has_takes_the_value_back():
    take({"退職日": "2027-03-31"})
    take({"退職日": ""})
    assert one().left_on is None


def test_a_leaving_date_is_kept_and_reported_once():
    take({})
    assert take({"退職日": "2027-03-31"}).leaving == ("000203",)
    assert take({"退職日": "2027-03-31"}).leaving == ()
    assert one().left_on == date(2027, 3, 31)


def test_leave_comes_in_with_its_days():
    take({"休職開始日": "2026-11-01", "休職終了日": "2027-01-31"})
    assert one().is_on_leave(date(2026, 12, 1))
    assert not one().is_on_leave(date(2027, 2, 1))


def test_the_language_is_the_persons_own_choice_after_the_first_run():
    take({"言語": "English"})
    assert one().language == Language.EN
    User.objects.update(language=Language.JA)
    assert take({"言語": "English"}).updated == 0
    assert one().language == Language.JA


def test_two_people_may_exchange_their_addresses():
    take({}, somebody("000204"))
    take(
        {"メールアドレス": "s000204@asahi.example.jp"},
        somebody("000204", メールアドレス="s000203@asahi.example.jp"),
    )
    assert one().email == "s000204@asahi.example.jp"
    assert User.objects.get(staff_number="000204").email == "s000203@asahi.example.jp"


def test_an_address_passes_to_somebody_new_when_its_holder_gives_it_up():
    take({})
    result = take(
        {"メールアドレス": ""}, somebody("000204", メールアドレス="s000203@asahi.example.jp")
    )
    assert (result.created, result.updated) == (1, 1)


def test_people_without_an_address_are_many():
    take({"メールアドレス": ""}, somebody("000204", メールアドレス=""))
    assert User.objects.filter(email="").count() == 2


def test_who_was_entered_by_address_is_recognised_and_keeps_the_role():
    person = enter_person(email="S000203@asahi.example.jp", name="小池", now=NOW)
    name_it_lead(person=person, now=NOW)
    result = take({})
    person.refresh_from_db()
    assert (result.created, result.updated) == (0, 1)
    assert (person.staff_number, person.username) == ("000203", "000203")
    assert person.grants.get().role == Role.IT_LEAD
    assert take({}).unchanged == 1


def test_departments_stand_below_each_other():
    take({"係": "庶務係"}, somebody("000204", 課=""), somebody("000205", 部="", 課="監査室"))
    assert one().department.parent.full_name == "総務部 総務課"
    assert User.objects.get(staff_number="000204").department.name == "総務部"
    assert User.objects.get(staff_number="000205").department.parent is None
    assert Department.objects.count() == 4


def test_a_department_that_ended_is_not_used_again():
    old = DepartmentFactory.create(
        name="総務課", parent__name="総務部", valid_to_on=date(2026, 3, 31)
    )
    take({})
    assert one().department != old
    assert one().department.parent == old.parent


def test_a_place_has_the_hours_most_of_its_people_keep():
    take(
        {"勤務場所": "第一保育所", "勤務時間": "8:30-17:15"},
        somebody("000204", 勤務場所="第一保育所", 勤務時間="7:00-19:00"),
        somebody("000205", 勤務場所="第一保育所", 勤務時間="7:00-19:00"),
    )
    place = Place.objects.get()
    assert place.hours.week == "7:00-19:00"
    assert place.hours.counts_days
    assert not WorkingHours.objects.get(name="8:30-17:15").counts_days


def test_hours_of_a_place_that_somebody_set_by_hand_stay():
    own = WorkingHoursFactory.create(name="図書館", week="Tue-Sun 9:30-18:00")
    PlaceFactory.create(name="本庁舎", hours=own)
    take({})
    assert Place.objects.get().hours == own


def test_a_place_without_hours_gets_them():
    PlaceFactory.create(name="本庁舎", hours=None)
    take({})
    assert Place.objects.get().hours.week == "8:30-17:15"


def test_a_lead_leads_the_own_section():
    result = take({"役割": "DX推進リーダー"})
    grant = Grant.objects.get()
    assert result.leads_named == 1
    assert (grant.person, grant.role, grant.department) == (one(), Role.LEAD, one().department)
    assert grant.from_roll


def test_a_head_of_section_is_no_lead():
    take({"役割": "課長"})
    assert one().title == "課長"
    assert not Grant.objects.exists()


@pytest.mark.parametrize("word", ["IT担当", "IT責任者", "監査", "配布"])
def test_no_word_of_a_roll_grants_anything_but_lead(word):
    result = take({"役割": word})
    assert not Grant.objects.exists()
    assert one().title == word
    assert result.named_it == (("000203",) if word.startswith("IT") else ())


def test_who_has_the_it_role_already_is_no_news():
    take({"役割": "IT担当"})
    GrantFactory.create(person=one(), role=Role.IT)
    assert take({"役割": "IT担当"}).named_it == ()


def test_a_lead_the_roll_no_longer_names_loses_what_the_roll_gave_and_no_more():
    take({"役割": "DX推進リーダー"}, somebody("000204", 役割="DX推進リーダー"))
    by_hand = GrantFactory.create(
        person=one(), role=Role.LEAD, department=DepartmentFactory.create()
    )
    result = take({})
    assert result.leads_removed == 1
    assert list(one().grants.all()) == [by_hand]
    assert Grant.objects.filter(person__staff_number="000204").exists()


def test_a_roll_without_a_column_for_roles_takes_no_lead_away():
    take({"役割": "DX推進リーダー"})
    row = {"職員番号": "000203", "氏名": "小池 健太", "課": "総務課", "部": "総務部"}
    header, cells = ",".join(row), ",".join(row.values())
    import_roll(rows=read_roll(f"{header}\n{cells}".encode(), ""), order=Order(NOW))
    assert Grant.objects.count() == 1


def test_a_lead_named_by_hand_is_not_named_again():
    take({})
    GrantFactory.create(person=one(), role=Role.LEAD, department=one().department)
    assert take({"役割": "DX推進リーダー"}).leads_named == 0
    assert take({}).leads_removed == 0


def test_a_lead_who_changes_section_leads_the_new_one():
    take({"役割": "DX推進リーダー"})
    result = take({"役割": "DX推進リーダー", "課": "職員課"})
    assert (result.leads_named, result.leads_removed) == (1, 1)
    assert Grant.objects.get().department.name == "職員課"


def test_the_import_is_written_in_the_audit_log():
    boss = UserFactory.create()
    take({}, by=boss)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.at) == ("roll.imported", boss, NOW)
    assert entry.data["created"] == 1


def test_the_number_of_queries_does_not_grow_with_the_rows():
    def queries_for(numbers):
        rows = [somebody(f"{n:06d}") for n in numbers]
        with CaptureQueriesContext(connection) as context:
            take(*rows)
        return len(context)

    take({})
    assert queries_for(range(1000, 1003)) == queries_for(range(2000, 2030))


def test_a_reorganisation_is_one_update_for_all():
    rows = [somebody(f"{n:06d}") for n in range(20)]
    take(*rows)
    with CaptureQueriesContext(connection) as context:
        result = take(*({**row, "課": "新総務課"} for row in rows))
    assert result.updated == 20
    assert sum(sql.startswith("UPDATE") for sql in written(context)) == 1


def test_who_left_does_not_become_it_lead():
    person = UserFactory.create(left_on=date(2026, 10, 31))
    with pytest.raises(PersonLeftError):
        name_it_lead(person=person, now=NOW)
    assert not Grant.objects.exists()


def test_the_first_it_lead_is_named_once_and_written_down():
    person = UserFactory.create()
    assert name_it_lead(person=person, now=NOW)
    assert not name_it_lead(person=person, now=NOW)
    assert AuditEntry.objects.get().data == {"role": "it_lead"}
