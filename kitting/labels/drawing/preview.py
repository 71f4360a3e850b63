"""The first sheet of a printing for the screen: the same lines and codes as on paper, as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.labels import rules
from kitting.labels.drawing import EDGE, measure
from kitting.labels.sheets import DESIGNS, MM, Face, Kind, Tape

if TYPE_CHECKING:
    from kitting.labels.sheets import Label, Line, Sheet, Wording


@dataclass(frozen=True)
class Text:
    """One line of type; numbers are texts, so that no language writes them in its own way."""

    text: str
    x: str
    y: str
    size: str
    is_bold: bool
    is_mono: bool


@dataclass(frozen=True)
class Place:
    """One place of a sheet; `is_used` was printed before, and an empty one has no `code`."""

    x: str
    y: str
    is_used: bool
    code: str = ""
    qr: str = ""
    texts: tuple[Text, ...] = ()


@dataclass(frozen=True)
class Preview:
    """The first sheet: its paper and labels in mm, what a label measures in points, its places."""

    name: str
    paper: tuple[str, str]
    label: tuple[str, str]
    corner: str
    box: str
    shift: str
    qr_at: str
    places: tuple[Place, ...]


def preview(
    *, labels: list[Label], kind: Kind, paper: Sheet | Tape, words: Wording, start: int = 1
) -> Preview | None:
    """Return the first sheet of a printing; None for paper that is too small."""
    sheet = paper
    if isinstance(sheet, Tape):
        fit = rules.on_tape(sheet, kind)
        if fit is None:
            return None
        sheet = fit.sheet
    if not rules.holds(sheet, kind):
        return None
    frame = rules.frame(sheet, kind)
    height = sheet.label_height / frame.scale * MM
    left, top, side = (edge * MM for edge in DESIGNS[kind].qr)
    shift = frame.shift / frame.scale * MM
    modules = len(rules.matrix(labels[0].url)) if labels else 1
    module = side / (modules + 2 * rules.QUIET_ZONE)
    at = f"translate({left + 4 * module:.3f} {top + 4 * module:.3f}) scale({module:.4f})"
    return Preview(
        name=paper.name,
        paper=(f"{sheet.paper[0]:g}", f"{sheet.paper[1]:g}"),
        label=(f"{sheet.label_width:g}", f"{sheet.label_height:g}"),
        corner=f"{sheet.corner:g}",
        box=f"0 0 {frame.width:.2f} {height:.2f}",
        shift=f"translate(0 {shift:.2f})",
        qr_at=at,
        places=tuple(_places(labels, kind, sheet, words, start)),
    )


def _places(
    labels: list[Label], kind: Kind, sheet: Sheet, words: Wording, start: int
) -> list[Place]:
    room = rules.Room(rules.frame(sheet, kind).width - EDGE[kind] * MM, measure)
    found = []
    for number in range(sheet.count):
        cell = rules.position(sheet, number)
        x, y = f"{cell.left:.2f}", f"{cell.top:.2f}"
        index = number - start + 1
        if not 0 <= index < len(labels):
            found.append(Place(x, y, is_used=index < 0))
            continue
        label = labels[index]
        lines = [
            *rules.fixed_lines(kind, label, words, room),
            *rules.own_lines(kind, label, words, room),
        ]
        texts = tuple(_text(line) for line in lines if line.text)
        found.append(
            Place(x, y, is_used=False, code=label.code, qr=_qr(label.url), texts=texts)
        )
    return found


def _text(line: Line) -> Text:
    return Text(
        line.text,
        f"{line.left:.2f}",
        f"{line.baseline:.2f}",
        f"{line.size:g}",
        is_bold=line.face == Face.BOLD,
        is_mono=line.face == Face.MONO,
    )


def _qr(address: str) -> str:
    return "".join(
        f"M{run.start()} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, row in enumerate(rules.matrix(address))
        for run in rules.DARK.finditer(bytes(row))
    )
