"""Departments renamed or merged on a day: what a sheet says, what is wrong with it, and how its day comes.

A department that ends names its successor. On the day after its last one its people, leads and parts
go there; who was where stays written down, and the old name goes on being understood.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.models import Department, Grant, User
from accounts.moves import Move, write_postings
from accounts.organisation import Organisation, Way, make_way, organisation, read_way
from accounts.queries import Heir, heirs, local_day
from accounts.taking import Order, figures_of, take_in
from accounts.traces import trace_changed, trace_removed
from kitting.lib.changes import Change, Ledger, differences
from kitting.lib.rows import Cells, Flaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

BATCH = 500

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "effective_on": (
        "施行日", "実施日", "変更日", "改正日", "適用日", "発足日", "統合日", "異動日",
        "effective date", "effective on", "change date", "date",
    ),
    "old_bureau": (
        "旧部", "旧部名", "旧部局", "旧部局名", "変更前の部", "現部", "old bureau", "old division",
    ),
    "old_section": (
        "旧所属", "旧所属名", "旧課", "旧課名", "旧部署", "旧部署名", "変更前", "変更前の所属",
        "変更前の課", "現所属", "old department", "old section", "old name",
    ),
    "old_unit": ("旧係", "旧係名", "変更前の係", "old unit", "old team"),
    "bureau": (
        "新部", "新部名", "新部局", "新部局名", "変更後の部", "new bureau", "new division",
    ),
    "section": (
        "新所属", "新所属名", "新課", "新課名", "新部署", "新部署名", "変更後", "変更後の所属",
        "変更後の課", "統合先", "new department", "new section", "new name",
    ),
    "unit": ("新係", "新係名", "変更後の係", "new unit", "new team"),
}  # fmt: skip
NEEDED = (("effective_on",), ("old_section", "old_bureau"), ("section", "bureau"))


@dataclass(frozen=True, slots=True)
class DepartmentRow:
    """What one row says: which department goes over into which, from which day on."""

    row: int
    effective_on: date | None = None
    old: Way = ()
    new: Way = ()
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True)
class DepartmentsResult:
    """What taking in a sheet of departments changed, or would change in a dry run.

    `planned` wait for their day, `applied` go over at once because it has come; `people` are those who
    belong there today.
    """

    dry_run: bool = False
    flaws: tuple[Flaw, ...] = ()
    is_stale: bool = False
    planned: int = 0
    applied: int = 0
    updated: int = 0
    unchanged: int = 0
    people: int = 0
    departments_new: tuple[str, ...] = ()
    shown: tuple[Change, ...] = ()
    digest: str = ""

    @property
    def counts(self) -> dict[str, int]:
        """Return every figure by name, lists by their length."""
        return figures_of(self)

    @property
    def is_change(self) -> bool:
        """Tell whether anything became different."""
        return bool(self.planned or self.applied or self.updated)


def read_department(cells: Cells, _given: frozenset[str]) -> DepartmentRow:
    """Read one row of a sheet of departments; what is wrong with it stands in its flaws."""
    old = read_way(cells, "old_bureau", "old_section", "old_unit")
    new = read_way(cells, "bureau", "section", "unit")
    if not cells.has("effective_on"):
        cells.fault("day_missing")
    if not old:
        cells.fault("old_missing")
    if not new:
        cells.fault("new_missing")
    on = cells.date("effective_on")
    return DepartmentRow(cells.row, on, old, new, tuple(cells.flaws))


# --- what is wrong -----------------------------------------------------------------------------------


def department_flaws(rows: Sequence[DepartmentRow], known: Organisation) -> list[Flaw]:
    """Return everything that is wrong with a sheet of departments, by row."""
    flaws = [flaw for row in rows for flaw in row.flaws]
    first: dict[Way, int] = {}
    ending = {known.whole(row.old) for row in rows if len(known.whole(row.old)) == 1}
    for row in rows:
        if row.old and row.new:
            flaws += _old_flaws(row, known, first)
            flaws += _new_flaws(row, known, ending)
    return sorted(flaws, key=lambda flaw: flaw.row)


def _old_flaws(
    row: DepartmentRow, known: Organisation, first: dict[Way, int]
) -> Iterator[Flaw]:
    meant, value = known.whole(row.old), " ".join(row.old)
    if len(meant) != 1:
        slug = "department_ambiguous" if meant else "department_unknown"
        yield Flaw(row.row, slug, {"value": value})
        return
    earlier = first.setdefault(meant[0], row.row)
    if earlier != row.row:
        yield Flaw(row.row, "department_twice", {"value": value, "earlier": str(earlier)})


def _new_flaws(
    row: DepartmentRow, known: Organisation, ending: set[tuple[Way, ...]]
) -> Iterator[Flaw]:
    meant, value = known.whole(row.new), {"value": " ".join(row.new)}
    if len(meant) > 1:
        yield Flaw(row.row, "department_ambiguous", value)
    elif meant and meant == known.whole(row.old):
        yield Flaw(row.row, "department_same", value)
    elif meant and meant in ending:
        yield Flaw(row.row, "department_ends_too", value)


# --- taking in -----------------------------------------------------------------------------------


@dataclass
class _Plan:
    """What a sheet makes of departments, in memory."""

    ends: list[tuple[Department, Way, date]] = field(default_factory=list)
    at_once: int = 0
    updated: int = 0
    unchanged: int = 0
    people: int = 0
    new: dict[Way, None] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)


def import_departments(*, rows: Iterable[DepartmentRow], order: Order) -> DepartmentsResult:
    """Note which departments end in which, all or nothing; `apply_departments` follows on their day.

    A row that was taken in before changes nothing.
    """
    stale = DepartmentsResult(dry_run=order.dry_run, is_stale=True)
    return take_in(
        lambda: _take_in(list(rows), order), order, action="departments.imported", stale=stale
    )


def _take_in(rows: Sequence[DepartmentRow], order: Order) -> DepartmentsResult:
    known = organisation(local_day(order.now))
    if flaws := department_flaws(rows, known):
        return DepartmentsResult(dry_run=order.dry_run, flaws=tuple(flaws))
    departments = Department.objects.select_for_update().in_bulk()
    plan = _Plan()
    for row in rows:
        _plan(plan, row, known, departments, now=order.now)
    order.check(plan.ledger.digest)
    if not order.dry_run:
        _write(plan, known, order.batch)
    return DepartmentsResult(
        dry_run=order.dry_run,
        planned=len(plan.ends) - plan.at_once - plan.updated,
        applied=plan.at_once,
        updated=plan.updated,
        unchanged=plan.unchanged,
        people=plan.people,
        departments_new=tuple(" ".join(way) for way in plan.new),
        shown=tuple(plan.ledger.shown),
        digest=plan.ledger.digest,
    )


def _plan(
    plan: _Plan,
    row: DepartmentRow,
    known: Organisation,
    departments: Mapping[int, Department],
    *,
    now: datetime,
) -> None:
    on = row.effective_on or local_day(now)
    old_way = known.whole(row.old)[0]
    old = departments[known.departments[old_way]]
    new_way = (known.whole(row.new) or (row.new,))[0]
    new_id = known.departments.get(new_way)
    before = (old.valid_to_on, old.successor_id)
    # An old name is understood as its successor, once it has gone over.
    if new_id in {old.pk, old.successor_id} and (
        new_id == old.pk or old.valid_to_on == _eve(on)
    ):
        plan.unchanged += 1
        return
    kind = "replanned" if old.valid_to_on else "planned"
    if on <= local_day(now):
        kind, plan.at_once = "gone_over", plan.at_once + 1
    plan.updated += kind == "replanned"
    count = User.objects.filter(department_id=old.pk).count()
    plan.people += count
    plan.ends.append((old, new_way, on))
    if new_id is None:
        plan.new[new_way] = None
    if plan.ledger.note(kind, row.row, old.pk, before, new_way, on, count):
        pairs = [("effective_on", "", on), ("department", " ".join(old_way), " ".join(new_way))]
        plan.ledger.show(Change(kind, " ".join(old_way), "", row.row, differences(pairs)))


def _eve(on: date) -> date:
    return on - timedelta(days=1)


def _write(plan: _Plan, known: Organisation, batch: str) -> None:
    ids = dict(known.departments)
    changed = []
    for old, way, on in plan.ends:
        changed.append(
            (old, {"valid_to_on": old.valid_to_on, "successor_id": old.successor_id})
        )
        # One that began on the very day has had no day of its own.
        last = _eve(on)
        old.valid_to_on = max(last, old.valid_from_on) if old.valid_from_on else last
        old.successor_id = make_way(way, ids, on=on, batch=batch)
    rows = [old for old, _before in changed]
    Department.objects.bulk_update(rows, ["valid_to_on", "successor"], batch_size=BATCH)
    trace_changed(batch=batch, rows=changed)


# --- the day comes -----------------------------------------------------------------------------------


@transaction.atomic
def apply_departments(*, now: datetime, batch: str = "") -> tuple[list[Move], dict[int, Heir]]:
    """Let people, leads and parts of departments that have ended go over into their successors.

    Returns the moves, and the successors by department. Safe to run twice and at once.
    """
    today = local_day(now)
    _end_twins(today, batch)
    ended = heirs(today)
    if not ended:
        return [], {}
    _hand_on_grants(ended, batch)
    moves: list[Move] = []
    people = User.objects.select_for_update(no_key=True).filter(department_id__in=ended)
    by_day: dict[date, list[tuple[User, dict[str, Any]]]] = {}
    for person in people.order_by("pk"):
        heir = ended[person.department_id or 0]
        by_day.setdefault(heir.since, []).append(
            (person, {"department_id": person.department_id})
        )
        person.department_id = heir.id
    for on, changed in sorted(by_day.items()):
        User.objects.bulk_update([p for p, _b in changed], ["department"], batch_size=BATCH)
        trace_changed(batch=batch, rows=changed)
        part = [
            Move(p.pk, b["department_id"], p.place_id, p.department_id, p.place_id)
            for p, b in changed
        ]
        write_postings(moves=part, on=on, now=now, batch=batch)
        moves += part
    return moves, ended


def _end_twins(today: date, batch: str) -> None:
    """Put the parts of ended departments below the successors; one the successor has already ends in it."""
    while parts := list(
        Department.objects.select_for_update()
        .filter(parent_id__in=heirs(today), valid_to_on__isnull=True)
        .order_by("pk")
    ):
        ended, changed = heirs(today), []
        for part in parts:
            heir = ended[part.parent_id or 0]
            twin = Department.objects.filter(
                parent_id=heir.id, name=part.name, valid_to_on__isnull=True
            ).first()
            before = {
                "parent_id": part.parent_id,
                "valid_to_on": part.valid_to_on,
                "successor_id": part.successor_id,
            }
            if twin is None:
                part.parent_id = heir.id
            else:
                part.valid_to_on, part.successor_id = _eve(heir.since), twin.pk
            part.save(update_fields=["parent", "valid_to_on", "successor"])
            changed.append((part, before))
        trace_changed(batch=batch, rows=changed)


def _hand_on_grants(ended: Mapping[int, Heir], batch: str) -> None:
    """Let leads of an ended department lead its successor."""
    for grant in (
        Grant.objects.select_for_update().filter(department_id__in=ended).order_by("pk")
    ):
        heir = ended[grant.department_id or 0]
        there = Grant.objects.filter(
            person_id=grant.person_id, role=grant.role, department_id=heir.id
        )
        if grant.place_id in there.values_list("place_id", flat=True):
            trace_removed(batch=batch, rows=[grant])
            grant.delete()
            continue
        before = {"department_id": grant.department_id}
        grant.department_id = heir.id
        grant.save(update_fields=["department"])
        trace_changed(batch=batch, rows=[(grant, before)])
