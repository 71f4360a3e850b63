"""Play the demo city's rollout."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from kitting.demo.actions.playing import go_on_playing
from kitting.demo.actions.seeding import seed_city
from kitting.demo.actions.stage import ALONE, BESIDE_PAGES
from kitting.demo.queries import holds_real_people, ready_people
from kitting.management.database import bring_up_to_date

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from django.core.management.base import CommandParser

PEOPLE = 2650
REPORT_EVERY = 2.0
# Pages come first where there are few cores.
NICENESS = 5


class Command(BaseCommand):
    """Weeks of a rollout in minutes, through the same actions the pages use."""

    help = "Play weeks of a rollout of the invented city in simulated time (DEBUG only)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take seed, number of people and how long to play."""
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--people", type=int, default=PEOPLE)
        parser.add_argument("--seconds", type=float, help="stop after so many real seconds")
        parser.add_argument(
            "--with-parent",
            action="store_true",
            help="leave room for pages, and stop when the process that started this one is gone",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seed the city if there is none, then play on from where the last play stopped."""
        parent = os.getppid() if options["with_parent"] else None
        if parent is not None:
            os.nice(NICENESS)
            # Ctrl-C goes to the whole group; the parent stops us when its own work is done.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        else:
            seed(self.stdout.write)
        with the_only_play():
            finished = go_on_playing(
                seed=options["seed"],
                people=options["people"],
                seconds=options["seconds"],
                real_clock=timezone.now,
                turn=ALONE if parent is None else BESIDE_PAGES,
                heard=self._heard(parent),
            )
        if parent is None:
            ready, everybody = ready_people()
            self.stdout.write(
                (_("The rollout was played to its end:") if finished else _("Played so far:"))
                + " "
                + _("%(ready)s of %(everybody)s people are ready.")
                % {"ready": ready, "everybody": everybody}
            )

    def _heard(self, parent: int | None) -> Callable[[int, datetime], bool]:
        last = time.monotonic()

        def heard(percent: int, now: datetime) -> bool:
            nonlocal last
            if parent is None and time.monotonic() - last > REPORT_EVERY:
                last = time.monotonic()
                self.stdout.write(f"{percent:3d} %  {timezone.localtime(now):%Y-%m-%d %H:%M}")
                self.stdout.flush()
            return parent is None or os.getppid() == parent

        return heard


def seed(say: Callable[[str], object]) -> bool:
    """Bring database and city in where there is none and say so; tell whether the city is new.

    Refuses without DEBUG, and over a real roll before anything is touched.
    """
    if not settings.DEBUG:
        raise CommandError(_("The invented city exists with DEBUG=1 only."))
    if holds_real_people():
        raise CommandError(
            _(
                "There are real people in this database, and the demo never touches them."
                " Choose another folder for the demo, e.g. VAR_DIR=var-demo"
            )
        )
    bring_up_to_date()
    is_new = seed_city(real_now=timezone.now())
    if is_new:
        say(_("Asahi City is there: 2,678 people, 2,650 Chromebooks. All of it is invented."))
    return is_new


@contextmanager
def the_only_play() -> Iterator[None]:
    """Hold the lock of the data folder: two plays at once would let people live twice."""
    path = settings.VAR_DIR / "simulate.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(_("The city is being played already.")) from None
        yield
