"""Pages of labels: who may print, what is said about mistakes, scans that follow each other."""

from __future__ import annotations

import re

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from accounts.models import AuditEntry
from accounts.states import Role
from kitting.devices.actions.labels import make_codes, replace_code
from kitting.devices.models import BoxCode
from kitting.devices.states import DeviceState
from kitting.jobs.models import Job
from kitting.labels.actions.slips import issue_slips, note_slips_printed
from kitting.labels.models import AccountSlip, Calibration, LabelPaper
from kitting.labels.rules import slip_shown
from kitting.lib.codes import shown
from kitting.site.models import SiteProfile
from tests.factories import (
    NOW,
    DepartmentFactory,
    DeviceFactory,
    GrantFactory,
    LoanFactory,
    PlaceFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
PAPERS = {
    "kinds": "both",
    "box_paper": "a4-12-86x42",
    "box_start": "2",
    "device_paper": "a4-44-48x25",
    "device_start": "1",
}


@pytest.fixture(autouse=True)
def profile(settings, client):
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "ja"
    settings.SITE_URL = "https://kitto.example.lg.jp"
    return SiteProfile.objects.create(pk=1, demo_seeded_at=NOW)


@pytest.fixture
def desk(client):
    person = GrantFactory.create(role=Role.DESK).person
    client.force_login(person)
    return person


def text_of(response) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def test_the_desk_prints_and_is_told_where_the_files_are(client, desk):
    code = LoanFactory.create().device.code
    response = client.post("/labels/", {**PAPERS, "names": code})
    job = Job.objects.get()
    assert response["Location"] == f"/labels/printings/{job.pk}/"
    assert job.data["codes"] == [code]
    assert [file["start"] for file in job.data["files"]] == [2, 1]
    assert "data-poll" in text_of(client.get(response["Location"]))
    assert client.get("/labels/").status_code == 200


@pytest.mark.parametrize(
    "path", ["/labels/", "/labels/match/", "/labels/bind/", "/labels/slips/"]
)
def test_a_lead_and_an_employee_find_no_page(client, path):
    lead = GrantFactory.create(role=Role.LEAD, department=DepartmentFactory.create()).person
    for person in (lead, UserFactory.create()):
        client.force_login(person)
        assert client.get(path).status_code == 404


def test_looking_first_shows_the_first_sheet_and_makes_nothing(client, desk):
    codes = [LoanFactory.create().device.code for _ in range(2)]
    response = client.post("/labels/", {**PAPERS, "look": "1"})
    assert response.status_code == 200
    assert all(shown(code) in text_of(response) for code in codes)
    assert text_of(response).count("is-used") == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("count", [1, 3])
def test_the_page_asks_as_often_whatever_there_is(
    client, desk, count, django_assert_num_queries
):
    for number in range(count):
        LoanFactory.create()
        make_codes(count=1, now=NOW.replace(second=number))
        data = {"what": "labels", "codes": ["x"], "written": []}
        Job.objects.create(kind=f"labels:{number}", created_at=NOW, heard_at=NOW, data=data)
    client.get("/labels/")
    with django_assert_num_queries(10):
        client.get("/labels/")


def test_a_pasted_list_is_printed_in_its_order_and_what_is_unknown_is_named(client, desk):
    first, second = (DeviceFactory.create(asset_tag=f"CB-00{n}") for n in (1, 2))
    gone = DeviceFactory.create(asset_tag="CB-003", state=DeviceState.RETIRED)
    pasted = f"cb-002\t{first.serial_number}\nCB-002, {shown(first.code)}"
    client.post("/labels/", {**PAPERS, "names": pasted})
    assert Job.objects.get().data["codes"] == [second.code, first.code]
    response = client.post("/labels/", {**PAPERS, "names": f"CB-001 CB-404 {gone.asset_tag}"})
    assert response.status_code == 422
    assert "CB-404" in text_of(response)
    assert "廃棄ずみの端末です：CB-003" in text_of(response)


def test_a_character_without_a_glyph_is_named_with_its_row_on_the_form(client, desk):
    LoanFactory.create(
        place=PlaceFactory.create(name="𠮷野分室"), device__asset_tag="CB-000007"
    )
    response = client.post("/labels/", PAPERS)
    assert response.status_code == 422
    assert "CB-000007: 𠮷 (U+20BB7)" in text_of(response)


def test_names_are_offered_only_where_the_site_allows_them(client, desk, profile):
    assert "with_names" not in text_of(client.get("/labels/"))
    SiteProfile.objects.update(names_on_labels=True)
    assert "with_names" in text_of(client.get("/labels/"))


def test_a_file_is_handed_out_to_download(client, desk):
    name = storages["prints"].save("9-x/box-labels.pdf", ContentFile(b"%PDF-1"))
    data = {"what": "labels", "codes": [], "written": [{"name": name, "pages": 1, "bytes": 6}]}
    moments = {"created_at": NOW, "heard_at": NOW, "finished_at": NOW}
    job = Job.objects.create(kind="labels:9", state="done", data=data, **moments)
    assert "box-labels.pdf" in text_of(client.get(f"/labels/printings/{job.pk}/"))
    response = client.get(f"/labels/printings/{job.pk}/files/0")
    assert response.content == b"%PDF-1"
    assert response["Content-Disposition"].startswith("attachment")
    assert client.get(f"/labels/printings/{job.pk}/files/1").status_code == 404
    assert client.get(f"/labels/printings/{job.pk}/part").status_code == 286


def test_other_work_is_no_printing(client, desk):
    job = Job.objects.create(kind="imports", created_at=NOW, heard_at=NOW)
    assert client.get(f"/labels/printings/{job.pk}/").status_code == 404


# --- one box -------------------------------------------------------------------------------------


def test_one_box_is_found_by_its_person_and_gets_a_new_code(client, desk):
    loan = LoanFactory.create(person=UserFactory.create(name="小池 花子"))
    old = loan.device.code
    found = client.get("/labels/one/", {"q": "小池"})
    assert f"/labels/one/{loan.device_id}/" in text_of(found)
    client.post(f"/labels/one/{loan.device_id}/", {**PAPERS, "new_code": "on"})
    loan.device.refresh_from_db()
    assert loan.device.code != old
    assert Job.objects.get().data["codes"] == [loan.device.code]
    said = client.get(f"/d/{old}")
    assert said.status_code == 404
    assert f"/d/{old}/report/found" in text_of(said)


def test_a_reprint_without_a_new_code_keeps_the_label(client, desk):
    device = LoanFactory.create().device
    client.post(f"/labels/one/{device.pk}/", PAPERS)
    assert Job.objects.get().data["codes"] == [device.code]
    assert BoxCode.objects.filter(retired_at__isnull=False).count() == 0


def test_a_new_code_is_not_made_where_nothing_can_be_printed(client, desk):
    device = DeviceFactory.create()
    values = {**PAPERS, "new_code": "on", "box_start": "99"}
    assert client.post(f"/labels/one/{device.pk}/", values).status_code == 422
    assert BoxCode.objects.get(device=device).code == device.code


# --- codes before devices ------------------------------------------------------------------------


def test_codes_are_made_printed_and_bound_by_two_scans(client, desk):
    response = client.post("/labels/codes/", {"count": "3"})
    page = client.get(response["Location"])
    assert "selected" in text_of(page).partition('name="batch"')[2][:400]
    code = BoxCode.objects.order_by("pk")[0].code
    device = DeviceFactory.create(code=None)
    scanned = client.post("/labels/bind/", {"code": f"HTTPS://KITTO.EXAMPLE.LG.JP/D/{code}"})
    assert scanned["Location"] == f"/labels/bind/?code={code}"
    bound = client.post("/labels/bind/", {"code": code, "device": device.serial_number.lower()})
    assert bound["Location"] == "/labels/bind/"
    device.refresh_from_db()
    assert device.code == code
    assert AuditEntry.objects.filter(action="code.bound", actor=desk).exists()


def test_a_label_that_is_there_is_replaced_only_on_purpose(client, desk):
    [code] = make_codes(count=1, now=NOW)
    device = DeviceFactory.create()
    values = {"code": code, "device": device.asset_tag}
    response = client.post("/labels/bind/", values)
    assert response.status_code == 422
    assert shown(device.code) in text_of(response)
    client.post("/labels/bind/", {**values, "replace": "on"})
    assert BoxCode.objects.get(code=device.code).retired_at is not None
    assert BoxCode.objects.get(device=device, retired_at=None).code == code


def test_labels_that_are_not_free_are_told_apart(client, desk):
    device = DeviceFactory.create(asset_tag="CB-000009")
    old = device.code
    replace_code(device=device, now=NOW)
    for code, words in [
        (device.code, "CB-000009"),
        (old, "もう使えません"),
        ("K7M39QXP", "ありません"),
    ]:
        response = client.post("/labels/bind/", {"code": code})
        assert response.status_code == 422
        assert words in text_of(response)
    assert client.post("/labels/bind/", {"code": "abc"}).status_code == 422


# --- papers and printers -------------------------------------------------------------------------

MEASURES = {
    "name": "倉庫の用紙", "columns": "2", "rows": "5", "label_width": "90", "label_height": "50",
    "left": "15", "top": "23.5", "pitch_x": "90", "pitch_y": "50",
    "paper_width": "210", "paper_height": "297",
}  # fmt: skip


def test_own_measures_are_kept_offered_and_forgotten(client, desk):
    response = client.post("/labels/papers/", MEASURES)
    paper = LabelPaper.objects.get()
    assert response["Location"].endswith(f"?paper={paper.key}")
    assert paper.key in text_of(client.get("/labels/"))
    assert client.get("/labels/printers/test.pdf", {"paper": paper.key}).content[:5] == b"%PDF-"
    client.post(f"/labels/papers/{paper.pk}/drop")
    assert not LabelPaper.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"rows": "6"}, "紙からはみ出します"),
        ({"pitch_y": "49"}, "重なります"),
        ({"label_width": "30", "pitch_x": "30", "left": "75"}, "小さすぎて"),
    ],
)
def test_measures_that_cannot_be_are_refused_in_words(client, desk, changes, words):
    response = client.post("/labels/papers/", MEASURES | changes)
    assert response.status_code == 422
    assert words in text_of(response)


def test_measures_off_the_middle_are_kept_with_a_question(client, desk):
    response = client.post(
        "/labels/papers/", MEASURES | {"left": "20", "top": "20"}, follow=True
    )
    assert "左右の余白" in text_of(response)
    assert "上下の余白" in text_of(response)


def test_a_printer_is_measured_once_a_paper_and_used_for_its_files(client, desk):
    values = {
        "printer": "2階の複合機", "paper": "a4-12-86x42", "cross_left": "20.4", "cross_top": "19.8",
        "ruler_across": "99.5", "ruler_down": "100", "right": "0", "down": "0",
    }  # fmt: skip
    client.post("/labels/printers/", values)
    client.post("/labels/printers/", {**values, "cross_left": "20.6"})
    assert float(Calibration.objects.get().cross_left) == 20.6
    query = {"paper": "a4-12-86x42", "printer": "2階の複合機"}
    plain = client.get("/labels/printers/test.pdf", {"paper": "a4-12-86x42"}).content
    assert client.get("/labels/printers/test.pdf", query).content != plain
    assert "2階の複合機" in text_of(client.get("/labels/"))


# --- slips ---------------------------------------------------------------------------------------


@pytest.fixture
def pair(profile):
    """A box and the slip of its person."""
    loan = LoanFactory.create(person=UserFactory.create(account="hanako@asahi.example.jp"))
    [code] = issue_slips(people=[loan.person], profile=profile, now=NOW)
    return loan, code


def scan(client, path: str, text: str) -> str:
    response = client.post(path, {"scan": text})
    assert response.status_code == 302, text_of(response)
    return response["Location"]


def test_a_box_and_its_slip_match_in_any_order(client, desk, pair):
    loan, code = pair
    scans = [f"https://kitto.example.lg.jp/D/{loan.device.code}\n", slip_shown(code).lower()]
    for texts in (scans, scans[::-1]):
        AccountSlip.objects.update(matched_at=None, matched_device=None)
        path = "/labels/match/"
        for text in texts:
            path = scan(client, path, text)
        assert "is-ok" in text_of(client.get(path))
        slip = AccountSlip.objects.get()
        assert (slip.matched_device, slip.matched_by) == (loan.device, desk)


def test_somebody_elses_slip_is_refused_large_and_written_down(client, desk, pair):
    _loan, code = pair
    other = LoanFactory.create().device
    path = scan(client, scan(client, "/labels/match/", other.code), f"HTTPS+//X/S/{code}")
    page = text_of(client.get(path))
    assert "NG" in page
    assert "別の人のもの" in page
    assert AccountSlip.objects.get().matched_at is None
    assert AuditEntry.objects.get(action="slips.refused").actor == desk
    # The next scan begins a new pair.
    assert "slip=" not in scan(client, path, other.code)


def test_a_slip_with_another_account_is_out_of_date(client, desk, pair, profile):
    loan, old = pair
    loan.person.account = "hanako.ono@asahi.example.jp"
    loan.person.save()
    [new] = issue_slips(people=[loan.person], profile=profile, now=NOW)
    assert new != old
    page = client.get("/labels/match/", {"box": loan.device.code, "slip": old})
    assert "古くなっています" in text_of(page)


@pytest.mark.parametrize("state", ["lost", "nobody", "old", "unknown"])
def test_boxes_that_take_no_slip_say_why(client, desk, pair, state):
    loan, code = pair
    box = loan.device.code
    if state == "lost":
        loan.device.state = DeviceState.LOST
        loan.device.save()
    elif state == "nobody":
        box = DeviceFactory.create().code
    elif state == "old":
        replace_code(device=loan.device, now=NOW)
    else:
        box = "K7M39QXP"
    page = text_of(client.get("/labels/match/", {"box": box, "slip": code}))
    assert "is-bad" in page
    assert "is-ok" not in page


def test_a_scan_that_is_nothing_says_so_and_leaves_the_field_empty(client, desk):
    response = client.post("/labels/match/", {"scan": "4901234567894"})
    assert response.status_code == 422
    assert "4901234567894" not in text_of(response)


def test_slips_are_ordered_for_people_with_an_account_and_the_others_are_named(client, desk):
    loan = LoanFactory.create(person=UserFactory.create(account="hanako@asahi.example.jp"))
    LoanFactory.create(person=UserFactory.create(name="小野 太郎", account=""))
    response = client.post("/labels/slips/", {})
    assert response.status_code == 422
    assert "小野 太郎" in text_of(response)
    client.post("/labels/slips/", {"anyway": "1"})
    assert Job.objects.get().data["codes"] == [AccountSlip.objects.get(person=loan.person).code]


def test_a_slip_scanned_with_a_phone_leads_to_the_box_whatever_its_code(client, pair):
    pages = {
        text_of(client.get(f"/S/{code}")).replace(code, "") for code in (pair[1], "K7M39QXP")
    }
    bodies = {re.sub(r'nonce="[^"]*"|value="[^"]{40,}"', "", page) for page in pages}
    assert len(bodies) == 1
    assert "これはアカウント票です" in bodies.pop()


def test_a_slip_printed_anew_has_to_be_matched_anew(pair):
    loan, code = pair
    AccountSlip.objects.update(matched_at=NOW, matched_device=loan.device)
    note_slips_printed([code], now=NOW)
    slip = AccountSlip.objects.get()
    assert (slip.printed_at, slip.matched_at, slip.matched_device) == (NOW, None, None)
