"""The organisation's own sign-in (OpenID Connect): what is asked of it, and what of its answer is believed.

allauth's client neither sends a nonce nor looks at the signature of a token that came straight from the token
endpoint, and it links people by addresses; so the few lines of the protocol stand here, on PyJWT. No tables.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Mapping

requests = Later("requests")
jwt = Later("jwt")

SECONDS = 5
BYTES_MOST = 256 * 1024
KEPT_SECONDS = 3600
# Clocks of servers differ by seconds, not by minutes.
LEEWAY = 60
# Signatures only: a provider that signs with a shared secret, or not at all, is not believed.
SIGNATURES = ("RS256", "PS256", "ES256")
WRONG = {
    "ExpiredSignatureError": "expired",
    "InvalidAudienceError": "audience",
    "InvalidIssuerError": "issuer",
    "InvalidSignatureError": "signature",
}
LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SsoError(Exception):
    """The answer of the provider is not believed; `reason` is a slug for the log."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Provider:
    """Somebody whose word on who is there counts, within these domains and this tenant."""

    key: str
    name: str
    issuer: str
    client_id: str
    secret: str = field(repr=False)
    domains: tuple[str, ...]
    tenant: str = ""
    staff_number_claim: str = ""


@dataclass(frozen=True)
class Question:
    """What a browser carries to the provider and back; kept in the session, used once."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Claims:
    """What the provider says of somebody, as far as it is believed."""

    subject: str
    email: str
    staff_number: str


def ask() -> Question:
    """Make a new question: nobody else can answer it, and only once."""
    return Question(*(secrets.token_urlsafe(32) for _ in range(3)))


def forget_providers() -> None:
    """Look descriptions and keys up afresh."""
    _kept.clear()


_kept: dict[str, tuple[float, dict[str, Any]]] = {}


def authorize_url(provider: Provider, question: Question, *, callback: str) -> str:
    """Return where a browser is sent. Raises `SsoError`."""
    digest = hashlib.sha256(question.verifier.encode()).digest()
    said = {
        "client_id": provider.client_id,
        "response_type": "code",
        "scope": "openid email profile",
        "redirect_uri": callback,
        "state": question.state,
        "nonce": question.nonce,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "prompt": "select_account",
    }
    if provider.key == "google" and len(provider.domains) == 1:
        said["hd"] = provider.domains[0]
    address = _of_config(provider, "authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(said)}"


def claims_of(provider: Provider, question: Question, *, code: str, callback: str) -> Claims:
    """Exchange a code and return what is believed of the answer. Raises `SsoError`."""
    token = _exchange(provider, question, code=code, callback=callback)
    said = _verified(provider, token)
    if not secrets.compare_digest(str(said.get("nonce", "")).encode(), question.nonce.encode()):
        raise SsoError("nonce")
    audience = said["aud"]
    if isinstance(audience, list) and audience != [provider.client_id]:
        raise SsoError("audience")  # meant for others too
    _check_tenant(provider, said)
    return Claims(
        subject=str(said["sub"]),
        email=_address(provider, said),
        staff_number=str(said.get(provider.staff_number_claim) or "").strip()
        if provider.staff_number_claim
        else "",
    )


def _exchange(provider: Provider, question: Question, *, code: str, callback: str) -> str:
    answer = _call(
        "POST",
        _of_config(provider, "token_endpoint"),
        data={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback,
            "client_id": provider.client_id,
            "client_secret": provider.secret,
            "code_verifier": question.verifier,
        },
    )
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise SsoError("no_token")
    return token


def _verified(provider: Provider, token: str) -> dict[str, Any]:
    """Return the content of a token whose signature, issuer, audience and times are right."""
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in SIGNATURES:
            raise SsoError("signature")
        said: dict[str, Any] = jwt.decode(
            token,
            key=_key(provider, str(header.get("kid", ""))),
            algorithms=[header["alg"]],
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise SsoError(WRONG.get(type(error).__name__, "token")) from error
    return said


def _key(provider: Provider, key_id: str) -> Any:
    """Return the key a token says it is signed with; a new one is looked up afresh, once."""
    address = _of_config(provider, "jwks_uri")
    for kept in (True, False):
        found = _kept_answer(address) if kept else None
        keys = found or _keep(address, _call("GET", address))
        for one in keys.get("keys", ()):
            if one.get("kid") == key_id and one.get("kty") in ("RSA", "EC"):
                return jwt.PyJWK(one).key
        if found is None:
            break
    raise SsoError("signature")


def _check_tenant(provider: Provider, said: Mapping[str, Any]) -> None:
    if provider.tenant and said.get("tid") != provider.tenant:
        raise SsoError("tenant")
    # Google names the domain only for accounts of an organisation: a private one has none.
    if provider.key == "google" and str(said.get("hd", "")).lower() not in provider.domains:
        raise SsoError("domain")


def _address(provider: Provider, said: Mapping[str, Any]) -> str:
    """Return the address that the provider answers for, in one of our domains.

    Microsoft marks no address as verified; what its tenant gives out is the name people sign in with.
    """
    if provider.key == "microsoft":
        address = str(said.get("preferred_username", ""))
    elif said.get("email_verified") is True:
        address = str(said.get("email", ""))
    else:
        raise SsoError("unverified")
    address = address.strip().lower()
    if address.rpartition("@")[2] not in provider.domains:
        raise SsoError("domain")
    return address


# --- asking the provider -------------------------------------------------------------------------


def is_safe(address: str) -> bool:
    """Tell whether an address may be asked: by https, or on this very machine."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def _of_config(provider: Provider, name: str) -> str:
    """Return one address of the provider's own description."""
    where = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    config = _kept_answer(where) or _call("GET", where)
    if config.get("issuer") != provider.issuer:
        raise SsoError("issuer")
    address = str(_keep(where, config).get(name, ""))
    if not is_safe(address):
        raise SsoError("insecure")
    return address


def _kept_answer(address: str) -> dict[str, Any] | None:
    at, answer = _kept.get(address, (0.0, None))
    return answer if answer is not None and monotonic() - at < KEPT_SECONDS else None


def _keep(address: str, answer: dict[str, Any]) -> dict[str, Any]:
    if _kept_answer(address) is None or _kept[address][1] is not answer:
        _kept[address] = (monotonic(), answer)
    return answer


def _call(
    method: str, address: str, *, data: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Ask and return the JSON that comes; never where a redirect leads, never more than it may be."""
    if not is_safe(address):
        raise SsoError("insecure")
    try:
        with requests.request(
            method, address, data=data, timeout=SECONDS, allow_redirects=False, stream=True
        ) as response:
            if response.status_code != requests.codes.ok:
                raise SsoError("refused")
            body = response.raw.read(BYTES_MOST + 1, decode_content=True)
    except requests.RequestException as error:
        raise SsoError("unreachable") from error
    try:
        answer = json.loads(body) if len(body) <= BYTES_MOST else None
    except ValueError as error:
        raise SsoError("unreadable") from error
    if not isinstance(answer, dict):
        raise SsoError("unreadable")
    return answer
