"""The words of the demo."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Way(TextChoices):
    """How a visitor becomes somebody."""

    SIGN_IN = "sign_in", _("by signing in")
    BOX = "box", _("at the box page, with the staff number")
    NOBODY = "nobody", _("as nobody")


class Device(TextChoices):
    """What the pages take this browser for."""

    PHONE = "phone", _("A phone")
    CHROMEBOOK = "chromebook", _("The Chromebook")
    OWN = "own", _("What this browser is")


class Move(TextChoices):
    """Where the demo's clock goes."""

    HOUR = "hour", _("an hour later")
    MORNING = "morning", _("next working morning")
    DAY = "day", _("a day later")
    NOW = "now", _("back to now")
