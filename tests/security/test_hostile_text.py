"""Whatever somebody types comes back as text: never as a tag, a header, a formula or a fault."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from accounts.actions import write_audit
from accounts.states import Role
from kitting.escalation.models import LossReport
from kitting.lib.cells import safe_cell
from tests.factories import NOW, GrantFactory, UserFactory

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db

MARKS = (
    "<script>",
    "<img src=x",
    "<svg/",
    '"><b id=',
    "'><b id=",
    "{{7*7}}",
    "=cmd|",
    "\u202e",
)
HOSTILE = st.builds(
    lambda mark, text, tail: f"{mark}{text}{tail}",
    st.sampled_from(MARKS),
    st.text(max_size=30),
    st.sampled_from(("", "\x00", "\u200b", "👩‍💻", "\r\nBcc: a@evil.example", "x" * 100_000)),
)
TAGS = ("<script>", "<img src=x", "<svg/", '"><b id=', "'><b id=")


def lead_client(person: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def assert_is_text(answer: object, place: str) -> None:
    status = answer.status_code  # type: ignore[attr-defined]  # of Django's test client
    assert status < 500, (place, status)
    page = answer.content.decode()  # type: ignore[attr-defined]  # as above
    # Our own pages begin scripts with attributes and draw no such picture or mark.
    assert not [tag for tag in TAGS if tag in page], place


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=HOSTILE)
@example(text="<script>alert(1)</script>")
@example(text="\x00")
@example(text="{{7*7}}{% debug %}")
def test_hostile_text_comes_back_as_text(db: None, text: str) -> None:
    lead = GrantFactory.create(role=Role.IT_LEAD).person
    client, nobody = lead_client(lead), Client()
    for path in ("/accounts/roles/", "/slips/", "/tickets/call/", "/counter/devices/"):
        assert_is_text(client.get(path, {"q": text[:3000]}), path)
    assert_is_text(client.get("/accounts/log/", {"who": text[:3000], "on": text[:99]}), "log")
    asked = nobody.post("/accounts/login/", {"email": text, "next": text})
    assert_is_text(asked, "login")
    assert "Bcc" not in str(asked.headers)
    assert_is_text(nobody.post("/accounts/slip/", {"code": text}), "slip")
    told = nobody.post("/lost", {"staff_number": "1", "call_back": "1", "words": text})
    assert_is_text(told, "lost")
    assert_is_text(client.get("/tickets/losses/"), "losses")
    assert_is_text(client.post("/settings/", {"service_name": text, "help_line": text}), "set")
    assert all(len(report.words) <= 100_000 for report in LossReport.objects.all())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(alphabet=st.characters(exclude_characters="\x00", codec="utf-8"), max_size=60)
)
@example(text="=HYPERLINK(1)")
@example(text="\uff1dcmd|x")
@example(text="\t=1")
def test_hostile_text_is_no_formula_in_the_sheet_of_the_log(db: None, text: str) -> None:
    lead = UserFactory.create(name=(text.strip() or "x")[:80])
    GrantFactory.create(role=Role.IT_LEAD, person=lead)
    write_audit(action="role.granted", now=NOW, by=lead, subject=text)
    sheet = lead_client(lead).post("/accounts/log/export/", {"kind": "role"}).content
    rows = list(csv.reader(io.StringIO(sheet.decode("utf-8-sig"), newline="")))
    for row in rows[1:]:
        assert [cell for cell in row if safe_cell(cell) != cell] == []
