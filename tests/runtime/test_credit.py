"""A worker that cannot tell its broker that a message was done has a hand free nevertheless."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kombu import Connection
from redis.exceptions import ConnectionError as NotThereError

from kitting.management import credit
from tests.faults.servers import own_redis

if TYPE_CHECKING:
    from pathlib import Path


def test_a_hand_is_free_again_though_the_broker_fell(tmp_path: Path) -> None:
    with own_redis(tmp_path) as broker, Connection(broker.url) as line:
        channel = line.channel()
        assert isinstance(channel.qos, credit.QoS)
        channel.basic_qos(0, 1, False)  # the protocol's own words
        queue = line.SimpleQueue("work", channel=channel)
        queue.put("a message")
        message = queue.get(timeout=5)
        assert not channel.qos.can_consume()
        broker.kill()
        with pytest.raises(NotThereError):
            message.ack()
        assert channel.qos.can_consume()
