"""The few marks of Markdown that a guide's texts may hold: **strong**, `code` and [links](https://…)."""

from __future__ import annotations

import re

import nh3

_ANY = re.compile(r"[*`\[]")
# Not before another backslash: \\server\share is written in many offices.
_LITERAL = re.compile(r"\\([*`\[])")
_CODE = re.compile(r"`([^`\n]+)`")
_STRONG = re.compile(r"\*\*(?=\S)([^\n]+?)(?<=\S)\*\*")
_LINK = re.compile(r"\[([^\[\]\n]+)\]\((https://[^\s()<>\"']+|tel:[0-9+-]+)\)")
_TAG = re.compile(r"(<[^>]*>)")
TAGS = {"a", "code", "strong"}
ATTRIBUTES = {"a": {"href"}}
SCHEMES = {"https", "tel"}


def as_html(escaped: str) -> str:
    """Return an escaped text with its marks as HTML; no other tag, attribute or scheme comes through.

    Marks may touch Japanese words and brackets on both sides, which CommonMark does not take for marks.
    A backslash keeps a mark as it is written. What is left standing is text.
    """
    if not _ANY.search(escaped):
        return escaped
    kept = _LITERAL.sub(lambda match: f"&#{ord(match[1])};", escaped)
    kept = _CODE.sub(lambda match: f"<code>{_untouched(match[1])}</code>", kept)
    kept = _STRONG.sub(r"<strong>\1</strong>", kept)
    kept = _LINK.sub(r'<a href="\2">\1</a>', kept)
    cleaned = nh3.clean(
        kept,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes=SCHEMES,
        link_rel="noopener noreferrer",
    )
    # The cleaner writes quotation marks of texts as they are; whoever goes on looks for them escaped.
    return "".join(
        chunk if chunk.startswith("<") else chunk.replace('"', "&quot;").replace("'", "&#x27;")
        for chunk in _TAG.split(cleaned)
    )


def plain(text: str) -> str:
    """Return a text without its marks, for paper and whatever else knows no HTML; links keep their address."""
    if not _ANY.search(text):
        return text
    hidden = _LITERAL.sub(lambda match: f"\0{ord(match[1])}\0", text)
    said = _LINK.sub(
        lambda match: f"{match[1]} ({match[2].removeprefix('tel:')})",
        _STRONG.sub(r"\1", _CODE.sub(r"\1", hidden)),
    )
    return re.sub(r"\0(\d+)\0", lambda match: chr(int(match[1])), said)


def _untouched(code: str) -> str:
    return code.replace("*", "&#42;").replace("[", "&#91;")
