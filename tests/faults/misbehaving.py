"""A program on loopback that misbehaves by its path, in every way a program that is told may."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENT = 30.0
# What becomes of a message in the first round, by the path that behaves so.
TAKEN, WAITS, PARKED = "sent", "queued", "failed"
PATHS = {
    "well": TAKEN,
    "floods": TAKEN,
    "error": WAITS,
    "busy": WAITS,
    "too-many": WAITS,
    "hangs": WAITS,
    "drips": WAITS,
    "gabbles": WAITS,
    "hangs-up": WAITS,
    "resets": WAITS,
    "nobody": WAITS,
    "untrusted": WAITS,
    "plain": WAITS,
    "gone": PARKED,
    "elsewhere": PARKED,
}
# The same for rooms of a chat service: the library tells taken from not taken, and nothing else.
ROOMS = {
    "well": TAKEN,
    **dict.fromkeys(
        (
            "error",
            "busy",
            "too-many",
            "gone",
            "elsewhere",
            "hangs",
            "gabbles",
            "hangs-up",
            "resets",
        ),
        WAITS,
    ),
}
STATUS = {
    "well": "204 No Content",
    "error": "500 Broken",
    "busy": "503 Busy",
    "too-many": "429 Too Many",
    "gone": "404 Gone",
    "elsewhere": "302 Found\r\nLocation: /well",
}


class Misbehaving(BaseRequestHandler):
    """One request, answered as its path says."""

    heard: list[str] = []

    def handle(self) -> None:
        with suppress(OSError):
            head = self.request.recv(65536).decode(errors="replace")
            path = head.split(" ")[1].strip("/") if head.count(" ") > 1 else "plain"
            self.heard.append(path)
            answer(self.request, path)


def answer(line: socket.socket, path: str) -> None:
    """Answer as a path says."""
    if path in STATUS:
        line.sendall(f"HTTP/1.1 {STATUS[path]}\r\nContent-Length: 0\r\n\r\n".encode())
    elif path in WAYS:
        WAYS[path](line)


def _hang(_line: socket.socket) -> None:
    time.sleep(PATIENT)


def _drip(line: socket.socket) -> None:
    for _letter in range(int(PATIENT / 0.5)):
        line.sendall(b"H")
        time.sleep(0.5)


def _flood(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
    for _piece in range(16384):
        line.sendall(b"x" * 65536)


def _gabble(line: socket.socket) -> None:
    line.sendall(b"\x00\xff no web server at all\r\n\r\n")


def _reset(line: socket.socket) -> None:
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


WAYS = {"hangs": _hang, "drips": _drip, "floods": _flood, "gabbles": _gabble, "resets": _reset}


class Tunnel(BaseRequestHandler):
    """A line that a proxy is asked for, to a chat service; who answers at its end behaves as the room's number says."""

    tls: ssl.SSLContext
    heard: list[str] = []

    def handle(self) -> None:
        with suppress(OSError):
            self.request.recv(65536)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            line = self.tls.wrap_socket(self.request, server_side=True)
            # /api/webhooks/<room>/<token>
            room = whole_request(line).decode(errors="replace").split("/")[3]
            self.heard.append(room)
            answer(line, room)
            line.close()


def whole_request(line: socket.socket) -> bytes:
    """Read a request with its body: a line that is closed before is reset, and the answer is lost."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += line.recv(65536)
    head, _, body = said.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += line.recv(65536)
    return head


class _Server(ThreadingTCPServer):
    daemon_threads, allow_reuse_address, request_queue_size = True, True, 128
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, object]:
        line, address = self.socket.accept()
        if self.tls:
            # The handshake is made by whoever reads first.
            line = self.tls.wrap_socket(line, server_side=True, do_handshake_on_connect=False)
        return line, address


@contextmanager
def misbehaving(certificate: Path) -> Iterator[dict[str, str]]:
    """Give an address for each way to misbehave; `certificate` is a folder with one nobody trusts."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate / "fullchain.pem", certificate / "privkey.pem")
    plain, closed = (_Server(("127.0.0.1", 0), Misbehaving) for _server in range(2))
    closed.tls = tls
    for server in (plain, closed):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    here, there = (f"127.0.0.1:{server.server_address[1]}" for server in (plain, closed))
    odd = {
        "nobody": "http://127.0.0.1:1/",
        "untrusted": f"https://{there}/",
        "plain": f"https://{here}/",
    }
    try:
        yield {path: odd.get(path, f"http://{here}/{path}") for path in PATHS}
    finally:
        for server in (plain, closed):
            server.shutdown()
            server.server_close()


@contextmanager
def chat_service(certificate: Path) -> Iterator[str]:
    """Give the address of a proxy behind which a chat service misbehaves by room."""
    Tunnel.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    Tunnel.tls.load_cert_chain(certificate / "fullchain.pem", certificate / "privkey.pem")
    Tunnel.heard.clear()
    server = _Server(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
