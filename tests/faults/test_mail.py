"""A mail server that refuses, hangs, is slow, loses its line or is away, before the worker that production starts."""

from __future__ import annotations

import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import pytest

from kitting.notices.rules import STEPS
from tests.faults.crew import wait_until
from tests.faults.production import say
from tests.faults.test_outlets import delays
from tests.runtime.serving import free_port
from tests.sink import HANG, LOST, OK, running_sink

if TYPE_CHECKING:
    from tests.faults.production import Production
    from tests.sink import Sink

pytestmark = pytest.mark.faults
COUNT = 20
HOURS_AWAY, LOOK_HOURS = 48, 2
# What a worker may spend on one mail server that does not answer, and on noticing it (seconds).
LEFT_IN_TIME = 12.0
SLOW = 1.0
MAIL = "FROM kitting_notice WHERE kind = 'test'"


def start(site: Production) -> None:
    site.write("later 0")
    site.start("worker")
    site.start("beat")
    wait_until(lambda: {"deliver", "deliver_sign_in"} <= site.heartbeats().keys())


def states(site: Production) -> dict[str, int]:
    return dict(site.ask(f"SELECT state, count(*) {MAIL} GROUP BY 1"))


def attempts(site: Production) -> list[int]:
    return [row[0] for row in site.ask(f"SELECT DISTINCT attempts {MAIL} ORDER BY 1")]


def all_were_tried(site: Production, times: int) -> bool:
    return states(site) == {"queued": COUNT} and attempts(site) == [times]


def let_pass(site: Production, seconds: float) -> None:
    """Let the site's clock go on, and wait until the worker has looked again since."""
    site.write(f"later {int(seconds)}")
    before = site.heartbeats()["deliver"]
    wait_until(lambda: site.heartbeats()["deliver"] != before)
    before = site.heartbeats()["deliver"]
    wait_until(lambda: site.heartbeats()["deliver"] != before)


def test_451_three_times_is_tried_again_and_550_never(site: Production, sink: Sink) -> None:
    start(site)
    sink.answers.extend(["451 later"] * 3 * COUNT)
    site.write(f"notices {COUNT}")
    for turn in range(3):
        wait_until(partial(all_were_tried, site, turn + 1))
        assert sink.mails == []
        site.write(f"later {int(STEPS[turn].total_seconds() * 1.2) + 1}")
    wait_until(lambda: states(site) == {"sent": COUNT})
    assert sink.offered == 4 * COUNT
    assert len(sink.mails) == len(set(sink.message_ids)) == COUNT

    sink.recipient_answers.extend(["550 no such user", OK] * (COUNT // 2))
    site.write(f"notices {COUNT}")
    wait_until(lambda: states(site) == {"sent": COUNT + COUNT // 2, "failed": COUNT // 2})
    let_pass(site, 24 * 3600)
    assert states(site)["failed"] == COUNT // 2
    assert sink.offered == 4 * COUNT + COUNT // 2
    assert site.ask(f"SELECT DISTINCT attempts, last_error {MAIL} AND state = 'failed'") == [
        (1, "550 no such user")
    ]
    say(
        f"{COUNT} mails answered with 451 three times: {COUNT} arrived once each at the fourth try; {COUNT // 2} of"
        f" {COUNT} more answered with 550: 0 tried again in a day, all {COUNT // 2} in the list of undeliverable ones"
    )


def test_a_line_lost_after_the_text_repeats_that_mail_alone(
    site: Production, sink: Sink
) -> None:
    start(site)
    sink.answers.extend([OK, LOST] * (COUNT // 2))
    site.write(f"notices {COUNT}")
    wait_until(lambda: len(set(sink.message_ids)) == COUNT)
    wait_until(lambda: not sink.answers and "sending" not in states(site))
    let_pass(site, STEPS[0].total_seconds() * 1.2 + 1)
    wait_until(lambda: states(site) == {"sent": COUNT})
    times = Counter(Counter(sink.message_ids).values())
    assert times == {1: COUNT // 2, 2: COUNT // 2}
    say(
        f"line lost after the text of {COUNT // 2} of {COUNT} mails: {COUNT} arrived, those {COUNT // 2} twice with"
        " the same Message-ID, no other"
    )


def test_a_server_that_hangs_or_is_slow_holds_no_code_up(site: Production, sink: Sink) -> None:
    start(site)
    sink.answers.append(HANG)
    site.write("notices 1")
    wait_until(lambda: states(site) == {"sending": 1})
    began = time.monotonic()
    wait_until(lambda: sink.in_hand == 1)
    codes = delays(site, 4)
    wait_until(lambda: states(site) == {"queued": 1})
    left = time.monotonic() - began
    assert left <= LEFT_IN_TIME, left
    let_pass(site, STEPS[0].total_seconds() * 1.2 + 1)
    wait_until(lambda: states(site) == {"sent": 1})
    sink.pause = SLOW
    site.write(f"notices {COUNT}")
    slow_codes = delays(site, 4)
    wait_until(lambda: states(site) == {"sent": COUNT + 1})
    assert len(sink.mails) == len(set(sink.message_ids)) == COUNT + 9
    assert max(codes) < left
    say(
        f"a server that hangs in the text: left after {left:.1f} s, that mail once afterwards; codes for signing in"
        f" meanwhile after {codes[-1]:.2f} s at most. One that takes {SLOW:.0f} s a mail: {COUNT} mails once each, codes"
        f" beside them after {slow_codes[-1]:.2f} s at most"
    )


def test_a_server_that_is_away_for_two_days_costs_nobody_a_mail(site: Production) -> None:
    port = free_port()
    site.more["EMAIL_PORT"] = str(port)
    start(site)
    site.write(f"notices {COUNT}")
    for _look in range(HOURS_AWAY // LOOK_HOURS):
        let_pass(site, LOOK_HOURS * 3600)
        assert states(site).keys() <= {"queued", "sending"}
    with running_sink(port=port) as back:
        began = time.monotonic()
        site.write("later 61")
        wait_until(lambda: states(site) == {"sent": COUNT})
        took = time.monotonic() - began
        assert len(back.mails) == len(set(back.message_ids)) == COUNT
    say(
        f"mail server away for {HOURS_AWAY} h: {COUNT} of {COUNT} mails once each, within {took:.0f} s after it was back"
    )
