"""One command runs web, worker and beat, and nothing stays behind when it ends."""

from __future__ import annotations

import signal
import socket
from typing import TYPE_CHECKING

import pytest

from kitting.management.commands.serve import ANYWHERE, LOOPBACK, usual_host
from kitting.site.models import SiteProfile
from tests.factories import NOW

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from tests.runtime.serving import Server, Site

# Not how quick it is, but that it does not hang.
WITHIN_SECONDS = 60
WEB_THREADS, TASK_THREADS, OTHER_THREADS = 12, 4, 3
BEATEN = {"sweep", "deliver", "deliver_sign_in"}


def assert_gone(server: Server, seconds: float) -> None:
    assert seconds < WITHIN_SECONDS
    assert server.left_behind() == []
    assert not server.is_answering()


def test_web_worker_and_beat_start_together_alone_and_sigterm_ends_them_all(site: Site) -> None:
    with site.serving() as server:
        print(f"ready after {server.start_seconds:.1f} s")  # noqa: T201  # the figure
        server.wait_until(lambda: site.heartbeats().keys() >= BEATEN)
        first = site.heartbeats()
        server.wait_until(lambda: all(site.heartbeats()[n] > first[n] for n in BEATEN))
        for _request in range(40):
            assert server.is_answering()
        assert server.open_databases() <= WEB_THREADS + TASK_THREADS + OTHER_THREADS
        a_second_one_is_refused(site, server)
        seconds = server.stop(signal.SIGTERM)
        assert_gone(server, seconds)
        assert server.process.returncode == 0
        assert "Traceback" not in server.said
        print(f"gone after {seconds:.1f} s")  # noqa: T201  # the figure


def a_second_one_is_refused(site: Site, server: Server) -> None:
    answer = site.run("--port", "0")
    assert answer.returncode == 1
    assert str(server.process.pid) in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.long
def test_a_closed_terminal_ends_it_too(site: Site) -> None:
    with site.serving() as server:
        assert_gone(server, server.stop(signal.SIGHUP))
        assert server.process.returncode == 0


def test_after_a_kill_a_second_start_finds_what_the_first_left_and_ctrl_c_ends_it(
    site: Site,
) -> None:
    with site.serving() as first:
        first.wait_until(lambda: site.heartbeats().keys() >= BEATEN)
        first.stop(signal.SIGKILL)
        assert first.left_behind() == []
    before = site.heartbeats()
    secret = (site.folder / "secret_key").read_bytes()
    with site.serving() as second:
        print(f"ready again after {second.start_seconds:.1f} s")  # noqa: T201  # the figure
        second.wait_until(lambda: all(site.heartbeats()[n] > before[n] for n in BEATEN))
        assert_gone(second, second.stop(signal.SIGINT))
        assert second.process.returncode == 0
    assert (site.folder / "secret_key").read_bytes() == secret


def test_a_port_in_use_is_told_in_a_sentence_and_nothing_is_touched(empty_site: Site) -> None:
    site = empty_site
    with socket.create_server(("127.0.0.1", site.port)):
        answer = site.run()
    assert answer.returncode == 1
    assert f"PORT={site.port + 1}" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert not (site.folder / "kitto.sqlite3").exists()


def test_pages_alone_need_a_broker_that_others_reach(site: Site) -> None:
    if site.environment["REDIS_URL"]:
        with site.serving("--web-only") as server:
            assert site.heartbeats() == {}
            assert_gone(server, server.stop())
        return
    answer = site.run("--web-only")
    assert answer.returncode == 1
    assert "REDIS_URL" in answer.stderr


@pytest.mark.django_db
def test_only_the_demo_listens_to_the_network(settings: Settings) -> None:
    assert usual_host() == LOOPBACK
    SiteProfile.objects.update_or_create(
        pk=SiteProfile.SINGLE, defaults={"demo_seeded_at": NOW}
    )
    assert usual_host() == LOOPBACK
    settings.DEBUG = True
    assert usual_host() == ANYWHERE
