"""What the board counts of tickets, and counting everything anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count, Sum

from accounts.actions import write_audit
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.actions import counting
from kitting.journeys.actions.counting import Drift, count_beside
from kitting.journeys.rules import EVERYBODY
from kitting.journeys.states import TallyKind

if TYPE_CHECKING:
    from datetime import datetime

    from kitting.journeys.rules import Counted


def count_question(ticket: Ticket) -> None:
    """Keep count of a question about a journey, in the transaction that opens it."""
    count_beside(TallyKind.QUESTION, ticket.step_key, 1)


def count_minutes(minutes: int) -> None:
    """Keep count of minutes of help, in the transaction that writes them down."""
    count_beside(TallyKind.MINUTES, "", minutes)


def recount(*, mend: bool) -> Drift:
    """Count journeys and tickets anew, say where the kept counts differ, and mend it if told to."""
    return counting.recount(beside=counted_tickets, mend=mend)


def look_and_mend(*, now: datetime) -> Drift:
    """Recount, and mend only where it is needed: nobody stands still for a look.

    What differed is written into the audit log, as whoever reads the board trusted it.
    """
    drift = recount(mend=False)
    if drift.was_complete and not drift.wrong:
        return drift
    mended = recount(mend=True)
    if mended.was_complete and mended.wrong:
        write_audit(
            action="site.board_recounted",
            now=now,
            by=None,
            data={"differed": len(mended.wrong)},
        )
    return mended


def counted_tickets() -> dict[Counted, int]:
    """Return questions by step and minutes of help, as they are kept."""
    asked = Ticket.objects.filter(kind=TicketKind.HELP, journey__isnull=False)
    by_step = asked.values_list("step_key").annotate(times=Count("pk")).order_by()
    found: dict[Counted, int] = {
        (str(TallyKind.QUESTION), key, EVERYBODY): times for key, times in by_step
    }
    minutes = Ticket.objects.aggregate(all=Sum("minutes_spent"))["all"]
    return found | ({(str(TallyKind.MINUTES), "", EVERYBODY): minutes} if minutes else {})
