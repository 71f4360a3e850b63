"""Everything about one person: every row that names them, for programs and on paper."""

from __future__ import annotations

import json
import unicodedata
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Q
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.audit_words import ACTION_WORDS
from accounts.models import AuditEntry, Department, Place, User, WorkingHours
from kitting.devices.models import Device
from kitting.escalation.models import Ticket, TicketEntry
from kitting.guides.models import Step
from kitting.journeys.models import Event, Journey
from kitting.privacy.drawing import Record, Section, draw_record
from kitting.privacy.queries.words import FIELD_WORDS, INNER, TABLE_WORDS
from kitting.rollout.models import Wave

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import Field, Model, QuerySet

# What proves or counts something and is nobody's data: never handed out, not even to its person.
NEVER_OUT = frozenset({"password", "session_key", "session_epoch", "digest", "salt", "code"})
NEVER_TABLES = frozenset({"authenticator", "logentry"})
OWN_FIELDS = frozenset({"person", "holder", "user"})
BELOW = (Journey, Event, Ticket, TicketEntry)
# What a row that names the person may also name: shown by its own name.
NAMED = (Department, Place, WorkingHours, Device, Wave)
STEP_FIELDS = frozenset({"step_key", "current_step"})
# Rows by table: as they are, and as plain texts.
Rows = dict[str, list["Model"]]
Found = dict[str, list[dict[str, str]]]


def people_found(text: str, *, limit: int) -> list[User]:
    """Return people by a part of name or reading, or by number; those who left too."""
    plain = unicodedata.normalize("NFKC", text).replace("\x00", "").strip()
    if not plain:
        return []
    match = Q(name__icontains=plain) | Q(kana__icontains=plain) | Q(staff_number=plain)
    found = User.objects.filter(match, staff_number__isnull=False).select_related("department")
    return list(found.order_by("kana", "pk")[:limit])


def file_of(person: User, rows: Rows, *, kind: str, now: datetime) -> bytes:
    """Return everything about somebody as a file: "json" for programs, "pdf" to read and print."""
    if kind == "json":
        return (json.dumps(_plainly(rows), ensure_ascii=False, indent=1) + "\n").encode()
    lead = _(
        "As of %(at)s. %(rows)s rows. Secrets are left out, and numbers only the program needs: the file for programs has those."
    )
    record = Record(
        title=_("Everything kept about %(name)s") % {"name": person.name},
        lead=lead
        % {"at": f"{localtime(now):%Y-%m-%d %H:%M}", "rows": sum(map(len, rows.values()))},
        sections=_sections(person, rows),
        geta_note=_("〓 stands for a character that cannot be printed here."),
        language=get_language() or "ja",
    )
    return draw_record(record)


def _sections(person: User, rows: Rows) -> tuple[Section, ...]:
    """Return everything about somebody as it is printed: filled cells only, the person first."""
    shown = _Shown(person, rows)
    names = sorted(rows, key=lambda name: (name != "user", list(TABLE_WORDS).index(name)))
    return tuple(
        Section(
            title=f"{TABLE_WORDS[name]} ({len(rows[name])})",
            rows=tuple(tuple(shown.cells(row)) for row in rows[name]),
        )
        for name in names
    )


class _Shown:
    """Says what stands in a row in the reader's words; names are looked up once a table."""

    def __init__(self, person: User, rows: Rows) -> None:
        self.person = person
        wanted: dict[type[Model], set[int]] = {model: set() for model in NAMED}
        for row in (row for found in rows.values() for row in found):
            for field in row._meta.concrete_fields:
                if field.related_model in wanted:
                    wanted[field.related_model].add(getattr(row, field.attname))
        self.names = {
            (model, pk): str(found)
            for model, pks in wanted.items()
            for pk, found in model._default_manager.in_bulk(pks - {None}).items()
        }
        language = get_language() or "ja"
        self.steps = {
            key: title.get(language) or key
            for key, title in Step.objects.order_by("edition_id").values_list("key", "title")
        }

    def cells(self, row: Model) -> Iterator[tuple[str, str]]:
        """Yield what is filled in: its name and its words."""
        for field in row._meta.concrete_fields:
            if field.name in NEVER_OUT or field.name in INNER:
                continue
            value = getattr(row, field.attname)
            if value not in (None, "", {}, []):
                yield str(FIELD_WORDS[field.name]), self._words(row, field, value)

    def _words(self, row: Model, field: Field[Any, Any], value: Any) -> str:
        if field.related_model is User:
            return self.person.name if value == self.person.pk else _("somebody else")
        if field.related_model:
            return self.names.get((field.related_model, value), "")
        if field.choices:
            return str(getattr(row, f"get_{field.name}_display")())
        if field.name in STEP_FIELDS:
            return str(self.steps.get(value, value))
        if field.name == "action":
            return str(ACTION_WORDS.get(value, value))
        return _value(value)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return f"{localtime(value):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def rows_about(person: User) -> Rows:
    """Return every row that is about somebody, by table.

    Rows that name the person as owner, and whatever lies below the own set-ups and questions. What
    the person did for others (as helper) is in the audit log of `actor`.
    """
    found: Rows = {"user": [person]}
    _add(found, User, [person.pk], OWN_FIELDS)
    _add_rows(found, AuditEntry.objects.filter(actor=person))
    for parent in BELOW:
        rows = found.get(str(parent._meta.model_name), [])
        _add(found, parent, [row.pk for row in rows], None)
    return found


def _plainly(rows: Rows) -> Found:
    return {name: [_plain(row) for row in found] for name, found in sorted(rows.items())}


def _add(
    found: Rows,
    parent: type[Model],
    pks: list[int],
    names: frozenset[str] | None,
) -> None:
    for model in apps.get_models():
        if model._meta.model_name in NEVER_TABLES:
            continue
        for field in model._meta.concrete_fields:
            if field.related_model is parent and (names is None or field.name in names):
                rows = model._default_manager.filter(**{f"{field.name}__in": pks})
                _add_rows(found, rows)


def _add_rows(found: Rows, rows: QuerySet[Any]) -> None:
    for row in rows.order_by("pk"):
        kept = found.setdefault(str(row._meta.model_name), [])
        if row not in kept:
            kept.append(row)


def _plain(row: Model) -> dict[str, str]:
    return {
        field.name: str(field.value_to_string(row))
        for field in row._meta.concrete_fields
        if field.name not in NEVER_OUT
    }
