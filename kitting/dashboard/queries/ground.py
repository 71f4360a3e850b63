"""What the figures of the board stand on: names, waves, the calendar, the words of the guide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.cache import cache
from django.db.models import Subquery

from accounts.models import AuditEntry, Department
from accounts.queries import calendar_book, local_day
from accounts.ready import Ready
from kitting.escalation.models import TicketEntry
from kitting.escalation.queries.ladder import answer_minutes
from kitting.guides.models import Edition
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import step_lines
from kitting.guides.states import Milestone
from kitting.journeys.models import Event
from kitting.lib.clock import is_working_day
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from django.db.models import Model, QuerySet

    from kitting.guides.queries.shapes import StepLine
    from kitting.lib.clock import Calendar

GROUND_SECONDS = 60


class Changes(NamedTuple):
    """The last line of each book that is only ever added to, and since when the guide is today's.

    While they are the same, nobody did anything and nothing was set otherwise.
    """

    event: int | None
    entry: int | None
    audit: int | None
    published_at: datetime | None


def _last(book: type[Model]) -> Subquery:
    # At the end of an index.
    return Subquery(book._default_manager.order_by("-pk").values("pk")[:1])


def _last_of_all() -> QuerySet[Edition]:
    published = Edition.objects.filter(published_at__isnull=False).order_by("-published_at")
    ends = {"event": _last(Event), "entry": _last(TicketEntry), "audit": _last(AuditEntry)}
    return published.only("published_at").annotate(**ends)[:1]


_ends = Ready(_last_of_all)


def last_changes() -> Changes | None:
    """Return what happened last (one statement); nothing where there is no guide yet."""
    found: Any = _ends.first()
    if found is None:
        return None
    return Changes(found.event, found.entry, found.audit, found.published_at)


@dataclass(frozen=True)
class Help:
    """What is said of help: within how many minutes an answer is due, and the site's own words."""

    target: int
    words: Mapping[str, str]


@dataclass(frozen=True)
class Ground:
    """What the figures stand on, read once: names, waves, the calendar, the steps up to ready."""

    names: dict[int, tuple[str, int | None]]
    waves: dict[int, tuple[date, date]]
    rollout: Rollout | None
    past: tuple[int, ...]
    calendar: Calendar
    lines: list[StepLine]
    help: Help | None

    @property
    def above(self) -> dict[int, int | None]:
        """Return what each department lies below."""
        return {pk: parent for pk, (_name, parent) in self.names.items()}

    def is_working(self, day: date) -> bool:
        """Tell whether the organisation works on a day."""
        return is_working_day(self.calendar, day)


def ground_for(
    *, country: str, language: str, has_help: bool, changes: Changes | None = None
) -> Ground:
    """Return what the figures stand on (six statements, two more where help is asked for).

    Where the caller knows what happened last, it is kept for a minute, until something is set
    otherwise.
    """
    if changes is None:
        return _read(country, language, has_help=has_help)
    key = f"board-ground:{changes.audit}:{changes.published_at:%Y%m%d%H%M%S}:{country}:{language}:{has_help:d}"
    found: Ground | None = cache.get(key)
    if found is None:
        found = _read(country, language, has_help=has_help)
        cache.set(key, found, GROUND_SECONDS)
    return found


def _read(country: str, language: str, *, has_help: bool) -> Ground:
    rollout = Rollout.objects.filter(state=RolloutState.OPEN).first()
    waves: dict[int, tuple[date, date]] = {}
    past: list[int] = []
    for pk, starts, ends, rollout_id in Wave.objects.order_by("pk").values_list(
        "pk", "starts_at", "ends_on", "rollout_id"
    ):
        waves[pk] = (local_day(starts), ends)
        past += [pk] if rollout and rollout_id != rollout.pk else []
    edition = published_edition()
    lines = step_lines(edition.pk, language) if edition else []
    return Ground(
        names={
            pk: (name, parent)
            for pk, name, parent in Department.objects.values_list("pk", "name", "parent_id")
        },
        waves=waves,
        rollout=rollout,
        past=tuple(past),
        calendar=calendar_book(country=country).default,
        lines=[line for line in lines if line.milestone == Milestone.READY],
        help=Help(answer_minutes(), site_words(language=language)) if has_help else None,
    )
