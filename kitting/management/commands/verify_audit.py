"""Look for a break in the audit log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.audit import verify

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

SHOWN = 50


class Command(BaseCommand):
    """`manage.py verify_audit`: say whether anything was changed, removed or cut off."""

    help = (
        "Look over the audit log: every entry, link and seal, and the guards of the database."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a head that was written down earlier."""
        parser.add_argument(
            "--head", default="", help="a head noted earlier (the log of the worker has each)"
        )

    def handle(self, *_args: Any, head: str, **_options: Any) -> None:
        """Print what was found; exit status 1 where something is broken."""
        found = verify(expected_head=head)
        self.stdout.write(
            f"{found.entries} entries ({found.erased} erased), {found.seals} seals, "
            f"{found.unsealed} not sealed yet"
        )
        self.stdout.write(f"head {found.head or '-'}")
        for line in found.breaks[:SHOWN]:
            self.stdout.write(f"BROKEN {line}")
        if len(found.breaks) > SHOWN:
            self.stdout.write(f"... and {len(found.breaks) - SHOWN} more")
        if found.breaks:
            raise CommandError(f"{len(found.breaks)} breaks", returncode=1)
        self.stdout.write("Nothing was changed.")
