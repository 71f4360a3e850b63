"""Addresses of this computer and of those near it."""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress

# Loopback, private networks and links without a router; what is left is the world.
NEAR = tuple(
    ipaddress.ip_network(net)
    for net in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)


def is_near(address: str) -> bool:
    """Tell whether an address is this computer or one in its own network; nonsense is not."""
    plain = address.strip().strip("[]").partition("%")[0]
    try:
        found = ipaddress.ip_address(plain)
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return any(found in net for net in NEAR)


def is_own(address: str) -> bool:
    """Tell whether an address is one of this computer's own: only such a one can be bound."""
    try:
        found = ipaddress.ip_address(address.strip())
    except ValueError:
        return False
    if found.is_unspecified or found.is_multicast:
        return False
    family = socket.AF_INET if found.version == 4 else socket.AF_INET6  # noqa: PLR2004  # IPv4
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(found), 0))
        except OSError:
            return False
        return True


def is_loopback(host: str) -> bool:
    """Tell whether a host's name or address means this computer only."""
    plain = host.strip().strip("[]").lower()
    if plain == "localhost" or plain.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(plain).is_loopback
    except ValueError:
        return False


def lan_address() -> str:
    """Return this computer's address in its network, or nothing; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        address = str(probe.getsockname()[0])
        return "" if address.startswith(("127.", "0.")) else address
    return ""
