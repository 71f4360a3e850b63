"""The words of an employee's way."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Status(TextChoices):
    """A person's state as the board counts it: one of four, disjoint."""

    NOT_STARTED = "not_started", _("Not started")
    IN_PROGRESS = "in_progress", _("In progress")
    WAITING = "waiting", _("Waiting for help")
    DONE = "done", _("Done")


class HelpState(TextChoices):
    """Whether the person asked for help; set by escalation only."""

    NONE = "none", _("no help asked")
    ASKED = "asked", _("asked, nobody answered yet")
    ANSWERED = "answered", _("answered")


class Result(TextChoices):
    """How sure we are that a step is done."""

    CONFIRMED = "confirmed", _("confirmed")
    LIKELY = "likely", _("likely")
    SELF_REPORTED = "self_reported", _("self-reported")
    SKIPPED = "skipped", _("skipped")


class Look(TextChoices):
    """How a step looks in a list."""

    DONE = "done", pgettext_lazy("state of a step", "Done")
    LIKELY = "likely", pgettext_lazy("state of a step", "Probably done")
    SKIPPED = "skipped", pgettext_lazy("state of a step", "Left out")
    NOW = "now", pgettext_lazy("state of a step", "You are here")
    OPEN = "open", pgettext_lazy("state of a step", "Not yet")


class Method(TextChoices):
    """What made us believe it."""

    BUTTON = "button", _("the person pressed Done")
    ARRIVAL = "arrival", _("opened on the Chromebook")
    CHECK = "check", _("checked by the page")
    SERVER = "server", _("checked by the server")
    ANOTHER_WAY = "another_way", _("done another way")
    PAPER = "paper", _("from the printed sheet")
    HELPER = "helper", _("by somebody helping")
    DIRECTORY = "directory", _("seen in Google's directory")
    DECLARED = "declared", _("said to be done, all at once")
    TEST = "test", _("the short test was passed")
    CARRIED = "carried", _("kept from the device before")


class Outcome(TextChoices):
    """What a page may say of a check; whether it is believed is decided on the server."""

    SEEN = "seen", _("seen")
    ANOTHER_WAY = "another_way", _("done another way")
    TRIED = "tried", _("tried, not seen")


class Why(TextChoices):
    """Why a result is what it is, beside how it came about."""

    NOT_CHECKED = "not_checked", _("without the check")
    TIMEOUT = "timeout", _("nothing seen for a while")
    NOT_SEEN = "not_seen", _("not seen in two tries")
    UNSUPPORTED = "unsupported", _("this browser cannot check it")
    NOT_CHROMEOS = "not_chromeos", _("not on ChromeOS")
    DENIED = "denied", _("permission not given")
    NO_CAMERA = "no_camera", _("no camera found")
    NO_MICROPHONE = "no_microphone", _("no microphone found")
    DARK = "dark", _("the picture stayed dark")
    SILENT = "silent", _("the microphone heard nothing")
    NO_SOUND = "no_sound", _("the beeps were not counted right")
    NO_TOUCH = "no_touch", _("no touchscreen")
    WAS_AWAY = "was_away", _("left the page and came back")
    NUMBER_DIFFERS = "number_differs", _("the number was different")
    ASSET_TAG = "asset_tag", _("by the asset tag")
    NEW_ENOUGH = "new_enough", _("system new enough")
    OLD_VERSION = "old_version", _("system waits for an update")
    ANOTHER_WAY = "another_way", _("another way")
    BY_CHOICE = "by_choice", _("by choice")
    # Opened on the Chromebook: through which door.
    BOX = "box", _("with box code and staff number")
    SIGN_IN = "sign_in", _("signed in")
    # Only of checks that did not pass.
    SERIAL = "serial", _("another number was typed")
    OTHER_DEVICE = "other_device", _("the number belongs to another device")


class Via(TextChoices):
    """Through which door an event came."""

    BOX = "box", _("box code and staff number")
    SIGN_IN = "sign_in", _("signed in")
    STAFF = "staff", _("lead or IT")
    SYSTEM = "system", _("Kitto itself")


class EventKind(TextChoices):
    """What can happen on a journey."""

    BEGUN = "begun", _("began")
    STEP_OPENED = "step_opened", _("opened a step")
    STEP_DONE = "step_done", _("finished a step")
    STEP_UNDONE = "step_undone", _("took a step back")
    STEP_SKIPPED = "step_skipped", _("skipped a step")
    STEP_LIKELY = "step_likely", _("step likely done")
    CHECK_FAILED = "check_failed", _("a check did not pass")
    TROUBLE_OPENED = "trouble_opened", _("read a hint")
    ERROR_OPENED = "error_opened", _("looked an error up")
    ARRIVED = "arrived", _("arrived on the Chromebook")
    OTHER_ACCOUNT = "other_account", _("another account arrived")
    ENTERED = "entered", _("opened the guide again")
    PAUSED = "paused", _("goes on later")
    RESUMED = "resumed", _("went on")
    RECEIVED = "received", _("received the box")
    PAPER = "paper", _("works from paper")
    READY = "ready", _("ready for work")
    UNREADY = "unready", _("no longer ready")
    AT_HOME = "at_home", _("at home with it")
    NOT_AT_HOME = "not_at_home", _("practice taken back")
    CLOSED = "closed", _("closed")
    TOO_FAST = "too_fast", _("went faster than possible")
    HELP_CHANGED = "help_changed", _("help asked or answered")


class TallyKind(TextChoices):
    """What is counted about journeys, so that nobody has to count them all each minute."""

    STATUS = "status", _("how many are in a state")
    STEP = "step", _("how many stand at a step")
    DAY = "day", _("how many became ready on a day")
    TIME = "time", _("how many were ready within so many minutes")
    ALONE = "alone", _("how many are ready and never asked")
    NOTICED = "noticed", _("how many were noticed and may need help")
    ASKING = "asking", _("how many are ready and wait for an answer")
    TOOK = "took", _("how often a step took so long")
    QUESTION = "question", _("how often help was asked for at a step")
    MINUTES = "minutes", _("how many minutes of help were written down")
    COMPLETE = "complete", _("the counts hold everything")


class CloseReason(TextChoices):
    """Why a journey ended before its time."""

    LOAN_ENDED = "loan_ended", _("the device went back")
    PERSON_LEFT = "person_left", _("the person left")
    SWAPPED = "swapped", _("another device")
    LOST = "lost", _("the device is lost")


ADVANCING = (
    EventKind.STEP_DONE,
    EventKind.STEP_SKIPPED,
    EventKind.STEP_LIKELY,
)
