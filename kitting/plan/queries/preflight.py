"""What is ready before the boxes go out, and what is not."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Exists, OuterRef, Q

from accounts.models import Grant, Place, User
from accounts.queries import local_day
from accounts.states import Role
from kitting.devices.models import BoxCode, Loan
from kitting.guides.queries.kept import published_edition
from kitting.plan.queries.members import loans_of, of_pairs
from kitting.plan.states import LACKS, CheckKind
from kitting.rollout.queries import wave_book, with_all_below
from kitting.rollout.states import MarkKind
from kitting.site.models import Variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from accounts.queries import Rights
    from kitting.rollout.models import Wave, WaveMark

T = TypeVar("T")

# So many examples of what is missing are named.
EXAMPLES = 20


@dataclass(frozen=True)
class Check:
    """One thing that must be ready: how many of how many are not, and some of them by name.

    An account is known where the roll has one, or an address, as Google's list is compared too.
    """

    kind: CheckKind
    missing: int = 0
    among: int = 0
    examples: list[str] = field(default_factory=list)

    @property
    def lack(self) -> str:
        """Return what is missing, in words."""
        return str(LACKS[self.kind])

    @property
    def is_ready(self) -> bool:
        """Tell whether nothing is missing."""
        return not self.missing

    @property
    def more(self) -> int:
        """Return how many are not named."""
        return self.missing - len(self.examples)


@dataclass(frozen=True)
class Spot:
    """A place of a wave, and what was looked at there: who said so, and when."""

    place: Place
    devices: int
    charged: WaveMark | None
    wifi: WaveMark | None

    @property
    def marks(self) -> list[tuple[MarkKind, WaveMark | None]]:
        """Return both, in the order of the page."""
        return [(MarkKind.CHARGED, self.charged), (MarkKind.WIFI, self.wifi)]


@dataclass(frozen=True)
class Preflight:
    """What is ready for a wave and what is not."""

    checks: list[Check]
    spots: list[Spot]
    licensed: WaveMark | None = None

    @property
    def red(self) -> list[Check]:
        """Return what is missing."""
        return [check for check in self.checks if not check.is_ready]

    @property
    def green(self) -> list[Check]:
        """Return what is ready."""
        return [check for check in self.checks if check.is_ready]


def preflight(wave: Wave, *, rights: Rights, now: datetime) -> Preflight:
    """Return what is ready for the part of a wave one may see; a fixed number of queries."""
    today = local_day(now)
    own = loans_of(wave, rights=rights)
    printed = BoxCode.objects.filter(
        device=OuterRef("device"), retired_at__isnull=True, printed_at__isnull=False
    )
    has_label = set(own.filter(Exists(printed)).values_list("pk", flat=True))
    loans = list(
        own.select_related("device", "person", "department", "place").order_by(
            "place__name", "department_id", "device__asset_tag", "pk"
        )
    )
    marks = {(mark.place_id, mark.kind): mark for mark in wave.marks.select_related("made_by")}
    spots = _spots(loans, marks)
    licensed = marks.get((None, MarkKind.LICENSED))
    return Preflight(
        licensed=licensed,
        checks=[
            Check(CheckKind.GUIDE, missing=published_edition() is None, among=1),
            _check(CheckKind.WORDS, Variable.objects.order_by("position"), _is_example),
            _without_device(wave, rights, on=today),
            _check(CheckKind.LABELS, loans, lambda loan: loan.pk not in has_label),
            _check(
                CheckKind.ACCOUNTS,
                [loan.person for loan in loans if loan.person is not None],
                lambda person: not (person.account or person.email),
            ),
            Check(CheckKind.LICENSED, missing=licensed is None, among=1),
            _check(CheckKind.PLACES, loans, lambda loan: loan.place is None),
            _check(
                CheckKind.HOURS, [s.place for s in spots], lambda place: place.hours_id is None
            ),
            _without_lead(loans, on=today),
            Check(CheckKind.HELPER, missing=wave.helper_id is None, among=1),
            _check(CheckKind.CHARGED, spots, lambda spot: spot.charged is None),
            _check(CheckKind.WIFI, spots, lambda spot: spot.wifi is None),
        ],
        spots=spots,
    )


def _check(kind: CheckKind, rows: Iterable[T], is_missing: Callable[[T], bool]) -> Check:
    listed = list(rows)
    missing = [row for row in listed if is_missing(row)]
    return Check(kind, len(missing), len(listed), [_name(row) for row in missing[:EXAMPLES]])


def _is_example(variable: Variable) -> bool:
    return variable.is_example


def _name(row: object) -> str:
    """Say which one is meant, without a person's name: labels and accounts are known by number."""
    if isinstance(row, Loan):
        where = row.place.name if row.place else row.department.name
        return f"{row.device} {where}"
    if isinstance(row, User):
        return f"{row.name} ({row.staff_number or ''})"
    if isinstance(row, Spot):
        return row.place.name
    if isinstance(row, Variable):
        return row.key
    return str(row)


def _without_device(wave: Wave, rights: Rights, *, on: date) -> Check:
    """Return who works here and has no device, of the wave's departments and places."""
    lent = Loan.objects.open().filter(person=OuterRef("pk"))
    people = User.objects.present(on=on).filter(
        department__isnull=False, staff_number__isnull=False
    )
    if not rights.is_it:
        people = people.filter(
            Q(department_id__in=rights.departments) | Q(place_id__in=rights.places)
        )
    book = wave_book(wave.rollout)
    pairs = people.values_list("department_id", "place_id").distinct().order_by()
    own = [pair for pair in pairs if (found := book.of(*pair)) and found.pk == wave.pk]
    here = people.filter(of_pairs(own))
    missing = here.filter(~Exists(lent)).order_by("kana", "pk")
    named = [_name(person) for person in missing[:EXAMPLES]]
    return Check(CheckKind.DEVICES, missing.count(), here.count(), named)


def _without_lead(loans: Sequence[Loan], *, on: date) -> Check:
    """Return the departments of some loans that nobody leads, neither them nor their places."""
    grants = Grant.objects.valid(on=on).filter(
        role=Role.LEAD, person__in=User.objects.present(on=on)
    )
    rows = list(grants.values_list("department_id", "place_id"))
    led = with_all_below(department for department, _place in rows if department)
    places = {place for _department, place in rows if place}
    names = {loan.department_id: loan.department.name for loan in loans}
    alone = sorted(
        {
            loan.department_id
            for loan in loans
            if loan.department_id not in led and loan.place_id not in places
        }
    )
    return Check(
        CheckKind.LEADS, len(alone), len(names), [names[pk] for pk in alone[:EXAMPLES]]
    )


def _spots(
    loans: Sequence[Loan], marks: Mapping[tuple[int | None, str], WaveMark]
) -> list[Spot]:
    found: dict[int, Place] = {}
    number: dict[int, int] = defaultdict(int)
    for loan in loans:
        if loan.place is not None:
            found[loan.place.pk] = loan.place
            number[loan.place.pk] += 1
    return [
        Spot(
            place=place,
            devices=number[pk],
            charged=marks.get((pk, MarkKind.CHARGED)),
            wifi=marks.get((pk, MarkKind.WIFI)),
        )
        for pk, place in found.items()
    ]
