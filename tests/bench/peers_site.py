"""What a user could install instead, as one site: runs in an environment of its own, knows nothing of Kitto.

`python peers_site.py data.json` fills an empty database (PEERS_DATABASE) with the same data and prints what things cost.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
import time
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import dj_database_url
import django
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

HOST = "peers.example.lg.jp"
settings.configure(
    SECRET_KEY="only-for-measuring-0123456789-abcdefghijklmnopqrstuvwxyz",
    ALLOWED_HOSTS=[HOST],
    DATABASES={
        "default": dj_database_url.parse(os.environ["PEERS_DATABASE"], conn_max_age=600)
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "django.contrib.sites",
        "django.contrib.humanize",
        "django.contrib.messages",
        "django.contrib.admin",
        "django.contrib.staticfiles",
        "rest_framework",
        "import_export",
        "helpdesk",
    ],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.locale.LocaleMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "django.middleware.clickjacking.XFrameOptionsMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                    "django.template.context_processors.static",
                ]
            },
        }
    ],
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
    MEDIA_ROOT="/nonexistent",
    SITE_ID=1,
    USE_TZ=True,
    LANGUAGE_CODE="en",
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
    LOGIN_URL="/login",
    HELPDESK_KB_ENABLED=True,
    HELPDESK_TEAMS_MODE_ENABLED=False,
    QUEUE_EMAIL_BOX_UPDATE_ONLY=False,
)
django.setup()

# ruff: noqa: E402  # all of these need the settings above
from celery import Celery
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection, models
from django.test import Client
from django.urls import include, path
from helpdesk.models import FollowUp, Queue, Ticket
from import_export import resources
from tablib import Dataset

urlpatterns = [path("helpdesk/", include("helpdesk.urls", namespace="helpdesk"))]
app = Celery("peers", broker="memory://")
app.conf.task_always_eager = True


class Person(models.Model):
    """Somebody on the roll, as a form for django-import-export has it."""

    staff_number = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    kana = models.CharField(max_length=80, blank=True)
    email = models.EmailField(blank=True)
    department = models.CharField(max_length=80, blank=True)
    place = models.CharField(max_length=80, blank=True)

    class Meta:
        app_label = "sites"

    def __str__(self) -> str:
        return self.staff_number


class Way(models.Model):
    """Somebody who sets a device up, and when they were heard of last."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE)
    is_ready = models.BooleanField(default=False)
    heard_at = models.DateTimeField()

    class Meta:
        app_label = "sites"

    def __str__(self) -> str:
        return f"way of {self.person_id}"


class Reminder(models.Model):
    """Somebody was reminded."""

    way = models.ForeignKey(Way, on_delete=models.CASCADE)
    at = models.DateTimeField()

    class Meta:
        app_label = "sites"

    def __str__(self) -> str:
        return f"reminder of {self.way_id}"


class PersonResource(resources.ModelResource):
    """The roll as django-import-export's documentation would take it in."""

    class Meta:
        model = Person
        import_id_fields = ("staff_number",)
        fields = ("staff_number", "name", "kana", "email", "department", "place")
        skip_unchanged = True
        use_transactions = True


@app.task
def remind() -> int:
    """Look at everybody and remind who was silent for two days, as tutorials of Celery's beat do."""
    now, sent = datetime.now(UTC), 0
    for way in Way.objects.filter(is_ready=False):
        silent = way.heard_at < now - timedelta(days=2)
        if silent and not Reminder.objects.filter(way=way).exists():
            Reminder.objects.create(way=way, at=now)
            sent += 1
    return sent


def backend_seconds() -> float:
    """Return the seconds the server's process of this connection has worked."""
    connection.ensure_connection()
    file = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return int(file.read_text(encoding="ascii").split()[0]) / 1e9 if file.exists() else 0.0


def cost_of(act: Callable[[], object], rounds: int) -> dict[str, float]:
    """Return the median CPU (this process and its server process) and time of something, and its statements."""
    act()
    cpus, walls = [], []
    for _round in range(rounds):
        server, own, passed = backend_seconds(), time.process_time(), time.perf_counter()
        act()
        walls.append(time.perf_counter() - passed)
        cpus.append(time.process_time() - own + backend_seconds() - server)
    count = 0

    def counted(execute: Any, *told: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*told)

    with connection.execute_wrapper(counted):
        act()
    return {"cpu": median(cpus), "wall": median(walls), "statements": count}


def fill(data: dict[str, Any]) -> None:
    """Make the tables, and everybody with their tickets."""
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Person, Way, Reminder):
            editor.create_model(model)
    now = datetime.now(UTC)
    queues = [
        Queue.objects.create(title=name, slug=f"q{number}", allow_public_submission=False)
        for number, name in enumerate(data["queues"])
    ]
    Ticket.objects.bulk_create(
        Ticket(
            title=row["title"],
            queue=queues[row["queue"]],
            created=now,
            modified=now,
            submitter_email=row["email"],
            description=row["title"],
            status=Ticket.OPEN_STATUS,
            priority=3,
        )
        for row in data["tickets"]
    )
    FollowUp.objects.bulk_create(
        FollowUp(ticket=ticket, date=now, title="Opened", comment=ticket.title, public=True)
        for ticket in Ticket.objects.all()
    )


def tickets(rounds: int) -> dict[str, Any]:
    """Measure the list of tickets (the page and the rows it fetches) and an answer."""
    helper = User.objects.create(
        username="it", is_staff=True, is_superuser=True, email="it@example.jp"
    )
    client = Client(SERVER_NAME=HOST)
    client.force_login(helper)
    query: dict[str, str] = {}

    def listed() -> None:
        page = client.get("/helpdesk/tickets/")
        assert page.status_code == 200, page.status_code
        found = re.search(r"datatables_ticket_list/([^\"'/?]+)", page.content.decode())
        assert found, "the page fetches no rows"
        query["key"] = found[1]
        rows = client.get(
            f"/helpdesk/datatables_ticket_list/{query['key']}",
            {"start": 0, "length": 50, "draw": 1},
        )
        assert rows.status_code == 200, rows.status_code

    keys = iter(list(Ticket.objects.values_list("pk", flat=True)))

    def answered() -> None:
        key = next(keys)
        done = client.post(
            f"/helpdesk/tickets/{key}/update/",
            {
                "comment": "Please try the other Wi-Fi.",
                "new_status": Ticket.OPEN_STATUS,
                "public": "1",
                "owner": helper.pk,
                "priority": 3,
                "title": "Wi-Fi",
                "queue": 1,
            },
        )
        assert done.status_code == 302, (done.status_code, done.content[:500])

    return {"queue page": cost_of(listed, rounds), "ticket update": cost_of(answered, rounds)}


def roll(text: str) -> dict[str, Any]:
    """Measure taking a roll in for the first time, and once more."""
    lines = list(csv.reader(StringIO(text)))[1:]
    wanted = Dataset(headers=("staff_number", "name", "kana", "email", "department", "place"))
    for line in lines:
        wanted.append(line[:6])
    server, own, passed = backend_seconds(), time.process_time(), time.perf_counter()
    done = PersonResource().import_data(wanted, raise_errors=True)
    cpu = time.process_time() - own + backend_seconds() - server
    first = {"cpu": cpu, "wall": time.perf_counter() - passed, "statements": 0}
    assert done.totals["new"] == len(lines), done.totals
    again = cost_of(lambda: PersonResource().import_data(wanted, raise_errors=True), 1)
    return {"roll": first, "roll again": again}


def sweeps(rounds: int) -> dict[str, Any]:
    """Measure a round of reminders with nothing due: everybody was reminded already."""
    long_ago = datetime.now(UTC) - timedelta(days=9)
    Way.objects.bulk_create(
        Way(person=person, heard_at=long_ago) for person in Person.objects.all()
    )
    assert remind.delay().get() == Person.objects.count()
    return {"sweep": cost_of(lambda: remind.delay().get(), rounds)}


if __name__ == "__main__":
    told = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    fill(told)
    found = {**tickets(told["rounds"]), **roll(told["roll"]), **sweeps(3)}
    json.dump(found, sys.stdout)
