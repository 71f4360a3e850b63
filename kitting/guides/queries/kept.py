"""Editions read once and kept, and the notes that helpers added since."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from accounts.ready import Ready
from kitting.guides.models import Edition, Step, StepNote, Trouble
from kitting.guides.states import EditionState
from kitting.lib.ruby import Readings
from kitting.site.queries import own_readings

KEPT_EDITIONS = 16


@dataclass(frozen=True, slots=True)
class Kept:
    """One edition with everything below it."""

    edition: Edition
    steps: tuple[Step, ...]
    troubles: dict[int, tuple[Trouble, ...]]
    lessons: tuple[Any, ...]
    readings: Readings
    # What was made of it for everybody, by name (queries/shared.py); it goes when the edition does.
    said: dict[Any, tuple[Any, Any, str]] = field(default_factory=dict)


_kept: dict[int, Kept] = {}
# The notes in force, as of one version of them.
_notes: dict[int, dict[tuple[int, str], list[tuple[dict[str, str], int | None]]]] = {}


def forget_editions() -> None:
    """Drop what is kept; needed only where editions vanish under their number, as in tests."""
    _kept.clear()
    _notes.clear()


def step_notes(edition_id: int, key: str, *, version: int, language: str) -> list[str]:
    """Return what IT added to a step since, oldest first, in a language or as it was written.

    A note that an edition has taken in is still shown to who walks an earlier one.
    `version` is the site profile's: one query when it has changed, none after.
    """
    found = _notes.get(version)
    if found is None:
        found = {}
        shown = StepNote.objects.filter(Q(ended_at__isnull=True) | Q(adopted_in__isnull=False))
        for note in shown.select_related("adopted_in").order_by("pk"):
            until = note.adopted_in.number if note.ended_at and note.adopted_in else None
            found.setdefault((note.guide_id, note.step_key), []).append((note.text, until))
        _notes.clear()
        _notes[version] = found
    other = "en" if language == "ja" else "ja"
    edition = kept_edition(edition_id).edition
    return [
        text.get(language) or text.get(other, "")
        for text, until in found.get((edition.guide_id, key), [])
        if until is None or edition.number < until
    ]


_published = Ready(
    lambda: (
        Edition.objects.filter(state=EditionState.PUBLISHED)
        .order_by("-published_at", "-pk")
        .only("pk")[:1]
    )
)


def published_edition() -> Edition | None:
    """Return the edition that new journeys begin with: the one published last."""
    return (
        Edition.objects.filter(state=EditionState.PUBLISHED)
        .order_by("-published_at", "-pk")
        .first()
    )


def readings_of(edition_id: int | None) -> Readings:
    """Return how words are read: an edition's list, else the published one's, and Kitto's own words.

    One query to find the published edition; none once an edition is kept.
    """
    edition_id = edition_id or published_id()
    return Readings(own_readings()) if edition_id is None else kept_edition(edition_id).readings


def published_id() -> int | None:
    """Return the row number of the edition that new journeys begin with, if there is one."""
    edition = _published.first()
    return edition.pk if edition else None


def kept_edition(edition_id: int) -> Kept:
    """Return an edition with all its rows, read once for each change of it."""
    kept = _kept.get(edition_id)
    if kept is None:
        kept = _read(edition_id)
        if kept.edition.state != EditionState.DRAFT:
            if len(_kept) >= KEPT_EDITIONS:
                _kept.clear()
            _kept[edition_id] = kept
    return kept


def _read(edition_id: int) -> Kept:
    """Read an edition and everything below it (four queries)."""
    edition = Edition.objects.get(pk=edition_id)
    troubles: dict[int, list[Trouble]] = {}
    for trouble in Trouble.objects.filter(step__edition=edition_id).order_by("position"):
        troubles.setdefault(trouble.step_id, []).append(trouble)
    return Kept(
        edition=edition,
        steps=tuple(edition.steps.order_by("position")),
        troubles={step_id: tuple(rows) for step_id, rows in troubles.items()},
        lessons=tuple(edition.lessons.order_by("position")),
        readings=Readings({**own_readings(), **edition.readings}),
    )
