"""Production as it is shipped: the very commands of deploy/start, on real servers, behind nginx with TLS."""

from __future__ import annotations

import os
import re
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import warnings
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import psycopg
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.needs import AS_NOBODY, NOBODY, needs
from tests.runtime.serving import ROOT, free_port, own_database
from tests.sink import running_sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from email.message import Message

    from tests.sink import Sink

HOST = "kit.example.lg.jp"
OPERATORS = "operators@example.lg.jp"
START = ROOT / "deploy" / "start"
# As compose.yaml and kitto.yaml run the image: the whole root read-only but for the folders that are named (first
# argument, one a line), and the rest as nobody.
JAIL = f"""
set -eu
mount --make-rprivate /
echo "$1" | while read -r folder; do mount --bind "$folder" "$folder"; done
for place in / "$(findmnt -no TARGET --target "$2")"; do mount -o remount,bind,ro "$place"; done
shift 2
exec {" ".join(AS_NOBODY)} "$@"
"""
GIVE_UP_SECONDS = 180
MINE = ("DATABASE_URL", "REDIS_URL", "VAR_DIR", "DEBUG", "SITE_URL", "KITTO_REQUIRE")


def wait_for(condition: Callable[[], bool], why: str) -> None:
    end = time.monotonic() + GIVE_UP_SECONDS
    while not condition():
        assert time.monotonic() < end, why
        time.sleep(0.1)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def cookies(self) -> list[str]:
        return self.headers.get_all("Set-Cookie") or []


class Line(HTTPSConnection):
    """A connection whose name leads to loopback."""

    def connect(self) -> None:
        """Connect here, and check the certificate for the name."""
        here = ("127.0.0.1", self.port)
        plain = socket.create_connection(here, self.timeout, self.source_address)  # type: ignore[attr-defined]  # set by its parent
        self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]  # set by its parent


def answer_of(
    line: HTTPConnection, method: str, path: str, body: str, headers: dict[str, str]
) -> Answer:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    line.request(method, path, body or None, {"Host": HOST, **names})
    found = line.getresponse()
    return Answer(found.status, found.headers, found.read())


@dataclass
class City:
    """One installation: its settings, its processes, its way in."""

    folder: Path
    environment: dict[str, str]
    https: int
    http: int
    web: int
    reach: str = "everybody"
    # What goes before each of Kitto's own commands.
    wrapped: tuple[str, ...] = ()
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def logs(self) -> str:
        """Return what the parts said."""
        files = (self.folder / f"{name}.log" for name in self.running)
        return "".join(file.read_text(encoding="utf-8", errors="replace") for file in files)

    @contextmanager
    def part(self, name: str, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run one part as its own process group; whatever is left of it afterwards is killed."""
        with (self.folder / f"{name}.log").open("wb") as output:
            process = subprocess.Popen(
                command,
                cwd="/",
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.running[name] = process
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def ask(self, path: str, *, method: str = "GET", body: str = "", **headers: str) -> Answer:
        """Ask through nginx, by TLS, as a browser would; `From` is the address it comes from."""
        source = (headers.pop("From", "127.0.0.1"), 0)
        context = ssl.create_default_context(cafile=str(self.folder / "fullchain.pem"))
        line = Line(HOST, self.https, context=context, timeout=20, source_address=source)
        with closing(line):
            return answer_of(line, method, path, body, headers)

    def ask_plainly(self, path: str) -> Answer:
        """Ask through nginx without TLS."""
        with closing(HTTPConnection("127.0.0.1", self.http, timeout=20)) as line:
            return answer_of(line, "GET", path, "", {})

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd="/",
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=GIVE_UP_SECONDS,
            check=False,
        )


def make_certificate(folder: Path, host: str = HOST) -> None:
    """Write a certificate that only this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def behind_nginx(city: City) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Run nginx before the city."""
    front = (needs("nginx"), "-p", str(city.folder), "-c", str(nginx_settings(city)))
    return city.part("nginx", *front)


def nginx_settings(city: City) -> Path:
    """Fill the shipped template in, and wrap it as Debian's nginx.conf would."""
    words = {
        "KITTO_HOST": HOST,
        "KITTO_WEB": f"127.0.0.1:{city.web}",
        "KITTO_TLS": str(city.folder),
        "KITTO_HTTP": f"127.0.0.1:{city.http}",
        "KITTO_HTTPS": f"127.0.0.1:{city.https}",
        "KITTO_REACH": city.reach,
        "KITTO_GUIDE": str(city.folder / "guide"),
    }
    template = (ROOT / "deploy/nginx/kitto.conf.template").read_text(encoding="utf-8")
    filled = re.sub(r"\$\{(\w+)\}", lambda found: words[found[1]], template)
    temporary = "".join(
        f"    {kind}_temp_path {city.folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"daemon off;\npid {city.folder}/nginx.pid;\nerror_log stderr;\n"
        "events { worker_connections 768; }\n"
        "http {\n    log_format taken '$status $request_length';\n"
        f"    access_log {city.folder}/access.log taken;\n{temporary}{filled}\n}}\n"
    )
    path = city.folder / "nginx.conf"
    path.write_text(whole, encoding="utf-8")
    return path


@pytest.fixture
def sink() -> Iterator[Sink]:
    with running_sink() as found:
        yield found


@pytest.fixture
def city(tmp_path: Path, sink: Sink) -> Iterator[City]:
    """Everything but the processes."""
    needs("postgres")
    redis = needs("redis")
    needs("nginx")
    make_certificate(tmp_path)
    web = free_port()
    kept = {name: value for name, value in os.environ.items() if name not in MINE}
    with own_database(tmp_path) as database:
        environment = kept | {
            "DATABASE_URL": database,
            "REDIS_URL": redis,
            "SECRET_KEY": secrets.token_urlsafe(48),
            "SITE_URL": f"https://{HOST}",
            "TRUSTED_PROXY_COUNT": "1",
            "VAR_DIR": str(tmp_path / "var"),
            "STATIC_ROOT": str(tmp_path / "static"),
            "BIND": f"127.0.0.1:{web}",
            "WEB_WORKERS": "1",
            "WORKER_PROCESSES": "1",
            "VENV": sys.prefix,
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(sink.port),
            "OPERATORS_EMAIL": OPERATORS,
            "WATCH_SECONDS": "0.5",
            "TMPDIR": str(tmp_path),
        }
        yield City(tmp_path, environment, free_port(), free_port(), web)


@pytest.fixture
def jailed(city: City) -> Iterator[City]:
    """The same as the image runs: built by its own command, then read-only, and as nobody."""
    needs("jail")
    (built,) = re.findall(
        r"^RUN (SECRET_KEY=.+?manage\.py collectstatic .+?) \\\n",
        (ROOT / "Dockerfile").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    # Not pytest's own folder, which any other run of it closes to others.
    with TemporaryDirectory(prefix="kitto-jail-") as place:
        static, *writable = (Path(place, name) for name in ("static", "data", "guide", "tmp"))
        told = {"STATIC_ROOT": str(static), "PATH": os.environ["PATH"]}
        collect = built.replace(".venv/bin/python", sys.executable)
        subprocess.run(["sh", "-c", collect], cwd=ROOT, env=told, check=True)
        Path(place).chmod(0o755)
        for folder in writable:
            folder.mkdir()
            os.chown(folder, NOBODY, NOBODY)
        names = ("VAR_DIR", "GUIDE_DIR", "TMPDIR")
        city.environment |= dict(zip(names, map(str, writable), strict=True)) | {
            "STATIC_ROOT": str(static),
            "STATIC_READY": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        folders = "\n".join(map(str, writable))
        city.wrapped = ("unshare", "--mount", "sh", "-c", JAIL, "jail", folders, str(ROOT))
        yield city


def test_what_is_shipped_serves_a_city(city: City, sink: Sink) -> None:
    serve_a_city(city, sink)


def test_it_serves_one_as_nobody_on_a_read_only_root(jailed: City, sink: Sink) -> None:
    tried = jailed.run(*jailed.wrapped, "touch", str(ROOT / "tried"))
    assert "Read-only file system" in tried.stderr
    serve_a_city(jailed, sink)


def serve_a_city(city: City, sink: Sink) -> None:
    """Take a city through release, a code by mail, a sweep, an alarm and the end."""
    start = (*city.wrapped, str(START))
    released = city.run(*start, "release")
    assert released.returncode == 0, released.stdout + released.stderr
    with ExitStack() as stack:
        for name in ("web", "worker", "beat"):
            stack.enter_context(city.part(name, *start, name))
        stack.enter_context(behind_nginx(city))
        probe = (sys.executable, str(ROOT / "deploy/probe.py"))
        wait_for(lambda: city.run(*probe).returncode == 0, "web is never well")
        wait_for((city.folder / "nginx.pid").exists, "nginx did not start")
        the_way_in_is_safe(city)
        static_files_are_small_and_kept(city)
        the_worker_sends_a_code(city, sink)
        wait_for(lambda: city.ask("/readyz").status == 200, "nobody sweeps: " + city.logs)
        end_when_asked(city, "beat", "worker")
        web_tells_the_operators_that_nobody_works(city, sink)
        end_when_asked(city, "nginx", "web")


def the_way_in_is_safe(city: City) -> None:
    moved = city.ask_plainly("/d/ABC")
    assert (moved.status, moved.headers["Location"]) == (301, f"https://{HOST}/d/ABC")
    home = city.ask("/")
    assert home.status == 200
    assert "max-age=31536000" in home.headers["Strict-Transport-Security"]
    assert "unsafe" not in home.headers["Content-Security-Policy"]
    assert all("Secure" in cookie and "HttpOnly" in cookie for cookie in home.cookies)
    assert all(cookie.startswith("__Host-") for cookie in home.cookies)
    assert city.ask("/", Host="elsewhere.example").status == 404
    old_ways_are_shut(city)
    a_message_ends_where_both_say(city)


def old_ways_are_shut(city: City) -> None:
    """What a recording of today could be opened by, and what nobody should speak any more."""
    for versions, ciphers in (
        (ssl.TLSVersion.TLSv1_1, "ALL:@SECLEVEL=0"),
        (ssl.TLSVersion.TLSv1_2, "AES128-GCM-SHA256:AES256-SHA"),
    ):
        context = ssl.create_default_context(cafile=str(city.folder / "fullchain.pem"))
        with warnings.catch_warnings():
            # Python, too, warns of what is tried here.
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = versions
        context.set_ciphers(ciphers)
        with (
            socket.create_connection(("127.0.0.1", city.https), 10) as line,
            pytest.raises(ssl.SSLError),
        ):
            context.wrap_socket(line, server_hostname=HOST)


def a_message_ends_where_both_say(city: City) -> None:
    """A body with two lengths is refused by nginx, and by gunicorn where it stands alone."""
    sent = (
        f"POST /language/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 6\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\n\r\n"
    ).encode()
    context = ssl.create_default_context(cafile=str(city.folder / "fullchain.pem"))
    with (
        socket.create_connection(("127.0.0.1", city.https), 10) as plain,
        context.wrap_socket(plain, server_hostname=HOST) as line,
    ):
        line.sendall(sent)
        assert line.recv(4096).startswith(b"HTTP/1.1 400 ")
    with socket.create_connection(("127.0.0.1", city.web), 10) as line:
        line.sendall(sent)
        assert line.recv(4096).startswith(b"HTTP/1.1 400 ")


def static_files_are_small_and_kept(city: City) -> None:
    sheet = re.search(r'href="(/static/css/[^"]+\.[0-9a-f]{12}\.css)"', city.ask("/").text)
    assert sheet, "static files carry no fingerprint"
    style = city.ask(sheet[1], Accept_Encoding="br")
    assert (style.status, style.headers["Content-Encoding"]) == (200, "br")
    assert "immutable" in style.headers["Cache-Control"]


def the_worker_sends_a_code(city: City, sink: Sink) -> None:
    made = (sys.executable, str(ROOT / "manage.py"), "createitlead")
    assert (
        city.run(*made, "--email", "lead@example.lg.jp", "--name", "大森 一郎").returncode == 0
    )
    door = city.ask("/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', door.text)
    assert token
    sent = city.ask(
        "/accounts/login/",
        method="POST",
        body=urlencode({"csrfmiddlewaretoken": token[1], "email": "lead@example.lg.jp"}),
        Content_Type="application/x-www-form-urlencoded",
        Referer=f"https://{HOST}/accounts/login/",
        Cookie="; ".join(cookie.partition(";")[0] for cookie in door.cookies),
    )
    assert sent.status == 302, sent.text
    wait_for(lambda: bool(sink.mails), "the worker sent no code: " + city.logs)
    assert sink.mails[0]["To"] == "lead@example.lg.jp"


def web_tells_the_operators_that_nobody_works(city: City, sink: Sink) -> None:
    """Let the worker have been away for an hour, and seen to be for half of it."""
    with psycopg.connect(city.environment["DATABASE_URL"]) as line:
        line.execute("UPDATE kitting_heartbeat SET at = now() - interval '1 hour'")
        line.execute(
            "INSERT INTO kitting_incident (kind, what, since, found_at)"
            " VALUES ('late', 'sweep', now() - interval '1 hour', now() - interval '30 minutes')"
            " ON CONFLICT (kind) WHERE ended_at IS NULL DO NOTHING"
        )
    to_operators = [OPERATORS]
    wait_for(
        lambda: [mail["To"] for mail in sink.mails][1:] == to_operators,
        "the operators were not told: " + city.logs,
    )
    assert city.ask("/readyz").status == 503


def end_when_asked(city: City, *names: str) -> None:
    for name in names:
        process = city.running[name]
        assert process.poll() is None, city.logs
        process.send_signal(signal.SIGTERM)
        assert process.wait(40) in (0, -signal.SIGTERM), city.logs
    assert "Traceback" not in city.logs


def test_a_start_without_a_part_says_what_there_is() -> None:
    said = subprocess.run([str(START)], capture_output=True, text=True, timeout=20, check=False)
    assert said.returncode == 64
    assert "deploy/start web" in said.stderr


def commands(path: str) -> list[str]:
    return re.findall(
        r"(?:command|args|CMD)[:=]? *\[\"?(release|web|worker|beat)\"?\]"
        r"|ExecStart=/opt/kitto/deploy/start (\w+)",
        (ROOT / path).read_text(encoding="utf-8"),
    )


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("compose.yaml", {"release", "web", "worker", "beat"}),
        ("deploy/kubernetes/release.yaml", {"release"}),
        ("deploy/kubernetes/kitto.yaml", {"web", "worker", "beat"}),
        ("deploy/systemd/kitto-web.service", {"web"}),
        ("deploy/systemd/kitto-worker.service", {"worker"}),
        ("deploy/systemd/kitto-beat.service", {"beat"}),
    ],
)
def test_every_shape_starts_the_same_commands(path: str, parts: set[str]) -> None:
    assert {"".join(found) for found in commands(path)} == parts


def test_the_cluster_runs_one_beat_and_probes_only_the_process_itself() -> None:
    files = [ROOT / "deploy/kubernetes" / name for name in ("release.yaml", "kitto.yaml")]
    text = "---\n".join(file.read_text(encoding="utf-8") for file in files)
    found = {
        (piece["kind"], piece["metadata"]["name"]): piece for piece in yaml.safe_load_all(text)
    }
    assert len({box["image"] for box in boxes(found)}) == 1
    assert found["Deployment", "kitto-beat"]["spec"]["replicas"] == 1
    assert found["Deployment", "kitto-beat"]["spec"]["strategy"] == {"type": "Recreate"}
    scaled = {
        piece["spec"]["scaleTargetRef"]["name"]
        for (kind, _name), piece in found.items()
        if kind == "HorizontalPodAutoscaler"
    }
    assert scaled == {"kitto-web", "kitto-worker"}
    assert "/readyz" not in text
    assert len(boxes(found)) == 4
    for box in boxes(found):
        safety = box["securityContext"]
        assert safety["readOnlyRootFilesystem"]
        assert not safety["allowPrivilegeEscalation"]
        assert "memory" in box["resources"]["limits"]


def boxes(found: dict[tuple[str, str], Any]) -> list[dict[str, Any]]:
    """Return the containers of all deployments and jobs."""
    return [
        box
        for (kind, _name), piece in found.items()
        if kind in ("Deployment", "Job")
        for box in piece["spec"]["template"]["spec"]["containers"]
    ]


def test_the_image_runs_as_nobody_and_installs_only_what_is_pinned() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.count("\nFROM ") + text.startswith("FROM ") == 2
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    whole = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    for name in ("release", "web", "worker", "beat"):
        service = whole["services"][name]
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["stop_grace_period"] == "60s"
    assert whole["networks"]["inside"] == {"internal": True}


def test_no_secret_of_this_folder_gets_into_an_image() -> None:
    left_out = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {".env", "deploy/tls", "var", ".git"} <= set(left_out)


def test_compose_reads_its_file_without_a_complaint(tmp_path: Path) -> None:
    docker = needs("docker-compose")
    for name in ("compose.yaml", "deploy/example.env"):
        text = (ROOT / name).read_text(encoding="utf-8")
        (tmp_path / name.replace("deploy/example", "")).write_text(text, encoding="utf-8")
    said = subprocess.run(
        [docker, "compose", "config", "--quiet"],
        cwd=tmp_path,
        env=os.environ | {"POSTGRES_PASSWORD": "for this test"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")
