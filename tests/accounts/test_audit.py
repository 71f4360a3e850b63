"""The audit log is only added to, and whoever changes it all the same is found."""

from __future__ import annotations

import ast
import csv
import io
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from accounts.actions import write_audit
from accounts.appendonly import AUDIT_LOG, guard, guards_of, let_go, missing_guards
from accounts.audit import erase_words, seal_audit, verify
from accounts.audit_words import ACTION_WORDS, action_words
from accounts.doors import issue_slip
from accounts.models import AuditEntry, AuditLink, AuditSeal
from accounts.rules import SLIP_ALPHABET, SLIP_LENGTH
from accounts.states import AUDIT_PREFIXES, Role
from kitting.directory.states import ChangeKind
from kitting.escalation.states import EntryKind
from kitting.lib.clients import called_by
from kitting.rollout.states import RolloutState
from kitting.site.queries import wall_clock
from tests.factories import NOW, GrantFactory, UserFactory
from tests.house.source import ROOT

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(minutes=1)


@pytest.fixture
def guards(db: None) -> None:
    """The triggers as the migration makes them: a test before may have let them go."""
    guard(connection)


@pytest.fixture
def lead() -> User:
    return GrantFactory.create(role=Role.IT_LEAD).person


def browser(person: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(person)
    return client


def write(count: int = 3, by: User | None = None) -> list[AuditEntry]:
    for number in range(count):
        write_audit(action="role.granted", now=NOW, by=by, subject=str(number))
    return list(AuditEntry.objects.order_by("-pk")[:count][::-1])


def raw(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


# --- only added to -------------------------------------------------------------------------------

CHANGES = [
    "UPDATE accounts_auditentry SET action = 'x'",
    "UPDATE accounts_auditentry SET actor_name = 'x'",
    "UPDATE accounts_auditentry SET subject = 'x'",
    "UPDATE accounts_auditentry SET data = '{\"a\": 1}'",
    "UPDATE accounts_auditentry SET client_address = '192.0.2.9'",
    "UPDATE accounts_auditentry SET subject = ''",
    "UPDATE accounts_auditlink SET digest = 'x'",
    "UPDATE accounts_auditlink SET actor_number = 1",
    "UPDATE accounts_auditlink SET seal_id = NULL",
    "UPDATE accounts_auditseal SET head = 'x'",
    "DELETE FROM accounts_auditlink",
    "DELETE FROM accounts_auditentry",
    "DELETE FROM accounts_auditseal",
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_refuses_to_change_or_remove(guards: None, change: str) -> None:
    write()
    seal_audit(now=NOW)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        raw(change)


@pytest.mark.parametrize("name", guards_of(AUDIT_LOG))
def test_a_missing_guard_is_a_break(guards: None, name: str) -> None:
    assert missing_guards(connection) == []
    table = name.rpartition("_")[0]
    raw(f"DROP TRIGGER {name}" + (f" ON {table}" if connection.vendor == "postgresql" else ""))
    assert [line for line in verify().breaks if name in line]


def test_words_are_erased_and_the_chain_holds(guards: None, lead: User) -> None:
    write(by=lead)
    seal_audit(now=NOW)
    assert erase_words(AuditEntry.objects.filter(subject="1"), now=LATER) == 1
    found = verify()
    assert (found.erased, found.breaks) == (1, ())
    gone = AuditEntry.objects.get(erased_at__isnull=False)
    assert (gone.actor, gone.actor_name, gone.subject, gone.salt) == (None, "", "", "")


def test_what_was_erased_stays_erased(guards: None) -> None:
    write(1)
    erase_words(AuditEntry.objects.all(), now=LATER)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(actor_name="somebody else")


def test_a_person_who_is_removed_leaves_the_entry_and_its_name(guards: None) -> None:
    person = UserFactory.create()
    write(1, by=person)
    seal_audit(now=NOW)
    person.delete()
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.actor_name) == (None, person.name)
    assert verify().breaks == ()


# --- sealed in batches ---------------------------------------------------------------------------


def test_seals_follow_each_other_and_nothing_new_makes_none() -> None:
    write(2)
    first = seal_audit(now=NOW)
    assert seal_audit(now=NOW) is None
    write(1)
    second = seal_audit(now=LATER)
    assert first is not None
    assert second is not None
    assert (first.number, first.count, first.previous) == (1, 2, "")
    assert (second.number, second.count, second.previous) == (2, 1, first.head)


def test_an_entry_of_a_version_without_links_is_taken_in() -> None:
    AuditEntry.objects.create(at=NOW, action="role.granted", data={"a": "ü"})
    seal_audit(now=NOW)
    assert AuditLink.objects.get().seal == AuditSeal.objects.get()
    assert [line for line in verify().breaks if "guard" not in line] == []


# --- a break is found ----------------------------------------------------------------------------

TAMPERED = {
    "entry": ("UPDATE accounts_auditentry SET actor_name = 'x' WHERE id = %s", "entry {pk} "),
    "moment": ("UPDATE accounts_auditentry SET action = 'y' WHERE id = %s", "entry {pk} "),
    "digest": ("UPDATE accounts_auditlink SET digest = 'y' WHERE entry_id = %s", "seal 1"),
    "link": ("DELETE FROM accounts_auditlink WHERE entry_id = %s", "seal 1"),
    "hidden": (
        "UPDATE accounts_auditentry SET erased_at = at, subject = 'z' WHERE id = %s",
        "entry {pk} ",
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_verify_says_where_the_log_was_changed(capsys, name: str) -> None:
    rows = write()
    seal_audit(now=NOW)
    let_go(connection)
    statement, place = TAMPERED[name]
    raw(statement, rows[1].pk)
    guard(connection)
    with pytest.raises(CommandError) as error:
        call_command("verify_audit")
    assert error.value.returncode == 1
    broken = [line for line in capsys.readouterr().out.splitlines() if "BROKEN" in line]
    assert any(place.format(pk=rows[1].pk) in line for line in broken)


def test_a_sound_log_verifies(guards: None, capsys) -> None:
    write()
    seal_audit(now=NOW)
    write(1)
    call_command("verify_audit")
    out = capsys.readouterr().out
    assert "4 entries (0 erased), 1 seals, 1 not sealed yet" in out
    assert "Nothing was changed." in out


def test_an_end_that_was_cut_off_is_found_by_a_head_noted_earlier(guards: None) -> None:
    write(1)
    seal_audit(now=NOW)
    write(1)
    last = seal_audit(now=LATER)
    assert last is not None
    assert verify(expected_head=last.head).breaks == ()
    let_go(connection)
    raw("DELETE FROM accounts_auditlink WHERE seal_id = %s", last.pk)
    raw("DELETE FROM accounts_auditentry WHERE id = (SELECT MAX(id) FROM accounts_auditentry)")
    raw("DELETE FROM accounts_auditseal WHERE id = %s", last.pk)
    guard(connection)
    assert verify().breaks == ()
    assert [line for line in verify(expected_head=last.head).breaks if last.head in line]


# --- who, what, from where -----------------------------------------------------------------------


def test_an_entry_says_from_where_and_a_command_has_no_address(lead: User) -> None:
    with called_by("192.0.2.7"):
        write(1, by=lead)
    write(1)
    assert [e.client_address for e in AuditEntry.objects.order_by("pk")] == ["192.0.2.7", ""]


def test_what_is_not_ones_own_is_written_down_once_a_page() -> None:
    person = UserFactory.create()
    client = browser(person)
    for _again in range(3):
        assert client.get("/accounts/roles/", REMOTE_ADDR="192.0.2.8").status_code == 404
    entry = AuditEntry.objects.get(action="rights.refused")
    assert (entry.actor, entry.client_address) == (person, "192.0.2.8")
    assert entry.data == {"page": "account_roles", "status": 404}


def test_signing_in_and_out_and_a_wrong_slip_are_written_down(lead: User) -> None:
    person = UserFactory.create(email="")
    secret = issue_slip(person=person, by=lead, now=wall_clock(), lifetime=timedelta(days=1))
    client = Client()
    wrong = SLIP_ALPHABET[0] * SLIP_LENGTH
    for code in (wrong, secret):
        client.post("/accounts/slip/", {"code": code}, REMOTE_ADDR="192.0.2.5")
    client.post("/accounts/logout/")
    found = AuditEntry.objects.order_by("pk").values_list("action", flat=True)
    doors = ["sign_in.refused", "slip.used", "sign_in.done", "session.signed_out"]
    assert list(found)[-4:] == doors
    done = AuditEntry.objects.get(action="sign_in.done")
    assert (done.actor, done.data, done.client_address) == (
        person,
        {"door": "slip"},
        "192.0.2.5",
    )


# --- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.IT_LEAD])
def test_the_log_is_narrowed_by_person_kind_and_day(role: Role) -> None:
    client = browser(GrantFactory.create(role=role).person)
    one, other = UserFactory.create(name="桜井 一"), UserFactory.create(name="小池 二")
    write_audit(action="labels.printed", now=NOW, by=one, subject="erste")
    write_audit(action="role.granted", now=NOW - timedelta(days=3), by=other, subject="zweite")

    def page(query: str) -> str:
        return client.get(f"/accounts/log/?{query}").content.decode()

    assert "erste" in page("who=桜井")
    assert "zweite" not in page("who=桜井")
    assert "erste" in page(f"who={one.staff_number}")
    assert "erste" not in page("kind=role")
    assert "zweite" in page("kind=role")
    assert "erste" in page(f"on={NOW.date().isoformat()}")
    assert "zweite" not in page(f"on={NOW.date().isoformat()}")
    assert client.get("/accounts/log/?kind=x&on=x&before=x&who=" + "x" * 200).status_code == 200


def test_a_long_log_goes_on_by_its_last_row(lead: User) -> None:
    client = browser(lead)
    rows = write(230)
    first = client.get("/accounts/log/?kind=role")
    assert len(first.context["lines"]) == 100
    second = client.get(f"/accounts/log/?kind=role&before={first.context['older']}")
    third = client.get(f"/accounts/log/?kind=role&before={second.context['older']}")
    seen = [line.pk for page in (first, second, third) for line in page.context["lines"]]
    assert seen == [row.pk for row in reversed(rows)]
    assert third.context["older"] is None


def test_the_page_asks_the_same_of_one_entry_and_of_three(lead: User) -> None:
    client, counts = browser(lead), []
    for count in (1, 2):
        write(count, by=lead)
        seal_audit(now=NOW)
        with CaptureQueriesContext(connection) as captured:
            client.get("/accounts/log/?kind=role")
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_the_sheet_runs_nothing_and_taking_it_is_written_down(lead: User) -> None:
    client = browser(lead)
    write_audit(action="role.granted", now=NOW, by=None, subject="=HYPERLINK(1)")
    answer = client.post("/accounts/log/export/", {"kind": "role"})
    text = answer.content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text)))
    assert [row[3] for row in rows[1:]] == ["'=HYPERLINK(1)"]
    assert AuditEntry.objects.get(action="audit.exported").data["kind"] == "role"


def test_a_sheet_asked_for_wrongly_is_none_and_the_page_says_why(lead: User) -> None:
    client = browser(lead)
    asked = {"who": "a\0", "kind": "no kind", "on": "yesterday"}
    answer = client.post("/accounts/log/export/", asked, follow=True)
    assert answer.redirect_chain[0][0].startswith("/accounts/log/?")
    assert set(answer.context["form"].errors) == {"kind", "on"}
    assert not AuditEntry.objects.filter(action="audit.exported").exists()


# What is written with a word of a list behind it: `ticket.` and each kind of line, and so on.
FAMILIES: dict[str, set[str]] = {
    "ticket.{}": {str(kind) for kind in EntryKind},
    "handoff.{}": {"allowed", "refused"},
    "rollout.{}": {str(state) for state in RolloutState},
    "directory.{}_asked": {str(kind) for kind in ChangeKind},
    "directory.{}": {*(str(kind) for kind in ChangeKind), "not_changed"},
}


def said_as_action(node: ast.AST) -> list[ast.expr]:
    """Return what a piece of source calls an action: by keyword, by name, as first word of `_write`."""
    if isinstance(node, ast.Assign):
        is_action = [t for t in node.targets if isinstance(t, ast.Name) and t.id == "action"]
        return [node.value] if is_action else []
    if not isinstance(node, ast.Call):
        return []
    by_name = [word.value for word in node.keywords if word.arg == "action"]
    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
    return by_name + (node.args[:1] if name in ("_write", "_audit_mark") else [])


def actions_in(value: ast.expr) -> set[str]:
    if isinstance(value, ast.IfExp):
        return actions_in(value.body) | actions_in(value.orelse)
    if isinstance(value, ast.JoinedStr):
        parts = [p.value if isinstance(p, ast.Constant) else "{}" for p in value.values]
        template = "".join(str(part) for part in parts)
        return {template.format(word) for word in FAMILIES[template]}
    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    return {value.value} if is_text else set()


def written_actions() -> set[str]:
    files = [*(ROOT / "kitting").rglob("*.py"), *(ROOT / "accounts").rglob("*.py")]
    trees = [
        ast.parse(path.read_text("utf-8"))
        for path in files
        if any(word in path.read_text("utf-8") for word in ("write_audit", "accounts.taking"))
    ]
    values = [v for tree in trees for node in ast.walk(tree) for v in said_as_action(node)]
    return {action for value in values for action in actions_in(value)}


def test_every_action_that_is_written_has_a_kind_and_words_of_its_own() -> None:
    written = written_actions()
    prefixes = [p for group in AUDIT_PREFIXES.values() for p in group]
    assert [a for a in sorted(written) if not any(a.startswith(p) for p in prefixes)] == []
    assert sorted(written ^ set(ACTION_WORDS)) == []
    for language in ("ja", "en"):
        with translation.override(language):
            said = {action_words(action) for action in written}
        assert len(said) == len(written)
        assert not said & written


def test_the_page_and_the_sheet_say_what_happened_in_words(lead: User) -> None:
    person = UserFactory.create(name="大島 花")
    write_audit(action="session.ended", now=NOW, by=lead, subject=f"person:{person.pk}")
    client = browser(lead)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    page = client.get("/accounts/log/?kind=door").content.decode()
    assert "ended the session of one browser" in page
    assert "大島 花" in page
    assert "session.ended" not in page
    sheet = client.post("/accounts/log/export/", {"kind": "door"}).content.decode("utf-8-sig")
    row = list(csv.reader(io.StringIO(sheet)))[1]
    assert (row[2], row[7]) == ("ended the session of one browser", "session.ended")
