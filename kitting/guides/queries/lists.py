"""Names of steps and troubles for lists and messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F

from kitting.guides.models import StepNote
from kitting.guides.queries.kept import kept_edition, published_edition
from kitting.guides.queries.pages import stuck_reasons, troubles_of
from kitting.guides.queries.shapes import TROUBLE, StepLine
from kitting.guides.queries.voice import SiteWords, Voice, step_line, voice
from kitting.guides.rules.words import LANGUAGES, matches
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class NoteLine:
    """A note in the list of its keepers: under which step, and what became of it."""

    note: StepNote
    step: str


def note_lines(language: str) -> list[NoteLine]:
    """Return every note ever added, those in force first, newest on top."""
    edition = published_edition()
    words = site_words(language=language)
    notes = StepNote.objects.select_related("created_by", "ended_by", "adopted_in").order_by(
        F("ended_at").asc(nulls_first=True), "-pk"
    )
    return [
        NoteLine(
            note,
            step_name(edition.pk if edition else None, note.step_key, language, words=words)
            or note.step_key,
        )
        for note in notes
    ]


def step_lines(edition_id: int, language: str) -> list[StepLine]:
    """Return every step of an edition, whatever the flags; `number` is its place in the edition."""
    say = Voice(SiteWords(language), language)
    return [step_line(step, step.position, say) for step in kept_edition(edition_id).steps]


def step_title(edition_id: int | None, key: str) -> dict[str, str]:
    """Return the title of a step in both languages; empty if there is no such step."""
    steps = kept_edition(edition_id).steps if edition_id else ()
    title = next((step.title for step in steps if step.key == key), None)
    if title is None:
        return {}
    return {code: Voice(SiteWords(code), code).text(title) for code in LANGUAGES}


def step_name(
    edition_id: int | None, key: str, language: str, *, words: Mapping[str, str] | None = None
) -> str:
    """Return the title of a step in one language; empty if there is no such step.

    With the site's `words` at hand a list of titles costs no query once the edition is kept.
    """
    steps = kept_edition(edition_id).steps if edition_id else ()
    title = next((step.title for step in steps if step.key == key), None)
    return voice(language, words).text(title) if title else ""


def trouble_choices(
    edition_id: int,
    key: str,
    flags: Mapping[str, str],
    language: str,
    *,
    words: Mapping[str, str] | None = None,
) -> list[tuple[str, str]]:
    """Return a step's own troubles as choices of "I need help": trouble-<index> and the symptom.

    With the site's `words` at hand it costs no query once the edition is kept.
    """
    say = voice(language, words)
    return [
        (f"{TROUBLE}{trouble.position}", say.text(trouble.symptom))
        for trouble in troubles_of(kept_edition(edition_id), key)
        if matches(trouble.when, flags)
    ]


def choice_text(
    edition_id: int | None,
    key: str,
    choice: str,
    language: str,
    *,
    words: Mapping[str, str] | None = None,
) -> str:
    """Return what somebody chose behind "I need help" in words; empty if it is not known.

    With the site's `words` at hand a list of choices costs no query once the edition is kept.
    """
    if not choice.startswith(TROUBLE) or edition_id is None:
        found = stuck_reasons(language, edition_id=edition_id, words=words)
        return dict(found).get(choice, "")
    say = voice(language, words)
    return next(
        (
            say.text(trouble.symptom)
            for trouble in troubles_of(kept_edition(edition_id), key)
            if f"{TROUBLE}{trouble.position}" == choice
        ),
        "",
    )
