"""Questions about Google's devices: how we come to them, what they say, where we do not agree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Lower, Upper
from django.utils.translation import gettext_lazy as _

from accounts.queries import local_day
from kitting.devices.models import Device, Loan
from kitting.devices.states import DeviceState
from kitting.directory import rules
from kitting.directory.client import Access
from kitting.directory.models import DirectoryDevice, DirectoryLook, RemoteChange
from kitting.directory.states import (
    OPEN,
    ChangeKind,
    Finding,
    LookState,
    Scope,
    Source,
    Standing,
)
from kitting.guides.models import Step
from kitting.guides.states import CheckType
from kitting.journeys.models import Journey, StepRecord
from kitting.journeys.rules import SIGN_IN_STEP
from kitting.journeys.states import Result

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from django.db.models import QuerySet

# All devices are read anew so often; in between, only those heard of since.
FULL_EVERY = timedelta(hours=24)
AFTER_FAILURE = timedelta(hours=1)
A_YEAR = timedelta(days=365)
ROWS_MOST = 5000
IN_USE = (DeviceState.LENT, DeviceState.SPARE, DeviceState.LOST)
DIFFERING = (Finding.NOT_ENROLLED, Finding.OTHER_PERSON, Finding.OTHER_UNIT)


def access() -> Access:
    """Return how this site comes to Google's directory, from its settings."""
    return Access(
        key_file=settings.DIRECTORY_KEY_FILE,
        subject=settings.DIRECTORY_ADMIN,
        customer=settings.DIRECTORY_CUSTOMER,
        api_url=settings.DIRECTORY_API_URL,
        may_write=settings.DIRECTORY_WRITE,
        unit=settings.DIRECTORY_UNIT,
    )


def running_look() -> DirectoryLook | None:
    """Return the look that goes on, if any."""
    return DirectoryLook.objects.filter(state=LookState.RUNNING).first()


def last_looks(most: int = 5) -> list[DirectoryLook]:
    """Return the latest looks, newest first."""
    return list(
        DirectoryLook.objects.select_related("asked_by").order_by("-started_at", "-pk")[:most]
    )


def due_scope(now: datetime) -> Scope | None:
    """Return which look is due by itself: all devices once a day, the newest in between."""
    looks = DirectoryLook.objects.filter(source=Source.API).exclude(state=LookState.RUNNING)
    last = looks.order_by("-finished_at").first()
    if last is not None and last.state == LookState.FAILED and last.finished_at is not None:
        return None if now < last.finished_at + AFTER_FAILURE else Scope.FULL
    done = looks.filter(state=LookState.DONE)
    full = done.filter(scope=Scope.FULL).order_by("-started_at").first()
    if full is None or now >= full.started_at + FULL_EVERY:
        return Scope.FULL
    newest = done.order_by("-started_at").first()
    every = timedelta(minutes=settings.DIRECTORY_MINUTES)
    is_due = newest is not None and now >= newest.started_at + every
    return Scope.NEWEST if is_due else None


def newest_since(look: DirectoryLook) -> datetime | None:
    """Return how far back a look at the newest must read; nothing for any other look."""
    if look.scope != Scope.NEWEST:
        return None
    before = (
        DirectoryLook.objects.filter(
            source=Source.API, state=LookState.DONE, started_at__lt=look.started_at
        )
        .order_by("-started_at")
        .first()
    )
    return before.started_at - rules.OVERLAP if before else None


# --- journeys beside Google ------------------------------------------------------------------------


@dataclass(frozen=True)
class WatchedJourney:
    """A begun journey, what Google knows of its device, and which steps that can confirm."""

    journey_id: int
    device_id: int
    enroll_step: str
    sign_in_step: str
    confirmed: frozenset[str]
    facts: rules.Watched


def watched_journeys(
    device_ids: Sequence[int],
    *,
    rows: Mapping[int | None, DirectoryDevice],
    as_of: datetime | None,
) -> list[WatchedJourney]:
    """Return the begun journeys on some devices beside what Google shows (three queries).

    `rows`: the entry that stands for each device; a device without one is not at Google.
    """
    enroll = _enroll_steps()
    journeys = list(
        Journey.objects.open()
        .filter(loan__device_id__in=device_ids, begun_at__isnull=False)
        .select_related("loan", "person")
        .only(
            "edition_id", "step_keys", "loan__device_id", "loan__handed_over_at",
            "loan__started_at", "person__email", "person__account",
        )
    )  # fmt: skip
    keys = {SIGN_IN_STEP, *(key for steps in enroll.values() for key in steps)}
    marks: dict[int, dict[str, tuple[str, datetime]]] = {}
    records = StepRecord.objects.filter(
        journey_id__in=[journey.pk for journey in journeys], step_key__in=keys
    ).exclude(result=Result.SKIPPED)
    for journey_id, key, result, at in records.values_list(
        "journey_id", "step_key", "result", "done_at"
    ):
        marks.setdefault(journey_id, {})[key] = (result, at)
    units = tuple(settings.DIRECTORY_STAFF_UNITS)
    return [
        _watched(
            journey,
            rows.get(journey.loan.device_id),
            marks.get(journey.pk, {}),
            enroll.get(journey.edition_id or 0, frozenset()),
            units=units,
            as_of=as_of,
        )
        for journey in journeys
    ]


def _enroll_steps() -> dict[int, frozenset[str]]:
    """Return the steps that enrolment confirms, by edition."""
    found: dict[int, frozenset[str]] = {}
    steps = Step.objects.filter(check_type=CheckType.DIRECTORY_ENROLLED)
    for edition_id, key in steps.values_list("edition_id", "key"):
        found[edition_id] = found.get(edition_id, frozenset()) | {key}
    return found


def _watched(
    journey: Journey,
    row: DirectoryDevice | None,
    marks: Mapping[str, tuple[str, datetime]],
    enroll: frozenset[str],
    *,
    units: tuple[str, ...],
    as_of: datetime | None,
) -> WatchedJourney:
    own = {str(key) for key, *_more in journey.step_keys}
    enroll_step = next(iter(sorted(enroll & own)), "")
    sign_in_step = SIGN_IN_STEP if SIGN_IN_STEP in own else ""
    said = {key: at for key, (_was, at) in marks.items()}
    since = journey.loan.handed_over_at or journey.loan.started_at
    addresses = (journey.person.account, journey.person.email)
    facts = rules.Watched(
        standing=Standing(row.standing) if row else None,
        since=datetime.combine(local_day(since), time(), ZoneInfo(settings.TIME_ZONE)),
        holder=frozenset(address.lower() for address in addresses if address),
        as_of=as_of,
        said_enrolled_at=said.get(enroll_step),
        said_signed_in_at=said.get(sign_in_step),
        staff_units=units,
    )
    if row is not None:
        facts = rules.with_entry(
            facts,
            last_enrolled_at=row.last_enrolled_at,
            last_sync_at=row.last_sync_at,
            recent_users=tuple(row.recent_users),
            org_unit=row.org_unit,
        )
    return WatchedJourney(
        journey_id=journey.pk,
        device_id=journey.loan.device_id,
        enroll_step=enroll_step,
        sign_in_step=sign_in_step,
        confirmed=frozenset(k for k, (r, _at) in marks.items() if r == Result.CONFIRMED),
        facts=facts,
    )


# --- reconciling -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One device where Kitto and Google do not agree, or that needs care.

    `device_id` is Kitto's own, None where Kitto does not know it.
    """

    serial_number: str
    device_id: int | None
    asset_tag: str
    tag_at_google: str
    person: str
    department: str
    status: str
    org_unit: str
    seen: str
    last_sync_at: datetime | None = None

    @property
    def serial_masked(self) -> str:
        """Return the end of the serial number."""
        return masked(self.serial_number)


@dataclass(frozen=True)
class Count:
    """How many devices a finding has."""

    finding: Finding
    number: int


def counts(today: date) -> list[Count]:
    """Return how many devices each finding has (one query each)."""
    return [Count(finding, _found(finding, today).count()) for finding in Finding]


def lines(
    finding: Finding, today: date, *, start: int = 0, most: int = ROWS_MOST
) -> list[Line]:
    """Return the devices of a finding, by serial number."""
    if finding == Finding.ONLY_KITTO:
        devices = list(_only_kitto().order_by("serial_number", "pk")[start : start + most])
        return [_line_of_device(d, loan) for d, loan in _with_loans(devices)]
    rows = _entries(finding, today).order_by("serial_number", "pk")
    entries = list(rows.select_related("device")[start : start + most])
    loans = _loans([row.device_id for row in entries if row.device_id])
    return [_line(finding, row, loans.get(row.device_id)) for row in entries]


def _found(finding: Finding, today: date) -> QuerySet[DirectoryDevice] | QuerySet[Device]:
    return _only_kitto() if finding == Finding.ONLY_KITTO else _entries(finding, today)


def _only_kitto() -> QuerySet[Device]:
    """Return devices in use that Google does not list; nothing is missing where nobody looked."""
    there = DirectoryDevice.objects.current().exclude(standing=Standing.REMOVED)
    looked = DirectoryLook.objects.filter(scope=Scope.FULL, state=LookState.DONE)
    return Device.objects.in_use().filter(
        ~Exists(there.filter(device_id=OuterRef("pk"))), Exists(looked)
    )


def _entries(finding: Finding, today: date) -> QuerySet[DirectoryDevice]:
    """Return the entries at Google that a finding is about."""
    entries = DirectoryDevice.objects.current()
    listed = entries.exclude(standing=Standing.REMOVED)
    other_tag = listed.filter(device__asset_tag__isnull=False).annotate(
        there=Upper("asset_tag"), here=Upper("device__asset_tag")
    )
    pending = Q(update_state__in=rules.UPDATE_PENDING) | Q(
        compliance__in=rules.COMPLIANCE_PENDING
    )
    found = {
        Finding.ONLY_GOOGLE: listed.filter(device__isnull=True),
        Finding.OTHER_TAG: other_tag.exclude(there=F("here")),
        Finding.OTHER_UNIT: _in_other_units(entries),
        Finding.WITHOUT_GUIDE: _without_guide(entries),
        Finding.UPDATE_PENDING: entries.filter(pending, standing=Standing.ENROLLED),
        Finding.UPDATES_END: listed.filter(updates_until_on__lte=today + A_YEAR),
        Finding.DISABLED: entries.filter(standing=Standing.DISABLED),
        Finding.STRANGE_STATUS: entries.filter(standing=Standing.UNKNOWN),
    }
    said = entries.filter(has_differences=True, differences__has_key=finding.value)
    return found.get(finding, said)


def _in_other_units(entries: QuerySet[DirectoryDevice]) -> QuerySet[DirectoryDevice]:
    """Return Kitto's devices in use that stand in none of the units of staff."""
    units = [unit.strip().rstrip("/") for unit in settings.DIRECTORY_STAFF_UNITS]
    inside = Q(pk__in=[])
    for unit in units:
        inside |= Q(path=unit.lower() or "/") | Q(path__startswith=f"{unit.lower()}/")
    own = entries.filter(device__isnull=False).exclude(
        standing__in=(Standing.REMOVED, Standing.EXPECTED)
    )
    if not units:
        return own.none()
    return own.exclude(org_unit="").annotate(path=Lower("org_unit")).exclude(inside)


def _without_guide(entries: QuerySet[DirectoryDevice]) -> QuerySet[DirectoryDevice]:
    """Return enrolled devices whose person is signed in at Google and has not begun in Kitto."""
    waiting = Journey.objects.open().filter(
        loan__device_id=OuterRef("device_id"),
        begun_at__isnull=True,
        loan__started_at__lte=OuterRef("last_enrolled_at"),
    )
    return entries.filter(Exists(waiting), standing=Standing.ENROLLED)


def _loans(device_ids: Iterable[int]) -> dict[int | None, Loan]:
    rows = Loan.objects.open().filter(device_id__in=list(device_ids))
    return {
        loan.device_id: loan
        for loan in rows.select_related("person", "department__parent", "place")
    }


def _with_loans(devices: Sequence[Device]) -> list[tuple[Device, Loan | None]]:
    loans = _loans([device.pk for device in devices])
    return [(device, loans.get(device.pk)) for device in devices]


def _line_of_device(device: Device, loan: Loan | None) -> Line:
    return Line(
        serial_number=device.serial_number,
        device_id=device.pk,
        asset_tag=device.asset_tag or "",
        tag_at_google="",
        person=str(loan.person) if loan and loan.person else "",
        department=loan.department.full_name if loan else "",
        status="",
        org_unit="",
        seen="",
    )


def _line(finding: Finding, row: DirectoryDevice, loan: Loan | None) -> Line:
    seen = {
        Finding.OTHER_TAG: row.asset_tag,
        Finding.OTHER_UNIT: row.org_unit,
        Finding.OTHER_PERSON: row.differences.get(Finding.OTHER_PERSON.value, ""),
        Finding.UPDATE_PENDING: row.os_version,
        Finding.UPDATES_END: row.updates_until_on.isoformat() if row.updates_until_on else "",
    }.get(finding, row.status)
    return Line(
        serial_number=row.serial_number,
        device_id=row.device_id,
        asset_tag=(row.device.asset_tag or "") if row.device else "",
        tag_at_google=row.asset_tag,
        person=str(loan.person) if loan and loan.person else "",
        department=loan.department.full_name if loan else "",
        status=row.status,
        org_unit=row.org_unit,
        seen=seen,
        last_sync_at=row.last_sync_at,
    )


def wanted_texts() -> dict[int, dict[str, str]]:
    """Return what Google should carry where it differs: by device, our field by its text."""
    rows = DirectoryDevice.objects.current().filter(
        device__isnull=False, standing__in=(Standing.ENROLLED, Standing.EXPECTED)
    )
    found = {}
    loans = {
        device_id: (place or "", account or email or "")
        for device_id, place, account, email in Loan.objects.open().values_list(
            "device_id", "place__name", "person__account", "person__email"
        )
    }
    for device_id, tag, asset_tag, location, user in rows.values_list(
        "device_id", "device__asset_tag", "asset_tag", "location", "annotated_user"
    ).order_by("pk"):
        place, person = loans.get(device_id, ("", ""))
        wanted = {"asset_tag": tag or "", "location": place, "annotated_user": person[:100]}
        seen = {"asset_tag": asset_tag, "location": location, "annotated_user": user}
        if texts := rules.differing(wanted, seen):
            found[device_id] = texts
    return found


class Lines:
    """The devices of a finding, as much of them as a page shows."""

    def __init__(self, finding: Finding, today: date) -> None:
        """Keep what is asked for; nothing is read yet."""
        self._finding, self._today = finding, today
        # A paginator wants to know.
        self.ordered = True

    def count(self) -> int:
        """Return how many there are."""
        return _found(self._finding, self._today).count()

    def __len__(self) -> int:
        """Return how many there are."""
        return self.count()

    def __getitem__(self, part: slice) -> list[Line]:
        """Return a part of them."""
        start, stop = part.start or 0, part.stop or 0
        return lines(self._finding, self._today, start=start, most=stop - start)


HEAD = (
    _("Serial"),
    _("Asset tag"),
    _("Asset tag at Google"),
    _("Person"),
    _("Department"),
    _("Status"),
    _("Organisational unit"),
    _("What was seen"),
    _("Last heard of"),
)


def export_rows(found: Iterable[Line]) -> tuple[list[str], list[list[str]]]:
    """Return the columns and rows of a sheet of devices, in the active language."""
    zone = ZoneInfo(settings.TIME_ZONE)
    return [str(name) for name in HEAD], [
        [
            line.serial_number,
            line.asset_tag,
            line.tag_at_google,
            line.person,
            line.department,
            line.status,
            line.org_unit,
            line.seen,
            f"{line.last_sync_at.astimezone(zone):%Y-%m-%d %H:%M}" if line.last_sync_at else "",
        ]
        for line in found
    ]


def masked(serial_number: str) -> str:
    """Return a serial number as pages show it: its end, which the sticker is compared with."""
    return f"••••••{serial_number[-4:]}"


# --- one device ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DevicePage:
    """One device of Kitto's beside its entry at Google, and what was changed there."""

    device: Device
    loan: Loan | None
    entry: DirectoryDevice | None
    changes: tuple[RemoteChange, ...]

    @property
    def serial_masked(self) -> str:
        """Return the end of the serial number."""
        return masked(self.device.serial_number)

    @property
    def open_change(self) -> RemoteChange | None:
        """Return the order that is under way, if any."""
        under_way = (
            c for c in self.changes if c.state in OPEN and c.kind != ChangeKind.ANNOTATE
        )
        return next(under_way, None)

    @property
    def kind(self) -> ChangeKind:
        """Return what can be asked for: a disabled device can be enabled again, any other disabled."""
        is_off = self.entry is not None and self.entry.standing == Standing.DISABLED
        return ChangeKind.REENABLE if is_off else ChangeKind.DISABLE


def device_page(device_id: int) -> DevicePage | None:
    """Return one device with what Google shows of it."""
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        return None
    changes = RemoteChange.objects.filter(device=device).select_related("asked_by")
    return DevicePage(
        device=device,
        loan=_loans([device_id]).get(device_id),
        entry=DirectoryDevice.objects.current().filter(device=device).first(),
        changes=tuple(changes.order_by("-asked_at", "-pk")[:20]),
    )
