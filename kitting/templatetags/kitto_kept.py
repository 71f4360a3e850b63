"""`{% include %}` as Django has it, but what is the same on every page is drawn once and kept.

An icon stands on a page twenty times and more, and each include costs as much as a paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any

from django import template
from django.core.files.storage import storages
from django.template import loader
from django.template.loader_tags import IncludeNode, do_include
from django.utils import translation
from django.utils.html import conditional_escape
from django.utils.safestring import mark_safe

from kitting.site.rules import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.core.files.storage import Storage
    from django.template.base import FilterExpression, Parser, Token
    from django.utils.safestring import SafeString

register = template.Library()

# These depend on their arguments and on the addresses of static files, and on nothing else.
SAME_EVERYWHERE = frozenset({"components/_icon.html", "components/_logo.html"})


@register.tag
def include(parser: Parser, token: Token) -> IncludeNode:
    """Draw another template here; keep it where nothing in it can change.

    `{% include "a.html" with page=page big=True kept=label only %}` keeps it under a label that stands for everything
    the objects it is given hold; plain values and the language stand for themselves. Nothing else gets in, so
    that nothing of one person's page can be on another's. Without a label it is drawn each time.
    """
    node = do_include(parser, token)
    if node.isolated_context and LABEL in node.extra_context:
        return LabelledIncludeNode(
            node.template, extra_context=node.extra_context, isolated_context=True
        )
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


LABEL = "kept"
MOST = 1_500
TOKEN, HERE = "\ue000", "\ue001"  # no page of ours has these characters
drawn_once: dict[tuple[object, ...], tuple[Storage, SafeString]] = {}


class LabelledIncludeNode(IncludeNode):
    """An include that is kept under a label, and under the plain values beside it."""

    def render(self, context: template.Context) -> SafeString:
        """Return what was drawn first for these."""
        values = {name: value.resolve(context) for name, value in self.extra_context.items()}
        label = values.pop(LABEL)
        if not label:
            return super().render(context)
        plain = (value for value in values.values() if isinstance(value, (str, int, NoneType)))
        name = (self.template.var, label, *plain)
        noting = [value for value in values.values() if hasattr(value, "used")]
        return _kept(name, lambda: super(LabelledIncludeNode, self).render(context), noting)


def _kept(
    name: tuple[object, ...], draw: Callable[[], SafeString], noting: Sequence[Any] = ()
) -> SafeString:
    """Return what was drawn under a name; what used words of one person (see `Noted`) is not kept."""
    storage = storages["staticfiles"]
    name = (translation.get_language(), *name)
    found = drawn_once.get(name)
    if found is not None and found[0] is storage:
        return found[1]
    before = [one.used for one in noting]
    html = draw()
    if before == [one.used for one in noting]:
        if len(drawn_once) >= MOST:
            drawn_once.clear()
        drawn_once[name] = storage, html
    return html


@dataclass(frozen=True)
class _Reader:
    """What the switches of language and looks know of a request."""

    reading: Reading
    get_full_path: str = ""


@register.simple_tag(takes_context=True)
def reading_tools(context: template.Context) -> SafeString:
    """Draw the switches of language and looks: the same for all who read alike, but for token and address."""
    request = context["request"]
    token = str(context.get("csrf_token") or "")
    reading = getattr(request, "reading", Reading())
    blank = {"request": _Reader(reading), "here": HERE, "csrf_token": TOKEN}
    html = _kept(
        ("tools", reading),
        lambda: loader.render_to_string("components/_tools.html", blank),
    )
    here = str(context.get("here") or request.get_full_path() or "/")
    filled = html.replace(TOKEN, conditional_escape(token)).replace(
        HERE, conditional_escape(here)
    )
    return mark_safe(filled)  # noqa: S308  # drawn by a template; what is put in is escaped
