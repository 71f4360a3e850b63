"""What leaves the board says what the screen says: sheets, the loan register, the summary."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pypdfium2
import pytest
from django.test import Client
from openpyxl import load_workbook

from accounts.models import AuditEntry, User
from accounts.states import AuditKind, Role, kind_of_action
from kitting.around.models import Acceptance, Answer, OldPc
from kitting.journeys.models import Journey
from kitting.journeys.states import Via
from tests.dashboard.test_golden import NOW
from tests.factories import DeviceFactory, GrantFactory, LoanFactory, MacroFactory, UserFactory

if TYPE_CHECKING:
    from tests.dashboard.test_golden import GoldenCity

pytestmark = pytest.mark.django_db


def client_of(person: User) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.force_login(person)
    return client


def as_role(role: Role, **where: Any) -> Client:
    return client_of(GrantFactory.create(role=role, **where).person)


def take(client: Client, address: str) -> Any:
    """Take a sheet: what may hold names by a press, all else by a link."""
    holds_names = "overview." in address or "/departments/" in address
    return client.post(address) if holds_names else client.get(address)


def lines(client: Client, address: str) -> list[list[str]]:
    answer = take(client, address)
    assert answer.status_code == 200
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text, newline="")))


def sheets(client: Client, address: str) -> dict[str, list[tuple[Any, ...]]]:
    answer = take(client, address)
    assert answer.status_code == 200
    book = load_workbook(io.BytesIO(answer.content))
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book.worksheets}


def under(rows: list[list[str]], title: str) -> list[list[str]]:
    """Return the lines of one table of a CSV."""
    start = rows.index([title])
    ends = [at for at, row in enumerate(rows) if at > start and not row]
    return rows[start : ends[0] if ends else None]


# --- the overview ---------------------------------------------------------------------------------


def test_the_csv_of_the_overview_holds_the_figures_worked_out_on_paper(
    golden: GoldenCity,
) -> None:
    rows = lines(as_role(Role.IT), "/dashboard/overview.csv")
    figures = {row[0]: row[1:4] for row in under(rows, "全体の数字")[2:]}
    assert figures["完了した人"] == ["55.0", "%", "11 / 20 人 / 予定より 4 人 少ない"]
    assert figures["さいごまでかかる時間"][:2] == ["40", "分（中央値）"]
    assert figures["共用の端末"][0] == "1"
    of_department = {row[1]: row[2:10] for row in under(rows, "所属ごとの進み具合")[2:]}
    assert of_department["保育課"] == ["4", "2", "1", "1", "8", "50", "8", "-4"]
    assert of_department["消防課"][-3:] == ["17", "1", "0"]
    days = {row[0]: row[1:] for row in under(rows, "予定とくらべる")[2:]}
    assert days["2026-11-17"] == ["11", "15", "-4"]
    assert days["2026-11-27"] == ["", "20", ""]
    wifi = under(rows, "どこにいるか")[2:][3]
    assert (wifi[2:6], wifi[-1]) == (["15", "2", "2", "7"], "")


def test_a_workbook_of_the_overview_has_numbers_and_follows_the_address(
    golden: GoldenCity,
) -> None:
    bureau = golden.bureaus["市民部"]
    book = sheets(as_role(Role.IT), f"/dashboard/overview.xlsx?bureau={bureau.pk}&by=bureau")
    assert list(book)[:3] == ["全体の数字", "状態ごとの人数", "部"]
    assert ("部: 市民部",) in [row[:1] for row in book["全体の数字"]]
    assert book["状態ごとの人数"][-1] == ("合計", 12)
    assert [row[1] for row in book["部"][2:]] == ["市民部"]


def test_a_lead_gets_the_own_people_and_no_minutes(golden: GoldenCity) -> None:
    lead = as_role(Role.LEAD, department=golden.departments["保育課"])
    rows = lines(lead, "/dashboard/overview.csv")
    assert [row[1] for row in under(rows, "所属ごとの進み具合")[2:]] == ["保育課"]
    names = [row[0] for row in under(rows, "全体の数字")]
    assert "さいごまでかかる時間" not in names
    assert "中央値（分）" not in under(rows, "どこにいるか")[1]


def test_an_auditor_gets_groups_of_five_or_more_and_no_names(golden: GoldenCity) -> None:
    Journey.objects.filter(department=golden.departments["消防課"]).exclude(
        pk__in=[golden.ready[-1].pk]
    ).update(department=golden.departments["保育課"])
    auditor = as_role(Role.AUDITOR)
    small = golden.departments["消防課"]
    rows = lines(auditor, "/dashboard/overview.csv")
    names = [row[1] for row in under(rows, "所属ごとの進み具合")[2:]]
    assert "消防課" not in names
    assert sum(int(row[6]) for row in under(rows, "所属ごとの進み具合")[2:]) == 20
    assert (
        lines(auditor, f"/dashboard/overview.csv?bureau={golden.bureaus['市民部'].pk}") != rows
    )
    whole = take(auditor, "/dashboard/overview.csv").content.decode()
    for person in User.objects.filter(journeys__isnull=False):
        assert person.name not in whole
    for name in ("people.csv", "register.pdf", "register.xlsx"):
        assert take(auditor, f"/dashboard/departments/{small.pk}/{name}").status_code == 404


def test_a_name_that_is_a_formula_stays_a_name(golden: GoldenCity) -> None:
    department = golden.departments["保育課"]
    journey = golden.under_way[3]
    User.objects.filter(pk=journey.person_id).update(name='=HYPERLINK("http://x")')
    it = as_role(Role.IT)
    rows = lines(it, f"/dashboard/departments/{department.pk}/people.csv")
    assert rows[3][0] == '\'=HYPERLINK("http://x")'  # who waits stands first
    assert rows[3][2] == "助け待ち"
    answer = take(it, f"/dashboard/departments/{department.pk}/people.xlsx")
    cell = load_workbook(io.BytesIO(answer.content)).worksheets[0].cell(4, 1)
    assert (cell.value, cell.data_type) == ('=HYPERLINK("http://x")', "s")
    assert take(it, "/dashboard/overview.pdf").status_code == 404


def test_lists_with_names_leave_by_a_press_that_is_noted(golden: GoldenCity) -> None:
    department = golden.departments["保育課"]
    here = f"/dashboard/departments/{department.pk}"
    it = as_role(Role.IT)
    addresses = (
        *(f"{here}/people.csv", f"{here}/people.xlsx", f"{here}/register.pdf"),
        *(f"{here}/register.xlsx", "/dashboard/overview.csv"),
    )
    for address in addresses:
        assert it.get(address).status_code == 405
    assert not AuditEntry.objects.filter(action__contains="taken_out").exists()
    for address in addresses:
        assert it.post(address).status_code == 200
    as_role(Role.AUDITOR).post("/dashboard/overview.csv")  # no name leaves
    entries = AuditEntry.objects.filter(action__contains="taken_out").order_by("pk")
    named = {"department": department.full_name}
    assert [(entry.action, entry.data) for entry in entries] == [
        ("board.people_taken_out", {"kind": "csv", "people": 8, **named}),
        ("board.people_taken_out", {"kind": "xlsx", "people": 8, **named}),
        ("register.taken_out", {"kind": "pdf", "devices": 8, **named}),
        ("register.taken_out", {"kind": "xlsx", "devices": 8, **named}),
        ("board.taken_out", {"kind": "csv", "people": 1}),
    ]
    assert {kind_of_action(entry.action) for entry in entries} == {AuditKind.OUT}


# --- what is left ---------------------------------------------------------------------------------


def left_behind(golden: GoldenCity) -> None:
    """Let three of 保育課 have done something with their old PCs, and one write macros down."""
    had, gone, seen = golden.under_way[0], golden.ready[2], golden.ready[5]
    OldPc.objects.create(person=had.person, journey=had, had_none=True, said_at=NOW)
    OldPc.objects.create(person=gone.person, journey=gone, said_at=NOW)
    OldPc.objects.create(person=seen.person, journey=seen, said_at=NOW, collected_at=NOW)
    MacroFactory.create(journey=gone, person=gone.person, name="a", state="asked")
    MacroFactory.create(
        journey=gone, person=gone.person, name="b", state="answered", answer="表を使います"
    )


def test_old_pcs_and_macros_are_counted_by_department(golden: GoldenCity) -> None:
    left_behind(golden)
    it = as_role(Role.IT)
    rows = {row[1]: row[2:] for row in lines(it, "/dashboard/after.csv")[3:]}
    #                        people none said seen left rules listed asked hand answered
    assert rows["保育課"] == ["8", "1", "2", "1", "6", "0", "0", "1", "0", "1"]
    assert rows["市民課"] == ["6", "0", "0", "0", "6", "0", "0", "0", "0", "0"]
    page = it.get("/dashboard/after/").content.decode()
    assert "保育課" in page
    lead = as_role(Role.LEAD, department=golden.departments["市民課"])
    assert [row[1] for row in lines(lead, "/dashboard/after.csv")[3:]] == ["市民課"]


def test_the_page_of_what_is_left_costs_the_same_for_any_number_of_departments(
    golden: GoldenCity, django_assert_num_queries: Any
) -> None:
    it = as_role(Role.IT)
    lead = as_role(Role.LEAD, department=golden.departments["市民課"])
    it.get("/dashboard/after/")
    with django_assert_num_queries(AFTER_QUERIES):
        it.get("/dashboard/after/")
    lead.get("/dashboard/after/")
    with django_assert_num_queries(AFTER_QUERIES + 1):  # whom a lead leads
        lead.get("/dashboard/after/")


AFTER_QUERIES = 9


def test_what_the_author_sees_leaves_as_it_stands_on_the_page(golden: GoldenCity) -> None:
    answer = {"journey": golden.ready[0], "occasion": "end", "answered_at": NOW}
    Answer.objects.create(**answer, question="comment", text="=HYPERLINK(1)")
    rows = lines(as_role(Role.IT), f"/dashboard/insights.csv?edition={golden.edition.pk}")
    edition = under(rows, f"第{golden.edition.number}版")
    #             here reached finished left out, minutes of five, guide, nine in ten
    wifi = next(row for row in edition if row[0] == "4")
    assert wifi[2:6] == ["7", "5", "0", "2"]
    assert wifi[7:10] == ["7", "1", "14.3"]
    assert under(rows, f"コメント（第{golden.edition.number}版）")[-1] == ["'=HYPERLINK(1)"]
    groups = {row[0]: row for row in under(rows, "だれにとっても使いやすいか")}
    assert groups["正規"][1] == "15"
    assert groups["会計年度任用職員"][1:3] == ["5", ""]
    book = sheets(as_role(Role.IT), "/dashboard/insights.xlsx")
    assert len(book) == 3
    page = as_role(Role.IT).get("/dashboard/insights/").content.decode()
    assert f"/dashboard/insights.csv?edition={golden.edition.pk}" in page
    lead = as_role(Role.LEAD, department=golden.departments["市民課"])
    for client in (lead, as_role(Role.AUDITOR)):
        assert client.get("/dashboard/insights.csv").status_code == 404


# --- the loan register ----------------------------------------------------------------------------


def accept(golden: GoldenCity, version: str, via: Via, minutes: int) -> None:
    journey = golden.ready[2]
    Acceptance.objects.create(
        loan=journey.loan,
        person=journey.person,
        edition=golden.edition,
        version=version,
        digest="0" * 64,
        language="ja",
        accepted_at=NOW + timedelta(minutes=minutes),
        via=via,
    )


def test_the_register_shows_the_newest_rules_and_the_better_door(golden: GoldenCity) -> None:
    accept(golden, "2025-04", Via.SIGN_IN, 0)
    accept(golden, "2026-04", Via.SIGN_IN, 1)
    accept(golden, "2026-04", Via.BOX, 2)
    department = golden.departments["保育課"]
    it = as_role(Role.IT)
    [rows] = sheets(it, f"/dashboard/departments/{department.pk}/register.xlsx").values()
    assert len(rows) == 3 + 8
    person = golden.ready[2].person
    [row] = [row for row in rows if row[6] == person.name]
    serial = golden.ready[2].loan.device.serial_number
    assert row[3] == serial[-4:]
    assert row[5] == person.staff_number
    assert row[11:] == ("2026-04", "2026-11-17 10:01", "ログインして")
    assert [other[11] for other in rows[3:] if other != row] == [None] * 7
    assert all(serial not in str(cell) for other in rows for cell in other)


def test_the_register_as_pdf_holds_every_row_in_embedded_type(golden: GoldenCity) -> None:
    department = golden.departments["消防課"]
    for number in range(30):
        device = DeviceFactory.create(asset_tag=f"CB-9{number:05d}")
        person = UserFactory.create(department=department, name="髙橋 \U00020bb7子")
        LoanFactory.create(device=device, person=person, department=department)
    answer = take(as_role(Role.IT), f"/dashboard/departments/{department.pk}/register.pdf")
    assert answer.headers["Content-Type"] == "application/pdf"
    document = pypdfium2.PdfDocument(answer.content)
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert len(document) == 2
    assert [text.count(f"CB-9{number:05d}") for number in range(30)] == [1] * 30
    assert "貸与簿：市民部 消防課" in text
    assert text.count("髙橋 〓子") == 30
    assert "印刷できない文字" in text
    assert b"BIZUDPGothic" in answer.content
    document.close()


def test_a_register_without_a_device_says_so(golden: GoldenCity) -> None:
    empty = golden.bureaus["市民部"]
    it = as_role(Role.IT)
    answer = take(it, f"/dashboard/departments/{empty.pk}/register.pdf")
    document = pypdfium2.PdfDocument(answer.content)
    assert "貸与している端末はありません" in document[0].get_textpage().get_text_range()
    document.close()
    lead = as_role(Role.LEAD, department=golden.departments["保育課"])
    assert take(lead, f"/dashboard/departments/{empty.pk}/register.pdf").status_code == 404
    assert take(it, "/dashboard/departments/999999/register.pdf").status_code == 404


# --- the summary ----------------------------------------------------------------------------------


def test_the_summary_defines_every_figure_it_shows(golden: GoldenCity) -> None:
    left_behind(golden)
    for journey, scale in zip(golden.ready, (1, 2, 3, 4, 5), strict=False):
        Answer.objects.create(
            journey=journey,
            occasion="end",
            question="confidence",
            scale=scale,
            answered_at=NOW,
        )
    it = as_role(Role.IT)
    book = sheets(it, "/dashboard/summary.xlsx")
    rows = {row[0]: row for rows in book.values() for row in rows[3:]}
    assert len(rows) == 17
    assert all(row[4] for row in rows.values())
    assert rows["完了した人"][1] == 55
    assert rows["自信（おわり）"][1:4] == (3, "（5 点満点）", "5 人の答え")
    assert rows["自信（30日後）"][1] is None
    assert rows["回収した前のパソコン"][1:4] == (1, "台", "まだのもの 18 台")
    page = it.get("/dashboard/summary/").content.decode()
    for row in rows.values():
        assert str(row[4]).replace("'", "&#x27;") in page
    for person in User.objects.filter(journeys__isnull=False):
        assert person.name not in page
    lead = as_role(Role.LEAD, department=golden.departments["保育課"])
    assert lead.get("/dashboard/summary/").status_code == 404
    assert as_role(Role.AUDITOR).get("/dashboard/summary/").status_code == 200
