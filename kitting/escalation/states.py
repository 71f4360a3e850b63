"""The words of help and of the ladder."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class TicketKind(TextChoices):
    """What a ticket is about; at most one open a subject and kind."""

    HELP = "help", _("needs help")
    QUIET = "quiet", _("found by Kitto")
    LOSS = "loss", _("lost or stolen")
    FOUND = "found", _("found device")
    WRONG_BOX = "wrong_box", _("not my box")
    OTHER_ACCOUNT = "other_account", _("another account arrived")
    RETURN = "return", _("device to be returned")
    SWAP = "swap", _("exchange")
    TOO_FAST = "too_fast", _("faster than possible")
    DIRECTORY = "directory", _("Google says otherwise")


class Reason(TextChoices):
    """Why a ticket was opened."""

    ASKED = "asked", _("asked")
    NEVER_STARTED = "never_started", _("never started")
    SILENT = "silent", _("silent")
    SLOW = "slow", _("slow")
    FAILING = "failing", _("failing again and again")
    REPORTED = "reported", _("reported")


class TicketState(TextChoices):
    """Where a ticket stands."""

    NEW = "new", _("Received")
    TAKEN = "taken", _("Being handled")
    ANSWERED = "answered", _("Answered")
    RESOLVED = "resolved", _("Resolved")


class Source(TextChoices):
    """Who brought a ticket."""

    PERSON = "person", _("the person")
    SWEEP = "sweep", _("Kitto noticed")
    PHONE = "phone", _("by phone")
    STAFF = "staff", _("lead or IT")
    BOX_PAGE = "box_page", _("from the box page")
    LOSS_PAGE = "loss_page", _("from the page for losses")


class Level(TextChoices):
    """Rungs of the ladder, from the person up."""

    PERSON = "person", _("the person")
    COLLEAGUE = "colleague", _("colleague who offered to help")
    LEAD = "lead", _("lead")
    NAMED = "named", _("named helpers")
    DUTY = "duty", _("who is on duty")
    IT = "it", _("IT")
    IT_LEAD = "it_lead", _("IT lead")


class Case(TextChoices):
    """What a rule of the ladder is for: a reason, or a matter with a way of its own."""

    ASKED = "asked", _("somebody asked for help")
    NEVER_STARTED = "never_started", _("never started")
    SILENT = "silent", _("silent")
    SLOW = "slow", _("slow")
    FAILING = "failing", _("failing again and again")
    REPORTED = "reported", _("something was reported")
    LOSS = "loss", _("a device is lost")
    RETURN = "return", _("device to be returned")
    ANSWERED = "answered", _("answered, and nothing heard since")


class Reach(TextChoices):
    """By what a rung is told."""

    AUTO = "auto", _("what they can read: e-mail, else on their pages")
    MAIL = "mail", _("e-mail only")
    PAGE = "page", _("only on their pages")
    CHAT = "chat", _("only in chat rooms and programs")


class Quiet(TextChoices):
    """When a rung is left in peace."""

    OFF_HOURS = "off_hours", _("outside their working hours")
    NIGHT = "night", _("only at night")
    NEVER = "never", _("never: tell at once")


class Part(TextChoices):
    """Which part of its days a duty covers."""

    ALL = "all", _("day and night")
    OFFICE = "office", _("office hours")
    NIGHT = "night", _("nights and closed days")


class PleaAnswer(TextChoices):
    """What a colleague says who was asked to help."""

    NONE = "", _("no answer yet")
    GOING = "going", _("I'll go")
    NOT_NOW = "not_now", _("not now")
    HELPED = "helped", _("we solved it")


class EntryKind(TextChoices):
    """What a line of a ticket's timeline says."""

    OPENED = "opened", _("opened")
    WORDS = "words", _("wrote")
    RAISED = "raised", _("raised")
    SKIPPED = "skipped", _("rung skipped")
    TAKEN = "taken", _("took it")
    REPLY = "reply", _("answered")
    NOTE = "note", _("noted")
    GOING = "going", _("is on the way")
    PASSED = "passed", _("passed to IT")
    STILL = "still", _("still not working")
    BETTER = "better", _("works now")
    CANCELLED = "cancelled", _("taken back")
    RESOLVED = "resolved", _("resolved")
    CLOSED_BY_PROGRESS = "progress", _("went on alone")
    REOPENED = "reopened", _("opened again")
    MERGED = "merged", _("said again")
    OUTAGE = "outage", _("belongs to an outage")
    SINGLE = "single", _("goes on by itself")
    SNOOZED = "snoozed", _("put off")
    HELD = "held", _("put on hold")
    RELEASED = "released", _("taken off hold")
    REASSIGNED = "reassigned", _("given to somebody else")
    JOINED = "joined", _("joined with another ticket")
    TOOK_IN = "took_in", _("took another ticket in")
    NOT_TODAY = "not_today", _("not today")
    QUIETED = "quieted", _("nobody is told again")


class Wish(TextChoices):
    """How the person wants the answer."""

    SCREEN = "screen", _("on the screen")
    PHONE = "phone", _("by phone")
    VISIT = "visit", _("by a visit")


class LossLine(TextChoices):
    """What is done about a lost device, in this order."""

    CALL_BACK = "call_back", _("Call back whoever told of it")
    DISABLE = "disable", _("Disable the device in the Admin console")
    SEE = "see", _("See that it says “disabled”")
    ACCOUNT = "account", _("End the person's sign-ins, give a new password")
    REPORT = "report", _("Tell the one in charge of security")
    POLICE = "police", _("See that the police or the lost property office knows")
    DECIDE = "decide", _("Decide: found, exchanged, or gone for good")


class Ending(TextChoices):
    """How an outage ended for the questions about it."""

    SOLVED = "solved", _("it works again")
    SINGLE = "single", _("each question goes on by itself")


OPEN = (TicketState.NEW, TicketState.TAKEN, TicketState.ANSWERED)
TRANSITIONS = {
    TicketState.NEW: (TicketState.TAKEN, TicketState.ANSWERED, TicketState.RESOLVED),
    TicketState.TAKEN: (TicketState.ANSWERED, TicketState.RESOLVED, TicketState.NEW),
    TicketState.ANSWERED: (TicketState.TAKEN, TicketState.RESOLVED, TicketState.NEW),
    TicketState.RESOLVED: (TicketState.NEW, TicketState.TAKEN),
}
