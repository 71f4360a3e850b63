"""Run everything in one process: web, worker and beat."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.utils.translation import gettext as _

from kitting.lib.network import lan_address
from kitting.management.database import bring_up_to_date, is_behind
from kitting.management.parts import Beat, Watch, Web, Worker
from kitting.site.queries import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.core.management.base import CommandParser

from kitting.management.parts import Part

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
NOHUP = (signal.SIGHUP, signal.SIG_IGN)
STOP_SECONDS = 4.0
LOOK_SECONDS = 1.0
LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"  # noqa: S104  # the demo only: a phone must reach it


class Command(BaseCommand):
    """Start web, worker and beat together, and stop them together."""

    help = (
        "Run web, worker and beat in one process, in the foreground, until Ctrl-C or SIGTERM."
    )
    stealth_options = ("at_last",)  # what a command that calls this one does at the very end

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the address and which parts to run."""
        parser.add_argument("--host", default=settings.HOST, help="default: this computer only")
        parser.add_argument("--port", type=int, default=settings.PORT)
        parser.add_argument("--threads", type=int, default=12, help="of the web server")
        parser.add_argument("--concurrency", type=int, default=4, help="tasks at a time")
        only = parser.add_mutually_exclusive_group()
        only.add_argument("--web-only", action="store_true", help="needs REDIS_URL")
        only.add_argument(
            "--worker-only", action="store_true", help="worker and beat, no pages"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until a signal comes; a part that dies ends the others and is an error."""
        if options["web_only"] and not settings.REDIS_URL:
            raise CommandError(_("--web-only needs REDIS_URL: nobody would run the tasks."))
        with ExitStack() as stack:
            if not options["web_only"]:
                stack.enter_context(the_only_beat())
            if not options["worker_only"]:
                require_free(options["host"] or LOOPBACK, options["port"])
            prepare_database()
            parts = self._parts(options)
            signals = stack.enter_context(stop_signals())
            for part in parts:
                part.start()
            self._greet(options)
            dead = watch(parts, signals)
            self._say(_("Stopping …"))
            unfinished = stop(parts)
            connections.close_all()
        if at_last := options.get("at_last"):
            at_last()
        self._end(dead, unfinished)

    def _parts(self, options: dict[str, Any]) -> list[Part]:
        parts: list[Part] = []
        if not options["web_only"]:
            parts += [Worker(threads=options["concurrency"]), Beat()]
        if not options["worker_only"]:
            options["host"] = options["host"] or usual_host()
            try:
                web = Web(
                    get_wsgi_application(),
                    host=options["host"],
                    port=options["port"],
                    threads=options["threads"],
                    proxies=settings.TRUSTED_PROXY_COUNT,
                )
            except OSError as error:
                raise CommandError(why_not(error, options["host"], options["port"])) from error
            parts += [web, Watch()]
        return parts

    def _greet(self, options: dict[str, Any]) -> None:
        if not options["worker_only"]:
            host, port = options["host"], options["port"]
            shown = LOOPBACK if host == ANYWHERE else host
            self._say(_("Kitto is ready: %(url)s") % {"url": f"http://{shown}:{port}/"})
            if host == ANYWHERE and (address := lan_address()):
                url = f"http://{address}:{port}/"
                self._say(_("From a phone on the same network: %(url)s") % {"url": url})
        self._say(_("Press Ctrl-C to stop."))

    def _end(self, dead: Part | None, unfinished: list[Part]) -> None:
        if dead:
            self.stderr.write(
                _("The %(part)s part ended by itself, so all was stopped. Start it again.")
                % {"part": dead.name}
            )
        if unfinished:
            # Their threads would keep the process; what they did not finish is found again.
            names = ", ".join(part.name for part in unfinished)
            self._say(_("Still busy, ended now: %(parts)s") % {"parts": names})
            os._exit(1 if dead else 0)
        if dead:
            raise SystemExit(1)

    def _say(self, line: str) -> None:
        with suppress(OSError):  # the terminal may be gone: that is what SIGHUP says
            self.stdout.write(line)
            self.stdout.flush()


@contextmanager
def the_only_beat() -> Iterator[None]:
    """Hold the lock of the data folder; the kernel lets go of it however this process ends."""
    path = settings.VAR_DIR / "serve.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CommandError(
                _("Kitto is running on this data already (process %(pid)s). Stop it first.")
                % {"pid": file.read().strip() or "?"}
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def require_free(host: str, port: int) -> None:
    """Refuse an address that cannot be had, before anything is changed."""
    try:
        with socket.create_server((host, port)):
            pass
    except OSError as error:
        raise CommandError(why_not(error, host, port)) from error


def why_not(error: OSError, host: str, port: int) -> str:
    """Return why nothing can be served there, and what to do."""
    if error.errno == errno.EADDRINUSE:
        sentence = _(
            "Port %(port)s is in use by another program. Choose another, e.g. PORT=%(next)s"
        )
        return sentence % {"port": port, "next": port + 1}
    sentence = _("Cannot listen on %(host)s, port %(port)s: %(reason)s")
    return sentence % {"host": host, "port": port, "reason": error.strerror}


def prepare_database() -> None:
    """Bring SQLite and the demo up to date; refuse a server's database that is not."""
    if connection.vendor == "sqlite" or settings.DEBUG:
        bring_up_to_date()
    elif is_behind():
        raise CommandError(_("The database is not up to date. Run: python manage.py migrate"))


def usual_host() -> str:
    """Return where to listen: the demo is for phones too, real data for this computer only."""
    profile, _now = current()
    return ANYWHERE if profile.is_demo else LOOPBACK


@contextmanager
def stop_signals() -> Iterator[socket.socket]:
    """Turn the signals that stop us into something that can be waited for.

    A handler that sets a lock could meet the same lock held by the code it interrupts.
    """
    receiver, sender = socket.socketpair()
    with receiver, sender:
        sender.setblocking(False)
        signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        # Who started us with nohup wants us to outlive the terminal.
        wanted = [n for n in STOP_SIGNALS if (n, signal.getsignal(n)) != NOHUP]
        before = {number: signal.signal(number, _nothing) for number in wanted}
        try:
            yield receiver
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)


def _nothing(number: int, frame: object) -> None:
    """Let the wake-up descriptor tell of the signal."""


def watch(parts: list[Part], signals: socket.socket) -> Part | None:
    """Wait for a signal, or for a part that ended by itself: that part is returned."""
    while True:
        readable, _writable, _broken = select.select([signals], [], [], LOOK_SECONDS)
        if readable:
            return None
        for part in parts:
            if not part.is_alive():
                return part


def stop(parts: list[Part]) -> list[Part]:
    """Ask all parts to stop and return those that are still busy after a few seconds."""
    deadline = time.monotonic() + STOP_SECONDS
    for part in parts:
        part.ask_to_stop()
    for part in parts:
        part.join(max(0.0, deadline - time.monotonic()))
    return [part for part in parts if part.is_alive()]
