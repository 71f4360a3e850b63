"""The words of what lies around the set-up: the day before, the end, and afterwards."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class MacroState(TextChoices):
    """Where a macro stands that somebody wrote down."""

    LISTED = "listed", pgettext_lazy("macro", "Written down")
    ASKED = "asked", pgettext_lazy("macro", "Help wished for")
    IN_HAND = "in_hand", pgettext_lazy("macro", "Being looked at")
    ANSWERED = "answered", pgettext_lazy("macro", "Answered")


class Occasion(TextChoices):
    """When a question was answered."""

    START = "start", _("at the start")
    END = "end", _("at the end")
    MONTH = "month", _("after 30 days")


class InvitationKind(TextChoices):
    """What somebody was gently invited to; none of it is ever escalated."""

    LESSON = "lesson", _("a lesson")
    PRACTICE = "practice", _("practice")
    MONTH = "month", _("one question after 30 days")


class Practice(TextChoices):
    """What a certificate says about one piece of practice."""

    DONE = "done", pgettext_lazy("practice", "Done")
    SAID = "said", pgettext_lazy("practice", "Done, by own word")
    DECLARED = "declared", pgettext_lazy("practice", "Known already, by own word")
    ANOTHER_WAY = "another_way", pgettext_lazy("practice", "Done another way")
    TESTED = "tested", pgettext_lazy("practice", "Left out after the test")
    LEFT_OUT = "left_out", pgettext_lazy("practice", "Left out")
    OPEN = "open", pgettext_lazy("practice", "Not yet")
