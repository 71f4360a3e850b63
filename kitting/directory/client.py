"""What speaks to Google's directory: one request in, plain values or one kind of error out.

It knows no tables and no Django, follows no redirect (the token goes to one address only), reads no
endless answer and waits for none. Every answer is judged before it is believed.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, urlsplit

from kitting.directory.rules import API_FIELDS, plain_serial
from kitting.directory.states import ChangeKind, Problem
from kitting.lib.later import Later

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests
    from google.auth.exceptions import RefreshError

problems = Later("google.auth.exceptions")
breaks = Later("urllib3.exceptions")
lines = Later("google.auth.transport.requests")
accounts = Later("google.oauth2.service_account")

SCOPE_READ = "https://www.googleapis.com/auth/admin.directory.device.chromeos.readonly"
SCOPE_WRITE = "https://www.googleapis.com/auth/admin.directory.device.chromeos"
PAGE_SIZE = 300
IDS_MOST = 50
CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
# A server that sends a byte now and then never lets a read time out.
WHOLE_SECONDS = 90.0
BYTES_MOST = 64 * 2**20
CHUNK = 65_536
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ACTIONS = {
    ChangeKind.DISABLE: "CHANGE_CHROME_OS_DEVICE_STATUS_ACTION_DISABLE",
    ChangeKind.REENABLE: "CHANGE_CHROME_OS_DEVICE_STATUS_ACTION_REENABLE",
}
OK, TOO_MANY, SERVER_ERROR = 200, 429, 500
BY_STATUS = {400: Problem.BAD_REQUEST, 404: Problem.NOT_FOUND}
QUOTA_REASONS = frozenset(
    {"quotaExceeded", "rateLimitExceeded", "userRateLimitExceeded", "dailyLimitExceeded"}
)
# What is asked for of each device: a tenth of what a full answer would hold.
DEVICE_MASK = ",".join(sorted(set(API_FIELDS.values())))
LIST_MASK = f"nextPageToken,chromeosdevices({DEVICE_MASK})"


class DirectoryError(Exception):
    """Google did not answer as hoped: `problem` says how, `retry_after` in seconds if it said when."""

    def __init__(
        self, problem: Problem, detail: str = "", *, retry_after: float | None = None
    ) -> None:
        """Keep what is known; `detail` is for the log, in Google's words, without any secret."""
        super().__init__(f"{problem.value}: {detail}"[:300])
        self.problem = problem
        self.retry_after = retry_after


@dataclass(frozen=True)
class Access:
    """How this site comes to Google's directory.

    `key_file` holds a service account's key; `subject` is the administrator it acts for (empty:
    the service account holds an admin role itself). `may_write` asks for the wider scope, `unit` (and those
    below) is all that is listed, everything if empty.
    """

    key_file: str
    subject: str = ""
    customer: str = "my_customer"
    api_url: str = "https://admin.googleapis.com"
    may_write: bool = False
    unit: str = ""
    read_seconds: float = READ_SECONDS
    whole_seconds: float = WHOLE_SECONDS

    @property
    def is_set_up(self) -> bool:
        """Tell whether there is anything to try with."""
        return bool(self.key_file)

    @property
    def scope(self) -> str:
        """Return the one scope that is asked for."""
        return SCOPE_WRITE if self.may_write else SCOPE_READ


@dataclass(frozen=True)
class Page:
    """One page of a list: devices as they came, and the token of the next page, if any."""

    devices: tuple[object, ...]
    next_token: str = ""


@dataclass
class Directory:
    """A connection to the directory; close it, or use it with `with`."""

    access: Access
    # google-auth's own types are incomplete
    _session: Any = field(default=None, repr=False)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Let the connection go."""
        if self._session is not None:
            self._session.close()

    def page(self, *, token: str = "", newest_first: bool = False, unit: str = "") -> Page:
        """Return one page of devices, at most 300; `unit` restricts to a unit and those below."""
        params = {
            "maxResults": str(PAGE_SIZE),
            "projection": "FULL",
            "fields": LIST_MASK,
            **({"pageToken": token} if token else {}),
            **({"orgUnitPath": unit, "includeChildOrgunits": "true"} if unit else {}),
        }
        if newest_first:
            params |= {"orderBy": "lastSync", "sortOrder": "DESCENDING"}
        try:
            answer = self._ask("GET", self._devices(), params=params)
        except DirectoryError as error:
            if token and error.problem == Problem.BAD_REQUEST:
                raise DirectoryError(Problem.TOKEN_EXPIRED, str(error)) from error
            raise
        devices, following = answer.get("chromeosdevices", []), answer.get("nextPageToken", "")
        if not isinstance(devices, list) or not isinstance(following, str):
            raise DirectoryError(Problem.BROKEN, "no list of devices")
        return Page(tuple(devices), following)

    def device(self, device_id: str) -> dict[str, Any]:
        """Return one device by Google's own id."""
        path = f"{self._devices()}/{quote(device_id, safe='')}"
        return self._ask("GET", path, params={"projection": "FULL", "fields": DEVICE_MASK})

    def find(self, serial_number: str) -> list[dict[str, Any]]:
        """Return the devices with exactly this serial number.

        Google's search finds every number that begins alike, so each one found is compared whole.
        """
        wanted = plain_serial(serial_number)
        found: list[dict[str, Any]] = []
        params = {
            "query": f"id:{wanted}",
            "maxResults": str(PAGE_SIZE),
            "projection": "FULL",
            "fields": LIST_MASK,
        }
        while wanted:
            answer = self._ask("GET", self._devices(), params=params)
            devices = answer.get("chromeosdevices", [])
            if not isinstance(devices, list):
                raise DirectoryError(Problem.BROKEN, "no list of devices")
            found += [
                device
                for device in devices
                if isinstance(device, dict)
                and plain_serial(device.get("serialNumber")) == wanted
            ]
            token = answer.get("nextPageToken")
            if not isinstance(token, str) or not token or token == params.get("pageToken"):
                break
            params["pageToken"] = token
        return found

    def change_status(self, device_ids: Sequence[str], kind: ChangeKind) -> dict[str, str]:
        """Disable devices or enable them again; returns Google's complaint by id, empty if none.

        At most 50 at once. That Google took an order does not mean that the device shows it yet.
        """
        if not 0 < len(device_ids) <= IDS_MOST:
            raise ValueError(f"{len(device_ids)} ids at once")
        body = {
            "deviceIds": list(device_ids),
            "changeChromeOsDeviceStatusAction": ACTIONS[kind],
        }
        answer = self._ask("POST", f"{self._devices()}:batchChangeStatus", body=body)
        results = answer.get("changeChromeOsDeviceStatusResults", [])
        if not isinstance(results, list):
            raise DirectoryError(Problem.BROKEN, "no results")
        said = dict.fromkeys(device_ids, "no result")
        for result in results:
            if isinstance(result, dict) and result.get("deviceId") in said:
                said[result["deviceId"]] = _complaint(result)
        return said

    def annotate(self, device_id: str, texts: Mapping[str, str]) -> dict[str, Any]:
        """Write asset tag, place or user of one device, by the API's names; returns the device."""
        path = f"{self._devices()}/{quote(device_id, safe='')}"
        params = {"projection": "FULL", "fields": DEVICE_MASK}
        return self._ask("PATCH", path, params=params, body=dict(texts))

    def _devices(self) -> str:
        customer = quote(self.access.customer, safe="")
        return f"/admin/directory/v1/customer/{customer}/devices/chromeos"

    # --- one request ---------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> dict[str, Any]:
        session = self._authorized()
        try:
            response = session.request(
                method,
                self.access.api_url.rstrip("/") + path,
                params=params,
                json=body,
                headers={"Accept": "application/json"},
                timeout=(CONNECT_SECONDS, self.access.read_seconds),
                allow_redirects=False,
                stream=True,
            )
            try:
                content = self._read(response)
            finally:
                response.close()
        except problems.RefreshError as error:
            raise _token_error(error) from error
        except problems.GoogleAuthError as error:
            raise DirectoryError(Problem.AWAY, type(error).__name__) from error
        except (breaks.ProtocolError, breaks.DecodeError) as error:
            raise DirectoryError(Problem.BROKEN, type(error).__name__) from error
        except (breaks.HTTPError, OSError) as error:
            raise DirectoryError(Problem.AWAY, type(error).__name__) from error
        if response.status_code != OK:
            raise _refusal(response, content)
        return _object(content)

    def _read(self, response: requests.Response) -> bytes:
        """Read an answer whole, but neither for ever nor without end."""
        started, parts, size = time.monotonic(), [], 0
        # Whatever has arrived: waiting for a full piece would let a dripping server hold us.
        while part := response.raw.read1(CHUNK, decode_content=True):
            parts.append(part)
            size += len(part)
            if size > BYTES_MOST:
                raise DirectoryError(Problem.BROKEN, "endless answer")
            if time.monotonic() - started > self.access.whole_seconds:
                raise DirectoryError(Problem.AWAY, "the answer takes too long")
        return b"".join(parts)

    def _authorized(self) -> Any:
        if self._session is None:
            make: Any = lines.AuthorizedSession
            self._session = make(_credentials(self.access), max_refresh_attempts=1)
        return self._session


def _credentials(access: Access) -> Any:
    """Read the key from its file, each time anew: it is kept nowhere else."""
    if not access.is_set_up:
        raise DirectoryError(Problem.NOT_SET_UP)
    try:
        info = json.loads(Path(access.key_file).read_text(encoding="utf-8"))
        _check_address(str(info["token_uri"]))
        _check_address(access.api_url)
        make: Any = accounts.Credentials.from_service_account_info
        return make(info, scopes=[access.scope], subject=access.subject or None)
    except (OSError, ValueError, KeyError, TypeError, problems.GoogleAuthError) as error:
        # The error may quote the key: only its kind goes on.
        raise DirectoryError(Problem.KEY_UNREADABLE, type(error).__name__) from None


def _check_address(address: str) -> None:
    """Let the key and the token go over TLS only, but for this very machine."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise ValueError("not https")


def _token_error(error: RefreshError) -> DirectoryError:
    if isinstance(error, problems.TransportError) or getattr(error, "retryable", False):
        return DirectoryError(Problem.AWAY, "token")
    said = error.args[1] if len(error.args) > 1 else {}
    reason = said.get("error", "") if isinstance(said, dict) else ""
    return DirectoryError(Problem.TOKEN_REFUSED, str(reason))


def _object(content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DirectoryError(Problem.BROKEN, "not JSON") from error
    if not isinstance(answer, dict):
        raise DirectoryError(Problem.BROKEN, "no object")
    return answer


def _refusal(response: requests.Response, content: bytes) -> DirectoryError:
    """Put an answer that is no answer into one of our few kinds."""
    status, reasons = response.status_code, _reasons(content)
    words = f"{status} {', '.join(sorted(reasons))}"
    after = _retry_after(response.headers.get("Retry-After", ""))
    if status == TOO_MANY or reasons & QUOTA_REASONS:
        return DirectoryError(Problem.QUOTA, words, retry_after=after)
    if status >= SERVER_ERROR:
        return DirectoryError(Problem.AWAY, words, retry_after=after)
    return DirectoryError(BY_STATUS.get(status, Problem.FORBIDDEN), words)


def _reasons(content: bytes) -> frozenset[str]:
    try:
        error = _object(content).get("error")
    except DirectoryError:
        return frozenset()
    errors = error.get("errors") if isinstance(error, dict) else None
    if not isinstance(errors, list):
        return frozenset()
    return frozenset(str(e.get("reason", "")) for e in errors if isinstance(e, dict))


def _retry_after(text: str) -> float | None:
    return float(text) if text.strip().isdigit() else None


def _complaint(result: Mapping[str, object]) -> str:
    error = result.get("error")
    if isinstance(error, dict):
        return str(error.get("message") or error.get("code") or "error")[:200]
    return ""
