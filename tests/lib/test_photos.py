"""Photos come in as nothing but their points, whatever was sent."""

from __future__ import annotations

import io
import struct
import threading
import time
import zlib

import pillow_heif
import pytest
from PIL import Image

from kitting.lib import photo_process, photos

pillow_heif.register_heif_opener()
ORIENTATION, GPS = 0x0112, 0x8825
SECRET = b"35.6895 N place of the nursery"


def picture(kind: str, size: tuple[int, int] = (60, 40), **how: object) -> bytes:
    """Return a file whose left half is red and right half blue."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


def bomb(side: int) -> bytes:
    """Return a small PNG that says it is huge."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data))
            + name
            + data
            + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 100_000)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_the_four_kinds_are_taken_in_as_jpeg(kind):
    photo = photos.take_in(picture(kind))
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        assert (image.format, image.size, image.size) == (
            "JPEG",
            (60, 40),
            (photo.width, photo.height),
        )
        red, _, blue = image.getpixel((5, 20))
        assert red > 200
        assert blue < 60


def test_nothing_but_the_picture_is_kept():
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(GPS)[1] = "N"
    sent = picture("JPEG", exif=exif, comment=SECRET) + b"<script>" + SECRET
    assert SECRET in sent
    kept = photos.take_in(sent).jpeg
    assert SECRET not in kept
    assert b"<script>" not in kept
    with Image.open(io.BytesIO(kept)) as image:
        assert not image.getexif()
        assert "comment" not in image.info


def test_a_photo_taken_sideways_stands_upright():
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    photo = photos.take_in(picture("JPEG", exif=exif))
    assert (photo.width, photo.height) == (40, 60)
    with Image.open(io.BytesIO(photo.jpeg)) as image:
        red, _, blue = image.getpixel((20, 5))
        assert red > blue


def test_a_large_photo_becomes_small_enough():
    photo = photos.take_in(picture("JPEG", (5000, 2500)))
    assert (photo.width, photo.height) == (2048, 1024)


def test_what_can_be_seen_through_lies_on_white():
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    with Image.open(io.BytesIO(photos.take_in(out.getvalue()).jpeg)) as kept:
        assert kept.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"%PDF-1.7", b"<svg xmlns='http://www.w3.org/2000/svg'/>", picture("GIF")],
    ids=["empty", "text", "pdf", "svg", "gif"],
)
def test_what_is_no_photo_is_refused(data):
    with pytest.raises(photos.UnknownKindError):
        photos.take_in(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_half_a_photo_is_broken(kind):
    noise = Image.effect_noise((300, 300), 80).convert("RGB")
    out = io.BytesIO()
    noise.save(out, kind)
    with pytest.raises(photos.PhotoError):
        photos.take_in(out.getvalue()[: len(out.getvalue()) // 2])


def test_a_bomb_is_refused_before_it_is_unpacked():
    started = time.monotonic()
    for side in (6000, 30_000, 60_000):
        with pytest.raises(photos.TooManyPointsError):
            photos.take_in(bomb(side))
    assert time.monotonic() - started < 10


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_says_too_much_of_itself_starts_no_process(kind, monkeypatch):
    side = 8000
    out = io.BytesIO()
    Image.new("RGB", (side, side)).save(
        out, kind, **({"icc_profile": b"x"} if kind == "WEBP" else {})
    )
    assert photos.points_said(out.getvalue()) == (kind, side * side)
    monkeypatch.setattr(photos, "PROGRAM", "nowhere")
    with pytest.raises(photos.TooManyPointsError):
        photos.take_in(out.getvalue())


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
)
def test_a_head_that_ends_too_soon_says_nothing(data):
    assert photos.points_said(data)[1] == 0


def test_both_count_the_same_points():
    assert photos.POINTS_MOST["JPEG"] == photo_process.POINTS["JPEG"]
    assert photos.POINTS_MOST["PNG"] == photos.POINTS_MOST["WEBP"] == photo_process.POINTS_ELSE


def test_the_next_photo_waits_and_gives_up_politely():
    with photos._turn, pytest.raises(photos.BusyError):  # noqa: SLF001  # somebody else's turn
        photos.take_in(picture("PNG"), wait_seconds=0.05)


def test_many_at_once_are_all_taken_in():
    done: list[photos.Photo] = []
    crowd = [
        threading.Thread(target=lambda: done.append(photos.take_in(picture("JPEG"))))
        for _ in range(6)
    ]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert len(done) == 6
