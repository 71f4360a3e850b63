"""A POST leaves for the world only, takes its time limit, and follows nobody."""

from __future__ import annotations

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from kitting.lib import outbound

if TYPE_CHECKING:
    from collections.abc import Iterator


class Listener(BaseHTTPRequestHandler):
    """Answers by its path: /200, /500, /302, /hang, /drip."""

    heard: list[tuple[str, bytes, dict[str, str]]] = []

    def do_POST(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.path, body, dict(self.headers)))
        if self.path in ("/hang", "/drip"):
            for _ in range(30):
                time.sleep(0.2)
                if self.path == "/drip":
                    self.wfile.write(b"H")
            return
        self.send_response(int(self.path.split("?")[0][1:]))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True


@pytest.fixture
def site() -> Iterator[str]:
    Listener.heard.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def send(url: str, *, near: bool = True, seconds: float = 2.0) -> int:
    return outbound.post(url, body=b"x", headers={"X-A": "b"}, near=near, seconds=seconds)


def test_the_answer_is_told_and_a_redirect_is_not_followed(site):
    assert [send(f"{site}/{status}") for status in (200, 302, 500)] == [200, 302, 500]
    assert [path for path, _, _ in Listener.heard] == ["/200", "/302", "/500"]
    path, body, headers = Listener.heard[0]
    assert (path, body, headers["X-A"]) == ("/200", b"x", "b")
    assert headers["Host"] == site.removeprefix("http://")


@pytest.mark.parametrize("path", ["/hang", "/drip"])
def test_who_hangs_or_drips_is_left_in_time(site, path):
    started = time.monotonic()
    with pytest.raises((OSError, outbound.http.client.HTTPException)):
        send(site + path, seconds=0.5)
    assert time.monotonic() - started < 4


def test_our_own_network_is_not_called(site):
    for url in (site.replace("http:", "https:"), "https://localhost/", "https://[::1]/"):
        with pytest.raises(outbound.ForbiddenAddressError):
            send(url, near=False)
    assert not Listener.heard


@pytest.mark.parametrize("url", ["http://example.jp/", "file:///etc/passwd", "https:///x"])
def test_only_https_leaves(url):
    with pytest.raises(outbound.ForbiddenAddressError):
        send(url, near=False)


def test_a_name_with_one_private_address_is_refused_and_asked_once(monkeypatch):
    asked = []

    def look_up(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in ("8.8.8.8", "10.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with pytest.raises(outbound.ForbiddenAddressError):
        send("https://rebind.example.jp/", near=False)
    assert asked == ["rebind.example.jp"]


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1%eth0", "fc00::1"),
        *("::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "nonsense"),
    ],
)
def test_what_is_not_the_world(address):
    assert not outbound.is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2001:4860:4860::8888", "64:ff9b::808:808"])
def test_what_is_the_world(address):
    assert outbound.is_public(address)
