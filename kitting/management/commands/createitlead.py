"""Name the first IT lead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.actions import PersonLeftError, enter_person, name_it_lead
from accounts.models import User
from kitting.lib.sheets import clean_number_string, clean_text
from kitting.management.commands._sheets import add_language
from kitting.site.queries import current

if TYPE_CHECKING:
    from datetime import datetime

    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """The one role that no page can give to begin with."""

    help = "Make somebody IT lead: by staff number, or by e-mail address and name if new."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the person."""
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--staff-number", default="")
        who.add_argument("--email", default="")
        parser.add_argument("--name", default="", help="name of somebody who is not known yet")
        add_language(parser)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Give the role and say so."""
        with translation.override(options["language"]), transaction.atomic():
            _profile, now = current()
            person = _person(options, now)
            try:
                is_new = name_it_lead(person=person, now=now)
            except PersonLeftError as error:
                message = _("%(name)s works here no more.") % {"name": person}
                raise CommandError(message, returncode=1) from error
            said = (
                _("%(name)s is IT lead now.") if is_new else _("%(name)s is IT lead already.")
            )
            self.stdout.write(said % {"name": person})
            if not person.email:
                self.stderr.write(
                    _("%(name)s has no e-mail address, which signing in needs.")
                    % {"name": person}
                )


def _person(options: dict[str, Any], now: datetime) -> User:
    number, email = clean_number_string(options["staff_number"]), options["email"].strip()
    name = clean_text(options["name"])
    found: User | None = (
        User.objects.filter(staff_number=number)
        if number
        else User.objects.filter(email__iexact=email)
    ).first()
    if found is not None:
        return found
    if number:
        message = _("Nobody on the roll has the staff number %(value)s.") % {"value": number}
        raise CommandError(message, returncode=1)
    if not name or "@" not in email:
        message = _("Nobody has the address %(value)s yet. Add --name.") % {"value": email}
        raise CommandError(message, returncode=1)
    return enter_person(email=email, name=name, now=now)
