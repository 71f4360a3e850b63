"""The counter's pages: who sees them, at how many statements, what a script is told."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from kitting.counter.models import Scan
from kitting.counter.states import Outcome
from kitting.devices.models import Loan
from tests.counter.conftest import free_device, kept_box, scan
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def posted(box, person="", **more):
    return {
        "box": box.code,
        "person": person,
        "mode": "hand_out",
        "client": "b" * 32,
        "sequence": 1,
        **more,
    }


@pytest.fixture
def counter(desk) -> Client:
    client = Client()
    client.force_login(desk)
    return client


def statements(act) -> int:
    with CaptureQueriesContext(
        connection,
    ) as caught:
        act()
    return len(caught)


def test_without_a_script_the_box_comes_first_and_the_person_second(counter, koike):
    box = kept_box(person=koike)
    asked = counter.post("/counter/scan", posted(box))
    page = counter.get(asked["Location"])
    assert "小池" in page.text
    done = counter.post("/counter/scan", posted(box, "203"))
    page = counter.get(done["Location"])
    assert 'data-tone="ok"' in page.text
    assert Loan.objects.get().handed_over_at is not None


def test_a_script_is_told_what_is_read_out(counter, koike):
    told = counter.post("/counter/scan", posted(kept_box(person=koike), "203"), headers=JSON)
    assert (told.json()["outcome"], told.json()["tone"]) == (Outcome.HANDED, "ok")
    assert "小池" in told.json()["words"]
    wrong = counter.post("/counter/scan", {"mode": "hand_out"}, headers=JSON)
    assert (wrong.status_code, wrong.json()["tone"]) == (422, "ng")


def test_a_scan_costs_the_same_whoever_waits_in_the_queue(counter, desk, section):
    def one(number: int) -> int:
        person = UserFactory.create(department=section)
        box = kept_box(person=person)
        values = posted(box, person.staff_number, sequence=number)
        return statements(lambda: counter.post("/counter/scan", values, headers=JSON))

    first = one(1)
    for _n in range(20):
        kept_box(person=UserFactory.create(department=section))
    assert one(2) == first
    assert first <= 24  # session, rights, box, person, hand-out, event, scan


def test_the_counter_asks_the_same_with_one_row_and_with_three(counter, desk, koike):
    scan(desk, kept_box(person=koike).code, "203")
    first = statements(lambda: counter.get("/counter/"))
    for _n in range(2):
        scan(desk, kept_box().code, "1")
    assert statements(lambda: counter.get("/counter/")) == first


def test_the_list_asks_the_same_with_one_row_and_with_three(counter, koike):
    kept_box(person=koike)
    first = statements(lambda: counter.get("/counter/boxes/"))
    for _n in range(2):
        kept_box()
    page = counter.get("/counter/boxes/")
    assert len(page.context["page"]) == 3
    assert statements(lambda: counter.get("/counter/boxes/")) == first


def test_a_lead_counts_and_sees_own_boxes_only(lead, koike):
    scan(lead, kept_box(person=koike).code, "203")
    kept_box(person=UserFactory.create(name="他課の人"))
    client = Client()
    client.force_login(lead)
    page = client.get("/counter/boxes/?show=all")
    tally = page.context["tally"]
    assert (tally.total, tally.handed, tally.arrived) == (1, 1, 0)
    assert "他課の人" not in page.text


def test_wasm_may_run_where_codes_are_read_with_the_camera_and_nowhere_else(counter):
    for path, may in (
        ("/counter/", True),
        ("/counter/arrive/", True),
        ("/counter/boxes/", False),
        ("/labels/match/", True),
        ("/labels/", False),
    ):
        policy = counter.get(path).headers["Content-Security-Policy"]
        assert ("wasm-unsafe-eval" in policy) == may
        assert "unsafe-inline" not in policy
    assert "camera=(self)" in counter.get("/counter/").headers["Permissions-Policy"]
    assert "camera=()" in counter.get("/counter/boxes/").headers["Permissions-Policy"]


def test_a_box_of_another_department_names_nobody_to_a_lead(lead):
    box = kept_box(person=UserFactory.create(name="他課の人"))
    client = Client()
    client.force_login(lead)
    assert "他課の人" not in client.get(f"/counter/?part=1&box={box.code}").text


def test_somebody_elses_scan_is_not_taken_back(counter, it, koike):
    done = scan(it, kept_box(person=koike).code, "203", now=NOW)
    assert counter.post(f"/counter/scans/{done.pk}/undo").status_code == 404
    assert Scan.objects.get().undone_at is None


def test_the_desk_is_led_to_its_counter(counter):
    assert counter.get("/")["Location"] == "/counter/"
    assert counter.get("/dashboard/").status_code == 404


def test_employees_have_no_counter(koike):
    client = Client()
    client.force_login(koike)
    box = free_device()
    assert client.get("/counter/").status_code == 404
    assert client.post("/counter/scan", posted(box, "203")).status_code == 404
