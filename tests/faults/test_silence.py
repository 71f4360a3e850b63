"""Beat is killed: the alarm page turns red, everybody of IT sees it, the operators are told once; then it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.production import say

if TYPE_CHECKING:
    from tests.faults.production import Production
    from tests.sink import Sink

pytestmark = pytest.mark.faults
# How old the last sweep may be, how much later a look may find it, and how long a restart may take (all seconds).
OLD, LOOK, GRACE = 180, 45, 60
OPERATORS = "operators@example.lg.jp"


def shows_bar(site: Production, cookie: str) -> bool:
    answer = site.get("/accounts/logout/", cookie=cookie)
    assert answer.status == 200
    return 'role="alert"' in answer.text


def is_ready(site: Production) -> bool:
    assert site.get("/healthz").status == 200
    return site.get("/readyz").status == 200


def test_beat_is_killed(site: Production, sink: Sink) -> None:
    site.more |= {"OPERATORS_EMAIL": OPERATORS, "SWEEP_SECONDS": "30", "DELIVER_SECONDS": "10"}
    desk = site.people("desk")
    for name in ("web", "worker", "beat"):
        site.start(name)
    wait_until(lambda: {"sweep", "deliver"} <= site.heartbeats().keys())
    wait_until(lambda: is_ready(site))
    assert not shows_bar(site, desk)
    site.kill("beat")
    began, seen = time.monotonic(), []
    for is_so in (
        lambda: not is_ready(site),
        lambda: shows_bar(site, desk),
        lambda: bool(sink.mails),
    ):
        wait_until(is_so, patience=2 * OLD)
        seen.append(time.monotonic() - began)
    red, bar, told = seen
    assert red <= OLD + LOOK
    assert told <= OLD + 2 * LOOK + GRACE
    site.start("beat")
    began = time.monotonic()
    wait_until(lambda: is_ready(site) and not shows_bar(site, desk))
    green = time.monotonic() - began
    assert [mail["To"] for mail in sink.mails] == [OPERATORS]
    say(
        f"beat killed: /readyz red after {red:.0f} s, a bar on every page of IT after {bar:.0f} s, the operators told once"
        f" after {told:.0f} s; started again: green and no bar after {green:.0f} s; /healthz 200 throughout"
    )
