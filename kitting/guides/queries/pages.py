"""A step, the outline, and what stands before and after the steps."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from kitting.guides.queries.kept import Kept, kept_edition, published_edition
from kitting.guides.queries.shapes import (
    ChecklistView,
    CompletionView,
    ItemView,
    LessonView,
    Outline,
    PhaseOnPage,
    PhaseView,
    RulesView,
    StepNotFoundError,
    StepPage,
    StepRow,
    SurveyView,
    TestView,
    TroubleView,
)
from kitting.guides.queries.voice import Voice, filled, step_line, voice
from kitting.guides.rules.words import matches
from kitting.guides.states import CheckType, Milestone

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kitting.guides.models import Step, Trouble


# What a check needs to know where its guide leaves it open.
CHECK_DEFAULTS: dict[str, dict[str, Any]] = {
    CheckType.IME_PRACTICE: {"expects": "{practice_word}OK123"},
    CheckType.LEAVE_AND_RETURN: {"seconds_away": 3},
    CheckType.OS_VERSION: {"minimum": "{min_os_milestone}"},
}


def applicable_steps(edition_id: int, flags: Mapping[str, str]) -> list[StepRow]:
    """Return the steps of an edition that apply for these flags, in order (no query once kept)."""
    return [
        StepRow(
            key=step.key,
            phase=step.phase,
            milestone=step.milestone,
            required=step.required,
            survives_swap=step.survives_swap,
            minutes=step.minutes,
            check_type=step.check_type,
        )
        for step in steps_of(kept_edition(edition_id), flags)
    ]


def step_page(
    edition_id: int,
    key: str,
    flags: Mapping[str, str],
    words: Mapping[str, str],
    language: str,
) -> StepPage:
    """Return everything the page of one step shows (no query once the edition is kept).

    `words` are the site's and, where known, the device's and the person's; a name without a word
    stays visible. Raises `StepNotFoundError`.
    """
    kept = kept_edition(edition_id)
    steps = steps_of(kept, flags)
    keys = [step.key for step in steps]
    if key not in keys:
        raise StepNotFoundError(key)
    at = keys.index(key)
    step = steps[at]
    say = Voice(words, language)
    return StepPage(
        key=key,
        number=at + 1,
        total=len(steps),
        phase=_phase_on_page(kept, steps, step, say),
        milestone=step.milestone,
        required=step.required,
        minutes=step.minutes,
        title=say.text(step.title),
        why=say.text(step.why),
        actions=say.lines(step.actions, flags),
        done_when=say.text(step.done_when),
        troubles=[
            TroubleView(
                index=trouble.position,
                symptom=say.text(trouble.symptom),
                attempt=say.text(trouble.attempt),
                call_it=say.text(trouble.call_it),
            )
            for trouble in kept.troubles.get(step.pk, ())
            if matches(trouble.when, flags)
        ],
        check_type=step.check_type,
        check=_check(step, say),
        illustration=step.illustration,
        previous_key=keys[at - 1] if at else "",
        next_key=keys[at + 1] if at + 1 < len(keys) else "",
    )


def outline(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> Outline:
    """Return the whole way at a glance (no query once the edition is kept)."""
    kept = kept_edition(edition_id)
    say = Voice(words, language)
    steps = steps_of(kept, flags)
    lines = [(step.phase, step_line(step, number, say)) for number, step in enumerate(steps, 1)]
    phases = []
    for phase in _phases(kept, steps):
        own = [line for name, line in lines if name == phase["key"]]
        phases.append(
            PhaseView(
                key=phase["key"],
                title=say.text(phase["title"]),
                note=say.text(phase["note"]),
                read_on=phase["read_on"],
                steps=own,
                minutes=sum(line.minutes for line in own if line.required),
            )
        )
    return Outline(
        title=say.text(kept.edition.title),
        about=say.text(kept.edition.about),
        phases=phases,
        steps_total=len(steps),
        minutes_total=sum(step.minutes for step in steps if step.required),
        minutes_to_ready=sum(
            step.minutes
            for step in steps
            if step.required and step.milestone == Milestone.READY
        ),
    )


def lessons(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> list[LessonView]:
    """Return the short lessons for later (no query once the edition is kept)."""
    say = Voice(words, language)
    return [
        LessonView(
            key=lesson.key,
            title=say.text(lesson.title),
            minutes=lesson.minutes,
            actions=say.lines(lesson.actions, flags),
            pairs=[(say.text(pair["before"]), say.text(pair["now"])) for pair in lesson.pairs],
        )
        for lesson in kept_edition(edition_id).lessons
    ]


def prepare_list(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> ChecklistView:
    """Return what is done on the old PC the day before (no query once the edition is kept)."""
    return _checklist(kept_edition(edition_id).edition.prepare, flags, Voice(words, language))


def return_list(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> ChecklistView:
    """Return what is left once the device can be used (no query once the edition is kept)."""
    return _checklist(kept_edition(edition_id).edition.returns, flags, Voice(words, language))


def _checklist(data: Mapping[str, Any], flags: Mapping[str, str], say: Voice) -> ChecklistView:
    return ChecklistView(
        title=say.text(data.get("title", {})),
        about=say.text(data.get("about", {})),
        items=[
            ItemView(
                key=item["key"],
                kind=item["kind"],
                minutes=item["minutes"],
                title=say.text(item["title"]),
                why=say.text(item["why"]),
                actions=say.lines(item["actions"], flags),
            )
            for item in data.get("items", [])
        ],
    )


def rules_of_use(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> RulesView | None:
    """Return the rules of use, where the guide has any (no query once the edition is kept)."""
    data = kept_edition(edition_id).edition.rules_of_use
    if not data.get("lines"):
        return None
    say = Voice(words, language)
    title, lines = say.text(data["title"]), say.lines(data["lines"], flags)
    shown = "\n".join([data["version"], title, *lines])
    return RulesView(data["version"], title, lines, hashlib.sha256(shown.encode()).hexdigest())


def test_out(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> TestView | None:
    """Return the short test, where the guide has one (no query once the edition is kept).

    Questions are as those of a quiz: number, question and choices (number, text, correct, reason).
    """
    kept = kept_edition(edition_id)
    data = kept.edition.test_out
    keys = {step.key for step in steps_of(kept, flags)} & set(data.get("steps", []))
    if not keys:
        return None
    say = Voice(words, language)
    asked = [row["question"] for row in data["questions"] if matches(row["when"], flags)]
    return TestView(say.text(data["about"]), frozenset(keys), _questions(asked, say))


def completion(edition_id: int, words: Mapping[str, str], language: str) -> CompletionView:
    """Return the last page (no query once the edition is kept)."""
    data = kept_edition(edition_id).edition.completion
    say = Voice(words, language)
    return CompletionView(
        title=say.text(data["title"]),
        body=say.text(data["body"]),
        confidence=say.text(data.get("confidence", {})),
        survey=[
            SurveyView(key=row["key"], type=row["type"], question=say.text(row["question"]))
            for row in data["survey"]
        ],
    )


def stuck_reasons(
    language: str, *, edition_id: int | None = None, words: Mapping[str, str] | None = None
) -> list[tuple[str, str]]:
    """Return the choices behind "I need help" as key and text: an edition's, else the published one's.

    One query to find the published edition. Nothing if there is no guide yet.
    """
    if edition_id is None:
        edition = published_edition()
        if edition is None:
            return []
        edition_id = edition.pk
    say = voice(language, words)
    rows = kept_edition(edition_id).edition.stuck_reasons
    return [(row["key"], say.text(row["text"])) for row in rows]


def troubles_of(kept: Kept, key: str) -> tuple[Trouble, ...]:
    """Return the troubles of a step, in the author's order."""
    step = next((step for step in kept.steps if step.key == key), None)
    return kept.troubles.get(step.pk, ()) if step else ()


def steps_of(kept: Kept, flags: Mapping[str, str]) -> list[Step]:
    """Return the steps that a site's flags leave in, in order."""
    return [step for step in kept.steps if matches(step.when, flags)]


def _phases(kept: Kept, steps: list[Step]) -> list[dict[str, Any]]:
    """Return the phases that have a step, in order."""
    used = {step.phase for step in steps}
    return [phase for phase in kept.edition.phases if phase["key"] in used]


def _phase_on_page(kept: Kept, steps: list[Step], step: Step, say: Voice) -> PhaseOnPage:
    phases = _phases(kept, steps)
    number = [phase["key"] for phase in phases].index(step.phase) + 1
    phase = phases[number - 1]
    return PhaseOnPage(
        key=step.phase,
        title=say.text(phase["title"]),
        note=say.text(phase["note"]),
        read_on=phase["read_on"],
        number=number,
        count=len(phases),
        positions=tuple(n for n, other in enumerate(steps, 1) if other.phase == step.phase),
    )


def _check(step: Step, say: Voice) -> dict[str, Any]:
    """Return what a check needs, in one language.

    Keys, where the check has them: fallback, expects, minimum, seconds_away, also (type, minimum) and
    questions, each with number, question and choices (number, text, correct, reason).
    """
    data = {**CHECK_DEFAULTS.get(step.check_type, {}), **step.check_data}
    check = {name: filled(value, say) for name, value in data.items() if name != "questions"}
    if "questions" in data:
        check["questions"] = _questions(data["questions"], say)
    return check


def _questions(rows: Iterable[Mapping[str, Any]], say: Voice) -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "question": say.text(row["question"]),
            "choices": [
                {
                    "number": n,
                    "text": say.text(choice["text"]),
                    "correct": choice["correct"],
                    "reason": say.text(choice["reason"]),
                }
                for n, choice in enumerate(row["choices"], 1)
            ],
        }
        for number, row in enumerate(rows, 1)
    ]
