"""What is kept about people and until when, as the settings of this installation say."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.db.models import Q
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, SignIn, User
from kitting.around.models import Answer
from kitting.devices.models import DeviceEventNote
from kitting.escalation.models import LossReport, Ticket, TicketEntry
from kitting.escalation.states import TicketState
from kitting.imports.rules import FILE_KEPT, UNDO_KEPT
from kitting.journeys.models import Event, EventNote, Journey
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from kitting.privacy.drawing import Record, Section, draw_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import Model, QuerySet
    from django_stubs_ext import StrPromise

# Stands for an address that was erased: the database wants every mail to have had one.
ERASED = "-"


@dataclass(frozen=True)
class Rule:
    """One kind of personal words: how many days it stays, which rows are past that, what is erased.

    `blank` is what is written over the words; the log of who did what is erased by its own function.
    """

    key: str
    days: int
    due: Callable[[datetime], QuerySet[Any]]
    blank: dict[str, Any]


def rules() -> tuple[Rule, ...]:
    """Return every rule with the days of this installation's settings."""
    words, addresses = settings.KEEP_WORDS_DAYS, settings.KEEP_ADDRESS_DAYS
    return (
        Rule(
            "event_words",
            words,
            lambda past: EventNote.objects.filter(event__at__lte=past).exclude(text=""),
            {"text": ""},
        ),
        Rule(
            "event_addresses",
            addresses,
            lambda past: EventNote.objects.filter(event__at__lte=past).exclude(
                client_address=""
            ),
            {"client_address": ""},
        ),
        Rule(
            "sign_in_addresses",
            addresses,
            lambda past: SignIn.objects.filter(at__lte=past).exclude(client_address=""),
            {"client_address": ""},
        ),
        Rule(
            "ticket_words",
            words,
            lambda past: TicketEntry.objects.filter(
                ticket__state=TicketState.RESOLVED, ticket__resolved_at__lte=past
            ).exclude(text=""),
            {"text": ""},
        ),
        Rule(
            "device_words",
            words,
            lambda past: DeviceEventNote.objects.filter(event__at__lte=past).exclude(text=""),
            {"text": ""},
        ),
        Rule(
            "loss_words",
            words,
            lambda past: LossReport.objects.filter(settled_at__lte=past).exclude(
                words="", call_back="", staff_number=""
            ),
            {"words": "", "call_back": "", "staff_number": ""},
        ),
        Rule(
            "survey_words",
            words,
            lambda past: Answer.objects.filter(answered_at__lte=past).exclude(text=""),
            {"text": ""},
        ),
        Rule(
            "messages",
            settings.KEEP_MESSAGE_DAYS,
            lambda past: Notice.objects.filter(
                state=NoticeState.SENT, sent_at__lte=past
            ).exclude(body="", subject="", address=ERASED),
            {"body": "", "subject": "", "address": ERASED},
        ),
        Rule(
            "audit_names",
            settings.KEEP_AUDIT_DAYS,
            lambda past: AuditEntry.objects.filter(at__lte=past, erased_at__isnull=True),
            {},
        ),
    )


@dataclass(frozen=True)
class Due:
    """What one rule would erase at a moment."""

    key: str
    days: int
    count: int


def due_now(now: datetime) -> list[Due]:
    """Return how many rows each rule is past, changing nothing (one query a rule)."""
    return [
        Due(rule.key, rule.days, rule.due(now - timedelta(days=rule.days)).count())
        for rule in rules()
    ]


@dataclass(frozen=True)
class Kept:
    """One line of the public page: what, why, and until when."""

    what: StrPromise
    why: StrPromise
    until: str


def _days(number: int) -> str:
    return str(_("%(days)s days") % {"days": number})


def kept_lines() -> list[Kept]:
    """Return what stands on the public page; every time comes from the settings."""
    return [
        Kept(
            _("Name, staff number, department, place, e-mail address, account"),
            _("To know whose device it is, and to write to the right person."),
            str(_("Until IT removes you after you leave.")),
        ),
        Kept(
            _("Which steps of the set-up were done, and when"),
            _("To help where somebody is stuck, and to count how far everybody is."),
            str(_("The counts stay. Your name is taken out when IT removes you.")),
        ),
        Kept(
            _("What you wrote: questions, remarks, answers to the survey"),
            _("To answer you."),
            str(
                _("%(days)s days after it was written or settled")
                % {"days": settings.KEEP_WORDS_DAYS}
            ),
        ),
        Kept(
            _("Photos you sent with a question"),
            _("To see what your screen shows."),
            str(_("%(days)s days after it was settled") % {"days": settings.PHOTO_DAYS}),
        ),
        Kept(
            _("The network address your browser came from"),
            _("To stop people who try out codes."),
            _days(settings.KEEP_ADDRESS_DAYS),
        ),
        Kept(
            _("Messages that were sent to you"),
            _("To see whether a message arrived."),
            _days(settings.KEEP_MESSAGE_DAYS),
        ),
        Kept(
            _("Who signed in, looked something up, changed or took something out"),
            _("To be able to check later that nobody misused this site."),
            _days(settings.KEEP_AUDIT_DAYS),
        ),
        Kept(
            _("That this browser is signed in (a cookie)"),
            _("So that you need not sign in on every page."),
            _days(settings.SESSION_COOKIE_AGE // 86_400),
        ),
        Kept(
            _("Label sheets with names on them"),
            _("To print them again when the printer fails."),
            _days(settings.PRINT_DAYS),
        ),
        Kept(
            _("Staff lists that IT brought here as a file"),
            _("To look at them before they count, and to take them back."),
            str(
                _("The file %(hours)s hours, what changed %(days)s days")
                % {"hours": int(FILE_KEPT.total_seconds() // 3600), "days": UNDO_KEPT.days}
            ),
        ),
    ]


# What each kind of row is called for whoever reads the PDF.
TABLE_WORDS: dict[str, StrPromise] = {
    "user": _("Who this person is"),
    "loan": _("Devices lent"),
    "journey": _("Set-ups"),
    "steprecord": _("Steps of the set-ups"),
    "event": _("What happened in the set-ups"),
    "eventnote": _("Words and addresses beside what happened"),
    "preparation": _("Preparation"),
    "handoff": _("Going on with another device"),
    "ticket": _("Questions"),
    "ticketentry": _("What was written in questions"),
    "ticketphoto": _("Photos sent with questions"),
    "aside": _("Questions kept apart from an outage"),
    "lossreport": _("Losses told"),
    "lossstep": _("What was done about a loss"),
    "wrongbox": _("Wrong boxes"),
    "look": _("Looks at a ticket"),
    "notice": _("Messages"),
    "invitation": _("Letters of lessons"),
    "lessonread": _("Lessons read"),
    "answer": _("Answers to the survey"),
    "macro": _("Macros"),
    "oldpc": _("The old PC"),
    "acceptance": _("Rules of use accepted"),
    "accountslip": _("Account slips"),
    "scan": _("Scans at the counter"),
    "signin": _("Browsers signed in"),
    "slip": _("Slips to sign in"),
    "emailaddress": _("E-mail addresses for signing in"),
    "grant": _("Roles"),
    "officer": _("Offices in a place or department"),
    "duty": _("Duties"),
    "offer": _("Offers to help"),
    "plea": _("Requests for help from colleagues"),
    "posting": _("Earlier departments"),
    "transfer": _("Moves"),
    "auditentry": _("What this person did (audit log)"),
}


# --- everything about one person ------------------------------------------------------------------

# What proves or counts something and is nobody's data: never handed out, not even to its person.
NEVER_OUT = frozenset({"password", "session_key", "session_epoch", "digest", "salt", "code"})
NEVER_TABLES = frozenset({"authenticator", "logentry"})
OWN_FIELDS = frozenset({"person", "holder", "user"})
BELOW = (Journey, Event, Ticket, TicketEntry)
# Rows as plain texts, by table.
Found = dict[str, list[dict[str, str]]]


def people_found(text: str, *, limit: int) -> list[User]:
    """Return people by a part of name or reading, or by number; those who left too."""
    plain = unicodedata.normalize("NFKC", text).replace("\x00", "").strip()
    if not plain:
        return []
    match = Q(name__icontains=plain) | Q(kana__icontains=plain) | Q(staff_number=plain)
    found = User.objects.filter(match, staff_number__isnull=False).select_related("department")
    return list(found.order_by("kana", "pk")[:limit])


def file_of(person: User, found: Found, *, kind: str, now: datetime) -> bytes:
    """Return everything about somebody as a file: "json" for programs, "pdf" to read and print."""
    if kind == "json":
        return (json.dumps(found, ensure_ascii=False, indent=1) + "\n").encode()
    lead = _("As of %(at)s. %(rows)s rows. Secrets are left out.")
    record = Record(
        title=_("Everything kept about %(name)s") % {"name": person.name},
        lead=lead
        % {"at": f"{localtime(now):%Y-%m-%d %H:%M}", "rows": sum(map(len, found.values()))},
        sections=_sections(found),
        geta_note=str(_("〓 stands for a character that cannot be printed here.")),
        language=get_language() or "ja",
    )
    return draw_record(record)


def _sections(found: Found) -> tuple[Section, ...]:
    """Return everything about somebody as it is printed: filled cells only, the person first."""
    names = sorted(found, key=lambda name: (name != "user", list(TABLE_WORDS).index(name)))
    return tuple(
        Section(
            title=f"{TABLE_WORDS[name]} ({len(found[name])})",
            rows=tuple(
                tuple((key, value) for key, value in row.items() if value not in ("", "None"))
                for row in found[name]
            ),
        )
        for name in names
    )


def everything_about(person: User) -> Found:
    """Return every row that is about somebody, by table, as plain texts; secrets left out.

    Rows that name the person as owner, and whatever lies below the own set-ups and questions. What
    the person did for others (as helper) is in the audit log of `actor`.
    """
    found: dict[str, list[Model]] = {"user": [person]}
    _add(found, User, [person.pk], OWN_FIELDS)
    _add_rows(found, AuditEntry.objects.filter(actor=person))
    for parent in BELOW:
        rows = found.get(str(parent._meta.model_name), [])
        _add(found, parent, [row.pk for row in rows], None)
    return {name: [_plain(row) for row in rows] for name, rows in sorted(found.items())}


def _add(
    found: dict[str, list[Model]],
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


def _add_rows(found: dict[str, list[Model]], rows: QuerySet[Any]) -> None:
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
