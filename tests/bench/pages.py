"""What Lighthouse says of an employee's pages on a simulated phone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.test import override_settings
from waitress.server import create_server

from kitting.journeys.queries import BOX_KEY
from tests.bench import measure
from tests.browser.city import make_city, make_journey
from tests.browser.rooms import advance
from tests.needs import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kitting.models import Journey

LIGHTHOUSE = "lighthouse@12.8.2"
KINDS = ("performance", "accessibility", "best-practices")
GOAL = 100
PATIENCE = 240  # seconds a page may take
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage"
NO_NPM = (
    "bench-pages needs Node with npx and the package lighthouse (npm install -g lighthouse@12.8.2), "
    "or a way to npm's registry. Nothing was measured.\n"
)
ABOUT = f"""\
The scores of Lighthouse ({LIGHTHOUSE}, its usual simulated phone: slow 4G, a processor four times slower) for the
pages an employee meets first and last, served as in production but without the compression of a proxy. The goal is
{GOAL} in all. No test asserts them."""


@dataclass(frozen=True)
class Page:
    """A page to look at, and the box session that opens it."""

    name: str
    path: str
    journey: Journey | None = None


def pages() -> list[Page]:
    city = make_city()
    code = city.device.code
    step, practice, done = city.own, city.neighbour, make_journey()
    advance(step, "connect-wifi")
    advance(practice, "touch-practice")
    advance(done, "")
    return [
        Page("box page", f"/d/{code}"),
        Page("step", f"/j/{step.pk}/s/connect-wifi/", step),
        Page("practice", f"/j/{practice.pk}/s/touch-practice/", practice),
        Page("completion", f"/j/{done.pk}/done/", done),
    ]


def cookie_of(journey: Journey) -> str:
    session = SessionStore()
    session[BOX_KEY] = {"journey": journey.pk, "epoch": journey.box_epoch}
    session.save()
    return f"kitto_session={session.session_key}"


def scores(page: Page, base: str, folder: Path) -> dict[str, int]:
    """Return the score of each kind from 0 to 100."""
    headers = {"Accept-Language": "ja"}
    if page.journey is not None:
        headers["Cookie"] = cookie_of(page.journey)
    told, wanted = folder / "headers.json", folder / "found.json"
    told.write_text(json.dumps(headers), encoding="utf-8")
    own = shutil.which("lighthouse")
    subprocess.run(
        [
            *([own] if own else ["npx", "--yes", LIGHTHOUSE]),
            f"{base}{page.path}",
            *("--quiet", "--output=json", f"--output-path={wanted}"),
            f"--only-categories={','.join(KINDS)}",
            f"--extra-headers={told}",
            f"--chrome-flags={FLAGS}",
        ],
        check=True,
        timeout=PATIENCE,
        env={**os.environ, "CHROME_PATH": needs("chromium")},
    )
    found = json.loads(wanted.read_text(encoding="utf-8"))
    for audit in found["audits"].values():
        if audit.get("score") is not None and audit["score"] < 0.9:  # Lighthouse's own green
            sys.stderr.write(f"{page.name}: {audit['title']} {audit.get('displayValue', '')}\n")
    return {kind: round(100 * found["categories"][kind]["score"]) for kind in KINDS}


def rows(folder: Path) -> Iterator[tuple[object, ...]]:
    call_command("collectstatic", interactive=False, verbosity=0)
    server = create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=4)
    threading.Thread(target=server.run, daemon=True).start()
    base = f"http://127.0.0.1:{server.effective_port}"
    for page in pages():
        found = scores(page, base, folder)
        yield (page.name, *(found[kind] for kind in KINDS))
    server.close()


def find() -> list[str]:
    with TemporaryDirectory() as folder, override_settings(ALLOWED_HOSTS=["127.0.0.1"]):
        return [measure.table(("Page", *KINDS), list(rows(Path(folder))))]


if __name__ == "__main__":
    if shutil.which("npx") is None and shutil.which("lighthouse") is None:
        sys.stderr.write(NO_NPM)
        sys.exit(1)
    measure.bench(name="pages", about=ABOUT, find=find)
