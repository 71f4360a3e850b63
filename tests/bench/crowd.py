"""A crowd of browsers in a process of its own: everybody comes when they come, whatever the server does.

Reads a plan from standard input and writes what happened to standard output, both JSON. Times count from the moment
at which something should have been asked (an open loop): a server that falls behind cannot hide it.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "kitto.example.lg.jp"
# What a proxy keeps open towards the web process at most.
LINES = 32
# After so many requests the proxy opens a new one: as `deploy/nginx` says.
REQUESTS_A_LINE = 50
PATIENCE = 30
ONE_IN_ASKS = 8
POLLS = 2
PRESSES = 8
REDIRECT, MOST_FINE = 302, 399
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
KEY = re.compile(r'name="client_key" value="(\w+?)[a-z]?"')
CHOICE = re.compile(r'name="choice" value="([\w-]+)"')
PRACTICE = "touch-practice"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")


class Line:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.ends: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.asked = 0

    async def ask(self, head: str, body: bytes) -> Answer:
        """Ask, on a new connection where the kept one was closed meanwhile or has served its time."""
        self.asked += 1
        if self.asked % REQUESTS_A_LINE == 0:
            self.close()
        if self.ends is not None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._ask(head, body)
        self.ends = await asyncio.open_connection("127.0.0.1", self.port)
        return await self._ask(head, body)

    async def _ask(self, head: str, body: bytes) -> Answer:
        assert self.ends is not None
        reader, writer = self.ends
        writer.write(head.encode() + body)
        await writer.drain()
        said = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = said.rstrip().split("\r\n")
        pairs = [line.split(": ", 1) for line in lines]
        headers = [(key.lower(), value) for key, value in pairs]
        answer = Answer(int(first.split()[1]), headers, "")
        found = await reader.readexactly(int(answer.header("content-length") or 0))
        answer.body = found.decode()
        if answer.header("connection") == "close":
            writer.close()
            self.ends = None
        return answer

    def close(self) -> None:
        if self.ends is not None:
            self.ends[1].close()
            self.ends = None


@dataclass
class Crowd:
    """All browsers, and what they met."""

    port: int
    takes: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    people: list[dict[str, Any]] = field(default_factory=list)
    lines: asyncio.Queue[Line] = field(default_factory=asyncio.Queue)

    async def ask(self, page: str, method: str, path: str, **more: Any) -> Answer | None:
        """Ask for one page, which should have been asked for at `due`."""
        form, cookies, due = more.get("form"), more.get("cookies", {}), more["due"]
        body = urlencode(form).encode() if form is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept-Language: ja\r\n"
        head += f"Cookie: {'; '.join(f'{k}={v}' for k, v in cookies.items())}\r\n"
        if form is not None:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        line = await self.lines.get()
        answer = None
        try:
            answer = await asyncio.wait_for(line.ask(head + "\r\n", body), PATIENCE)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            line.close()
            self.errors.append(f"{page}: {type(error).__name__}")
        finally:
            self.lines.put_nowait(line)
        self.takes.append((page, time.perf_counter() - due))
        if answer is not None and answer.status > MOST_FINE:
            self.errors.append(f"{page}: {answer.status}")
        return answer


class Browser:
    """One person, from the label on the box to the practice."""

    def __init__(self, crowd: Crowd, plan: dict[str, Any], number: int) -> None:
        self.crowd, self.code, self.staff_number = crowd, plan["code"], plan["staff_number"]
        self.cookies: dict[str, str] = {}
        self.due = plan["at"]
        self.pause = plan["pause"]
        self.body = self.path = ""
        self.asks = number % ONE_IN_ASKS == 0
        self.done: list[str] = []
        self.asked = 0

    async def go(self, page: str, method: str, path: str, **form: str) -> bool:
        """Do the next thing when its time has come; tell whether it went well."""
        await asyncio.sleep(max(0.0, self.due - time.perf_counter()))
        said = None
        if method == "POST":
            token = TOKEN.search(self.body)
            said = {"csrfmiddlewaretoken": token[1] if token else "", **form}
        answer = await self.crowd.ask(
            page, method, path, form=said, cookies=self.cookies, due=self.due
        )
        self.due += self.pause
        if answer is None or answer.status > MOST_FINE:
            return False
        self._keep(answer, is_part="part=" in path)
        return True

    def _keep(self, answer: Answer, *, is_part: bool) -> None:
        for key, value in answer.headers:
            if key == "set-cookie":
                name, _, rest = value.partition("=")
                self.cookies[name] = rest.partition(";")[0]
        if answer.status == REDIRECT:
            self.path = answer.header("location")
        elif answer.body and not is_part:
            self.body = answer.body

    @property
    def step(self) -> str:
        """Return the step the last answer leads to."""
        found = re.search(r"/s/([\w-]+)/", self.path)
        return found[1] if found else ""

    @property
    def journey(self) -> str:
        found = re.search(r"/j/(\d+)/", self.path)
        return found[1] if found else ""

    async def walk(self) -> None:
        """Do it all; stop where something fails."""
        for way in (self._come_in, self._steps, self._practise, self._ask_for_help):
            if not await way():
                break
        self.crowd.people.append(
            {"journey": self.journey, "done": self.done, "asked": self.asked}
        )

    async def _come_in(self) -> bool:
        return (
            await self.go("box page", "GET", f"/d/{self.code}")
            and await self.go(
                "staff number", "POST", f"/d/{self.code}/begin", staff_number=self.staff_number
            )
            and await self.go("step page", "GET", self.path)
        )

    async def _steps(self) -> bool:
        for _press in range(PRESSES):
            key, step = KEY.search(self.body), self.step
            address = f"/j/{self.journey}/s/{step}/done"
            if not await self.go(
                "step done", "POST", address, client_key=key[1] if key else ""
            ):
                return False
            self.done.append(step)
            if not await self.go("step page", "GET", self.path):
                return False
        return True

    async def _practise(self) -> bool:
        base = f"/j/{self.journey}/s/{PRACTICE}"
        if not await self.go("practice page", "GET", f"{base}/"):
            return False
        if not await self.go("practice done", "POST", f"{base}/check", outcome="seen"):
            return False
        self.done.append(PRACTICE)
        return True

    async def _ask_for_help(self) -> bool:
        if not self.asks:
            return await self.go("overview of the way", "GET", f"/j/{self.journey}/")
        address = f"/j/{self.journey}/help/"
        if not await self.go("help page", "GET", address):
            return False
        choice = CHOICE.search(self.body)
        form = {"choice": choice[1] if choice else "", "wish": "screen"}
        if not await self.go("help asked", "POST", address, **form):
            return False
        self.asked = 1
        polls = [
            await self.go("answer, polled", "GET", f"{self.path}?part=1") for _ in range(POLLS)
        ]
        return all(polls)


def moments(number: int, seconds: float, seed: int) -> Iterator[float]:
    """Yield when people come: so many in so much time, as by chance."""
    choose = random.Random(seed)  # the same crowd each time
    yield from sorted(choose.uniform(0, seconds) for _person in range(number))


async def play(plan: dict[str, Any]) -> Crowd:
    """Let everybody come."""
    crowd = Crowd(port=plan["port"])
    for _line in range(LINES):
        crowd.lines.put_nowait(Line(plan["port"]))
    begins = time.perf_counter() + 0.5
    at = moments(len(plan["people"]), plan["seconds"], plan["seed"])
    walks = [
        Browser(crowd, {**person, "at": begins + moment, "pause": plan["pause"]}, number).walk()
        for number, (person, moment) in enumerate(zip(plan["people"], at, strict=True))
    ]
    await asyncio.gather(*walks)
    return crowd


if __name__ == "__main__":
    played = asyncio.run(play(json.load(sys.stdin)))
    found = {"takes": played.takes, "errors": played.errors, "people": played.people}
    json.dump(found, sys.stdout)
