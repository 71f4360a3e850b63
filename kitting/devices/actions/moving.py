"""Devices on loan go where their people and departments go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.traces import trace_changed
from kitting.devices.models import Loan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from accounts.moves import Move

BATCH = 500


@transaction.atomic
def move_loans(*, moves: Sequence[Move], batch: str = "", always: bool = False) -> int:
    """Let devices on loan go where their people went; return how many moved.

    A device that stood apart from its person (another department or place on the sheet of devices)
    stays there, unless it is moved `always`.
    """
    moved: list[tuple[Loan, dict[str, Any]]] = []
    for start in range(0, len(moves), BATCH):
        part = {move.person_id: move for move in moves[start : start + BATCH]}
        loans = Loan.objects.open().filter(person_id__in=part).select_for_update()
        for loan in loans.order_by("pk"):
            before = _follow(loan, part[loan.person_id or 0], always=always)
            if before:
                moved.append((loan, before))
    Loan.objects.bulk_update(
        [loan for loan, _before in moved], ["department", "place"], batch_size=BATCH
    )
    trace_changed(batch=batch, rows=moved)
    return len(moved)


def move_departments(*, heirs: Mapping[int, int], batch: str = "") -> int:
    """Let devices on loan to a department that has ended belong to its successor; return how many."""
    loans = Loan.objects.open().filter(department_id__in=heirs).select_for_update()
    moved: list[tuple[Loan, dict[str, Any]]] = []
    for loan in loans.order_by("pk"):
        moved.append((loan, {"department_id": loan.department_id}))
        loan.department_id = heirs[loan.department_id]
    rows = [loan for loan, _before in moved]
    Loan.objects.bulk_update(rows, ["department"], batch_size=BATCH)
    trace_changed(batch=batch, rows=moved)
    return len(moved)


def _follow(loan: Loan, move: Move, *, always: bool) -> dict[str, Any]:
    """Set a loan to where its person went; return what it was before."""
    before: dict[str, Any] = {}
    goes = always or loan.department_id == move.from_department_id
    if goes and move.to_department_id not in {None, loan.department_id}:
        before["department_id"] = loan.department_id
        loan.department_id = move.to_department_id or loan.department_id
    if (always or loan.place_id == move.from_place_id) and loan.place_id != move.to_place_id:
        before["place_id"] = loan.place_id
        loan.place_id = move.to_place_id
    return before
