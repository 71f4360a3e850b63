"""Have an order drawn by a process of its own, and hear how far it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ROOT = Path(__file__).parents[3]
PROGRAM = "kitting.labels.drawing.process"
# What a program needs to start; nothing that opens a database or a mail server.
KEPT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


class DrawingFailedError(Exception):
    """The process ended without its files; its exit code is the argument."""


class StoppedError(Exception):
    """Whoever waited does not want the files any more."""


def draw_outside(order: Mapping[str, Any], heard: Callable[[int], bool]) -> list[int]:
    """Draw every file of an order; return the pages of each.

    `heard` gets how many labels are drawn by now; False from it stops the process (`StoppedError`).
    Raises `DrawingFailedError`.
    """
    env = {name: os.environ[name] for name in KEPT if name in os.environ}
    with subprocess.Popen(  # noqa: S603  # our own program; the order is its input only
        [sys.executable, "-m", PROGRAM],
        cwd=ROOT,
        env=env | {"PYTHONUTF8": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            return _listen(process, order, heard)
        except BaseException:
            process.kill()
            raise


def _listen(
    process: subprocess.Popen[str], order: Mapping[str, Any], heard: Callable[[int], bool]
) -> list[int]:
    if process.stdin is None or process.stdout is None:  # pipes were asked for
        raise DrawingFailedError
    try:
        json.dump(order, process.stdin)
        process.stdin.close()
    except BrokenPipeError as error:
        raise DrawingFailedError from error
    pages = _pages(process.stdout, heard)
    if process.wait() or pages is None:
        raise DrawingFailedError(process.returncode)
    return pages


def _pages(said: Iterable[str], heard: Callable[[int], bool]) -> list[int] | None:
    """Pass progress on until the last line, which says the pages."""
    pages: list[int] | None = None
    for line in said:
        answer = json.loads(line)
        if isinstance(answer, dict):
            pages = answer["pages"]
        elif not heard(answer):
            raise StoppedError
    return pages
