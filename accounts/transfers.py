"""Moves on a day: what a sheet of transfers says, what is wrong with it, and how its day comes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from accounts.actions import write_audit
from accounts.models import Place, Transfer, User
from accounts.moves import Move, write_postings
from accounts.organisation import Organisation, Way, make_way, organisation, read_way
from accounts.queries import local_day
from accounts.rules import COLUMNS as ROLL_COLUMNS
from accounts.states import TransferState
from accounts.taking import Order, figures_of, take_in
from accounts.traces import trace_changed, trace_made
from kitting.lib.changes import Change, Ledger, differences
from kitting.lib.rows import Cells, Flaw

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

BATCH = 500

# Only names that speak of the new: beside them such a sheet often tells where people come from.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "staff_number": ROLL_COLUMNS["staff_number"],
    "name": ROLL_COLUMNS["name"],
    "effective_on": (
        "異動日", "発令日", "異動年月日", "発令年月日", "異動発令日", "適用日", "発効日", "着任日",
        "異動予定日", "配属日", "effective date", "effective on", "transfer date", "start date",
        "date",
    ),
    "bureau": (
        "新部", "新部名", "新部局", "新部局名", "異動先部", "異動先部局", "異動後部",
        "異動後部局", "異動後の部", "new bureau", "new division", "to bureau", "to division",
    ),
    "section": (
        "新所属", "新所属名", "新課", "新課名", "新部署", "新部署名", "異動先", "異動先所属",
        "異動先課", "異動先部署", "異動後", "異動後所属", "異動後の所属", "異動後部署",
        "異動後の部署", "異動後課", "配属先", "新配属先", "配属先部署", "new department",
        "new section", "to department", "to section", "destination", "new assignment",
    ),
    "unit": (
        "新係", "新係名", "新班", "異動先係", "異動後係", "異動後の係", "new unit", "new team",
        "to unit", "to team",
    ),
    "place": (
        "新勤務場所", "新勤務地", "新勤務先", "新施設", "異動先勤務場所", "異動後勤務場所",
        "異動先施設", "異動先勤務地", "異動後の勤務場所", "異動後勤務地", "異動後施設",
        "新任地", "new place", "new location", "new workplace", "to place", "to location",
    ),
}  # fmt: skip
NEEDED = (("staff_number",), ("effective_on",), ("section", "bureau", "place"))


@dataclass(frozen=True, slots=True)
class TransferRow:
    """What one row says: who goes where, from which day on."""

    row: int
    staff_number: str
    name: str = ""
    effective_on: date | None = None
    way: Way = ()
    place: str = ""
    flaws: tuple[Flaw, ...] = ()


@dataclass(frozen=True)
class TransferResult:
    """What taking in a sheet of transfers changed, or would change in a dry run.

    `planned` wait for their day, `applied` moved at once because it has come. `missing` are planned for
    the same days and not in the file; they stay. `places_new`, `departments_new` will be made on the day.
    """

    dry_run: bool = False
    flaws: tuple[Flaw, ...] = ()
    is_stale: bool = False
    planned: int = 0
    applied: int = 0
    updated: int = 0
    unchanged: int = 0
    missing: tuple[str, ...] = ()
    departments_new: tuple[str, ...] = ()
    places_new: tuple[str, ...] = ()
    shown: tuple[Change, ...] = ()
    digest: str = ""
    moves: tuple[Move, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Return every figure by name, lists by their length."""
        return figures_of(self)

    @property
    def is_change(self) -> bool:
        """Tell whether anything became different."""
        return bool(self.planned or self.applied or self.updated)


def read_transfer(cells: Cells, given: frozenset[str]) -> TransferRow:
    """Read one row of a sheet of transfers; what is wrong with it stands in its flaws."""
    number = cells.number("staff_number", most=20)
    if not cells.has("staff_number"):
        cells.fault("staff_number_missing")
    if not cells.has("effective_on"):
        cells.fault("effective_missing")
    way = read_way(cells, "bureau", "section", "unit")
    place = cells.text("place", most=80)
    if not way and not place:
        cells.fault("nothing_said")
    return TransferRow(
        row=cells.row,
        staff_number=number,
        name=cells.text("name", most=80),
        effective_on=cells.date("effective_on"),
        way=way,
        place=place,
        flaws=tuple(cells.flaws),
    )


# --- what is wrong -----------------------------------------------------------------------------------


def transfer_flaws(
    rows: Sequence[TransferRow], people: Mapping[str, User], known: Organisation
) -> list[Flaw]:
    """Return everything that is wrong with a sheet of transfers, by row."""
    flaws = [flaw for row in rows for flaw in row.flaws]
    full = {number.lstrip("0"): number for number in people}
    first: dict[tuple[str, date | None], int] = {}
    for row in rows:
        earlier = first.setdefault((row.staff_number, row.effective_on), row.row)
        if row.staff_number and earlier != row.row:
            params = {"value": row.staff_number, "earlier": str(earlier)}
            flaws.append(Flaw(row.row, "transfer_twice", params))
        flaws += _person_flaws(row, people.get(row.staff_number), full)
        flaws += _way_flaws(row, known)
    return sorted(flaws, key=lambda flaw: flaw.row)


def _person_flaws(
    row: TransferRow, person: User | None, full: Mapping[str, str]
) -> Iterator[Flaw]:
    if person is None:
        if row.staff_number:
            likely = full.get(row.staff_number.lstrip("0"), "")
            slug = "person_zeros" if likely else "person_unknown"
            yield Flaw(row.row, slug, {"value": row.staff_number, "likely": likely})
        return
    if row.effective_on and person.has_left(row.effective_on):
        yield Flaw(row.row, "person_gone", {"value": row.staff_number})
    if row.name and "".join(row.name.split()) != "".join(person.name.split()):
        params = {"value": row.name, "known": person.name, "number": row.staff_number}
        yield Flaw(row.row, "name_differs", params)


def _way_flaws(row: TransferRow, known: Organisation) -> Iterator[Flaw]:
    if not row.way:
        return
    meant = known.whole(row.way)
    value = {"value": " ".join(row.way)}
    if len(meant) > 1:
        yield Flaw(row.row, "department_ambiguous", value)
    elif not meant and len(row.way) == 1:
        yield Flaw(row.row, "department_new_alone", value)


# --- taking in -----------------------------------------------------------------------------------


@dataclass
class _Plan:
    """What a sheet makes of planned moves, in memory."""

    made: list[Transfer] = field(default_factory=list)
    changed: list[tuple[Transfer, dict[str, object]]] = field(default_factory=list)
    at_once: int = 0
    unchanged: int = 0
    ledger: Ledger = field(default_factory=Ledger)


def import_transfers(*, rows: Iterable[TransferRow], order: Order) -> TransferResult:
    """Plan the moves of a sheet, all or nothing; those whose day has come happen at once.

    A row that was taken in before changes nothing.
    """

    def judge_and_write() -> TransferResult:
        result = _take_in(list(rows), order)
        if order.dry_run or not result.is_change:
            return result
        return replace(result, moves=tuple(apply_due(now=order.now, batch=order.batch)))

    stale = TransferResult(dry_run=order.dry_run, is_stale=True)
    return take_in(judge_and_write, order, action="transfers.imported", stale=stale)


def _take_in(rows: Sequence[TransferRow], order: Order) -> TransferResult:
    people = {p.staff_number: p for p in User.objects.exclude(staff_number=None)}
    known = organisation(local_day(order.now))
    if flaws := transfer_flaws(rows, people, known):
        return TransferResult(dry_run=order.dry_run, flaws=tuple(flaws))
    days = {row.effective_on for row in rows if row.effective_on}
    old = {
        (t.person_id, t.effective_on): t
        for t in Transfer.objects.select_for_update()
        .filter(effective_on__in=days)
        .exclude(state=TransferState.DROPPED)
        .order_by("pk")
    }
    plan = _Plan()
    for row in rows:
        _plan(plan, row, people[row.staff_number], known, old, now=order.now)
    listed = {(people[row.staff_number].pk, row.effective_on) for row in rows}
    order.check(plan.ledger.digest)
    if not order.dry_run:
        _write(plan, order.batch)
    places = dict(Place.objects.values_list("name", "pk"))
    numbers = {person.pk: number or "" for number, person in people.items()}
    ways = dict.fromkeys(t.way and tuple(t.way) for t in plan.made)
    return TransferResult(
        dry_run=order.dry_run,
        planned=len(plan.made) - plan.at_once,
        applied=plan.at_once,
        updated=len(plan.changed),
        unchanged=plan.unchanged,
        missing=tuple(
            numbers.get(key[0], "")
            for key, t in old.items()
            if key not in listed and t.state == TransferState.PLANNED
        ),
        departments_new=tuple(" ".join(w) for w in ways if w and not known.whole(w)),
        places_new=tuple(
            dict.fromkeys(
                t.place_name for t in plan.made if t.place_name and t.place_name not in places
            )
        ),
        shown=tuple(plan.ledger.shown),
        digest=plan.ledger.digest,
    )


def _plan(
    plan: _Plan,
    row: TransferRow,
    person: User,
    known: Organisation,
    old: Mapping[tuple[int, date], Transfer],
    *,
    now: datetime,
) -> None:
    on = row.effective_on or local_day(now)
    meant = known.whole(row.way)
    way = list(meant[0] if meant else row.way)
    there = old.get((person.pk, on))
    if there is not None and (there.way, there.place_name) == (way, row.place):
        plan.unchanged += 1
        return
    before = {"way": there.way, "place_name": there.place_name} if there else {}
    if there is not None and there.state == TransferState.PLANNED:
        there.way, there.place_name = way, row.place
        plan.changed.append((there, before))
        kind = "replanned"
    else:
        kind = "moved" if on <= local_day(now) else "planned"
        plan.at_once += kind == "moved"
        plan.made.append(
            Transfer(person=person, effective_on=on, way=way, place_name=row.place, made_at=now)
        )
    facts = (row.row, person.pk, person.department_id, person.place_id, sorted(before.items()))
    if plan.ledger.note(kind, *facts):
        home = known.names.get(person.department_id or 0, ())
        plan.ledger.show(_shown(kind, replace(row, way=tuple(way)), person, home))


def _shown(kind: str, row: TransferRow, person: User, home: Way) -> Change:
    """Put one move into words."""
    pairs: list[tuple[str, object, object]] = [("effective_on", "", row.effective_on)]
    if row.way:
        pairs.append(("department", " ".join(home), " ".join(row.way)))
    if row.place:
        pairs.append(("place", person.place or "", row.place))
    return Change(kind, row.staff_number, person.name, row.row, differences(pairs))


def _write(plan: _Plan, batch: str) -> None:
    Transfer.objects.bulk_create(plan.made, batch_size=BATCH)
    changed = [transfer for transfer, _before in plan.changed]
    Transfer.objects.bulk_update(changed, ["way", "place_name"], batch_size=BATCH)
    trace_made(batch=batch, rows=plan.made)
    trace_changed(batch=batch, rows=plan.changed)


# --- the day comes -----------------------------------------------------------------------------------


@transaction.atomic
def apply_due(*, now: datetime, batch: str = "") -> list[Move]:
    """Move everybody whose day has come, and write down where they were; return the moves.

    Safe to run twice and at once: a move is taken under a lock and happens once. Departments and
    places that are new are made here, from that day on.
    """
    due = list(
        Transfer.objects.due(on=local_day(now))
        .select_for_update(skip_locked=True, of=("self",))
        .select_related("person")
        .order_by("effective_on", "pk")
    )
    if not due:
        return []
    ground = _Ground(batch, local_day(now))
    moves: list[Move] = []
    for on in dict.fromkeys(transfer.effective_on for transfer in due):
        part = [transfer for transfer in due if transfer.effective_on == on]
        moves += _apply(part, ground, now=now)
    return moves


class _Ground:
    """Departments and places by name, made where they are new."""

    def __init__(self, batch: str, today: date) -> None:
        self.batch = batch
        self.organisation = organisation(today)
        self.departments = dict(self.organisation.departments)
        self.places = dict(Place.objects.values_list("name", "pk"))

    def department(self, way: Way, on: date) -> int | None:
        """Return the department a way means, made from that day on where there is none."""
        if not way:
            return None
        meant = self.organisation.whole(way)
        if len(meant) == 1:
            return self.departments[meant[0]]
        return make_way(way, self.departments, on=on, batch=self.batch)

    def place(self, name: str) -> int | None:
        """Return the place of a name, made where there is none."""
        if name and name not in self.places:
            row = Place.objects.create(name=name)
            trace_made(batch=self.batch, rows=[row])
            self.places[name] = row.pk
        return self.places.get(name)


def _apply(part: Sequence[Transfer], ground: _Ground, *, now: datetime) -> list[Move]:
    """Let the moves of one day happen."""
    changed: list[tuple[User, dict[str, object]]] = []
    traced: list[tuple[Transfer, dict[str, object]]] = []
    ids = [transfer.person_id for transfer in part]
    people = User.objects.select_for_update(no_key=True).in_bulk(ids)
    for transfer in part:
        person = people[transfer.person_id]
        traced.append((transfer, {"state": transfer.state, "applied_at": None}))
        if person.has_left(transfer.effective_on):
            transfer.state = TransferState.DROPPED
            continue
        transfer.state, transfer.applied_at = TransferState.APPLIED, now
        transfer.applied_by = ground.batch
        if before := _go(person, transfer, ground):
            changed.append((person, dict(before)))
    Transfer.objects.bulk_update(part, ["state", "applied_at", "applied_by"], batch_size=BATCH)
    User.objects.bulk_update(
        [person for person, _before in changed], ["department", "place"], batch_size=BATCH
    )
    trace_changed(batch=ground.batch, rows=traced)
    trace_changed(batch=ground.batch, rows=changed)
    moves = [_move(person, before) for person, before in changed]
    write_postings(moves=moves, on=part[0].effective_on, now=now, batch=ground.batch)
    return moves


def _move(person: User, before: Mapping[str, Any]) -> Move:
    return Move(
        person.pk,
        before.get("department_id", person.department_id),
        before.get("place_id", person.place_id),
        person.department_id,
        person.place_id,
    )


def _go(person: User, transfer: Transfer, ground: _Ground) -> dict[str, int | None]:
    """Set somebody to where they move, in memory; return what was before."""
    department_id = ground.department(tuple(transfer.way), transfer.effective_on)
    place_id = ground.place(transfer.place_name)
    before: dict[str, int | None] = {}
    if department_id is not None and department_id != person.department_id:
        before["department_id"] = person.department_id
        person.department_id = department_id
    if place_id is not None and place_id != person.place_id:
        before["place_id"] = person.place_id
        person.place_id = place_id
    return before


@transaction.atomic
def drop_transfer(*, transfer_id: int, by: User, now: datetime) -> bool:
    """Take back a planned move; False where it happened or was dropped already."""
    rows = Transfer.objects.planned().filter(pk=transfer_id)
    if not rows.update(state=TransferState.DROPPED):
        return False
    write_audit(action="transfer.dropped", now=now, by=by, subject=f"transfer:{transfer_id}")
    return True
