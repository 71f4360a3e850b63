"""Who may come from where, and what people see while Kitto is away: the shipped nginx files, in a real nginx."""

from __future__ import annotations

import gzip
import os
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import brotli
import pytest
from django.core.management import call_command
from django.urls import URLPattern, get_resolver

from kitting.guides.actions import load_guide
from kitting.guides.forms import SHIPPED_GUIDE, read_guide_file
from tests.factories import NOW
from tests.house.test_access import TABLE
from tests.needs import needs
from tests.runtime.serving import ROOT, free_port
from tests.runtime.test_deploy import City, behind_nginx, make_certificate, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SHAPES = ROOT / "deploy" / "nginx"
OUTSIDE = "127.0.0.9"
NOT_FOR_EMPLOYEES = set("L-mtn")
# The table has nobody for these: an employee's sign-in, calendar, exchange and offer; what programs read.
FOR_ALL = {
    "account_sso",
    "account_sso_back",
    "escalation:offer",
    "escalation:own_swap",
    "mfa_deactivate_totp",
    "mfa_reauthenticate",
    "mfa_reauthenticate_webauthn",
    "mfa_remove_webauthn",
    "mfa_view_recovery_codes",
    "plan:box_calendar",
    "plan:own_calendar",
}
FOR_PROGRAMS = {"dashboard:openapi"}


class Kitto(BaseHTTPRequestHandler):
    """Stands for Kitto: answers everything, or says that its database is away."""

    status = 200
    signed_in = "0"
    page = b"kitto"
    kind = ""
    packed = ""

    def do_GET(self) -> None:  # the library's name
        is_gate = self.path == "/oauth2/auth"
        self.send_response((202 if self.signed_in == "1" else 401) if is_gate else self.status)
        if self.kind:
            self.send_header("Content-Type", self.kind)
        if self.packed:
            self.send_header("Content-Encoding", self.packed)
        self.end_headers()
        self.wfile.write(b"" if is_gate else self.page)

    do_POST = do_GET  # noqa: N815  # the library's name

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def kitto(port: int) -> Iterator[type[Kitto]]:
    handler = type("One", (Kitto,), {})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield handler
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def front(folder: Path, shape: str) -> Iterator[City]:
    needs("nginx")
    make_certificate(folder)
    reach = str(SHAPES / shape)
    city = City(folder, dict(os.environ), free_port(), free_port(), free_port(), reach)
    with behind_nginx(city):
        wait_for((folder / "nginx.pid").exists, "nginx did not start: " + city.logs)
        yield city


def addresses(
    patterns: list[object], before: str = "", room: str = ""
) -> Iterator[tuple[str, str]]:
    """Yield every address of the site by name, filled in with something."""
    for one in patterns:
        path = before + str(one.pattern)  # type: ignore[attr-defined]  # of Django
        if isinstance(one, URLPattern):
            yield f"{room}:{one.name}" if room else str(one.name), plain(path)
        else:
            yield from addresses(one.url_patterns, path, one.namespace or room)  # type: ignore[attr-defined]  # as above


def plain(path: str) -> str:
    return "/" + (
        path.replace("^[dD]", "D")
        .replace("^[sS]", "S")
        .replace("(?P<code>[^/]+)", "K7M39QXP")
        .replace("/?$", "")
        .replace("$", "")
        .replace("\\", "")
        .replace("<int:", "<")
        .replace("<slug:", "<")
        .replace("<str:", "<")
        .replace("<", "")
        .replace(">", "")
    ).replace("_id/", "/1/").replace("journey/", "1/")


def is_for_employees(name: str) -> bool:
    seen, pressed = TABLE[name]
    cells = {*seen[:4], *pressed[:4]}
    return name in FOR_ALL or (not cells <= NOT_FOR_EMPLOYEES and name not in FOR_PROGRAMS)


def test_from_outside_every_page_of_employees_answers_and_no_other(tmp_path: Path) -> None:
    wrong = []
    with front(tmp_path, "staff-inside") as city, kitto(city.web):
        for name, path in addresses(get_resolver().url_patterns):
            wanted = 200 if is_for_employees(name) else 403
            if (got := city.ask(path, From=OUTSIDE).status) != wanted:
                wrong.append((name, path, got))
        assert wrong == []
        for path in ("/dashboard/", "/tickets/", "/settings/"):
            assert city.ask(path).status == 200
        for path in (
            "//dashboard/",
            "/%64ashboard/",
            "/j/../dashboard/",
            "/static/../tickets/",
        ):
            assert city.ask(path, From=OUTSIDE).status == 403, path


def test_inside_only_answers_nobody_outside(tmp_path: Path) -> None:
    with front(tmp_path, "inside-only") as city, kitto(city.web):
        for path in ("/", "/D/K7M39QXP", "/j/1/", "/dashboard/", "/static/css/base.css"):
            assert city.ask(path, From=OUTSIDE).status == 403
            assert city.ask(path).status == 200


def test_the_organisations_own_sign_in_stands_before_the_pages_of_those_who_help(
    tmp_path: Path,
) -> None:
    gate = free_port()
    shape = tmp_path / "shape"
    shape.mkdir()
    shipped = (SHAPES / "staff-by-sso/staff-by-sso.shape").read_text(encoding="utf-8")
    (shape / "own.shape").write_text(shipped.replace("4180", str(gate)), encoding="utf-8")
    with front(tmp_path, str(shape)) as city, kitto(city.web), kitto(gate) as sso:
        for path in ("/", "/D/K7M39QXP", "/j/1/s/check-box/", "/accounts/login/"):
            assert city.ask(path, From=OUTSIDE).status == 200
        for path in ("/dashboard/", "/tickets/1/", "/settings/"):
            sent = city.ask(path, From=OUTSIDE)
            assert (sent.status, sent.headers["Location"]) == (
                302,
                f"https://kit.example.lg.jp:{city.https}/oauth2/start?rd={path}",
            )
        sso.signed_in = "1"
        assert city.ask("/dashboard/", From=OUTSIDE).status == 200


@pytest.mark.django_db
def test_while_kitto_is_away_people_read_that_it_is_and_go_on_with_the_guide(
    tmp_path: Path,
) -> None:
    load_guide(draft=read_guide_file(SHIPPED_GUIDE), now=NOW, publish=True)
    call_command("export_static", str(tmp_path / "guide"))
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)  # nginx's workers are nobody
    with front(tmp_path, "everybody") as city:
        for ask in (city.ask("/j/1/"), city.ask("/j/1/s/x/done", method="POST", body="a=b")):
            assert (ask.status, ask.headers["Retry-After"]) == (502, "10")
            assert "いま手入れをしています" in ask.text
            assert "We are working on the system" in ask.text
        assert "ふたを開ける" in city.ask("/guide/").text
        assert city.ask("/guide/files/kitto.css").status == 200
        assert city.ask("/healthz").status == 502
        with kitto(city.web) as web:
            assert city.ask("/j/1/").text == "kitto"
            web.status = 503
            assert "いま手入れをしています" in city.ask("/j/1/").text
            assert city.ask("/readyz").text == "kitto"  # it says itself what is wrong


def test_a_city_without_an_exported_guide_still_says_when_to_come_back(tmp_path: Path) -> None:
    with ExitStack() as stack:
        city = stack.enter_context(front(tmp_path, "everybody"))
        said = city.ask("/j/1/")
        assert (said.status, said.headers["Retry-After"]) == (503, "10")


def test_pages_travel_compressed_but_for_those_that_show_secrets(tmp_path: Path) -> None:
    page = "<p>箱をあけて、電源を入れます。</p>".encode() * 200
    with front(tmp_path, "everybody") as city, kitto(city.web) as web:
        web.page, web.kind = page, "text/html; charset=utf-8"
        for path in ("/", "/j/1/s/check-box/", "/dashboard/"):
            said = city.ask(path, Accept_Encoding="gzip, br")
            assert said.headers["Content-Encoding"] == "gzip", path
            assert "Accept-Encoding" in said.headers["Vary"]
            assert gzip.decompress(said.body) == page
            assert len(said.body) < len(page) / 6
            assert city.ask(path).body == page
        for path in ("/accounts/tokens/", "/accounts/second-step/codes/", "/accounts/login/"):
            said = city.ask(path, Accept_Encoding="gzip, br")
            assert (said.headers["Content-Encoding"], said.body) == (None, page), path
        web.kind = "image/jpeg"  # a photo is small already
        assert city.ask("/j/1/", Accept_Encoding="gzip").body == page
        web.kind, web.packed, web.page = "text/css", "br", brotli.compress(page)
        said = city.ask("/static/css/person.css", Accept_Encoding="gzip, br")
        assert (said.headers["Content-Encoding"], said.body) == ("br", web.page)
