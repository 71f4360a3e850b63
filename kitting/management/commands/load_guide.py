"""Take a guide's file in, and publish it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from kitting.guides.actions import LoadResult, load_guide
from kitting.guides.forms import SHIPPED_GUIDE, GuideFileError, read_guide_file
from kitting.guides.rules.checking import japanese_of, problems
from kitting.lib.analyser import as_list, unread
from kitting.lib.ruby import Readings
from kitting.site.queries import current, own_readings

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    from kitting.guides.rules.shapes import GuideDraft


class Command(BaseCommand):
    """Load a guide; the same file again changes nothing."""

    help = "Load a guide from a YAML file (the shipped one by default)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file and whether to publish it."""
        parser.add_argument("file", nargs="?", type=Path, default=SHIPPED_GUIDE)
        parser.add_argument(
            "--publish", action="store_true", help="People who begin from now on get it."
        )
        parser.add_argument(
            "--propose-readings",
            type=Path,
            metavar="OUT",
            help="Write how the words nobody has reviewed yet are probably read; load nothing.",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """List every problem and write nothing, or load and say what changed."""
        path: Path = options["file"]
        try:
            draft = read_guide_file(path)
        except GuideFileError as error:
            raise CommandError(str(error)) from error
        found = problems(draft)
        for problem in found:
            self.stderr.write(f"{problem.path or path.name}: {problem.sentence}")
        if found:
            raise CommandError(
                ngettext(
                    "%(count)d problem. Nothing was written.",
                    "%(count)d problems. Nothing was written.",
                    len(found),
                )
                % {"count": len(found)}
            )
        if options["propose_readings"]:
            self._propose(draft, options["propose_readings"])
            return
        _profile, now = current()
        result = load_guide(draft=draft, now=now, publish=options["publish"])
        for line in _report(result):
            self.stdout.write(line)

    def _propose(self, draft: GuideDraft, out: Path) -> None:
        known = Readings(own_readings() | {e.word: e.reading for e in draft.readings})
        found = unread(japanese_of(draft), known)
        out.write_text(as_list(found), encoding="utf-8")
        self.stdout.write(
            ngettext(
                "%(count)d word without a reading: %(path)s. Read it before you keep it.",
                "%(count)d words without a reading: %(path)s. Read each before you keep it.",
                len(found),
            )
            % {"count": len(found), "path": out}
        )


def _report(result: LoadResult) -> list[str]:
    named = {
        "guide": result.edition.guide.slug,
        "number": result.edition.number,
        "state": result.edition.get_state_display(),
        "count": result.declared,
    }
    if not result.changed:
        return [_("%(guide)s: edition %(number)d (%(state)s). Nothing changed.") % named]
    lines = [_("%(guide)s: edition %(number)d (%(state)s).") % named]
    if result.declared:
        lines.append(_("%(count)d words and switches were added or changed.") % named)
    return lines
