"""Ask the rungs of the ladder about a ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from accounts.bulk import write_many
from kitting.escalation.actions.rows import add_entry, entry_of
from kitting.escalation.actions.rungs import ask_level
from kitting.escalation.models import Ticket
from kitting.escalation.queries.ladder import LadderBook, ladder_book
from kitting.escalation.states import EntryKind, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kitting.escalation import rules
    from kitting.escalation.channels import Round, Telling


def raise_by_itself(
    telling: Telling, ladders: LadderBook | None = None, *, first: bool = False
) -> None:
    """Ask the next rung on Kitto's own account, and say so in the ticket's story."""
    if raise_further(telling, ladders, first=first):
        tell_story(telling, EntryKind.RAISED, level=telling.ticket.level)


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
    _save(telling, "round", "due_at")
    return False


def _ask_again(telling: Telling, rungs: Sequence[rules.Rung]) -> bool:
    """Ask the first of some rungs that can be reached, a round later: said anew, once."""
    telling.ticket.round += 1
    return any(_ask_rung(telling, rung) for rung in rungs)


def _fall_silent(telling: Telling) -> bool:
    """Tell nobody again, as the rule says: the ticket stays open in IT's queue."""
    ticket = telling.ticket
    ticket.due_at = None
    _save(telling, "due_at")
    tell_story(telling, EntryKind.QUIETED)
    return False


def _ask_rung(telling: Telling, rung: rules.Rung) -> bool:
    ticket = telling.ticket
    asked = ask_level(replace(telling, rung=rung), rung.level)
    if asked.why_not:
        tell_story(telling, EntryKind.SKIPPED, level=rung.level, why=asked.why_not)
        return False
    is_same = ticket.level == rung.level
    ticket.level_asks = ticket.level_asks + 1 if is_same else 1
    ticket.level = rung.level
    ticket.due_at = telling.is_over(rung, asked.calendar)
    ticket.snoozed_until = None
    _save(telling, *MOVED)
    return True


# What asking a rung changes of a ticket.
MOVED = ("round", "level", "level_asks", "due_at", "snoozed_until")


def _save(telling: Telling, *fields: str) -> None:
    """Save a ticket that moved; in a round it is saved with the others."""
    if telling.round is None:
        telling.ticket.save(update_fields=fields)
    else:
        telling.round.moved[telling.ticket.pk] = telling.ticket


def tell_story(telling: Telling, kind: EntryKind, **data: object) -> None:
    """Add a line of what Kitto did by itself; in a round it is written with the others."""
    if telling.round is None:
        add_entry(telling.ticket, kind, telling.now, data=data)
    else:
        telling.round.entries.append(entry_of(telling.ticket, kind, telling.now, data=data))


def write_round(of: Round) -> None:
    """Write what a round has laid together, with a few statements however much it is."""
    write_many(of.entries)
    alike: dict[tuple[object, ...], list[int]] = {}
    for ticket in of.moved.values():
        values = tuple(getattr(ticket, name) for name in MOVED)
        alike.setdefault(values, []).append(ticket.pk)
    for values, keys in alike.items():
        Ticket.objects.filter(pk__in=keys).update(**dict(zip(MOVED, values, strict=True)))
    of.write()
