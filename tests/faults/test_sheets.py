"""What comes in packed too well is refused at once; what leaves is no formula where a spreadsheet program opens it."""

from __future__ import annotations

import re
import subprocess
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from kitting.lib import photos
from kitting.lib.sheets import Limits, SheetError, read_table
from kitting.lib.tables import OutTable, tables_csv, tables_workbook
from tests.faults.production import say
from tests.lib.test_photos import bomb
from tests.lib.test_workbook import repeated_entries, spaces
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.faults
# At once (seconds, the best of some tries: other work must not count), and with so much memory more (bytes).
AT_ONCE, TRIES, MEMORY = 0.05, 7, 20 * 2**20
PICTURES = {f"{side * side // 10**6:,} Mpx": bomb(side) for side in (5_100, 30_000, 60_000)}
STARTS = ("=", "+", "-", "@", "\t=", "\r=", "\n=", "\uff1d", "\uff0b", "\uff0d", "\uff20")
TAILS = ("1+1", 'HYPERLINK("http://127.0.0.1",1)', "cmd|' /C calc'!A0")
PAYLOADS = [start + tail for start in STARTS for tail in TAILS]
FORMULA = re.compile(r"table:formula=|<f>")


def cost(
    refuse: Callable[[bytes], object], data: bytes, error: type[Exception]
) -> tuple[float, int]:
    """Return how long a refusal takes (seconds) and how much memory (bytes)."""
    seconds = []
    for _try in range(TRIES):
        began = time.perf_counter()
        with pytest.raises(error):
            refuse(data)
        seconds.append(time.perf_counter() - began)
    tracemalloc.start()
    with pytest.raises(error):
        refuse(data)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return min(seconds), most


def read(data: bytes) -> object:
    return read_table(data, "people.xlsx", limits=Limits())


def test_bombs_are_refused_at_once() -> None:
    workbooks = {
        "80 MB when unpacked": spaces(80),
        "20 MB packed a thousandfold": spaces(20),
        "2,500 files": repeated_entries(2_500),
    }
    costs = {name: cost(read, data, SheetError) for name, data in workbooks.items()}
    costs |= {
        name: cost(photos.take_in, data, photos.TooManyPointsError)
        for name, data in PICTURES.items()
    }
    slowest, largest = (max(column) for column in zip(*costs.values(), strict=True))
    assert slowest <= AT_ONCE, costs
    assert largest <= MEMORY, costs
    say(
        f"{len(workbooks)} workbooks and {len(PICTURES)} pictures that are bombs ({', '.join(costs)}): refused after"
        f" {slowest * 1000:.1f} ms at most (best of {TRIES}), with {largest / 2**20:.1f} MiB more at most"
    )


def opened(folder: Path, name: str, data: bytes) -> str:
    """Have LibreOffice open a file; return what it made of it."""
    (folder / name).write_bytes(data)
    where = f"-env:UserInstallation=file://{folder}/office"
    order = ("--headless", "--convert-to", "fods", "--outdir", str(folder / "out"))
    program = needs("libreoffice")
    subprocess.run(
        [program, where, *order, str(folder / name)],
        check=True,
        capture_output=True,
        timeout=240,
    )
    return (folder / "out" / name).with_suffix(".fods").read_text(encoding="utf-8")


def test_nothing_that_leaves_is_a_formula_in_libreoffice(tmp_path: Path) -> None:
    table = OutTable("概要", ("a", "b"), tuple((text, 1) for text in PAYLOADS))
    raw = "".join(f'"{text.replace(chr(34), chr(34) * 2)}",1\r\n' for text in PAYLOADS)
    live = len(FORMULA.findall(opened(tmp_path, "raw.csv", raw.encode("utf-8-sig"))))
    assert live, "LibreOffice took nothing for a formula: the test shows nothing"
    for name, data in {
        "a.csv": tables_csv([table]),
        "b.xlsx": tables_workbook([table]),
    }.items():
        seen = opened(tmp_path, name, data)
        assert FORMULA.findall(seen) == [], name
        assert seen.count("calc") >= len(STARTS), name
    say(
        f"{len(PAYLOADS)} cells that begin like a formula, opened by LibreOffice: 0 live ones in our CSV and in our"
        f" workbook, {live} where they are written as they are"
    )
