"""Addresses near and far."""

from __future__ import annotations

import pytest

from kitting.lib.network import lan_address


@pytest.mark.allow_hosts(["192.0.2.1"])  # asked for the way there; nothing is sent
def test_the_address_for_a_phone_is_never_this_computer_alone() -> None:
    assert not lan_address().startswith("127.")
