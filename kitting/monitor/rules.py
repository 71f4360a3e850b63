"""Decisions about what is measured and how it is called."""

from __future__ import annotations

import logging
import re
import secrets

# What a proxy of ours may have called the request; anything else is called anew.
_CALLED = re.compile(r"[0-9A-Za-z-]{8,64}")
NO_ROUTE = "none"


def request_id(*, header: str, is_trusted: bool) -> str:
    """Return what a request is called in logs and on error pages, such as E-7F3A90B1."""
    if is_trusted and _CALLED.fullmatch(header):
        return header
    return f"E-{secrets.token_hex(4).upper()}"


class WithoutAddress(logging.Filter):
    """Takes the address of a page out of a line: it may hold the code of a box."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every line through, with a sign where an address stood."""
        if isinstance(record.args, tuple):
            record.args = tuple(
                "(address)" if isinstance(one, str) and one.startswith("/") else one
                for one in record.args
            )
        return True
