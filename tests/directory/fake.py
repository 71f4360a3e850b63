"""A directory of ChromeOS devices on loopback that answers as Google's description says.

It checks the signature of whoever asks with the public key of the service account, the audience, the
scope and the time; gives tokens that open only what their scope allows; pages, sorts and searches;
and misbehaves on demand: quotas, errors, slow, cut and broken answers. `test_fake.py` checks it
against the description that ships with google-api-python-client.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError

from kitting.directory.client import SCOPE_READ, SCOPE_WRITE, Access

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BASE = "admin/directory/v1/customer/{customerId}/devices/chromeos"
PAGE_MOST = 300
IDS_MOST = 50
# For whom Google wants the request to be signed, wherever it is sent.
AUDIENCE = "https://oauth2.googleapis.com/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EMAIL = "kitto@asahi.iam.gserviceaccount.com"
ADMIN = "admin@asahi.example.jp"
ACTIONS = {
    "CHANGE_CHROME_OS_DEVICE_STATUS_ACTION_DISABLE": "DISABLED",
    "CHANGE_CHROME_OS_DEVICE_STATUS_ACTION_REENABLE": "ACTIVE",
}


@dataclass(frozen=True)
class Method:
    """One method as the fake serves it, to be compared with the description."""

    id: str
    http: str
    path: str
    params: frozenset[str]
    scopes: frozenset[str]


METHODS = (
    Method(
        "directory.chromeosdevices.list",
        "GET",
        BASE,
        frozenset(
            {
                "maxResults", "pageToken", "orderBy", "sortOrder", "projection", "query",
                "orgUnitPath", "includeChildOrgunits", "fields",
            }
        ),
        frozenset({SCOPE_READ, SCOPE_WRITE}),
    ),
    Method(
        "directory.chromeosdevices.get",
        "GET",
        BASE + "/{deviceId}",
        frozenset({"projection", "fields"}),
        frozenset({SCOPE_READ, SCOPE_WRITE}),
    ),
    Method(
        "directory.chromeosdevices.patch",
        "PATCH",
        BASE + "/{deviceId}",
        frozenset({"projection", "fields"}),
        frozenset({SCOPE_WRITE}),
    ),
    Method(
        "admin.customer.devices.chromeos.batchChangeStatus",
        "POST",
        BASE + ":batchChangeStatus",
        frozenset({"fields"}),
        frozenset({SCOPE_WRITE}),
    ),
)  # fmt: skip
WRITABLE = {
    "annotatedUser": 100,
    "annotatedAssetId": None,
    "annotatedLocation": 200,
    "notes": 500,
}


@cache
def key_pair() -> tuple[str, bytes]:
    """Return a private key and its public key, both as PEM; made once, for it takes a while."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )


@dataclass
class Trick:
    """How the next answer misbehaves."""

    status: int = 200
    reason: str = ""
    retry_after: str = ""
    body: bytes | None = None
    cut: bool = False
    slow: float = 0.0
    drip: float = 0.0


@dataclass
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    body: Any


@dataclass
class FakeDirectory:
    """The devices, who may ask, and what goes wrong next."""

    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset({SCOPE_READ, SCOPE_WRITE})
    asked: list[Asked] = field(default_factory=list)
    tricks: deque[Trick] = field(default_factory=deque)
    token_tricks: deque[Trick] = field(default_factory=deque)
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)
    token_seconds: float = 3600
    refused: list[str] = field(default_factory=list)
    stubborn: set[str] = field(default_factory=set)  # takes orders, shows the old state
    forbidden_ids: set[str] = field(default_factory=set)
    epoch: str = "a"
    fresh: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def put(self, *devices: dict[str, Any]) -> None:
        """Let the directory know devices, by their ids."""
        for device in devices:
            self.devices[device["deviceId"]] = device
        self.fresh = []

    def forget_places(self) -> None:
        """Let every token of a next page be unknown from now on."""
        self.epoch = secrets.token_hex(4)

    # --- the token ---

    def grant(self, form: dict[str, list[str]]) -> tuple[int, dict[str, Any]]:
        """Answer a signed request for a token, or say what is wrong with it as Google would."""
        if form.get("grant_type") != [GRANT]:
            return 400, {"error": "unsupported_grant_type"}
        assertion = form.get("assertion", [""])[0]
        try:
            header = jwt.decode_header(assertion)
            claims = jwt.decode(assertion, certs=key_pair()[1], verify=True, audience=AUDIENCE)
        except (ValueError, GoogleAuthError) as error:
            self.refused.append(str(error))
            return 400, {
                "error": "invalid_grant",
                "error_description": "Invalid JWT Signature.",
            }
        wrong = [
            header.get("alg") != "RS256" and "alg",
            claims.get("iss") != EMAIL and "iss",
            claims.get("sub") not in (None, ADMIN) and "sub",
            claims.get("exp", 0) - claims.get("iat", 0) > 3600 and "exp",
        ]
        scopes = str(claims.get("scope", "")).split()
        if any(wrong):
            self.refused.append(", ".join(w for w in wrong if w))
            return 400, {"error": "invalid_grant"}
        if len(scopes) != 1 or scopes[0] not in self.scopes:
            self.refused.append("scope")
            return 401, {"error": "unauthorized_client"}
        token = secrets.token_urlsafe(12)
        self.tokens[token] = (scopes[0], time.monotonic() + self.token_seconds)
        return 200, {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def may(self, header: str, method: Method) -> int:
        """Return 200, 401 without a good token, 403 with one of another scope."""
        scope, until = self.tokens.get(header.removeprefix("Bearer "), ("", 0.0))
        if time.monotonic() >= until:
            return 401
        return 200 if scope in method.scopes else 403

    # --- the methods ---

    def serve(
        self, method: Method, values: dict[str, str], params: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        """Answer one call of a method."""
        match method.id.rpartition(".")[2]:
            case "list":
                return self.page(params)
            case "get":
                return self.get(values["deviceId"])
            case "patch":
                return self.patch(values["deviceId"], body)
            case _:
                return self.batch_change_status(body)

    def page(self, params: dict[str, str]) -> tuple[int, Any]:
        size = min(int(params.get("maxResults", "100")), PAGE_MOST)
        start = 0
        if token := params.get("pageToken"):
            epoch, _, place = token.partition("-")
            if epoch != self.epoch:
                return 400, error_of(400, "invalid", "Invalid Input: pageToken")
            start = int(place)
        found = self._chosen(params)
        answer: dict[str, Any] = {"kind": "admin#directory#chromeosdevices", "etag": '"e"'}
        # As Google does: no list at all where there is nothing.
        if found[start : start + size]:
            answer["chromeosdevices"] = found[start : start + size]
        if start + size < len(found):
            answer["nextPageToken"] = f"{self.epoch}-{start + size}"
        return 200, answer

    def _chosen(self, params: dict[str, str]) -> list[dict[str, Any]]:
        if not params.keys() & {"query", "orgUnitPath", "orderBy"}:
            if not self.fresh:
                self.fresh = list(self.devices.values())
            return self.fresh
        found = list(self.devices.values())
        if query := params.get("query"):
            what, _, text = query.partition(":")
            assert what == "id", query
            # Google's search is partial: whatever begins alike is found.
            found = [d for d in found if d["serialNumber"].upper().startswith(text.upper())]
        if unit := params.get("orgUnitPath"):
            below = params.get("includeChildOrgunits") == "true"
            found = [
                d
                for d in found
                if d.get("orgUnitPath", "/") == unit
                or (below and d.get("orgUnitPath", "/").startswith(unit.rstrip("/") + "/"))
            ]
        if order := params.get("orderBy"):
            found.sort(
                key=lambda d: d.get(order, ""), reverse=params.get("sortOrder") == "DESCENDING"
            )
        return found

    def get(self, device_id: str) -> tuple[int, Any]:
        if device_id not in self.devices:
            return 404, error_of(404, "notFound", "Resource Not Found: deviceId")
        return 200, self.devices[device_id]

    def patch(self, device_id: str, body: Any) -> tuple[int, Any]:
        if device_id not in self.devices:
            return 404, error_of(404, "notFound", "Resource Not Found: deviceId")
        for name, text in body.items():
            if name not in WRITABLE or len(text) > (WRITABLE[name] or len(text)):
                return 400, error_of(400, "invalid", f"Invalid Input: {name}")
        self.devices[device_id] |= body
        return 200, self.devices[device_id]

    def batch_change_status(self, body: Any) -> tuple[int, Any]:
        ids, action = body["deviceIds"], body["changeChromeOsDeviceStatusAction"]
        if not 0 < len(ids) <= IDS_MOST or action not in ACTIONS:
            return 400, error_of(400, "invalid", "Invalid Input")
        results = []
        for device_id in ids:
            device = self.devices.get(device_id)
            if device is None or device_id in self.forbidden_ids:
                status = {"code": 7, "message": "Illegal device state transition."}
                results.append({"deviceId": device_id, "error": status})
                continue
            if device_id not in self.stubborn:
                device["status"] = ACTIONS[action]
            results.append({"deviceId": device_id, "response": {}})
        return 200, {"changeChromeOsDeviceStatusResults": results}


def error_of(code: int, reason: str, message: str) -> dict[str, Any]:
    """Return an error as Google's older APIs write it."""
    one = {"domain": "global", "reason": reason, "message": message}
    return {"error": {"code": code, "message": message, "errors": [one]}}


def match(http: str, path: str) -> tuple[Method, dict[str, str]] | None:
    """Return the method of an address, and the values in its path."""
    for method in METHODS:
        pattern = re.escape(method.path).replace(r"\{", "{").replace(r"\}", "}")
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/:]+)", pattern)
        found = re.fullmatch("/" + pattern, path)
        if found and method.http == http:
            return method, {name: unquote(v) for name, v in found.groupdict().items()}
    return None


def masked(answer: Any, mask: str) -> Any:
    """Return only the fields of a mask such as nextPageToken,chromeosdevices(deviceId,status)."""
    if not mask or "error" in answer:
        return answer
    inner = re.search(r"chromeosdevices\(([^)]*)\)", mask)
    if inner is None:
        wanted = set(mask.split(","))
        return {name: value for name, value in answer.items() if name in wanted}
    wanted = set(inner[1].split(","))
    rows = [
        {name: value for name, value in device.items() if name in wanted}
        for device in answer.get("chromeosdevices", [])
    ]
    token = {k: v for k, v in answer.items() if k == "nextPageToken"}
    return token | ({"chromeosdevices": rows} if rows else {})


class Handler(BaseHTTPRequestHandler):
    """One request; `fake` is set by who makes the server."""

    protocol_version = "HTTP/1.1"
    fake: FakeDirectory

    def log_message(self, *_args: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/token":
            tricks = self.fake.token_tricks
            status, answer = self.fake.grant(parse_qs(raw.decode()))
        else:
            tricks = self.fake.tricks
            params = {name: values[0] for name, values in parse_qs(query).items()}
            body = json.loads(raw) if raw else None
            self.fake.asked.append(Asked(self.command, path, params, body))
            status, answer = self._result(path, params, body)
        if tricks:
            self._misbehave(tricks.popleft(), answer)
        else:
            self._send(status, json.dumps(answer).encode())

    def _result(self, path: str, params: dict[str, str], body: Any) -> tuple[int, Any]:
        found = match(self.command, path)
        if found is None:
            return 404, error_of(404, "notFound", "no such method")
        method, values = found
        may = self.fake.may(self.headers.get("Authorization", ""), method)
        if may != 200:
            reason = "authError" if may == 401 else "insufficientPermissions"
            return may, error_of(may, reason, "not allowed")
        if unknown := params.keys() - method.params:
            return 400, error_of(400, "badRequest", f"Unknown name {unknown}")
        if self.fake.tricks and self.fake.tricks[0].status != 200:
            return 200, {}
        status, answer = self.fake.serve(method, values, params, body)
        return status, masked(answer, params.get("fields", ""))

    def _send(self, status: int, body: bytes, *, more: int = 0, after: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body) + more))
        if after:
            self.send_header("Retry-After", after)
        self.end_headers()
        self.wfile.write(body)

    def _misbehave(self, trick: Trick, answer: Any) -> None:
        time.sleep(trick.slow)
        said = answer if trick.status == 200 else error_of(trick.status, trick.reason, "no")
        body = json.dumps(said).encode() if trick.body is None else trick.body
        if trick.drip:
            self._send(trick.status, b"", more=len(body), after=trick.retry_after)
            self._drip(body, trick.drip)
            return
        self._send(trick.status, body, more=1000 if trick.cut else 0, after=trick.retry_after)
        self.close_connection = trick.cut

    def _drip(self, body: bytes, pause: float) -> None:
        self.close_connection = True
        for place in range(len(body)):
            try:
                self.wfile.write(body[place : place + 1])
            except OSError:
                return
            time.sleep(pause)


class Server(ThreadingHTTPServer):
    """Whoever hangs up early is no trouble of the fake's."""

    daemon_threads = True

    def handle_error(self, *_args: object) -> None:
        """Say nothing."""


class Running:
    """A fake that listens, until it is left."""

    def __enter__(self) -> FakeDirectory:
        self.fake = FakeDirectory()
        self.server = Server(("127.0.0.1", 0), type("Its", (Handler,), {"fake": self.fake}))
        self.fake.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.thread.start()
        return self.fake

    def __exit__(self, *_error: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


def write_key(folder: Path, fake: FakeDirectory, **changes: str) -> Path:
    """Write a service account's key as Google hands it out, for this fake."""
    path = folder / "key.json"
    key = {
        "type": "service_account",
        "project_id": "asahi",
        "private_key_id": "1",
        "private_key": key_pair()[0],
        "client_email": EMAIL,
        "client_id": "1",
        "token_uri": f"{fake.url}/token",
    }
    path.write_text(json.dumps(key | changes), encoding="utf-8")
    return path


def access_to(fake: FakeDirectory, key: Path, **changes: Any) -> Access:
    """Return the way to a fake."""
    return Access(
        **{"key_file": str(key), "subject": ADMIN, "api_url": fake.url, "read_seconds": 2.0}
        | changes
    )


def a_device(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a device as Google would show it."""
    at = datetime(2026, 11, 10, 2, 0, tzinfo=UTC) + timedelta(minutes=number % 600)
    moment = at.isoformat().replace("+00:00", "Z")
    return {
        "kind": "admin#directory#chromeosdevice",
        "etag": '"x"',
        "deviceId": f"{number:08d}-aaaa-bbbb-cccc-0123456789ab",
        "serialNumber": f"5CD{number:07d}",
        "status": "ACTIVE",
        "lastSync": moment,
        "lastEnrollmentTime": moment,
        "firstEnrollmentTime": moment,
        "model": "Chromebook 314 Touch",
        "osVersion": "150.0.7871.100",
        "osVersionCompliance": "compliant",
        "osUpdateStatus": {"state": "updateStateUnspecified"},
        "orgUnitPath": "/職員",
        "annotatedAssetId": f"CB-{number:06d}",
        "annotatedLocation": "本庁舎",
        "annotatedUser": "",
        "macAddress": "b0a34bf5b110",
        "recentUsers": [],
        "bootMode": "Verified",
        "autoUpdateThrough": "2033-06-01T00:00:00.000Z",
    } | changes


def devices(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """Return many devices."""
    return [a_device(number) for number in numbers]
