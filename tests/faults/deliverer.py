"""Deliveries in processes of their own, to be killed. Reads orders, one a line, from standard input.

`go` forks a worker (its process id is answered) that delivers until nothing waits; a worker is what
a prefork pool has: a fork of a process that has loaded the site, with a database connection of its
own. Run with the number of notices to begin with.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import timedelta

import django

CLAIM = timedelta(seconds=1)


def main(count: int) -> None:
    """Make the tables and the notices, then fork a worker at each order."""
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # after set-up
    from django.db import connections  # noqa: PLC0415  # after set-up

    call_command("migrate", verbosity=0)
    fill(count)
    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)  # noqa: T201  # the answer
    for _ in sys.stdin:
        if pid := os.fork():
            print(pid, flush=True)  # noqa: T201  # the answer
            continue
        work()
        os._exit(0)


def fill(count: int, *, first: int = 0) -> None:
    """Queue the notices, numbered from the first on."""
    from kitting.notices.actions import queue  # noqa: PLC0415  # after set-up
    from kitting.notices.states import Channel  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up

    _, now = current()
    for number in range(first, first + count):
        queue(
            dedupe_key=f"kill:{number}",
            kind="test",
            channel=Channel.MAIL,
            language="ja",
            address=f"s{number:06d}@asahi.example.jp",
            subject="つづきはこちら",
            body=f"{number}",
            now=now,
        )


def work() -> None:
    """Deliver as the worker does, until nothing waits."""
    from kitting.notices.models import Notice  # noqa: PLC0415  # after set-up
    from kitting.notices.states import Lane  # noqa: PLC0415  # after set-up
    from kitting.notices.tasks import deliver_lane  # noqa: PLC0415  # after set-up

    while Notice.objects.waiting().exists():
        deliver_lane(Lane.NORMAL, claim=CLAIM)
        time.sleep(0.05)


if __name__ == "__main__":
    main(int(sys.argv[1]))
