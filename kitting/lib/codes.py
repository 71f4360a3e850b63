"""Box codes: eight characters that survive being read aloud, typed on a phone and misheard."""

from __future__ import annotations

import re
import secrets
import unicodedata
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

# 29 is prime: with weights that differ, every single substitution and every swap of two
# places changes the sum. 0 1 I L O U Z are left out because people mix them up.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXY"
LENGTH = 8
_MODULUS = len(ALPHABET)
_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 1)  # the last one belongs to the check character
_VALUES = {character: value for value, character in enumerate(ALPHABET)}

_IN_ADDRESS = re.compile(r"(?:[^?#]*/)?D/([^/?#]*)")
# Dashes and bars that are typed for a hyphen but are no dash punctuation in Unicode: minus,
# long vowel mark, box drawing lines, underscore, tilde; and the Japanese middle dot.
_BARS = frozenset("\N{MINUS SIGN}ー─━_~・")
_SILENT_CATEGORIES = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Pd"})

Reason = Literal["length", "characters", "check"]


class CodeError(ValueError):
    """A text that is no box code; `reason` says why, `characters` which ones no code has."""

    def __init__(self, reason: Reason, characters: tuple[str, ...] = ()) -> None:
        """Keep the reason and the impossible characters, each once, in order of appearance."""
        super().__init__(reason, characters)
        self.reason: Reason = reason
        self.characters = characters


def make_code(choose: Callable[[str], str] = secrets.choice) -> str:
    """Make a new box code of seven random characters and a check character, no hyphen.

    `choose` picks one character of the alphabet; pass another one only in tests and the demo.
    """
    body = "".join(choose(ALPHABET) for _ in range(LENGTH - 1))
    return body + ALPHABET[-_weighted_sum(body) % _MODULUS]


def is_valid(code: str) -> bool:
    """Tell whether the text is a box code exactly as stored: eight characters that check out."""
    return (
        len(code) == LENGTH
        and all(character in _VALUES for character in code)
        and _weighted_sum(code) % _MODULUS == 0
    )


def normalise(text: str) -> str:
    """Bring what a person typed or scanned into the form codes are stored in.

    Full-width becomes half-width and small becomes capital; spaces, hyphens of all kinds and
    an address around the code (`https://host/d/K7M39QXP`) disappear. Checks nothing.
    """
    plain = unicodedata.normalize("NFKC", text).upper().strip()
    in_address = _IN_ADDRESS.match(plain)
    if in_address:
        plain = in_address[1]
    return "".join(character for character in plain if not _is_silent(character))


def parse(text: str) -> str:
    """Read a box code from what a person typed or scanned; raises `CodeError`."""
    code = normalise(text)
    impossible = tuple(dict.fromkeys(c for c in code if c not in _VALUES))
    if len(code) != LENGTH:
        raise CodeError("length", impossible)
    if impossible:
        raise CodeError("characters", impossible)
    if not is_valid(code):
        raise CodeError("check")
    return code


def shown(code: str) -> str:
    """Write a stored code the way labels and pages show it, such as K7M3-9QXP."""
    half = LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def _weighted_sum(code: str) -> int:
    return sum(
        weight * _VALUES[character] for weight, character in zip(_WEIGHTS, code, strict=False)
    )


def _is_silent(character: str) -> bool:
    return character in _BARS or unicodedata.category(character) in _SILENT_CATEGORIES
