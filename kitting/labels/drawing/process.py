"""Draw the files of one printing: a program of its own, so that no page waits and no secret is near.

It reads an order as JSON from standard input and writes, to standard output, how many labels are
drawn as a number a line, then the pages of each file as JSON. It ends with 0, or with whatever
Python says where something cannot be drawn: what people can mend was checked before.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import TYPE_CHECKING, Any

from kitting.labels.drawing import Printing, draw_sheets
from kitting.labels.drawing.slips import draw_slips
from kitting.labels.drawing.tape import TapePrinting, draw_tape
from kitting.labels.sheets import (
    TAPES,
    Correction,
    Kind,
    Label,
    Sheet,
    Slip,
    SlipWords,
    Wording,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO, TextIO

MEMORY_BYTES = 1024 * 1024 * 1024
CPU_SECONDS = 240


def draw_order(order: Mapping[str, Any], heard: Callable[[int], None]) -> list[int]:
    """Draw every file of an order; return the pages (or pictures) of each.

    `heard` gets how many labels are drawn of all files together.
    """
    pages, before = [], 0
    for file in order["files"]:
        drawn = Counter(before, heard)
        with open(file["path"], "wb") as output:  # noqa: PTH123  # a plain path from the order
            pages.append(_draw_file(order, file, output, drawn))
        before = drawn.total
    return pages


class Counter:
    """Adds what one file says of its labels to those of the files before it."""

    def __init__(self, before: int, heard: Callable[[int], None]) -> None:
        """Begin where the file before ended."""
        self._before = before
        self._heard = heard
        self.total = before

    def __call__(self, drawn: int) -> None:
        """Pass on how many labels are drawn by now."""
        self.total = self._before + drawn
        self._heard(self.total)


def _draw_file(
    order: Mapping[str, Any], file: Mapping[str, Any], output: BinaryIO, heard: Counter
) -> int:
    if file["what"] == "slips":
        slips = [Slip(**slip) for slip in order["slips"]]
        words = SlipWords(**order["words"]["slips"])
        return draw_slips(slips=slips, words=words, output=output, heard=heard)
    kind = Kind(file["kind"])
    labels = [Label(**label) for label in order["labels"]]
    wording = Wording(**order["words"][kind])
    if file["what"] == "tape":
        tape = TapePrinting(kind, TAPES[file["tape"]], output, as_pictures=file["as_pictures"])
        return draw_tape(labels=labels, printing=tape, words=wording, heard=heard)
    fields = dict(file["sheet"])
    sheet = Sheet(**fields | {"paper": tuple(fields["paper"])})
    correction = Correction(**file["correction"])
    printing = Printing(kind, sheet, output, file["start"], correction, apart=file["apart"])
    return draw_sheets(labels=labels, printing=printing, words=wording, heard=heard)


def main(source: TextIO, answers: TextIO) -> None:
    """Draw the order that stands on standard input, within limits of memory and time."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))

    def heard(drawn: int) -> None:
        answers.write(f"{drawn}\n")
        answers.flush()

    pages = draw_order(json.load(source), heard)
    answers.write(json.dumps({"pages": pages}) + "\n")


if __name__ == "__main__":
    main(sys.stdin, sys.stdout)
