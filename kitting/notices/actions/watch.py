"""The web process looks whether the worker is alive, and tells the operators where it is not."""

from __future__ import annotations

import logging
import smtplib
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from kitting.jobs.actions import claim_incident, end_incident, incident_told, open_incident
from kitting.jobs.queries import late_pulses
from kitting.notices.actions import render
from kitting.notices.channels import host, said, send_now
from kitting.notices.rules import message_id
from kitting.notices.states import Channel
from kitting.site.actions import note_late

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.jobs.models import Incident
    from kitting.jobs.queries import Pulse

log = logging.getLogger(__name__)

KIND = "late"
# A restart of the worker, or of everything, is no incident.
GRACE = timedelta(minutes=1)


def watch(*, now: datetime) -> bool:
    """Look whether sweep and delivery are late; tells whether the operators were told just now.

    `now` is the time on the wall, as heartbeats have it. Safe to run in many processes at once: of
    one incident one mail leaves, and straight to the mail server, because the outbox stands still.
    """
    late = late_pulses()
    if not late:
        note_late(since=None)
        end_incident(kind=KIND, now=now)
        return False
    since = min((pulse.at for pulse in late if pulse.at), default=now)
    open_incident(kind=KIND, what=_names(late), since=since, now=now)
    note_late(since=since)
    incident = claim_incident(kind=KIND, found_before=now - GRACE, now=now)
    return incident is not None and _tell(incident, late, now=now)


def _names(late: list[Pulse]) -> str:
    return ", ".join(pulse.name for pulse in late)


def operators() -> list[str]:
    """Return who runs this site: their own addresses, else the help desk's."""
    desk = [settings.HELP_DESK_EMAIL] if settings.HELP_DESK_EMAIL else []
    return settings.OPERATORS_EMAIL or desk


def _tell(incident: Incident, late: list[Pulse], *, now: datetime) -> bool:
    if not operators():
        return False
    names = {pulse.name for pulse in late}
    subject, body = render(
        kind="operators",
        person=None,
        channel=Channel.MAIL,
        context={
            "since": incident.since,
            "sweep": "sweep" in names,
            "deliver": "deliver" in names,
            "path": "/readyz",
        },
    )
    try:
        send_now(
            to=operators(),
            subject=subject,
            body=body,
            message_id=message_id(f"incident:{incident.pk}", host=host()),
        )
    except (OSError, smtplib.SMTPException) as error:
        log.warning("The operators could not be told: %s", said(error))
        return False
    incident_told(incident=incident, now=now)
    return True
