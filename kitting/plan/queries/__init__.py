"""The plan with its people: who is in a wave, what was seen, what is not ready yet, what starts when."""

from kitting.plan.queries.calendars import (
    own_appointment,
    rollout_appointments,
    wave_appointment,
)
from kitting.plan.queries.members import loans_of, may_see, place_in_scope, waves_of_lead
from kitting.plan.queries.page import (
    PlanPage,
    departments_to_choose,
    helpers,
    plan_page,
    rollouts_listed,
)
from kitting.plan.queries.preflight import preflight
from kitting.plan.queries.seen import stuck_by_wave
from kitting.plan.queries.starts import (
    Start,
    start_at_box,
    start_of_journey,
    start_of_loan,
    waves_about_to_begin,
    waves_that_may_stop,
)

__all__ = [
    "PlanPage",
    "Start",
    "departments_to_choose",
    "helpers",
    "loans_of",
    "may_see",
    "own_appointment",
    "place_in_scope",
    "plan_page",
    "preflight",
    "rollout_appointments",
    "rollouts_listed",
    "start_at_box",
    "start_of_journey",
    "start_of_loan",
    "stuck_by_wave",
    "wave_appointment",
    "waves_about_to_begin",
    "waves_of_lead",
    "waves_that_may_stop",
]
