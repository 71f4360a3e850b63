"""Signs that stand in a text for what is of one person only, until the page goes out.

What is drawn with them is the same for everybody. They are characters that Unicode keeps out of every text.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# The token of forms, the address to come back to, what tells one press from the next.
TOKEN, HERE, PRESS = "\ufdd0", "\ufdd1", "\ufdd2"
# A number where only digits may stand, as in addresses: no row has it, and it is written nowhere else.
NUMBER = 777_000_777_000_777
# A box code where only such a code may stand, and as pages show it: its letters are in no code.
BOX, BOX_SHOWN = "ZUZUZUZU", "ZUZU-ZUZU"
_WORDS = "\ufdd3\ufdd4\ufdd5\ufdd6\ufdd7\ufdd8\ufdd9\ufdda"
_BOUND = "\ufddb\ufddc\ufddd\ufdde\ufddf\ufde0\ufde1\ufde2"
_HOLES = "\ufde3\ufde4\ufde5\ufde6\ufde7\ufde8\ufde9\ufdea\ufdeb\ufdec\ufded\ufdee"
_FITTED = "\ufdef"
WORD = f"[{_WORDS}]"
WORDS = re.compile(f"[{_WORDS}{_BOUND}]")
ANY = re.compile(
    f"({NUMBER}|{BOX}|{BOX_SHOWN}|{_FITTED}[^{_FITTED}]*{_FITTED}|[\ufdd0-\ufdef])"
)


def words_of(names: Iterable[str]) -> dict[str, str]:
    """Return a sign for each of a few words, the same for the same names."""
    return dict(zip(sorted(names), _WORDS, strict=False))


def bound(sign: str) -> str:
    """Return the sign of a word that is to stay on one line."""
    return _BOUND[_WORDS.index(sign)]


def unbound(sign: str) -> str:
    """Return the sign of a word again that is to stay on one line; nothing of every other sign."""
    at = _BOUND.find(sign)
    return _WORDS[at] if at >= 0 else ""


def hole(at: int) -> str:
    """Return the sign of a place that is drawn for each page."""
    return _HOLES[at]


def hole_at(sign: str) -> int:
    """Return which place a sign stands for; less than nothing for every other sign."""
    return _HOLES.find(sign)


def fitted(sign: str, size: float, width: float) -> str:
    """Return a sign for how a word is pressed together, where letters of a size have so much room."""
    return f"{_FITTED}{sign} {size} {width}{_FITTED}"


def fitting(sign: str) -> tuple[str, float, float] | None:
    """Return the sign of the word, the size and the room again; nothing of every other sign."""
    if not sign.startswith(_FITTED):
        return None
    word, size, width = sign.strip(_FITTED).split(" ")
    return word, float(size), float(width)
