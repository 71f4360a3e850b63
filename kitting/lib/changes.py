"""What a sheet would change: counted whole, shown in part, and summed up in one digest."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that changes, in words of the sheet."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one thing: `kind` is created, changed, moved, or another word of its sheet."""

    kind: str
    key: str
    name: str
    row: int = 0
    differences: tuple[Difference, ...] = ()


@dataclass
class Ledger:
    """Every change a sheet makes: how many of each kind, the first of them, and the digest of all.

    Two runs with the same digest make the same of the same file: it sums up what was there before.
    """

    counts: Counter[str] = field(default_factory=Counter)
    shown: list[Change] = field(default_factory=list)
    _sum: hashlib._Hash = field(default_factory=hashlib.sha256)

    def note(self, kind: str, *before: object) -> bool:
        """Count a change by what it changes; tell whether it is one of the first of its kind."""
        self.counts[kind] += 1
        self.add(kind, *before)
        return self.counts[kind] <= SHOWN

    def add(self, *facts: object) -> None:
        """Let facts count for the digest alone."""
        self._sum.update(repr(facts).encode())

    def show(self, change: Change) -> None:
        """Keep one of the first changes."""
        self.shown.append(change)

    @property
    def digest(self) -> str:
        """Return the digest of everything noted."""
        return self._sum.hexdigest()


def differences(rows: Iterable[tuple[str, object, object]]) -> tuple[Difference, ...]:
    """Put fields with their values before and after into words; nothing is an empty text."""
    return tuple(
        Difference(name, "" if old is None else str(old), "" if new is None else str(new))
        for name, old, new in rows
    )
