"""How many examples a dear property gets: few in the usual run, many in `make test-long`."""

from __future__ import annotations

from hypothesis import settings

USUAL = 100  # what hypothesis takes where nothing is said
LONGER = 20


def examples(usual: int) -> int:
    """Return so many, or twenty times as many in the long run."""
    return usual * LONGER if settings.default.max_examples > USUAL else usual
