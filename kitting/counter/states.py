"""The words of the counter where boxes are handed out."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Mode(TextChoices):
    """What is done with a box that is scanned."""

    HAND_OUT = "hand_out", _("Hand out")
    ARRIVE = "arrive", pgettext_lazy("counter", "Arrival")


class Outcome(TextChoices):
    """What came of one scan."""

    HANDED = "handed", _("Handed out")
    BOUND = "bound", _("Entered and handed out")
    ARRIVED = "arrived", pgettext_lazy("counter", "Arrived")
    ALREADY = "already", _("Handed out before")
    HERE_BEFORE = "here_before", _("Arrived before")
    UNREADABLE = "unreadable", _("Not a box code")
    UNKNOWN = "unknown", _("No such box")
    OLD_LABEL = "old_label", _("An old label")
    NO_DEVICE = "no_device", _("A label without a device")
    LOST = "lost", _("Reported lost")
    FOUND = "found", _("Found, not looked at yet")
    REPAIR = "repair", _("In repair")
    RETURNING = "returning", _("To be given back")
    RETIRED = "retired", _("Not used any more")
    SPARE = "spare", _("Lent as a spare")
    NO_PERSON = "no_person", _("Who is it for?")
    UNKNOWN_PERSON = "unknown_person", _("Nobody has this number")
    LEFT = "left", _("Works here no more")
    OTHERS = "others", _("For somebody else")
    OTHER_DEPARTMENT = "other_dept", _("For another department")
    HELD = "held", _("Handed out to somebody else")
    HAS_ONE = "has_one", _("This person has a device")
    NO_DEPARTMENT = "no_department", _("This person has no department")
    NOT_YOURS = "not_yours", _("Not one of your boxes")


GOOD = (Outcome.HANDED, Outcome.BOUND, Outcome.ARRIVED)
NOTHING_NEW = (Outcome.ALREADY, Outcome.HERE_BEFORE)


class Stage(TextChoices):
    """Where a device stands in its life, as IT reads it: from its state, its loan and its journey."""

    EXPECTED = "expected", pgettext_lazy("device", "not arrived yet")
    RECEIVED = "received", pgettext_lazy("device", "in stock, here")
    KEPT = "kept", pgettext_lazy("device", "kept for somebody")
    HANDED_OUT = "handed_out", pgettext_lazy("device", "handed out")
    IN_SET_UP = "in_set_up", pgettext_lazy("device", "being set up")
    READY = "ready", pgettext_lazy("device", "ready for work")
    SPARE = "spare", pgettext_lazy("device", "lent as a spare")
    LOST = "lost", pgettext_lazy("device", "lost")
    FOUND = "found", pgettext_lazy("device", "found")
    REPAIR = "repair", _("in repair")
    RETURNING = "returning", _("to be returned")
    RETIRED = "retired", pgettext_lazy("device", "retired")
