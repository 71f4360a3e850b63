"""Write one photo anew: a program of its own, so that whatever a decoder does, no page suffers.

It reads a picture from standard input and writes "width height" in one line, then a JPEG, to standard
output; else it ends with one of the codes below. Nothing of the original but its colours is kept.
"""

from __future__ import annotations

import io
import resource
import sys

import pillow_heif
from PIL import Image, ImageOps, UnidentifiedImageError

UNKNOWN, BROKEN, TOO_MANY_POINTS = 3, 4, 5
KINDS = ("JPEG", "PNG", "WEBP", "HEIF")
# What telephones take today (50 million points), and what screens show: decoders of the latter need
# far more memory a point.
POINTS = {"JPEG": 52_000_000, "MPO": 52_000_000, "HEIF": 52_000_000}
POINTS_ELSE = 25_000_000
LONGEST_SIDE = 2048
QUALITY = 85
MEMORY_BYTES = 768 * 1024 * 1024
CPU_SECONDS = 15


class TooManyPointsError(Exception):
    """The picture would need more memory than one may have."""


def rewritten(data: bytes) -> tuple[int, int, bytes]:
    """Return a picture upright, at most 2,048 points a side, as a JPEG without anything else in it.

    Raises `UnidentifiedImageError`, `TooManyPointsError`, or whatever a decoder says of a broken file.
    """
    with Image.open(io.BytesIO(data), formats=KINDS) as picture:
        width, height = picture.size
        if width * height > POINTS.get(str(picture.format), POINTS_ELSE):
            raise TooManyPointsError
        # A JPEG is decoded at the size that is needed, in a fraction of memory and time.
        picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        picture.load()
        upright = ImageOps.exif_transpose(picture)
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), reducing_gap=2.0)
    # Painted on a fresh sheet, which knows nothing of place, camera, comments or profiles.
    sheet = Image.new("RGB", upright.size, "white")
    if upright.has_transparency_data:
        solid = upright.convert("RGBA")
        sheet.paste(solid, mask=solid.getchannel("A"))
    else:
        sheet.paste(upright.convert("RGB"))
    out = io.BytesIO()
    sheet.save(out, "JPEG", quality=QUALITY, optimize=True)
    return *sheet.size, out.getvalue()


def main() -> int:
    """Rewrite what stands on standard input; returns 0 or why not."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    pillow_heif.register_heif_opener()
    Image.MAX_IMAGE_PIXELS = None  # counted here, by kind
    try:
        width, height, jpeg = rewritten(sys.stdin.buffer.read())
    except UnidentifiedImageError:
        return UNKNOWN
    except (TooManyPointsError, MemoryError):
        return TOO_MANY_POINTS
    except Exception:  # noqa: BLE001  # decoders raise whatever they like over a broken file
        return BROKEN
    sys.stdout.buffer.write(b"%d %d\n" % (width, height) + jpeg)
    return 0


if __name__ == "__main__":
    sys.exit(main())
