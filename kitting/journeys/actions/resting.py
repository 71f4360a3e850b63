"""あとで, paper, help, and the end of a box session."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from kitting.journeys import rules
from kitting.journeys.actions.counting import keep_count, standing_of_all
from kitting.journeys.actions.errors import SYSTEM, Moved, Said, Who
from kitting.journeys.actions.writing import is_person, locked, plain_fact, write
from kitting.journeys.models import EventNote, Journey
from kitting.journeys.states import EventKind, HelpState

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime


@transaction.atomic
def pause(*, journey_id: int, until: datetime, who: Who, now: datetime) -> Moved:
    """Stop the clocks until the person goes on, or until a moment: a pause, never a ticket."""
    journey = locked(journey_id)
    fact = rules.Fact(kind=EventKind.PAUSED, at=now, until=until, by_person=is_person(who))
    # The sweep looks at once, to close what it had opened, and then not before the pause ends.
    return write(journey, [Said(fact)], who=who, now=now)


@transaction.atomic
def go_on_paper(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Note that the person works from the printed sheet: silence and a burst are normal."""
    return _note_paper(journey_id, on_paper=True, who=who, now=now)


@transaction.atomic
def leave_paper(*, journey_id: int, who: Who, now: datetime) -> Moved:
    """Take back that the person works from the printed sheet: the usual clocks run again."""
    return _note_paper(journey_id, on_paper=False, who=who, now=now)


def _note_paper(journey_id: int, *, on_paper: bool, who: Who, now: datetime) -> Moved:
    journey = locked(journey_id)
    if journey.on_paper == on_paper:
        return Moved(journey, changed=False)
    reason = "" if on_paper else rules.PAPER_OVER
    return write(journey, [plain_fact(EventKind.PAPER, now, reason=reason)], who=who, now=now)


@transaction.atomic(savepoint=False)
def set_help_state(
    *, journey_id: int, help_state: HelpState, now: datetime, who: Who = SYSTEM
) -> Moved:
    """Note that help was asked for, answered or is over; only escalation calls this."""
    journey = locked(journey_id)
    if journey.help_state == help_state:
        return Moved(journey, changed=False)
    fact = rules.Fact(
        kind=EventKind.HELP_CHANGED,
        at=now,
        by_person=False,
        help_state=help_state,
    )
    return write(journey, [Said(fact)], who=who, now=now)


@transaction.atomic
def set_noticed(*, journey_id: int, is_noticed: bool) -> None:
    """Note that Kitto noticed somebody who may need help, or no longer; only escalation calls this."""
    journey = Journey.objects.select_for_update(of=("self",)).get(pk=journey_id)
    if journey.is_noticed == is_noticed:
        return
    before = standing_of_all([journey]) if journey.closed_at is None else Counter()
    journey.is_noticed = is_noticed
    journey.save(update_fields=["is_noticed"])
    keep_count(before, standing_of_all([journey]) if before else Counter())


@transaction.atomic
def notice_many(journeys: Collection[Journey]) -> None:
    """Note of several open journeys, locked by the caller, that Kitto noticed them; as `set_noticed` does."""
    fresh = [journey for journey in journeys if not journey.is_noticed]
    before = standing_of_all(fresh)
    for journey in fresh:
        journey.is_noticed = True
    Journey.objects.filter(pk__in=[journey.pk for journey in fresh]).update(is_noticed=True)
    keep_count(before, standing_of_all(fresh))


@transaction.atomic
def end_box_sessions(*, journey_id: int) -> None:
    """End every box session of a journey (loss, exchange, wrong box)."""
    Journey.objects.filter(pk=journey_id).update(box_epoch=F("box_epoch") + 1)


@transaction.atomic
def erase_event_texts(*, person_id: int, now: datetime) -> int:
    """Erase the personal part of a person's events; the events themselves stay."""
    return EventNote.objects.filter(
        event__journey__person_id=person_id, erased_at__isnull=True
    ).update(text="", client_address="", erased_at=now)
