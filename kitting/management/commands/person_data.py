"""Hand out or take out everything about one person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import User
from kitting.lib.sheets import clean_number_string
from kitting.privacy.actions import StillHereError, note_export, remove_person
from kitting.privacy.queries.person import file_of, rows_about
from kitting.site.queries import wall_clock

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """`manage.py person_data NUMBER --output FILE`, or `--remove --confirm NUMBER`."""

    help = "Write everything kept about somebody into a file (JSON or PDF), or take out their name and words."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the person and what to do."""
        parser.add_argument("number", help="staff number")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument(
            "--output", type=Path, help="a new file, for the person only: .json or .pdf"
        )
        what.add_argument(
            "--remove", action="store_true", help="only after the person has left"
        )
        parser.add_argument("--reason", default="", help="what the audit log says about it")
        parser.add_argument("--confirm", default="", help="with --remove: the number once more")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it and say so."""
        number = clean_number_string(options["number"])
        person = User.objects.filter(staff_number=number).first()
        if person is None:
            raise CommandError(f"Nobody has the staff number {number}.", returncode=1)
        if options["output"]:
            self._hand_out(person, options["output"], options["reason"])
        elif clean_number_string(options["confirm"]) != number:
            raise CommandError(
                f"Add --confirm {number}: this cannot be taken back.", returncode=1
            )
        else:
            self._remove(person, options["reason"])

    def _hand_out(self, person: User, target: Path, reason: str) -> None:
        found, now = rows_about(person), wall_clock()
        kind = "pdf" if target.suffix == ".pdf" else "json"
        target.touch(mode=0o600, exist_ok=False)
        target.write_bytes(file_of(person, found, kind=kind, now=now))
        note_export(person=person, by=None, now=now, kind=kind, reason=reason)
        self.stdout.write(f"{sum(map(len, found.values()))} rows of {len(found)} tables.")

    def _remove(self, person: User, reason: str) -> None:
        try:
            changed = remove_person(person=person, by=None, now=wall_clock(), reason=reason)
        except StillHereError as error:
            raise CommandError(
                "This person works here or has a device: nothing was removed.", returncode=1
            ) from error
        for name, count in changed.items():
            self.stdout.write(f"{name}: {count}")
