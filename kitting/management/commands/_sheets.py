"""What commands that take a sheet in have in common."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.forms import Problem, SheetRefusedError, problems
from accounts.roll import prepare_roll
from kitting.imports import actions
from kitting.imports.forms import SHEETS, open_sheet
from kitting.imports.queries import chosen_columns
from kitting.imports.states import Kind
from kitting.site.queries import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.core.management.base import CommandParser

SHOWN = 10  # names of a long list


class SheetCommand(BaseCommand):
    """A command that takes a sheet in whole, or says what is wrong in every row and takes nothing."""

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, whether to write, and the language of the answer."""
        parser.add_argument("file", type=Path, metavar="FILE", help="CSV or XLSX")
        parser.add_argument(
            "--dry-run", action="store_true", help="only show what would happen, write nothing"
        )
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Take the file in and say what became of it; exit status 1 if nothing could."""
        dry_run: bool = options["dry_run"]
        with translation.override(options["language"]):
            data = _read(options["file"])
            _profile, now = current()
            try:
                wrong, lines = self.take_in(data, options["file"].name, now, dry_run=dry_run)
            except SheetRefusedError as refused:
                wrong, lines = problems(refused.flaws), []
            if wrong:
                for problem in wrong:
                    self.stderr.write(problem.sentence)
                raise CommandError(
                    _("Nothing was written. Things to put right: %(count)s")
                    % {"count": len(wrong)},
                    returncode=1,
                )
            if dry_run:
                self.stdout.write(_("This is a dry run. Nothing was written; it would be:"))
            for line in lines:
                self.stdout.write(line)

    def take_in(
        self, data: bytes, name: str, now: datetime, *, dry_run: bool
    ) -> tuple[Sequence[Problem], Sequence[str]]:
        """Take the sheet in; return what is wrong with it, or what to say about it."""
        raise NotImplementedError


def add_language(parser: CommandParser) -> None:
    """Let the caller choose the language of the answer."""
    parser.add_argument(
        "--language",
        choices=[code for code, _name in settings.LANGUAGES],
        default=settings.LANGUAGE_CODE,
    )


def listed(label: str, names: Sequence[str]) -> Iterable[str]:
    """Return a line with a list's length and its first names; none for an empty list."""
    if names:
        more = " …" if len(names) > SHOWN else ""
        yield f"{label}: {len(names)} ({', '.join(names[:SHOWN])}{more})"


def counted(label: str, count: int) -> Iterable[str]:
    """Return a line with a figure; none for nothing."""
    if count:
        yield f"{label}: {count}"


def take_sheet(
    kind: Kind, data: bytes, name: str, now: datetime, *, dry_run: bool
) -> tuple[list[Problem], Any]:
    """Take a sheet in as the page does, by the columns chosen there for such headers.

    Returns what is wrong with it, and the result. Raises `SheetRefusedError`.
    """
    opened = open_sheet(kind, data, name)
    chosen = chosen_columns(kind, opened.headers)
    if chosen is not None:
        opened = open_sheet(kind, data, name, columns=chosen)
    if opened.flaws:
        raise SheetRefusedError(opened.flaws)
    rows: Any = prepare_roll(opened.rows) if kind == Kind.ROLL else list(opened.rows)
    sheet = actions.Read(opened.headers, opened.columns, rows)
    if dry_run:
        result = actions.try_out(kind=kind, sheet=sheet, now=now)
    else:
        bringing = actions.Bringing(kind, name, None, now)
        result = actions.take_at_once(data=data, bringing=bringing, sheet=sheet)
    return problems(result.flaws, SHEETS[kind].sentences), result


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise CommandError(
            _("There is no such file: %(path)s") % {"path": path}, returncode=1
        ) from error
    except OSError as error:
        raise CommandError(
            _("The file cannot be read: %(path)s") % {"path": path}, returncode=1
        ) from error
