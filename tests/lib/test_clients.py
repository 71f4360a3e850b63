"""Tries are counted by who really connects, not by what a header claims."""

from __future__ import annotations

import pytest

from kitting.lib.clients import client_address


@pytest.mark.parametrize(
    ("remote", "forwarded", "proxies", "found"),
    [
        ("203.0.113.9", "", 0, "203.0.113.9"),
        ("203.0.113.9", "198.51.100.7", 0, "203.0.113.9"),
        ("10.0.0.1", "198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7", 1, "198.51.100.7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.7, 10.0.0.2", 2, "198.51.100.7"),
        ("10.0.0.1", "", 2, "10.0.0.1"),
        ("10.0.0.1", "nonsense", 1, "unknown"),
        ("", "", 0, "unknown"),
        ("2001:db8:1:2:3:4:5:6", "", 0, "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "", 0, "203.0.113.9"),
    ],
)
def test_the_client_is_who_our_own_proxy_saw(
    remote: str, forwarded: str, proxies: int, found: str
) -> None:
    assert client_address(remote=remote, forwarded=forwarded, proxies=proxies) == found
