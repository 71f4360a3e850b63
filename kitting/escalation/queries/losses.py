"""Reports of loss, and what is done about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from kitting.devices.models import Device, Loan
from kitting.escalation import rules
from kitting.escalation.models import LossReport, Ticket
from kitting.escalation.states import LossLine

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


STRANGERS_MOST = 50


@dataclass(frozen=True)
class LossRow:
    """One line of the list of a loss: by when, and by whom it was done."""

    key: str
    label: str
    how: str
    due_at: datetime
    done_at: datetime | None
    done_by: User | None
    is_late: bool


def loss_lines(ticket: Ticket, *, now: datetime) -> list[LossRow]:
    """Return the list of a loss with what is done and what is late. One query."""
    done = {step.line: step for step in ticket.loss_steps.select_related("done_by")}
    found = []
    for line, limit in rules.LOSS_LIMITS.items():
        step, due = done.get(line), ticket.opened_at + limit
        found.append(
            LossRow(
                key=line.value,
                label=str(line.label),
                how=str(HOW_TO.get(line, "")),
                due_at=due,
                done_at=step.done_at if step else None,
                done_by=step.done_by if step else None,
                is_late=step is None and due < now,
            )
        )
    return found


HOW_TO = {
    LossLine.DISABLE: _("Devices > Chrome > Devices: find the serial number, then Disable."),
    LossLine.SEE: _("The screen of the device then shows that it is locked, and your number."),
    LossLine.ACCOUNT: _("Directory > Users: sign out everywhere, then a new password."),
}


def devices_of(person: User | None) -> list[Device]:
    """Return the devices somebody has now."""
    loans = Loan.objects.open().filter(person=person).select_related("device")
    return [loan.device for loan in loans.order_by("pk")]


def losses_of_strangers() -> list[LossReport]:
    """Return the losses whose number is on no roll, those that nobody called back first."""
    rows = LossReport.objects.filter(ticket__isnull=True, taken_at__isnull=False)
    return list(
        rows.select_related("settled_by").order_by(
            F("settled_at").desc(nulls_first=True), "-told_at", "-pk"
        )[:STRANGERS_MOST]
    )
