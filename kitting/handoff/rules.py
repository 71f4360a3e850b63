"""Codes that live for five minutes, and how a browser is named to people."""

from __future__ import annotations

import secrets
import unicodedata
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

LIFETIME = timedelta(minutes=5)
# The second of two presses of one button is answered as the first was; later it is a replay.
DOUBLE_PRESS = timedelta(seconds=10)

# Digits survive a Japanese input method; eight of them leave nothing to guesses that are counted.
LENGTH = 8

CODES_PER_BROWSER = 10
TRIES_PER_BROWSER = 10
# A city hall stands behind one address: only wrong guesses count there, and codes more than it needs.
CODES_PER_ADDRESS = 2000
WRONG_PER_ADDRESS = 300
WINDOW = timedelta(minutes=10)

# Edge and Opera call themselves Chrome as well, and Chrome calls itself Safari: the order matters.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Line/", "LINE"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    (" CrOS ", "Chromebook"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def make_code(choose: Callable[[int], int] = secrets.randbelow) -> str:
    """Make a new code of eight digits."""
    return f"{choose(10**LENGTH):0{LENGTH}d}"


def plain_code(typed: str) -> str:
    """Return what was typed as codes are stored: half-width digits, nothing between them."""
    return "".join(c for c in unicodedata.normalize("NFKC", typed) if c.isdecimal())


def shown(code: str) -> str:
    """Write a code as pages show it, such as 1234-5678."""
    half = LENGTH // 2
    return f"{code[:half]}-{code[half:]}"


def browser_name(user_agent: str) -> str:
    """Return the name a browser has for people; nothing where it is unknown."""
    return next((name for mark, name in _BROWSERS if mark in user_agent), "")


def system_name(user_agent: str) -> str:
    """Return the name of a device's kind for people; nothing where it is unknown."""
    return next((name for mark, name in _SYSTEMS if mark in user_agent), "")
