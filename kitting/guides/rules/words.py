"""Variables in the words of a guide, and conditions on flags."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


LANGUAGES = ("ja", "en")
LONGEST_CONDITION = 200


_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")


BRACED = re.compile(r"\{([^{}]*)\}")
_COMPARISON = re.compile(r"([a-z][a-z0-9_]*) ?(==|!=) ?([A-Za-z0-9_.-]+)")


def fill(text: str, words: Mapping[str, str]) -> str:
    """Put the site's and the device's words into a text.

    A name nobody gave a word for stays visible as it is. Words are put in once: braces inside a word
    stay braces. Escaping is the template's part.
    """
    return _VARIABLE.sub(lambda found: str(words.get(found[1], found[0])), text)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One flag and the value it must or must not have."""

    flag: str
    is_equal: bool
    value: str


@lru_cache(maxsize=512)
def parse_when(when: str) -> tuple[tuple[Comparison, ...], ...] | None:
    """Return the alternatives of a condition, each a row of comparisons that must all hold.

    `and` binds tighter than `or`. Nothing written means always: one empty row. None if unreadable.
    """
    text = " ".join(when.split())
    if not text:
        return ((),)
    rows = []
    for alternative in text.split(" or "):
        found = [_COMPARISON.fullmatch(part) for part in alternative.split(" and ")]
        row = tuple(Comparison(m[1], m[2] == "==", m[3]) for m in found if m)
        if len(row) < len(found):
            return None
        rows.append(row)
    return tuple(rows)


def matches(when: str, flags: Mapping[str, str]) -> bool:
    """Tell whether a condition holds for a site's flags.

    What cannot be read holds: a line too many does less harm than a missing one.
    """
    alternatives = parse_when(when)
    return alternatives is None or any(
        all((flags.get(c.flag, "") == c.value) is c.is_equal for c in row)
        for row in alternatives
    )
