"""Bodies without end and lines that drip, before the shipped nginx: cut at the limit, and the others go on."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.crew import wait_until
from tests.faults.production import say
from tests.needs import needs
from tests.runtime.serving import free_port
from tests.runtime.test_deploy import HOST, City, behind_nginx, make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.production import Production, Walker

pytestmark = pytest.mark.faults
GIGABYTE, LIMIT = 2**30, 64 * 2**20
SLOW, VISITS, TURNS = 200, 100, 3
# What nginx itself may have taken beyond the limit, and what the two kernels may hold on the way (bytes).
BEYOND, ON_THE_WAY = 64 * 2**10, 16 * 2**20


@contextmanager
def front(site: Production, folder: Path) -> Iterator[City]:
    """Run nginx by the shipped template before the site."""
    needs("nginx")
    make_certificate(folder)
    site.more |= {"SITE_URL": f"https://{HOST}", "TRUSTED_PROXY_COUNT": "1"}
    site.more |= {"ALLOWED_HOSTS": f"{HOST},127.0.0.1"}
    for part in (folder, *folder.parents[:3]):
        part.chmod(0o755)  # nginx's workers are nobody
    city = City(folder, {}, free_port(), free_port(), site.port)
    with behind_nginx(city):
        wait_until((folder / "nginx.pid").exists)
        yield city


def line_to(city: City) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(city.folder / "fullchain.pem"))
    plain = socket.create_connection(("127.0.0.1", city.https), timeout=30)
    return context.wrap_socket(plain, server_hostname=HOST)


def send_without_end(city: City, *, how: str) -> tuple[int, str]:
    """Send a gigabyte; return how many bytes had left when the answer came, and its first line."""
    length = f"Content-Length: {GIGABYTE}" if how == "told" else "Transfer-Encoding: chunked"
    piece = b"x" * 65536
    if how != "told":
        piece = b"10000\r\n" + piece + b"\r\n"
    sent, heard = 0, b""
    with line_to(city) as line, suppress(ConnectionError, ssl.SSLEOFError):
        line.sendall(f"POST /imports/ HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n\r\n".encode())
        while sent < GIGABYTE and not heard:
            line.sendall(piece)
            sent += 65536
            heard = what_came(line)
    return sent, heard.decode(errors="replace").partition("\r\n")[0]


def what_came(line: ssl.SSLSocket) -> bytes:
    """Return what has been answered so far, without waiting for it."""
    line.settimeout(0)
    try:
        return line.recv(4096)
    except ssl.SSLWantReadError:
        return b""
    finally:
        line.settimeout(30)


def resident(site: Production) -> int:
    """Return the memory of all that answers (bytes)."""
    pids = [site.running["web"].pid, *site.children("web")]
    return sum(
        int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096
        for pid in pids
    )


def taken(city: City) -> list[int]:
    """Return how much nginx took of each body it refused (bytes)."""
    lines = (city.folder / "access.log").read_text(encoding="ascii").splitlines()
    return [int(size) for status, size in map(str.split, lines) if status == "413"]


def test_a_gigabyte_is_cut_at_the_limit(site: Production, tmp_path: Path) -> None:
    with front(site, tmp_path) as city:
        site.start("web")
        before = resident(site)
        seen = {how: send_without_end(city, how=how) for how in ("told", "untold")}
        grown = max(0, resident(site) - before)
        assert city.ask("/").status == 200
        wait_until(lambda: len(taken(city)) == 2)
        told, untold = taken(city)
    assert told <= BEYOND
    assert untold <= LIMIT + BEYOND
    assert seen["told"][0] <= ON_THE_WAY
    assert seen["untold"][0] <= LIMIT + ON_THE_WAY
    assert grown <= ON_THE_WAY
    say(
        f"1 GiB sent through nginx: where its length is told refused ({seen['told'][1] or 'line cut'}) after {told} bytes;"
        f" where it is not, cut ({seen['untold'][1] or 'line cut'}) when nginx had taken the limit and"
        f" {(untold - LIMIT) / 2**10:.0f} KiB ({seen['untold'][0] / 2**20:.1f} MiB had left by then, the rest of them on"
        f" the way); Kitto grew by {grown / 2**20:.1f} MiB"
    )


@contextmanager
def slow_lines(city: City) -> Iterator[list[ssl.SSLSocket]]:
    """Hold lines open on which a request drips: half in its head, half in its body."""
    is_over = threading.Event()
    with ExitStack() as stack:
        lines = [stack.enter_context(line_to(city)) for _line in range(SLOW)]
        for number, line in enumerate(lines):
            head = f"POST /imports/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n"
            line.sendall(head.encode() + (b"\r\n" if number % 2 else b"X-Slow: "))

        def drip() -> None:
            while not is_over.wait(1.0):
                for line in lines:
                    with suppress(OSError):
                        line.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield lines
        finally:
            is_over.set()
            thread.join()


def p95_of_others(city: City, walker: Walker) -> float:
    """Return how long other people wait for a page, in seconds."""
    seconds = []
    for _visit in range(VISITS):
        began = time.monotonic()
        path = f"/j/{walker.journey}/s/{walker.steps[0]}/"
        # Behind TLS the cookie is bound to the host by its name.
        answer = city.ask(path, Cookie=f"__Host-kitto_session={walker.cookie}")
        seconds.append(time.monotonic() - began)
        assert answer.status == 200
    return sorted(seconds)[VISITS * 95 // 100]


def test_two_hundred_slow_lines_keep_nobody_waiting(site: Production, tmp_path: Path) -> None:
    (walker,) = site.walkers(1)
    alone, beside = [], []
    with front(site, tmp_path) as city:
        site.start("web")
        p95_of_others(city, walker)  # warm
        for _turn in range(TURNS):
            alone.append(p95_of_others(city, walker))
            with slow_lines(city):
                beside.append(p95_of_others(city, walker))
    ratio = min(beside) / min(alone)
    assert ratio <= 2
    say(
        f"{SLOW} lines that drip (half in the head, half in the body) through nginx: p95 of others"
        f" {min(beside) * 1000:.0f} ms beside {min(alone) * 1000:.0f} ms alone, {ratio:.2f} times (best of {TURNS} turns each)"
    )
