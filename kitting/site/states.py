"""The words of the site profile."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class WizardSignIn(TextChoices):
    """How somebody may go on with an own journey on the Chromebook."""

    CODE = "code", _("code by e-mail")
    BOX = "box", _("box code and staff number")


class VariableSource(TextChoices):
    """Where the value of a variable comes from."""

    SITE = "site", _("set by IT")
    DEVICE = "device", _("from the device")
    COMPUTED = "computed", _("computed")
