"""The words of guides."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class EditionState(TextChoices):
    """Where an edition stands; a published one never changes."""

    DRAFT = "draft", _("draft")
    PUBLISHED = "published", _("published")
    RETIRED = "retired", pgettext_lazy("edition", "retired")


class Milestone(TextChoices):
    """What a step counts towards."""

    READY = "ready", _("ready for work")
    AT_HOME = "at_home", _("at home with it")


class CheckType(TextChoices):
    """What proves that a step is done."""

    QR_DEVICE_MATCH = "qr_device_match", _("box matches the person")
    SELF_REPORT = "self_report", _("the person says so")
    ARRIVAL = "arrival", _("opened on the Chromebook")
    DIRECTORY_ENROLLED = "directory_enrolled", _("enrolled according to the directory")
    SERIAL_MATCH = "serial_match", _("last four of the serial number")
    IDLE_LOCK = "idle_lock", _("screen was locked")
    TOUCH_PRACTICE = "touch_practice", _("touch practice")
    TOUCHPAD_PRACTICE = "touchpad_practice", _("touchpad practice")
    IME_PRACTICE = "ime_practice", _("typing practice")
    LEAVE_AND_RETURN = "leave_and_return", _("left the page and came back")
    AV_TEST = "av_test", _("camera, microphone and sound")
    OS_VERSION = "os_version", _("system is new enough")
    QUIZ = "quiz", _("questions answered")


class Call(TextChoices):
    """Who solves what an error on the screen says."""

    SELF = "self", _("the person")
    BOTH = "both", _("the person once, then IT")
    IT = "it", _("IT only")


class ReadOn(TextChoices):
    """Where the steps of a phase can be read."""

    PHONE_OR_PAPER = "phone_or_paper", _("on a phone or on paper")
    CHROMEBOOK = "chromebook", _("on the Chromebook")


class ItemKind(TextChoices):
    """What a thing beside the steps asks of the person."""

    TICK = "tick", _("to be ticked")
    MACROS = "macros", _("a list of macros")
    TIME = "time", _("a day and a time")
    OLD_PC = "old_pc", _("the old PC")
    RULES = "rules", _("the rules of use")


class ProblemKind(TextChoices):
    """What can be wrong in a guide's file; the labels are sentences for its author."""

    MISSING = "missing", _("Something must stand here.")
    NOT_A_LIST = "not_a_list", _("A list must stand here.")
    NOT_A_MAPPING = "not_a_mapping", _("Named fields must stand here.")
    NOT_A_TEXT = "not_a_text", _("A single text must stand here.")
    NOT_BILINGUAL = "not_bilingual", _("A text with ja and en must stand here.")
    NOT_YES_OR_NO = "not_yes_or_no", _("Only true or false may stand here.")
    UNKNOWN_FIELD = "unknown_field", _("This field is not known: %(detail)s.")
    BAD_KEY = (
        "bad_key",
        _("Only small letters, digits, - and _ may stand here, at most 40: %(detail)s."),
    )
    BAD_NUMBER = "bad_number", _("A whole number from 1 to 240 must stand here.")
    TOO_LONG = "too_long", _("At most %(detail)s characters may stand here.")
    DUPLICATE = "duplicate", _("This stands twice: %(detail)s.")
    UNKNOWN_PHASE = "unknown_phase", _("No phase has this id: %(detail)s.")
    PHASE_ORDER = (
        "phase_order",
        _("This step stands after a step of a later phase: %(detail)s."),
    )
    UNKNOWN_MILESTONE = "unknown_milestone", _("This milestone is not known: %(detail)s.")
    UNKNOWN_KIND = "unknown_kind", _("This kind is not known here: %(detail)s.")
    UNKNOWN_CHECK = "unknown_check", _("This type of check is not known: %(detail)s.")
    UNKNOWN_PLACE = "unknown_place", _("This place to read is not known: %(detail)s.")
    UNKNOWN_CALL = "unknown_call", _("This way to solve it is not known: %(detail)s.")
    UNKNOWN_SOURCE = "unknown_source", _("This source is not known: %(detail)s.")
    UNKNOWN_DEFAULT = "unknown_default", _("The default is not among the values: %(detail)s.")
    UNKNOWN_STEP = "unknown_step", _("No step has this id: %(detail)s.")
    UNKNOWN_FLAG = "unknown_flag", _("No flag has this name: %(detail)s.")
    UNKNOWN_VALUE = "unknown_value", _("The flag never has this value: %(detail)s.")
    UNKNOWN_VARIABLE = "unknown_variable", _("No variable has this name: %(detail)s.")
    UNREADABLE_CONDITION = (
        "unreadable_condition",
        _("This condition cannot be read: %(detail)s."),
    )
    BAD_MARK = "bad_mark", _("A mark is {kanji|kana}, both filled: %(detail)s.")
    BAD_READING = "bad_reading", _("This reading does not fit its word: %(detail)s.")
    NO_RIGHT_CHOICE = "no_right_choice", _("This question has no right answer.")
