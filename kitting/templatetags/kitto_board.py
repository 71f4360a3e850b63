"""Small sums on the pages of the board."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from django import template
from django.template.loader import render_to_string
from django.utils.translation import get_language

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from kitting.dashboard.queries import DepartmentRow

# All departments of a large city as they look now, and as they looked a while ago.
ROWS_KEPT = 2_000

register = template.Library()


@register.simple_tag
def difference(done: int, plan: int) -> int:
    """Return how many more (or fewer) than planned."""
    return done - plan


@register.simple_tag
def department_row(row: DepartmentRow, is_outside: bool) -> SafeString:  # noqa: FBT001  # templates pass no names
    """Draw a department; from one minute to the next most of them say the same and are not drawn anew."""
    return _drawn(row, is_outside=is_outside, language=get_language() or "")


# The words come in the language that is active: it is named here to tell drawings apart.
@lru_cache(maxsize=ROWS_KEPT)
def _drawn(row: DepartmentRow, *, is_outside: bool, language: str) -> SafeString:
    return render_to_string(
        "dashboard/_department.html", {"row": row, "is_outside": is_outside}
    )
