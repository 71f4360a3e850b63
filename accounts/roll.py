"""The roll: people, departments, places, hours and leads come in step with one sheet, all or nothing.

On PostgreSQL the rows are staged in a table and judged there (`accounts.staging`); elsewhere they are
judged in memory. Both give the same verdicts and the same rows: a test compares them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import connection

from accounts.actions import has_left, no_password
from accounts.models import Department, Grant, Place, Transfer, User, WorkingHours
from accounts.moves import Move, write_postings
from accounts.queries import departments_by_path, local_day
from accounts.rules import Known, Mentioned, PersonRow, are_shifts, pair, roll_flaws
from accounts.staging import Prepared, Stage, prepare
from accounts.states import IT_ROLES, Role
from accounts.taking import Order, figures_of, take_in
from accounts.traces import trace_changed, trace_made, trace_removed
from kitting.lib.changes import SHOWN, Change, Ledger, differences
from kitting.lib.weeks import parse_week

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from accounts.staging import Counts
    from kitting.lib.rows import Flaw

BATCH = 500
DEPARTMENT_FIELDS = frozenset({"bureau", "section", "unit"})
TITLE_FIELDS = frozenset({"role", "title"})
SAID_AS_IT_IS = (
    "staff_number",
    "name",
    "kana",
    "email",
    "account",
    "employment",
    "extension",
    "left_on",
    "leave_from_on",
    "leave_to_on",
)
BELONGING = ("department_id", "place_id")


@dataclass(frozen=True)
class RollResult:
    """What taking in a roll changed, or would change in a dry run; with flaws nothing was written.

    `missing`, `leaving`, `named_it` and `held` hold staff numbers: of people at work whom the file
    does not list, of those whose leaving date is new, of those the file calls IT and Kitto does not,
    and of those who stay where they are because they move on a day to come. `moved` are counted in
    `updated` too. `is_stale`: the digest differs from the one that was asked for; nothing was written.
    """

    dry_run: bool = False
    flaws: tuple[Flaw, ...] = ()
    is_stale: bool = False
    created: int = 0
    updated: int = 0
    moved: int = 0
    unchanged: int = 0
    missing: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    named_it: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    departments_created: tuple[str, ...] = ()
    places_created: tuple[str, ...] = ()
    hours_created: tuple[str, ...] = ()
    leads_named: int = 0
    leads_removed: int = 0
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
        same = {"unchanged", "missing", "named_it", "held"}
        return any(count for name, count in self.counts.items() if name not in same)


@dataclass(frozen=True)
class Ground:
    """Ids of what people stand on, by name; 0 for what only a dry run would have made."""

    departments: Mapping[tuple[str, ...], int]
    places: Mapping[str, int]
    hours: Mapping[str, int]
    new_departments: tuple[str, ...]
    new_places: tuple[str, ...]
    new_hours: tuple[str, ...]

    @property
    def department_names(self) -> dict[int, str]:
        """Return the whole names of departments by id."""
        return {pk: " ".join(way) for way, pk in self.departments.items() if pk}

    @property
    def place_names(self) -> dict[int, str]:
        """Return the names of places by id."""
        return {pk: name for name, pk in self.places.items() if pk}


@dataclass
class _Crew:
    """The people of a roll: by row, who is new, who changed and what they were before."""

    by_row: dict[int, User] = field(default_factory=dict)
    created: list[User] = field(default_factory=list)
    changed: list[tuple[User, dict[str, Any]]] = field(default_factory=list)
    leaving: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)


@dataclass(frozen=True)
class Leads:
    """Who becomes lead of what by the roll, which grants it takes back, whom it calls IT."""

    named: Sequence[tuple[User, int]]
    removed: Sequence[Grant]
    named_it: tuple[str, ...]


def import_roll(
    *,
    rows: Iterable[PersonRow],
    order: Order,
) -> RollResult:
    """Bring people, departments, places and leads in step with a roll, all or nothing.

    Nobody is ever deleted and nobody becomes IT by a file. A few queries whatever the size. `order.expect`
    is the digest of an earlier dry run: where it differs nothing is written. `rows` are read once.
    """
    prepared = prepare_roll(rows)

    def judge_and_write() -> RollResult:
        if isinstance(prepared, Prepared):
            return take_in_staged(prepared, order)
        return take_in_memory(prepared, order)

    stale = RollResult(dry_run=order.dry_run, is_stale=True)
    return take_in(judge_and_write, order, action="roll.imported", stale=stale)


def prepare_roll(rows: Iterable[PersonRow] | Prepared) -> Iterable[PersonRow] | Prepared:
    """Read all rows of a roll before anything is locked, in the form that is judged next."""
    if isinstance(rows, Prepared):
        return rows
    return prepare(rows) if connection.vendor == "postgresql" else list(rows)


# --- staged --------------------------------------------------------------------------------------


def take_in_staged(prepared: Prepared, order: Order) -> RollResult:
    """Judge and write a roll in PostgreSQL's own tables; needs a transaction. Raises `StaleError`."""
    stage = Stage(prepared)
    if not order.dry_run:
        stage.lock_people()
    if flaws := stage.flaws():
        return RollResult(dry_run=order.dry_run, flaws=tuple(flaws))
    ground, today = take_ground(prepared.mentioned, order), local_day(order.now)
    stage.compare(_ids(prepared.mentioned, ground), fields=_said_by(prepared), today=today)
    counts = stage.counts()
    result = _staged_result(stage, counts, ground, order)
    order.check(result.digest)
    if not order.dry_run:
        stage.write(counts, language=settings.LANGUAGE_CODE, now=order.now, batch=order.batch)
        write_postings(moves=result.moves, on=today, now=order.now, batch=order.batch)
        # Those who are new have ids only now.
        write_leads(_staged_leads(stage, result.held), order)
    return result


def _staged_result(stage: Stage, counts: Counts, ground: Ground, order: Order) -> RollResult:
    today, held = local_day(order.now), stage.held()
    leads = _staged_leads(stage, held)
    moves = tuple(Move(*row) for row in stage.moves())  # type: ignore[arg-type]  # a person has an id
    ledger = Ledger()
    ledger.add(counts)
    ledger.add(ground.new_departments, ground.new_places, ground.new_hours)
    ledger.add(len(leads.named), sorted(grant.pk for grant in leads.removed))
    return RollResult(
        dry_run=order.dry_run,
        created=counts.created,
        updated=counts.changed,
        moved=len(moves),
        unchanged=stage.prepared.count - counts.created - counts.changed,
        missing=stage.missing(today),
        leaving=stage.leaving(),
        named_it=leads.named_it,
        held=held,
        departments_created=ground.new_departments,
        places_created=ground.new_places,
        hours_created=ground.new_hours,
        leads_named=len(leads.named),
        leads_removed=len(leads.removed),
        shown=_staged_changes(stage, ground),
        digest=ledger.digest,
        moves=moves,
    )


def _ids(mentioned: Mentioned, ground: Ground) -> dict[str, list[int]]:
    """Return the ids of what the rows name, in the order of their numbers."""
    return {
        "departments": [ground.departments[way] for way in mentioned.departments],
        "places": [ground.places[name] for name in mentioned.places],
        "hours": [ground.hours[name] for name in mentioned.hours],
    }


def _said_by(prepared: Prepared) -> list[str]:
    """Return the fields of a person that a file says something of."""
    said = {
        "department_id": DEPARTMENT_FIELDS,
        "place_id": frozenset({"place"}),
        "hours_id": frozenset({"hours"}),
        "title": TITLE_FIELDS,
        **{name: frozenset({name}) for name in SAID_AS_IT_IS},
    }
    return [name for name, columns in said.items() if columns & prepared.given]


def _staged_leads(stage: Stage, held: Sequence[str]) -> Leads:
    if not stage.given & TITLE_FIELDS:
        return Leads((), (), ())
    judged = stage.judged(held)
    return compare_leads(
        wanted=[(User(pk=pk), led) for _number, led, _is_it, pk in judged if led is not None],
        listed=stage.listed_leads(held),
        named_it=[(number, pk) for number, _led, is_it, pk in judged if is_it],
    )


def _staged_changes(stage: Stage, ground: Ground) -> tuple[Change, ...]:
    """Put the first changes of each kind into words."""
    shown = [Change("created", n, name, row) for row, n, name in stage.shown_new(SHOWN)]
    ways = list(stage.prepared.mentioned.departments)
    places, hours = list(stage.prepared.mentioned.places), list(stage.prepared.mentioned.hours)
    for kind, moved in (("changed", False), ("moved", True)):
        for before, columns in stage.shown_changes(moved=moved, most=SHOWN):
            row, number, name, kana, email, account, title, employment, extension = columns[:9]
            left_on, from_on, to_on, department, place, hour = columns[9:]
            said = PersonRow(
                row=row, staff_number=number, name=name, kana=kana, email=email,
                account=account, title=title, employment=employment, extension=extension,
                left_on=left_on, leave_from_on=from_on, leave_to_on=to_on,
                departments=ways[department],
                place="" if place is None else places[place],
                hours="" if hour is None else hours[hour],
            )  # fmt: skip
            shown.append(shown_change(kind, said, before, ground))
    return tuple(sorted(shown, key=lambda change: change.row))


# --- in memory -----------------------------------------------------------------------------------


def take_in_memory(sheet: Iterable[PersonRow], order: Order) -> RollResult:
    """Judge and write a roll row by row; needs a transaction. Raises `StaleError`."""
    rows = list(sheet)
    people = list(User.objects.select_for_update(no_key=True).order_by("pk"))
    known = [Known(p.pk, p.username, p.staff_number or "", p.email, p.account) for p in people]
    if flaws := roll_flaws(rows, known):
        return RollResult(dry_run=order.dry_run, flaws=tuple(flaws))
    mentioned = Mentioned()
    for row in rows:
        mentioned.add(row)
    ground = take_ground(mentioned, order)
    crew = _compare(rows, people, known, ground, now=order.now)
    if not order.dry_run:
        _write_people(crew, known, order)
    leads = _compare_leads(rows, crew, ground)
    digest = _sum_up(crew, leads, ground)
    order.check(digest)
    if not order.dry_run:
        write_leads(leads, order)
    listed = {row.staff_number for row in rows}
    return RollResult(
        dry_run=order.dry_run,
        created=len(crew.created),
        updated=len(crew.changed),
        moved=len(crew.moves),
        unchanged=len(rows) - len(crew.created) - len(crew.changed),
        missing=tuple(
            p.staff_number
            for p in people
            if p.staff_number and p.staff_number not in listed and not has_left(p, order.now)
        ),
        leaving=tuple(crew.leaving),
        named_it=leads.named_it,
        held=tuple(crew.held),
        departments_created=ground.new_departments,
        places_created=ground.new_places,
        hours_created=ground.new_hours,
        leads_named=len(leads.named),
        leads_removed=len(leads.removed),
        shown=tuple(sorted(crew.ledger.shown, key=lambda change: change.row)),
        digest=digest,
        moves=tuple(crew.moves),
    )


def _sum_up(crew: _Crew, leads: Leads, ground: Ground) -> str:
    crew.ledger.add(ground.new_departments, ground.new_places, ground.new_hours)
    crew.ledger.add(len(leads.named), sorted(grant.pk for grant in leads.removed))
    return crew.ledger.digest


def take_ground(mentioned: Mentioned, order: Order) -> Ground:
    """Make the departments, hours and places that are new; none in a dry run."""
    departments, new_departments = _take_departments(mentioned, order)
    hours, new_hours = _take_hours(mentioned, order)
    places, new_places = _take_places(mentioned, hours, order)
    return Ground(
        departments=departments,
        places=places,
        hours=hours,
        new_departments=tuple(new_departments),
        new_places=tuple(new_places),
        new_hours=tuple(new_hours),
    )


def _take_departments(
    mentioned: Mentioned, order: Order
) -> tuple[dict[tuple[str, ...], int], list[str]]:
    ids, names = departments_by_path(local_day(order.now)), []
    for depth in (1, 2, 3):
        paths = dict.fromkeys(way[:depth] for way in mentioned.departments if len(way) >= depth)
        new = [path for path in paths if path not in ids]
        made = [Department(name=path[-1], parent_id=ids.get(path[:-1])) for path in new]
        if not order.dry_run:
            Department.objects.bulk_create(made, batch_size=BATCH)
            trace_made(batch=order.batch, rows=made)
        ids |= {path: department.pk or 0 for path, department in zip(new, made, strict=True)}
        names += [" ".join(path) for path in new]
    return ids, names


def _take_hours(mentioned: Mentioned, order: Order) -> tuple[dict[str, int], list[str]]:
    ids = dict(WorkingHours.objects.values_list("name", "pk"))
    names = [name for name in mentioned.hours if name not in ids]
    made = [
        WorkingHours(name=name, week=name, counts_days=are_shifts(parse_week(name)))
        for name in names
    ]
    if not order.dry_run:
        WorkingHours.objects.bulk_create(made, batch_size=BATCH)
        trace_made(batch=order.batch, rows=made)
    return ids | {hours.name: hours.pk or 0 for hours in made}, names


def _take_places(
    mentioned: Mentioned, hours: Mapping[str, int], order: Order
) -> tuple[dict[str, int], list[str]]:
    """Make places that are new; one without hours of its own gets those of most of its people."""
    usual = mentioned.usual_hours
    places = {place.name: place for place in Place.objects.order_by("pk")}
    names = [name for name in mentioned.places if name not in places]
    made = [Place(name=name, hours_id=hours.get(usual.get(name, ""))) for name in names]
    without = [p for p in places.values() if p.hours_id is None and p.name in usual]
    for place in without:
        place.hours_id = hours[usual[place.name]]
    if not order.dry_run:
        Place.objects.bulk_create(made, batch_size=BATCH)
        Place.objects.bulk_update(without, ["hours"], batch_size=BATCH)
        trace_made(batch=order.batch, rows=made)
        trace_changed(batch=order.batch, rows=[(p, {"hours_id": None}) for p in without])
    return {place.name: place.pk or 0 for place in (*places.values(), *made)}, names


def people_who_move(now: datetime) -> set[int]:
    """Return the ids of people who move on a day to come: a roll leaves them where they are."""
    waiting = Transfer.objects.planned().filter(effective_on__gt=local_day(now))
    return set(waiting.values_list("person_id", flat=True))


def _compare(
    rows: Sequence[PersonRow],
    people: Sequence[User],
    known: Sequence[Known],
    ground: Ground,
    *,
    now: datetime,
) -> _Crew:
    """Set everybody to what the roll says, in memory only."""
    crew, by_id, pairs = _Crew(), {person.pk: person for person in people}, pair(rows, known)
    waiting = people_who_move(now)
    for row in rows:
        values = _values(row, ground)
        person = by_id[pairs[row.row].id] if row.row in pairs else None
        if person is not None and person.pk in waiting:
            _hold(crew, person, values, row)
        different = _compare_one(crew, person, values, row, ground, now)
        if "left_on" in different and row.left_on:
            crew.leaving.append(row.staff_number)
    return crew


def _compare_one(  # what a row meets: who it speaks of, what it says, where they stand
    crew: _Crew,
    person: User | None,
    values: dict[str, Any],
    row: PersonRow,
    ground: Ground,
    now: datetime,
) -> frozenset[str]:
    """Set one person to what the row says; return the fields that become different."""
    if person is None:
        person, different = _new_person(row, values, now), frozenset(values)
        crew.created.append(person)
        if crew.ledger.note("created", row.row):
            crew.ledger.show(Change("created", row.staff_number, row.name, row.row))
    else:
        if not person.staff_number:
            values["username"] = row.staff_number
        different = _change(crew, person, values, row, ground)
    crew.by_row[row.row] = person
    return different


def _hold(crew: _Crew, person: User, values: dict[str, Any], row: PersonRow) -> None:
    """Leave somebody where they are until the day of the move."""
    said = {name: values.pop(name) for name in BELONGING if name in values}
    if any(getattr(person, name) != value for name, value in said.items()):
        crew.held.append(row.staff_number)


def _change(
    crew: _Crew, person: User, values: Mapping[str, Any], row: PersonRow, ground: Ground
) -> frozenset[str]:
    """Set a person to what a row says, and note what was there before."""
    before = _take_over(person, values)
    if not before:
        return frozenset()
    crew.changed.append((person, before))
    kind = "changed"
    if before.keys() & set(BELONGING):
        kind = "moved"
        crew.moves.append(
            Move(
                person.pk,
                before.get("department_id", person.department_id),
                before.get("place_id", person.place_id),
                person.department_id,
                person.place_id,
            )
        )
    if crew.ledger.note(kind, row.row, person.pk, sorted(before.items())):
        crew.ledger.show(shown_change(kind, row, before, ground))
    return frozenset(before)


def shown_change(
    kind: str, row: PersonRow, before: Mapping[str, Any], ground: Ground
) -> Change:
    """Put one change of a person into words."""
    said = {
        "department_id": (
            "department",
            ground.department_names.get(before.get("department_id") or 0, ""),
            " ".join(row.departments),
        ),
        "place_id": (
            "place",
            ground.place_names.get(before.get("place_id") or 0, ""),
            row.place,
        ),
        "hours_id": (
            "hours",
            {pk: name for name, pk in ground.hours.items()}.get(before.get("hours_id") or 0),
            row.hours,
        ),
    }
    pairs = [
        said.get(name) or (name, value, getattr(row, name, row.staff_number))
        for name, value in sorted(before.items())
        if name != "username"
    ]
    return Change(kind, row.staff_number, row.name, row.row, differences(pairs))


def _values(row: PersonRow, ground: Ground) -> dict[str, Any]:
    """Return what a row says about a person; columns the file does not have say nothing."""
    said: dict[str, tuple[frozenset[str], Any]] = {
        "department_id": (DEPARTMENT_FIELDS, ground.departments[row.departments]),
        "place_id": (frozenset({"place"}), ground.places.get(row.place)),
        "hours_id": (frozenset({"hours"}), ground.hours.get(row.hours)),
        "title": (TITLE_FIELDS, row.title),
    }
    said |= {name: (frozenset({name}), getattr(row, name)) for name in SAID_AS_IT_IS}
    return {name: value for name, (columns, value) in said.items() if columns & row.given}


def _take_over(person: User, values: Mapping[str, Any]) -> dict[str, Any]:
    before = {
        name: getattr(person, name)
        for name, value in values.items()
        if getattr(person, name) != value
    }
    for name in before:
        setattr(person, name, values[name])
    return before


def _new_person(row: PersonRow, values: Mapping[str, Any], now: datetime) -> User:
    # The language is a first guess only: from then on it is the person's own choice.
    return User(
        username=row.staff_number,
        password=no_password(),
        date_joined=now,
        language=row.language or settings.LANGUAGE_CODE,
        **values,
    )


def _write_people(crew: _Crew, known: Sequence[Known], order: Order) -> None:
    changed = [person for person, _before in crew.changed]
    _free_addresses(changed, known)
    if fields := {name for _person, before in crew.changed for name in before}:
        User.objects.bulk_update(changed, sorted(fields), batch_size=BATCH)
    User.objects.bulk_create(crew.created, batch_size=BATCH)
    trace_made(batch=order.batch, rows=crew.created)
    trace_changed(batch=order.batch, rows=crew.changed)
    write_postings(moves=crew.moves, on=local_day(order.now), now=order.now, batch=order.batch)


def _free_addresses(changed: Sequence[User], known: Sequence[Known]) -> None:
    """Empty addresses that pass from one person to another, so that two may exchange theirs."""
    for name in ("email", "account"):
        holders = {getattr(person, name).lower(): person.id for person in known}
        wanted = {person.pk: getattr(person, name).lower() for person in changed}
        freed = [
            holders[value]
            for person_id, value in wanted.items()
            if value and holders.get(value, person_id) != person_id
        ]
        for start in range(0, len(freed), BATCH):
            User.objects.filter(pk__in=freed[start : start + BATCH]).update(**{name: ""})


def _compare_leads(rows: Sequence[PersonRow], crew: _Crew, ground: Ground) -> Leads:
    held = set(crew.held)
    judged = [r for r in rows if r.given & TITLE_FIELDS and r.staff_number not in held]
    people = crew.by_row
    return compare_leads(
        wanted=[(people[r.row], ground.departments[r.led]) for r in judged if r.led],
        listed={people[row.row].pk for row in judged},
        named_it=[(row.staff_number, people[row.row].pk) for row in judged if row.names_it],
    )


def compare_leads(
    *,
    wanted: Sequence[tuple[User, int]],
    listed: set[int],
    named_it: Sequence[tuple[str, int | None]],
) -> Leads:
    """Find which leads are new, and which the roll named before and names no longer."""
    have: dict[tuple[int, int | None], Grant] = {}
    on_team = set()
    for grant in Grant.objects.filter(role__in=(Role.LEAD, *IT_ROLES), place__isnull=True):
        if grant.role == Role.LEAD:
            have[grant.person_id, grant.department_id] = grant
        else:
            on_team.add(grant.person_id)
    kept = {(person.pk, department_id) for person, department_id in wanted}
    return Leads(
        named=[lead for lead in wanted if (lead[0].pk, lead[1]) not in have],
        removed=[
            grant
            for key, grant in have.items()
            if grant.from_roll and grant.person_id in listed and key not in kept
        ],
        named_it=tuple(number for number, pk in named_it if pk not in on_team),
    )


def write_leads(leads: Leads, order: Order) -> None:
    """Give and take back what the roll says about leads."""
    if leads.removed:
        trace_removed(batch=order.batch, rows=leads.removed)
        Grant.objects.filter(pk__in=[grant.pk for grant in leads.removed]).delete()
    made = Grant.objects.bulk_create(
        [
            Grant(
                person=person,
                role=Role.LEAD,
                department_id=department_id,
                from_roll=True,
                granted_by=order.by,
                granted_at=order.now,
            )
            for person, department_id in leads.named
        ],
        batch_size=BATCH,
    )
    trace_made(batch=order.batch, rows=made)
