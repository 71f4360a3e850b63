"""Look at everybody whose moment has come, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from kitting.escalation.tasks import sweep_rounds


class Command(BaseCommand):
    """One round of what beat runs."""

    help = "Find who is stuck, close what progress has answered, raise what nobody took."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Sweep and print what happened."""
        done = sweep_rounds()
        self.stdout.write(
            f"{done.looked} looked at, {done.opened} opened, {done.closed} closed by progress, "
            f"{done.raised} raised, {done.departed} people left, {done.stumbled} to look at again"
        )
