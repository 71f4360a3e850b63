"""Messages that are written together: what many of them ask is asked once, and they go in with one statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from accounts.bulk import write_many
from accounts.queries import local_day
from kitting.notices.queries import days_of_words, last_told
from kitting.notices.rules import GATHERED, UNASKED
from kitting.notices.states import Channel, Lane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable
    from datetime import date, datetime

    from accounts.models import User
    from kitting.notices.models import Notice

T = TypeVar("T")


@dataclass
class Sheaf:
    """What one round has to say; until it is written nothing of it is in the outbox."""

    notices: list[Notice] = field(default_factory=list)
    # What is the same for all; several sheaves of one round may share it.
    known: dict[Hashable, Any] = field(default_factory=dict)
    _days: dict[int, set[date]] = field(default_factory=dict)
    _told: dict[int, datetime | None] = field(default_factory=dict)

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """Return what was asked under a key first; the same for all of the round."""
        if key not in self.known:
            self.known[key] = ask()
        found: T = self.known[key]
        return found

    def look_up_days(self, people: Collection[int], *, since: datetime) -> None:
        """Look up for all at once on which days they are spoken to."""
        self._days |= days_of_words(people, since=since)

    def days_of(self, person: User, *, since: datetime) -> set[date]:
        """Return on which days a person is spoken to who did not ask, this round's words included."""
        if person.pk not in self._days:
            self.look_up_days([person.pk], since=since)
        return self._days[person.pk]

    def last_told(self, person: User) -> datetime | None:
        """Return when a lead was last told, this round's messages included."""
        if person.pk not in self._told:
            self._told[person.pk] = last_told(person)
        return self._told[person.pk]

    def put(self, notice: Notice) -> None:
        """Lay a message to the others."""
        self.notices.append(notice)
        if notice.person_id is None:
            return
        leaves = notice.sent_at or notice.next_try_at
        if notice.kind in UNASKED and notice.person_id in self._days:
            day = notice.unasked_on
            self._days[notice.person_id] |= {local_day(leaves), *([day] if day else [])}
        gathers = notice.kind in GATHERED and notice.channel == Channel.MAIL
        if gathers and notice.lane == Lane.NORMAL:
            last = self._told.get(notice.person_id)
            self._told[notice.person_id] = max(last, leaves) if last else leaves

    def write(self) -> None:
        """Write all into the outbox; a key that was ever used says nothing again.

        Raises `IntegrityError` where somebody else just wrote to a person for the same day.
        """
        write_many(self.notices, once="dedupe_key")
        self.notices.clear()
