"""Who is in a wave, and whose matter it is."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.models import Place
from kitting.devices.models import Loan
from kitting.rollout.queries import wave_book

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.queries import Rights
    from kitting.devices.models import LoanQuerySet
    from kitting.rollout.models import Wave
    from kitting.rollout.queries import WaveBook

Pair = tuple[int, int | None]


def pairs_by_wave(book: WaveBook) -> tuple[dict[int, list[Pair]], list[Pair]]:
    """Return the departments and places of open loans by wave, and those that are in none."""
    found: dict[int, list[Pair]] = defaultdict(list)
    nowhere: list[Pair] = []
    pairs = Loan.objects.open().values_list("department_id", "place_id").distinct()
    for department_id, place_id in pairs.order_by():
        wave = book.of(department_id, place_id)
        if wave is None:
            nowhere.append((department_id, place_id))
        else:
            found[wave.pk].append((department_id, place_id))
    return found, nowhere


def of_pairs(pairs: Iterable[Pair]) -> Q:
    """Return who is of some departments at some places, one condition a place."""
    by_place: dict[int | None, list[int]] = defaultdict(list)
    for department_id, place_id in pairs:
        by_place[place_id].append(department_id)
    condition = Q(pk__in=[])
    for place_id, departments in by_place.items():
        condition |= Q(place=place_id, department__in=departments)
    return condition


def loans_of(wave: Wave, *, rights: Rights | None = None) -> LoanQuerySet:
    """Return the open loans of a wave's people (and its shared devices), as far as one may see."""
    book = wave_book(wave.rollout)
    loans = Loan.objects.open().filter(of_pairs(pairs_by_wave(book)[0].get(wave.pk, [])))
    if rights is None or rights.is_it:
        return loans
    return loans.filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))


def people_of(pairs: Iterable[Pair]) -> int:
    """Return how many people with a device are of some departments at some places."""
    return Loan.objects.open().with_person().filter(of_pairs(pairs)).count()


def may_see(wave: Wave, rights: Rights) -> bool:
    """Tell whether a wave is any matter of somebody: IT, or a lead of some of its people."""
    if rights.is_it:
        return True
    return rights.is_lead and loans_of(wave, rights=rights).exists()


def place_in_scope(wave: Wave, place_id: int, rights: Rights) -> Place | None:
    """Return a place of a wave where somebody may say what was looked at."""
    loans = loans_of(wave, rights=rights).filter(place=place_id)
    return Place.objects.filter(pk=place_id).first() if loans.exists() else None


def waves_of_lead(rights: Rights) -> list[Wave]:
    """Return the waves of the open rollout that concern somebody's own people."""
    book = wave_book()
    pairs = (
        Loan.objects.open()
        .filter(Q(department_id__in=rights.departments) | Q(place_id__in=rights.places))
        .values_list("department_id", "place_id")
        .distinct()
        .order_by()
    )
    found = {wave.pk for pair in pairs if (wave := book.of(*pair))}
    return [wave for pk, wave in book.waves.items() if pk in found]
