"""What is left around the set-up: old PCs, rules of use, macros, by department; the loan register."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from django.db.models import Prefetch

from accounts.models import Department
from kitting.around.models import Acceptance
from kitting.around.queries import last_things_by_department, macros_by_department
from kitting.around.states import MacroState
from kitting.dashboard.queries.groups import blocks_shown
from kitting.dashboard.queries.people import own_loans
from kitting.dashboard.queries.scope import Scope, past_waves
from kitting.journeys.models import Journey
from kitting.journeys.states import Via

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.queries import Rights
    from kitting.devices.models import Loan

SERIAL_SHOWN = 4


@dataclass(frozen=True)
class AfterCounts:
    """People with a device, their old PCs and accepted rules, and the macros they wrote down.

    `said` gave the old PC back by their own word, `collected` by that of a lead or IT.
    """

    people: int = 0
    had_none: int = 0
    said: int = 0
    collected: int = 0
    accepted: int = 0
    listed: int = 0
    asked: int = 0
    in_hand: int = 0
    answered: int = 0

    def __add__(self, other: AfterCounts) -> AfterCounts:
        """Return both together."""
        names = [one.name for one in fields(self)]
        return AfterCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in names}
        )

    @property
    def had_one(self) -> int:
        """Return how many people have or had an old PC, as far as is known."""
        return self.people - self.had_none

    @property
    def missing(self) -> int:
        """Return how many old PCs nobody has seen come back yet."""
        return max(0, self.had_one - self.collected)

    @property
    def macros(self) -> int:
        """Return all macros that were written down."""
        return self.listed + self.asked + self.in_hand + self.answered


@dataclass(frozen=True)
class AfterRow:
    """One department, or several small ones together."""

    pk: int
    name: str
    bureau: str
    counts: AfterCounts
    together: int = 1


@dataclass(frozen=True)
class AfterPage:
    """All departments somebody may see; their counts add up to `total`."""

    rows: list[AfterRow]
    total: AfterCounts
    is_outside: bool


def after_page(rights: Rights) -> AfterPage:
    """Return what is left, by department (four statements; one more for numbers only).

    Whoever sees numbers only sees the same groups as on the board.
    """
    scope = Scope(rights, past=past_waves())
    journeys = Journey.objects.open().filter(scope.cells)
    names = {
        pk: (name, parent)
        for pk, name, parent in Department.objects.values_list("pk", "name", "parent_id")
    }
    counts = _counts(journeys)
    if scope.is_outside:
        above = {pk: parent for pk, (_name, parent) in names.items()}
        groups = blocks_shown(above, current=scope.current)
    else:
        groups = [(pk,) for pk in counts]
    rows = [_row(group, counts, names) for group in groups]
    rows.sort(key=lambda row: (-row.counts.missing, row.pk))
    return AfterPage(rows, sum((row.counts for row in rows), AfterCounts()), scope.is_outside)


def _counts(journeys: object) -> dict[int, AfterCounts]:
    found: dict[int, AfterCounts] = {}
    for row in last_things_by_department(journeys):  # type: ignore[arg-type]  # a JourneyQuerySet
        found[row.department_id] = AfterCounts(
            people=row.people,
            had_none=row.had_none,
            said=max(0, row.said - row.had_none),
            collected=row.collected,
            accepted=row.accepted,
        )
    for macro in macros_by_department(journeys):  # type: ignore[arg-type]  # see above
        extra = {
            MacroState.LISTED: AfterCounts(listed=macro.count),
            MacroState.ASKED: AfterCounts(asked=macro.count),
            MacroState.IN_HAND: AfterCounts(in_hand=macro.count),
            MacroState.ANSWERED: AfterCounts(answered=macro.count),
        }[macro.state]
        found[macro.department_id] = found.get(macro.department_id, AfterCounts()) + extra
    return found


def _row(
    group: Sequence[int],
    counts: Mapping[int, AfterCounts],
    names: Mapping[int, tuple[str, int | None]],
) -> AfterRow:
    name, parent = names[group[0]]
    return AfterRow(
        pk=group[0],
        name=name,
        bureau=names[parent][0] if parent else "",
        counts=sum((counts.get(pk, AfterCounts()) for pk in group), AfterCounts()),
        together=len(group),
    )


# --- the loan register ----------------------------------------------------------------------------


@dataclass(frozen=True)
class RegisterRow:
    """One device on loan: to whom, since when, and how its person accepted the rules of use."""

    loan: Loan
    ready_at: datetime | None
    accepted: Acceptance | None

    @property
    def serial_end(self) -> str:
        """Return the end of the serial number, which the sticker is compared with."""
        return self.loan.device.serial_number[-SERIAL_SHOWN:]


@dataclass(frozen=True)
class Register:
    """The loan register of one department, as far as somebody may see it."""

    department: Department
    rows: list[RegisterRow]


def register(department_id: int, *, rights: Rights) -> Register | None:
    """Return the devices a department has on loan (four statements); None where nothing is theirs."""
    department = Department.objects.select_related("parent").filter(pk=department_id).first()
    if department is None:
        return None
    loans = list(
        own_loans(rights)
        .filter(department=department)
        .select_related("device", "person", "place")
        .prefetch_related(
            Prefetch("acceptances", queryset=Acceptance.objects.order_by("accepted_at", "pk"))
        )
        .order_by("person__kana", "device__asset_tag", "pk")
    )
    if not (loans or rights.is_it or department.pk in rights.departments):
        return None
    ready = dict(
        Journey.objects.filter(loan__in=loans, closed_at__isnull=True).values_list(
            "loan_id", "ready_at"
        )
    )
    return Register(
        department,
        [
            RegisterRow(
                loan,
                ready.get(loan.pk),
                _last_accepted(
                    one for one in loan.acceptances.all() if one.person_id == loan.person_id
                ),
            )
            for loan in loans
        ],
    )


def _last_accepted(rows: Iterable[Acceptance]) -> Acceptance | None:
    """Return the word on the newest text; one given signed in counts before one by the box."""
    known = list(rows)
    if not known:
        return None
    newest = known[-1].version
    same = [row for row in known if row.version == newest]
    return next((row for row in reversed(same) if row.via == Via.SIGN_IN), same[-1])
