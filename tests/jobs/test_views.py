"""What load balancers and monitors are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kitting.jobs.actions import beat
from kitting.site.queries import current

if TYPE_CHECKING:
    from django.test import Client
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import Settings

ROOT = Path(__file__).resolve().parents[2]
ASK = """
import django
django.setup()
from django.test import Client
for path in ("/healthz", "/readyz"):
    print(Client().get(path, headers={"host": "127.0.0.1"}).status_code)
"""


def all_well() -> None:
    _, now = current()
    beat(name="sweep", now=now)
    beat(name="deliver", now=now, detail=json.dumps({"late_seconds": 0, "waiting": 2}))


@pytest.mark.django_db
def test_healthz_asks_the_database_once_and_touches_no_session(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(1):
        response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
    assert response["Content-Type"].startswith("text/plain")
    assert not response.cookies
    assert "no-store" in response["Cache-Control"]


def test_without_a_database_both_say_so_quickly() -> None:
    started = time.monotonic()
    answer = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "kitting.settings",
            "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
            "DATABASE_URL": "postgres://kitto@127.0.0.1:1/kitto",
            "LOG_LEVEL": "CRITICAL",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == ["503", "503"]
    # Each waits five seconds at most; the rest is the start of Python on a busy machine.
    assert time.monotonic() - started < 60


@pytest.mark.django_db
def test_readyz_is_well_while_everything_beats(client: Client) -> None:
    all_well()
    response = client.get("/readyz")
    assert response.status_code == 200
    report = response.json()
    assert report["ok"]
    assert report["reasons"] == []
    assert report["sweep_age_seconds"] < 10
    assert report["outbox"]["waiting"] == 2


@pytest.mark.django_db
def test_readyz_names_what_never_ran(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = ""  # the broker inside the process is as alive as its worker
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["reasons"] == ["broker", "sweep", "deliver"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "reasons"), [("sweep", ["sweep"]), ("deliver", ["broker", "deliver"])]
)
def test_readyz_names_what_stopped(
    client: Client, settings: Settings, name: str, reasons: list[str]
) -> None:
    settings.REDIS_URL = ""
    all_well()
    _, now = current()
    beat(name=name, now=now - timedelta(minutes=4))
    response = client.get("/readyz")
    assert (response.status_code, response.json()["reasons"]) == (503, reasons)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("said", "reason"),
    [({"unreachable": True}, "mail_server"), ({"late_seconds": 301}, "outbox")],
)
def test_readyz_tells_when_mail_does_not_leave(
    client: Client, said: dict[str, object], reason: str
) -> None:
    all_well()
    _, now = current()
    beat(name="deliver", now=now, detail=json.dumps(said))
    assert client.get("/readyz").json()["reasons"] == [reason]


@pytest.mark.django_db
def test_readyz_asks_the_broker_for_half_a_second_at_most(
    client: Client, settings: Settings
) -> None:
    all_well()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    started = time.monotonic()
    assert client.get("/readyz").json()["reasons"] == ["broker"]
    assert time.monotonic() - started < 3


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_nothing_can_be_posted_there(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405
