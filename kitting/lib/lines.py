"""Breaking a text into lines the way Japanese and English are set, for paper."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A Latin word or number with what hangs on it, a space, or any one other character.
_TOKEN = re.compile(r"[!-~\u00a0-\u024f\u2010-\u2027]+|[^\S\u3000]+|.", re.DOTALL)
_NOT_FIRST = frozenset(
    "、。，．・：；？！」』）］｝〉》】〕…‥ーゝゞ々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮヵヶ,.:;?!)]}%％"  # noqa: RUF001  # the marks themselves
)
_NOT_LAST = frozenset("「『（［｛〈《【〔([{")  # noqa: RUF001  # the marks themselves


def broken(text: str, width: float, measure: Callable[[str], float]) -> list[str]:
    """Cut a text into lines no wider than `width`, in the unit of `measure`.

    Latin words stay whole, closing marks never begin a line and opening ones never end it. A single
    word that is wider than a line is cut where it must be.
    """
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if not line or measure((line + piece).rstrip()) <= width:
            line = line + piece if line else piece.lstrip()
        else:
            lines.append(line.rstrip())
            line = piece.lstrip()
        while line and measure(line.rstrip()) > width:
            fitting = _fitting(line, width, measure)
            lines.append(line[:fitting])
            line = line[fitting:]
    return [*lines, line.rstrip()] if line.strip() else lines


def _pieces(text: str) -> list[str]:
    """Return the pieces between which a line may end."""
    pieces: list[str] = []
    for token in _TOKEN.findall(" ".join(text.split("\n"))):
        hangs = token[0] in _NOT_FIRST or token.isspace()
        held = bool(pieces) and pieces[-1].rstrip()[-1:] in _NOT_LAST
        if pieces and (hangs or held):
            pieces[-1] += token
        else:
            pieces.append(token)
    return pieces


def _fitting(line: str, width: float, measure: Callable[[str], float]) -> int:
    count = len(line) - 1
    while count > 1 and measure(line[:count]) > width:
        count -= 1
    return max(1, count)
