"""Boxes at the wrong desk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.devices.models import Loan
from kitting.escalation.models import Ticket, WrongBox

if TYPE_CHECKING:
    from kitting.journeys.models import Journey


@dataclass(frozen=True)
class WrongBoxView:
    """A box that somebody else holds: for whom it is, who holds it, and which box is theirs."""

    told: WrongBox
    loan: Loan | None
    other: Loan | None


def wrong_box_of(journey: Journey) -> WrongBox | None:
    """Return what somebody said who holds the box of a journey, while it is open. One query."""
    rows = WrongBox.objects.filter(device=journey.loan.device_id, settled_at__isnull=True)
    return rows.exclude(holder=journey.person_id).select_related("device", "holder").first()


def own_box_of(told: WrongBox) -> Loan | None:
    """Return the loan of the box that really is for whoever holds a wrong one."""
    loans = Loan.objects.open().with_person().filter(person=told.holder)
    return loans.exclude(device=told.device).select_related("device").first()


def wrong_box_view(ticket: Ticket) -> WrongBoxView | None:
    """Return both sides of a wrong box for a helper (three queries), or nothing."""
    told = (
        WrongBox.objects.filter(ticket=ticket, settled_at__isnull=True)
        .select_related("device", "holder__department")
        .first()
    )
    if told is None:
        return None
    loans = Loan.objects.open().filter(device=told.device)
    kept_for = loans.select_related("person", "department").first()
    return WrongBoxView(told, kept_for, own_box_of(told))
