"""A roll is read whoever saved it, and every bad row is named in plain words."""

from __future__ import annotations

from datetime import date

import pytest
from django.utils import translation

from accounts.forms import (
    ROLL_SENTENCES,
    SHEET_SENTENCES,
    SheetRefusedError,
    problems,
    read_roll,
)
from accounts.models import User
from accounts.roll import import_roll
from accounts.taking import Order
from kitting.lib.rows import Flaw
from kitting.lib.sheets import REASONS
from tests.factories import NOW, UserFactory
from tests.sheets import PERSON, csv_of, people, somebody, wide, xlsx_of


def said(data):
    """What people are told about a roll, in English, as Kitto would take it in."""
    result = import_roll(rows=read_roll(data, "roll.csv"), order=Order(NOW))
    with translation.override("en"):
        return [problem.sentence for problem in problems(result.flaws)]


def only_row(**columns):
    (row,) = read_roll(csv_of([PERSON | columns]), "roll.csv")
    return row


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16"])
def test_every_encoding_gives_the_same_rows(encoding):
    assert read_roll(csv_of([PERSON], encoding=encoding), "") == read_roll(people({}), "")


def test_a_workbook_gives_the_same_rows():
    roll = people({}, somebody("000017"))
    assert read_roll(xlsx_of(roll), "roll.xlsx") == read_roll(roll, "roll.csv")


def test_english_headers_are_known_in_any_case_and_order():
    row = {
        "E-MAIL": "K.Ono@asahi.example.jp",
        "Department": "General Affairs",
        "Full name": "Kenta Ono",
        "staff_number": "000017",
        "Leaving date": "2027-03-31",
    }
    (person,) = read_roll(csv_of([row]), "roll.csv")
    assert (person.staff_number, person.name, person.email) == (
        "000017",
        "Kenta Ono",
        "k.ono@asahi.example.jp",
    )
    assert person.departments == ("General Affairs",)
    assert person.left_on == date(2027, 3, 31)


def test_full_width_and_spaces_become_the_usual_form():
    row = only_row(
        職員番号=wide("000 203"),
        氏名="小池　 健太",
        メールアドレス=wide("S000203@") + "ASAHI.example.jp",
        勤務時間=wide("8:30") + "〜" + wide("17:15"),
    )
    assert (row.staff_number, row.name, row.email, row.hours) == (
        "000203",
        "小池 健太",
        "s000203@asahi.example.jp",
        "8:30-17:15",
    )


@pytest.mark.parametrize("name", ["髙橋 一", "山﨑 凜", "𠮷野 神"])
def test_names_are_kept_as_they_are_written(name):
    assert only_row(氏名=name).name == name


@pytest.mark.parametrize(
    ("word", "leads", "title"),
    [
        ("DX推進リーダー", ("総務部", "総務課"), ""),
        (wide("DX") + "推進リーダー", ("総務部", "総務課"), ""),
        ("リーダー", ("総務部", "総務課"), ""),
        ("課長", (), "課長"),
        ("課長・DX推進リーダー", ("総務部", "総務課"), "課長"),
        ("IT担当", (), "IT担当"),
        ("", (), ""),
    ],
)
def test_leads_are_named_by_their_word_and_a_head_of_section_is_not_one(word, leads, title):
    row = only_row(役割=word)
    assert (row.led, row.title) == (leads, title)


def test_a_lead_of_a_unit_leads_its_section():
    row = only_row(係="庶務係", 役割="DX推進リーダー")
    assert row.departments == ("総務部", "総務課", "庶務係")
    assert row.led == ("総務部", "総務課")


def test_a_sheet_without_the_needed_columns_is_refused_with_their_names():
    with pytest.raises(SheetRefusedError) as refused, translation.override("en"):
        read_roll(csv_of([{"品名": "机", "数": "3"}]), "desks.csv")
    with translation.override("en"):
        assert [p.sentence for p in problems(refused.value.flaws)] == [
            "A column is missing: 職員番号 / staff number",
            "A column is missing: 氏名 / name",
            "A column is missing: 課 / section",
        ]


def test_two_columns_of_one_meaning_are_refused():
    with pytest.raises(SheetRefusedError, match="columns_alike"):
        read_roll(csv_of([PERSON | {"所属": "総務課"}]), "roll.csv")


def test_a_sheet_of_headers_only_is_refused():
    with pytest.raises(SheetRefusedError, match="no_rows"):
        read_roll(",".join(PERSON).encode(), "roll.csv")


def test_what_is_no_sheet_is_refused():
    with pytest.raises(SheetRefusedError, match="sheet_not_a_sheet"):
        read_roll(b"%PDF-1.7 nothing", "roll.csv")


BAD = [
    ({"職員番号": ""}, "Row 2: The staff number is missing."),
    (
        {"職員番号": "1.02E+10"},
        "Row 2: “職員番号” was changed by the spreadsheet program: 1.02E+10. Make the column text and enter it again.",
    ),
    (
        {"職員番号": "職員17"},
        "Row 2: The staff number may have digits, letters and hyphens only: 職員17",
    ),
    ({"職員番号": "1" * 21}, "Row 2: “職員番号” may have 20 characters at most."),
    ({"氏名": "　"}, "Row 2: The name is missing."),
    ({"氏名": "寿" * 81}, "Row 2: “氏名” may have 80 characters at most."),
    ({"部": "", "課": ""}, "Row 2: The department is missing."),
    (
        {"メールアドレス": "ono(at)asahi"},
        "Row 2: The e-mail address cannot be right: ono(at)asahi",
    ),
    (
        {"アカウント": "小池 健太"},
        "Row 2: The account may have no spaces and no Japanese letters: 小池 健太",
    ),
    (
        {"勤務時間": "交代制"},
        "Row 2: The hours of work cannot be read: 交代制. Write them like 8:30-17:15.",
    ),
    (
        {"退職日": "来年3月"},
        "Row 2: “退職日” is not a date: 来年3月. Write it like 2027-03-31.",
    ),
    ({"休職終了日": "2027-03-31"}, "Row 2: The leave has an end but no first day."),
    (
        {"休職開始日": "2027-04-01", "休職終了日": "2027-03-31"},
        "Row 2: The leave ends before it begins.",
    ),
    (
        {"役割": "主任" * 15, "役職": "係長" * 15},
        "Row 2: Role and title together may have 40 characters at most.",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("columns", "sentence"), BAD)
def test_a_bad_row_is_named_in_plain_words_and_nothing_is_written(columns, sentence):
    assert said(people(columns, somebody("000204"))) == [sentence]
    assert not User.objects.exists()


@pytest.mark.django_db
def test_what_stands_in_two_rows_is_said_of_the_later_one():
    twice = {"メールアドレス": "S000203@ASAHI.example.jp", "アカウント": "a-ono"}
    assert said(people({"アカウント": "A-ONO"}, twice)) == [
        "Row 3: The staff number 000203 stands in row 2 already.",
        "Row 3: The e-mail address s000203@asahi.example.jp stands in row 2 already.",
        "Row 3: The account a-ono stands in row 2 already.",
    ]


@pytest.mark.django_db
def test_a_row_that_is_bad_otherwise_counts_as_the_earlier_one():
    assert len(said(people({"氏名": ""}, {"メールアドレス": ""}))) == 2


@pytest.mark.django_db
@pytest.mark.parametrize("column", ["メールアドレス", "アカウント"])
def test_what_belongs_to_somebody_outside_the_file_is_a_problem(column):
    UserFactory.create(
        staff_number="000001", email="taken@asahi.example.jp", account="taken@asahi.example.jp"
    )
    (sentence,) = said(people({column: "Taken@asahi.example.jp"}))
    assert sentence.startswith("Row 2: The ")
    assert sentence.endswith("belongs to 000001.")


@pytest.mark.django_db
def test_somebody_elses_sign_in_name_is_not_taken_over():
    UserFactory.create(username="000203", staff_number=None, email="")
    assert said(people({})) == ["Row 2: Somebody else signs in with the name 000203."]


@pytest.mark.django_db
def test_a_number_that_lost_its_zeros_does_not_become_a_second_person():
    import_roll(rows=read_roll(people({}), ""), order=Order(NOW))
    sentences = said(people({"職員番号": "203"}))
    assert (
        sentences[0]
        == "Row 2: The staff number 203 seems to have lost its zeros. 000203 is known."
    )
    assert User.objects.count() == 1


@pytest.mark.django_db
def test_all_bad_rows_are_named_at_once_in_their_order():
    rows = [{**somebody(f"{n:06d}"), **BAD[n % len(BAD)][0]} for n in range(100, 140)]
    result = import_roll(rows=read_roll(people(*rows), ""), order=Order(NOW))
    found = problems(result.flaws)
    assert {problem.row for problem in found} == set(range(2, 42))
    assert [problem.row for problem in found] == sorted(problem.row for problem in found)


def test_every_reason_to_refuse_a_sheet_has_its_sentence():
    assert {f"sheet_{reason}" for reason in REASONS} - set(SHEET_SENTENCES) <= {
        "sheet_exponent",
        "sheet_date",
    }


@pytest.mark.parametrize("slug", [*SHEET_SENTENCES, *ROLL_SENTENCES])
def test_every_sentence_is_there_in_both_languages(slug):
    names = ("value", "earlier", "likely", "holder", "column", "columns", "names", "most")
    params = dict.fromkeys((*names, "header", "limit", "text", "row"), "A1")
    with translation.override("en"):
        (english,) = problems([Flaw(17, slug, params)])
    with translation.override("ja"):
        (japanese,) = problems([Flaw(17, slug, params)])
    assert english.sentence.startswith("Row 17: ")
    assert japanese.sentence.startswith("17行目")
    assert "%(" not in english.sentence + japanese.sentence
