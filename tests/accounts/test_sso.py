"""The organisation's own sign-in: one real provider, one that lies, and nobody who is not on the roll."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from accounts import sso
from accounts.models import AuditEntry, SignIn, User
from accounts.states import Door, Role
from tests.factories import GrantFactory, UserFactory
from tests.house.source import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.django_db
SITE = "http://127.0.0.1:8000"
DOMAIN = "asahi.example.jp"
SECRET = "provider-secret-of-the-tests-0123456789"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


KEY, OTHER_KEY = new_key(), new_key()


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    sso.forget_providers()


def offer(settings: Any, issuer: str, **differs: Any) -> None:
    provider = {
        "key": "openid",
        "name": "市のアカウント",
        "issuer": issuer,
        "client_id": "kitto",
        "secret": SECRET,
        "domains": (DOMAIN,),
        **differs,
    }
    settings.SSO_PROVIDERS = {provider["key"]: provider}
    settings.SITE_URL = SITE


def begin(client: Client, key: str = "openid", **said: str) -> str:
    """Press the button and return where the browser is sent."""
    answer = client.post(f"/accounts/sso/{key}/", said)
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode())
    assert found, answer
    return unescape(found[1])


def refusal(client: Client) -> str:
    assert "_auth_user_id" not in client.session
    return str(AuditEntry.objects.filter(action="sign_in.refused").latest("pk").data["reason"])


# --- a real provider, in a process of its own ----------------------------------------------------

PEOPLE = [
    ["010671", f"rio@{DOMAIN}", "right horse 1"],
    ["099999", f"stranger@{DOMAIN}", "right horse 2"],
    ["010672", "private@elsewhere.example", "right horse 3"],
]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("provider")
    (folder / "key.pem").write_text(pem(KEY), encoding="ascii")
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    said = {
        "people": PEOPLE,
        "client_id": "kitto",
        "secret": SECRET,
        "callback": f"{SITE}/accounts/sso/openid/back/",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "tests.provider", str(port), json.dumps(said)],
        cwd=ROOT,
        env={"PROVIDER_FOLDER": str(folder), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def through_the_provider(address: str, person: list[str]) -> str:
    """Sign in at the provider as a browser would, and return where it sends back to."""
    base = "{0.scheme}://{0.netloc}".format(urlsplit(address))
    with requests.Session() as browser:
        for _try in range(100):  # it says ready a moment before it listens
            try:
                page = browser.get(address, timeout=10)
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        token = re.search(r'csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        page = browser.post(
            page.url,
            {"login": person[0], "password": person[2], "csrfmiddlewaretoken": token[1]},
            headers={"Referer": base},
            timeout=10,
            allow_redirects=False,
        )
        while not page.headers["Location"].startswith(SITE):
            page = browser.get(
                base + page.headers["Location"].removeprefix(base),
                timeout=10,
                allow_redirects=False,
            )
    return page.headers["Location"].removeprefix(SITE)


def come_back(client: Client, address: str, person: list[str]) -> Any:
    return client.get(through_the_provider(address, person))


def test_a_real_provider_signs_in_whoever_is_on_the_roll(real: str, settings: Any) -> None:
    offer(settings, real)
    person = UserFactory.create(email=f"Rio@{DOMAIN}")
    client = Client()
    assert "市のアカウント" in client.get("/accounts/login/").content.decode()
    address = begin(client, next="/accounts/browsers/")
    said = parse_qs(urlsplit(address).query)
    assert said["code_challenge_method"] == ["S256"]
    assert len(said["nonce"][0]) > 40
    back = through_the_provider(address, PEOPLE[0])
    answer = client.get(back)
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/browsers/")
    assert client.session["_auth_user_id"] == str(person.pk)
    assert SignIn.objects.get().door == Door.SSO
    other = Client()
    other.get(back)
    assert refusal(other) == "state"


def test_the_staff_number_goes_before_the_address(real: str, settings: Any) -> None:
    offer(settings, real, staff_number_claim="employee_number")
    UserFactory.create(email=f"rio@{DOMAIN}")
    person = UserFactory.create(staff_number="010671", email=f"old@{DOMAIN}")
    client = Client()
    come_back(client, begin(client), PEOPLE[0])
    assert client.session["_auth_user_id"] == str(person.pk)


def test_who_is_not_on_the_roll_is_refused_and_never_made(real: str, settings: Any) -> None:
    offer(settings, real)
    client = Client(headers={"accept-language": "en"})
    people = User.objects.count()
    come_back(client, begin(client), PEOPLE[1])
    assert refusal(client) == "unknown"
    assert User.objects.count() == people
    page = client.get("/accounts/login/").content.decode()
    assert "not on the staff list" in page


def test_a_leaver_and_a_strange_domain_are_refused(real: str, settings: Any) -> None:
    offer(settings, real)
    UserFactory.create(email=f"rio@{DOMAIN}", left_on="2020-04-01")
    UserFactory.create(email="private@elsewhere.example")
    reasons = []
    for person in (PEOPLE[0], PEOPLE[2]):
        client = Client()
        come_back(client, begin(client), person)
        reasons.append(refusal(client))
    assert reasons == ["unknown", "domain"]


# --- a provider that lies ------------------------------------------------------------------------


@dataclass
class Liar:
    """A provider that says what it is told, signed with its own key or somebody else's."""

    server: ThreadingHTTPServer
    claims: dict[str, Any] = field(default_factory=dict)
    key: Any = KEY
    alg: str = "RS256"
    config: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> dict[str, Any]:
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/jwks",
            } | self.config
        if path == "/jwks":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
            return {"keys": [public | {"kid": "one", "alg": "RS256"}]}
        token = jwt.encode(self.claims, self.key, algorithm=self.alg, headers={"kid": "one"})
        return {"access_token": "a", "id_token": token, "token_type": "Bearer"}


@pytest.fixture
def liar(settings: Any) -> Iterator[Liar]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the library's name
            self.reply()

        def do_POST(self) -> None:  # the library's name
            length = int(self.headers["Content-Length"])
            found.asked.append(parse_qs(self.rfile.read(length).decode()))
            self.reply()

        def reply(self) -> None:
            body = json.dumps(found.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Liar(server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    offer(settings, found.issuer)
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def truth(liar: Liar, nonce: str) -> dict[str, Any]:
    now = int(time.time())
    return {
        "iss": liar.issuer,
        "aud": "kitto",
        "sub": "1",
        "iat": now,
        "exp": now + 300,
        "nonce": nonce,
        "email": f"rio@{DOMAIN}",
        "email_verified": True,
    }


def visit(liar: Liar, client: Client, key: str = "openid", **lies: Any) -> Any:
    said = parse_qs(urlsplit(begin(client, key)).query)
    claims = truth(liar, said["nonce"][0]) | lies
    liar.claims = {name: value for name, value in claims.items() if value is not None}
    return client.get(f"/accounts/sso/{key}/back/", {"code": "c", "state": said["state"][0]})


def test_what_is_true_is_believed(liar: Liar) -> None:
    person, client = UserFactory.create(email=f"rio@{DOMAIN}"), Client()
    visit(liar, client)
    assert client.session["_auth_user_id"] == str(person.pk)
    assert len(liar.asked[0]["code_verifier"][0]) > 40


LONG_AGO = int(time.time()) - 7200


@pytest.mark.parametrize(
    ("lies", "reason"),
    [
        ({"aud": "somebody-else"}, "audience"),
        ({"aud": ["kitto", "somebody-else"]}, "audience"),
        ({"aud": None}, "token"),
        ({"nonce": "another"}, "nonce"),
        ({"nonce": None}, "nonce"),
        ({"nonce": "・"}, "nonce"),
        ({"exp": LONG_AGO}, "expired"),
        ({"exp": None}, "token"),
        ({"iss": "https://evil.example"}, "issuer"),
        ({"email": "rio@elsewhere.example"}, "domain"),
        ({"email": f"rio@evil.{DOMAIN}"}, "domain"),
        ({"email": f"rio@evil.example@{DOMAIN}x"}, "domain"),
        ({"email": None}, "domain"),
        ({"email_verified": False}, "unverified"),
        ({"email_verified": "true"}, "unverified"),
        ({"email_verified": None}, "unverified"),
    ],
)
def test_a_lie_in_the_token_is_refused(liar: Liar, lies: dict[str, Any], reason: str) -> None:
    UserFactory.create(email=f"rio@{DOMAIN}")
    client = Client()
    visit(liar, client, **lies)
    assert refusal(client) == reason


@pytest.mark.parametrize(
    ("key", "alg"), [(OTHER_KEY, "RS256"), ("k" * 40, "HS256"), (None, "none")]
)
def test_a_signature_is_always_looked_at(liar: Liar, key: Any, alg: str) -> None:
    UserFactory.create(email=f"rio@{DOMAIN}")
    liar.key, liar.alg = key, alg
    client = Client()
    visit(liar, client)
    assert refusal(client) == "signature"


def test_a_provider_that_calls_itself_another_is_refused(liar: Liar) -> None:
    liar.config = {"issuer": "https://accounts.google.com"}
    client = Client()
    assert client.post("/accounts/sso/openid/").status_code == 302
    assert refusal(client) == "issuer"


def test_nothing_is_asked_without_tls_elsewhere(liar: Liar) -> None:
    liar.config = {"token_endpoint": "http://192.0.2.1/token"}
    client = Client()
    visit(liar, client)
    assert refusal(client) == "insecure"


def test_google_wants_the_domain_of_the_organisation(liar: Liar, settings: Any) -> None:
    offer(settings, liar.issuer, key="google")
    UserFactory.create(email=f"rio@{DOMAIN}")
    private, work = Client(), Client()
    assert f"hd={DOMAIN}" in begin(private, "google")
    visit(liar, private, "google")
    assert refusal(private) == "domain"
    visit(liar, work, "google", hd=DOMAIN)
    assert "_auth_user_id" in work.session


def test_microsoft_wants_the_tenant_and_believes_the_sign_in_name_only(
    liar: Liar, settings: Any
) -> None:
    offer(settings, liar.issuer, key="microsoft", tenant="our-tenant")
    person = UserFactory.create(email=f"rio@{DOMAIN}")
    mine = {"preferred_username": f"rio@{DOMAIN}", "email_verified": None}
    other, elsewhere, written = Client(), Client(), Client()
    visit(liar, other, "microsoft", **mine, tid="their-tenant")
    assert refusal(other) == "tenant"
    visit(liar, written, "microsoft", tid="our-tenant", email_verified=None)
    assert refusal(written) == "domain"  # an address anybody may write into their profile
    visit(liar, elsewhere, "microsoft", **mine, tid="our-tenant")
    assert elsewhere.session["_auth_user_id"] == str(person.pk)


@pytest.mark.parametrize(
    "differs",
    [{"state": "another"}, {"state": ""}, {"state": "・"}],
)
def test_an_answer_nobody_asked_for_is_refused(liar: Liar, differs: dict[str, str]) -> None:
    UserFactory.create(email=f"rio@{DOMAIN}")
    client = Client()
    begin(client)
    client.get("/accounts/sso/openid/back/", {"code": "c"} | differs)
    assert refusal(client) == "state"
    assert liar.asked == []


def test_who_stops_at_the_provider_is_told_so_and_nothing_is_written(liar: Liar) -> None:
    client = Client()
    said = parse_qs(urlsplit(begin(client)).query)
    answer = client.get(
        "/accounts/sso/openid/back/", {"error": "access_denied", "state": said["state"][0]}
    )
    assert answer["Location"] == "/accounts/login/"
    assert not AuditEntry.objects.exists()


def test_a_provider_that_is_away_leaves_the_other_doors_open(settings: Any) -> None:
    offer(settings, "http://127.0.0.1:9")
    client = Client()
    assert client.post("/accounts/sso/openid/")["Location"] == "/accounts/login/"
    assert refusal(client) == "unreachable"
    assert client.get("/accounts/login/").status_code == 200


def test_the_second_step_is_asked_after_it(liar: Liar, settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = True
    UserFactory.create(email=f"rio@{DOMAIN}")
    person = User.objects.get()
    GrantFactory.create(person=person, role=Role.IT)
    client = Client()
    assert visit(liar, client)["Location"] == "/accounts/second-step/"
    assert client.get("/settings/hours/").status_code == 302


def test_a_door_that_is_not_set_up_does_not_exist(client: Client) -> None:
    assert client.post("/accounts/sso/google/").status_code == 404
    assert client.get("/accounts/sso/google/back/").status_code == 404
    assert "/accounts/sso/" not in client.get("/accounts/login/").content.decode()


# --- what the environment may say ----------------------------------------------------------------


def starts_with(
    environment: dict[str, str], tmp_path: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "import kitting.settings as s; print(sorted(s.SSO_PROVIDERS))"],
        cwd=ROOT,
        env={"DEBUG": "1", "VAR_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


TENANT = "72f988bf-86f1-41af-91ab-2d7cd011db47"
MICROSOFT = {
    "SSO_MICROSOFT_CLIENT_ID": "a",
    "SSO_MICROSOFT_CLIENT_SECRET": "b",
    "SSO_MICROSOFT_DOMAINS": DOMAIN,
}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "[]"),
        (MICROSOFT | {"SSO_MICROSOFT_TENANT": TENANT}, "['microsoft']"),
        (MICROSOFT | {"SSO_MICROSOFT_TENANT": "common"}, "SSO_MICROSOFT_TENANT"),
        (MICROSOFT, "SSO_MICROSOFT_TENANT"),
        ({"SSO_GOOGLE_CLIENT_ID": "a", "SSO_GOOGLE_CLIENT_SECRET": "b"}, "SSO_GOOGLE_DOMAINS"),
        (
            {
                "SSO_ISSUER": "http://sso.example.jp",
                "SSO_CLIENT_ID": "a",
                "SSO_CLIENT_SECRET": "b",
                "SSO_DOMAINS": DOMAIN,
            },
            "SSO_ISSUER",
        ),
    ],
)
def test_a_door_half_set_up_stops_the_start(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = starts_with(environment, tmp_path)
    assert said in done.stdout + done.stderr
