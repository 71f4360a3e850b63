"""What can be refused, and who acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.journeys.states import Via

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from kitting.journeys import rules
    from kitting.journeys.models import Journey


class JourneyError(Exception):
    """A journey cannot do what was asked; the sentence is for people."""


class JourneyClosedError(JourneyError):
    """The device went back, was exchanged or lost: nothing moves any more."""


class UnknownStepError(JourneyError):
    """The step is not part of this journey."""


class NotBegunError(JourneyError):
    """Nobody has begun this journey."""


class NoGuideError(JourneyError):
    """No guide is published yet."""


class StartsStoppedError(JourneyError):
    """IT has stopped new starts for now; a public notice says why."""


@dataclass(frozen=True)
class Who:
    """Through which door somebody acts, and who, where that is known.

    `client_at` is when it was pressed, by the device's clock, where it waited for the network.
    """

    via: Via
    actor: User | None = None
    client_address: str = ""
    client_at: datetime | None = None


SYSTEM = Who(via=Via.SYSTEM)


@dataclass(frozen=True)
class Moved:
    """What an action did: the journey after it, and whether anything changed.

    `already` says that nothing changed because another press, in an older tab or on another device,
    had said the same before; a press that merely came twice is not that.
    """

    journey: Journey
    changed: bool
    already: bool = False
    became_ready: bool = False
    became_at_home: bool = False


@dataclass(frozen=True)
class Said:
    """What goes into one event beside its fact."""

    fact: rules.Fact
    client_key: str | None = None
    client_at: datetime | None = None
    text: str = ""


@dataclass(frozen=True)
class SerialCheck:
    """What came of typing the end of the serial number: "right", "wrong" or "slow"."""

    outcome: str
    moved: Moved
