"""A thread of the web process that looks whether the worker is alive: a dead worker cannot say so."""

from __future__ import annotations

import logging
import threading

from django.conf import settings
from django.db import connections

from kitting.notices.actions.watch import watch
from kitting.site.queries import wall_clock

log = logging.getLogger(__name__)


def keep_watch(stopping: threading.Event, *, seconds: float | None = None) -> None:
    """Look again and again until asked to stop; keeps no connection in between."""
    while not stopping.wait(settings.WATCH_SECONDS if seconds is None else seconds):
        try:
            watch(now=wall_clock())
        except Exception:  # whatever fails now (the database is away), the next look may not
            log.exception("Nobody could look whether the worker is alive")
        finally:
            connections.close_all()


def start_watching() -> None:
    """Keep watch for as long as this process lives."""
    threading.Thread(
        target=keep_watch, args=(threading.Event(),), name="watch", daemon=True
    ).start()
