"""The parts of the one-process server, one by one."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest

from kitting.management.commands.serve import stop, stop_signals, watch
from kitting.management.parts import Beat, Part, Web
from tests.runtime.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Waiting(Part):
    """Waits to be asked."""

    def work(self) -> None:
        self.stopping.wait()


class Failing(Part):
    """Fails at once."""

    def work(self) -> None:
        message = "on purpose"
        raise RuntimeError(message)


class Deaf(Part):
    """Does not hear that it should stop."""

    def work(self) -> None:
        time.sleep(30)


def slow_page(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer after a moment."""
    time.sleep(0.4)
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"whole"]


@pytest.fixture
def signals() -> Iterable[socket.socket]:
    with stop_signals() as receiver:
        yield receiver


def test_a_signal_ends_the_watch(signals: socket.socket) -> None:
    part = Waiting("waiting")
    part.start()
    os.kill(os.getpid(), signal.SIGTERM)
    assert watch([part], signals) is None
    assert stop([part]) == []


def test_a_part_that_dies_is_noticed(
    signals: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    parts: list[Part] = [Waiting("waiting"), Failing("failing")]
    for part in parts:
        part.start()
    assert watch(parts, signals) is parts[1]
    assert stop(parts) == []
    assert "on purpose" in caplog.text


def test_a_part_that_hangs_does_not_keep_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kitting.management.commands.serve.STOP_SECONDS", 0.3)
    parts: list[Part] = [Deaf("deaf"), Waiting("waiting")]
    for part in parts:
        part.start()
    assert stop(parts) == [parts[0]]
    assert not parts[1].is_alive()


def test_an_answer_on_its_way_is_finished() -> None:
    port = free_port()
    web = Web(slow_page, host="127.0.0.1", port=port, threads=2, proxies=0)
    web.start()
    answers: list[bytes] = []

    def ask() -> None:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            answers.append(answer.read())

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.2)
    web.ask_to_stop()
    web.join(5)
    asking.join(5)
    assert answers == [b"whole"]
    assert not web.is_alive()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_everything_is_due_when_beat_starts() -> None:
    scheduler = Beat().service.scheduler
    assert scheduler.schedule
    assert all(entry.is_due().is_due for entry in scheduler.schedule.values())
