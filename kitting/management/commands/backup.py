"""Write everything a site is into one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from kitting.monitor.actions import BackupError, write_backup

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """`manage.py backup --output FILE`: database and photos, checked by hash, sealed if BACKUP_KEY is set."""

    help = "Write database and photos into one file, sealed where BACKUP_KEY is set."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to."""
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")

    def handle(self, *_args: Any, output: Path, **_options: Any) -> None:
        """Write it, and say what it holds."""
        if not output.parent.is_dir():
            message = f"There is no folder {output.parent}."
            raise CommandError(message)
        try:
            made = write_backup(target=output, key=settings.BACKUP_KEY, now=timezone.now())
        except (BackupError, ValueError, OSError) as error:
            raise CommandError(str(error)) from error
        photos = len(made.files) - 1
        sealed = "sealed" if settings.BACKUP_KEY else "NOT sealed: BACKUP_KEY is empty"
        self.stdout.write(
            f"{output}: {sum(made.rows.values())} rows of {len(made.rows)} tables, {photos} photos, {sealed}."
        )
        self.stdout.write(f"Keep SECRET_KEY too; its fingerprint is {made.secret_key}.")
