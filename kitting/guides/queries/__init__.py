"""What a page asks about a guide: in one language, filtered by flags, filled with words.

Published editions never change, so each is read once a process and kept.
"""

from kitting.guides.queries.errors import error_view, errors, find_errors
from kitting.guides.queries.kept import published_edition
from kitting.guides.queries.lists import choice_text, step_lines, step_title, trouble_choices
from kitting.guides.queries.pages import (
    applicable_steps,
    completion,
    lessons,
    outline,
    step_page,
    stuck_reasons,
)
from kitting.guides.queries.shapes import StepNotFoundError

__all__ = [
    "StepNotFoundError",
    "applicable_steps",
    "choice_text",
    "completion",
    "error_view",
    "errors",
    "find_errors",
    "lessons",
    "outline",
    "published_edition",
    "step_lines",
    "step_page",
    "step_title",
    "stuck_reasons",
    "trouble_choices",
]
