"""Large packages that few pages need are imported when one does: a web process starts sooner and stays smaller."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Later:
    """A package that is imported when something of it is asked for first."""

    def __init__(self, name: str) -> None:
        """Note which; nothing is imported yet."""
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Return what stands in it."""
        return getattr(import_module(self._name), attribute)

    def change(self, **values: object) -> None:
        """Give some of its names other values."""
        for name, value in values.items():
            setattr(import_module(self._name), name, value)
