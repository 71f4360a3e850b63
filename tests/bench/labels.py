"""The box labels of the whole demo city as one PDF."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field, replace
from html import escape
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qrcode.constants import ERROR_CORRECT_Q
from qrcode.main import QRCode
from reportlab.pdfgen.canvas import Canvas

from kitting.labels.actions import print_labels, wording
from kitting.labels.drawing import FONTS, Printing
from kitting.labels.drawing.outside import draw_outside
from kitting.labels.queries import labels_to_print, sender
from kitting.labels.rules import DARK, matrix
from kitting.labels.sheets import MM, NO_CORRECTION, USUAL, Kind, Label
from kitting.site.queries import current
from tests.bench import measure
from tests.bench.imports import take_devices, take_staff
from tests.bench.measure import Run, seconds
from tests.labels.printing import read_codes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from kitting.site.models import SiteProfile

LIMIT_CPU, LIMIT_BYTES = 5.0, 5_000_000  # aiming at 3 s and 2 MB
ROUNDS = 3
SHEET = USUAL[Kind.BOX]
ABOUT = """\
The box labels of all 2,650 devices, drawn and noted as printed by the action behind `labels`, and
drawn by a process of its own as a page orders it (its start and the order's JSON included). The
floor makes the same QR matrices with the package `qrcode` (one mask, not the best of eight) and as
many blank pages with reportlab: no words, no drawing. Each round has other addresses, so that
nothing is ready from the round before. The HTML way makes the same matrices into SVG paths on a
page of HTML and hands it to WeasyPrint, which is installed into an environment that is thrown away
(`WEASYPRINT=no` leaves it out). Every page is rendered at 150 dots per inch and read with a real
decoder."""
WEASY = """
import json, resource, sys, time
from weasyprint import HTML
source, target = sys.argv[1:]
begun = time.perf_counter()
HTML(filename=source).write_pdf(target)
used = resource.getrusage(resource.RUSAGE_SELF)
cpu = used.ru_utime + used.ru_stime
print(json.dumps({"cpu": cpu, "wall": time.perf_counter() - begun, "mib": used.ru_maxrss / 1024}))
"""


def other_addresses(labels: list[Label], number: int) -> list[Label]:
    """Return the labels with another address of the same length."""
    return [replace(label, url=label.url.replace("KITTO", f"KITT{number}")) for label in labels]


def plain(labels: list[Label], pages: int) -> None:
    for label in labels:
        code = QRCode(error_correction=ERROR_CORRECT_Q, border=0, mask_pattern=4)
        code.add_data(label.url)
        code.make()
    canvas = Canvas(BytesIO(), pagesize=(SHEET.paper[0] * MM, SHEET.paper[1] * MM))
    for _page in range(pages):
        canvas.showPage()
    canvas.save()


def as_html(labels: list[Label]) -> str:
    """Return the same sheets as HTML: a code as one SVG path, the words in the same font."""
    face = f"@font-face{{font-family:k;src:url(file://{FONTS}/BIZUDPGothic-Regular.ttf)}}"
    style = (
        "@page{size:210mm 297mm;margin:0}body{margin:0;font:9pt k}"
        ".s{position:relative;width:210mm;height:297mm;break-after:page}"
        ".l{position:absolute;width:86.4mm;height:42.3mm}svg{position:absolute;width:32mm}"
        "p{position:absolute;left:33mm;margin:0}"
    )
    sheets = []
    for first in range(0, len(labels), SHEET.count):
        here = labels[first : first + SHEET.count]
        sheets.append(
            f"<div class=s>{''.join(map(_label_html, range(SHEET.count), here))}</div>"
        )
    return f"<meta charset=utf-8><style>{face}{style}</style>{''.join(sheets)}"


def _label_html(place: int, label: Label) -> str:
    row, column = divmod(place, SHEET.columns)
    left, top = SHEET.left + column * SHEET.pitch_x, SHEET.top + row * SHEET.pitch_y
    rows = matrix(label.url)
    path = "".join(
        f"M{run.start()} {y}h{run.end() - run.start()}v1h-{run.end() - run.start()}z"
        for y, dark in enumerate(rows)
        for run in DARK.finditer(bytes(dark))
    )
    box = f"-4 -4 {len(rows) + 8} {len(rows) + 8}"
    texts = ["スマホで QR を読んで", label.department, label.code, label.asset_tag, label.host]
    lines = "".join(
        f"<p style='top:{3 + 7 * n}mm'>{escape(text)}</p>" for n, text in enumerate(texts)
    )
    svg = f"<svg viewBox='{box}'><path d='{path}'/></svg>"
    return f"<div class=l style='left:{left}mm;top:{top}mm'>{svg}{lines}</div>"


def environment(home: Path, *packages: str) -> Path | str:
    """Return the Python of an environment with these packages; or say why there is none."""
    python = home / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(home)],
        [str(python), "-m", "pip", "install", "--quiet", *packages],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1] if done.stderr else "pip failed"
    return python


def html_way(labels: list[Label], python: Path | None = None) -> dict[str, Any] | str:
    """Measure the HTML way once: CPU and time in seconds, MiB, bytes; or say why it cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        found = python or environment(home / "venv", "weasyprint")
        if isinstance(found, str):
            return found
        python = found
        source, target = home / "labels.html", home / "labels.pdf"
        begun = time.process_time()
        source.write_text(as_html(labels), encoding="utf-8")
        own = time.process_time() - begun
        command = [str(python), "-c", WEASY, str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            return done.stderr.strip().splitlines()[-1]
        cost: dict[str, Any] = json.loads(done.stdout)
        size = target.stat().st_size
        return {**cost, "cpu": cost["cpu"] + own, "wall": cost["wall"] + own, "bytes": size}


@dataclass
class Printer:
    """Prints all labels again and again, each time with other addresses; keeps the last file."""

    labels: list[Label]
    profile: SiteProfile
    now: datetime
    printed: list[Label] = field(default_factory=list)
    pdf: bytes = b""
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def pages(self) -> int:
        return -(-len(self.labels) // SHEET.count)

    def draw(self) -> None:
        self.printed, output = other_addresses(self.labels, next(self._numbers)), BytesIO()
        pages = print_labels(
            labels=self.printed,
            printings=[Printing(Kind.BOX, SHEET, output)],
            profile=self.profile,
            now=self.now,
        )
        assert pages == [self.pages]
        self.pdf = output.getvalue()

    def floor(self) -> None:
        plain(self.labels, self.pages)

    def outside(self) -> None:
        """Have the file drawn as a page orders it: by a process of its own."""
        labels = other_addresses(self.labels, next(self._numbers))
        with tempfile.TemporaryDirectory() as folder:
            file = {
                "what": "sheets",
                "kind": Kind.BOX,
                "sheet": asdict(SHEET),
                "start": 1,
                "correction": asdict(NO_CORRECTION),
                "apart": False,
                "path": f"{folder}/labels.pdf",
            }
            order = {
                "files": [file],
                "labels": [asdict(label) for label in labels],
                "words": {Kind.BOX: asdict(wording(Kind.BOX, is_sample=False))},
            }
            assert draw_outside(order, lambda _drawn: True) == [self.pages]

    def read_back(self) -> str:
        """Read all of the last file, and say how much of it could be read."""
        wanted = {label.url for label in self.printed}
        share = len(wanted & set(read_codes(self.pdf))) / len(wanted)
        return (
            f"Read back at 150 dpi: {share:.1%} of {len(wanted):,} codes on {self.pages} pages."
        )


def children() -> float:
    """Return the CPU seconds of all processes that were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def find() -> list[str]:
    take_staff()
    take_devices()
    profile, now = current()
    printer = Printer(labels_to_print(sender=sender()), profile, now)
    first = measure.side_by_side(1, {"labels": Run(printer.draw)})["labels"]
    costs = measure.side_by_side(
        ROUNDS, {"floor": Run(printer.floor), "labels": Run(printer.draw)}
    )
    before, begun = children(), time.perf_counter()
    printer.outside()
    outside = (children() - before, time.perf_counter() - begun)
    rows = [
        ("labels, fonts loaded", seconds(costs["labels"].cpu), seconds(costs["labels"].wall)),
        ("labels, the first time in a process", seconds(first.cpu), seconds(first.wall)),
        ("labels, by a process of its own", seconds(outside[0]), seconds(outside[1])),
        ("floor", seconds(costs["floor"].cpu), seconds(costs["floor"].wall)),
    ]
    is_quick = max(first.cpu, outside[0]) <= LIMIT_CPU and len(printer.pdf) <= LIMIT_BYTES
    summary = (
        f"{measure.ratio(costs['labels'].times(costs['floor']))} times the CPU of the floor. "
        f"{len(printer.labels):,} labels on {printer.pages:,} pages, "
        f"{len(printer.pdf) / 1e6:.1f} MB: {'within' if is_quick else 'NOT within'} 5 s of CPU and 5 MB."
    )
    html = "left out" if os.environ.get("WEASYPRINT") == "no" else html_way(printer.labels)
    if isinstance(html, str):
        said = f"The HTML way was not measured: {html}"
    else:
        rows.append(("the HTML way (WeasyPrint)", seconds(html["cpu"]), seconds(html["wall"])))
        said = (
            f"The HTML way takes {html['cpu'] / first.cpu:.0f} times the CPU, "
            f"{html['mib']:.0f} MiB and {html['bytes'] / 1e6:.1f} MB."
        )
    return [
        measure.table(("What", "s CPU", "s passed"), rows),
        summary,
        said,
        printer.read_back(),
    ]


if __name__ == "__main__":
    measure.bench(name="labels", about=ABOUT, find=find)
