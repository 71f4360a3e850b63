"""The words of imports."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Kind(TextChoices):
    """What a sheet speaks of."""

    ROLL = "roll", _("Staff roll")
    DEVICES = "devices", _("Devices")
    TRANSFERS = "transfers", _("Transfers")
    DEPARTMENTS = "org", _("Renamed departments")


class ImportState(TextChoices):
    """Where a sheet stands on its way in."""

    WAITING = "waiting", _("being read")
    ASKING = "asking", _("columns to choose")
    REFUSED = "refused", _("to be put right")
    READY = "ready", _("to be confirmed")
    ORDERED = "ordered", _("being taken in")
    DONE = "done", _("taken in")
    FAILED = "failed", _("stopped")
    DROPPED = "dropped", _("not taken in")
    UNDONE = "undone", _("taken back")


# A worker has something to do.
WORKING = (ImportState.WAITING, ImportState.ORDERED)
# Somebody has to look; the file is still kept.
HELD = (ImportState.ASKING, ImportState.REFUSED, ImportState.READY)
