"""The words of the desk."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Outcome(TextChoices):
    """How somebody was helped; the last one helped nobody yet."""

    PHONE = "phone", _("Solved by phone")
    SCREEN = "screen", _("Solved on screen together")
    VISIT = "visit", _("Solved by a visit")
    TRAINING = "training", _("Shown how")
    EXCHANGE = "exchange", _("Device exchanged")
    NO_ANSWER = "no_answer", _("Nobody picked up")
