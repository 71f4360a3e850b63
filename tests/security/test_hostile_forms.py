"""Hostile text at every field of every form, and in every column of every table: it stays text.

Forms are found by looking at every page, columns by asking the tables. The two hundred texts go round: each field of a page is
sent the next ones, and `make test-long` sends it a tenth of them, one alone at a time; what a field or a column does with each of
the two hundred is asked without a page.
"""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import re
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from django import forms
from django.db import DatabaseError, models, transaction
from django.test import Client
from django.urls import resolve, reverse
from openpyxl import load_workbook
from pypdfium2 import PdfDocument

from kitting.journeys.models import EventNote
from kitting.lib.cells import safe_cell
from kitting.notices.models import Notice
from kitting.signin import FactorAdapter
from kitting.site.models import SiteProfile
from tests.factories import DirectoryDeviceFactory, UserFactory
from tests.house.test_access import TABLE, VISITORS, Cast, all_visitors, cast, path_of
from tests.security.columns import columns_of_words, fill_every_column, name_of
from tests.security.corpus import TEXTS
from tests.security.forms import Form, forms_on, texts_in

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cast"]  # a fixture that is met by its name

pytestmark = pytest.mark.django_db

# Begins like a formula, ends an attribute, opens a tag, is a template, turns the line round, hides a sign.
MARK = "='\"><b id=x>{{7*7}}\u202e\u200b👩‍💻"
RAW = re.compile("<b id=x|49\u202e|<script>alert")
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
    for text in texts_for(0, most=None if ALL else len(TEXTS) // 20):
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


def texts_for(turn: int, *, most: int | None) -> list[str]:
    """Return the texts of somebody's turn, spread over all of them, so that many turns use them all."""
    texts = list(TEXTS.values())
    step = len(texts) // (most or len(texts))
    return texts[turn % step :: step]


def hostile_values(form: Form, start: int) -> Iterator[dict[str, str]]:
    """Yield what is sent, the other fields being honest so that what is hostile is let through.

    Usually the next texts in all fields, and a tag in the typed ones alone at each third form. In the long run a
    tenth of the texts in every field, too.
    """
    texts = list(TEXTS.values())
    for n, name in enumerate(form.values if ALL else ()):
        yield from ({name: text} for text in texts_for(start + n, most=len(texts) // 10))
    yield {name: texts[(start + n) % len(texts)] for n, name in enumerate(form.values)}
    if form.typed and (ALL or start % 3 == 0):
        yield dict.fromkeys(form.typed, MARK)


def test_every_field_of_every_form_gives_text_back_as_text(
    cast: Cast, met: set[tuple[str, str]]
) -> None:
    wrong, start, used = {}, 0, set()
    for visitor, form in [*found_forms(cast), *by_hand(cast)]:
        for values in hostile_values(form, start):
            used.update(values.values())
            if why := throw(cast, visitor, form, values):
                wrong[f"{visitor} {form.method} {form.action} {str(values)[:90]}"] = why
        start += len(form.values)
    wrong |= at_the_door()
    assert wrong == {}
    assert used >= set(TEXTS.values())
    there = {
        (kind.__name__, name)
        for kind in ours()
        for name, one in kind.base_fields.items()
        if not isinstance(one, forms.FileField)
    }
    missing = {f"{kind}.{name}" for kind, name in there - met}
    assert sorted(missing) == sorted(ELSEWHERE)


def fields() -> Iterator[tuple[str, forms.Field]]:
    """Yield every field of every form of ours, by form and name."""
    for kind in ours():
        for name, field in kind.base_fields.items():
            if not isinstance(field, forms.FileField):
                yield f"{kind.__name__}.{name}", copy.deepcopy(field)


def made_of(field: forms.Field, text: str) -> str | None:
    """Return what a field makes of a text, or nothing where it refuses it, which it does in words."""
    try:
        return str(field.clean(text))
    except forms.ValidationError as error:
        return None if all(error.messages) else "refused without a word"


def test_every_field_takes_each_of_the_texts_as_it_is_or_refuses_it_in_words(db: None) -> None:
    assert len(TEXTS) == 200
    changed, taken = [], 0
    for name, field in fields():
        for label, text in TEXTS.items():
            kept = made_of(field, text)
            taken += kept is not None
            if type(field) is not forms.CharField:
                continue
            assert kept is None or "\0" not in text, f"{name} took a NUL"
            if kept not in (None, text.strip() if field.strip else text):
                changed.append(f"{name}: {label}")
    assert changed == []
    assert taken > len(TEXTS)


# --- every column of every table -----------------------------------------------------------------

# Tables that only take new rows, or refuse what does not belong together: the database says so.
REFUSED = {"auditentry.actor_name", "rollout.verdict_why"}
# Columns without a row in the city of the table; what Kitto itself writes, and a few words of people.
EMPTY = {
    "accountslip.account", "answer.text", "calibration.printer", "deviceeventnote.text",
    "handoff.taker_browser", "handoff.taker_system", "heartbeat.detail", "heartbeat.name",
    "incident.what", "officer.meeting_url", "steprecord.reason",
}  # fmt: skip


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
    refused, empty = fill_every_column(MARK)
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


def test_every_column_gives_each_of_the_texts_back(cast: Cast) -> None:
    SiteProfile.objects.get_or_create(pk=SiteProfile.SINGLE)
    wrong, refused = [], set()
    for turn, column in enumerate(columns_of_words()):
        pk = column.model._default_manager.values_list("pk", flat=True).first()
        for text in texts_for(turn, most=None if ALL else 8) if pk else ():
            said = [text] if isinstance(column, models.JSONField) else text[: column.max_length]
            kept = kept_in(column, pk, said)
            if kept is None:
                refused.add(name_of(column) if "\0" not in text else "")
            elif kept != said:
                wrong.append(f"{name_of(column)}: {text[:40]!r}")
    assert wrong == []
    assert refused - {""} <= REFUSED


def kept_in(column: Any, pk: Any, said: Any) -> Any:
    """Write into a column of one row, and return what is read there; nothing where the database refuses it."""
    one = column.model._default_manager.filter(pk=pk)
    try:
        with transaction.atomic():
            one.update(**{column.name: said})
            kept = one.values_list(column.name, flat=True).get()
            transaction.set_rollback(True)
    except (DatabaseError, ValueError):
        return None
    return kept


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
