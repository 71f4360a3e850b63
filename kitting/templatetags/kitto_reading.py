"""Readings above the kanji of a page, from the list of its guide and from Kitto's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.utils import translation
from django.utils.safestring import mark_safe

from kitting.guides.queries.kept import readings_of
from kitting.lib.ruby import annotated
from kitting.site.rules import RUBY_GRADES, Reading

if TYPE_CHECKING:
    from django.template.base import NodeList, Parser, Token
    from django.utils.safestring import SafeString

register = template.Library()


@register.tag
def furigana(parser: Parser, _token: Token) -> FuriganaNode:
    """Put readings above the kanji of what it holds, as far as the person wishes; in Japanese only."""
    nodelist = parser.parse(("endfurigana",))
    parser.delete_first_token()
    return FuriganaNode(nodelist)


class FuriganaNode(template.Node):
    """A stretch of a page; a `journey` of the context says which guide's readings hold."""

    def __init__(self, nodelist: NodeList) -> None:
        """Keep what stands inside."""
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        """Return the stretch, with readings where they are wished for."""
        return with_readings(self.nodelist.render(context), context)


def with_readings(html: str, context: template.Context) -> SafeString:
    """Put readings above the kanji of some HTML where the person wishes for them."""
    reading = getattr(context.get("request"), "reading", Reading())
    if reading.ruby not in RUBY_GRADES or translation.get_language() != "ja":
        return mark_safe(html)  # noqa: S308  # safe before
    edition_id = getattr(context.get("journey"), "edition_id", None)
    found = annotated(html, readings_of(edition_id), above=RUBY_GRADES[reading.ruby])
    return mark_safe(found)  # noqa: S308  # safe before; only our own tags were added
