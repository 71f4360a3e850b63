"""Where labels lie on a sheet, what stands where on a label, and what can be printed at all."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address
from itertools import pairwise
from math import floor
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from kitting.labels.sheets import (
    DESIGNS,
    MM,
    SHEETS,
    TAPES,
    USUAL,
    Face,
    Kind,
    Label,
    Line,
    Sheet,
    Tape,
    Wording,
)
from kitting.lib.codes import LENGTH, normalise, parse, shown
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from qrcode.main import QRCode

qrcode, codes = Later("qrcode"), Later("qrcode.util")

SMALLEST_TEXT = 9.0  # points
SMALLEST_MODULE = 0.5  # mm; what phones read from any office printer
QUIET_ZONE = 4  # modules of white on each side, as the QR standard asks
UNPRINTABLE = 5.0  # mm at the paper's edge that office printers leave white
LARGEST_SCALE = 1.4
SMALLEST_DOTS = 4  # of a printer in a module, as the maker of the code asks
ELLIPSIS = "…"

# Points from the left edge of a design: right of the code with its quiet zone, and below it in
# line with its first dark module.
BESIDE = {Kind.BOX: 93.0, Kind.DEVICE: 67.0}
BELOW = 9.8

_ALPHANUMERIC: Final = 2  # the mode of the QR standard for capitals, digits and `$%*+-./:`
_ROUNDING = 1e-6
_TOLERANCE = 0.05  # mm; published measures are rounded
_UNEVEN_SIDES, _UNEVEN_ENDS = 1.5, 2.0  # mm
SLIP_MARK = "S"
DARK = re.compile(b"\x01+")  # a run of dark modules in a row
_SLIP_ADDRESS = re.compile(r"/S/([^/?#\s]+)")
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z._-]+")
_VOICED_APART = re.compile("[\u3041-\u30ff][\u3099\u309a]")


class Fault(StrEnum):
    """What can be wrong with the measures of a sheet; uneven ones are only suspicious."""

    EMPTY = "empty"
    OFF_PAPER = "off paper"
    OVERLAP = "overlap"
    UNEVEN_SIDES = "uneven sides"
    UNEVEN_ENDS = "uneven ends"


class AddressFault(StrEnum):
    """Why an address must not be printed."""

    LOCAL = "local"
    PATH = "path"
    LETTERS = "letters"


class Cell(NamedTuple):
    """Where a label lies: page from 1, and its upper left corner in mm from the paper's."""

    page: int
    left: float
    top: float


@dataclass(frozen=True)
class Frame:
    """A design fitted into the labels of a sheet: `width` in points before scaling, shift in mm."""

    width: float
    scale: float
    shift: float


def faults(sheet: Sheet) -> frozenset[Fault]:
    """Tell what is wrong with the measures of a sheet."""
    if min(sheet.columns, sheet.rows) < 1 or min(sheet.label_width, sheet.label_height) <= 0:
        return frozenset({Fault.EMPTY})
    last = position(sheet, sheet.count - 1)
    right = sheet.paper[0] - last.left - sheet.label_width
    bottom = sheet.paper[1] - last.top - sheet.label_height
    gap = min(sheet.pitch_x - sheet.label_width, sheet.pitch_y - sheet.label_height)
    found = {
        Fault.OFF_PAPER: min(sheet.left, sheet.top, right, bottom) < -_TOLERANCE,
        Fault.OVERLAP: gap < -_TOLERANCE,
        Fault.UNEVEN_SIDES: abs(sheet.left - right) > _UNEVEN_SIDES,
        Fault.UNEVEN_ENDS: abs(sheet.top - bottom) > _UNEVEN_ENDS,
    }
    return frozenset(fault for fault, is_so in found.items() if is_so)


def position(sheet: Sheet, number: int, start: int = 1) -> Cell:
    """Return where label `number` (from 0) lies, row by row; `start` (from 1) skips used places."""
    page, place = divmod(start - 1 + number, sheet.count)
    row, column = divmod(place, sheet.columns)
    return Cell(page + 1, sheet.left + column * sheet.pitch_x, sheet.top + row * sheet.pitch_y)


def pages(sheet: Sheet, labels: int, start: int = 1) -> int:
    """Return how many sheets that many labels take."""
    return position(sheet, labels - 1, start).page if labels else 0


class Part(NamedTuple):
    """The labels of one sheet: the first of them (from 0), how many, and where it lies (from 0)."""

    first: int
    labels: int
    place: int


def dealt(
    sheet: Sheet, heads: Sequence[str], start: int = 1, *, apart: bool = False
) -> list[Part]:
    """Deal labels out to sheets in their order, the first from place `start` (from 1) on.

    `heads` has one word for each label; `apart` begins a new sheet where it changes.
    """
    found: list[Part] = []
    first, place = 0, start - 1
    while first < len(heads):
        end = min(len(heads), first + sheet.count - place)
        if apart:
            end = next((n for n in range(first, end) if heads[n] != heads[first]), end)
        found.append(Part(first, end - first, place))
        first, place = end, 0
    return found


def holds(sheet: Sheet, kind: Kind) -> bool:
    """Tell whether a kind of label is readable on this sheet."""
    design = DESIGNS[kind]
    return sheet.label_width >= design.width and sheet.label_height >= design.height


def sheets_for(kind: Kind) -> list[Sheet]:
    """Return the known sheets that a kind of label fits on, the usual one first."""
    fitting = [sheet for sheet in SHEETS.values() if holds(sheet, kind)]
    return sorted(fitting, key=lambda sheet: sheet != USUAL[kind])


def frame(sheet: Sheet, kind: Kind) -> Frame:
    """Fit the design of a kind of label into the labels of a sheet, larger where there is room."""
    design = DESIGNS[kind]
    scale = min(
        sheet.label_width / design.width, sheet.label_height / design.height, LARGEST_SCALE
    )
    return Frame(
        width=sheet.label_width / scale * MM,
        scale=scale,
        shift=(sheet.label_height - design.height * scale) / 2,
    )


class Fit(NamedTuple):
    """A label on tape: the tape as a sheet of one label, turned by a quarter where it lies along it."""

    sheet: Sheet
    is_turned: bool


def on_tape(tape: Tape, kind: Kind) -> Fit | None:
    """Lay a kind of label on tape, across it or along it, as large as it goes; None if it is too small.

    Tape without end is cut where the label ends.
    """
    design = DESIGNS[kind]
    across = tape.dots / tape.dots_per_mm
    along = tape.length_dots / tape.dots_per_mm
    sizes = {
        False: (across, along or design.height),
        True: (along or design.width, across),
    }
    fits = [
        Fit(_one_label(tape.key, width, height), is_turned)
        for is_turned, (width, height) in sizes.items()
        if width >= design.width and height >= design.height
    ]
    return max(fits, key=lambda fit: frame(fit.sheet, kind).scale, default=None)


def _one_label(key: str, width: float, height: float) -> Sheet:
    return Sheet(key, 1, 1, width, height, 0.0, 0.0, width, height, paper=(width, height))


def papers_for(kind: Kind) -> list[Sheet | Tape]:
    """Return the known sheets, then the tapes, that a kind of label fits on, the usual one first."""
    tapes = [tape for tape in TAPES.values() if on_tape(tape, kind)]
    return [*sheets_for(kind), *tapes]


def whole_dots(side: float, modules: int, dots_per_mm: float) -> float:
    """Return the side of a code with its quiet zone, at most `side`, whose modules are whole dots."""
    every = modules + 2 * QUIET_ZONE
    return floor(side * dots_per_mm / every + _ROUNDING) * every / dots_per_mm


def dots_a_module(side: float, modules: int, dots_per_mm: float) -> int:
    """Return how many dots of a printer a module of a code takes."""
    return floor(side * dots_per_mm / (modules + 2 * QUIET_ZONE) + _ROUNDING)


def matrix(address: str) -> list[list[Any]]:
    """Return the modules of a QR code row by row, true where dark, without quiet zone.

    `address` must be in capitals (letters, digits, `$%*+-./:`): it then takes a third less room.
    Error correction is Q: a quarter of the code may be scratched.
    """
    return _encoded(address, _version(len(address))).modules


def is_readable(kind: Kind, modules: int) -> bool:
    """Tell whether a code with so many modules a side is coarse enough for a kind of label."""
    return DESIGNS[kind].qr[2] / (modules + 2 * QUIET_ZONE) >= SMALLEST_MODULE


@lru_cache(maxsize=8)
def _version(length: int) -> int:
    return _encoded("A" * length, None).version


def _encoded(address: str, version: int | None) -> QRCode[Any]:
    # Searching the best of the eight masks takes ten times as long. Mask 4 has the least penalty
    # on average for addresses of this form, and the tests read every code back.
    code: QRCode[Any] = qrcode.QRCode(
        version=version, error_correction=qrcode.ERROR_CORRECT_Q, border=0, mask_pattern=4
    )
    code.add_data(codes.QRData(address.encode("ascii"), mode=_ALPHANUMERIC), optimize=0)
    code.make(fit=version is None)
    return code


def address_fault(site_url: str) -> AddressFault | None:
    """Tell why labels must not carry the address of a site, such as https://kitto.example.lg.jp."""
    parts = urlsplit(site_url)
    if not parts.hostname or _is_local(parts.hostname):
        return AddressFault.LOCAL
    if parts.path.strip("/"):
        return (
            AddressFault.PATH
        )  # the code is printed in capitals, and paths know the difference
    return None if site_url.isascii() else AddressFault.LETTERS


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def near(name: str, names: Iterable[str]) -> list[str]:
    """Return the names somebody may have meant, the likeliest first, at most five."""
    known = list(dict.fromkeys(names))
    holding = [other for other in known if name in other]
    return list(dict.fromkeys([*holding, *get_close_matches(name, known, n=5, cutoff=0.4)]))[:5]


def printable(text: str) -> str:
    """Bring a text into the form it is printed in: on one line, kana in one piece."""
    # Not all of it: normalising would replace rare characters of names by common ones.
    return _VOICED_APART.sub(
        lambda found: unicodedata.normalize("NFC", found[0]), " ".join(text.split())
    )


def slip_shown(code: str) -> str:
    """Write the code of an account slip the way it is shown: nobody takes it for a box code."""
    return f"{SLIP_MARK}-{shown(code)}"


def read_scan(text: str) -> tuple[str, str]:
    """Tell what was scanned or typed: "slip" or "box", and its code; raises `CodeError`."""
    plain = unicodedata.normalize("NFKC", text).upper()
    if found := _SLIP_ADDRESS.search(plain):
        return "slip", parse(found[1])
    code = normalise(text)
    if len(code) == LENGTH + 1 and code.startswith(SLIP_MARK):
        return "slip", parse(code.removeprefix(SLIP_MARK))
    return "box", parse(text)


def file_name(text: str) -> str:
    """Return a text as part of the name of a file, whatever system it is unpacked on."""
    return _NOT_IN_NAMES.sub("_", text)


def missing_glyphs(text: str, known: Container[int]) -> tuple[str, ...]:
    """Return what a font lacks, each once; a variation selector comes with its character."""
    return tuple(
        dict.fromkeys(
            before + character if unicodedata.category(character) == "Mn" else character
            for before, character in pairwise(("", *text))
            if ord(character) not in known
        )
    )


@dataclass(frozen=True)
class Room:
    """The place lines may take: up to `right` points, measured by the font's own widths."""

    right: float
    measure: Callable[[Line], float]

    def fits(self, line: Line) -> bool:
        """Tell whether a line ends before the right edge."""
        return line.left + self.measure(line) <= self.right

    def shrink(self, line: Line) -> Line:
        """Make a line fit: smaller down to the smallest size, then cut at a word."""
        if self.fits(line):
            return line
        size = int(line.size * (self.right - line.left) / self.measure(line) * 20) / 20
        line = line._replace(size=max(SMALLEST_TEXT, size))
        words = line.text.split(" ")
        shorter = [" ".join(words[:count]) for count in range(len(words) - 1, 0, -1)]
        shorter += [words[0][:count] for count in range(len(words[0]) - 1, 0, -1)]
        return self.first([line.text, *(text + ELLIPSIS for text in shorter), ELLIPSIS], line)

    def first(self, texts: list[str], line: Line) -> Line:
        """Set the first of some texts that fits at the line's size, else the last one."""
        tried = [line._replace(text=text) for text in texts]
        return next(filter(self.fits, tried), tried[-1])


def fixed_lines(kind: Kind, label: Label, words: Wording, room: Room) -> list[Line]:
    """Lay out what is the same on every label with the same host and help desk."""
    left = BESIDE[kind]
    if kind == Kind.DEVICE:
        hint = enumerate(words.hint.splitlines())
        return [room.shrink(Line(text, left, 45 + 10.2 * row, 9)) for row, text in hint]
    head = enumerate(words.headline.splitlines())
    host, desk = printable(label.host), printable(label.help_line).split(" ")
    # The number stands at the end of the help line: what does not fit goes from the front.
    desks = [" ".join(desk[dropped:]) for dropped in range(len(desk))]
    stuck = [words.stuck % {"help": desks[0]}, *desks] if desks[0] else [""]
    unreadable = [words.unreadable % {"host": host}, host]
    return [
        *(
            room.shrink(Line(text, left, 16.8 + 13.2 * row, 11.5, Face.BOLD))
            for row, text in head
        ),
        room.shrink(room.first(stuck, Line("", left, 90, 9))),
        room.shrink(room.first(unreadable, Line("", BELOW, 101, 9))),
        room.shrink(Line(words.no_phone, BELOW, 111.5, 9)),
    ]


def own_lines(kind: Kind, label: Label, words: Wording, room: Room) -> list[Line]:
    """Lay out what differs from label to label: code, asset tag, and where the box belongs."""
    code, tag, left = shown(label.code), printable(label.asset_tag), BESIDE[kind]
    if kind == Kind.DEVICE:
        return _device_lines(Line(code, left, 20, 14, Face.MONO), Line(tag, left, 32, 10), room)
    # A long tag makes the code beside it smaller; a very long one takes a line of the place.
    beside = [
        (Line(code, left, 77.6, size, Face.MONO), Line(tag, left + 7 + size * 4.5, 78, 9))
        for size in (17, 16, 15, 14, 13)
    ]
    big, small = next((pair for pair in beside if room.fits(pair[1])), beside[0])
    if not room.fits(small):
        return [big, room.shrink(Line(tag, left, 57, 9)), *_whose_lines(label, 1, room)]
    caption = [room.shrink(Line(words.asset, small.left, 67.4, 9))] if tag else []
    return [big, small, *caption, *_whose_lines(label, 2, room)]


def _whose_lines(label: Label, rows: int, room: Room) -> list[Line]:
    """Lay out whom a box is for: where it goes, and the person where the site wants that."""
    person = printable(label.person)
    if not person:
        return _place_lines(label, rows, room)
    left = BESIDE[Kind.BOX]
    if rows == 1:
        return [room.shrink(Line(person, left, 45, 10.5))]
    return [*_place_lines(label, 1, room), room.shrink(Line(person, left, 56, 10.5))]


def _device_lines(code: Line, tag: Line, room: Room) -> list[Line]:
    if room.fits(tag._replace(size=SMALLEST_TEXT)):
        return [code, room.shrink(tag)]
    first = tag._replace(size=SMALLEST_TEXT, baseline=26.8)
    heads = [first._replace(text=tag.text[:count]) for count in range(len(tag.text) - 1, 0, -1)]
    rests = [first._replace(text=tag.text.removeprefix(h.text), baseline=36.2) for h in heads]
    # Better broken after a hyphen than anywhere, better anywhere than cut.
    head, rest = min(
        ((head, rest) for head, rest in zip(heads, rests, strict=True) if room.fits(head)),
        key=lambda halves: (not room.fits(halves[1]), not halves[0].text.endswith("-")),
    )
    return [code._replace(baseline=17.2), head, room.shrink(rest)]


def _place_lines(label: Label, rows: int, room: Room) -> list[Line]:
    # What does not fit goes from the top: a section says more than its bureau.
    words, place = printable(label.department).split(" "), printable(label.place)
    tried = [
        _lines_of(" ".join(words[above:]), place, rows, room) for above in range(len(words))
    ]
    return next(
        (lines for lines in tried if not any(ELLIPSIS in line.text for line in lines)), tried[0]
    )


def _lines_of(department: str, place: str, rows: int, room: Room) -> list[Line]:
    # A nursery is often its own department.
    parts = [department] if place in department.split(" ") else [department, place]
    parts = [part for part in parts if part]
    left = BESIDE[Kind.BOX]
    alone = Line("\N{IDEOGRAPHIC SPACE}".join(parts), left, 50.5 if rows > 1 else 45, 10.5)
    if rows == 1 or room.fits(alone._replace(size=SMALLEST_TEXT)):
        return [room.shrink(alone)]
    words = " ".join(parts).split(" ")
    halves = [
        parts,
        *([" ".join(words[:n]), " ".join(words[n:])] for n in range(1, len(words))),
    ]
    pairs = [
        [Line(text, left, 44.6 + 11 * row, SMALLEST_TEXT) for row, text in enumerate(half)]
        for half in halves
    ]
    return next(
        (pair for pair in pairs if all(map(room.fits, pair))), [*map(room.shrink, pairs[0])]
    )
