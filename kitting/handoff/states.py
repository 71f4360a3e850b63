"""The words of going on with another device."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Side(TextChoices):
    """Who shows the code: the device that has the guide, or the one that wants it."""

    GIVER = "giver", _("the device with the guide")
    TAKER = "taker", _("the device that wants it")


class Gift(TextChoices):
    """What is handed over; never more than the giving browser has itself."""

    BOX = "box", _("one set-up, as by the box")
    SIGN_IN = "sign_in", _("a full sign-in")


class HandoffState(TextChoices):
    """How far a code is."""

    OPEN = "open", _("shown, nobody typed it")
    ASKED = "asked", _("typed, waits for a yes")
    ALLOWED = "allowed", _("allowed, waits to be fetched")
    USED = "used", _("used")
    REFUSED = "refused", _("refused or stopped")


RUNNING = (HandoffState.OPEN, HandoffState.ASKED, HandoffState.ALLOWED)
