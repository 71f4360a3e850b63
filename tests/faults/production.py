"""Web, worker and beat as production starts them, and a crowd that presses buttons."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg

from tests.faults.crew import wait_until
from tests.runtime.serving import MINE, ROOT, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a" * 32
TAIL = 3000
BY_DEMO_CLOCK = ("worker", "beat", "writer", "roll")


@dataclass(frozen=True)
class Walker:
    """Somebody on the way through the guide, by box, in one browser."""

    journey: int
    cookie: str
    steps: list[str]
    optional: list[str]


@dataclass(frozen=True)
class Answer:
    """What came back, and after how many seconds; status 0 is a line that broke."""

    status: int
    seconds: float
    text: str = ""
    retry_after: str = ""
    location: str = ""


@dataclass
class Production:
    """One site: its database, its broker, its processes."""

    folder: Path
    database: str
    broker: str
    static: Path
    more: dict[str, str] = field(default_factory=dict)
    # Whose code runs: this repository's, unless an older one was written out somewhere.
    code: Path = ROOT
    port: int = field(default_factory=free_port)
    key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in MINE}
        return kept | {
            "DATABASE_URL": self.database,
            "REDIS_URL": self.broker,
            "SECRET_KEY": self.key,
            "SITE_URL": f"http://127.0.0.1:{self.port}",
            "BIND": f"127.0.0.1:{self.port}",
            "VAR_DIR": str(self.folder),
            "TMPDIR": str(self.folder),
            "STATIC_ROOT": str(self.static),
            "STATIC_READY": "1",
            "VENV": sys.prefix,
            "WEB_WORKERS": "2",
            "WEB_THREADS": "4",
            "WORKER_PROCESSES": "2",
            "SWEEP_SECONDS": "2",
            "DELIVER_SECONDS": "2",
            "LOG_LEVEL": "WARNING",
            **self.more,
        }

    def environment_of(self, name: str) -> dict[str, str]:
        """Return what a part is told; those that live by the demo's clock begin in working hours."""
        return self.environment | ({"DEBUG": "1"} if name in BY_DEMO_CLOCK else {})

    # --- its processes

    def start(self, name: str, *command: str) -> None:
        """Start a part of production (or another command) as a group of processes."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                command or (str(self.code / "deploy" / "start"), name),
                cwd="/",
                env=self.environment_of(name),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if name == "web":
            wait_until(lambda: self.get("/healthz").status == 200)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def assert_nobody_gave_up(self) -> None:
        for name, process in self.running.items():
            assert process.poll() is None, f"{name} ended: {self.said(name)[-TAIL:]}"

    def children(self, name: str) -> list[int]:
        """Return the processes that a part has started itself."""
        parent = self.running[name].pid
        listed = Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="utf-8")
        return [int(pid) for pid in listed.split()]

    def kill_children(self, name: str) -> None:
        """Kill the processes that a part has started; it starts others."""
        for pid in self.children(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def run(self, *command: str, part: str = "", said: str = "") -> str:
        """Run a program by the settings of a part; `said` is what it reads."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=self.code,
            env=self.environment_of(part)
            | {"DJANGO_SETTINGS_MODULE": "kitting.settings", "PYTHONPATH": str(self.code)},
            input=said,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    # --- its rows

    def write(self, *orders: str) -> None:
        """Have rows written by the demo's clock (tests.faults.writer says which)."""
        said = "".join(f"{order}\n" for order in orders)
        self.run("-m", "tests.faults.writer", part="writer", said=said)

    def people(self, verb: str, *numbers: int) -> Any:
        """Have something done among the people (tests.faults.people says what)."""
        program = str(Path(__file__).with_name("people.py"))
        return json.loads(self.run(program, verb, *map(str, numbers), part=verb))

    def walkers(self, count: int) -> list[Walker]:
        """Let so many more people begin, each in a browser of their own."""
        return [Walker(**row) for row in self.people("walkers", count)]

    def drift(self) -> dict[str, int]:
        """Hold every journey against its events."""
        found: dict[str, int] = self.people("drift")
        return found

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database, autocommit=True) as line:
            return line.execute(sql).fetchall()  # type: ignore[arg-type]  # the tests' own text

    def tell(self, sql: str) -> None:
        with psycopg.connect(self.database, autocommit=True) as line:
            line.execute(sql)  # type: ignore[arg-type]  # the tests' own text

    def slow_commits(self, table: str, seconds: str, *, when: str = "INSERT") -> None:
        """Let every commit that wrote into a table take its time, so that a kill can meet it."""
        self.tell(
            f"CREATE OR REPLACE FUNCTION take_time_{table}() RETURNS trigger LANGUAGE plpgsql AS"
            f" 'BEGIN PERFORM pg_sleep({seconds}); RETURN NULL; END'"
        )
        self.tell(
            f"CREATE CONSTRAINT TRIGGER take_time AFTER {when} ON {table}"
            f" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION take_time_{table}()"
        )

    def quick_commits(self, table: str) -> None:
        """Let commits be as quick as they are."""
        self.tell(f"DROP TRIGGER take_time ON {table}")

    def is_mid_write(self) -> bool:
        """Tell whether a transaction has written and waits in such a commit."""
        sql = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        return bool(self.ask(sql)[0][0])

    def heartbeats(self) -> dict[str, Any]:
        return dict(self.ask("SELECT name, at FROM kitting_heartbeat"))

    # --- its visitors

    def get(self, path: str, *, cookie: str = "", **headers: str) -> Answer:
        return self._ask("GET", path, b"", cookie, headers)

    def post(self, path: str, fields: dict[str, str], *, cookie: str = "") -> Answer:
        return self._ask("POST", path, urlencode(fields).encode(), cookie, {})

    def send(
        self, path: str, fields: dict[str, str], data: bytes, *, cookie: str = ""
    ) -> Answer:
        """Send a form with a file."""
        parts = [
            f'--{TOKEN}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        ]
        head = f'--{TOKEN}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        body = "".join((*parts, head)).encode() + data + f"\r\n--{TOKEN}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={TOKEN}"}
        return self._ask("POST", path, body, cookie, kind)

    def press(self, walker: Walker, step: str, *, key: str = "", verb: str = "done") -> Answer:
        """Press a button of a step; the same key is the same press."""
        fields = {"client_key": key} if key else {}
        path = f"/j/{walker.journey}/s/{step}/{verb}"
        return self.post(path, fields, cookie=walker.cookie)

    def _ask(
        self, method: str, path: str, body: bytes, cookie: str, headers: dict[str, str]
    ) -> Answer:
        sent = {"Accept-Language": "ja", "Cookie": f"kitto_session={cookie}"}
        if method == "POST":
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": f"kitto_session={cookie}; csrftoken={TOKEN}",
                "X-CSRFToken": TOKEN,
            }
        sent |= headers
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=60)) as line:
            try:
                line.request(method, path, body or None, sent)
                came = line.getresponse()
                text = came.read().decode(errors="replace")
            except (OSError, HTTPException):
                return Answer(0, time.monotonic() - began)
            seconds = time.monotonic() - began
            head = came.headers
            return Answer(
                came.status,
                seconds,
                text,
                head.get("Retry-After", ""),
                head.get("Location", ""),
            )


@contextmanager
def production(
    folder: Path, database: str, broker: str, static: Path, **more: str
) -> Iterator[Production]:
    """Prepare a site; whatever runs at the end is killed."""
    site = Production(folder, database, broker, static, more=more)
    try:
        yield site
    finally:
        for name in list(site.running):
            site.kill(name)
        # Shown where a test fails.
        for log in sorted(folder.glob("*.log")):
            print(f"{log.name}: {log.read_text(errors='replace')[-TAIL:]}", file=sys.stderr)  # noqa: T201  # what they said


def say(figures: str) -> None:
    """Print what was counted; `make test-faults` shows it, docs/RELIABILITY.md keeps it."""
    print(f"COUNTED {figures}")  # noqa: T201  # the figures
