"""What the board shows, as frozen answers that pages, sheets and programs share."""

from kitting.dashboard.queries.after import (
    AfterCounts,
    AfterPage,
    AfterRow,
    Register,
    RegisterRow,
    after_page,
    register,
)
from kitting.dashboard.queries.ground import Changes, last_changes
from kitting.dashboard.queries.groups import DepartmentRow
from kitting.dashboard.queries.insights import (
    GroupInsight,
    Insight,
    StepInsight,
    Sureness,
    divide,
    editions,
    insights,
    sureness,
)
from kitting.dashboard.queries.overview import Overview, overview
from kitting.dashboard.queries.people import (
    DepartmentPage,
    DevicePage,
    JourneyPage,
    PersonRow,
    department_page,
    device_page,
    journey_page,
)
from kitting.dashboard.queries.scope import (
    NO_FILTERS,
    Choices,
    Filters,
    choices,
    scope_key,
)
from kitting.dashboard.queries.steps import StepRow
from kitting.dashboard.queries.waves import WaveRow, wave_rows

__all__ = [
    "NO_FILTERS",
    "AfterCounts",
    "AfterPage",
    "AfterRow",
    "Changes",
    "Choices",
    "DepartmentPage",
    "DepartmentRow",
    "DevicePage",
    "Filters",
    "GroupInsight",
    "Insight",
    "JourneyPage",
    "Overview",
    "PersonRow",
    "Register",
    "RegisterRow",
    "StepInsight",
    "StepRow",
    "Sureness",
    "WaveRow",
    "after_page",
    "choices",
    "department_page",
    "device_page",
    "divide",
    "editions",
    "insights",
    "journey_page",
    "last_changes",
    "overview",
    "register",
    "scope_key",
    "sureness",
    "wave_rows",
]
