"""Two-dimensional codes as one SVG path: for pages, where an image file would be too much."""

from __future__ import annotations

from dataclasses import dataclass

from kitting.lib.later import Later

qrcode = Later("qrcode")
QUIET_ZONE = 4  # modules of white on each side, as the standard asks
# Every reader takes each of the eight masks; to search the one that looks calmest takes five times as long as the rest.
MASK = 4


@dataclass(frozen=True, slots=True)
class Drawing:
    """A code as an SVG path of dark modules; `size` is the side of the view box in modules."""

    size: int
    path: str


def draw(text: str) -> Drawing:
    """Draw a text as a QR code with its quiet zone; one run of dark modules is one stroke."""
    code = qrcode.QRCode(
        error_correction=qrcode.ERROR_CORRECT_M, border=QUIET_ZONE, mask_pattern=MASK
    )
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    strokes = [
        f"M{start} {y}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for start, length in _runs(row)
    ]
    return Drawing(size=len(rows), path="".join(strokes))


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    found, start = [], -1
    for x, is_dark in enumerate([*row, False]):
        if is_dark and start < 0:
            start = x
        elif not is_dark and start >= 0:
            found.append((start, x - start))
            start = -1
    return found
