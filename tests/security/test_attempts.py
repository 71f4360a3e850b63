"""An attacker with a browser, a script, or an account: each attempt by its name."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations, count, product
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, reset_queries
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from accounts.actions import count_try
from accounts.models import AuditEntry, Grant, User
from accounts.roles import OwnRightsError, RoleValues, give_role
from accounts.states import Role
from kitting.guides.actions import load_guide
from kitting.journeys.actions.entering import enter_by_box
from kitting.journeys.queries import BOX_KEY
from kitting.lib.cells import SheetError
from kitting.lib.clients import client_address
from kitting.lib.codes import ALPHABET, is_valid, make_code
from kitting.lib.outbound import why_not
from kitting.lib.photos import PhotoError, take_in
from kitting.lib.sheets import read_table
from kitting.notices.models import Notice
from kitting.notices.rules import is_known_chat
from tests.factories import (
    NOW,
    DepartmentFactory,
    GrantFactory,
    JourneyFactory,
    SignInFactory,
    TicketFactory,
    UserFactory,
    shipped_guide,
)
from tests.house.source import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kitting.journeys.models import Journey

pytestmark = pytest.mark.django_db
EVIL = "https://evil.example"


@dataclass
class World:
    """Two people with a box each, a ticket, and those who help."""

    own: Journey
    other: Journey
    ticket: int
    lead_elsewhere: User
    it: User
    it_lead: User
    auditor: User


@pytest.fixture
def world() -> World:
    own, other = (JourneyFactory.create() for _box in range(2))
    far = DepartmentFactory.create()
    return World(
        own=own,
        other=other,
        ticket=TicketFactory.create(journey=other).pk,
        lead_elsewhere=GrantFactory.create(role=Role.LEAD, department=far).person,
        it=GrantFactory.create(role=Role.IT).person,
        it_lead=GrantFactory.create(role=Role.IT_LEAD).person,
        auditor=GrantFactory.create(role=Role.AUDITOR).person,
    )


def as_person(person: User | None, **wishes: Any) -> Client:
    client = Client(**wishes)
    if person is not None:
        client.force_login(person)
    return client


def by_box(journey: Journey, *, epoch: int | None = None) -> Client:
    client = Client()
    session = client.session
    session[BOX_KEY] = {
        "journey": journey.pk,
        "epoch": journey.box_epoch if epoch is None else epoch,
    }
    session.save()
    return client


# --- somebody else's things (IDOR) ---------------------------------------------------------------

# Name: address of the other one's thing, method.
THEIRS = {
    "read another journey": ("/j/{other}/", "get"),
    "read a step of another journey": ("/j/{other}/s/check-box/", "get"),
    "finish a step of another journey": ("/j/{other}/s/check-box/done", "post"),
    "undo a step of another journey": ("/j/{other}/s/check-box/undo", "post"),
    "skip a step of another journey": ("/j/{other}/s/camera-mic/skip", "post"),
    "ask for help in another's name": ("/j/{other}/help/", "post"),
    "read another's question": ("/j/{other}/tickets/{ticket}/", "get"),
    "answer another's question": ("/j/{other}/tickets/{ticket}/more", "post"),
    "read another's question below the own journey": ("/j/{own}/tickets/{ticket}/", "get"),
    "report another's device as lost": ("/j/{other}/lost/", "post"),
    "say that another's box was swapped": ("/j/{other}/swap", "post"),
    "read another's errors": ("/j/{other}/errors/", "get"),
    "keep another's guide for offline": ("/j/{other}/keep", "get"),
    "get another's certificate": ("/j/{other}/done/", "get"),
    "open a ticket as its helper": ("/tickets/{ticket}/", "get"),
    "resolve a ticket as its helper": ("/tickets/{ticket}/resolve", "post"),
    "look at another's photo": ("/tickets/{ticket}/photos/1", "get"),
    "end another's session": ("/accounts/browsers/{sign_in}/end/", "post"),
    "print a slip to sign in as another": ("/slips/{person}/", "post"),
    "see another's whole serial number": ("/helpdesk/devices/{device}/serial", "post"),
    "read another on the board": ("/dashboard/people/{other}/", "get"),
    "read another's device on the board": ("/dashboard/devices/{device}/", "get"),
    "read the audit log": ("/accounts/log/", "get"),
    "take the audit log out": ("/accounts/log/export/", "post"),
    "give oneself a role": ("/accounts/roles/{me}/", "post"),
    "forget another's second factor": ("/accounts/roles/{person}/factor/", "post"),
    "read the addresses of chat rooms": ("/outlets/", "get"),
    "change the settings": ("/settings/", "post"),
}


@pytest.mark.parametrize("name", THEIRS)
def test_what_is_not_ones_own_does_not_exist(world: World, name: str) -> None:
    me, person = world.own.person, world.other.person
    assert me is not None
    assert person is not None
    template, method = THEIRS[name]
    path = template.format(
        own=world.own.pk,
        other=world.other.pk,
        ticket=world.ticket,
        me=me.pk,
        person=person.pk,
        device=world.other.loan.device_id,
        sign_in=SignInFactory.create(person=person).pk,
    )
    for client in (as_person(me), as_person(world.lead_elsewhere), by_box(world.own)):
        answer = getattr(client, method)(path)
        is_closed = answer.status_code in (403, 404) or (
            answer.status_code == 302 and "/accounts/login/" in answer["Location"]
        )
        assert is_closed, (path, answer.status_code)
        assert person.name not in answer.content.decode()


# --- a request from somewhere else (CSRF) --------------------------------------------------------


def addresses(resolver: URLResolver, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        space = before
        if isinstance(pattern, URLResolver):
            space = f"{before}{pattern.namespace}:" if pattern.namespace else before
            yield from addresses(pattern, space)
        elif isinstance(pattern, URLPattern):
            kinds = pattern.pattern.converters
            named = kinds or dict.fromkeys(pattern.pattern.regex.groupindex)
            words = {
                key: 1 if "Int" in type(kind).__name__ else "K7M39QXP"
                for key, kind in named.items()
            }
            yield reverse(f"{space}{pattern.name}", kwargs=words)


def test_csrf_every_address_refuses_a_form_without_its_token(world: World) -> None:
    client = as_person(world.it_lead, enforce_csrf_checks=True)
    paths = sorted(set(addresses(get_resolver())))
    assert len(paths) > 150
    open_doors = {
        path: answer.status_code
        for path in paths
        if (answer := client.post(path)).status_code not in (403, 404, 405)
    }
    assert open_doors == {}


@pytest.mark.parametrize("method", ["put", "patch", "delete", "trace"])
def test_csrf_by_another_method_gains_nothing(world: World, method: str) -> None:
    client = as_person(world.it_lead, enforce_csrf_checks=True)
    for path in ("/accounts/logout/", "/settings/", f"/j/{world.own.pk}/s/check-box/done"):
        assert getattr(client, method)(path).status_code in (403, 404, 405)


@pytest.mark.parametrize("referer", [EVIL, "null", "https://testserver.evil.example/"])
def test_csrf_a_token_from_elsewhere_is_refused(world: World, referer: str) -> None:
    client = as_person(world.it_lead, enforce_csrf_checks=True)
    page = client.get("/settings/", secure=True)
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    values = {"csrfmiddlewaretoken": token[1]}
    headers = {"origin": referer, "referer": referer}
    answer = client.post("/language/", values, secure=True, headers=headers)
    assert answer.status_code == 403


# --- sessions ------------------------------------------------------------------------------------


def test_fixation_a_session_from_before_is_not_the_one_after(world: World) -> None:
    client = Client()
    session = client.session
    session["planted"] = "x"
    session.save()
    planted = session.session_key
    person = UserFactory.create()
    client.force_login(person)
    assert client.session.session_key != planted
    assert as_person(None).get("/accounts/browsers/", headers={"cookie": ""}).status_code == 302


def test_fixation_a_made_up_session_key_is_not_taken(world: World) -> None:
    client = Client()
    client.cookies["kitto_session"] = "a" * 32
    client.post("/accounts/login/", {"email": "nobody@example.jp"})
    assert client.cookies["kitto_session"].value != "a" * 32


def test_a_session_of_before_signing_out_everywhere_opens_nothing(world: World) -> None:
    person = world.own.person
    assert person is not None
    thief, owner = as_person(person), as_person(person)
    assert thief.get("/accounts/browsers/").status_code == 200
    owner.post("/accounts/browsers/end/")
    assert thief.get("/accounts/browsers/").status_code == 302


def test_a_box_session_of_before_an_exchange_opens_nothing(world: World) -> None:
    old = by_box(world.own, epoch=world.own.box_epoch - 1 if world.own.box_epoch else 99)
    assert old.get(f"/j/{world.own.pk}/").status_code == 404


def test_a_box_session_opens_no_page_of_a_person(world: World) -> None:
    client = by_box(world.own)
    for path in ("/accounts/browsers/", "/accounts/second-step/", "/dashboard/", "/tickets/"):
        assert client.get(path).status_code == 302


def test_a_leaver_is_nobody_at_the_next_request(world: World) -> None:
    person = world.own.person
    assert person is not None
    client = as_person(person)
    User.objects.filter(pk=person.pk).update(left_on=NOW.date() - timedelta(days=4000))
    assert client.get("/accounts/browsers/").status_code == 302


@override_settings(SECOND_FACTOR_REQUIRED=True)
@pytest.mark.parametrize("path", ["/accounts/log/", "/accounts/roles/", "/settings/"])
def test_a_stolen_mailbox_of_the_it_lead_opens_no_page_of_it(world: World, path: str) -> None:
    answer = as_person(world.it_lead).get(path)
    assert answer.status_code in (302, 404)
    assert "/accounts/second-step/" in answer.headers.get("Location", "/accounts/second-step/")


# --- where a page leads on (open redirect) -------------------------------------------------------

AWAY = [
    EVIL,
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "http:///evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example",
    "//testserver.evil.example",
    "\x00https://evil.example",
    "%2f%2fevil.example",
]


@pytest.mark.parametrize("payload", AWAY)
def test_next_never_leads_away(world: World, payload: str) -> None:
    person = UserFactory.create()
    client = as_person(person)
    for answer in (
        client.post("/language/", {"language": "en", "next": payload}),
        client.post("/reading/", {"next": payload}),
        client.post("/shared/switch", {"next": payload}),
        client.get("/accounts/login/", {"next": payload}),
    ):
        place = answer.headers.get("Location", "/")
        # As a browser reads it: a backslash is a slash, and tabs are nothing.
        read = place.replace("\\", "/").replace("\t", "")
        goes_to = urlsplit(urljoin("https://testserver/language/", read))
        assert (goes_to.scheme, goes_to.hostname) == ("https", "testserver"), place
        assert "javascript:" not in place


# --- the host, and caches on the way -------------------------------------------------------------


@override_settings(ALLOWED_HOSTS=["kitto.example.lg.jp"])
@pytest.mark.parametrize(
    "host",
    ["evil.example", "kitto.example.lg.jp.evil.example", "kitto.example.lg.jp@evil.example"],
)
def test_another_host_is_not_served(host: str) -> None:
    assert Client().get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize(
    "header", ["x-forwarded-host", "x-host", "x-original-url", "forwarded"]
)
def test_cache_poisoning_a_header_of_the_client_is_on_no_page(header: str) -> None:
    page = Client().get("/accounts/login/", headers={header: "evil.example"})
    assert "evil.example" not in page.content.decode() + str(page.headers)


def test_cache_deception_a_page_with_a_file_name_is_no_page(world: World) -> None:
    client = as_person(world.own.person)
    for path in ("/accounts/browsers/x.css", f"/j/{world.own.pk}/x.css", "/dashboard/a.js"):
        assert client.get(path).status_code == 404


def test_cache_pages_of_a_person_are_kept_by_no_shared_cache(world: World) -> None:
    client = as_person(world.it_lead)
    for path in ("/accounts/browsers/", "/accounts/roles/", "/accounts/log/"):
        page = client.get(path)
        assert "no-store" in page["Cache-Control"]
        assert "Cookie" in page["Vary"]


# --- addresses that somebody typed (SSRF) --------------------------------------------------------

INSIDE = [
    "http://example.com/",
    "https://127.0.0.1/",
    "https://[::1]/",
    "https://localhost/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[fd00::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://0.0.0.0/",
    "https://user:pass@203.0.113.9/",
    "https://metadata.internal/",
    "https://kitto.local/",
    "https://printer/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://127.0.0.1/",
    "https://exa mple.com/",
    "https://localhost./",
]


@pytest.mark.parametrize("address", INSIDE)
def test_ssrf_an_outlet_never_calls_inside(address: str) -> None:
    assert why_not(address, near=False) != ""


@pytest.mark.parametrize(
    "address", ["json://127.0.0.1", "file:///etc/passwd", "syslog://", "exec://x", "dbus://"]
)
def test_ssrf_a_chat_service_is_one_of_a_list(address: str) -> None:
    assert not is_known_chat(address)


# --- files ---------------------------------------------------------------------------------------

GIF_JS = b"GIF89a/*" + b"\x00" * 20 + b"*/=1;alert(1)//"
POLYGLOTS = {
    "a GIF that is a script": GIF_JS,
    "a page called photo": b"<html><script>alert(1)</script></html>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "a PDF": b"%PDF-1.7\n1 0 obj<</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>endobj",
    "a JPEG head with a page behind": b"\xff\xd8\xff\xe0<script>alert(1)</script>",
    "nothing": b"",
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_upload_only_pictures_are_taken(name: str) -> None:
    with pytest.raises(PhotoError):
        take_in(POLYGLOTS[name])


def zip_of(name: str, data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return out.getvalue()


SHEETS = {
    "a bomb called sheet": zip_of("xl/worksheets/sheet1.xml", b"0" * 300_000_000),
    "a path out of the archive": zip_of("../../etc/passwd", b"x"),
    "a program": b"MZ\x00\x90" * 50,
    "a page": b"\x00<html>",
}


@pytest.mark.parametrize("name", SHEETS)
def test_upload_a_sheet_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(SheetError):
        read_table(SHEETS[name], filename="a.xlsx")


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\x", "/etc/passwd", "a\x00.csv"])
def test_traversal_the_name_of_a_file_leads_nowhere(world: World, name: str) -> None:
    file = SimpleUploadedFile("x.csv", "番号,氏名\n".encode())
    file.name = name.rpartition("/")[2].rpartition("\\")[2] or "x"
    answer = as_person(world.own.person).post("/imports/", {"file": file, "kind": "roll"})
    assert answer.status_code in (403, 404, 405)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../kitting/settings.py",
        "/static/%2e%2e/manage.py",
        "/static/..%2f..%2fetc/passwd",
        "/d/..%2f..%2fetc%2fpasswd/",
        "/labels/printings/1/files/../../x",
        "/.env",
        "/.git/config",
        "/var/kitto.sqlite3",
        "/admin/",
        "/media/x",
        "/static/",
        "/static/css/",
    ],
)
def test_traversal_and_forgotten_files_are_not_there(world: World, path: str) -> None:
    answer = as_person(world.it_lead).get(path)
    assert answer.status_code == 404
    assert "SECRET_KEY" not in answer.content.decode()


# --- more fields than the form has (mass assignment) ---------------------------------------------

EXTRA = {
    "is_superuser": "1",
    "is_staff": "1",
    "role": "it_lead",
    "person": "1",
    "person_id": "1",
    "granted_by": "1",
    "session_epoch": "0",
    "email": "evil@evil.example",
    "account": "evil@evil.example",
    "department": "1",
    "status": "done",
}


@pytest.mark.parametrize("field", EXTRA)
def test_mass_assignment_fields_beyond_the_form_change_nothing(
    world: World, field: str
) -> None:
    person = UserFactory.create()
    client = as_person(person)
    before = User.objects.filter(pk=person.pk).values().get()
    grants = Grant.objects.count()
    client.post("/reading/", {field: EXTRA[field], "theme": "dark", "next": "/"})
    client.post("/language/", {field: EXTRA[field], "language": "en", "next": "/"})
    after = User.objects.filter(pk=person.pk).values().get()
    may_change = {"theme", "text_size", "ruby", "language"}
    assert {k for k in after if after[k] != before[k]} <= may_change
    assert Grant.objects.count() == grants


def test_nobody_raises_their_own_rights(world: World) -> None:
    with pytest.raises(OwnRightsError):
        give_role(
            person=world.it_lead, values=RoleValues(Role.AUDITOR), by=world.it_lead, now=NOW
        )


# --- guessing ------------------------------------------------------------------------------------


def test_race_many_tries_at_once_are_counted_before_they_are_judged() -> None:
    tries = [
        count_try(key="x", limit=10, window=timedelta(minutes=10), now=NOW) for _n in range(300)
    ]
    assert sum(tries) == 10


def test_guessing_codes_of_sign_in_stops(world: World) -> None:
    person = UserFactory.create()
    client = Client()
    client.post("/accounts/login/", {"email": person.email})
    for number in range(15):
        client.post("/accounts/login/code/confirm/", {"code": f"0000-{number:04d}"})
        assert "_auth_user_id" not in client.session
    assert AuditEntry.objects.filter(action="sign_in.refused").count() <= 10


MANY = [150, pytest.param(10_000, marks=pytest.mark.long)]


@pytest.mark.parametrize("number", MANY)
def test_guessing_ten_thousand_codes_of_sign_in_gains_nothing(
    world: World, number: int
) -> None:
    """From ever new addresses, with ever new codes asked for: what is looked at in an hour stays a hundred."""
    person = UserFactory.create()
    tried, clients = 0, 0
    while tried < number:
        clients += 1
        client = Client(REMOTE_ADDR=f"10.{clients // 250}.{clients % 250}.1")
        client.post("/accounts/login/", {"email": person.email})
        for _guess in range(6):
            answer = client.post("/accounts/login/code/confirm/", {"code": f"{tried:08d}"})
            assert "_auth_user_id" not in client.session
            tried += 1
            if answer.status_code == 302:
                break
    assert AuditEntry.objects.filter(action="sign_in.refused").count() <= 100


@pytest.mark.parametrize("number", MANY)
def test_guessing_ten_thousand_numbers_at_a_held_box_is_slow_and_told(
    world: World, number: int
) -> None:
    """Ever new browsers at four addresses: ten numbers an hour are looked at from each, and the lead is told."""
    load_guide(draft=shipped_guide(), now=NOW, publish=True)
    loan = world.own.loan
    lead = GrantFactory.create(role=Role.LEAD, department=loan.department).person
    right = int(loan.person.staff_number)
    tried = (n for n in count(100_000) if n != right)
    outcomes = [
        enter_by_box(
            code=loan.device.code,
            staff_number=str(next(tried)),
            client=f"192.0.2.{n % 4}",
            browser=f"browser {n}",
            now=NOW,
            window=timedelta(minutes=5),
        ).outcome
        for n in range(number)
    ]
    assert set(outcomes) == {"wrong", "slow"}
    assert outcomes.count("wrong") == 40
    assert Notice.objects.filter(kind="box_guesses", person=lead).count() == 1


@pytest.mark.parametrize("number", [40, pytest.param(10_000, marks=pytest.mark.long)])
def test_guessing_ten_thousand_box_codes_tells_nothing(world: World, number: int) -> None:
    """A code that is nobody's is answered alike, however near to one on a box; half of those tried are near."""
    known = world.own.loan.device.code
    near = [code for code in near_to(known) if code != known]
    found = set()
    for n in range(number):
        code = near[n % len(near)] if n % 2 else make_code()
        client = Client()
        reset_queries()  # a connection remembers 9,000 at most
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(f"/d/{code}")
        text = re.sub(
            r'(csrfmiddlewaretoken" value|nonce)="[^"]*"', "", answer.content.decode()
        )
        text = text.replace(code, "CODE").replace(f"{code[:4]}-{code[4:]}", "CODE")
        sql = tuple(query["sql"].replace(code, "CODE") for query in captured)
        found.add((answer.status_code, text, re.sub(r"'2\d{3}-[^']*'", "TIME", str(sql))))
    assert len(found) == 1
    assert found.pop()[0] == 404


def near_to(code: str) -> Iterator[str]:
    """Yield every code that differs from one in two places."""
    for first, second in combinations(range(len(code)), 2):
        for one, other in product(ALPHABET, repeat=2):
            letters = list(code)
            letters[first], letters[second] = one, other
            if is_valid("".join(letters)):
                yield "".join(letters)


def test_guessing_an_address_made_up_by_the_client_is_not_counted_as_another() -> None:
    seen = {
        client_address(remote="192.0.2.1", forwarded=f"10.0.0.{n}", proxies=0)
        for n in range(50)
    }
    behind = {
        client_address(remote="10.0.0.1", forwarded=f"9.9.9.{n}, 192.0.2.1", proxies=1)
        for n in range(50)
    }
    assert seen == behind == {"192.0.2.1"}


@pytest.mark.parametrize(
    "number", ["' OR 1=1 --", "1; DROP TABLE accounts_user", "%", "_", "\x00", "0" * 5000]
)
def test_injection_a_staff_number_is_only_a_number(world: World, number: str) -> None:
    code = world.own.loan.device.code
    client = Client()
    answer = client.post(f"/d/{code}/begin", {"staff_number": number})
    assert answer.status_code in (400, 422, 429)
    assert BOX_KEY not in client.session
    assert User.objects.filter(pk=world.own.person_id).exists()


@pytest.mark.parametrize("number", [2**31, 2**63, 10**40])
def test_injection_a_number_no_table_holds_is_nothing(world: World, number: int) -> None:
    client = as_person(world.it_lead)
    for path in (f"/j/{number}/", f"/accounts/roles/{number}/", f"/tickets/{number}/"):
        assert client.get(path).status_code == 404
    for path in ("/accounts/roles/", "/accounts/log/", "/tickets/"):
        assert client.get(path, {"page": number, "before": number}).status_code == 200


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "{{ 7*7 }}49x", "' OR 1=1 --"])
def test_injection_a_search_shows_text_as_text(world: World, text: str) -> None:
    page = as_person(world.it_lead).get("/accounts/roles/", {"q": text}).content.decode()
    assert "<script>alert" not in page
    assert "4949x" not in page


# --- what every answer says ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/nowhere", "/lost", "/shared/"])
def test_headers_of_every_answer(path: str) -> None:
    headers = Client().get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Server" not in headers
    assert "Access-Control-Allow-Origin" not in headers


def test_a_body_that_no_page_sends_is_not_read(world: World) -> None:
    answer = as_person(world.own.person).post(
        f"/j/{world.own.pk}/help/",
        data="a=" + "x" * (6 * 1024 * 1024),
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.status_code == 400


def test_a_thousand_fields_and_more_are_not_read() -> None:
    answer = Client().post("/accounts/login/", {f"f{n}": "" for n in range(1500)})
    assert answer.status_code == 400


def test_metrics_without_the_token_show_nothing() -> None:
    assert Client().get("/metrics").status_code in (403, 404)


def test_the_admin_of_django_has_no_address() -> None:
    assert not [path for path in addresses(get_resolver()) if "admin" in path.split("/")]


def test_raw_statements_of_the_attempts_left_the_tables_alone() -> None:
    names = connection.introspection.table_names()
    assert {"accounts_user", "kitting_journey", "accounts_auditlink"} <= set(names)


def test_every_attempt_stands_in_the_table_of_the_docs() -> None:
    page = (ROOT / "docs" / "SECURITY.md").read_text("utf-8")
    named = set(re.findall(r"\| `([a-z_]+)` \| V", page))
    here = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert here - named == {"every_attempt_stands_in_the_table_of_the_docs"}
    assert named <= here
