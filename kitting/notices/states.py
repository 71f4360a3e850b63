"""The words of what we say to people."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Channel(TextChoices):
    """How a notice reaches its person."""

    MAIL = "mail", _("e-mail")
    WIZARD = "wizard", _("in the guide")
    DESK = "desk", _("on the desk page")
    SLIP = "slip", _("printed slip")
    PHONE = "phone", _("by phone")
    OUTLET = "outlet", _("chat or program")


class Lane(TextChoices):
    """Which queue a notice waits in; sign-in codes never wait behind others."""

    NORMAL = "normal", _("normal")
    SIGN_IN = "sign_in", _("sign-in")
    OUTLET = "outlet", _("chat or program")
    GATHER = "gather", _("waits for the hourly summary")


class OutletKind(TextChoices):
    """What listens at an outlet."""

    CHAT = "chat", _("a chat room (Google Chat, Teams, Slack …)")
    WEBHOOK = "webhook", _("a program of your own (signed webhook)")


class OutletEvent(TextChoices):
    """What an outlet may hear of."""

    ASKED = "asked", _("somebody asks for help")
    FOUND = "found", _("somebody stuck has come to IT")
    RAISED = "raised", _("nobody helped: it has come to the IT lead")
    REPORTED = "reported", _("a box or a device is reported (not mine, found, to be returned)")
    LOSS = "loss", _("a device is lost")
    OUTAGE = "outage", _("something is broken for many")
    DIGEST = "digest", _("the summary of the morning")


class NoticeState(TextChoices):
    """Where a notice stands."""

    QUEUED = "queued", _("waiting to be sent")
    SENDING = "sending", _("being sent")
    SENT = "sent", _("sent")
    FAILED = "failed", _("could not be sent")
    CANCELLED = "cancelled", _("no longer needed")
