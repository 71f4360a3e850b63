"""The same box and guide as the employee's pages."""

from tests.journeys.conftest import guide, journey, shipped, waiting

__all__ = ["guide", "journey", "shipped", "waiting"]
