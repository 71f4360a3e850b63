"""Whether a secret that people choose holds: sessions could be forged with a weak one."""

from __future__ import annotations

CHARACTERS_LEAST = 50
DIFFERENT_LEAST = 12
# What people leave standing in examples.
WORDS = ("django-insecure", "changeme", "change-me", "change_me", "your-secret", "password")


def is_weak_key(key: str) -> bool:
    """Tell whether a secret key is short, of few characters, or one that everybody knows."""
    is_short = len(key) < CHARACTERS_LEAST or len(set(key)) < DIFFERENT_LEAST
    return is_short or any(word in key.lower() for word in WORDS)
