"""Take in a photo: written anew by a process of its own with little memory, one at a time."""

from __future__ import annotations

import hashlib
import logging
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

BYTES_MOST = 10 * 1024 * 1024
PROGRAM = Path(__file__).with_name("photo_process.py")
SECONDS_MOST = 20
# As the process counts them: who says more of itself in its first bytes need not start it.
POINTS_MOST = {"JPEG": 52_000_000, "PNG": 25_000_000, "WEBP": 25_000_000}
# Which marks of a JPEG tell its size: all "start of frame", but not the three that are something else.
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
# One at a time in a web process, so that many photos at once need the memory of one.
_turn = threading.BoundedSemaphore(1)


@dataclass(frozen=True)
class Photo:
    """A photo as it is kept: a JPEG that holds nothing but its points."""

    jpeg: bytes
    width: int
    height: int

    @property
    def digest(self) -> str:
        """Return what the same photo sent again has in common with the first."""
        return hashlib.sha256(self.jpeg).hexdigest()


class PhotoError(Exception):
    """The photo cannot be taken in: it is broken. `why` names the reason in one word."""

    why = "broken"


class UnknownKindError(PhotoError):
    """It is no JPEG, PNG, WebP or HEIC."""

    why = "unknown"


class TooManyPointsError(PhotoError):
    """It would need more memory or time than one photo may have."""

    why = "points"


class BusyError(PhotoError):
    """Others were first for too long."""

    why = "busy"


SAID = {3: UnknownKindError, 4: PhotoError, 5: TooManyPointsError}


def take_in(data: bytes, *, wait_seconds: float = SECONDS_MOST) -> Photo:
    """Write a photo anew: upright, small enough, and nothing in it but the picture.

    Raises `UnknownKindError`, `TooManyPointsError`, `BusyError`, or `PhotoError` for a broken file.
    """
    kind, points = points_said(data)
    if points > POINTS_MOST.get(kind, points):
        raise TooManyPointsError
    if not _turn.acquire(timeout=wait_seconds):
        raise BusyError
    try:
        done = subprocess.run(  # noqa: S603  # our own program; the photo is its input only
            [sys.executable, "-I", str(PROGRAM)],
            input=data,
            capture_output=True,
            timeout=SECONDS_MOST,
            check=False,
            # One arena: address space is what is limited, and threads would each reserve theirs.
            env={"MALLOC_ARENA_MAX": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise TooManyPointsError from error
    finally:
        _turn.release()
    if done.returncode:
        raise _why_not(done.returncode, done.stderr)
    size, _, jpeg = done.stdout.partition(b"\n")
    width, height = (int(number) for number in size.split())
    return Photo(jpeg, width, height)


def _why_not(code: int, words: bytes) -> PhotoError:
    if code < 0:  # the system stopped it at its limits
        return TooManyPointsError()
    if code not in SAID:
        log.error("Photos cannot be read here: %s", words.decode("utf-8", "replace"))
    return SAID.get(code, PhotoError)()


def points_said(data: bytes) -> tuple[str, int]:
    """Return kind and number of points as the first bytes of a file say, without decoding anything.

    Nothing and 0 where they say nothing that is understood: then the process looks.
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            width, height = struct.unpack(">II", data[16:24])
            return "PNG", width * height
        if data.startswith(b"\xff\xd8"):
            return "JPEG", _points_of_jpeg(data)
        if data[:4] == b"RIFF" and data[8:16] == b"WEBPVP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
            return "WEBP", (width + 1) * (height + 1)
    except struct.error:  # the file ends within its head
        pass
    return "", 0


def _points_of_jpeg(data: bytes) -> int:
    at = 2
    while data[at : at + 1] == b"\xff":
        mark, length = struct.unpack(">BH", data[at + 1 : at + 4])
        if mark in FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return int(height * width)
        at += 2 + length
    return 0
