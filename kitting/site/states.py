"""The words of the site profile."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class VariableSource(TextChoices):
    """Where the value of a variable comes from."""

    SITE = "site", _("set by IT")
    DEVICE = "device", _("from the device")
    COMPUTED = "computed", _("computed")
