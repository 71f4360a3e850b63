"""Erase what was kept long enough, or say what that would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand

from kitting.privacy.actions import retain
from kitting.privacy.queries.kept import due_now
from kitting.site.queries import wall_clock

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """`manage.py retention [--dry-run]`: what the worker does each night, by hand."""

    help = "Erase words and addresses of people that were kept as long as the settings say."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to look only."""
        parser.add_argument("--dry-run", action="store_true", help="say what, erase nothing")

    def handle(self, *_args: Any, dry_run: bool, **_options: Any) -> None:
        """Print a line for each kind of words."""
        now = wall_clock()
        due = due_now(now)
        if not dry_run:
            retain(now=now)
        said = "would be erased" if dry_run else "erased"
        for line in due:
            self.stdout.write(f"{line.key}: {line.count} {said} (kept for {line.days} days)")
