"""Questions about codes between devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kitting.handoff import rules
from kitting.handoff.models import Handoff
from kitting.handoff.states import Gift
from kitting.journeys.queries import own_journeys

if TYPE_CHECKING:
    from accounts.models import User
    from accounts.queries import Rights
    from kitting.journeys.models import Journey


@dataclass(frozen=True)
class Holder:
    """What a browser has and may hand over: a full sign-in, or one journey as by the box.

    `person` is who is signed in in it; a box session has nobody.
    """

    gift: Gift
    person: User | None = None
    journey: Journey | None = None


@dataclass(frozen=True)
class Client:
    """A browser as far as it can be told apart and named."""

    address: str
    browser: str
    user_agent: str
    on_chromebook: bool = False

    @property
    def name(self) -> str:
        """Return the browser's name for people."""
        return rules.browser_name(self.user_agent)

    @property
    def system(self) -> str:
        """Return the kind of device for people."""
        if self.on_chromebook:
            return "Chromebook"
        return rules.system_name(self.user_agent)


def holder_for(
    *, person: User | None, rights: Rights | None, journey: Journey | None
) -> Holder | None:
    """Return what a browser may hand over, or nothing.

    A box session hands over a box session. Who only sets up an own device hands over the sign-in.
    Whoever has a role signs in on every device, and hands over the own set-up only.
    """
    if person is None:
        return Holder(Gift.BOX, journey=journey) if journey else None
    if rights is None or not (rights.roles or rights.sees_board):
        return Holder(Gift.SIGN_IN, person=person)
    own = [found for found in own_journeys(person) if found.begun_at is not None]
    return Holder(Gift.BOX, person=person, journey=own[0]) if own else None


def handoff_of(handoff_id: object) -> Handoff | None:
    """Return a code by what a browser's session keeps of it."""
    if not isinstance(handoff_id, int):
        return None
    return (
        Handoff.objects.select_related("journey__loan__device", "person")
        .filter(pk=handoff_id)
        .first()
    )


def is_of(handoff: Handoff, holder: Holder | None) -> bool:
    """Tell whether a browser still holds what a code hands over."""
    if holder is None or holder.gift != handoff.gift:
        return False
    if holder.gift == Gift.SIGN_IN:
        return holder.person is not None and holder.person.pk == handoff.person_id
    return (
        holder.journey is not None
        and holder.journey.pk == handoff.journey_id
        and holder.journey.box_epoch == handoff.box_epoch
    )
