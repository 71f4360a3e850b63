"""The words of Google's view of the devices."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Standing(TextChoices):
    """What a status at Google means to Kitto; the status itself is kept as it came."""

    ENROLLED = "enrolled", pgettext_lazy("device at Google", "enrolled")
    EXPECTED = "expected", pgettext_lazy("device at Google", "expected, not enrolled yet")
    DISABLED = "disabled", pgettext_lazy("device at Google", "disabled")
    REMOVED = "removed", pgettext_lazy("device at Google", "deprovisioned")
    UNKNOWN = "unknown", pgettext_lazy("device at Google", "a status Kitto does not know")


class Source(TextChoices):
    """Where a look at Google's devices came from."""

    API = "api", _("from Google")
    SHEET = "sheet", _("from an exported file")


class Scope(TextChoices):
    """How much of Google's devices a look covers."""

    FULL = "full", pgettext_lazy("a look at all devices", "all devices")
    NEWEST = "newest", _("devices heard of since the last look")
    PART = "part", _("a part of the devices")


class LookState(TextChoices):
    """Where a look stands."""

    RUNNING = "running", pgettext_lazy("a look", "going on")
    DONE = "done", pgettext_lazy("a look", "finished")
    FAILED = "failed", pgettext_lazy("a look", "failed")


class Problem(TextChoices):
    """Why Google did not answer as hoped."""

    NOT_SET_UP = "not_set_up", _("The access is not set up.")
    KEY_UNREADABLE = "key_unreadable", _("The key file cannot be read, or is no key.")
    TOKEN_REFUSED = (
        "token_refused",
        _("Google refused the key, the administrator or the scope."),
    )
    FORBIDDEN = "forbidden", _("Google does not allow this with these rights.")
    NOT_FOUND = "not_found", _("Google does not know this device any more.")
    AMBIGUOUS = "ambiguous", _("Google knows several devices with this serial number.")
    BAD_REQUEST = "bad_request", _("Google did not understand the request.")
    TOKEN_EXPIRED = (
        "token_expired",
        _("The place in the list was lost; the list is read from its beginning."),
    )
    QUOTA = "quota", _("Google asks to wait: too many requests.")
    AWAY = "away", _("Google cannot be reached at the moment.")
    BROKEN = "broken", _("Google's answer was cut off or cannot be read.")
    NOT_CHANGED = "not_changed", _("Google took the order, but shows the old state.")
    REFUSED = "refused", _("Google refused to change this device.")


class ChangeKind(TextChoices):
    """What is changed at Google."""

    DISABLE = "disable", pgettext_lazy("a device at Google", "disable")
    REENABLE = "reenable", pgettext_lazy("a device at Google", "enable again")
    ANNOTATE = "annotate", _("write asset tag, place and user")


class ChangeState(TextChoices):
    """Where a change stands."""

    ASKED = "asked", pgettext_lazy("a change at Google", "asked for")
    SENT = "sent", pgettext_lazy("a change at Google", "sent, being read back")
    DONE = "done", pgettext_lazy("a change at Google", "done, and seen")
    FAILED = "failed", pgettext_lazy("a change at Google", "not done")


class Finding(TextChoices):
    """Where Kitto and Google do not agree, or a device needs care."""

    ONLY_KITTO = "only_kitto", _("In Kitto, not at Google")
    ONLY_GOOGLE = "only_google", _("At Google, not in Kitto")
    NOT_ENROLLED = "not_enrolled", _("Said to be enrolled, but is not")
    OTHER_PERSON = "other_person", _("Another person signed in last")
    OTHER_TAG = "other_tag", _("Another asset tag")
    OTHER_UNIT = "other_unit", _("In another organisational unit")
    WITHOUT_GUIDE = "without_guide", _("Set up without the guide")
    UPDATE_PENDING = "update_pending", _("An update is pending")
    UPDATES_END = "updates_end", _("Updates end within a year")
    DISABLED = "disabled", pgettext_lazy("devices at Google", "Disabled")
    STRANGE_STATUS = "strange_status", _("A status Kitto does not know")


# Open changes, in the order in which they pass.
OPEN = (ChangeState.ASKED, ChangeState.SENT)
# What may pass by itself: waited for and tried again.
PASSING = (Problem.QUOTA, Problem.AWAY, Problem.BROKEN, Problem.TOKEN_EXPIRED)
