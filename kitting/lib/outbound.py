"""One POST to an address somebody typed: only into the world, never into our own network."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

# Addresses that carry another inside: what is inside counts.
NAT64 = ipaddress.ip_network("64:ff9b::/96")
ALL_OF_V4 = 0xFFFFFFFF


# Names that never lead out into the world, whatever they mean on this machine.
NEAR_NAMES = ("localhost", ".localhost", ".local", ".internal", ".lan", ".home.arpa")
LOOK_UP_SECONDS = 3.0


class ForbiddenAddressError(Exception):
    """The address may not be called: not https, or a private network."""


def why_not(url: str, *, near: bool) -> str:
    """Say why an address somebody typed may not be called, or nothing where it may.

    One of nonsense, scheme, password, unknown, private. `near` lets private networks and http in. A
    name whose look-up takes long is let through: it is looked up again, and judged, when it is called.
    """
    try:
        parts = urlsplit(url)
        host, user, _port = (parts.hostname or "").rstrip("."), parts.username, parts.port
    except ValueError:
        return "nonsense"
    if not host or set(url) & set(" \t\r\n"):
        return "nonsense"
    if parts.scheme.lower() not in (("https", "http") if near else ("https",)):
        return "scheme"
    if user is not None or parts.password is not None:
        return "password"
    return "" if near else _why_not_there(host)


def _why_not_there(host: str) -> str:
    if host.endswith(NEAR_NAMES) or ("." not in host and ":" not in host):
        return "private"
    found = _looked_up(host)
    if found is None:
        return ""
    if not found:
        return "unknown"
    return "" if all(is_public(address) for address in found) else "private"


def _looked_up(host: str) -> list[str] | None:
    """Return the addresses of a name, none if nobody knows it, None if that takes too long."""
    found: list[list[str]] = []

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            rows = []
        found.append([str(row[4][0]) for row in rows])

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(LOOK_UP_SECONDS)
    return found[0] if found else None


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the world, whatever it is wrapped in; nonsense does not."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inside = _inside(found) if isinstance(found, ipaddress.IPv6Address) else None
    return all(one.is_global and not one.is_multicast for one in (found, inside) if one)


def _inside(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if found in NAT64:
        return ipaddress.IPv4Address(int(found) & ALL_OF_V4)
    teredo = found.teredo
    return found.ipv4_mapped or found.sixtofour or (teredo[1] if teredo else None)


class _Pinned(http.client.HTTPConnection):
    """A connection to one address that was looked at before, whatever its name means by now."""

    def __init__(
        self, host: str, address: str, port: int, *, tls: bool, seconds: float
    ) -> None:
        super().__init__(host, port, timeout=seconds)
        self._address, self._tls = address, tls

    def connect(self) -> None:
        """Call the address, and have its certificate checked against the name."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._tls:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End whatever goes on."""
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)


def post(
    url: str, *, body: bytes, headers: dict[str, str], near: bool = False, seconds: float = 10.0
) -> int:
    """Send a body and return the status of the answer; redirects are not followed.

    The name is looked up once, every address it has must be public, and that very address is called.
    `near` lets private networks and http in. It takes `seconds` at most once the name is known. Raises
    `ForbiddenAddressError`, `OSError` (nobody answers) or `http.client.HTTPException` (nonsense).
    """
    parts = urlsplit(url)
    line = _called(parts.scheme, parts.hostname or "", parts.port, near=near, seconds=seconds)
    alarm = threading.Timer(seconds, line.cut)
    alarm.daemon = True
    alarm.start()
    try:
        path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        line.request("POST", path, body, {"Host": parts.netloc.rpartition("@")[2], **headers})
        return line.getresponse().status
    finally:
        alarm.cancel()
        line.close()


def _called(scheme: str, host: str, port: int | None, *, near: bool, seconds: float) -> _Pinned:
    tls = scheme == "https"
    if not host or not (tls or (near and scheme == "http")):
        raise ForbiddenAddressError(scheme)
    port = port or (443 if tls else 80)
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(row[4][0]) for row in found]
    if not near and not all(is_public(address) for address in addresses):
        raise ForbiddenAddressError(host)
    return _Pinned(host, addresses[0], port, tls=tls, seconds=seconds)
