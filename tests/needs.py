"""What a machine may lack: tests ask for it here, and nowhere else is a test skipped.

Where it is missing the test is skipped with the reason. `KITTO_REQUIRE` lists what must be there
(`.ci/run` sets it): then the test fails instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HOW_TO_GET = {
    "chromium": "install Chromium (Debian: apt install chromium) or set CHROMIUM to its path",
    "gettext": "install gettext (Debian: apt install gettext)",
    "nginx": "install nginx (Debian: apt install nginx)",
    "docker-compose": "install Docker's compose plugin",
    "faketime": "install libfaketime (Debian: apt install faketime)",
    "libreoffice": "install LibreOffice (Debian: apt install libreoffice-calc-nogui)",
    "history": "clone the repository whole (git clone without --depth)",
    "jail": "run as root where file systems may be mounted, with Kitto and its Python where everybody may read",
    "small-disk": "run as root where file systems may be mounted",
    "postgres-server": "install PostgreSQL (Debian: apt install postgresql)",
    "postgres": "set DATABASE_URL=postgres://… (any database of a server where we may make others)",
    "redis-server": "install Redis (Debian: apt install redis-server)",
    "redis": "install redis-server (Debian: apt install redis-server) or set REDIS_URL=redis://…",
}

# A user who is in no list, no right of root, as compose.yaml and kitto.yaml run the image.
NOBODY = 10001
AS_NOBODY = (
    *("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups"),
    *("--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"),
)


def _server_program() -> str:
    """Return the newest initdb of Debian's packages, or the one on the path."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return str(programs[-1]) if programs else shutil.which("initdb") or ""


def _database() -> str:
    url = os.environ.get("DATABASE_URL", "")
    return url if url.startswith("postgres") else ""


def _history() -> str:
    git = shutil.which("git")
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--is-shallow-repository"]
    asked = git and subprocess.run(command, capture_output=True, text=True, check=False)
    return git if git and asked and asked.stdout.strip() == "false" else ""


def _mount() -> str:
    mount = shutil.which("mount")
    if not mount or os.geteuid() != 0:
        return ""
    # A new set of mounts goes with the process: nothing is left of the try.
    tried = ["unshare", "--mount", mount, "-t", "tmpfs", "tmpfs", "/mnt"]
    done = subprocess.run(tried, capture_output=True, check=False)
    return mount if done.returncode == 0 else ""


def _jail() -> str:
    """Return what starts a program as nobody, where nobody can start Python and read Kitto."""
    setpriv = shutil.which("setpriv")
    if not setpriv or not _mount():
        return ""
    # A shell between them: setpriv itself still finds a Python that is in a folder of root alone.
    shell = (*AS_NOBODY, "sh", "-c", 'exec "$0" -c "$1"')
    tried = [*shell, sys.executable, f"import django; open({__file__!r})"]
    done = subprocess.run(tried, capture_output=True, check=False)
    return setpriv if done.returncode == 0 else ""


def _compose() -> str:
    docker = shutil.which("docker")
    asked = docker and subprocess.run(
        [docker, "compose", "version"], capture_output=True, check=False
    )
    return docker if docker and asked and asked.returncode == 0 else ""


LOOK = {
    "docker-compose": _compose,
    "history": _history,
    "jail": _jail,
    "small-disk": _mount,
    "chromium": lambda: os.environ.get("CHROMIUM") or shutil.which("chromium"),
    "gettext": lambda: shutil.which("xgettext"),
    "libreoffice": lambda: shutil.which("soffice"),
    "nginx": lambda: shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin"),
    "postgres": _database,
    "postgres-server": _server_program,
    "redis": lambda: os.environ.get("REDIS_URL"),
}


def found(what: str) -> str:
    """Return the path or address of something, or nothing."""
    look = LOOK.get(what, lambda: shutil.which(what))
    return look() or ""


def needs(what: str) -> str:
    """Return the path or address of something the test cannot do without."""
    if place := found(what):
        return place
    reason = f"needs {what}: {HOW_TO_GET[what]}"
    if what in os.environ.get("KITTO_REQUIRE", "").split(","):
        pytest.fail(reason)
    pytest.skip(reason)
