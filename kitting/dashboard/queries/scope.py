"""Whose journeys somebody may see on the board, and which of them were asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from django.db.models import Exists, Q

from accounts.models import Department, User
from kitting.devices.models import Device
from kitting.guides.models import Edition
from kitting.guides.states import EditionState
from kitting.journeys.models import Journey
from kitting.rollout.models import Rollout, Wave
from kitting.rollout.states import RolloutState

if TYPE_CHECKING:
    from accounts.queries import Rights
    from kitting.journeys.models import JourneyQuerySet

CHOICES_MOST = 60


@dataclass(frozen=True)
class Filters:
    """What the address asks for; everything empty is everything. Numbers are keys of rows."""

    wave: int | None = None
    bureau: int | None = None
    department: int | None = None
    edition: int | None = None
    model: str = ""
    employment: str = ""

    @property
    def is_any(self) -> bool:
        """Tell whether anything is narrowed."""
        return any(getattr(self, one.name) for one in fields(self))

    @property
    def words(self) -> dict[str, str]:
        """Return the filters as they stand in an address."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: str(value) for name, value in named.items() if value}

    @property
    def cells(self) -> Q:
        """Return what narrows by the groups that counts are kept by."""
        narrowed = Q()
        if self.wave:
            narrowed &= Q(wave_id=self.wave)
        if self.bureau:
            narrowed &= Q(department_id=self.bureau) | Q(department__parent_id=self.bureau)
        if self.department:
            narrowed &= Q(department_id=self.department)
        if self.edition:
            narrowed &= Q(edition_id=self.edition)
        return narrowed

    @property
    def journeys(self) -> Q:
        """Return what narrows by anything else about a journey."""
        narrowed = Q()
        if self.model:
            narrowed &= Q(loan__device__model_name=self.model)
        if self.employment:
            narrowed &= Q(person__employment=self.employment)
        return narrowed


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Scope:
    """Whose numbers somebody sees: everybody's, those of own people, or numbers without names.

    Who is outside (an auditor) sees groups of five or more only, and no name. `past` are the waves
    of other rollouts than the one that is open.
    """

    rights: Rights
    filters: Filters = NO_FILTERS
    past: tuple[int, ...] = ()

    @property
    def is_outside(self) -> bool:
        """Tell whether the reader sees numbers of people who are not theirs."""
        return self.rights.is_auditor and not self.rights.sees_board

    @property
    def own(self) -> Q:
        """Return what narrows to the reader's people; empty for who sees everybody."""
        if self.rights.is_it or self.is_outside:
            return Q()
        return Q(department_id__in=self.rights.departments) | Q(place_id__in=self.rights.places)

    @property
    def current(self) -> Q:
        """Return what leaves out who was in an earlier rollout, unless their wave is asked for."""
        return ~Q(wave__in=self.past) if self.past and not self.filters.wave else Q()

    @property
    def cells(self) -> Q:
        """Return what narrows by department, place, wave and edition."""
        return self.own & self.filters.cells & self.current

    @property
    def journeys(self) -> Q:
        """Return what narrows by device and person."""
        return self.filters.journeys

    def journeys_of(self) -> JourneyQuerySet:
        """Return the journeys that count in this scope."""
        return Journey.objects.filter(self.cells, self.journeys)

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing is narrowed at all."""
        return not (self.cells or self.journeys)


def past_waves() -> tuple[int, ...]:
    """Return the waves of other rollouts while one is open (one statement); else nothing is past."""
    running = Rollout.objects.filter(state=RolloutState.OPEN)
    waves = Wave.objects.filter(Exists(running)).exclude(rollout__state=RolloutState.OPEN)
    return tuple(waves.order_by("pk").values_list("pk", flat=True))


def scope_key(rights: Rights, filters: Filters = NO_FILTERS) -> str:
    """Return what names a scope: whoever has the same key sees the same board."""
    asked = sorted(filters.words.items())
    if rights.is_it:
        who = "all"
    elif rights.sees_board:
        who = f"{sorted(rights.departments)} {sorted(rights.places)}"
    else:
        who = "numbers"
    return hashlib.sha256(f"{who} {asked}".encode()).hexdigest()[:24]


# --- what may be asked for ------------------------------------------------------------------------


@dataclass(frozen=True)
class Choices:
    """What the filters offer, each as key and name."""

    waves: tuple[tuple[int, str], ...]
    bureaus: tuple[tuple[int, str], ...]
    departments: tuple[tuple[int, str], ...]
    editions: tuple[tuple[int, str], ...]
    models: tuple[tuple[str, str], ...]
    employments: tuple[tuple[str, str], ...]


NO_CHOICES = Choices((), (), (), (), (), ())


def choices(rights: Rights) -> Choices:
    """Return what somebody may narrow the board by (five queries; the answer keeps for minutes)."""
    departments = Department.objects.order_by("pk")
    if rights.sees_board and not (rights.is_it or rights.places):
        departments = departments.filter(
            Q(pk__in=rights.departments) | Q(children__in=rights.departments)
        ).distinct()
    rows: list[tuple[int, str, int | None]] = list(
        departments.values_list("pk", "name", "parent_id")
    )
    tops = tuple((pk, name) for pk, name, parent in rows if parent is None)
    if not rights.sees_board:
        return Choices((), tops, (), (), (), ())
    waves = Wave.objects.order_by("starts_at", "pk").values_list("pk", "name")
    editions = Edition.objects.exclude(state=EditionState.DRAFT).order_by("-pk")
    models = Device.objects.exclude(model_name="").order_by("model_name")
    kinds = User.objects.exclude(employment="").order_by("employment")
    return Choices(
        waves=tuple(waves),
        bureaus=tops,
        departments=tuple((pk, name) for pk, name, parent in rows if parent is not None),
        editions=tuple(
            (pk, str(number)) for pk, number in editions.values_list("pk", "number")
        ),
        models=_named(models.values_list("model_name", flat=True).distinct()[:CHOICES_MOST]),
        employments=_named(
            kinds.values_list("employment", flat=True).distinct()[:CHOICES_MOST]
        ),
    )


def _named(values: object) -> tuple[tuple[str, str], ...]:
    return tuple((value, value) for value in values)  # type: ignore[attr-defined]  # a list of texts
