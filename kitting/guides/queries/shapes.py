"""What pages get of a guide: plain values, in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TROUBLE = "trouble-"


class StepNotFoundError(LookupError):
    """The edition has no such step, or not for these flags."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step that applies, as the journey's plan sees it."""

    key: str
    phase: str
    milestone: str
    required: bool
    survives_swap: bool
    minutes: int
    check_type: str


@dataclass(frozen=True, slots=True)
class PhaseOnPage:
    """The phase a step stands in: which of how many, and the numbers of its steps."""

    key: str
    title: str
    note: str
    read_on: str
    number: int
    count: int
    positions: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TroubleView:
    """One hint; `index` counts from 1 in the edition, hidden hints included, and so is stable."""

    index: int
    symptom: str
    attempt: str
    call_it: str


@dataclass(frozen=True, slots=True)
class StepPage:
    """Everything the page of one step shows; `number` counts from 1 among the steps that apply."""

    key: str
    number: int
    total: int
    phase: PhaseOnPage
    milestone: str
    required: bool
    minutes: int
    title: str
    why: str
    actions: list[str]
    done_when: str
    troubles: list[TroubleView]
    check_type: str
    check: dict[str, Any]
    illustration: str
    previous_key: str
    next_key: str


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step in a list."""

    key: str
    number: int
    title: str
    minutes: int
    required: bool
    milestone: str


@dataclass(frozen=True, slots=True)
class PhaseView:
    """A phase with its steps."""

    key: str
    title: str
    note: str
    read_on: str
    steps: list[StepLine]
    minutes: int


@dataclass(frozen=True, slots=True)
class Outline:
    """The whole way at a glance; minutes count required steps only."""

    title: str
    about: str
    phases: list[PhaseView]
    steps_total: int
    minutes_total: int
    minutes_to_ready: int


@dataclass(frozen=True, slots=True)
class LessonView:
    """A short lesson for later."""

    key: str
    title: str
    minutes: int
    actions: list[str]
    pairs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ItemView:
    """One thing beside the steps; `kind` is one of ItemKind."""

    key: str
    kind: str
    minutes: int
    title: str
    why: str
    actions: list[str]


@dataclass(frozen=True, slots=True)
class ChecklistView:
    """What is done the day before, or once the device can be used."""

    title: str
    about: str
    items: list[ItemView]


@dataclass(frozen=True, slots=True)
class RulesView:
    """The rules of use as somebody reads them; `digest` tells two texts apart."""

    version: str
    title: str
    lines: list[str]
    digest: str


@dataclass(frozen=True, slots=True)
class TestView:
    """The short test, and which steps it takes the place of."""

    about: str
    steps: frozenset[str]
    questions: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class SurveyView:
    """One question at the end; `type` is scale_1_5, step_choice or text_optional."""

    key: str
    type: str
    question: str


@dataclass(frozen=True, slots=True)
class CompletionView:
    """The last page."""

    title: str
    body: str
    confidence: str
    survey: list[SurveyView]


@dataclass(frozen=True, slots=True)
class ErrorView:
    """A sentence on the Chromebook's screen and what it means; step and its title are empty for any.

    `other` is the sentence on a screen in the other language; `call` is self, both or it.
    """

    key: str
    step: str
    step_title: str
    sentence: str
    other: str
    meaning: str
    attempt: str
    call: str
    fine: bool
    for_it: str
