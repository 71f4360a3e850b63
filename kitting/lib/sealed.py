"""What only a key opens: files, sealed in pieces so that their size does not matter, and short texts."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import TYPE_CHECKING, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAGIC = b"KITTO-SEALED-1\n"
KEY_LEAST = 16  # characters
_PIECE = 1024 * 1024
_TAG = 16
_SALT = 16
_PREFIX = 7  # bytes of a nonce; four more count the pieces, and one says which is the last


class SealError(ValueError):
    """The file is not what the key sealed: another key, or somebody changed or cut it."""


def text_locks(purpose: str, keys: Iterable[str]) -> MultiFernet:
    """Return what locks short texts of one purpose: with the first key, and opens with any of them."""
    return MultiFernet(
        [
            Fernet(
                base64.urlsafe_b64encode(hashlib.sha256(f"{purpose} {key}".encode()).digest())
            )
            for key in keys
        ]
    )


def is_sealed(source: BinaryIO) -> bool:
    """Tell whether a file is sealed; it is read from its beginning afterwards."""
    found = source.read(len(MAGIC)) == MAGIC
    source.seek(0)
    return found


def seal(source: BinaryIO, target: BinaryIO, *, key: str) -> None:
    """Write what is read so that only this key opens it (AES-256-GCM, each piece bound to its place)."""
    salt, prefix = os.urandom(_SALT), os.urandom(_PREFIX)
    cipher = _cipher(key, salt)
    target.write(MAGIC + salt + prefix)
    target.writelines(
        cipher.encrypt(_nonce(prefix, number, is_last=is_last), piece, MAGIC)
        for number, piece, is_last in _pieces(source, _PIECE)
    )


def unseal(source: BinaryIO, target: BinaryIO, *, key: str) -> None:
    """Write what was sealed; SealError if the key is another one or a single byte differs."""
    if source.read(len(MAGIC)) != MAGIC:
        raise SealError
    salt, prefix = source.read(_SALT), source.read(_PREFIX)
    cipher = _cipher(key, salt)
    try:
        target.writelines(
            cipher.decrypt(_nonce(prefix, number, is_last=is_last), piece, MAGIC)
            for number, piece, is_last in _pieces(source, _PIECE + _TAG)
        )
    except InvalidTag as error:
        raise SealError from error


def _cipher(key: str, salt: bytes) -> AESGCM:
    if len(key) < KEY_LEAST:
        message = f"a key has at least {KEY_LEAST} characters"
        raise ValueError(message)
    return AESGCM(Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(key.encode()))


def _nonce(prefix: bytes, number: int, *, is_last: bool) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([is_last])


def _pieces(source: BinaryIO, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """Yield pieces with their place; there is always a last one, and it may be empty."""
    piece, number = source.read(size), 0
    while True:
        coming = source.read(size) if len(piece) == size else b""
        yield number, piece, not coming
        if not coming:
            return
        piece, number = coming, number + 1
