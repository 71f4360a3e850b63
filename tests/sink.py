"""A real mail server on loopback that answers as it is told."""

from __future__ import annotations

import asyncio
import email
import logging
import socket
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import policy
from typing import TYPE_CHECKING, Any

from aiosmtpd.controller import Controller

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage

logging.getLogger("mail.log").setLevel(logging.WARNING)
OK = "250 OK"
HANG = "hang"
# The mail is taken, and the line breaks before that is said.
LOST = "lost"


@dataclass
class Sink:
    """What arrived, and what the next messages and recipients will be told."""

    port: int = 0
    pause: float = 0.0
    answers: deque[str] = field(default_factory=deque)
    recipient_answers: deque[str] = field(default_factory=deque)
    mails: list[EmailMessage] = field(default_factory=list)
    offered: int = 0
    connections: int = 0
    in_hand: int = 0
    most_in_hand: int = 0

    @property
    def message_ids(self) -> list[str]:
        return [str(mail["Message-ID"]) for mail in self.mails]

    async def handle_EHLO(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802  # aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        answer = self.recipient_answers.popleft() if self.recipient_answers else OK
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd's name
        self.offered += 1
        self.in_hand += 1
        self.most_in_hand = max(self.most_in_hand, self.in_hand)
        try:
            return await self._answer(server, envelope)
        finally:
            self.in_hand -= 1

    async def _answer(self, server: Any, envelope: Any) -> str:
        answer = self.answers.popleft() if self.answers else OK
        if answer == HANG:
            await asyncio.sleep(30)
        if answer == LOST:
            server.transport.abort()
        if answer == LOST or answer.startswith("2"):
            self.mails.append(email.message_from_bytes(envelope.content, policy=policy.default))
        # Between taking a mail and saying so a server writes it to disk.
        await asyncio.sleep(self.pause)
        return answer


@contextmanager
def running_sink(*, pause: float = 0.0, port: int = 0) -> Iterator[Sink]:
    """Run a sink in a thread of its own, on a free port or the one named; `pause` is its time to answer (seconds)."""
    if not port:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
    sink = Sink(port=port, pause=pause)
    controller = Controller(sink, hostname="127.0.0.1", port=port)
    controller.start()
    sink.connections = 0
    try:
        yield sink
    finally:
        controller.stop(no_assert=True)
