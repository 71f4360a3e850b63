"""What can be refused, each with a sentence of its own on the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from accounts.models import User


class TicketError(Exception):
    """A ticket cannot do what was asked."""


class AlreadyTakenError(TicketError):
    """Somebody else took it a moment before; carries who."""

    def __init__(self, by: User | None) -> None:
        super().__init__()
        self.by = by


class TooManyReportsError(TicketError):
    """One browser reported the same box too often."""


class TicketEndedError(TicketError):
    """The ticket is resolved already."""


class NobodyReadsError(TicketError):
    """There is no page on which the person could read an answer to this ticket."""


class NotLostError(TicketError):
    """Only a report of a loss can mark a device as lost."""


class AlbumFullError(TicketError):
    """There are photos enough, of the question or of the journey today."""


class JourneyOverError(TicketError):
    """The device went back, was exchanged or lost: nothing can be asked about it any more."""
