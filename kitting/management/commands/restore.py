"""Put a backup in the place of a site's data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from kitting.lib.sealed import SealError
from kitting.monitor.actions import BackupError, key_fingerprint, restore_backup

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """`manage.py restore FILE`: check every byte, load it, count the rows, migrate to this version."""

    help = "Restore a backup into an empty database (or --replace what is there). Stop web, worker and beat first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("source", type=Path, metavar="FILE")
        parser.add_argument(
            "--replace", action="store_true", help="throw away what the database holds now"
        )

    def handle(self, *_args: Any, source: Path, replace: bool, **_options: Any) -> None:
        """Restore, and say what to know."""
        try:
            found = restore_backup(source=source, key=settings.BACKUP_KEY, may_replace=replace)
        except SealError as error:
            message = "The key does not fit, or the file was changed. Nothing was touched."
            raise CommandError(message) from error
        except (BackupError, OSError) as error:
            raise CommandError(str(error)) from error
        call_command("migrate", verbosity=0, interactive=False)
        self.stdout.write(
            f"Restored: {sum(found.rows.values())} rows as of {found.made_at}, checked table by table."
        )
        if found.secret_key != key_fingerprint():
            self.stdout.write(
                "SECRET_KEY is another one than then: everybody signs in anew, apps for codes are set up"
                " anew, and addresses of chat rooms and programs are typed anew. Nothing else is lost."
            )
