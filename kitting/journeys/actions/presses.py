"""Presses that arrive from outside a network: once each."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.ready import stated
from kitting.journeys import rules
from kitting.journeys.models import Press

if TYPE_CHECKING:
    from datetime import datetime


# A device sends what waits as soon as it can; nothing comes after so long.
PRESSES_KEPT = dt.timedelta(days=90)


# What arrived before changes nothing.
ARRIVED = """
    INSERT INTO kitting_press ("client", "sequence", "path", "client_at", "received_at")
    VALUES (%s, %s, %s, %s, %s) ON CONFLICT ("client", "sequence") DO NOTHING
"""


@transaction.atomic(savepoint=False)
def take_press(
    *, client: str, sequence: int, path: str, client_at: datetime | None, now: datetime
) -> bool:
    """Note that a press which waited on a device has arrived; tell whether it is the first time.

    To be called in one transaction with what the press does. Old ones of the same device, which can
    no longer come again, are cleared away.
    """
    Press.objects.filter(client=client, received_at__lt=now - PRESSES_KEPT).delete()
    at = rules.own_time(client_at, last=None, now=now)
    return stated(ARRIVED, client, sequence, path, at, now) > 0
