"""Writes into a site's database from a process of its own, as its pages would.

Reads orders, one a line, from standard input and answers each with `done`:
`notices 20` queues that many more, `stuck 30` makes that many people who never started and are due, `soon 30` as many who will be in half an hour,
`codes 20` asks for so many codes, two a second, `outlets 0` makes the chat rooms and programs of outlets.json, `told 5` tells each of so many things,
`delivers 6` and `sweeps 6` send the worker that many such tasks at once, `later 120` moves the
site's clock by seconds.
The clock is the demo's: it begins in working hours, whatever the time is, and where a claim must
run out nobody has to wait for it.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from collections.abc import Callable


def main() -> None:
    """Make the tables, set the clock, then do what is asked."""
    django.setup()
    from django.core.management import call_command  # noqa: PLC0415  # after set-up

    call_command("migrate", verbosity=0)
    set_clock()
    verbs: dict[str, Callable[[int], None]] = {
        "notices": add_notices,
        "stuck": add_stuck,
        "soon": partial(add_stuck, due_in=timedelta(minutes=30)),
        "codes": ask_for_codes,
        "outlets": make_outlets,
        "told": tell,
        "delivers": partial(ask_for, "notices.deliver"),
        "sweeps": partial(ask_for, "escalation.sweep"),
        "later": later,
    }
    print("done", flush=True)  # noqa: T201  # the answer
    for order in sys.stdin:
        verb, number = order.split()
        verbs[verb](int(number))
        print("done", flush=True)  # noqa: T201  # the answer


def set_clock() -> None:
    """Begin on a Tuesday at ten; a clock that runs already goes on."""
    from kitting.site.models import SiteProfile  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up
    from tests.factories import NOW  # noqa: PLC0415  # after set-up

    profile, now = current()
    if profile.demo_seeded_at is not None:
        return
    SiteProfile.objects.update(demo_seeded_at=NOW, clock_offset=NOW - now)


def later(seconds: int) -> None:
    """Let time pass."""
    from kitting.site.models import SiteProfile  # noqa: PLC0415  # after set-up

    profile = SiteProfile.objects.get()
    assert profile.clock_offset is not None
    profile.clock_offset += timedelta(seconds=seconds)
    profile.save(update_fields=["clock_offset"])


def add_notices(count: int) -> None:
    """Queue notices in one transaction and wake the worker, as a page does."""
    from django.db import transaction  # noqa: PLC0415  # after set-up

    from kitting.notices.models import Notice  # noqa: PLC0415  # after set-up
    from kitting.notices.tasks import wake  # noqa: PLC0415  # after set-up
    from tests.faults.deliverer import fill  # noqa: PLC0415  # after set-up

    with transaction.atomic():
        fill(count, first=Notice.objects.filter(kind="test").count())
        wake()


def ask_for_codes(count: int) -> None:
    """Queue codes for signing in as the page does, two a second."""
    from django.db import transaction  # noqa: PLC0415  # after set-up

    from kitting.notices.actions import queue  # noqa: PLC0415  # after set-up
    from kitting.notices.models import Notice  # noqa: PLC0415  # after set-up
    from kitting.notices.states import Channel, Lane  # noqa: PLC0415  # after set-up
    from kitting.notices.tasks import wake  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up

    first = Notice.objects.filter(kind="code").count()
    for number in range(first, first + count):
        with transaction.atomic():
            queue(
                dedupe_key=f"code:{number}",
                kind="code",
                channel=Channel.MAIL,
                lane=Lane.SIGN_IN,
                language="ja",
                address=f"c{number:06d}@asahi.example.jp",
                subject="ログイン用の番号",
                body=f"{number:08d}",
                now=current()[1],
            )
            wake(Lane.SIGN_IN)
        time.sleep(0.5)


def make_outlets(_number: int) -> None:
    """Make a program that is told for each address in outlets.json, by label."""
    from django.conf import settings  # noqa: PLC0415  # after set-up

    from kitting.notices.models import Outlet  # noqa: PLC0415  # after set-up
    from kitting.notices.rules import is_known_chat  # noqa: PLC0415  # after set-up
    from kitting.notices.states import OutletEvent  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up

    _, now = current()
    addresses = json.loads((settings.VAR_DIR / "outlets.json").read_text(encoding="utf-8"))
    for label, url in addresses.items():
        kind = "chat" if is_known_chat(url) else "webhook"
        more = {"kind": kind, "secret": "a secret of twenty letters"}
        events = [OutletEvent.ASKED]
        Outlet.objects.create(label=label, url=url, events=events, created_at=now, **more)


def tell(count: int) -> None:
    """Tell every outlet of so many things at once."""
    from kitting.notices.actions import tell_outlets  # noqa: PLC0415  # after set-up
    from kitting.notices.states import OutletEvent  # noqa: PLC0415  # after set-up
    from kitting.site.queries import current  # noqa: PLC0415  # after set-up

    _, now = current()
    for number in range(count):
        event = {"event": OutletEvent.ASKED, "reason": f"told:{number}"}
        tell_outlets(subject="相談", body="本庁舎", now=now, **event)


def add_stuck(count: int, *, due_in: timedelta = timedelta()) -> None:
    """Give people a device a month ago; none of them has begun, and all are due at one moment."""
    from django.db import transaction  # noqa: PLC0415  # after set-up

    from tests.factories import (  # noqa: PLC0415  # after set-up
        NOW,
        DepartmentFactory,
        JourneyFactory,
        PlaceFactory,
    )

    then = NOW - timedelta(days=30)
    department, place = DepartmentFactory.create(), PlaceFactory.create()
    with transaction.atomic():
        JourneyFactory.create_batch(
            count,
            loan__person__department=department,
            loan__person__place=place,
            loan__started_at=then,
            created_at=then,
            attention_at=NOW + due_in,
        )


def ask_for(task: str, count: int) -> None:
    """Send a task several times at once, as several beats would."""
    from kitting.celery import app  # noqa: PLC0415  # after set-up

    for _time in range(count):
        app.send_task(task)


if __name__ == "__main__":
    main()
