"""The parts of the one-process server: web, worker and beat, each a thread that can be asked to stop."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import current_app
from celery.beat import Scheduler, Service
from celery.worker import WorkController
from celery.worker import state as worker_state
from waitress import wasyncore
from waitress.server import create_server

from kitting.management.watching import keep_watch
from kitting.site.middleware import BODY_BYTES_MOST

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

QUEUES = ("celery", "sign_in")
NUDGE = "notices.deliver"
WEB_POLL_SECONDS = 1.0
WEB_FINISH_SECONDS = 1.5
# Beat sleeps between its looks at the schedule and cannot be woken, so it looks often.
BEAT_LOOK_SECONDS = 1
LONG_AGO = timedelta(days=366)


class Part(threading.Thread):
    """A thread of the server; it runs until it is asked to stop."""

    def __init__(self, name: str) -> None:
        """Name the thread; a daemon, so that a part that hangs cannot keep the process."""
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()

    def work(self) -> None:
        """Do the work until asked to stop."""
        raise NotImplementedError

    def run(self) -> None:
        """Work; an error ends this part and is logged, and whoever watches it sees it dead."""
        try:
            self.work()
        except Exception:
            log.exception("The %s part failed", self.name)

    def ask_to_stop(self) -> None:
        """Ask the part to finish what it has begun; returns at once."""
        self.stopping.set()


class Web(Part):
    """Answers requests with threads; binds its address when made (`OSError` if it cannot)."""

    def __init__(
        self,
        application: Callable[..., Any],
        *,
        host: str,
        port: int,
        threads: int,
        proxies: int,
    ) -> None:
        """Listen; requests that come before the thread starts wait for it."""
        super().__init__("web")
        self.sockets: dict[int, Any] = {}
        self.server = create_server(
            application,
            map=self.sockets,
            host=host,
            port=port,
            threads=threads,
            connection_limit=500,
            asyncore_use_poll=True,
            ident=None,
            max_request_body_size=BODY_BYTES_MOST,
            # Behind a proxy the client's address stands in the headers that waitress would remove.
            clear_untrusted_proxy_headers=proxies == 0,
        )

    def work(self) -> None:
        """Serve, then finish the answers that are on their way."""
        while not self.stopping.is_set():
            self._turn(WEB_POLL_SECONDS)
        self.server.accepting = False
        self.server.socket.close()
        self.server.del_channel()
        deadline = time.monotonic() + WEB_FINISH_SECONDS
        while self._is_answering() and time.monotonic() < deadline:
            self._turn(0.05)
        self.server.task_dispatcher.shutdown(timeout=0.5)
        wasyncore.close_all(self.sockets)

    def ask_to_stop(self) -> None:
        """Wake the loop, so that it does not wait for the next request."""
        super().ask_to_stop()
        self.server.pull_trigger()

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self.sockets, count=1)

    def _is_answering(self) -> bool:
        return any(
            channel.requests or channel.total_outbufs_len
            for channel in list(self.server.active_channels.values())
        )


class Worker(Part):
    """Runs tasks with threads; those that were not finished are found again in the database."""

    def __init__(self, *, threads: int) -> None:
        """Load the tasks; the broker is reached when the thread starts."""
        super().__init__("worker")
        current_app.conf.worker_enable_remote_control = False
        self.controller = WorkController(
            app=current_app,
            pool="threads",
            concurrency=threads,
            queues=list(QUEUES),
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )

    def work(self) -> None:
        """Consume until asked to stop, then wait for the tasks that run."""
        self.controller.start()

    def ask_to_stop(self) -> None:
        """Have the worker's own loop shut it down."""
        super().ask_to_stop()
        worker_state.should_stop = 0  # type: ignore[assignment]  # the stubs know only its first value
        threading.Thread(
            target=self._nudge, daemon=True
        ).start()  # a frozen broker holds who calls

    def _nudge(self) -> None:
        """Send what ends two turns of the loop.

        The loop looks at the flag after a message or two seconds, then takes one more turn: messages
        that will be too old to be run spare the wait.
        """
        with suppress(Exception):  # without a broker it takes longer
            for _turn in range(2):
                current_app.send_task(NUDGE, expires=0.001, retry=False)


class DueAtStart(Scheduler):
    """A schedule in memory in which all is due when it starts.

    Nothing is kept in a file that a kill could break, and what should have run while nobody was
    here is made up for at once: every task may run twice.
    """

    def setup_schedule(self) -> None:
        """Read the settings and pretend that everything last ran long ago."""
        super().setup_schedule()
        for entry in self.schedule.values():
            entry.last_run_at = entry.default_now() - LONG_AGO


class Beat(Part):
    """Wakes the worker when the schedule says so."""

    def __init__(self) -> None:
        """Take the schedule from the settings."""
        super().__init__("beat")
        self.service = Service(
            current_app, max_interval=BEAT_LOOK_SECONDS, scheduler_cls=DueAtStart
        )

    def work(self) -> None:
        """Look at the schedule until asked to stop."""
        self.service.start()

    def ask_to_stop(self) -> None:
        """Let it end after its next look."""
        super().ask_to_stop()
        self.service.stop()


class Watch(Part):
    """Looks whether the worker is alive, wherever that runs."""

    def __init__(self) -> None:
        """Name the thread."""
        super().__init__("watch")

    def work(self) -> None:
        """Look until asked to stop."""
        keep_watch(self.stopping)
