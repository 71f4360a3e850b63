"""A worker whose broker fell while all its hands were full takes messages again when the broker is back.

Kombu (5.7) counts a message as in hand until the broker has heard that it was done, and while all hands are full it
does not look at its line. Where the broker is away by then, nobody hears: the worker would hold its hands full for
ever, and never learn that the line is dead. Imported by workers (`CELERY_IMPORTS`).
"""

from __future__ import annotations

from kombu.transport import redis, virtual


class QoS(redis.QoS):
    """What a worker has in hand."""

    def ack(self, delivery_tag: str) -> None:
        """Say that a message was done, and have a hand free even where nobody hears it: it may come again."""
        try:
            super().ack(delivery_tag)
        finally:
            virtual.QoS.ack(self, delivery_tag)


redis.Channel.QoS = QoS
