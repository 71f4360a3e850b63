"""Everything that opens, raises, answers and ends tickets."""

from kitting.escalation.actions.answering import better, cancel, still
from kitting.escalation.actions.asking import (
    REPORT_WINDOW,
    REPORTS_PER_CLIENT,
    ask,
    ask_for,
    report,
    report_loss,
    say_again,
    take_call,
)
from kitting.escalation.actions.climbing import RAISED, climb
from kitting.escalation.actions.departing import take_in_roll
from kitting.escalation.actions.errors import (
    AlbumFullError,
    AlreadyTakenError,
    JourneyOverError,
    NobodyReadsError,
    NotLostError,
    TicketEndedError,
    TicketError,
    TooManyReportsError,
)
from kitting.escalation.actions.helping import go, note, pass_to_it, reply, resolve, take
from kitting.escalation.actions.matters import mark_lost
from kitting.escalation.actions.rows import forget_photos, locked
from kitting.escalation.actions.rungs import ask_level
from kitting.escalation.actions.sweeping import sweep
from kitting.escalation.actions.waiting import (
    NOTHING,
    close_over,
    end,
    level_of_helper,
    wait_again,
)
from kitting.escalation.actions.waves import hold_wave, release_wave
from kitting.escalation.channels import tell_leads

__all__ = [
    "NOTHING",
    "RAISED",
    "REPORTS_PER_CLIENT",
    "REPORT_WINDOW",
    "AlbumFullError",
    "AlreadyTakenError",
    "JourneyOverError",
    "NobodyReadsError",
    "NotLostError",
    "TicketEndedError",
    "TicketError",
    "TooManyReportsError",
    "ask",
    "ask_for",
    "ask_level",
    "better",
    "cancel",
    "climb",
    "close_over",
    "end",
    "forget_photos",
    "go",
    "hold_wave",
    "level_of_helper",
    "locked",
    "mark_lost",
    "note",
    "pass_to_it",
    "release_wave",
    "reply",
    "report",
    "report_loss",
    "resolve",
    "say_again",
    "still",
    "sweep",
    "take",
    "take_call",
    "take_in_roll",
    "tell_leads",
    "wait_again",
]
