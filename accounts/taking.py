"""How a sheet is taken in, whatever it holds: all or nothing, as it was shown, and written into the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from django.db import transaction

from accounts.actions import write_audit

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from accounts.models import User

NOT_FIGURES = frozenset({"dry_run", "flaws", "is_stale", "shown", "digest", "moves"})


class StaleError(Exception):
    """What a file would change is no longer what was shown."""


@dataclass(frozen=True)
class Order:
    """How a sheet is to be taken in: when, by whom, for real, as which batch, with which digest."""

    now: datetime
    dry_run: bool = False
    by: User | None = None
    batch: str = ""
    expect: str = ""

    def check(self, digest: str) -> None:
        """Refuse to go on where the file would change something else than was shown. Raises `StaleError`."""
        if self.expect and digest != self.expect:
            raise StaleError


class Taken(Protocol):
    """What taking in a sheet answers with."""

    @property
    def counts(self) -> dict[str, int]:
        """Return every figure by name."""

    @property
    def is_change(self) -> bool:
        """Tell whether anything became different."""


Result = TypeVar("Result", bound=Taken)


def figures_of(result: object) -> dict[str, int]:
    """Return every figure of a result by name, lists by their length."""
    figures = {k: v for k, v in vars(result).items() if k not in NOT_FIGURES}
    return {k: len(v) if isinstance(v, tuple) else int(v) for k, v in figures.items()}


def take_in(
    judge_and_write: Callable[[], Result], order: Order, *, action: str, stale: Result
) -> Result:
    """Take a sheet in in one transaction, with its line of the audit log; `stale` where it would change else."""
    try:
        with transaction.atomic():
            result = judge_and_write()
            if result.is_change and not order.dry_run:
                data = {**result.counts, "batch": order.batch}
                write_audit(action=action, now=order.now, by=order.by, data=data)
            return result
    except StaleError:
        return stale
