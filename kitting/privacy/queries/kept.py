"""What is kept about people and until when, as the settings of this installation say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEntry, SignIn
from kitting.around.models import Answer
from kitting.devices.models import DeviceEventNote
from kitting.escalation.models import LossReport, TicketEntry
from kitting.escalation.states import TicketState
from kitting.imports.rules import FILE_KEPT, UNDO_KEPT
from kitting.journeys.models import EventNote
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.db.models import QuerySet
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
