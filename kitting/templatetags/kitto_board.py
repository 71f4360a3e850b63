"""Small sums on the pages of the board."""

from __future__ import annotations

from django import template

register = template.Library()


@register.simple_tag
def difference(done: int, plan: int) -> int:
    """Return how many more (or fewer) than planned."""
    return done - plan
