"""Erase what was kept long enough."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q

from accounts.actions import write_audit
from accounts.audit import erase_words
from accounts.doors import end_all_sessions
from accounts.models import Grant, Posting, SignIn, Slip, Trace, Transfer, User
from accounts.queries import local_day
from kitting.around.models import Answer, Macro
from kitting.devices.models import DeviceEventNote, Loan
from kitting.escalation.models import LossReport, TicketEntry, TicketPhoto
from kitting.journeys.models import EventNote
from kitting.labels.models import AccountSlip
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from kitting.privacy.queries.kept import ERASED, rules

if TYPE_CHECKING:
    from datetime import datetime


@transaction.atomic
def retain(*, now: datetime) -> dict[str, int]:
    """Erase the words that every rule is past; return how many rows of each, and write that down.

    Rows, counts and digests stay: only words that may name a person go. A second run finds nothing.
    """
    erased = {}
    for rule in rules():
        rows = rule.due(now - timedelta(days=rule.days))
        erased[rule.key] = (
            rows.update(**rule.blank) if rule.blank else erase_words(rows, now=now)
        )
    found = {key: count for key, count in erased.items() if count}
    if found:
        write_audit(action="retention.erased", now=now, by=None, data=found)
    return erased


# --- one person -----------------------------------------------------------------------------------

NOBODY = "-"


class StillHereError(Exception):
    """Somebody who works here, or has a device, is not removed."""


@transaction.atomic
def note_export(
    *, person: User, by: User | None, now: datetime, kind: str, reason: str
) -> None:
    """Write down that everything about somebody was handed out, in which form and why."""
    subject, data = f"person:{person.pk}", {"kind": kind, "reason": reason}
    write_audit(action="person.exported", now=now, by=by, subject=subject, data=data)


@transaction.atomic
def remove_person(
    *, person: User, by: User | None, now: datetime, reason: str
) -> dict[str, int]:
    """Take out whatever names somebody who has left; return how many rows of each table changed.

    The row stays without a name, so that steps, times and counts do. Raises `StillHereError`. Names
    in the audit log go with their own time: who has left may still have misused something.
    """
    person = User.objects.select_for_update(of=("self",)).get(pk=person.pk)
    is_here = person.is_active and not person.has_left(local_day(now))
    if is_here or Loan.objects.open().filter(person=person).exists():
        raise StillHereError
    end_all_sessions(person=person, by=by, now=now, reason="person.removed")
    changed = _erase_words_of(person, now) | _drop_rows_of(person)
    User.objects.filter(pk=person.pk).update(
        username=f"removed-{person.pk}",
        staff_number=None,
        name=NOBODY,
        kana="",
        email="",
        account="",
        title="",
        employment="",
        extension="",
        is_active=False,
        leave_from_on=None,
        leave_to_on=None,
    )
    data = {**changed, "reason": reason}
    write_audit(
        action="person.removed", now=now, by=by, subject=f"person:{person.pk}", data=data
    )
    return changed


def _erase_words_of(person: User, now: datetime) -> dict[str, int]:
    blank = {"text": "", "erased_at": now}
    notes = EventNote.objects.filter(
        Q(event__journey__person=person) | Q(event__actor=person)
    ).filter(erased_at__isnull=True)
    of_tickets = Q(ticket__person=person) | Q(ticket__journey__person=person)
    entries = TicketEntry.objects.filter(of_tickets | Q(actor=person))
    devices = DeviceEventNote.objects.filter(event__loan__person=person)
    return {
        "event_notes": notes.update(client_address="", **blank),
        "photos": TicketPhoto.objects.filter(entry__in=entries).delete()[0],
        "ticket_entries": entries.update(text=""),
        "device_notes": devices.update(**blank),
        "answers": Answer.objects.filter(journey__person=person).update(text=""),
        "macros": Macro.objects.filter(person=person).update(
            name=NOBODY, purpose="", answer=""
        ),
        "losses": LossReport.objects.filter(person=person).update(
            words="", call_back="", staff_number="", erased_at=now
        ),
        "messages": Notice.objects.filter(person=person, state=NoticeState.SENT).update(
            body="", subject="", address=ERASED
        ),
    }


def _drop_rows_of(person: User) -> dict[str, int]:
    own = {
        "roles": Grant,
        "browsers": SignIn,
        "slips": Slip,
        "moves": Transfer,
        "postings": Posting,
        "account_slips": AccountSlip,
    }
    gone = {
        name: model._default_manager.filter(person=person).delete()[0]
        for name, model in own.items()
    }
    waiting = Notice.objects.filter(person=person).exclude(state=NoticeState.SENT)
    traces = Trace.objects.filter(table="accounts.user", object_id=person.pk)
    return gone | {
        "factors": Authenticator.objects.filter(user=person).delete()[0],
        "waiting_messages": waiting.delete()[0],
        "traces": traces.delete()[0],
    }
