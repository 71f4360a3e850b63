"""Write the guide as files that need no server."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.management.base import BaseCommand, CommandError
from django.template.loader import render_to_string
from django.utils import timezone, translation

from kitting.guides.queries.errors import errors
from kitting.journeys.queries import public_guide
from kitting.site.queries import current, words

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

# The first language is what a web server hands out unasked.
FILES = {"ja": "index.html", "en": "en.html"}
# Where a page asks for a file of ours, with the fingerprint it may carry.
ASKED = re.compile(r'href="/?static/([\w/.-]+?)(?:\.[0-9a-f]{12})?(\.\w+)(#[\w-]+)?"')
# What a web server shows at any address while Kitto is away.
AWAY = "away.html"
STYLES = ("css/person.css", "css/booklet.css")
PICTURES = ("img/favicon.svg",)


class Command(BaseCommand):
    """`manage.py export_static DIR`: the guide in every language, without anybody in it.

    For a site that only the inside reaches, and for the day on which Kitto is away: put the folder on
    any web server, or open `index.html` from a disk. `away.html` is for the proxy in front of Kitto.
    """

    help = "Write the guide as files that need no server and hold nobody's data."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to."""
        parser.add_argument("folder", type=Path, metavar="DIR")

    def handle(self, *_args: Any, folder: Path, **_options: Any) -> None:
        """Write one page a language, and the files they need."""
        pages = {name: self._page(language) for language, name in FILES.items()}
        needed = set(PICTURES)
        (folder / "files").mkdir(parents=True, exist_ok=True)
        for name, html in pages.items():
            needed |= {found[1] + found[2] for found in ASKED.finditer(html)}
            local = ASKED.sub(r'href="files/\1\2\3"', html)
            (folder / name).write_text(local, encoding="utf-8")
        (folder / AWAY).write_text(self._away(), encoding="utf-8")
        styles = [_source(name).read_text("utf-8") for name in STYLES]
        (folder / "files" / "kitto.css").write_text("\n".join(styles), encoding="utf-8")
        for name in sorted(needed):
            target = folder / "files" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(_source(name).read_bytes())
        self.stdout.write(f"{folder}: {', '.join(pages)} and {len(needed) + 1} files.")

    def _away(self) -> str:
        profile, _now = current()
        with translation.override(next(iter(FILES))):
            said = {"service": profile.service_name, "files": FILES, "words": words()}
            return render_to_string("export/away.html", said)

    def _page(self, language: str) -> str:
        guide = public_guide(language=language)
        if guide is None:
            message = "No guide is published yet: python manage.py load_guide --publish"
            raise CommandError(message)
        profile, _now = current()
        other = next(code for code in FILES if code != language)
        with translation.override(language):
            return render_to_string(
                "export/guide.html",
                {
                    "guide": guide,
                    "errors": errors(None, language, words=guide.words),
                    "service": profile.service_name,
                    "address": settings.SITE_URL,
                    "made_on": timezone.localdate(),
                    "other_language": other,
                    "other_file": FILES[other],
                },
            )


def _source(name: str) -> Path:
    found = finders.find(name)
    if not found:
        message = f"{name} is not among the static files."
        raise CommandError(message)
    return Path(str(found))
