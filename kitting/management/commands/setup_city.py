"""Set up a real city: its words, and what is still to be done before the first box goes out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from kitting.guides.queries import published_edition
from kitting.management.commands._sheets import add_language
from kitting.monitor.queries import first_day
from kitting.site.actions import Word, save_words
from kitting.site.forms import word_label
from kitting.site.models import Variable
from kitting.site.queries import ADDRESS_WORD, current, examples_left
from kitting.site.states import VariableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from django.core.management.base import CommandParser

    from kitting.monitor.queries import FirstDay


class Command(BaseCommand):
    """`manage.py setup_city`: safe to run again and again until nothing is left to do."""

    help = "Take the guide and this city's own words in, and list what is left to do."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take words, or ask for them where somebody sits at the keyboard."""
        parser.add_argument(
            "--set",
            action="append",
            default=[],
            dest="words",
            metavar="KEY=WORD",
            help="a word of the guide, such as it_phone='ext. 1234'; may be given often",
        )
        parser.add_argument(
            "--set-en",
            action="append",
            default=[],
            dest="words_en",
            metavar="KEY=WORD",
            help="the same in English, where it differs",
        )
        parser.add_argument("--no-input", action="store_true", help="ask nothing")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write what was said, then say what is left; exit status 0 either way."""
        with translation.override(options["language"]):
            _profile, now = current()
            given = _pairs(options["words"]), _pairs(options["words_en"])
            with transaction.atomic():
                if published_edition() is None:
                    load_guide(draft=read_guide_file(SHIPPED_GUIDE), now=now, publish=True)
                    self.stdout.write(_("The guide that comes with Kitto is published."))
                _write(_own_address() | given[0], given[1], now=now)
            if not options["no_input"] and not given[0] and sys.stdin.isatty():
                ask(input, now=now)
            for line in lines(first_day(now=now)):
                self.stdout.write(line)


def _own_address() -> dict[str, str]:
    """Return the address of this site as the guide's word for it, unless somebody chose one."""
    if not settings.SITE_URL.startswith("https://"):
        return {}
    unset = any(row.key == ADDRESS_WORD for row in examples_left())
    return {ADDRESS_WORD: settings.SITE_URL.partition("://")[2]} if unset else {}


def _pairs(said: Sequence[str]) -> dict[str, str]:
    pairs = dict(one.partition("=")[::2] for one in said)
    if "" in pairs.values():
        message = _("Write each word as KEY=WORD, for example it_phone='ext. 1234'.")
        raise CommandError(message, returncode=1)
    return pairs


def _write(given: dict[str, str], given_en: dict[str, str], *, now: datetime) -> None:
    rows = {row.key: row for row in Variable.objects.filter(source=VariableSource.SITE)}
    if unknown := sorted((given.keys() | given_en.keys()) - rows.keys()):
        message = _("The guide has no such words: %(names)s. It has: %(known)s.") % {
            "names": ", ".join(unknown),
            "known": ", ".join(sorted(rows)),
        }
        raise CommandError(message, returncode=1)
    words = {
        key: Word(given.get(key, rows[key].value), given_en.get(key, rows[key].value_en))
        for key in given.keys() | given_en.keys()
    }
    save_words(words=words, by=None, now=now)


def ask(reply: Callable[[str], str], *, now: datetime) -> None:
    """Ask for each word that is still an example; an empty answer leaves it."""
    for row in examples_left():
        prompt = _("%(what)s (example: %(example)s): ") % {
            "what": word_label(row),
            "example": row.example,
        }
        if word := reply(prompt).strip():
            save_words(words={row.key: Word(word, "")}, by=None, now=now)


def lines(found: FirstDay) -> Iterable[str]:
    """Yield what is done and what is left, each with how to do it."""
    yield ""
    for is_done, what, how in _steps(found):
        yield f"[{'x' if is_done else ' '}] {what}"
        if not is_done:
            yield f"      {how}"
    left = sum(not is_done for is_done, _what, _how in _steps(found))
    yield ""
    yield (
        _("Left to do: %(count)s. docs/FIRST_DAY.md tells each in more words.")
        % {"count": left}
        if left
        else _("Nothing is left to do. Look at /dashboard/ when the first box is opened.")
    )


def _steps(found: FirstDay) -> list[tuple[bool, str, str]]:
    # Each with its key: it is what --set asks for.
    examples = [f"{word_label(row)} ({row.key})" for row in found.examples]
    return [
        (found.has_address, _("The address is https"), "SITE_URL=https://…"),
        (
            found.has_mail,
            _("A mail server is set"),
            "EMAIL_HOST=…; manage.py test_mail ADDRESS",
        ),
        (
            not examples,
            _("No word of the guide is an example"),
            _("Still examples: %(names)s. Settings, or --set KEY=WORD")
            % {"names": ", ".join(examples)},
        ),
        (
            found.it_leads > 0,
            _("IT leads: %(count)s") % {"count": found.it_leads},
            "manage.py createitlead --email ADDRESS --name NAME",
        ),
        (
            found.people > 0,
            _("People on the roll: %(count)s") % {"count": found.people},
            "manage.py import_staff staff.xlsx --dry-run",
        ),
        (
            found.places > 0 and not found.places_without_hours,
            _("Places: %(count)s, without opening hours: %(without)s")
            % {"count": found.places, "without": found.places_without_hours},
            _("/settings/hours/: weekly hours, closed days, and which place follows which"),
        ),
        (
            found.departments > 0 and not found.departments_without_lead,
            _("Departments with people: %(count)s, without a lead: %(without)s")
            % {"count": found.departments, "without": found.departments_without_lead},
            _("/accounts/roles/, or the column of roles in the roll"),
        ),
        (
            found.levels > 0,
            _("Rungs of the ladder: %(count)s") % {"count": found.levels},
            _("/tickets/ladder/: who is asked when"),
        ),
        (
            found.devices > 0,
            _("Devices: %(count)s, for somebody: %(lent)s")
            % {"count": found.devices, "lent": found.lent},
            "manage.py import_devices devices.xlsx --dry-run",
        ),
        (
            found.devices > 0 and not found.unprinted,
            _("Boxes without a printed label: %(count)s") % {"count": found.unprinted},
            _("/labels/: print at full size, on the paper that was measured"),
        ),
        (found.waves > 0, _("Waves planned: %(count)s") % {"count": found.waves}, "/plan/"),
        (
            found.is_awake,
            _("Worker and beat run"),
            "deploy/start worker, deploy/start beat; /readyz",
        ),
    ]
