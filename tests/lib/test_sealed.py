"""What is sealed opens with its key only, and only whole."""

from __future__ import annotations

from io import BytesIO

import pytest

from kitting.lib import sealed
from kitting.lib.sealed import MAGIC, SealError, is_sealed, seal, unseal

KEY = "a key of the tests"


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "_PIECE", 64)


def closed(plain: bytes) -> bytes:
    target = BytesIO()
    seal(BytesIO(plain), target, key=KEY)
    return target.getvalue()


def opened(whole: bytes, key: str = KEY) -> bytes:
    target = BytesIO()
    unseal(BytesIO(whole), target, key=key)
    return target.getvalue()


TELLING = 16  # bytes


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 128, 200])
def test_what_was_sealed_comes_back(size: int) -> None:
    plain = bytes(range(256))[:size]
    whole = closed(plain)
    assert is_sealed(BytesIO(whole))
    assert opened(whole) == plain
    # A few bytes may stand in what looks like chance.
    assert len(plain) < TELLING or plain not in whole


def test_the_same_twice_looks_different() -> None:
    assert closed(b"the same") != closed(b"the same")


def test_another_key_opens_nothing() -> None:
    with pytest.raises(SealError):
        opened(closed(b"words"), key="another key of the tests")


def test_a_short_key_is_none() -> None:
    with pytest.raises(ValueError, match="16 characters"):
        seal(BytesIO(b""), BytesIO(), key="short")


def test_whatever_is_changed_cut_or_put_elsewhere_is_noticed() -> None:
    whole = closed(bytes(200))
    head, piece = len(MAGIC) + 23, 64 + 16
    swapped = whole[:head] + whole[head + piece : head + 2 * piece] + whole[head : head + piece]
    broken = [
        whole[: head + 5] + bytes([whole[head + 5] ^ 1]) + whole[head + 6 :],
        whole[:-1],
        whole[: head + 2 * piece],
        whole[:head],
        whole + b"x",
        swapped + whole[head + 2 * piece :],
        b"no seal at all",
    ]
    for one in broken:
        with pytest.raises(SealError):
            opened(one)
