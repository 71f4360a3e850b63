"""A city of any size in the middle of its rollout, written in bulk: for measuring, not for looking."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from django.db import connection

from accounts.models import Department, Place, User, WorkingHours
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.states import DeviceState, LoanKind
from kitting.escalation.models import Ticket
from kitting.escalation.states import Reason, Source, TicketKind, TicketState
from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.guides.queries.pages import applicable_steps
from kitting.guides.states import Milestone
from kitting.journeys.models import Journey, StepRecord
from kitting.journeys.states import HelpState, Method, Result, Status
from kitting.lib.codes import make_code
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState
from kitting.site.queries import flags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django.db.backends.utils import CursorWrapper
    from django.db.models import Field, Model

    from kitting.guides.models import Edition
    from kitting.guides.queries.shapes import StepRow

DEPARTMENTS, BUREAUS, PLACES, WAVES = 60, 6, 20, 4
# Of 101 people so many are done, on their way, waiting for help; the others have not begun.
DONE, ON_THEIR_WAY, WAITING = 45, 25, 2
LOTS = 101
BATCH = 2000
# Keys of copies are so far from those of what they are copied from.
STRIDE = 1_000_000
COPIED = (User, Device, Loan, Journey)
UNIQUE = (
    "username",
    "staff_number",
    "email",
    "serial_number",
    "asset_tag",
    "dedupe_key",
    "message_id",
)
DAY = timedelta(days=1)
JUST_NOW = timedelta(minutes=5)


@dataclass(frozen=True)
class City:
    """What all people of a city share."""

    now: datetime
    edition: Edition
    flags: dict[str, str]
    steps: list[StepRow]
    departments: list[Department]
    places: list[Place]
    waves: list[Wave]
    choose: Random

    @property
    def ready_steps(self) -> list[StepRow]:
        return [s for s in self.steps if s.milestone == Milestone.READY and s.required]


def found_city(now: datetime) -> City:
    """Make a city without people: a published guide, departments, places, an open rollout."""
    draft = read_guide_file(SHIPPED_GUIDE)
    edition = load_guide(draft=draft, now=now - 60 * DAY, publish=True).edition
    chosen = flags()
    bureaus = [Department.objects.create(name=f"第{n}部") for n in range(BUREAUS)]
    departments = Department.objects.bulk_create(
        Department(name=f"第{n}課", parent=bureaus[n % BUREAUS]) for n in range(DEPARTMENTS)
    )
    hours = WorkingHours.objects.create(name="8:30-17:15")
    places = Place.objects.bulk_create(
        Place(name=f"第{n}庁舎", hours=hours) for n in range(PLACES)
    )
    rollout = Rollout.objects.create(
        name="導入",
        state=RolloutState.OPEN,
        starts_on=(now - 30 * DAY).date(),
        deadline_on=(now + 30 * DAY).date(),
    )
    waves = Wave.objects.bulk_create(
        Wave(
            rollout=rollout,
            name=f"第{n}回",
            starts_at=now - (30 - 7 * n) * DAY,
            ends_on=(now - (19 - 7 * n) * DAY).date(),
        )
        for n in range(WAVES)
    )
    return City(
        now=now,
        edition=edition,
        flags=chosen,
        steps=applicable_steps(edition.pk, chosen),
        departments=departments,
        places=places,
        waves=waves,
        choose=Random(1),
    )


def settle(city: City, first: int, last: int) -> None:
    """Let people move in by number, each with a device: nobody of them is due in the next days."""
    numbers = range(first, last)
    people = User.objects.bulk_create((_person(city, n) for n in numbers), batch_size=BATCH)
    devices = Device.objects.bulk_create((_device(city, n) for n in numbers), batch_size=BATCH)
    BoxCode.objects.bulk_create(
        (BoxCode(code=d.code, device=d, created_at=d.created_at) for d in devices),
        batch_size=BATCH,
    )
    loans = Loan.objects.bulk_create(
        (
            Loan(
                device=device,
                kind=LoanKind.PERSONAL,
                person=person,
                department_id=person.department_id,
                place_id=person.place_id,
                started_at=city.now - 30 * DAY,
            )
            for device, person in zip(devices, people, strict=True)
        ),
        batch_size=BATCH,
    )
    journeys = Journey.objects.bulk_create(
        (_journey(city, n, loan) for n, loan in zip(numbers, loans, strict=True)),
        batch_size=BATCH,
    )
    Ticket.objects.bulk_create(_tickets(city, journeys), batch_size=BATCH)


def learned(city: City) -> Iterator[StepRecord]:
    """Yield how long each step took whoever is ready."""
    for journey in Journey.objects.filter(status=Status.DONE).order_by("pk"):
        for number, step in enumerate(city.ready_steps):
            yield StepRecord(
                journey=journey,
                step_key=step.key,
                result=Result.SELF_REPORTED,
                method=Method.BUTTON,
                done_at=city.now - DAY,
                seconds=20 + journey.pk * 37 % (100 + 20 * number),
            )


def multiply(times: int, *, first: int = 1) -> None:
    """Let everybody be there so many times: as settling more, but a copy in the database is quick.

    Copies have no tickets, and their boxes no code. The database learns how large its tables are, as
    PostgreSQL does by itself after a while (SQLite never does).
    """
    for model in COPIED:
        copy_rows(model, times, first=first)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE")


def copy_rows(model: type[Model], times: int, *, first: int = 1) -> None:
    """Copy the rows of the first city in one table, from one copy on up to so many in all."""
    if times <= first:
        return
    fields = model._meta.concrete_fields
    columns = ", ".join(field.column for field in fields)
    values = ", ".join(map(_copied, fields))
    table = model._meta.db_table
    with (
        connection.cursor() as cursor,
        _without_checks(cursor),
        _without_indexes(cursor, table),
    ):
        cursor.execute(
            f"WITH RECURSIVE copies(copy) AS (SELECT {first} UNION ALL "
            f"SELECT copy + 1 FROM copies WHERE copy < {times - 1}) "
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM copies, {table} "
            f"WHERE id < {STRIDE}"
        )


@contextmanager
def _without_checks(cursor: CursorWrapper) -> Iterator[None]:
    """Spare the server looking up what every copy refers to, where it lets us: copies are whole."""
    may = False
    if connection.vendor == "postgresql":
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        (may,) = cursor.fetchone()
    if may:
        cursor.execute("SET session_replication_role = replica")
    yield
    if may:
        cursor.execute("SET session_replication_role = DEFAULT")


@contextmanager
def _without_indexes(cursor: CursorWrapper, table: str) -> Iterator[None]:
    """Let the server make the indexes of a table anew when all rows are there, which is quicker."""
    made: list[tuple[str, str]] = []
    if connection.vendor == "postgresql":
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(
            "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
            "WHERE indrelid = %s::regclass AND NOT EXISTS "
            "(SELECT FROM pg_constraint WHERE conindid = indexrelid)",
            [table],
        )
        made = cursor.fetchall()
    for name, _definition in made:
        cursor.execute(f"DROP INDEX {name}")
    yield
    for _name, definition in made:
        cursor.execute(definition)


def _copied(field: Field[Any, Any]) -> str:
    if field.primary_key or field.related_model in COPIED:
        return f"{field.column} + copy * {STRIDE}"
    if field.name in UNIQUE:
        return f"CASE {field.column} WHEN '' THEN '' ELSE {field.column} || '-' || copy END"
    return "NULL" if field.name == "code" else field.column


def _person(city: City, number: int) -> User:
    return User(
        username=f"{number:06d}",
        password="!",
        staff_number=f"{number:06d}",
        name=f"職員 {number}",
        kana=f"ショクイン {number}",
        email=f"s{number:06d}@asahi.example.jp",
        department=city.departments[number % DEPARTMENTS],
        place=city.places[number % PLACES],
    )


def _device(city: City, number: int) -> Device:
    return Device(
        serial_number=f"5CD{number:07d}",
        asset_tag=f"CB-{number:06d}",
        code=make_code(city.choose.choice),
        state=DeviceState.LENT,
        created_at=city.now - 30 * DAY,
    )


def _journey(city: City, number: int, loan: Loan) -> Journey:
    return Journey(
        loan=loan,
        person=loan.person,
        department_id=loan.department_id,
        place_id=loan.place_id,
        wave=city.waves[number % DEPARTMENTS % WAVES],
        created_at=city.now - 30 * DAY,
        **_progress(city, number),
    )


def _progress(city: City, number: int) -> dict[str, Any]:
    lot = number * 37 % LOTS
    if lot >= DONE + ON_THEIR_WAY + WAITING:
        return {"attention_at": city.now + 3 * DAY}
    ready = city.ready_steps
    begun = {
        "edition": city.edition,
        "flags": city.flags,
        "step_keys": [[s.key, str(s.milestone), s.required] for s in city.steps],
        "steps_total": len(city.steps),
        "ready_total": len(ready),
        "begun_at": city.now - 20 * DAY,
    }
    if lot < DONE:
        return begun | {
            "status": Status.DONE,
            "ready_at": city.now - (number % 20) * DAY,
            "ready_seconds": 900 + number * 37 % 3600,
            "asked_at": None if number % 9 else city.now - (number % 20) * DAY,
            "steps_done": len(ready),
            "ready_done": len(ready),
        }
    here = number % len(ready)
    is_waiting = lot >= DONE + ON_THEIR_WAY
    return begun | {
        "status": Status.WAITING if is_waiting else Status.IN_PROGRESS,
        "help_state": HelpState.ASKED if is_waiting else HelpState.NONE,
        "current_step": ready[here].key,
        "opened_at": city.now - JUST_NOW,
        "last_event_at": city.now - JUST_NOW,
        "steps_done": here,
        "ready_done": here,
        "is_noticed": not is_waiting and number % 10 == 0,
        "attention_at": city.now + 3 * DAY,
    }


def _tickets(city: City, journeys: list[Journey]) -> list[Ticket]:
    """Return a question of everybody who waits or asked before, and what was found about one in forty.

    One question in ten is overdue.
    """
    waiting = [j for j in journeys if j.status == Status.WAITING]
    asked = [j for j in journeys if j.status == Status.DONE and j.asked_at]
    found = [j for j in journeys if j.is_noticed]
    return [
        *(_ticket(city, j, answer_by=city.now + _wait(n)) for n, j in enumerate(waiting)),
        *(
            _ticket(
                city,
                j,
                state=TicketState.RESOLVED,
                first_answer_at=j.asked_at + JUST_NOW,
                resolved_at=j.asked_at + JUST_NOW,
                minutes_spent=10,
            )
            for j in asked
        ),
        *(
            _ticket(city, j, kind=TicketKind.QUIET, reason=Reason.SILENT, source=Source.SWEEP)
            for j in found
        ),
    ]


def _wait(number: int) -> timedelta:
    return JUST_NOW * (number % 10 - 0.5)


def _ticket(city: City, journey: Journey, **fields: Any) -> Ticket:
    asked = {"kind": TicketKind.HELP, "reason": Reason.ASKED, "source": Source.PERSON}
    is_over = "resolved_at" in fields
    return Ticket(
        journey=journey,
        step_key=journey.current_step or city.ready_steps[journey.pk % 7].key,
        department_id=journey.department_id,
        place_id=journey.place_id,
        opened_at=(journey.asked_at if is_over else None) or city.now - JUST_NOW,
        due_at=None if is_over else city.now + 3 * DAY,
        **(asked | fields),
    )
