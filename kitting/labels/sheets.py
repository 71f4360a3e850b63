"""Label paper and labels as data: sizes one can buy, and what a label says and measures."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

A4 = (210.0, 297.0)
MM = 72 / 25.4  # points in a millimetre


class Kind(StrEnum):
    """The two labels of a pair."""

    BOX = "box"
    DEVICE = "device"


class Face(StrEnum):
    """The faces labels are set in."""

    REGULAR = "regular"
    BOLD = "bold"
    MONO = "mono"


@dataclass(frozen=True)
class Sheet:
    """One size of label paper; all lengths in mm, `left` and `top` from the paper's corner.

    `examples` are products sold in this size. Makers change sheets: the size on the pack counts, and
    where published measures contradict each other (`is_unsure`) nothing but a ruler does.
    """

    key: str
    columns: int
    rows: int
    label_width: float
    label_height: float
    left: float
    top: float
    pitch_x: float
    pitch_y: float
    paper: tuple[float, float] = A4
    corner: float = 0.0
    examples: str = ""
    is_unsure: bool = False
    title: str = ""

    @property
    def count(self) -> int:
        """Return how many labels one sheet holds."""
        return self.columns * self.rows

    @property
    def name(self) -> str:
        """Return the size in figures, the same in every language; own paper has an own name before it."""
        size = f"{self.label_width:g} \N{MULTIPLICATION SIGN} {self.label_height:g} mm"
        kind = (
            "A4"
            if self.paper == A4
            else f"{self.paper[0]:g} \N{MULTIPLICATION SIGN} {self.paper[1]:g} mm,"
        )
        return f"{self.title} {kind} {self.count} · {size}".strip()


@dataclass(frozen=True)
class Tape:
    """One size of tape for label printers: widths and lengths in mm, `dots` across that are printed.

    `length_dots` is the printed length of a label that is cut already; 0 is tape without end.
    """

    key: str
    maker: str
    width: float
    dots: int
    dots_per_inch: int = 300
    length: float = 0.0
    length_dots: int = 0

    @property
    def name(self) -> str:
        """Return the size in figures, the same in every language."""
        size = (
            f"{self.width:g} \N{MULTIPLICATION SIGN} {self.length:g}"
            if self.length
            else f"{self.width:g}"
        )
        return f"{self.maker} · {size} mm"

    @property
    def dots_per_mm(self) -> float:
        """Return how many dots stand in a millimetre."""
        return self.dots_per_inch / 25.4


@dataclass(frozen=True)
class Correction:
    """What one printer does wrong with one paper, to be undone: mm to the right and down, and scale."""

    right: float = 0.0
    down: float = 0.0
    scale_x: float = 1.0
    scale_y: float = 1.0


NO_CORRECTION = Correction()

# What the test page of a printer must measure, in mm.
RULER = 100.0
CROSS = 20.0  # from the left and the upper edge of the paper to the middle of the cross

# Account slips are cut from plain paper.
SLIP_SHEET = Sheet("a4-8-105x74", 2, 4, 105.0, 74.25, 0.0, 0.0, 105.0, 74.25)


@dataclass(frozen=True)
class Label:
    """What the two labels of one device say; never a serial number or a password, and no name as usual.

    `url` is in capitals, `code` has eight characters without hyphen.
    """

    url: str
    code: str
    department: str
    place: str
    asset_tag: str
    help_line: str
    host: str
    # Only where the site wants it, and never on the device, which gets lost.
    person: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text that is set in type."""
        return (
            self.person,
            self.code,
            self.department,
            self.place,
            self.asset_tag,
            self.help_line,
            self.host,
        )


@dataclass(frozen=True)
class Wording:
    """The fixed words of a printing, in the language of the site.

    `headline` has two lines and `hint` (on the device) up to three; `unreadable` holds
    `%(host)s` and `stuck` holds `%(help)s`; `ruler` says how long the line before it must be.
    A `watermark` marks labels that are not for use.
    """

    title: str
    headline: str
    unreadable: str
    no_phone: str
    stuck: str
    asset: str
    hint: str
    ruler: str
    watermark: str = ""
    language: str = "ja"

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text that is set in type."""
        return tuple(vars(self).values())


@dataclass(frozen=True)
class RulerWords:
    """What the test page of a printer says, in the language of the site; `settings` has two lines."""

    title: str
    settings: str
    measure: tuple[str, ...]
    language: str = "ja"

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text that is set in type."""
        return (self.title, self.settings, *self.measure)


@dataclass(frozen=True)
class Slip:
    """What one account slip says: whose account, and never a password. `url` is in capitals."""

    url: str
    code: str
    account: str
    person: str
    department: str
    help_line: str
    when: str = ""

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text that is set in type."""
        said = (self.code, self.account, self.person, self.department)
        return (*said, self.help_line, self.when)


@dataclass(frozen=True)
class SlipWords:
    """The fixed words of account slips, in the language of the site."""

    title: str
    account: str
    password: str
    by_hand: str
    keep: str
    code: str
    watermark: str = ""
    language: str = "ja"

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text that is set in type."""
        return tuple(vars(self).values())


class Line(NamedTuple):
    """One line of text: left end and baseline in points from the design's upper left corner."""

    text: str
    left: float
    baseline: float
    size: float
    face: Face = Face.REGULAR


@dataclass(frozen=True)
class Design:
    """How a kind of label is laid out, in mm; a label may be larger than this, never smaller.

    `qr` is left, top and side of the code with its quiet zone.
    """

    width: float
    height: float
    qr: tuple[float, float, float]


DESIGNS = {
    Kind.BOX: Design(83.0, 42.0, qr=(0.0, 0.0, 32.0)),
    Kind.DEVICE: Design(48.3, 25.4, qr=(1.2, 1.7, 22.0)),
}

# Where sources differ by tenths, the value that centres the labels on the paper is taken. Sizes too
# small for any of our labels (65 of 38.1 x 21.2 mm) are left out.
_KNOWN = (
    Sheet(
        "a4-12-86x42", 2, 6, 86.4, 42.3, 18.6, 21.5, 86.4, 42.3,
        examples="Hisago ELM008, A-one 72212 28379, Kokuyo KPC-E1121",
    ),
    Sheet(
        "a4-44-48x25", 4, 11, 48.3, 25.4, 8.4, 8.8, 48.3, 25.4,
        examples="Hisago ELM022, A-one 28388 28368 72244 31516",
    ),
    Sheet(
        "a4-8-98x68", 2, 4, 98.0, 68.0, 5.0, 12.5, 102.0, 68.0,
        corner=1.5, examples="Hisago ELM005",
    ),
    Sheet(
        "a4-8-99x68", 2, 4, 99.1, 67.7, 4.65, 13.1, 101.6, 67.7,
        corner=1.5, examples="Avery L7165",
    ),
    Sheet(
        "a4-24-66x34", 3, 8, 66.0, 33.9, 6.0, 12.9, 66.0, 33.9,
        examples="Hisago ELM012, A-one 72224",
    ),
    Sheet(
        "a4-12-84x42", 2, 6, 84.0, 42.0, 19.0, 22.5, 88.0, 42.0,
        corner=1.5, examples="Hisago ELM018, A-one 28187",
    ),
    Sheet(
        "a4-12-83.8x42.3", 2, 6, 83.8, 42.3, 19.3, 21.6, 87.6, 42.3,
        corner=1.5, examples="Hisago ELM007, A-one 72312", is_unsure=True,
    ),
    Sheet(
        "a4-10-86x51", 2, 5, 86.4, 50.8, 18.6, 21.5, 86.4, 50.8,
        examples="Hisago ELM006",
    ),
    Sheet(
        "a4-10-91x55", 2, 5, 91.0, 55.0, 14.0, 11.0, 91.0, 55.0,
        examples="A-one 51002",
    ),
    Sheet(
        "a4-21-64x38", 3, 7, 63.5, 38.1, 7.25, 15.15, 66.0, 38.1,
        corner=1.5, examples="Avery L7160",
    ),
    Sheet(
        "a4-14-99x38", 2, 7, 99.1, 38.1, 4.65, 15.15, 101.6, 38.1,
        corner=1.5, examples="Avery L7163",
    ),
    Sheet(
        "a4-16-99x34", 2, 8, 99.1, 33.9, 4.65, 12.9, 101.6, 33.9,
        corner=1.5, examples="Avery L7162",
    ),
    Sheet(
        "a4-18-70x42", 3, 6, 70.0, 42.3, 0.0, 21.5, 70.0, 42.3,
        examples="Hisago ELM009, A-one 28185",
    ),
    Sheet(
        "a4-21-70x42", 3, 7, 70.0, 42.43, 0.0, 0.0, 70.0, 42.43,
        examples="Hisago ELM011, A-one 72421",
    ),
)  # fmt: skip

# Dots that are printed, as the makers state them; narrower tape has no room for a readable code.
_TAPES = (
    Tape("ql-62", "Brother QL", 62.0, 696),
    Tape("ql-62x100", "Brother QL DK-1202", 62.0, 696, length=100.0, length_dots=1109),
    Tape("ql-102", "Brother QL-1100", 102.0, 1164),
    Tape("ql-29x90", "Brother QL DK-1201", 29.0, 306, length=90.0, length_dots=991),
    Tape("ql-38x90", "Brother QL DK-1208", 38.0, 413, length=90.0, length_dots=991),
    Tape("pt-36", "Brother P-touch", 36.0, 454, dots_per_inch=360),
)
TAPES = {tape.key: tape for tape in _TAPES}

SHEETS = {sheet.key: sheet for sheet in _KNOWN}
USUAL = {Kind.BOX: SHEETS["a4-12-86x42"], Kind.DEVICE: SHEETS["a4-44-48x25"]}
