"""Questions at the counter: which box, whose, how many are out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Prefetch, Q

from accounts.models import User
from accounts.queries import local_day
from kitting.counter.models import Scan
from kitting.counter.rules import BoxFacts, PersonFacts, stage
from kitting.counter.states import GOOD, Outcome, Stage
from kitting.devices.models import BoxCode, Device, Loan
from kitting.devices.queries import device_by_code
from kitting.devices.states import MOVES, DeviceEventKind, DeviceState, LoanKind
from kitting.escalation.rules import numbers_meant
from kitting.journeys.models import Journey
from kitting.journeys.rules import plain_number
from kitting.lib.codes import CodeError, normalise, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from accounts.queries import Rights
    from kitting.devices.models import DeviceEvent, DeviceQuerySet, LoanQuerySet

LAST_SCANS = 8
TYPED_MOST = 200


@dataclass(frozen=True)
class Box:
    """A scanned box with its device and loan, where there are any, and what the rules look at."""

    facts: BoxFacts
    device: Device | None = None
    loan: Loan | None = None


@dataclass(frozen=True)
class Visitor:
    """Who stands at the counter, where the number names somebody."""

    person: User | None = None
    facts: PersonFacts | None = None


def may_hand_out(rights: Rights) -> bool:
    """Tell whether somebody hands out boxes at all: IT, the desk, leads for their own."""
    return rights.is_it or rights.is_desk or rights.is_lead


def sees_all(rights: Rights) -> bool:
    """Tell whether somebody hands out every box, not only those of the own departments."""
    return rights.is_it or rights.is_desk


def box_of(typed: str, rights: Rights) -> Box:
    """Return the box somebody scanned or typed: a code, the address on a label, an asset tag.

    Two queries; the asset tag is for the counter only and opens nothing.
    """
    try:
        view = device_by_code(parse(typed[:TYPED_MOST]))
    except CodeError:
        return _box_by_tag(typed.strip()[:TYPED_MOST], rights)
    if view.device is None or view.state != "open":
        return Box(BoxFacts(view.state), device=view.device)
    return _box(view.device, view.loan, rights)


def _box_by_tag(tag: str, rights: Rights) -> Box:
    device = Device.objects.filter(asset_tag__iexact=tag).first() if tag else None
    if device is None:
        return Box(BoxFacts("unreadable"))
    loan = Loan.objects.open().filter(device=device)
    return _box(device, loan.select_related("person", "department", "place").first(), rights)


def _box(device: Device, loan: Loan | None, rights: Rights) -> Box:
    facts = BoxFacts(
        label="open",
        state=device.state,
        department_id=loan.department_id if loan else None,
        person_id=loan.person_id if loan else None,
        is_handed=bool(loan and loan.handed_over_at),
        is_arrived=device.arrived_at is not None,
        in_scope=loan is None or is_own(loan, rights),
    )
    return Box(facts, device=device, loan=loan)


def is_own(row: Loan | User, rights: Rights) -> bool:
    """Tell whether a loan or a person belongs to what somebody hands out boxes for."""
    return (
        sees_all(rights)
        or row.department_id in rights.departments
        or row.place_id in rights.places
    )


def visitor_of(typed: str, rights: Rights, *, now: datetime, but: Device | None) -> Visitor:
    """Return whom a staff number names, with whether they have another box than `but`."""
    number = plain_number(typed)
    found = list(
        User.objects.filter(staff_number__in=numbers_meant(number), is_active=True)
        .select_related("department", "place")
        .order_by("pk")[:2]
    )
    exact = [person for person in found if person.staff_number == number] or found
    if len(exact) != 1:
        return Visitor()
    person = exact[0]
    own = Loan.objects.open().with_person().filter(person=person)
    facts = PersonFacts(
        pk=person.pk,
        department_id=person.department_id,
        has_left=person.has_left(local_day(now)),
        has_other=own.exclude(device=but).exists(),
        in_scope=is_own(person, rights),
    )
    return Visitor(person, facts)


def other_box(person: User, but: Device | None) -> Device | None:
    """Return the box somebody has already, beside the one in hand."""
    own = Loan.objects.open().with_person().filter(person=person).exclude(device=but)
    loan = own.select_related("device").order_by("pk").first()
    return loan.device if loan else None


def carton_of(typed: str, rights: Rights) -> list[Device]:
    """Return the devices of a carton; of those that are lent, only what somebody hands out."""
    name = typed.strip()[:40]
    if not name:
        return []
    devices = Device.objects.in_use().filter(carton__iexact=name)
    return list(_own_devices(devices, rights).order_by("pk"))


def _own_devices(devices: DeviceQuerySet, rights: Rights) -> DeviceQuerySet:
    if sees_all(rights):
        return devices
    own = own_loans(rights)
    return devices.filter(pk__in=own.values("device_id"))


def own_loans(rights: Rights) -> LoanQuerySet:
    """Return the loans that run and that somebody hands out boxes for."""
    loans = Loan.objects.open().exclude(kind=LoanKind.SPARE)
    if sees_all(rights):
        return loans
    return loans.filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))


@dataclass(frozen=True)
class Tally:
    """How many boxes there are to hand out, how many have arrived, how many are out."""

    name: str
    total: int
    arrived: int
    handed: int
    place_id: int | None = None

    @property
    def left(self) -> int:
        """Return how many are here and not handed out yet."""
        return max(0, self.arrived - self.handed)


_COUNTS = {
    "total": Count("pk"),
    "arrived": Count("pk", filter=Q(device__arrived_at__isnull=False)),
    "handed": Count("pk", filter=Q(handed_over_at__isnull=False)),
}


def tally(rights: Rights) -> Tally:
    """Count the boxes of somebody's scope. One query."""
    found = own_loans(rights).aggregate(**_COUNTS)
    return Tally("", found["total"], found["arrived"], found["handed"])


def tallies(rights: Rights) -> list[Tally]:
    """Count the boxes of somebody's scope by place, in the order of names. One query."""
    rows: Iterable[Mapping[str, Any]] = (
        own_loans(rights).values("place_id", "place__name").annotate(**_COUNTS).order_by()
    )
    found = [
        Tally(
            row["place__name"] or "",
            row["total"],
            row["arrived"],
            row["handed"],
            row["place_id"],
        )
        for row in rows
    ]
    return sorted(found, key=lambda row: (row.name == "", row.name))


def boxes(rights: Rights, *, place_id: int | None, only_left: bool) -> LoanQuerySet:
    """Return boxes of somebody's scope by place and person, or only those not handed out yet."""
    loans = own_loans(rights).select_related("device", "person", "department__parent", "place")
    if place_id is not None:
        loans = loans.filter(place_id=place_id)
    if only_left:
        loans = loans.filter(handed_over_at__isnull=True)
    return loans.order_by("place__name", "department_id", "person__kana", "pk")


def last_scans(by: User, *, mode: str) -> list[Scan]:
    """Return what somebody scanned last, newest first. One query."""
    mine = Scan.objects.filter(by=by, mode=mode)
    return list(
        mine.select_related(
            "device", "person__department", "loan__department", "loan__person"
        ).order_by("-at", "-pk")[:LAST_SCANS]
    )


def scan_of(scan_id: int, by: User) -> Scan | None:
    """Return one of somebody's own scans."""
    rows = Scan.objects.select_related(
        "device", "person__department", "loan__department", "loan__person"
    )
    return rows.filter(pk=scan_id, by=by).first()


def may_undo(scan: Scan) -> bool:
    """Tell whether a scan did something that is not taken back yet."""
    return Outcome(scan.outcome) in GOOD and scan.undone_at is None


# --- the life of a device -------------------------------------------------------------------------

# What IT can do with a device beside what the counter does, and in which states.
DEEDS: Mapping[str, tuple[DeviceState, ...]] = {
    "bind": (DeviceState.STOCK,),
    "swap": (DeviceState.LENT,),
    "spare": (DeviceState.LENT, DeviceState.REPAIR),
    **{
        kind.value: MOVES[kind][0]
        for kind in (
            DeviceEventKind.SENT_TO_REPAIR,
            DeviceEventKind.REPAIRED,
            DeviceEventKind.ASKED_BACK,
            DeviceEventKind.RETURNED,
            DeviceEventKind.FOUND,
            DeviceEventKind.CHECKED,
            DeviceEventKind.LOST,
            DeviceEventKind.RETIRED,
        )
    },
}
STORY_MOST = 200


@dataclass(frozen=True)
class DevicePage:
    """One device with its person, its progress, its story and what can be done now."""

    device: Device
    loan: Loan | None
    journey: Journey | None
    spares: list[Loan]
    events: list[DeviceEvent]
    deeds: list[str]
    stage: Stage


def device_page(device_id: int) -> DevicePage | None:
    """Return a device with all that IT wants to know of it (five queries)."""
    device = Device.objects.filter(pk=device_id).first()
    if device is None:
        return None
    loans = Loan.objects.open().filter(device=device)
    loan = loans.select_related("person__department", "department__parent", "place").first()
    journey = Journey.objects.open().filter(loan=loan).first() if loan else None
    spares = Loan.objects.open().filter(kind=LoanKind.SPARE).select_related("device")
    person_id = loan.person_id if loan else None
    return DevicePage(
        device=device,
        loan=loan,
        journey=journey,
        spares=list(spares.filter(person_id=person_id).exclude(device=device))
        if person_id
        else [],
        events=list(
            device.events.select_related("actor", "loan__person", "note").order_by(
                "-at", "-pk"
            )[:STORY_MOST]
        ),
        deeds=_deeds(device, loan),
        stage=stage_of(device, loan, journey),
    )


def _deeds(device: Device, loan: Loan | None) -> list[str]:
    """Return what can be done now; another device is for who has one."""
    has_person = loan is not None and loan.person_id is not None
    return [
        verb
        for verb, states in DEEDS.items()
        if device.state in states and (has_person or verb not in ("swap", "spare"))
    ]


def stage_of(device: Device, loan: Loan | None, journey: Journey | None) -> Stage:
    """Return where a device stands in its life, in one word."""
    return stage(
        state=DeviceState(device.state),
        is_here=device.arrived_at is not None,
        is_handed=bool(loan and (loan.handed_over_at or loan.received_at)),
        has_begun=bool(journey and journey.begun_at),
        is_ready=bool(journey and journey.ready_at),
    )


def devices_found(text: str, state: str) -> DeviceQuerySet:
    """Return devices by any number on them, by the staff number or name of their person, by state."""
    rows = Device.objects.order_by("asset_tag", "pk").prefetch_related(
        Prefetch("loans", Loan.objects.open().select_related("person", "department"), "now")
    )
    if state in DeviceState.values:
        rows = rows.filter(state=state)
    plain = text.strip()
    if not plain:
        return rows
    people = User.objects.filter(
        Q(staff_number__in=numbers_meant(plain_number(plain))) | Q(name__holds=plain)
    )
    has = Loan.objects.open().filter(person__in=people)
    return rows.filter(
        Q(asset_tag__icontains=plain)
        | Q(serial_number__iexact=plain)
        | Q(pk__in=BoxCode.objects.filter(code=normalise(plain)).values("device_id"))
        | Q(pk__in=has.values("device_id"))
    )
