"""What Google says of a device, read and judged: plain values in, plain values out."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from kitting.directory.states import ChangeKind, Finding, Standing
from kitting.lib.cells import SheetError, clean_date, clean_number_string, clean_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from kitting.lib.rows import Cells, Flaw

# Statuses as the API, its older writings, the console and GAM name them. Whatever is not here is
# kept and shown as it is, and nothing is concluded from it.
STANDINGS: Mapping[Standing, tuple[str, ...]] = {
    Standing.ENROLLED: ("ACTIVE", "PROVISIONED", "プロビジョニング済み", "有効"),
    Standing.EXPECTED: ("PREPROVISIONED", "PENDING", "プロビジョニング前", "事前プロビジョニング済み"),
    Standing.DISABLED: ("DISABLED", "無効", "無効化済み"),
    Standing.REMOVED: ("DEPROVISIONED", "デプロビジョニング済み", "プロビジョニング解除済み"),
}  # fmt: skip
_STANDING_OF = {word: standing for standing, words in STANDINGS.items() for word in words}

UPDATE_PENDING = (
    "updateStateNotStarted",
    "updateStateDownloadInProgress",
    "updateStateNeedReboot",
)
COMPLIANCE_PENDING = ("pending", "notCompliant")

# An enrolment or a sign-in is seen by Google at once, but a list is read from a copy.
GRACE = timedelta(hours=1)
# A device that synchronises while a list is read must not fall between two looks.
OVERLAP = timedelta(hours=1)
RECENT_USERS_MOST = 5
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 1800.0
TRIES_MOST = 24
STATUS_MOST = 40
# How long Google may show the old state after it took an order.
READ_BACK = timedelta(minutes=10)

# The English names without spaces are those of the API, as GAM writes them. Those of the console's
# own export could not be verified: headers are matched by these names, whatever their order.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "serial_number": (
        "シリアル番号", "シリアル", "serialNumber", "serial number", "S/N", "SN",
        "device serial number",
    ),
    "google_id": ("デバイス ID", "端末 ID", "deviceId", "device ID", "directory API ID"),
    "status": ("ステータス", "状態", "status", "device status", "provisioning status"),
    "model_name": ("モデル", "機種", "model", "device model"),
    "os_version": ("OS バージョン", "OS のバージョン", "osVersion", "OS version", "version"),
    "org_unit": (
        "組織部門", "組織部門のパス", "orgUnitPath", "organizational unit",
        "organizational unit path", "org unit path", "OU",
    ),
    "asset_tag": (
        "アセット ID", "資産番号", "備品番号", "annotatedAssetId", "asset ID", "asset tag",
    ),
    "location": ("場所", "設置場所", "annotatedLocation", "location"),
    "annotated_user": ("ユーザー", "利用者", "annotatedUser", "user"),
    "recent_user": (
        "最近のユーザー", "最新のユーザー", "直近のユーザー", "recentUsers.0.email", "recentUsers",
        "most recent user", "recent users", "last signed in user",
    ),
    "second_user": ("recentUsers.1.email",),
    "third_user": ("recentUsers.2.email",),
    "mac_address": ("MAC アドレス", "macAddress", "MAC address", "wifi MAC address"),
    "first_enrolled_at": ("最初の登録日時", "firstEnrollmentTime", "first enrollment time"),
    "last_enrolled_at": (
        "登録日時", "最終登録日時", "最終登録日", "lastEnrollmentTime", "last enrollment time",
        "enrollment time", "last enrolled",
    ),
    "last_sync_at": (
        "最終同期", "最終同期日時", "前回の同期", "lastSync", "last sync", "last policy sync",
        "most recent sync",
    ),
    "update_state": ("osUpdateStatus.state", "OS update status", "更新の状態"),
    "compliance": ("osVersionCompliance", "OS version policy compliance"),
    "updates_until_on": (
        "自動更新の有効期限", "自動更新期限", "autoUpdateThrough", "auto-update expiration",
        "auto update expiration", "auto update through", "AUE",
    ),
}  # fmt: skip
NEEDED = (("serial_number",),)
_MOMENTS = ("first_enrolled_at", "last_enrolled_at", "last_sync_at")


@dataclass(frozen=True, slots=True)
class Seen:
    """One device as Google shows it.

    `given` names what the answer or the file says anything about: an export without a column must
    not wipe out what an earlier look has seen. `odd` names columns whose cell could not be read.
    `recent_users` are addresses in small letters, newest first.
    """

    serial_number: str
    google_id: str = ""
    status: str = ""
    model_name: str = ""
    os_version: str = ""
    org_unit: str = ""
    asset_tag: str = ""
    location: str = ""
    annotated_user: str = ""
    mac_address: str = ""
    recent_users: tuple[str, ...] = ()
    first_enrolled_at: datetime | None = None
    last_enrolled_at: datetime | None = None
    last_sync_at: datetime | None = None
    update_state: str = ""
    compliance: str = ""
    updates_until_on: date | None = None
    row: int = 0
    given: frozenset[str] = frozenset()
    odd: tuple[str, ...] = ()
    flaws: tuple[Flaw, ...] = ()

    @property
    def standing(self) -> Standing:
        """Return what the status means."""
        return standing_of(self.status)


def standing_of(status: str) -> Standing:
    """Return what a status means, however it is written; one nobody knows is unknown."""
    plain = clean_text(status).upper().replace("_", "").replace("-", "").replace(" ", "")
    return _STANDING_OF.get(plain, Standing.UNKNOWN)


def plain_serial(serial: object) -> str:
    """Return a serial number as it is compared: half-width capitals; empty if there is none."""
    try:
        return clean_number_string(str(serial or ""))[:40]
    except SheetError:
        return ""


# --- from the API --------------------------------------------------------------------------------

# Field of ours: field of the API.
API_FIELDS: Mapping[str, str] = {
    "serial_number": "serialNumber",
    "google_id": "deviceId",
    "status": "status",
    "model_name": "model",
    "os_version": "osVersion",
    "org_unit": "orgUnitPath",
    "asset_tag": "annotatedAssetId",
    "location": "annotatedLocation",
    "annotated_user": "annotatedUser",
    "mac_address": "macAddress",
    "recent_users": "recentUsers",
    "first_enrolled_at": "firstEnrollmentTime",
    "last_enrolled_at": "lastEnrollmentTime",
    "last_sync_at": "lastSync",
    "update_state": "osUpdateStatus",
    "compliance": "osVersionCompliance",
    "updates_until_on": "autoUpdateThrough",
}
LENGTHS = {
    "status": STATUS_MOST,
    "model_name": 80,
    "os_version": 40,
    "org_unit": 300,
    "asset_tag": 100,
    "location": 200,
    "annotated_user": 100,
    "mac_address": 17,
    "update_state": 40,
    "compliance": 40,
    "google_id": 80,
}


def read_answer(data: object) -> Seen | None:
    """Read one device of the API; None if it is not one. Fields of a strange kind count as empty."""
    if not isinstance(data, dict):
        return None
    serial, google_id = plain_serial(data.get("serialNumber")), data.get("deviceId")
    if not serial or not isinstance(google_id, str) or not google_id:
        return None
    update = data.get("osUpdateStatus")
    until = _moment(data.get("autoUpdateThrough"), UTC)
    texts: dict[str, Any] = {name: _short(name, data.get(API_FIELDS[name])) for name in LENGTHS}
    texts["update_state"] = _short(
        "update_state", update.get("state") if isinstance(update, dict) else ""
    )
    texts["mac_address"] = _mac(texts["mac_address"])
    return Seen(
        serial_number=serial,
        **texts,
        recent_users=_addresses(data.get("recentUsers")),
        first_enrolled_at=_moment(data.get("firstEnrollmentTime"), UTC),
        last_enrolled_at=_moment(data.get("lastEnrollmentTime"), UTC),
        last_sync_at=_moment(data.get("lastSync"), UTC),
        updates_until_on=until.date() if until else None,
        given=frozenset(API_FIELDS),
    )


def _short(name: str, value: object) -> str:
    return clean_text(value)[: LENGTHS[name]] if isinstance(value, str) else ""


def _mac(text: str) -> str:
    plain = "".join(c for c in text.upper() if c in "0123456789ABCDEF")
    return ":".join(plain[i : i + 2] for i in range(0, 12, 2)) if len(plain) == 12 else ""  # noqa: PLR2004  # digits of a MAC


def _addresses(users: object) -> tuple[str, ...]:
    """Return the managed users, newest first; whoever is not managed has no address."""
    if not isinstance(users, list):
        return ()
    found = [
        user["email"].strip().lower()
        for user in users
        if isinstance(user, dict) and isinstance(user.get("email"), str)
    ]
    return tuple(address[:254] for address in found if address)[:RECENT_USERS_MOST]


def _moment(value: object, zone: tzinfo) -> datetime | None:
    """Read a moment of the API or of an export; without a zone it is the organisation's time."""
    if not isinstance(value, str) or not value.strip():
        return None
    text = value.strip().replace("/", "-")
    if text.isdigit() and len(text) > 8:  # noqa: PLR2004  # longer than a day: milliseconds, as the API once wrote them
        return datetime.fromtimestamp(int(text[:13]) / 1000, UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _day(value, zone)
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _day(text: str, zone: tzinfo) -> datetime | None:
    try:
        day = clean_date(text)
    except SheetError:
        return None
    return datetime.combine(day, time(), tzinfo=zone) if day else None


# --- from a sheet --------------------------------------------------------------------------------


def read_row(cells: Cells, given: frozenset[str], raw: Mapping[str, str], zone: tzinfo) -> Seen:
    """Read one row of an export; a serial number that was spoilt stands in its flaws.

    `raw` holds the cells as they were written, by field. A date that cannot be read is left out
    and named in `odd`: an unknown format must not keep the rest away.
    """
    serial = cells.number("serial_number", most=40)
    if not serial and not cells.flaws:
        cells.fault("serial_number_missing")
    moments: dict[str, Any] = {name: _moment(raw.get(name, ""), zone) for name in _MOMENTS}
    until = _moment(raw.get("updates_until_on", ""), zone)
    users = [raw.get(name, "") for name in ("recent_user", "second_user", "third_user")]
    texts: dict[str, Any] = {name: _short(name, raw.get(name, "")) for name in LENGTHS}
    texts["mac_address"] = _mac(texts["mac_address"])
    renamed = given - {"recent_user", "second_user", "third_user"}
    return Seen(
        serial_number=serial,
        **texts,
        recent_users=tuple(
            user.strip().lower()[:254]
            for cell in users
            for user in cell.replace(";", ",").replace("\n", ",").split(",")
            if "@" in user
        )[:RECENT_USERS_MOST],
        **moments,
        updates_until_on=until.date() if until else None,
        row=cells.row,
        given=renamed | ({"recent_users"} if "recent_user" in given else set()),
        odd=tuple(
            name
            for name in (*_MOMENTS, "updates_until_on")
            if clean_text(raw.get(name, ""))
            and not (until if name == "updates_until_on" else moments[name])
        ),
        flaws=tuple(cells.flaws),
    )


def as_of(rows: Iterable[Seen], now: datetime) -> datetime | None:
    """Return from when an export must at least be: the newest moment in it; None if it has none."""
    moments = [row.last_sync_at for row in rows if row.last_sync_at and row.last_sync_at <= now]
    return max(moments, default=None)


# --- judging -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Watched:
    """One journey beside what Google knows of its device.

    `as_of`: from when Google's word is. `since`: when the device was handed over. `holder`: the
    person's addresses in small letters. `said_enrolled_at`, `said_signed_in_at`: when the person
    said so. `staff_units`: where devices of staff belong; nothing is compared if empty.
    """

    standing: Standing | None
    since: datetime
    holder: frozenset[str]
    as_of: datetime | None
    last_enrolled_at: datetime | None = None
    last_sync_at: datetime | None = None
    recent_users: tuple[str, ...] = ()
    org_unit: str = ""
    said_enrolled_at: datetime | None = None
    said_signed_in_at: datetime | None = None
    staff_units: tuple[str, ...] = ()


def with_entry(
    watched: Watched,
    *,
    last_enrolled_at: datetime | None,
    last_sync_at: datetime | None,
    recent_users: tuple[str, ...],
    org_unit: str,
) -> Watched:
    """Return the same with what Google's entry of the device says."""
    return replace(
        watched,
        last_enrolled_at=last_enrolled_at,
        last_sync_at=last_sync_at,
        recent_users=recent_users,
        org_unit=org_unit,
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a journey and Google do not agree."""

    kind: Finding
    seen: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from Google's word about one journey."""

    is_enrolled: bool = False
    is_signed_in: bool = False
    differences: tuple[Difference, ...] = field(default=())


def judge(watched: Watched) -> Verdict:
    """Decide what Google's word confirms and what it contradicts; from no word follows nothing."""
    is_there = watched.standing in (Standing.ENROLLED, Standing.DISABLED)
    enrolled_at = watched.last_enrolled_at
    mine = bool(watched.holder & set(watched.recent_users))
    return Verdict(
        is_enrolled=is_there and enrolled_at is not None and enrolled_at >= watched.since,
        is_signed_in=is_there and mine,
        differences=tuple(_differences(watched, is_there=is_there, mine=mine)),
    )


def _differences(watched: Watched, *, is_there: bool, mine: bool) -> Iterable[Difference]:
    said, heard = watched.said_enrolled_at, watched.as_of
    gone = watched.standing in (None, Standing.EXPECTED, Standing.REMOVED)
    if gone and said and heard and heard > said + GRACE:
        yield Difference(Finding.NOT_ENROLLED, watched.standing or "")
    if not is_there:
        return
    said, heard = watched.said_signed_in_at, watched.last_sync_at
    others = watched.holder and watched.recent_users and not mine
    if others and said and heard and heard > said + GRACE:
        yield Difference(Finding.OTHER_PERSON, watched.recent_users[0])
    if watched.org_unit and not in_units(watched.org_unit, watched.staff_units):
        yield Difference(Finding.OTHER_UNIT, watched.org_unit)


def in_units(org_unit: str, units: Sequence[str]) -> bool:
    """Tell whether a unit is one of some, or below one; none means every unit is right."""
    path = _unit(org_unit)
    return not units or any(path == _unit(u) or path.startswith(_below(u)) for u in units)


def _unit(path: str) -> str:
    return "/" + path.strip().strip("/").casefold()


def _below(unit: str) -> str:
    return _unit(unit).rstrip("/") + "/"


def is_too_many(new: int, *, limit: int) -> bool:
    """Tell whether so many disagreements at once speak of a wrong setting, not of people."""
    return new > limit


def pause_after(tries: int, retry_after: float | None) -> timedelta:
    """Return how long to wait after so many tries: what Google asks for, else doubling, jittered."""
    own = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** max(tries - 1, 0))
    own *= 0.75 + random.random() / 2  # noqa: S311  # spreads tries, protects nothing
    return timedelta(seconds=min(max(own, retry_after or 0.0), 2 * LONGEST_PAUSE))


def is_seen(kind: str, standing: Standing) -> bool:
    """Tell whether a device shows what an order to disable or to enable again asked for."""
    if kind == ChangeKind.DISABLE:
        return standing == Standing.DISABLED
    return standing == Standing.ENROLLED


def differing(wanted: Mapping[str, str], seen: Mapping[str, str]) -> dict[str, str]:
    """Return what would have to be written so that a device carries our words; never an empty one."""
    return {name: text for name, text in wanted.items() if text and seen.get(name, "") != text}
