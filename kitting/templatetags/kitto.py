"""Small words about text and figures that templates need everywhere; all pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from django import template
from django.conf import settings
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from kitting.lib import marks
from kitting.lib.codes import LENGTH, shown
from kitting.lib.markup import as_html
from kitting.lib.ruby import Marked, as_yomi

if TYPE_CHECKING:
    from collections.abc import Callable

register = template.Library()

_TAG = re.compile(r"(<[^>]*>)")
# Wi-Fi, K7M3-9QXP, asahi-staff, Ctrl+Alt; a figure with its unit (30 秒, 1 枚), a phone.
_HYPHENATED = r"(?<![A-Za-z0-9&#-])[A-Za-z0-9]+(?:[-+][A-Za-z0-9]+)+(?![A-Za-z0-9;])"
_COUNTED = (
    r"(?<![A-Za-z0-9&#.,-])\d+(?:[.,〜~-]\d+)* ?"
    r"(?:分|秒|時間|日|人|件|回|枚|台|文字|桁|cm|mm|%|\N{FULLWIDTH PERCENT SIGN})"
)
_TOGETHER = re.compile(rf"内線 ?\d+|{_COUNTED}|{_HYPHENATED}|{marks.WORD}")
_LONGEST = 24  # a longer word would push the page sideways at 320 px and large text
_LABEL = re.compile(r"「([^「」]+)」|&quot;((?:(?!&quot;).)+)&quot;")

# One drawing a step: templates/art/<key of the step>.html.
_PICTURES = frozenset(
    path.stem for path in (settings.BASE_DIR / "templates" / "art").glob("*.html")
)


@dataclass(frozen=True)
class Piece:
    """One piece of a bar: its kind, and where it lies as percentages for SVG attributes."""

    kind: str
    x: str
    width: str


@register.filter
def nobreak(text: object) -> SafeString:
    """Keep Wi-Fi, codes and figures with their units on one line; escapes what is not safe."""
    return _on_words(text, lambda words: _TOGETHER.sub(_kept_together, words))


@register.filter
def marker(text: object) -> SafeString:
    """Mark the words in 「…」 (or "…") that stand on the device itself; escapes what is not safe.

    What the guide's author marked (**strong**, `code`, links) is shown so.
    """
    return _on_words(text, lambda words: _LABEL.sub(_marked, words), written=as_html)


@register.filter
def code(text: object) -> str:
    """Write a stored box code as labels show it, such as K7M3-9QXP; leave anything else alone."""
    plain = "" if text is None else str(text)
    return shown(plain) if len(plain) == LENGTH else plain


@register.filter
def absolute(number: float) -> float:
    """Return a difference without its sign, where shape and word say the direction."""
    return abs(number)


@register.filter
def percent(part: float | str | None, whole: float | str | None) -> str:
    """Write a share with one decimal, such as 70.7%; 100% only for all, 0% only for none."""
    share = _ratio(part, whole)
    if share is None:
        return "\N{EN DASH}"
    if share in {0.0, 1.0}:
        return f"{share:.0%}"
    return f"{min(max(share, 0.001), 0.999):.1%}"


@register.filter
def share(part: float | str | None, whole: float | str | None) -> str:
    """Return a share as a percentage for SVG attributes, the same in every language."""
    return f"{(_ratio(part, whole) or 0.0) * 100:.2f}%"


@register.filter
def has_picture(key: object) -> bool:
    """Tell whether a step of that key is drawn."""
    return key in _PICTURES


@register.filter
def before_bracket(text: object) -> str:
    """Return what stands before a remark in brackets: a phone without its hours."""
    return re.split(r"[(\uff08]", str(text or ""), maxsplit=1)[0].strip()


@register.simple_tag
def picture_words(  # noqa: PLR0913, PLR0917  # a place and a size: what words in a picture take
    text: object,
    x: float,
    y: float,
    size: float,
    width: float,
    kind: str = "t",
    anchor: str = "",
) -> SafeString:
    """Write words into a drawing, pressed together where they would be wider than `width`."""
    words = str(text or "")
    is_sign = re.fullmatch(marks.WORD, words)
    return format_html(
        '<text x="{}" y="{}" font-size="{}" class="{}"{}{}>{}</text>',
        x,
        y,
        size,
        kind,
        format_html(' text-anchor="{}"', anchor) if anchor else "",
        marks.fitted(words, size, width) if is_sign else fit(words, size, width),
        words,
    )


def fit(words: str, size: float, width: float) -> SafeString:
    """Return what presses words in a picture together where they would be wider than `width`."""
    wide = sum(size * (1.0 if character > "\u2000" else 0.56) for character in words)
    if wide <= width:
        return SafeString()
    return format_html(' textLength="{}" lengthAdjust="spacingAndGlyphs"', f"{width:g}")


@register.simple_tag
def stacked(least: float = 0.8, **counts: int | None) -> SafeString:
    """Draw the pieces of a bar; ready text, for a table of departments holds a hundred of them."""
    return mark_safe(  # noqa: S308  # names of the template and figures
        "".join(
            f'<rect class="c-{piece.kind}" x="{piece.x}" width="{piece.width}" height="100%"/>'
            for piece in pieces(least, **counts)
        )
    )


def pieces(least: float = 0.8, **counts: int | None) -> list[Piece]:
    """Cut a bar into its kinds in the order given, such as done=3 none=1.

    A piece that is not nothing is at least `least` per cent long, so that it is seen.
    """
    present = {kind: int(count) for kind, count in counts.items() if count and count > 0}
    whole = sum(present.values())
    widths = {kind: max(least, count * 100 / whole) for kind, count in present.items()}
    if widths:
        longest = max(widths, key=lambda kind: widths[kind])
        widths[longest] += 100 - sum(widths.values())
    ends = [0.0, *accumulate(widths.values())]
    return [
        Piece(kind, f"{x:.2f}%", f"{width:.2f}%")
        for (kind, width), x in zip(widths.items(), ends, strict=False)
    ]


def _on_words(
    text: object, change: Callable[[str], str], *, written: Callable[[str], str] | None = None
) -> SafeString:
    """Change the words of a text and leave its tags as they are; keep what its author marked."""
    words = text if isinstance(text, str) else "" if text is None else str(text)
    marks = words.with_marks if isinstance(words, Marked) else ""
    escaped: str = conditional_escape(marks or words)
    if written and not isinstance(words, SafeString):
        escaped = written(escaped)
    changed = "".join(
        chunk if chunk.startswith("<") else change(chunk) for chunk in _TAG.split(escaped)
    )
    return mark_safe(as_yomi(changed) if marks else changed)  # noqa: S308  # escaped above; only our own tags were added


def _kept_together(match: re.Match[str]) -> str:
    words = match[0]
    if re.fullmatch(marks.WORD, words):
        return marks.bound(words)
    return words if len(words) > _LONGEST else f'<span class="nb">{words}</span>'


def _marked(match: re.Match[str]) -> str:
    if match[1] is not None:
        return f'「<b class="ui">{match[1]}</b>」'
    return f'&quot;<b class="ui">{match[2]}</b>&quot;'


def _ratio(part: float | str | None, whole: float | str | None) -> float | None:
    try:
        return float(part or 0) / float(whole or 0)
    except (ZeroDivisionError, ValueError):
        return None
