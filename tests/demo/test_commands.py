"""One command opens the city, leaves nothing behind, and never touches real people."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from io import StringIO
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from kitting.demo.queries import play_state
from kitting.management.commands.simulate import the_only_play
from kitting.models import Device, Event
from tests.factories import UserFactory
from tests.runtime.serving import ROOT, Server, Site, own_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.demo.conftest import City

# Not how quick it is, which .ci/run prints, but that it does not hang.
ENDS_SECONDS = 60


@pytest.fixture
def debug(settings: Any) -> Any:
    settings.DEBUG = True
    return settings


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with own_database(tmp_path) as url:
        yield Site(folder=tmp_path, database_url=url)


@contextmanager
def opened(site: Site) -> Iterator[Server]:
    """Run the demo, ready to answer; whatever is left of it afterwards is killed."""
    log = site.folder / "log"
    kept = {name: value for name, value in site.environment.items() if name != "DEBUG"}
    with log.open("w+", encoding="utf-8") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--first-seconds", "1", "--people", "40"],
            cwd=ROOT,
            env=kept,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        server = Server(site=site, process=process, log=log)
        try:
            server.wait_until_ready()
            yield server
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def played(site: Site) -> int:
    return int(site.ask("SELECT done FROM kitting_job")[0][0])


def test_the_demo_opens_plays_on_and_leaves_nothing_behind(site: Site) -> None:
    with opened(site) as server:
        with urlopen(f"{server.url}/demo/", timeout=20) as page:
            assert page.status == 200
        assert site.ask("SELECT count(*) FROM accounts_user") == [(2678,)]
        first = played(site)
        server.wait_until(lambda: played(site) > first)  # in the background
        assert len(server.left_behind()) == 2
        assert server.stop(signal.SIGTERM) < ENDS_SECONDS
        assert server.left_behind() == []
        assert "Traceback" not in server.said
        assert "locked" not in server.said

    check_second_start(site, reached=played(site))


def check_second_start(site: Site, *, reached: int) -> None:
    """Start once more: the state is kept, the play goes on, and a hard kill ends that too."""
    with opened(site) as server:
        print(f"answers after {server.start_seconds:.1f} s")  # noqa: T201  # the figure
        assert site.ask("SELECT count(*) FROM accounts_user") == [(2678,)]
        server.wait_until(lambda: played(site) > reached)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()
        ends = time.monotonic() + ENDS_SECONDS
        while server.left_behind() and time.monotonic() < ends:
            time.sleep(0.05)
        assert server.left_behind() == []


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_it_refuses_over_a_real_roll(db: None, debug: Any, command: str) -> None:
    UserFactory.create()

    with pytest.raises(CommandError, match=r"VAR_DIR"):
        call_command(command)

    assert not Device.objects.exists()


@pytest.mark.parametrize("command", ["demo", "simulate"])
def test_it_refuses_without_debug(db: None, settings: Any, command: str) -> None:
    settings.DEBUG = False
    with pytest.raises(CommandError, match="DEBUG"):
        call_command(command)


def test_simulate_plays_for_so_many_seconds(village: City, debug: Any) -> None:
    said = StringIO()

    call_command("simulate", seconds=0.1, stdout=said)

    play = play_state()
    assert play is not None
    assert not play.is_over
    assert "0" in said.getvalue()
    assert Event.objects.exclude(journey__in=village.journeys).count() == 0


def test_a_city_is_played_by_one_process_at_a_time(village: City, debug: Any) -> None:
    with the_only_play(), pytest.raises(CommandError):
        call_command("simulate", seconds=0.1)

    assert play_state() is None
