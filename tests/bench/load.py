"""The morning on which everybody opens a box: the shipped processes, a crowd of browsers, and the floor beside them."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPConnection, RemoteDisconnected
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.db.models import F

from accounts.models import Grant, User
from accounts.states import Role
from kitting.escalation.models import Ticket
from kitting.escalation.states import TicketKind
from kitting.journeys.models import Event, Journey, StepRecord
from kitting.journeys.states import EventKind, Status
from kitting.notices.models import Notice
from kitting.notices.states import NoticeState
from kitting.site.queries import current
from tests.bench import REDIS_URL, measure
from tests.bench.city import City, found_city, settle
from tests.bench.crowd import HOST, TOKEN
from tests.runtime.serving import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MORNING = 1800.0
# A morning keeps its rate and is cut short; MINUTES=30 plays it whole. The rush likewise (RUSH=300).
MINUTES, RUSH = float(os.environ.get("MINUTES", "0.5")), float(os.environ.get("RUSH", "75"))
PLANS = (("2,650 people in 30 minutes", 2_650), ("10,000 people in 30 minutes", 10_000))
ASKS_A_PERSON = 24
RUSH_RATE = 2_650 * ASKS_A_PERSON / 300
PAUSE = 1.6  # seconds between two of a person's requests: slower than what is asked about as too fast
GIVE_UP = 60
LATE = 30.0
ROUNDS, REPEAT = 5, 25
SPARE = 200  # people whose steps are done beside the floor
STATIC = re.compile(rb'(?:href|src)="(/static/[^"#]+)')
ABOUT = f"""\
`deploy/start web` (two processes of four threads), `worker` and `beat`, on PostgreSQL and Redis, all on this machine together with the
crowd, which is a process of its own and an open loop: what should have been asked counts from then on, however late it
is asked. Each person scans a box, types the staff number, does eight steps with their pages, a practice, and one in
eight asks for help and looks for the answer. A morning keeps the rate at which people come and is played for {MINUTES:g} of its
30 minutes (MINUTES=30: whole); {RUSH_RATE:.0f} requests a second are the same ways at the rate of 2,650 people times
{ASKS_A_PERSON} requests in five minutes, for {RUSH:g} s (RUSH=300). Between two requests of a person lie {PAUSE} s, so that the full rate is
there once the first of them are through, after {PAUSE * ASKS_A_PERSON:.0f} s. Afterwards everything is
counted in the database. The floor is Django in one file (`tests/bench/floor.py`), served by the same gunicorn on the
same database: eight middlewares, a session, one query, 3 kB. "CPU" is the work of the web process and of its database
processes for one request, in turns with the floor, the median of the rounds; nobody else asks then."""


# --- processes ------------------------------------------------------------------------------------


@dataclass
class Part:
    """A running part of an installation."""

    process: subprocess.Popen[bytes]
    log: Path
    port: int = 0

    @property
    def pids(self) -> list[int]:
        """Return the process and its children."""
        own = self.process.pid
        children = Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()
        return [own, *map(int, children)]

    def ask(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, Any, bytes]:
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        told = (method, path, body or None, {"Host": HOST, **kind, **headers})
        try:
            self.line.request(*told)
            answer = self.line.getresponse()
        except (ConnectionError, RemoteDisconnected):  # it was idle for too long
            self.line.close()
            self.line.request(*told)
            answer = self.line.getresponse()
        return answer.status, answer.headers, answer.read()

    @cached_property
    def line(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=GIVE_UP)

    def is_there(self) -> bool:
        with suppress(OSError):
            line = HTTPConnection("127.0.0.1", self.port, timeout=5)
            line.request("GET", "/healthz", headers={"Host": HOST})
            return line.getresponse().status < 500  # any answer but a broken one
        return False


def database_url() -> str:
    said = connection.settings_dict
    name, user, host, port = (said[key] or "" for key in ("NAME", "USER", "HOST", "PORT"))
    return f"postgres://{user}:{said['PASSWORD'] or ''}@{host}:{port or 5432}/{name}"


@contextmanager
def running(folder: Path, name: str, *command: str, **environment: str) -> Iterator[Part]:
    """Run one part as its own process group; whatever is left of it afterwards is killed."""
    log = folder / f"{name}.log"
    # What structlog loads where it is there, and only developers have.
    (folder / "rich.py").write_text("raise ImportError", encoding="utf-8")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": database_url(),
                "REDIS_URL": REDIS_URL,
                "LOG_LEVEL": "INFO",
                "PYTHONPATH": str(folder),
                "TMPDIR": str(folder),
                "VENV": str(Path(sys.executable).parents[1]),
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield Part(process, log)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def web(folder: Path, *, workers: int, name: str = "web") -> Iterator[Part]:
    port = free_port()
    with running(
        folder,
        name,
        str(ROOT / "deploy" / "start"),
        "web",
        BIND=f"127.0.0.1:{port}",
        WEB_WORKERS=str(workers),
        # Nobody looks for a second factor here; asking for one is not what is measured.
        SECOND_FACTOR_REQUIRED="0",
    ) as part:
        part.port = port
        wait_until(part.is_there, part)
        yield part


@contextmanager
def floor(folder: Path) -> Iterator[Part]:
    port = free_port()
    command = (
        sys.executable,
        "-m",
        "gunicorn",
        "floor",
        "--pythonpath",
        str(HERE),
        "--bind",
        f"127.0.0.1:{port}",
    )
    options = (
        "--worker-class",
        "gthread",
        "--workers",
        "1",
        "--threads",
        "4",
        "--no-control-socket",
    )
    with running(folder, "floor", *command, *options, FLOOR_DATABASE=database_url()) as part:
        part.port = port
        wait_until(part.is_there, part)
        yield part


def wait_until(condition: Callable[[], bool], part: Part) -> None:
    end = time.monotonic() + GIVE_UP
    while not condition():
        assert part.process.poll() is None, part.log.read_text(encoding="utf-8")
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


# --- the crowd ------------------------------------------------------------------------------------


@dataclass
class Played:
    """What a crowd met."""

    name: str
    seconds: float
    takes: list[tuple[str, float]]
    errors: list[str]
    people: list[dict[str, Any]]


def play(name: str, journeys: Sequence[Journey], *, seconds: float, port: int) -> Played:
    """Let so many people come in so many seconds."""
    plan = {
        "port": port,
        "seconds": seconds,
        "seed": 1,
        "pause": PAUSE,
        "people": [
            {"code": j.loan.device.code, "staff_number": j.person.staff_number}
            for j in journeys
        ],
    }
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, str(HERE / "crowd.py")],
        input=json.dumps(plan).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    return Played(name, time.perf_counter() - began, **json.loads(done.stdout))


def percentiles(takes: Sequence[float]) -> tuple[str, ...]:
    cuts = quantiles(takes, n=100, method="inclusive") if len(takes) > 1 else [*takes] * 99
    return tuple(f"{cuts[at - 1] * 1000:.0f}" for at in (50, 95, 99))


def table_of(played: Played) -> str:
    by_page: dict[str, list[float]] = {}
    for page, took in played.takes:
        by_page.setdefault(page, []).append(took)
    rows = [(page, f"{len(takes):,}", *percentiles(takes)) for page, takes in by_page.items()]
    everything = [took for _page, took in played.takes]
    rows.append(("all", f"{len(everything):,}", *percentiles(everything)))
    wrong = ", ".join(f"{n} x {what}" for what, n in Counter(played.errors).most_common(5))
    return (
        measure.table((played.name, "requests", "p50 ms", "p95 ms", "p99 ms"), rows)
        + f"\n\n{len(everything) / played.seconds:.0f} requests a second over {played.seconds:.0f} s with "
        f"{len(played.people):,} people; errors: {len(played.errors)}{f' ({wrong})' if wrong else ''}."
    )


def recounted(plays: Sequence[Played]) -> str:
    """Count in the database what everybody was told is done."""
    promised, asked = Counter[tuple[int, str]](), set()
    for person in (person for played in plays for person in played.people):
        promised.update((int(person["journey"] or 0), key) for key in person["done"])
        asked |= {int(person["journey"])} if person["asked"] else set()
    told = Event.objects.filter(kind=EventKind.STEP_DONE).values_list("journey_id", "step_key")
    events = Counter(told.iterator())
    records = set(StepRecord.objects.values_list("journey_id", "step_key"))
    lost = sum(key not in events or key not in records for key in promised)
    doubled = sum(number > 1 for number in events.values())
    gaps = Journey.objects.exclude(event_count=0).values_list("pk", "event_count")
    numbers = Counter(Event.objects.values_list("journey_id", flat=True).iterator())
    drift = sum(numbers[pk] != count for pk, count in gaps)
    tickets = Counter(
        Ticket.objects.filter(kind=TicketKind.HELP, journey__in=asked).values_list(
            "journey_id", flat=True
        )
    )
    wrong = sum(tickets[pk] != 1 for pk in asked)
    return (
        f"Recounted: {len(promised):,} steps were answered as done; lost: {lost}, doubled: {doubled}, journeys whose count "
        f"differs from their events: {drift}. {len(asked):,} questions; lost or doubled: {wrong}."
    )


def messages() -> str:
    """Tell whether every message left in its time."""
    end = time.monotonic() + LATE
    while time.monotonic() < end:
        now = current()[1]
        waiting = Notice.objects.due(now=now).count()
        if not waiting:
            break
        time.sleep(0.5)
    sent = Notice.objects.filter(state=NoticeState.SENT)
    waits = [
        (at - max(due, made)).total_seconds()
        for at, due, made in sent.values_list("sent_at", "next_try_at", "created_at")
        if at
    ]
    late = sum(wait > LATE for wait in waits) + waiting
    return f"Messages: {len(waits):,} sent, the slowest after {max(waits, default=0):.1f} s; late (over {LATE:.0f} s or still due): {late}."


# --- beside the floor -----------------------------------------------------------------------------


class Cookie:
    """A browser that asks one thing after the other, and what its page said."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.cookies: dict[str, str] = {}
        self.body = b""

    def go(self, method: str, path: str, **form: str) -> str:
        """Ask; return where it leads."""
        cookie = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        status, headers, body = self.part.ask(
            method, path, urlencode(form), Cookie=cookie, **{"Accept-Language": "ja"}
        )
        assert status < 400, (path, status, body[:300])  # all that is fine
        for line in headers.get_all("Set-Cookie") or []:
            name, _, rest = line.partition("=")
            self.cookies[name] = rest.partition(";")[0]
        if body:
            self.body = body
        return str(headers.get("Location", ""))

    @property
    def token(self) -> str:
        found = TOKEN.search(self.body.decode())
        return found[1] if found else ""


def walk_in(part: Part, journey: Journey) -> tuple[Cookie, str]:
    """Open a box; return the browser and the page it came to."""
    browser = Cookie(part)
    code = journey.loan.device.code
    browser.go("GET", f"/d/{code}")
    number = journey.person.staff_number or ""
    path = browser.go(
        "POST", f"/d/{code}/begin", csrfmiddlewaretoken=browser.token, staff_number=number
    )
    browser.go("GET", path)
    return browser, path


def pressing(part: Part, journeys: Iterator[Journey]) -> Iterator[Callable[[], object]]:
    """Yield presses of "done", eight on each way."""
    for journey in journeys:
        browser, path = walk_in(part, journey)
        token = browser.token
        for number in range(8):
            base, _, _after = path.partition("?")
            form = {"csrfmiddlewaretoken": token, "client_key": f"{journey.pk}x{number}"}
            address = f"{base}done"

            def press(b: Cookie = browser, a: str = address, f: dict[str, str] = form) -> str:
                return b.go("POST", a, **f)

            found: list[str] = []
            yield lambda press=press, found=found: found.append(press())
            path = found[0]


def database_cpu() -> float:
    """Return the seconds that all processes of this database but ours have worked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return sum(measure.seconds_on_cpu(pid) for (pid,) in cursor.fetchall())


@dataclass
class Costs:
    """CPU of one request, round by round."""

    web: list[float]
    database: list[float]

    @property
    def both(self) -> list[float]:
        return [a + b for a, b in zip(self.web, self.database, strict=True)]


def in_turns(runs: dict[str, tuple[Part, Iterator[Callable[[], object]]]]) -> dict[str, Costs]:
    """Ask each thing some times, round after round."""
    costs = {name: Costs([], []) for name in runs}
    for (
        _part,
        acts,
    ) in runs.values():  # every thread has its connection, every page was compiled
        for _time in range(20):
            next(acts)()
    for _round in range(ROUNDS):
        for name, (part, acts) in runs.items():
            mine = part.pids
            web_cpu = database = 0.0
            for _time in range(REPEAT):
                act = next(acts)  # whatever it takes to be able to act is not counted
                before = sum(map(measure.seconds_on_cpu, mine)), database_cpu()
                act()
                web_cpu += sum(map(measure.seconds_on_cpu, mine)) - before[0]
                database += database_cpu() - before[1]
            costs[name].web.append(web_cpu / REPEAT)
            costs[name].database.append(database / REPEAT)
    return costs


def again(act: Callable[[], object]) -> Iterator[Callable[[], object]]:
    while True:
        yield act


def staff_browser(part: Part, now: Any) -> Cookie:
    """Return a browser in which somebody of IT is signed in."""
    helper = User.objects.create(username="it", name="情報 政策", email="it@example.jp")
    Grant.objects.create(person=helper, role=Role.IT, granted_at=now)
    session = SessionStore()
    session[SESSION_KEY] = str(helper.pk)
    session[BACKEND_SESSION_KEY] = "kitting.signin.Backend"
    session[HASH_SESSION_KEY] = helper.get_session_auth_hash()
    session.save()
    browser = Cookie(part)
    browser.cookies[settings.SESSION_COOKIE_NAME] = str(session.session_key)
    return browser


def beside_the_floor(folder: Path, walkers: Iterator[Journey], now: Any) -> list[str]:
    with web(folder, workers=1, name="web-alone") as kitto, floor(folder) as bare:
        reader, path = walk_in(kitto, next(walkers))
        page = path.partition("?")[0]
        low = Cookie(bare)
        low.go("GET", "/enter")
        token = low.body.decode()
        key = str(Journey.objects.values_list("pk", flat=True)[0])
        numbers = iter(range(10**6))

        def floor_write() -> None:
            low.go(
                "POST",
                "/done",
                csrfmiddlewaretoken=token,
                journey=key,
                number=str(next(numbers)),
            )

        helper = staff_browser(kitto, now)
        costs = in_turns(
            {
                "floor of the page": (bare, again(lambda: low.go("GET", "/page"))),
                "step page": (kitto, again(lambda: reader.go("GET", page))),
                "floor of the write": (bare, again(floor_write)),
                "step done": (kitto, pressing(kitto, walkers)),
                "overview": (kitto, again(lambda: helper.go("GET", "/dashboard/"))),
                "overview, its figures": (
                    kitto,
                    again(lambda: helper.go("GET", "/dashboard/?part=1")),
                ),
            }
        )
        reader.go("GET", page)
        light = first_load(kitto, reader.body)
        asked = statements(kitto.log)
    return [cost_table(costs, asked), light]


def cost_table(costs: dict[str, Costs], asked: dict[str, str]) -> str:
    floors = {"step page": "floor of the page", "step done": "floor of the write"}
    rows = []
    for name, cost in costs.items():
        low_cost = costs[floors.get(name, "floor of the page")]
        times = median(a / b for a, b in zip(cost.both, low_cost.both, strict=True))
        rows.append(
            (
                name,
                measure.milliseconds(median(cost.web)),
                measure.milliseconds(median(cost.database)),
                asked.get(name, ""),
                measure.ratio(times),
            )
        )
    head = ("Request", "ms CPU web", "ms CPU database", "statements", "ratio (CPU)")
    return measure.table(head, rows)


ROUTES = {
    ("journeys:step", "GET"): "step page",
    ("journeys:done", "POST"): "step done",
    ("dashboard:overview", "GET"): "overview",
}


def statements(log: Path) -> dict[str, str]:
    """Return the statements a page took, as the log of the web process has them: median and most."""
    found: dict[str, list[int]] = {}
    for line in log.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            said = json.loads(line)
            name = ROUTES.get((said.get("route"), said.get("method")))
            if name and said.get("status") in (200, 302):
                found.setdefault(name, []).append(said["statements"])
    return {
        name: f"{median(counts):.0f} (most {max(counts)})" for name, counts in found.items()
    }


def first_load(part: Part, page: bytes) -> str:
    """Return what a browser with nothing kept fetches for a page: static files as they are sent, the page as the
    proxy does."""
    sizes = {"the page": len(gzip.compress(page, 6))}
    for address in sorted({found.decode() for found in STATIC.findall(page)}):
        if "favicon" in address or "/offline" in address:
            continue  # the tab's own, and what comes when nothing else is to do
        _status, _headers, body = part.ask("GET", address, **{"Accept-Encoding": "br, gzip"})
        sizes[address] = len(body)
    listed = ", ".join(f"{name} {size / 1000:.1f}" for name, size in sizes.items())
    return (
        f"First load of a step page: {sum(sizes.values()) / 1000:.1f} kB compressed in {len(sizes)} requests "
        f"(goal: 50 kB in 6): {listed}. The test `tests/browser/test_light.py` counts the same in Chromium."
    )


def start_and_memory(folder: Path) -> str:
    """Start the web process three times; return how long that takes and what it holds."""
    times, held = [], []
    for number in range(3):
        began = time.perf_counter()
        with web(folder, workers=1, name=f"start-{number}") as part:
            times.append(time.perf_counter() - began)
            for path in ("/", "/box", "/healthz"):
                part.ask("GET", path, **{"Accept-Language": "ja"})
            held.append(sum(map(mebibytes, part.pids)))
    return (
        f"Start to first answer: {median(times):.2f} s (goal: under 1 s). Master and one worker hold {median(held):.0f} "
        "MiB (goal: at most 130)."
    )


def mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


# --- all of it ------------------------------------------------------------------------------------


def people_of(city: City, number: int) -> Iterator[Journey]:
    """Let people move in who have not begun; yield their journeys."""
    settle(city, 0, number)
    Ticket.objects.all().delete()
    empty = Journey(loan_id=0, person_id=0, department_id=0, created_at=city.now)
    kept = {"id", "loan", "person", "department", "place", "wave", "created_at"}
    fields = [f for f in Journey._meta.concrete_fields if f.name not in kept]
    Journey.objects.update(**{f.attname: getattr(empty, f.attname) for f in fields})
    Journey.objects.update(status=Status.NOT_STARTED, event_count=F("event_count"))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    yield from (
        Journey.objects.select_related("loan__device", "person").order_by("pk").iterator()
    )


def played(walkers: Iterator[Journey], port: int) -> Iterator[Played]:
    """Let the mornings pass, and the rush."""
    for (what, _all), number in zip(PLANS, people_a_morning(), strict=True):
        chosen = [next(walkers) for _person in range(number)]
        yield play(what, chosen, seconds=MINUTES * 60, port=port)
    chosen = [next(walkers) for _person in range(people_in_rush())]
    yield play(f"{RUSH_RATE:.0f} requests a second", chosen, seconds=RUSH, port=port)


def people_a_morning() -> list[int]:
    return [round(number * MINUTES * 60 / MORNING) for _name, number in PLANS]


def people_in_rush() -> int:
    return round(RUSH_RATE * RUSH / ASKS_A_PERSON)


def release() -> None:
    """Bring the database and the static files to this version, as an installation does."""
    environment = {"DATABASE_URL": database_url(), "VENV": str(Path(sys.executable).parents[1])}
    subprocess.run(
        [str(ROOT / "deploy" / "start"), "release"],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )


def find() -> list[str]:
    began = time.perf_counter()
    _profile, now = current()
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        release()
        wanted = sum(people_a_morning()) + people_in_rush() + SPARE
        walkers = people_of(found_city(now), wanted)
        said = [start_and_memory(folder), *beside_the_floor(folder, walkers, now)]
        site = stack.enter_context(web(folder, workers=2))
        for part in ("worker", "beat"):
            command = (str(ROOT / "deploy" / "start"), part)
            stack.enter_context(running(folder, part, *command, WORKER_PROCESSES="1"))
        plays = list(played(walkers, site.port))
        said += [table_of(one) for one in plays]
        said += [recounted(plays), messages()]
    said.append(f"The whole run took {time.perf_counter() - began:.0f} s.")
    return said


if __name__ == "__main__":
    if connection.vendor != "postgresql" or not REDIS_URL:
        sys.stderr.write("bench-load needs DATABASE_URL=postgres://… and REDIS_URL=redis://…\n")
        sys.exit(1)
    measure.bench(name="load", about=ABOUT, find=find)
