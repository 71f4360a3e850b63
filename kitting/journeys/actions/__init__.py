"""Everything that moves a journey: event, records and counters in one transaction."""

from kitting.journeys.actions.checking import (
    arrive,
    check_serial,
    fail_check,
    note_error,
    note_other_account,
    note_trouble,
)
from kitting.journeys.actions.counting import fold_tallies
from kitting.journeys.actions.entering import (
    BoxEntry,
    begin,
    enter,
    enter_by_box,
    open_door_again,
)
from kitting.journeys.actions.errors import (
    SYSTEM,
    JourneyClosedError,
    JourneyError,
    Moved,
    NoGuideError,
    NotBegunError,
    StartsStoppedError,
    UnknownStepError,
    Who,
)
from kitting.journeys.actions.facts import fact_of, progress_of, row_values
from kitting.journeys.actions.loans import (
    close_journeys,
    follow_loans,
    follow_waves,
    take_in_devices,
)
from kitting.journeys.actions.presses import take_press
from kitting.journeys.actions.resting import (
    end_box_sessions,
    erase_event_texts,
    go_on_paper,
    leave_paper,
    notice_many,
    pause,
    set_help_state,
    set_noticed,
)
from kitting.journeys.actions.steps import (
    declare_done,
    declare_phase,
    finish_step,
    open_step,
    pass_test,
    skip_step,
    undo_step,
)

__all__ = [
    "SYSTEM",
    "BoxEntry",
    "JourneyClosedError",
    "JourneyError",
    "Moved",
    "NoGuideError",
    "NotBegunError",
    "StartsStoppedError",
    "UnknownStepError",
    "Who",
    "arrive",
    "begin",
    "check_serial",
    "close_journeys",
    "declare_done",
    "declare_phase",
    "end_box_sessions",
    "enter",
    "enter_by_box",
    "erase_event_texts",
    "fact_of",
    "fail_check",
    "finish_step",
    "fold_tallies",
    "follow_loans",
    "follow_waves",
    "go_on_paper",
    "leave_paper",
    "note_error",
    "note_other_account",
    "note_trouble",
    "notice_many",
    "open_door_again",
    "open_step",
    "pass_test",
    "pause",
    "progress_of",
    "row_values",
    "set_help_state",
    "set_noticed",
    "skip_step",
    "take_in_devices",
    "take_press",
    "undo_step",
]
