"""Ask the rungs of the ladder about a ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kitting.escalation.actions.rows import add_entry
from kitting.escalation.actions.rungs import ask_level
from kitting.escalation.queries.ladder import LadderBook, ladder_book
from kitting.escalation.states import EntryKind, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.escalation import rules
    from kitting.escalation.channels import Telling


def raise_by_itself(
    telling: Telling, ladders: LadderBook | None = None, *, first: bool = False
) -> None:
    """Ask the next rung on Kitto's own account, and say so in the ticket's story."""
    if raise_further(telling, ladders, first=first):
        ticket = telling.ticket
        add_entry(ticket, EntryKind.RAISED, telling.now, data={"level": ticket.level})


def raise_further(
    telling: Telling,
    ladders: LadderBook | None = None,
    *,
    first: bool = False,
    further: bool = False,
) -> bool:
    """Ask the next rung that can be reached; those that cannot are skipped with their reason.

    `first` begins at the foot of the ladder. A rung may be asked several times before the next, but
    not where somebody there said that it goes `further`. At the top the highest that can be reached hears of it again, a round later, as often as the rule
    says. Tells whether anybody could be asked.
    """
    ticket = telling.ticket
    ladder = (ladders or ladder_book()).of_ticket(ticket)
    telling = replace(telling, ladder=ladder)
    here = None if first else ladder.at(Level(ticket.level))
    if first:
        ticket.level_asks = 0
    if here and not further and ticket.level_asks < here.times and _ask_again(telling, [here]):
        return True
    above = ladder.above(None if first else Level(ticket.level))
    if any(_ask_rung(telling, rung) for rung in above):
        return True
    below = [rung for rung in reversed(ladder.rungs) if rung not in above]
    if ladder.repeats_most is not None and here and ticket.level_asks > ladder.repeats_most:
        return _fall_silent(telling)
    if _ask_again(telling, below):
        return True
    ticket.due_at = ladder.rungs[-1].wait.until(telling.book.default, telling.now)
    ticket.save(update_fields=["round", "due_at"])
    return False


def _ask_again(telling: Telling, rungs: Sequence[rules.Rung]) -> bool:
    """Ask the first of some rungs that can be reached, a round later: said anew, once."""
    telling.ticket.round += 1
    return any(_ask_rung(telling, rung) for rung in rungs)


def _fall_silent(telling: Telling) -> bool:
    """Tell nobody again, as the rule says: the ticket stays open in IT's queue."""
    ticket = telling.ticket
    ticket.due_at = None
    ticket.save(update_fields=["due_at"])
    add_entry(ticket, EntryKind.QUIETED, telling.now)
    return False


def _ask_rung(telling: Telling, rung: rules.Rung) -> bool:
    ticket = telling.ticket
    asked = ask_level(replace(telling, rung=rung), rung.level)
    if asked.why_not:
        skipped = {"level": rung.level, "why": asked.why_not}
        add_entry(ticket, EntryKind.SKIPPED, telling.now, data=skipped)
        return False
    is_same = ticket.level == rung.level
    ticket.level_asks = ticket.level_asks + 1 if is_same else 1
    ticket.level = rung.level
    ticket.due_at = rung.wait.until(asked.calendar, telling.now)
    ticket.snoozed_until = None
    ticket.save(update_fields=["round", "level", "level_asks", "due_at", "snoozed_until"])
    return True
