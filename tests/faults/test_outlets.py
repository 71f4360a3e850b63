"""Programs and chat rooms that misbehave in every way, all at once: each gets what it deserves, and codes do not wait."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.misbehaving import (
    PARKED,
    PATHS,
    ROOMS,
    WAITS,
    Tunnel,
    chat_service,
    misbehaving,
)
from tests.faults.production import say
from tests.runtime.test_deploy import make_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.production import Production
    from tests.sink import Sink

pytestmark = pytest.mark.faults
CODES = 30
# A code leaves within this (seconds), whatever else is sent.
SOON = 2.0
STATES = "SELECT o.label, n.state, count(*) FROM kitting_notice n JOIN kitting_outlet o ON o.id = n.outlet_id GROUP BY 1, 2"
SWITCHED_OFF = "SELECT label FROM kitting_outlet WHERE switched_off_at IS NOT NULL ORDER BY 1"
DELAYS = (
    "SELECT extract(epoch FROM sent_at - created_at)::float FROM kitting_notice"
    " WHERE lane = 'sign_in' AND state = 'sent' ORDER BY id"
)


def delays(site: Production, count: int) -> list[float]:
    """Let people ask for codes, two a second, and return how long each took to leave (seconds)."""
    known = len(site.ask(DELAYS))
    site.write(f"codes {count}")
    wait_until(lambda: len(site.ask(DELAYS)) == known + count)
    return sorted(row[0] for row in site.ask(DELAYS)[known:])


def assert_as_deserved(site: Production, ways: dict[str, str]) -> None:
    """Hold what became of the messages against how each program or room behaved."""
    found = {(label, state) for label, state, _count in site.ask(STATES)}
    for path, wanted in ways.items():
        allowed = {wanted, "sending"} if wanted == WAITS else {wanted}
        assert {state for label, state in found if label == path} <= allowed, path


def delays_beside(
    site: Production, addresses: dict[str, str], *, told: int
) -> tuple[list[float], list[float]]:
    """Tell every address of so many things; return how long codes took to leave before and meanwhile (seconds)."""
    (site.folder / "outlets.json").write_text(json.dumps(addresses), encoding="utf-8")
    site.write("outlets 0")
    site.start("worker")
    site.start("beat")
    wait_until(lambda: "deliver_outlets" in site.heartbeats())
    alone = delays(site, CODES)
    site.write(f"told {told}")
    wait_until(lambda: ("hangs", "sending", 1) in site.ask(STATES))
    beside = delays(site, CODES)
    wait_until(lambda: first_round_is_over(site))
    return alone, beside


def test_codes_leave_at_once_beside_programs_that_misbehave(
    site: Production, sink: Sink, tmp_path: Path
) -> None:
    make_certificate(tmp_path)
    site.more["WEBHOOK_PRIVATE_NETWORKS"] = "1"
    with misbehaving(tmp_path) as addresses:
        alone, beside = delays_beside(site, addresses, told=5)
        assert_as_deserved(site, PATHS)
        gone = sorted(path for path, state in PATHS.items() if state == PARKED)
        wait_until(lambda: [label for (label,) in site.ask(SWITCHED_OFF)] == gone)
    assert len(sink.mails) == len(set(sink.message_ids)) == 2 * CODES
    figures = (
        f"{len(PATHS)} programs at once, {len(PATHS) - 1} of them misbehaving in as many ways, 5 messages each: every one"
        f" taken, waiting or parked as it deserves, and the two for which all were parked switched off; {CODES} codes for signing in meanwhile left after"
        f" {beside[CODES // 2]:.2f} s (median) and {beside[-1]:.2f} s at most; alone {alone[CODES // 2]:.2f} and {alone[-1]:.2f} s"
    )
    assert beside[-1] <= SOON, figures
    say(figures)


def first_round_is_over(site: Production) -> bool:
    untried = "SELECT count(*) FROM kitting_notice WHERE lane = 'outlet' AND state IN ('queued', 'sending') AND attempts = 0"
    return site.ask(untried) == [(0,)]


def test_codes_leave_at_once_beside_chat_rooms_that_misbehave(
    site: Production, sink: Sink, tmp_path: Path
) -> None:
    make_certificate(tmp_path, "discord.com")
    rooms = {room: f"discord://{room}/a_token_of_some_letters" for room in ROOMS}
    with chat_service(tmp_path) as proxy:
        site.more |= {"HTTPS_PROXY": proxy, "NO_PROXY": ""}
        site.more["REQUESTS_CA_BUNDLE"] = str(tmp_path / "fullchain.pem")
        alone, beside = delays_beside(site, rooms, told=3)
        assert_as_deserved(site, ROOMS)
    assert set(Tunnel.heard) == set(ROOMS)
    assert Tunnel.heard.count("well") == 3
    assert len(sink.mails) == len(set(sink.message_ids)) == 2 * CODES
    assert site.ask(
        "SELECT count(*) FROM kitting_notice WHERE lane = 'outlet' AND state = 'failed'"
    ) == [(0,)]
    assert beside[-1] <= SOON
    say(
        f"{len(ROOMS)} chat rooms at once, {len(ROOMS) - 1} of them at 500, 503, 429, 404, redirecting, hanging, talking nonsense or"
        f" cutting the line, 3 messages each: what the good one was told came once each, all others wait for a later try;"
        f" {CODES} codes meanwhile left after {beside[CODES // 2]:.2f} s (median) and {beside[-1]:.2f} s at most; alone"
        f" {alone[CODES // 2]:.2f} and {alone[-1]:.2f} s"
    )
