"""Kitto beside what a user could install from the package index instead: same data, same machine, same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import F
from django.test import override_settings

from accounts.forms import read_roll
from accounts.models import Grant, User
from accounts.states import Role
from accounts.taking import Order
from kitting.escalation.actions import sweep, take_in_roll
from kitting.escalation.actions.sweeping import Swept
from kitting.escalation.models import Ticket
from kitting.escalation.states import Reason, Source, TicketKind
from kitting.journeys.models import Journey
from kitting.labels.queries import labels_to_print, sender
from kitting.site.models import Variable
from kitting.site.queries import current
from tests.bench import measure
from tests.bench.bare import fetch, press, site_client
from tests.bench.city import DEPARTMENTS, JUST_NOW, found_city, settle
from tests.bench.imports import STAFF
from tests.bench.labels import Printer, environment, html_way
from tests.bench.load import database_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

HERE = Path(__file__).resolve().parent
HOME = HERE.parents[1] / "var" / "peers"
# None of them is needed by Kitto; they are installed when this bench runs for the first time.
PACKAGES = (
    "django>=5.2,<5.3",
    "django-helpdesk==2.6.1",
    "packaging",  # django-helpdesk needs it and does not say so
    "django-import-export==4.4.3",
    "weasyprint==70.0",
    "celery==5.7.0",
    "psycopg[binary]",
    "dj-database-url",
)
PEOPLE, ROUNDS = 2_650, 9
ABOUT = f"""\
Each peer does the work a city would use it for, with the same data, on the same machine and database server, right after
Kitto: {PEOPLE:,} open tickets in {DEPARTMENTS} queues (departments); the roll of the demo city (2,678 people); the same label
sheets; a round of reminders in which nobody is due. Peers run in an environment of their own (`var/peers`), their pages
through Django's test client with eight middlewares, as Kitto's pages through all of its own. "CPU" is the work of the
process and of its database process together, the median of {ROUNDS} rounds (files: once). django-helpdesk: the list of tickets is its page
and the rows that page fetches; its update is a public comment. django-import-export: a `ModelResource` keyed by staff
number, as its documentation shows, which checks far less. Reminders: a task of Celery that walks everybody, as
tutorials of its beat show. Labels: the HTML way of `make bench-labels`."""
HEAD = ("What", "Kitto ms CPU", "statements", "peer ms CPU", "statements", "peer / Kitto")


@dataclass(frozen=True)
class Cost:
    """What something cost: CPU seconds, seconds passed, statements."""

    cpu: float
    wall: float
    statements: int = 0


def cost_of(act: Callable[[], object], rounds: int, *, warm: bool = True) -> Cost:
    """Measure something as the peers are measured."""
    if warm:
        act()
    cpus, walls = [], []
    for _round in range(rounds):
        server, own, passed = measure.server_cpu(), time.process_time(), time.perf_counter()
        act()
        walls.append(time.perf_counter() - passed)
        cpus.append(time.process_time() - own + measure.server_cpu() - server)
    asked = measure.statements(act) if warm else 0
    return Cost(median(cpus), median(walls), asked)


# --- Kitto ----------------------------------------------------------------------------------------


def open_tickets(now: datetime) -> None:
    """Let everybody wait for an answer."""
    Ticket.objects.all().delete()
    Ticket.objects.bulk_create(
        Ticket(
            kind=TicketKind.HELP,
            journey=journey,
            reason=Reason.ASKED,
            source=Source.PERSON,
            step_key="connect-wifi",
            department_id=journey.department_id,
            place_id=journey.place_id,
            opened_at=now - JUST_NOW,
            answer_by=now + JUST_NOW,
        )
        for journey in Journey.objects.order_by("pk")
    )


def own_costs(now: datetime) -> dict[str, Cost]:
    settle(found_city(now), 0, PEOPLE)
    Variable.objects.update(value=F("example"), value_en=F("example_en"))  # labels want it said
    idle = cost_of(partial(be_idle, now), ROUNDS)
    open_tickets(now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    helper = User.objects.create(username="it", name="情報 政策", email="it@example.jp")
    Grant.objects.create(person=helper, role=Role.IT, granted_at=now)
    client = site_client(helper)
    keys = iter(list(Ticket.objects.order_by("pk").values_list("pk", flat=True)))

    def answer() -> None:
        press(
            client, f"/tickets/{next(keys)}/reply", words="Wi-Fi をもう一つの方にしてください。"
        )

    return {
        "queue page": cost_of(partial(fetch, client, "/tickets/"), ROUNDS),
        "ticket update": cost_of(answer, ROUNDS),
        "roll": cost_of(take_roll, 1, warm=False),
        "roll again": cost_of(take_roll, 1),
        "sweep": idle,
    }


def take_roll() -> None:
    done = take_in_roll(
        rows=read_roll(STAFF.read_bytes(), STAFF.name), order=Order(current()[1])
    )
    assert not done.flaws, done.flaws[:3]


def be_idle(now: datetime) -> None:
    assert sweep(now=now) == Swept()


# --- the peers ------------------------------------------------------------------------------------


def peers_python() -> Path | str:
    """Return the Python of the peers' environment, installed if it is not there; or why there is none."""
    python, done = HOME / "bin" / "python", HOME / ".installed"
    if done.exists() and done.read_text(encoding="utf-8") == "\n".join(PACKAGES):
        return python
    found = environment(HOME, *PACKAGES)
    if isinstance(found, Path):
        done.write_text("\n".join(PACKAGES), encoding="utf-8")
    return found


def costs_of_peers(python: Path) -> dict[str, Cost]:
    """Have the peers measured on a database of their own."""
    data = {
        "queues": [f"第{number}課" for number in range(DEPARTMENTS)],
        "tickets": [
            {
                "title": "Wi-Fi につながらない",
                "queue": n % DEPARTMENTS,
                "email": f"s{n}@example.jp",
            }
            for n in range(PEOPLE)
        ],
        "roll": STAFF.read_text(encoding="utf-8-sig"),
        "rounds": ROUNDS,
    }
    name = f"{connection.settings_dict['NAME']}_peers"
    with connection.cursor() as cursor, TemporaryDirectory() as folder:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            told = Path(folder) / "data.json"
            told.write_text(json.dumps(data), encoding="utf-8")
            url = f"{database_url().rpartition('/')[0]}/{name}"
            done = subprocess.run(
                [str(python), str(HERE / "peers_site.py"), str(told)],
                env={"PATH": os.environ["PATH"], "PEERS_DATABASE": url, "LANG": "C.UTF-8"},
                stdout=subprocess.PIPE,
                check=True,
            )
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return {key: Cost(**cost) for key, cost in found.items()}


NAMES = {
    "queue page": f"queue of {PEOPLE:,} tickets (django-helpdesk)",
    "ticket update": "answer to a ticket (django-helpdesk)",
    "roll": "roll of 2,678, first time (django-import-export)",
    "roll again": "roll of 2,678, once more (django-import-export)",
    "sweep": f"nobody due of {PEOPLE:,} (Celery beat, full scan)",
}


def find() -> list[str]:
    python = peers_python()
    if isinstance(python, str):
        return [f"The peers could not be installed: {python}"]
    began = time.perf_counter()
    with measure.static_files(), override_settings(SECOND_FACTOR_REQUIRED=False):
        profile, now = current()
        own = own_costs(now)
        theirs = costs_of_peers(python)
        printer = Printer(labels_to_print(sender=sender())[:PEOPLE], profile, now)
        labels = cost_of(printer.draw, 1)
        html = html_way(printer.labels, python)
    rows = [
        (
            NAMES[key],
            measure.milliseconds(cost.cpu),
            cost.statements or "",
            measure.milliseconds(theirs[key].cpu),
            theirs[key].statements or "",
            measure.ratio(theirs[key].cpu / cost.cpu),
        )
        for key, cost in own.items()
    ]
    if isinstance(html, dict):
        name = f"{len(printer.labels):,} labels (WeasyPrint)"
        times = measure.ratio(html["cpu"] / labels.cpu)
        rows.append(
            (
                name,
                measure.milliseconds(labels.cpu),
                "",
                measure.milliseconds(html["cpu"]),
                "",
                times,
            )
        )
    else:
        rows.append(
            (f"labels (WeasyPrint): {html}", measure.milliseconds(labels.cpu), "", "", "", "")
        )
    return [
        measure.table(HEAD, rows),
        f"The whole run took {time.perf_counter() - began:.0f} s.",
    ]


if __name__ == "__main__":
    if connection.vendor != "postgresql":
        sys.stderr.write("bench-peers needs DATABASE_URL=postgres://…\n")
        sys.exit(1)
    measure.bench(name="peers", about=ABOUT, find=find)
