"""What the demo's bar on every page asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from kitting.demo.queries import play_state

if TYPE_CHECKING:
    from kitting.demo.queries import PlayState

register = template.Library()


@register.simple_tag
def demo_play() -> PlayState | None:
    """Return how far the city has been played (one query)."""
    return play_state()
