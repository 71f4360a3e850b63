"""Everything the desk changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.actions import write_audit
from kitting.escalation import actions as escalation
from kitting.guides.actions import add_step_note, adopt_note, end_step_note
from kitting.helpdesk.models import Look, Officer, SavedReply
from kitting.helpdesk.states import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from accounts.models import User
    from kitting.devices.models import Device
    from kitting.escalation.models import Ticket
    from kitting.guides.models import Edition, StepNote


@transaction.atomic
def reveal_serial(*, device: Device, by: User, now: datetime) -> str:
    """Show somebody of IT a whole serial number, and write down that they have seen it."""
    write_audit(action="device.serial_revealed", subject=str(device), by=by, now=now)
    return device.serial_number


@transaction.atomic
def finish_call(  # a call has this many facts, and the one caller names each
    *, ticket: Ticket, by: User, outcome: Outcome, minutes: int, words: str, now: datetime
) -> Ticket:
    """Say how a call ended; a ticket that was solved is resolved with it.

    Nobody picking up is noted, and the ticket waits on. Raises `TicketEndedError`.
    """
    if outcome == Outcome.NO_ANSWER:
        return escalation.note(
            ticket=ticket, by=by, words=words, now=now, outcome=outcome, minutes=minutes
        )
    return escalation.resolve(
        ticket=ticket, by=by, words=words, now=now, outcome=outcome, minutes=minutes
    )


@dataclass
class Answered:
    """Who got one answer, and whose ticket had ended or cannot be answered."""

    reached: list[Ticket] = field(default_factory=list)
    missed: list[Ticket] = field(default_factory=list)


def answer_many(*, tickets: Sequence[Ticket], by: User, words: str, now: datetime) -> Answered:
    """Give several people one answer; each ticket for itself, so that one cannot stop the rest."""
    done = Answered()
    for ticket in tickets:
        try:
            escalation.reply(ticket=ticket, by=by, words=words, now=now)
        except escalation.TicketError:
            done.missed.append(ticket)
        else:
            done.reached.append(ticket)
    return done


@transaction.atomic
def save_reply(  # an answer has this many parts, and the one caller names each
    *,
    reply_id: int | None,
    title: str,
    text_ja: str,
    text_en: str,
    by: User,
    now: datetime,
) -> SavedReply:
    """Keep an answer that is used again, or change it."""
    kept = SavedReply.objects.get(pk=reply_id) if reply_id else SavedReply()
    kept.title, kept.text_ja, kept.text_en = title, text_ja, text_en
    kept.changed_at, kept.changed_by = now, by
    kept.save()
    return kept


@transaction.atomic
def drop_reply(*, reply_id: int) -> bool:
    """Forget an answer; what was sent with it stays."""
    return bool(SavedReply.objects.filter(pk=reply_id).delete()[0])


def set_meeting(*, person: User, url: str) -> Officer:
    """Keep where somebody of IT meets people on screen."""
    officer, _new = Officer.objects.update_or_create(
        person=person, defaults={"meeting_url": url}
    )
    return officer


def look(*, ticket: Ticket, by: User, now: datetime) -> None:
    """Note that somebody has a ticket on the screen."""
    Look.objects.update_or_create(ticket=ticket, person=by, defaults={"seen_at": now})


@transaction.atomic
def note_step(  # noqa: PLR0913  # a note has this many facts, and the one caller names each
    *,
    ticket: Ticket,
    edition_id: int,
    step_key: str,
    text_ja: str,
    text_en: str,
    by: User,
    now: datetime,
) -> StepNote:
    """Tell everybody at a step what helped one person; the ticket and the audit say who did."""
    made = add_step_note(
        edition_id=edition_id,
        step_key=step_key,
        text={"ja": text_ja, "en": text_en},
        source=ticket.number,
        by=by,
        now=now,
    )
    escalation.note(ticket=ticket, by=by, words=text_ja or text_en, now=now, outcome="noted")
    write_audit(action="step_noted", subject=step_key, by=by, now=now, data={"note": made.pk})
    return made


@transaction.atomic
def end_note(
    *, note_id: int, by: User, now: datetime, adopted_in: Edition | None = None
) -> bool:
    """Take a note off its step; `adopted_in` is the edition that says it from now on."""
    ended = end_step_note(note_id=note_id, by=by, now=now, adopted_in=adopted_in)
    if ended:
        write_audit(action="step_note_ended", subject=str(note_id), by=by, now=now)
    return ended


@transaction.atomic
def propose_note(
    *, note: StepNote, said: Mapping[str, str], by: User, now: datetime
) -> Edition:
    """Write a note into the next edition; `said` are symptom and attempt, in both languages."""
    edition = adopt_note(
        note=note,
        symptom={"ja": said["symptom_ja"], "en": said["symptom_en"]},
        attempt={"ja": said["attempt_ja"], "en": said["attempt_en"]},
        now=now,
    )
    write_audit(
        action="step_note_adopted",
        subject=note.step_key,
        by=by,
        now=now,
        data={"note": note.pk, "edition": edition.number},
    )
    return edition
