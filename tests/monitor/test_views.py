"""What a monitor reads, what the log says, and what a fault is called."""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import brotli
import pytest
import structlog
import yaml
from django.test import Client, RequestFactory
from kombu import Connection
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from kitting.celery import app, forget_the_task, name_the_task
from kitting.escalation.states import Level
from kitting.jobs.actions import beat
from kitting.jobs.models import Job
from kitting.monitor.middleware import broken, monitor_middleware
from kitting.monitor.rules import WithoutAddress, request_id
from tests.factories import JourneyFactory, NoticeFactory, TicketFactory
from tests.faults.servers import own_redis
from tests.house.source import ROOT
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from django.http import HttpRequest, HttpResponse
    from pytest_django import DjangoAssertNumQueries
    from pytest_django.fixtures import SettingsWrapper

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def monitor(settings: SettingsWrapper) -> Client:
    settings.METRICS_TOKEN = TOKEN
    return Client(headers={"authorization": f"Bearer {TOKEN}"})


def figures(client: Client) -> dict[tuple[str, ...], float]:
    text = client.get("/metrics").content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.django_db
@pytest.mark.parametrize("sent", ["", "Bearer", "Bearer ", "Bearer wrong", f"Basic {TOKEN}"])
def test_without_the_token_there_is_no_such_page(settings: SettingsWrapper, sent: str) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert Client(headers={"authorization": sent}).get("/metrics").status_code == 404
    settings.METRICS_TOKEN = ""
    assert Client(headers={"authorization": sent}).get("/metrics").status_code == 404


@pytest.mark.django_db
def test_the_figures_are_those_of_the_database(monitor: Client) -> None:
    JourneyFactory.create_batch(3)
    TicketFactory.create(level=Level.IT)
    TicketFactory.create(level=Level.LEAD)
    past = datetime.now(UTC) - timedelta(minutes=5)
    NoticeFactory.create(created_at=past, next_try_at=past)
    beat(name="sweep", now=past)
    found = figures(monitor)
    assert found["kitto_journeys", "not_started"] >= 3
    assert found["kitto_tickets_open", "it"] == 1
    assert found["kitto_tickets_open", "lead"] == 1
    assert found["kitto_outbox_waiting", "normal"] == 1
    assert 299 < found["kitto_outbox_late_seconds", "normal"] < 400
    assert 299 < found["kitto_heartbeat_age_seconds", "sweep"] < 400


@pytest.mark.django_db
def test_a_message_that_is_tried_again_and_again_does_not_look_new(monitor: Client) -> None:
    """Each try in vain puts the next one off; since when it is tried must be seen all the same."""
    now = datetime.now(UTC)
    NoticeFactory.create(lane="sign_in", created_at=now, next_try_at=now)
    assert figures(monitor)["kitto_outbox_in_vain_seconds", "sign_in"] == 0
    NoticeFactory.create(
        lane="sign_in",
        created_at=now - timedelta(minutes=5),
        next_try_at=now + timedelta(minutes=1),
        last_error="451 not now",
    )
    assert 299 < figures(monitor)["kitto_outbox_in_vain_seconds", "sign_in"] < 400


@pytest.mark.django_db
def test_queues_say_how_many_wait_and_how_long_the_oldest_has(
    monitor: Client, settings: SettingsWrapper, tmp_path: Path
) -> None:
    needs("redis-server")
    with own_redis(tmp_path) as broker, Connection(broker.url) as line:
        settings.REDIS_URL = broker.url
        assert figures(monitor)["kitto_broker_queue", "celery"] == 0
        for name in ("escalation.sweep", "notices.deliver"):
            app.send_task(name, connection=line)
        client = Redis.from_url(broker.url)
        ages_by_an_hour(client, "celery", -1)
        found = figures(monitor)
        assert found["kitto_broker_queue", "celery"] == 2
        assert 3590 < found["kitto_broker_queue_age_seconds", "celery"] < 3700
        assert found["kitto_broker_queue", "sign_in"] == 0
        assert found["kitto_broker_queue_age_seconds", "sign_in"] == 0
        for other in ("not a task", "[]", '{"headers": {"sent_at": "soon"}}'):
            client.rpush("celery", other)
            assert figures(monitor)["kitto_broker_queue_age_seconds", "celery"] == 0
        assert figures(monitor)["kitto_broker_queue", "celery"] == 5
        client.close()
    assert ("kitto_broker_queue", "celery") not in figures(monitor)


def ages_by_an_hour(client: Redis, queue: str, place: int) -> None:
    """Let a task have been sent an hour earlier than it was."""
    task = json.loads(client.lindex(queue, place))  # type: ignore[arg-type]  # bytes, as it is asked
    task["headers"]["sent_at"] -= 3600
    client.lset(queue, place, json.dumps(task))


@pytest.mark.django_db
def test_long_work_says_since_when_it_waits(monitor: Client) -> None:
    past = datetime.now(UTC) - timedelta(minutes=5)
    Job.objects.create(kind="print", created_at=past, heard_at=past)
    found = figures(monitor)
    assert found["kitto_jobs_open", "print"] == 1
    assert 299 < found["kitto_jobs_age_seconds", "print"] < 400


@pytest.mark.django_db
@pytest.mark.parametrize("number", [1, 3])
def test_a_scrape_costs_the_same_whatever_the_size(
    monitor: Client, number: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    JourneyFactory.create_batch(number)
    NoticeFactory.create_batch(number)
    with django_assert_num_queries(9):  # the profile, and eight families
        monitor.get("/metrics")


@pytest.mark.django_db
def test_an_answer_is_counted_by_its_route_and_never_by_its_address(monitor: Client) -> None:
    before = figures(monitor)
    monitor.get("/d/K7M39QXP")
    monitor.generic("BREW", "/d/K7M39QXP")
    text = monitor.get("/metrics").content.decode()
    found = figures(monitor)
    key = ("kitto_answers_total", "GET", "journeys:box", "404")
    assert found[key] == before.get(key, 0) + 1
    assert ("kitto_answers_total", "other", "journeys:box", "405") in found
    assert "K7M39QXP" not in text
    assert "BREW" not in text


@pytest.mark.django_db
def test_dashboard_and_alarms_ask_only_for_figures_there_are(monitor: Client) -> None:
    NoticeFactory.create()
    text = monitor.get("/metrics").content.decode()
    named = set(re.findall(r"^# TYPE (kitto_\w+) ", text, re.MULTILINE))
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alarms.yaml").read_text(encoding="utf-8"))
    board = json.loads((ROOT / "deploy/grafana/kitto.json").read_text(encoding="utf-8"))
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    wanted = {
        re.sub(r"_(bucket|total)$", "", name)
        for expression in asked
        for name in re.findall(r"kitto_\w+", expression)
    }
    assert wanted
    assert sorted(wanted - {re.sub(r"_total$", "", name) for name in named}) == []


def test_every_alarm_has_its_line_in_the_book_of_operations() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alarms.yaml").read_text(encoding="utf-8"))
    book = (ROOT / "docs/OPERATIONS.md").read_text(encoding="utf-8")
    names = [rule["alert"] for group in rules["groups"] for rule in group["rules"]]
    assert [name for name in names if f"`{name}`" not in book] == []


@pytest.mark.django_db
def test_what_the_database_says_is_not_added_up_over_web_processes(monitor: Client) -> None:
    """Each web process tells the same of the database: a sum of them would be many times too high."""
    text = monitor.get("/metrics").content.decode()
    said = set(re.findall(r"^# TYPE (kitto_\w+) gauge", text, re.MULTILINE))
    board = json.loads((ROOT / "deploy/grafana/kitto.json").read_text(encoding="utf-8"))
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    of_database = [one for one in asked if set(re.findall(r"kitto_\w+", one)) & said]
    assert len(of_database) > 5
    assert [one for one in of_database if not one.startswith("max")] == []


# --- names and lines ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "is_trusted", "is_kept"),
    [
        ("0a1b2c3d4e5f", True, True),
        ("0a1b2c3d4e5f", False, False),
        ("short", True, False),
        ("x" * 65, True, False),
        ("two\nlines-of-log", True, False),
    ],
)
def test_only_a_proxy_of_ours_names_a_request(
    header: str, *, is_trusted: bool, is_kept: bool
) -> None:
    name = request_id(header=header, is_trusted=is_trusted)
    assert (name == header) is is_kept
    assert is_kept or re.fullmatch(r"E-[0-9A-F]{8}", name)


@pytest.mark.django_db
def test_a_request_leaves_one_line_with_its_name_and_nothing_about_anybody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "kitting.requests")
    response = Client().get("/d/K7M39QXP", headers={"x-request-id": "from-outside"})
    (line,) = [record for record in caplog.records if record.name == "kitting.requests"]
    said: dict[str, Any] = line.msg  # type: ignore[assignment]  # what structlog hands on
    assert said["request_id"] == response["X-Request-ID"] != "from-outside"
    assert (said["route"], said["status"], said["method"]) == ("journeys:box", 404, "GET")
    assert said["statements"] > 0
    assert "K7M39QXP" not in str(said)
    assert "127.0.0.1" not in str(said)


def test_lines_are_data_where_programs_read_them() -> None:
    code = "import django; django.setup(); import logging; logging.getLogger('a').warning('b %s', 1)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "kitting.settings",
            "SECRET_KEY": "only-for-tests-0123456789-abcdefghijklmnopqrstuvwxyz",
        }
        | {"DATABASE_URL": "sqlite://:memory:", "SITE_URL": "https://kit.example.lg.jp"},
        capture_output=True,
        text=True,
        check=True,
    )
    line = json.loads(said.stderr.splitlines()[-1])
    assert (line["event"], line["level"], line["logger"]) == ("b 1", "warning", "a")


def test_a_line_of_a_task_knows_its_task() -> None:
    class Task:
        name = "notices.deliver"

    name_the_task(task_id="17", task=Task())
    assert structlog.contextvars.get_contextvars() == {
        "task": "notices.deliver",
        "task_id": "17",
    }
    forget_the_task()
    assert structlog.contextvars.get_contextvars() == {}


def test_who_meets_a_fault_is_told_what_it_is_called_in_the_log() -> None:
    def fails(request: HttpRequest) -> HttpResponse:
        return broken(request)

    response = monitor_middleware(fails)(RequestFactory().get("/"))
    assert response.status_code == 500
    assert response["X-Request-ID"] in response.content.decode()


# --- Sentry ---------------------------------------------------------------------------------------

FAULT = """
import django; django.setup()
from django.test import Client
from kitting import urls
from django.urls import path
def fails(request, code):
    secret = "of-a-local-variable"
    raise RuntimeError("broken")
urls.urlpatterns.insert(0, path("readyz/fails/<code>", fails))
Client(raise_request_exception=False).post("/readyz/fails/K7M39QXP", {"words": "of-a-form"}, headers={"host": "127.0.0.1"})
import sentry_sdk; sentry_sdk.flush(5)
"""


@pytest.fixture
def sentry() -> Iterator[tuple[str, list[bytes]]]:
    heard: list[bytes] = []

    class Listens(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(
                brotli.decompress(body)
                if self.headers["Content-Encoding"] == "br"
                else gzip.decompress(body)
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Listens)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://key@127.0.0.1:{server.server_port}/1", heard
    server.shutdown()
    server.server_close()


def test_a_fault_is_told_to_sentry_without_anybody_in_it(
    sentry: tuple[str, list[bytes]], tmp_path: Any
) -> None:
    dsn, heard = sentry
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "kitting.settings",
        "SENTRY_DSN": dsn,
        "DEBUG": "1",
        "VAR_DIR": str(tmp_path),
        "DATABASE_URL": f"sqlite:///{tmp_path}/kitto.sqlite3",
        "no_proxy": "127.0.0.1",
    }
    run = [sys.executable, "-c", FAULT]
    subprocess.run(run, cwd=ROOT, env=environment, check=True, capture_output=True)
    event = next(item for item in heard if b"RuntimeError" in item)
    assert b"fails" in event
    for nothing in (b"K7M39QXP", b"of-a-form", b"of-a-local-variable", b"cookie"):
        assert nothing not in event


def test_no_line_holds_the_address_of_a_page() -> None:
    line = logging.LogRecord(
        "django.request", 30, "", 0, "%s: %s", ("Not Found", "/d/K7M39QXP"), None
    )
    assert WithoutAddress().filter(line)
    assert line.getMessage() == "Not Found: (address)"
