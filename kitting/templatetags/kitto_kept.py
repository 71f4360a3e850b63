"""`{% include %}` as Django has it, but what is the same on every page is drawn once and kept.

An icon stands on a page twenty times and more, and each include costs as much as a paragraph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.core.files.storage import storages
from django.template.loader_tags import IncludeNode, do_include

if TYPE_CHECKING:
    from django.core.files.storage import Storage
    from django.template.base import FilterExpression, Parser, Token
    from django.utils.safestring import SafeString

register = template.Library()

# These depend on their arguments and on the addresses of static files, and on nothing else.
SAME_EVERYWHERE = frozenset({"components/_icon.html"})


@register.tag
def include(parser: Parser, token: Token) -> IncludeNode:
    """Draw another template here; keep it where nothing in it can change."""
    node = do_include(parser, token)
    given = (node.template, *node.extra_context.values())
    if (
        node.isolated_context
        and all(map(_is_text, given))
        and node.template.var in SAME_EVERYWHERE
    ):
        return KeptIncludeNode(
            node.template, extra_context=node.extra_context, isolated_context=True
        )
    return node


def _is_text(expression: FilterExpression) -> bool:
    """Tell whether something stands there in quotes, with nothing done to it."""
    return isinstance(expression.var, str) and not expression.filters


class KeptIncludeNode(IncludeNode):
    """An include that is drawn once, for as long as static files have the same addresses."""

    kept: tuple[Storage, SafeString] | None = None

    def render(self, context: template.Context) -> SafeString:
        """Return what was drawn first."""
        storage = storages["staticfiles"]
        if self.kept is None or self.kept[0] is not storage:
            self.kept = storage, super().render(context)
        return self.kept[1]
