"""The words of the plan on pages."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class CheckKind(TextChoices):
    """What must be ready before boxes are handed out."""

    GUIDE = "guide", _("A guide is published")
    WORDS = "words", _("Phone, Wi-Fi and the other words are your own")
    DEVICES = "devices", _("Everybody has a device")
    LABELS = "labels", _("Every box has a printed label")
    ACCOUNTS = "accounts", _("Everybody's account is known")
    LICENSED = "licensed", _("The accounts have a licence")
    PLACES = "places", _("It is known where every box goes")
    HOURS = "hours", _("Every place has its hours")
    LEADS = "leads", _("Every department has a lead")
    HELPER = "helper", _("Somebody is named who helps")
    CHARGED = "charged", _("The devices are charged")
    WIFI = "wifi", _("The Wi-Fi was tried out on the spot")


# The same, where it is missing.
LACKS = {
    CheckKind.GUIDE: _("No guide is published"),
    CheckKind.WORDS: _("Words that are still examples"),
    CheckKind.DEVICES: _("People without a device"),
    CheckKind.LABELS: _("Boxes without a printed label"),
    CheckKind.ACCOUNTS: _("People whose account is not known"),
    CheckKind.LICENSED: _("Nobody has seen that the accounts have a licence"),
    CheckKind.PLACES: _("Boxes of which nobody knows where they go"),
    CheckKind.HOURS: _("Places without hours"),
    CheckKind.LEADS: _("Departments without a lead"),
    CheckKind.HELPER: _("Nobody is named who helps"),
    CheckKind.CHARGED: _("Places where the devices are not charged yet"),
    CheckKind.WIFI: _("Places where nobody has tried the Wi-Fi out"),
}
