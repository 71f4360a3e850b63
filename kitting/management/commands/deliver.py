"""Send what is due, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from kitting.notices.states import Lane
from kitting.notices.tasks import deliver_lane


class Command(BaseCommand):
    """One round of what beat runs."""

    help = "Send the notices that are due: sign-in codes first, then the others."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Deliver all lanes and print what happened."""
        unreachable = False
        for lane in (Lane.SIGN_IN, Lane.NORMAL, Lane.OUTLET):
            done = deliver_lane(lane)
            unreachable = unreachable or done.unreachable
            self.stdout.write(
                f"{lane.value}: {done.sent} sent, {done.failed} failed, {done.postponed} postponed"
            )
        if unreachable:
            self.stderr.write("The mail server cannot be reached.")
