"""Count everything the board shows anew, and say where the kept counts differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from kitting.escalation.actions.counting import recount

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

SHOWN = 20


class Command(BaseCommand):
    """Compare the kept counts of the board with the rows they come from."""

    help = (
        "Count the journeys anew; with --mend the kept counts are put right where they differ."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to mend."""
        parser.add_argument("--mend", action="store_true", help="put right what differs")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print what differs; exit status 1 if something does and stays so."""
        mend: bool = options["mend"]
        drift = recount(mend=mend)
        for (kind, key, cell), (kept, right) in list(drift.wrong.items())[:SHOWN]:
            self.stdout.write(f"{kind} {key} {cell}: kept {kept}, counted {right}")
        if len(drift.wrong) > SHOWN:
            self.stdout.write(f"... and {len(drift.wrong) - SHOWN} more")
        state = "" if drift.was_complete else " (nothing had been counted before)"
        self.stdout.write(f"{len(drift.wrong)} counts differ{state}")
        if mend:
            self.stdout.write("The kept counts are right now.")
        elif drift.wrong or not drift.was_complete:
            raise CommandError("Run it with --mend to put them right.", returncode=1)
