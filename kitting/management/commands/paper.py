"""Print the sheets for the steps before sign-in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from kitting.labels import queries
from kitting.labels.actions.paper import print_papers
from kitting.labels.drawing import LabelError
from kitting.labels.forms import sentence
from kitting.management.commands._sheets import add_language
from kitting.management.commands.labels import whole
from kitting.site.queries import current

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Write the sheets of many boxes as one PDF, two sides each."""

    help = "Write the A4 sheets for the steps before sign-in as PDF, for a printer that turns paper."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, the boxes and the language."""
        parser.add_argument("--output", type=Path, required=True, metavar="FILE.pdf")
        parser.add_argument("--department", metavar="NAME", help="with all below it")
        parser.add_argument("--place", metavar="NAME")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write the file and say what is in it."""
        profile, _now = current()
        department, place = options["department"], options["place"]
        try:
            boxes = queries.papers_to_print(
                language=options["language"],
                departments=queries.departments_called(department) if department else None,
                place=queries.place_called(place) if place else None,
            )
            with whole(options["output"]) as file:
                count = print_papers(
                    boxes=boxes, language=options["language"], profile=profile, output=file
                )
        except (LabelError, queries.UnknownNameError, OSError) as error:
            raise CommandError(sentence(error)) from error
        self.stdout.write(
            _("%(file)s: %(count)s sheets, two sides each")
            % {"file": options["output"], "count": f"{count:,}"}
        )
        self.stdout.write(_("Print on both sides, turned at the long edge, at actual size."))
