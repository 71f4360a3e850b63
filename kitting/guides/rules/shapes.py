"""The guide as its file says it, piece by piece."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from kitting.guides.states import ProblemKind
    from kitting.site.rules import FlagDefinition, VariableDefinition

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    ja: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do, shown where its condition holds."""

    text: Text = field(metadata={"file": ""})
    when: str


@dataclass(frozen=True, slots=True)
class TroubleDraft:
    """What to try when a step does not work."""

    symptom: Text
    attempt: Text = field(metadata={"file": "try"})
    call_it: Text
    when: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a question, and why it is right or wrong."""

    text: Text = field(metadata={"file": ""})
    correct: bool
    reason: Text


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a quiz."""

    question: Text = field(metadata={"file": "q"})
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class AlsoCheck:
    """A second check that is looked at beside the first and stops nobody."""

    type: str
    minimum: str


@dataclass(frozen=True, slots=True)
class CheckDraft:
    """What proves that a step is done."""

    type: str
    fallback: str
    expects: str
    minimum: str
    seconds_away: int
    questions: tuple[Question, ...]
    also: AlsoCheck | None


@dataclass(frozen=True, slots=True)
class StepDraft:
    """One step."""

    key: str
    phase: str
    milestone: str
    required: bool
    survives_swap: bool
    when: str
    minutes: int
    title: Text
    why: Text
    actions: tuple[Line, ...]
    done_when: Text
    check: CheckDraft
    troubles: tuple[TroubleDraft, ...]
    illustration: str


@dataclass(frozen=True, slots=True)
class PhaseDraft:
    """One stretch of steps, and where it can be read."""

    key: str
    title: Text
    note: Text
    read_on: str


@dataclass(frozen=True, slots=True)
class Pair:
    """How something was done before, and how it is done now."""

    before: Text
    now: Text


@dataclass(frozen=True, slots=True)
class LessonDraft:
    """One short lesson for later."""

    key: str
    minutes: int
    title: Text
    actions: tuple[Line, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class SurveyQuestion:
    """One question at the end."""

    key: str
    type: str
    question: Text = field(metadata={"file": "q"})


@dataclass(frozen=True, slots=True)
class Completion:
    """What stands on the last page."""

    title: Text
    body: Text
    confidence: Text
    survey: tuple[SurveyQuestion, ...]


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """One thing beside the steps: on the old PC the day before, or once the device can be used."""

    key: str
    kind: str
    minutes: int
    title: Text
    why: Text
    actions: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Checklist:
    """A list beside the steps; it counts towards no milestone."""

    title: Text
    about: Text
    items: tuple[ItemDraft, ...]


@dataclass(frozen=True, slots=True)
class RulesOfUse:
    """What a person accepts; the version is noted with each acceptance."""

    version: str
    title: Text
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """One question of the test that may take the place of practice."""

    question: Question = field(metadata={"file": ""})
    when: str


@dataclass(frozen=True, slots=True)
class TestOut:
    """One minute for who knows it all, and which steps it takes the place of."""

    about: Text
    steps: tuple[str, ...]
    questions: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One choice behind "I need help"."""

    key: str
    text: Text = field(metadata={"file": ""})


@dataclass(frozen=True, slots=True)
class PaperSheet:
    """What stands on the printed sheet."""

    steps: tuple[str, ...]
    contents: tuple[str, ...]
    note: Text


@dataclass(frozen=True, slots=True)
class WordReading:
    """How a word with kanji is read wherever it stands in the guide."""

    word: str
    reading: str


@dataclass(frozen=True, slots=True)
class ErrorDraft:
    """One sentence on the Chromebook's screen, what it means, what to try, and who solves it.

    `step` is where it appears, or "any"; `also` are other words that lead here; `fine` says that nothing
    is broken; `it` is what IT does.
    """

    key: str = field(metadata={"file": "id"})
    step: str
    source: str
    sentence: Text
    also: tuple[str, ...]
    meaning: Text
    attempt: Text = field(metadata={"file": "try"})
    call: str
    fine: bool
    it: Text


@dataclass(frozen=True, slots=True)
class Beside:
    """The documents that stand beside a guide: words with their readings, errors on the screen."""

    readings: object = None
    errors: object = None


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing the author of a guide must mend, and where it stands."""

    path: str
    kind: ProblemKind
    detail: str = ""

    @property
    def sentence(self) -> str:
        """Return the problem as a plain sentence in the active language."""
        return str(self.kind.label) % {"detail": self.detail}


@dataclass(frozen=True, slots=True)
class GuideDraft:
    """A whole guide as its file says it, good or bad; `malformed` is what could not be taken in."""

    slug: str
    title: Text
    about: Text
    phases: tuple[PhaseDraft, ...]
    steps: tuple[StepDraft, ...]
    lessons: tuple[LessonDraft, ...] = field(metadata={"file": "extra_lessons"})
    completion: Completion
    stuck_reasons: tuple[Reason, ...]
    paper_sheet: PaperSheet
    prepare: Checklist
    returns: Checklist
    rules_of_use: RulesOfUse
    test_out: TestOut
    flags: tuple[FlagDefinition, ...]
    variables: tuple[VariableDefinition, ...]
    readings: tuple[WordReading, ...]
    errors: tuple[ErrorDraft, ...]
    malformed: tuple[Problem, ...]

    @property
    def digest(self) -> str:
        """Return what tells two editions apart: 64 hex digits over all but flags and variables."""
        content = asdict(self)
        for name in ("flags", "variables", "malformed"):
            del content[name]
        canonical = json.dumps(content, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


ANY_STEP = "any"
