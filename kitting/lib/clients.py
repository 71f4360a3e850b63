"""Who is at the other end of a request, as far as an address can tell."""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

UNKNOWN = "unknown"
IPV6_PREFIX = 64


def client_address(*, remote: str, forwarded: str, proxies: int) -> str:
    """Return the address to count tries by.

    `remote` is who connected, `forwarded` the X-Forwarded-For header, `proxies` how many proxies of
    our own stand in front. Each of ours appends one address; what stands further left was written
    by the client and proves nothing. IPv6 clients are counted by their /64, which is one household.
    """
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    found = hops[-proxies] if proxies and len(hops) >= proxies else remote
    try:
        address = ipaddress.ip_address(found.strip().strip("[]"))
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False).network_address)
    return str(address)


_calling: ContextVar[str] = ContextVar("calling", default="")


@contextmanager
def called_by(address: str) -> Iterator[None]:
    """Remember whose request is being answered, so that the log can say from where."""
    token = _calling.set(address)
    try:
        yield
    finally:
        _calling.reset(token)


def calling_from() -> str:
    """Return the address of the client being answered; empty in a command or a task."""
    return _calling.get()
