"""The words of a rollout."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class RolloutState(TextChoices):
    """Where a rollout stands."""

    PLANNED = "planned", _("planned")
    OPEN = "open", _("open")
    CLOSED = "closed", _("closed")
    ARCHIVED = "archived", _("archived")


# What a rollout may become; whoever closed one too early opens it again.
ROLLOUT_MOVES = {
    RolloutState.PLANNED: (RolloutState.OPEN, RolloutState.ARCHIVED),
    RolloutState.OPEN: (RolloutState.CLOSED,),
    RolloutState.CLOSED: (RolloutState.OPEN, RolloutState.ARCHIVED),
    RolloutState.ARCHIVED: (),
}
CHANGEABLE = (RolloutState.PLANNED, RolloutState.OPEN)


class Verdict(TextChoices):
    """What was decided after the pilot."""

    GO = "go", _("go on")
    NO_GO = "no_go", _("not yet")


class HeldWhy(TextChoices):
    """Why a wave is on hold."""

    HAND = "hand", _("held by IT")
    STUCK = "stuck", _("too many are stuck")
    PILOT = "pilot", _("the pilot says: not yet")


class MarkKind(TextChoices):
    """What somebody looks at before the boxes are handed out: on the spot, licences for the whole wave."""

    CHARGED = "charged", _("charged")
    WIFI = "wifi", _("Wi-Fi tried out")
    LICENSED = "licensed", _("accounts have a licence")


ON_THE_SPOT = (MarkKind.CHARGED, MarkKind.WIFI)
