"""`{% include %}` as Django has it, but what is the same on every page is drawn once and kept; and whole pages so.

An icon stands on a page twenty times and more, and each include costs as much as a paragraph.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import TYPE_CHECKING, Any, Self, cast

from django import template
from django.core.files.storage import storages
from django.template import loader
from django.template.loader_tags import IncludeNode, do_include
from django.utils import translation
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString, mark_safe

from kitting.lib import marks
from kitting.lib.marks import ANY, HERE, NUMBER, PRESS, TOKEN, WORDS, hole, hole_at
from kitting.site.rules import Reading
from kitting.templatetags.kitto import fit, nobreak
from kitting.templatetags.kitto_reading import with_readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from django.core.files.storage import Storage
    from django.template.base import FilterExpression, NodeList, Parser, Template, Token

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
        _make_room(drawn_once, MOST)
        drawn_once[name] = storage, html
    return html


def _make_room(kept: dict[tuple[object, ...], Any], most: int) -> None:
    """Forget the older half where it is full: what many see is soon drawn again, and not all of it at once."""
    if len(kept) >= most:
        for name in list(kept)[: most // 2]:
            kept.pop(name, None)  # another thread may have been here


@dataclass(frozen=True)
class _Reader:
    """What the switches of language and looks know of a request."""

    reading: Reading
    get_full_path: str = ""
    get_host: str = ""
    shared_pc: bool = False
    is_inside: bool = False


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


# --- whole pages ----------------------------------------------------------------------------------

HOLES = "_holes"
PAGES_MOST = 400


@register.tag
def fresh(parser: Parser, _token: Token) -> FreshNode:
    """Draw what it holds for each page anew, with all that is known of the person, also where the page is kept.

    It sees what the view gives, and nothing that a loop or a `with` around it does.
    """
    nodelist = parser.parse(("endfresh",))
    parser.delete_first_token()
    return FreshNode(nodelist)


class FreshNode(template.Node):
    """A stretch of a page that is never kept."""

    def __init__(self, nodelist: NodeList) -> None:
        """Keep what stands inside."""
        self.nodelist = nodelist

    def render(self, context: template.Context) -> SafeString:
        """Return the stretch, or a sign for it where the page around it is drawn to be kept."""
        holes = context.get(HOLES)
        if holes is None:
            return self.nodelist.render(context)
        holes.append(self.nodelist)
        return SafeString(hole(len(holes) - 1))


@dataclass(frozen=True)
class _Shown:
    """What a page says of the site."""

    service_name: str


class _Said(dict[str, str]):
    """What stands on one person's page for a sign; words are made ready when they are asked for."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Take words of one device or person by their signs."""
        super().__init__()
        self._words = words

    def __missing__(self, sign: str) -> str:
        if fitting := marks.fitting(sign):
            return fit(self._words.get(fitting[0], ""), *fitting[1:])
        if sign in self._words:
            return conditional_escape(self._words[sign])
        return nobreak(self._words.get(marks.unbound(sign), ""))


@dataclass(frozen=True, slots=True)
class _Kept:
    """A page cut at its signs: text and sign by turns, and what is drawn at its holes."""

    storage: Storage
    pieces: Sequence[str]
    holes: Sequence[NodeList]

    @classmethod
    def drawn(cls, page: Template, values: dict[str, Any]) -> Self:
        """Draw a page with signs for all that is of one person."""
        holes: list[NodeList] = []
        html = page.render(template.Context({**values, HOLES: holes}))
        return cls(storages["staticfiles"], ANY.split(html), holes)

    def filled(self, said: Mapping[str, str], context: template.Context) -> str:
        """Return the page of one person."""
        pieces = list(self.pieces)
        for at in range(1, len(pieces), 2):
            number = hole_at(pieces[at])
            if not 0 <= number < len(self.holes):
                pieces[at] = said[pieces[at]]
            elif html := self.holes[number].render(context).strip():
                pieces[at] = WORDS.sub(lambda sign: said[sign[0]], with_readings(html, context))
            else:
                pieces[at] = ""
        return "".join(pieces)


kept_pages: dict[tuple[object, ...], _Kept] = {}


@register.simple_tag(takes_context=True)
def alike_page(context: template.Context, name: str) -> SafeString:
    """Draw a page; where the view says what makes it alike for many (`alike`), only what differs.

    `alike` has what the page is drawn from: `same`, by value; `below`, kept under a `label`; `words` of one device
    or person by their sign. Nothing else gets in but through `fresh`, so that nothing of one person's page can be on
    another's.
    """
    page = cast("Template", context.template).engine.get_template(name)
    alike, request = context.get("alike"), context["request"]
    if alike is None:
        return page.render(context)
    shown = _Shown(request.profile.service_name)
    reader = _Reader(
        reading=request.reading,
        get_host=request.get_host(),
        shared_pc=request.shared_pc,
        is_inside=request.shared_pc and request.is_inside,
    )
    key = (name, translation.get_language(), alike.label, shown, reader, *alike.same.items())
    kept = kept_pages.get(key)
    if kept is None or kept.storage is not storages["staticfiles"]:
        values = {"request": reader, "profile": shown, "csrf_token": TOKEN, "here": HERE}
        kept = _Kept.drawn(page, {**values, "form_key": PRESS, **alike.same, **alike.below})
        _make_room(kept_pages, PAGES_MOST)
        kept_pages[key] = kept
    said = _Said(alike.words)
    said |= {
        TOKEN: conditional_escape(str(context["csrf_token"])),
        HERE: conditional_escape(context["here"]),
        PRESS: str(context.get("form_key") or ""),
        str(NUMBER): str(getattr(context["journey"], "pk", "")),
    }
    with context.render_context.push_state(page):
        return mark_safe(kept.filled(said, context))  # noqa: S308  # drawn by templates; what is put in is escaped
