"""Finding a sentence by what a person remembers of it: parts, any width, any case, kana for kanji."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST = 2
# Of what was typed, so much must stand in a sentence where the words do not match as they are.
LIKE_ENOUGH = 0.6
WHOLE, PART = 2.0, 1.0
_HIRAGANA = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


def fold(text: str) -> str:
    """Return a text without width, case, spaces, punctuation and long marks, katakana as hiragana."""
    plain = unicodedata.normalize("NFKC", text).casefold().translate(_HIRAGANA)
    return "".join(
        character for character in plain if character.isalnum() and character != "ー"
    )


def likeness(typed: str, sentence: str) -> float:
    """Return how well what was typed fits a sentence; 0 for not at all.

    A whole sentence that stands in what was typed counts most, the longer the better; then parts of the
    sentence, in any order; then a text that shares most of its pairs of letters, as with typing mistakes.
    """
    whole, target = fold(typed), fold(sentence)
    words = [fold(word) for word in typed.split()]
    if min(len(whole), len(target)) < SHORTEST:
        return 0.0
    if target in whole:
        return WHOLE + len(target) / 1000
    if whole in target or all(word in target for word in words):
        return PART + len(whole) / len(target)
    shared = len(_pairs(whole) & _pairs(target))
    like = shared / min(len(_pairs(whole)), len(_pairs(target)))
    return like if like >= LIKE_ENOUGH else 0.0


def _pairs(text: str) -> set[str]:
    return {text[n : n + 2] for n in range(len(text) - 1)}


def best(typed: Iterable[str], sentences: Iterable[str]) -> float:
    """Return the best likeness between any way it was typed and any way it is said."""
    ways = list(typed)
    return max((likeness(way, said) for said in sentences for way in ways), default=0.0)
