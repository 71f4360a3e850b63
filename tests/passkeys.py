"""A passkey in software: it answers what a browser would, with a real key."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode

PRESENT, VERIFIED, NEW_KEY = 0x01, 0x04, 0x40


class SoftKey:
    """One passkey of one person; `verifies` says whether it asks for a finger or a PIN."""

    def __init__(self, *, verifies: bool = True) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = secrets.token_bytes(16)
        self.flags = PRESENT | (VERIFIED if verifies else 0)
        self.user = b""

    def create(self, options: dict[str, Any], *, origin: str = "https://testserver") -> Any:
        """Answer the question for a new key."""
        said = options["publicKey"]
        self.user = websafe_decode(said["user"]["id"])
        public = dict(ES256.from_cryptography_key(self.key.public_key()))
        credential = b"\0" * 16 + struct.pack(">H", len(self.id)) + self.id
        data = self._data(said["rp"]["id"], NEW_KEY) + credential + cbor.encode(public)
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            {
                "clientDataJSON": self._client("webauthn.create", said["challenge"], origin),
                "attestationObject": attestation,
            }
        )

    def get(self, options: dict[str, Any], *, origin: str = "https://testserver") -> Any:
        """Answer the question who is there."""
        said = options["publicKey"]
        client = self._client("webauthn.get", said["challenge"], origin)
        data = self._data(said["rpId"])
        signature = self.key.sign(
            data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256())
        )
        return self._answer(
            {
                "clientDataJSON": client,
                "authenticatorData": data,
                "signature": signature,
                "userHandle": self.user,
            }
        )

    def _data(self, rp: str, more: int = 0) -> bytes:
        digest = hashlib.sha256(rp.encode()).digest()
        return digest + struct.pack(">BI", self.flags | more, 1)

    def _client(self, kind: str, challenge: str, origin: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": origin}).encode()

    def _answer(self, response: dict[str, bytes]) -> dict[str, Any]:
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {name: websafe_encode(value) for name, value in response.items()},
        }
