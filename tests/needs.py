"""What a machine may lack: tests ask for it here, and nowhere else is a test skipped.

Where it is missing the test is skipped with the reason. `KITTO_REQUIRE` lists what must be there
(`.ci/run` sets it): then the test fails instead.
"""

from __future__ import annotations

import os
import shutil

import pytest

HOW_TO_GET = {
    "chromium": "install Chromium (Debian: apt install chromium) or set CHROMIUM to its path",
    "gettext": "install gettext (Debian: apt install gettext)",
    "nginx": "install nginx (Debian: apt install nginx)",
    "postgres": "set DATABASE_URL=postgres://… (any database of a server where we may make others)",
    "redis-server": "install Redis (Debian: apt install redis-server)",
    "redis": "install redis-server (Debian: apt install redis-server) or set REDIS_URL=redis://…",
}


def found(what: str) -> str:
    """Return the path or address of something, or nothing."""
    if what == "chromium":
        return os.environ.get("CHROMIUM") or shutil.which("chromium") or ""
    if what == "gettext":
        return shutil.which("xgettext") or ""
    if what == "nginx":
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or ""
    if what == "redis-server":
        return shutil.which("redis-server") or ""
    if what == "postgres":
        url = os.environ.get("DATABASE_URL", "")
        return url if url.startswith("postgres") else ""
    return os.environ["REDIS_URL"] if what == "redis" and os.environ.get("REDIS_URL") else ""


def needs(what: str) -> str:
    """Return the path or address of something the test cannot do without."""
    if place := found(what):
        return place
    reason = f"needs {what}: {HOW_TO_GET[what]}"
    if what in os.environ.get("KITTO_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
