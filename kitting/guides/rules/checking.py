"""What is wrong with a guide that can be read: each problem with its place and kind."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from kitting.guides.rules.reading import LONGEST_EXAMPLE, VALUE
from kitting.guides.rules.shapes import (
    ANY_STEP,
    CheckDraft,
    Checklist,
    GuideDraft,
    PhaseDraft,
    Problem,
    StepDraft,
    TestOut,
)
from kitting.guides.rules.words import BRACED, LONGEST_CONDITION, Comparison, fill, parse_when
from kitting.guides.states import Call, CheckType, ItemKind, Milestone, ProblemKind, ReadOn
from kitting.lib.ruby import align, bad_marks, has_kanji, marked
from kitting.site.states import VariableSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from kitting.site.rules import FlagDefinition, VariableDefinition


PREPARING = (ItemKind.TICK, ItemKind.MACROS, ItemKind.TIME)
RETURNING = (ItemKind.TICK, ItemKind.OLD_PC, ItemKind.RULES)


def problems(draft: GuideDraft) -> list[Problem]:
    """Return everything a guide's author must mend, by path."""
    found = {
        *draft.malformed,
        *_flag_problems(draft.flags),
        *_variable_problems(draft.variables),
        *_phase_problems(draft.phases),
        *_order_problems(draft),
        *_step_problems(draft.steps),
        *_doubles(draft),
        *_name_problems(draft),
        *_condition_problems(draft),
        *_reading_problems(draft),
        *_error_problems(draft),
    }
    keys = {step.key for step in draft.steps}
    found.update(
        Problem(f"paper_sheet.steps[{n}]", ProblemKind.UNKNOWN_STEP, key)
        for n, key in enumerate(draft.paper_sheet.steps)
        if key not in keys
    )
    found.update(_beside_problems(draft, keys))
    return sorted(found, key=lambda p: (_natural(p.path), p.kind, p.detail))


def _beside_problems(draft: GuideDraft, keys: set[str]) -> Iterator[Problem]:
    """Yield what is wrong with what stands beside the steps."""
    yield from _item_problems("prepare", draft.prepare, PREPARING)
    yield from _item_problems("returns", draft.returns, RETURNING)
    if _asks_for_rules(draft) and not draft.rules_of_use.lines:
        yield Problem("rules_of_use.lines", ProblemKind.MISSING)
    for n, key in enumerate(draft.test_out.steps):
        if key not in keys:
            yield Problem(f"test_out.steps[{n}]", ProblemKind.UNKNOWN_STEP, key)
    yield from _probe_problems(draft.test_out)


def _asks_for_rules(draft: GuideDraft) -> bool:
    return any(item.kind == ItemKind.RULES for item in draft.returns.items)


def _item_problems(
    name: str, checklist: Checklist, kinds: tuple[ItemKind, ...]
) -> Iterator[Problem]:
    for n, item in enumerate(checklist.items):
        if item.kind not in kinds:
            yield Problem(f"{name}.items[{n}].kind", ProblemKind.UNKNOWN_KIND, item.kind)


def _probe_problems(test: TestOut) -> Iterator[Problem]:
    if test.steps and not test.questions:
        yield Problem("test_out.questions", ProblemKind.MISSING)
    for n, probe in enumerate(test.questions):
        choices = probe.question.choices
        if choices and not any(choice.correct for choice in choices):
            yield Problem(f"test_out.questions[{n}].choices", ProblemKind.NO_RIGHT_CHOICE)


def _natural(path: str) -> list[tuple[str, int]]:
    return [(text, int(part or 0)) for text, part in re.findall(r"(\D+)(\d*)", path)]


def parts_of(node: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every part of a draft with its path in the file."""
    if not is_dataclass(node):
        return
    yield path, node
    for item in fields(node):
        value = getattr(node, item.name)
        below = f"{path}.{item.metadata.get('file', item.name)}".strip(".")
        if isinstance(value, tuple):
            for n, part in enumerate(value):
                yield from parts_of(part, f"{below}[{n}]")
        else:
            yield from parts_of(value, below)


def texts_of(draft: GuideDraft) -> Iterator[tuple[str, str]]:
    """Return every text that may hold words in braces, with its path."""
    for path, node in parts_of(draft):
        for name in ("ja", "en", "expects", "minimum"):
            text = getattr(node, name, "")
            if text:
                yield f"{path}.{name}", text


def japanese_of(draft: GuideDraft) -> list[str]:
    """Return every Japanese text an employee meets in a guide, with the examples as its words."""
    words = {variable.key: variable.example for variable in draft.variables}
    found = [
        text
        for path, text in texts_of(draft)
        if path.endswith(".ja") and not path.endswith(".it.ja")
    ]
    return [marked(text, lambda part: fill(part, words)) for text in (*found, *words.values())]


def _name_problems(draft: GuideDraft) -> Iterator[Problem]:
    known = {variable.key for variable in draft.variables}
    for path, text in texts_of(draft):
        for name in BRACED.findall(text):
            if name not in known and "|" not in name:
                yield Problem(path, ProblemKind.UNKNOWN_VARIABLE, name)


def _error_problems(draft: GuideDraft) -> Iterator[Problem]:
    places = {ANY_STEP, *(step.key for step in draft.steps)}
    for n, error in enumerate(draft.errors):
        if error.step and error.step not in places:
            yield Problem(f"errors[{n}].step", ProblemKind.UNKNOWN_STEP, error.step)
        if error.call and error.call not in Call.values:
            yield Problem(f"errors[{n}].call", ProblemKind.UNKNOWN_CALL, error.call)


def _reading_problems(draft: GuideDraft) -> Iterator[Problem]:
    for path, text in texts_of(draft):
        for mark in bad_marks(text):
            yield Problem(path, ProblemKind.BAD_MARK, mark)
    for entry in draft.readings:
        fits = has_kanji(entry.word) and align(entry.word, entry.reading) is not None
        if entry.reading and not fits:
            path = f"readings.{entry.word}"
            yield Problem(path, ProblemKind.BAD_READING, entry.reading)


def _condition_problems(draft: GuideDraft) -> Iterator[Problem]:
    flags = {flag.key: flag for flag in draft.flags}
    for path, node in parts_of(draft):
        when = getattr(node, "when", "")
        where = f"{path}.when"
        if len(when) > LONGEST_CONDITION:
            yield Problem(where, ProblemKind.TOO_LONG, str(LONGEST_CONDITION))
        elif (alternatives := parse_when(when)) is None:
            yield Problem(where, ProblemKind.UNREADABLE_CONDITION, when)
        else:
            for comparison in (c for row in alternatives for c in row):
                yield from _comparison_problems(where, comparison, flags)


def _comparison_problems(
    path: str, comparison: Comparison, flags: Mapping[str, FlagDefinition]
) -> Iterator[Problem]:
    flag = flags.get(comparison.flag)
    if flag is None:
        yield Problem(path, ProblemKind.UNKNOWN_FLAG, comparison.flag)
    elif comparison.value not in flag.values:
        detail = f"{comparison.flag} = {comparison.value}"
        yield Problem(path, ProblemKind.UNKNOWN_VALUE, detail)


def _flag_problems(flags: Iterable[FlagDefinition]) -> Iterator[Problem]:
    for flag in flags:
        path = f"flags.{flag.key}"
        if flag.default and flag.default not in flag.values:
            yield Problem(f"{path}.default", ProblemKind.UNKNOWN_DEFAULT, flag.default)
        for n, value in enumerate(flag.values):
            if not VALUE.fullmatch(value):
                yield Problem(f"{path}.values[{n}]", ProblemKind.BAD_KEY, value)


def _variable_problems(variables: Iterable[VariableDefinition]) -> Iterator[Problem]:
    for variable in variables:
        path = f"variables.{variable.key}"
        if variable.source and variable.source not in VariableSource.values:
            yield Problem(f"{path}.source", ProblemKind.UNKNOWN_SOURCE, variable.source)
        for name in ("example", "example_en", "note"):
            if len(getattr(variable, name)) > LONGEST_EXAMPLE:
                yield Problem(f"{path}.{name}", ProblemKind.TOO_LONG, str(LONGEST_EXAMPLE))


def _phase_problems(phases: Iterable[PhaseDraft]) -> Iterator[Problem]:
    for n, phase in enumerate(phases):
        if phase.read_on and phase.read_on not in ReadOn.values:
            yield Problem(f"phases[{n}].read_on", ProblemKind.UNKNOWN_PLACE, phase.read_on)


def _order_problems(draft: GuideDraft) -> Iterator[Problem]:
    order = {phase.key: n for n, phase in enumerate(draft.phases)}
    reached = 0
    for n, step in enumerate(draft.steps):
        place = order.get(step.phase, -1)
        if step.phase and place < 0:
            yield Problem(f"steps[{n}].phase", ProblemKind.UNKNOWN_PHASE, step.phase)
        elif 0 <= place < reached:
            yield Problem(f"steps[{n}].phase", ProblemKind.PHASE_ORDER, step.phase)
        reached = max(reached, place)


def _step_problems(steps: Iterable[StepDraft]) -> Iterator[Problem]:
    for n, step in enumerate(steps):
        path = f"steps[{n}]"
        if step.milestone and step.milestone not in Milestone.values:
            yield Problem(f"{path}.milestone", ProblemKind.UNKNOWN_MILESTONE, step.milestone)
        yield from _check_problems(f"{path}.check", step.check)
        yield from _question_problems(f"{path}.check.questions", step.check)


def _check_problems(path: str, check: CheckDraft) -> Iterator[Problem]:
    also = check.also.type if check.also else ""
    for where, kind in ((f"{path}.type", check.type), (f"{path}.also.type", also)):
        if kind and kind not in CheckType.values:
            yield Problem(where, ProblemKind.UNKNOWN_CHECK, kind)


def _question_problems(path: str, check: CheckDraft) -> Iterator[Problem]:
    if check.type == CheckType.QUIZ and not check.questions:
        yield Problem(path, ProblemKind.MISSING)
    for n, question in enumerate(check.questions):
        if question.choices and not any(choice.correct for choice in question.choices):
            yield Problem(f"{path}[{n}].choices", ProblemKind.NO_RIGHT_CHOICE)


def _doubles(draft: GuideDraft) -> Iterator[Problem]:
    named: dict[str, Iterable[Any]] = {
        "phases": draft.phases,
        "steps": draft.steps,
        "extra_lessons": draft.lessons,
        "stuck_reasons": draft.stuck_reasons,
        "completion.survey": draft.completion.survey,
        "prepare.items": draft.prepare.items,
        "returns.items": draft.returns.items,
        "errors": draft.errors,
    }
    for path, rows in named.items():
        seen: Counter[str] = Counter()
        for n, row in enumerate(rows):
            seen[row.key] += 1
            if row.key and seen[row.key] > 1:
                yield Problem(f"{path}[{n}].id", ProblemKind.DUPLICATE, row.key)
