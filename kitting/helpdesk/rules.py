"""What the desk decides by itself: the order of a round, the words of an answer used again."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Row = TypeVar("Row")

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# Somebody whose ticket page was open so many seconds ago is said to be looking at it.
LOOKING_SECONDS = 60


def stops(rows: Iterable[Row], *, place: Callable[[Row], str]) -> list[tuple[str, list[Row]]]:
    """Return the stops of a round: each place once, where the most urgent row is first on top.

    `rows` come most urgent first and stay so within their place.
    """
    kept = list(rows)
    first = {name: at for at, name in reversed(list(enumerate(map(place, kept))))}
    ordered = sorted(kept, key=lambda row: first[place(row)])
    return [(name, list(found)) for name, found in groupby(ordered, key=place)]


def unknown_names(text: str, known: Iterable[str]) -> list[str]:
    """Return the names in braces that nothing stands for, in the order they appear."""
    names = set(known)
    return [name for name in dict.fromkeys(_NAME.findall(text)) if name not in names]


def fill_in(text: str, words: Mapping[str, str]) -> str:
    """Put the words of a ticket into an answer; a name without a word is left out with its braces."""
    return _NAME.sub(lambda found: str(words.get(found[1], "")), text).strip()
