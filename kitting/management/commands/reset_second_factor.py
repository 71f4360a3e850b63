"""Forget somebody's lost second factor, where no other IT lead can do it on the roles page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.doors import reset_second_factor
from accounts.models import User
from kitting.lib.sheets import clean_number_string
from kitting.site.queries import current

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    """Make the last IT lead able to sign in again; all their browsers are signed out."""

    help = "Forgets a lost second factor: --email ADDRESS or --staff-number NUMBER."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose it is."""
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--email", default="")
        whose.add_argument("--staff-number", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Forget it and say so; somebody unknown is an error."""
        _profile, now = current()
        email, number = options["email"].strip(), clean_number_string(options["staff_number"])
        people = (
            User.objects.filter(staff_number=number)
            if number
            else User.objects.filter(email__iexact=email)
        )
        person = people.first()
        if person is None:
            raise CommandError(_("Nobody was found."), returncode=1)
        forgotten = reset_second_factor(person=person, by=None, now=now)
        said = (
            _("Forgotten. At the next sign-in %(name)s sets up a new second step.")
            if forgotten
            else _("%(name)s has no second step.")
        )
        self.stdout.write(said % {"name": person})
