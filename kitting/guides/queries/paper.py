"""The guide on paper, and the short one that nobody's progress is kept of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kitting.guides.queries.kept import kept_edition
from kitting.guides.queries.pages import step_page, steps_of
from kitting.guides.queries.voice import Voice, voice
from kitting.guides.rules.words import matches
from kitting.lib.markup import plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kitting.guides.queries.shapes import StepPage
    from kitting.guides.rules.shapes import GuideDraft


@dataclass(frozen=True, slots=True)
class PaperView:
    """The steps that stand on the printed sheet, in order, and what it says about passwords."""

    title: str
    note: str
    steps: list[StepPage]


def paper_sheet(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> PaperView:
    """Return what the printed sheet of an edition shows (no query once the edition is kept)."""
    kept = kept_edition(edition_id)
    wanted = kept.edition.paper_sheet.get("steps", [])
    say = Voice(words, language)
    return PaperView(
        title=say.text(kept.edition.title),
        note=say.text(kept.edition.paper_sheet.get("note") or {}),
        steps=[
            _on_paper(step_page(edition_id, step.key, flags, words, language))
            for step in steps_of(kept, flags)
            if step.key in wanted
        ],
    )


def _on_paper(page: StepPage) -> StepPage:
    """Return a step as ink can show it: without the marks of its texts."""
    return replace(
        page,
        why=plain(page.why),
        actions=[plain(line) for line in page.actions],
        done_when=plain(page.done_when),
        troubles=[
            replace(hint, attempt=plain(hint.attempt), call_it=plain(hint.call_it))
            for hint in page.troubles
        ],
    )


def all_pages(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> list[StepPage]:
    """Return every step that applies with all its texts (no query once the edition is kept)."""
    return [
        step_page(edition_id, step.key, flags, words, language)
        for step in steps_of(kept_edition(edition_id), flags)
    ]


@dataclass(frozen=True, slots=True)
class ShortStep:
    """One step of a short guide, all of it at once."""

    key: str
    title: str
    why: str
    actions: tuple[str, ...]
    done_when: str
    tips: tuple[tuple[str, str, str], ...]


def short_guide(
    draft: GuideDraft, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> tuple[str, str, list[ShortStep]]:
    """Return title, introduction and steps of a guide read from a file, in a reader's language."""
    say = voice(language, words)

    def said(text: Any) -> str:
        return say.text({"ja": text.ja, "en": text.en})

    known = {flag.key: flags.get(flag.key, flag.default) for flag in draft.flags}
    steps = [
        ShortStep(
            key=step.key,
            title=said(step.title),
            why=said(step.why),
            actions=tuple(
                said(line.text) for line in step.actions if matches(line.when, known)
            ),
            done_when=said(step.done_when),
            tips=tuple(
                (said(t.symptom), said(t.attempt), said(t.call_it))
                for t in step.troubles
                if matches(t.when, known)
            ),
        )
        for step in draft.steps
        if matches(step.when, known)
    ]
    return said(draft.title), said(draft.about), steps
