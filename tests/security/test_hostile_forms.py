"""Hostile text at every field of every form, and in every column of every table: it stays text.

Forms are found by looking at every page, columns by asking the tables; `make test-long` tries every text at every field.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from django import forms
from django.apps import apps
from django.db import DatabaseError, models, transaction
from django.test import Client
from django.urls import resolve, reverse
from openpyxl import load_workbook
from pypdfium2 import PdfDocument

from kitting.guides.queries.kept import forget_editions
from kitting.journeys.models import EventNote
from kitting.lib.cells import safe_cell
from kitting.notices.models import Notice
from kitting.signin import FactorAdapter
from kitting.site.models import SiteProfile
from tests.factories import DirectoryDeviceFactory, UserFactory
from tests.house.test_access import TABLE, VISITORS, Cast, all_visitors, cast, path_of
from tests.security.forms import Form, forms_on, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cast"]  # a fixture that is met by its name

pytestmark = pytest.mark.django_db

# Begins like a formula, ends an attribute, opens a tag, is a template, turns the line round, hides a sign.
MARK = "='\"><b id=x>{{7*7}}\u202e\u200b👩‍💻"
RAW = re.compile("<b id=x|49\u202e|<script>alert")
TEXTS = {
    "a tag": MARK,
    "a script": "<script>alert(1)</script><b id=x>",
    "a formula": "=cmd|' /C calc'!A0<b id=x>",
    "a full-width formula": "\uff1dHYPERLINK(1)<b id=x>",
    "an end of line": "a\r\nBcc: a@evil.example\r\n\r\n<b id=x>",
    "a NUL": "a\x00<b id=x>",
    "much": "<b id=x>" + "x" * 100_000,
    "half a sign": "\ud83d<b id=x>".encode("utf-8", "surrogatepass").decode("utf-8", "replace"),
    "a number no table holds": f"{10**40}",
    "nothing but hidden signs": "\u200b\u2066\u202e",
}
ALL = bool(os.environ.get("KITTO_ALL_LOOKS"))
# Who looks at a page first: whoever may do most there.
FIRST = ("IT lead", "IT", "own journey", "lead here", "box session", "desk", "anonymous")


def client_of(cast: Cast, visitor: str) -> Client:
    client = Client(headers={"accept-language": "ja"})
    client.cookies = cast.cookies[visitor].copy()
    return client


def pages(cast: Cast) -> Iterator[tuple[str, str, str]]:
    """Yield every address that answers a GET: its name, its path, and who looks."""
    for name, (get, _post) in sorted(TABLE.items()):
        cells = dict(zip(VISITORS, all_visitors(get), strict=True))
        lookers = [visitor for visitor in FIRST if cells[visitor] in "ov"]
        for visitor in lookers if ALL else lookers[:1]:
            yield name, path_of(name, cast), visitor


def wrong_with(answer: Any) -> str:
    """Return why an answer is no answer to hostile text: a fault, no kind, something raw; or nothing."""
    words = texts_in(answer)
    kind = answer.headers.get("Content-Type", "")
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"status {answer.status_code}"
    if words and not kind:
        return "no content type"
    if kind.startswith("text/") and "charset=utf-8" not in kind.lower():
        return kind
    if kind.startswith("text/html"):
        found = RAW.search(words)
        return f"raw: {words[max(0, found.start() - 60) : found.end() + 30]}" if found else ""
    return "a header of its own" if "evil" in str(answer.headers.get("Bcc", "")) else ""


# --- every field of every form -------------------------------------------------------------------


# Forms that no page of the table shows as it stands: who sends them, where, and what else the address says.
BY_HAND: dict[str, tuple[str, str, dict[str, str]]] = {
    "BindForm": ("IT", "labels:bind", {}),
    "DeedForm": ("IT", "counter:deed", {}),
    "MarkForm": ("IT", "plan:mark", {}),
    "OutcomeForm": ("IT", "helpdesk:outcome", {}),
    "OwnWordForm": ("own journey", "journeys:done", {"key": "check-box"}),
    "ReassignForm": ("IT", "escalation:move", {"verb": "reassign"}),
    "SeenForm": ("own journey", "journeys:check", {"key": "camera-mic"}),
    "SerialForm": ("own journey", "journeys:check", {}),
    "StaffNumberForm": ("anonymous", "journeys:begin", {}),
    "VerdictForm": ("IT lead", "plan:verdict", {}),
    "WordsForm": ("IT", "escalation:ticket_verb", {"verb": "take"}),
    "WrongBoxForm": ("anonymous", "escalation:report", {"kind": "wrong_box"}),
}
# Fields that nothing hostile comes to here, and why.
ELSEWHERE = {
    "AuthenticateKeyForm.credential": "an answer of a key: tests/accounts/test_factor.py",
    "ReauthenticateKeyForm.credential": "an answer of a key: tests/accounts/test_factor.py",
    **dict.fromkeys(
        ("EditionsForm.beside", "EditionsForm.edition", "FiltersForm.edition"),
        "of two editions",
    ),
    **dict.fromkeys(
        ("FiltersForm.employment", "FiltersForm.model", "FiltersForm.wave"), "of two of a kind"
    ),
    **dict.fromkeys(
        ("MergeForm.into", "MergeForm.reason", "MergeForm.seen"),
        "of a second open ticket: tests/escalation/test_moves.py",
    ),
    **dict.fromkeys(
        ("OneForm.with_names", "OrderForm.with_names"), "where the site allows names on labels"
    ),
    **dict.fromkeys(("OrderForm.batch", "OrderForm.carton"), "of boxes that came in cartons"),
    **dict.fromkeys(("QuizForm.tries", "QuizForm.version"), "carried along by a test's page"),
    "ScanForm.scanned_at": "set by a script: tests/counter/test_views.py",
}


def ours(kind: type[forms.BaseForm] = forms.BaseForm) -> Iterator[type[forms.BaseForm]]:
    """Yield every form that is used as it is; the demo's have no address over a real roll."""
    for child in kind.__subclasses__():
        made_from_it = list(ours(child))
        yield from made_from_it
        is_ours = child.__module__.startswith(("accounts.", "kitting."))
        if is_ours and not made_from_it and not child.__module__.startswith("kitting.demo"):
            yield child


@pytest.fixture
def met(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Watch which field of which class of forms something hostile came to."""
    found: set[tuple[str, str]] = set()
    clean = forms.BaseForm.full_clean

    def watched(form: forms.BaseForm) -> None:
        for name in form.fields if form.is_bound else ():
            said = form.data.get(form.add_prefix(name), "")
            if any(text in str(said) for text in ("id=x", "\u200b", "0" * 40)):
                found.add((type(form).__name__, name))
        clean(form)

    monkeypatch.setattr(forms.BaseForm, "full_clean", watched)
    return found


def found_forms(cast: Cast) -> list[tuple[str, Form]]:
    found: dict[Any, tuple[str, Form]] = {}
    for _name, path, visitor in pages(cast):
        answer = client_of(cast, visitor).get(path)
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            for form in forms_on(path, texts_in(answer)):
                found.setdefault(form.key, (visitor, form))
    return list(found.values())


def by_hand(cast: Cast) -> Iterator[tuple[str, Form]]:
    """Yield the forms that stand on a page only at another moment."""
    fields = {kind.__name__: list(kind.base_fields) for kind in ours()}
    for kind, (visitor, name, said) in BY_HAND.items():
        known = resolve(path_of(name, cast)).kwargs
        path = reverse(name, kwargs={**known, **said})
        yield visitor, Form(path, "post", dict.fromkeys(fields[kind], "1"), fields[kind])


def throw(cast: Cast, visitor: str, form: Form, values: dict[str, str]) -> str:
    """Send a form with something hostile in it, as if nothing were; return what is wrong with the answer."""
    client = client_of(cast, visitor)
    client.raise_request_exception = False
    with transaction.atomic():
        answer = getattr(client, form.method)(form.action, {**form.values, **values})
        wrong = wrong_with(answer)
        if answer.status_code == 302 and answer["Location"].startswith("/"):
            wrong = wrong or wrong_with(client.get(answer["Location"]))
        if Notice.objects.filter(subject__contains="\n").exists():
            wrong = wrong or "a subject of two lines"
        transaction.set_rollback(True)
    return wrong


def at_the_door() -> dict[str, str]:
    """Type hostile codes where a code is asked for: after the mail, at the second step, and once more."""
    person = UserFactory.create()
    Authenticator.objects.create(
        user=person, type="totp", data={"secret": FactorAdapter().encrypt("JBSWY3DP")}
    )
    wrong = {}
    for text in TEXTS.values():
        fresh, again = Client(), Client()
        again.force_login(person)
        fresh.post("/accounts/login/", {"email": person.email})
        code = re.search(r"\d{4}-\d{4}", Notice.objects.latest("pk").body)
        confirm, ask = "/accounts/login/code/confirm/", "/accounts/login/second-step/"
        answers = [fresh.post(confirm, {"code": text})]
        fresh.post(confirm, {"code": code[0] if code else ""})
        answers += [fresh.post(ask, {"code": text})]
        answers += [again.post("/accounts/again/code/", {"code": text})]
        wrong |= {
            f"{text[:40]} {n}": why for n, one in enumerate(answers) if (why := wrong_with(one))
        }
    return wrong


def hostile_values(form: Form, turn: int) -> Iterator[dict[str, str]]:
    """Yield what is sent, the other fields being honest so that what is hostile is let through.

    Usually: a tag in all fields that are typed and something, which goes round, in the others; the typed ones alone
    at each third form. In the long run every text in every field.
    """
    texts = list(TEXTS.values())
    if ALL:
        yield from ({name: text} for name in form.values for text in texts)
    typed = dict.fromkeys(form.typed, MARK)
    yield {name: texts[(turn + n) % len(texts)] for n, name in enumerate(form.values)} | typed
    if form.typed and (ALL or turn % 3 == 0):
        yield typed


def test_every_field_of_every_form_gives_text_back_as_text(
    cast: Cast, met: set[tuple[str, str]]
) -> None:
    wrong = {}
    for turn, (visitor, form) in enumerate([*found_forms(cast), *by_hand(cast)]):
        for values in hostile_values(form, turn):
            if why := throw(cast, visitor, form, values):
                wrong[f"{visitor} {form.method} {form.action} {str(values)[:90]}"] = why
    wrong |= at_the_door()
    assert wrong == {}
    there = {
        (kind.__name__, name)
        for kind in ours()
        for name, one in kind.base_fields.items()
        if not isinstance(one, forms.FileField)
    }
    missing = {f"{kind}.{name}" for kind, name in there - met}
    assert sorted(missing) == sorted(ELSEWHERE)


# --- every column of every table -----------------------------------------------------------------

# What names things to the program, or is compared, counted or opened by; texts of people stand in none of these.
INNER = frozenset(
    {
        "password", "session_key", "digest", "key", "code", "theme", "text_size", "ruby", "week",
        "table", "batch", "applied_by", "slug", "when", "phase", "step_key", "current_step",
        "fast_until", "client_key", "source", "choice", "question", "version", "language",
        "client", "path", "paper_key", "header_key", "effect", "dedupe_key", "kind", "about",
        "message_id", "holidays_country", "default", "previous", "head", "salt", "page_token",
        "illustration", "action", "subject", "username", "staff_number", "mac_address",
        "serial_number", "update_state", "compliance", "status", "url", "secret", "address",
        "taker", "link", "occasion", "line", "google_id", "status_seen", "beginning",
        "client_address",
    }
)  # fmt: skip
# JSON of the program's own making: keys, numbers and states, no words of people.
INNER_JSON = frozenset(
    {"data", "before", "after", "flags", "step_keys", "columns", "counts", "check_data", "call_it", "completion",
     "readings", "values", "events", "differences", "phases", "prepare", "returns", "test_out", "errors", "paper_sheet",
     "pairs"}
)  # fmt: skip
# Tables that only take new rows, or refuse what does not belong together: the database says so.
REFUSED = {"auditentry.actor_name", "rollout.verdict_why"}
# Columns without a row in the city of the table; what Kitto itself writes, and a few words of people.
EMPTY = {
    "accountslip.account", "answer.text", "calibration.printer", "deviceeventnote.text",
    "handoff.taker_browser", "handoff.taker_system", "heartbeat.detail", "heartbeat.name",
    "incident.what", "officer.meeting_url", "steprecord.reason",
}  # fmt: skip


OURS = {"account", "kitting"}


def hostile_leaves(value: Any) -> Any:
    """Return the same shape with hostile words in it."""
    if isinstance(value, dict):
        return {key: hostile_leaves(one) for key, one in value.items()}
    if isinstance(value, list):
        return [hostile_leaves(one) for one in value]
    return MARK if isinstance(value, str) else value


def columns_of_words() -> Iterator[Any]:
    """Yield every column that may hold words of people, of every table."""
    for model in apps.get_models():
        for column in model._meta.concrete_fields if model.__module__[:7] in OURS else ():
            is_text = isinstance(column, (models.CharField, models.TextField))
            if (is_text and not column.choices and column.name not in INNER) or (
                isinstance(column, models.JSONField) and column.name not in INNER_JSON
            ):
                yield column


def fill_every_column() -> tuple[set[str], set[str]]:
    """Put hostile text into every column of words; return where that was refused, and where no row is."""
    refused, empty = set(), set()
    for column in columns_of_words():
        rows = list(column.model._default_manager.values_list("pk", column.name))
        name = f"{column.model._meta.model_name}.{column.name}"
        if not rows:
            empty.add(name)
        if not (written(column, rows) or written(column, rows, apart=True)):
            refused.add(name)
    forget_editions()
    return refused, empty


def written(column: Any, rows: list[tuple[int, Any]], *, apart: bool = False) -> bool:
    """Write hostile text into a column of every row, each another one where they must differ; tell whether it went."""
    try:
        with transaction.atomic():
            for pk, value in rows:
                one = column.model._default_manager.filter(pk=pk)
                one.update(**{column.name: hostile_value(column, pk, value, apart=apart)})
    except DatabaseError:
        return False
    return True


def hostile_value(column: Any, pk: int, value: Any, *, apart: bool) -> Any:
    if isinstance(column, models.JSONField):
        return hostile_leaves(value)
    most = column.max_length or 200
    return f"{MARK[: most - 6]}{pk}"[:most] if apart else MARK[:most]


# Files that leave by a press: what is sent along, and in which kinds they come.
FILES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "account_audit_export": ({"kind": ""}, ()),
    "dashboard:overview_sheet": ({}, ("csv", "xlsx", "pdf")),
    "dashboard:department_sheet": ({}, ("csv", "xlsx", "pdf")),
    "dashboard:register": ({}, ("csv", "xlsx", "pdf")),
    "directory:export": ({}, ("csv", "xlsx")),
    "privacy:export": ({"reason": "asked"}, ()),
}


def files(cast: Cast) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every file that leaves by a press: its path and what is sent along."""
    for name, (said, kinds) in FILES.items():
        path = path_of(name, cast)
        yield from [(path, said)] if not kinds else []
        for kind in kinds:
            yield reverse(name, kwargs={**resolve(path).kwargs, "kind": kind}), said
    for kind in ("pdf", "json"):
        yield path_of("privacy:export", cast), {"reason": "asked", "kind": kind}


def test_every_column_of_every_table_is_shown_as_text(cast: Cast) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    DirectoryDeviceFactory.create(device=cast.journey.loan.device)
    event = cast.journey.events.order_by("pk").first()
    EventNote.objects.get_or_create(event=event, defaults={"text": "a"})
    refused, empty = fill_every_column()
    wrong = {}
    for name, path, visitor in pages(cast):
        client = client_of(cast, visitor)
        client.raise_request_exception = False
        answer = client.get(path)
        if why := wrong_with(answer) or wrong_in_file(answer):
            wrong[f"{name} as {visitor}"] = why
    kinds = set()
    for path, said in files(cast):
        answer = client_of(cast, "IT lead").post(path, said)
        kinds |= {answer.headers["Content-Type"]} if answer.status_code == 200 else set()
        if why := wrong_with(answer) or wrong_in_file(answer):
            wrong[f"{path} {said}"] = why
    assert wrong == {}
    assert (sorted(refused), sorted(empty)) == (sorted(REFUSED), sorted(EMPTY))
    assert len(kinds) == 4  # CSV, XLSX, PDF, JSON


def wrong_in_file(answer: Any) -> str:
    """Return what is wrong with a file: JSON that is none, a formula in a sheet, a script or markup in a PDF."""
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if answer.status_code != 200 or kind not in READERS:
        return ""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return (
        READERS[kind](body) if body != b"%PDF-" else ""
    )  # what the table takes for a printing


def wrong_csv(body: bytes) -> str:
    rows = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
    cells = (cell for row in rows for cell in row if not NUMBER.fullmatch(cell))
    return str([cell for cell in cells if safe_cell(cell) != cell] or "")


def wrong_xlsx(body: bytes) -> str:
    book = load_workbook(io.BytesIO(body))
    cells = (cell for sheet in book for row in sheet.iter_rows() for cell in row)
    return str([cell.value for cell in cells if cell.data_type == "f"] or "")


def wrong_pdf(body: bytes) -> str:
    if any(word in body for word in (b"/JavaScript", b"/OpenAction", b"/Launch", b"/URI (=")):
        return "a PDF that does something"
    words = "".join(page.get_textpage().get_text_range() for page in PdfDocument(body))
    words = "".join(words.split())
    # Where a text begins it is whole: no tag was taken for one of the page's own.
    return "" if words.count("='\"><bid=x") == words.count("='\"") else "markup was believed"


def wrong_json(body: bytes) -> str:
    json.loads(body)
    return ""


NUMBER = re.compile(r"-?[\d.]+")
READERS = {
    "text/csv": wrong_csv,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": wrong_xlsx,
    "application/pdf": wrong_pdf,
    "application/json": wrong_json,
}
