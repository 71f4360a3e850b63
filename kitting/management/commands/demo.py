"""Everything for a first look, where there is no make."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils import timezone
from django.utils.translation import gettext as _

from kitting.demo.actions.playing import go_on_playing
from kitting.demo.queries import play_state, ready_people
from kitting.management.commands.simulate import PEOPLE, seed, the_only_play

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

FIRST_SECONDS = 6.0
CHILD_ENDS_SECONDS = 3.0


class Command(BaseCommand):
    """The invented city, a rollout in progress, and the server: one command."""

    help = "Bring in the invented city, play its rollout and serve it (DEBUG only)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how much is played before the first page, and by how many people."""
        parser.add_argument(
            "--first-seconds",
            type=float,
            default=FIRST_SECONDS,
            help="play so many seconds before the first page; the rest in the background",
        )
        parser.add_argument("--people", type=int, default=PEOPLE)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Bring the city in, play the beginning, then serve while the rest is played."""
        if seed(self._say):
            self._play_first(options)
        child = None
        play = play_state()
        if play is None or not play.is_over:
            self._say(_("The rest is played in the background, while you look around."))
            child = self._go_on(options)
        try:
            # Where a part is still busy when its time is over, serving ends without coming back here.
            call_command("serve", at_last=partial(end, child))
        finally:
            end(child)

    def _play_first(self, options: dict[str, Any]) -> None:
        self._say(_("The first weeks of its rollout are being played …"))
        with the_only_play():
            go_on_playing(
                seed=1,
                people=options["people"],
                seconds=options["first_seconds"],
                real_clock=timezone.now,
            )
        ready, everybody = ready_people()
        self._say(
            _("%(ready)s of %(everybody)s people are ready.")
            % {"ready": ready, "everybody": everybody}
        )

    def _go_on(self, options: dict[str, Any]) -> subprocess.Popen[bytes]:
        """Play on in a process of its own: the interpreter's lock would slow every page."""
        return subprocess.Popen(  # noqa: S603  # our own command
            [
                sys.executable,
                str(settings.BASE_DIR / "manage.py"),
                "simulate",
                "--with-parent",
                "--people",
                str(options["people"]),
            ],
            stdin=subprocess.DEVNULL,
        )

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def end(child: subprocess.Popen[bytes] | None) -> None:
    """End the play in the background; what it had not committed is played again next time."""
    if child is None or child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(CHILD_ENDS_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
