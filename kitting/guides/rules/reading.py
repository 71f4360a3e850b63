"""Read a guide from the plain values of its file; every flaw is kept with its place."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kitting.guides.rules.shapes import (
    AlsoCheck,
    Beside,
    CheckDraft,
    Checklist,
    Choice,
    Completion,
    ErrorDraft,
    GuideDraft,
    ItemDraft,
    LessonDraft,
    Line,
    Pair,
    PaperSheet,
    PhaseDraft,
    Probe,
    Problem,
    Question,
    Reason,
    RulesOfUse,
    StepDraft,
    SurveyQuestion,
    T,
    TestOut,
    Text,
    TroubleDraft,
    WordReading,
)
from kitting.guides.rules.words import LANGUAGES
from kitting.guides.states import ItemKind, ProblemKind
from kitting.site.rules import FlagDefinition, VariableDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


LONGEST_EXAMPLE = 200
MOST_MINUTES = 240


_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


VALUE = re.compile(r"[A-Za-z0-9_.-]{1,40}")


_SOURCE = re.compile(r"([a-z]+)[\s,:;]*(.*)", re.DOTALL)


class _Reader:
    """Takes a document apart and notes what has the wrong shape, without ever giving up."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def note(self, path: str, kind: ProblemKind, detail: object = "") -> None:
        self.found.append(Problem(path.lstrip("."), kind, str(detail)))

    def mapping(self, value: object, path: str, known: Iterable[str] = ()) -> dict[str, Any]:
        if not isinstance(value, dict):
            kind = ProblemKind.MISSING if value is None else ProblemKind.NOT_A_MAPPING
            self.note(path, kind)
            return {}
        named = {str(key): item for key, item in value.items()}
        if known:
            for key in named.keys() - {*known}:
                self.note(f"{path}.{key}", ProblemKind.UNKNOWN_FIELD, key)
        return named

    def items(self, value: object, path: str, *, required: bool = False) -> list[Any]:
        if isinstance(value, list):
            if required and not value:
                self.note(path, ProblemKind.MISSING)
            return value
        if value is not None:
            self.note(path, ProblemKind.NOT_A_LIST)
        elif required:
            self.note(path, ProblemKind.MISSING)
        return []

    def word(self, value: object, path: str, *, required: bool = False) -> str:
        # YAML reads true, 150 and 2026-04-01 as something else than a text; here they are words.
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, (dict, list)):
            self.note(path, ProblemKind.NOT_A_TEXT)
            return ""
        text = "" if value is None else str(value).strip()
        if required and not text:
            self.note(path, ProblemKind.MISSING)
        return text

    def key(self, value: object, path: str) -> str:
        text = self.word(value, path, required=True)
        if text and not _KEY.fullmatch(text):
            self.note(path, ProblemKind.BAD_KEY, text)
        return text

    def text(self, value: object, path: str, *, required: bool = True) -> Text:
        if value is None and not required:
            return Text()
        if not isinstance(value, dict):
            self.note(path, ProblemKind.NOT_BILINGUAL)
            return Text()
        ja, en = (
            self.word(value.get(name), f"{path}.{name}", required=True) for name in LANGUAGES
        )
        return Text(ja, en)

    def plain(self, value: object, path: str) -> Text:
        """Read a text that must hold nothing but its languages."""
        if isinstance(value, dict):
            self.mapping(value, path, LANGUAGES)
        return self.text(value, path)

    def number(self, value: object, path: str, *, missing: int | None = None) -> int:
        if value is None and missing is not None:
            return missing
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not 0 < value <= MOST_MINUTES
        ):
            self.note(path, ProblemKind.BAD_NUMBER)
            return 1
        return value

    def switch(self, value: object, path: str, *, missing: bool) -> bool:
        if value is None:
            return missing
        if not isinstance(value, bool):
            self.note(path, ProblemKind.NOT_YES_OR_NO)
            return missing
        return value

    def each(self, value: object, path: str, read: Callable[[Any, str], T]) -> tuple[T, ...]:
        return tuple(
            read(item, f"{path}[{n}]") for n, item in enumerate(self.items(value, path))
        )


def read_guide(data: object, beside: Beside | None = None) -> GuideDraft:
    """Take in a guide's documents (what YAML makes of the files), whatever is wrong with them.

    `problems` then tells what their author must mend.
    """
    beside = beside or Beside()
    reader = _GuideReader()
    top = reader.mapping(data, "", TOP_FIELDS)
    guide = reader.mapping(top.get("guide"), "guide", GUIDE_FIELDS)
    return GuideDraft(
        slug=reader.key(guide.get("slug"), "guide.slug"),
        title=reader.plain(guide.get("title"), "guide.title"),
        about=reader.text(guide.get("about"), "guide.about", required=False),
        phases=reader.each(top.get("phases"), "phases", reader.phase),
        steps=tuple(
            reader.step(item, f"steps[{n}]")
            for n, item in enumerate(reader.items(top.get("steps"), "steps", required=True))
        ),
        lessons=reader.each(top.get("extra_lessons"), "extra_lessons", reader.lesson),
        completion=reader.completion(top.get("completion"), "completion"),
        stuck_reasons=reader.each(top.get("stuck_reasons"), "stuck_reasons", reader.reason),
        paper_sheet=reader.paper_sheet(top.get("paper_sheet"), "paper_sheet"),
        prepare=reader.checklist(top.get("prepare"), "prepare"),
        returns=reader.checklist(top.get("returns"), "returns"),
        rules_of_use=reader.rules_of_use(top.get("rules_of_use"), "rules_of_use"),
        test_out=reader.test_out(top.get("test_out"), "test_out"),
        flags=reader.flags(top.get("flags")),
        variables=reader.variables(top.get("variables")),
        readings=reader.readings(beside.readings),
        errors=reader.each(beside.errors, "errors", reader.error),
        malformed=tuple(reader.found),
    )


# check_types, rules_for_every_check and the fields of GUIDE_FIELDS beside slug, title and about are
# notes for people; they are not shown anywhere.
TOP_FIELDS = (
    *("schema", "guide", "variables", "flags", "phases", "steps", "extra_lessons"),
    *("completion", "stuck_reasons", "paper_sheet", "check_types", "rules_for_every_check"),
    *("prepare", "returns", "rules_of_use", "test_out"),
)
GUIDE_FIELDS = (
    *("slug", "title", "about"),
    *("version", "audience", "total_minutes", "verified_against"),
)
PHASE_FIELDS = ("id", "title", "note", "read_on")
STEP_FIELDS = (
    *("id", "phase", "milestone", "required", "survives_swap", "when", "minutes", "title"),
    *("why", "actions", "done_when", "check", "troubles", "illustration"),
)
CHECK_FIELDS = (
    *("type", "fallback", "expects", "minimum", "seconds_away", "questions", "also"),
    "decides",
)
ERROR_FIELDS = (
    *("id", "step", "source", "sentence", "also", "meaning", "try", "call", "fine", "it"),
)


class _GuideReader(_Reader):
    """Knows the parts of a guide by their names in the file."""

    def phase(self, value: object, path: str) -> PhaseDraft:
        row = self.mapping(value, path, PHASE_FIELDS)
        return PhaseDraft(
            key=self.key(row.get("id"), f"{path}.id"),
            title=self.plain(row.get("title"), f"{path}.title"),
            note=self.text(row.get("note"), f"{path}.note", required=False),
            read_on=self.word(row.get("read_on"), f"{path}.read_on", required=True),
        )

    def step(self, value: object, path: str) -> StepDraft:
        row = self.mapping(value, path, STEP_FIELDS)
        return StepDraft(
            key=self.key(row.get("id"), f"{path}.id"),
            phase=self.word(row.get("phase"), f"{path}.phase", required=True),
            milestone=self.word(row.get("milestone"), f"{path}.milestone", required=True),
            required=self.switch(row.get("required"), f"{path}.required", missing=True),
            survives_swap=self.switch(
                row.get("survives_swap"), f"{path}.survives_swap", missing=False
            ),
            when=self.word(row.get("when"), f"{path}.when"),
            minutes=self.number(row.get("minutes"), f"{path}.minutes"),
            title=self.plain(row.get("title"), f"{path}.title"),
            why=self.text(row.get("why"), f"{path}.why", required=False),
            actions=self.lines(row.get("actions"), f"{path}.actions"),
            done_when=self.plain(row.get("done_when"), f"{path}.done_when"),
            check=self.check(row.get("check"), f"{path}.check"),
            troubles=self.each(row.get("troubles"), f"{path}.troubles", self.trouble),
            illustration=self.word(row.get("illustration"), f"{path}.illustration"),
        )

    def lines(self, value: object, path: str) -> tuple[Line, ...]:
        rows = self.items(value, path, required=True)
        return tuple(self.line(row, f"{path}[{n}]") for n, row in enumerate(rows))

    def line(self, value: object, path: str) -> Line:
        row = value if isinstance(value, dict) else {}
        self.mapping(row, path, (*LANGUAGES, "when"))
        return Line(
            text=self.text(value, path), when=self.word(row.get("when"), f"{path}.when")
        )

    def trouble(self, value: object, path: str) -> TroubleDraft:
        row = self.mapping(value, path, ("symptom", "try", "call_it", "when"))
        return TroubleDraft(
            symptom=self.plain(row.get("symptom"), f"{path}.symptom"),
            attempt=self.plain(row.get("try"), f"{path}.try"),
            call_it=self.text(row.get("call_it"), f"{path}.call_it", required=False),
            when=self.word(row.get("when"), f"{path}.when"),
        )

    def check(self, value: object, path: str) -> CheckDraft:
        row = self.mapping(value, path, CHECK_FIELDS)
        also = row.get("also")
        return CheckDraft(
            type=self.word(row.get("type"), f"{path}.type", required=True),
            fallback=self.word(row.get("fallback"), f"{path}.fallback"),
            expects=self.word(row.get("expects"), f"{path}.expects"),
            minimum=self.word(row.get("minimum"), f"{path}.minimum"),
            seconds_away=self.number(
                row.get("seconds_away"), f"{path}.seconds_away", missing=0
            ),
            questions=self.each(row.get("questions"), f"{path}.questions", self.question),
            also=None if also is None else self.also(also, f"{path}.also"),
        )

    def also(self, value: object, path: str) -> AlsoCheck:
        row = self.mapping(value, path, ("type", "minimum", "decides"))
        return AlsoCheck(
            type=self.word(row.get("type"), f"{path}.type", required=True),
            minimum=self.word(row.get("minimum"), f"{path}.minimum"),
        )

    def question(self, value: object, path: str) -> Question:
        return self.asked(self.mapping(value, path, ("q", "choices")), path)

    def asked(self, row: dict[str, Any], path: str) -> Question:
        choices = self.items(row.get("choices"), f"{path}.choices", required=True)
        return Question(
            question=self.plain(row.get("q"), f"{path}.q"),
            choices=tuple(
                self.choice(item, f"{path}.choices[{n}]") for n, item in enumerate(choices)
            ),
        )

    def choice(self, value: object, path: str) -> Choice:
        row = self.mapping(value, path, (*LANGUAGES, "correct", "reason"))
        return Choice(
            text=self.text(row, path),
            correct=self.switch(row.get("correct"), f"{path}.correct", missing=False),
            reason=self.text(row.get("reason"), f"{path}.reason", required=False),
        )

    def lesson(self, value: object, path: str) -> LessonDraft:
        row = self.mapping(value, path, ("id", "minutes", "title", "actions", "pairs"))
        return LessonDraft(
            key=self.key(row.get("id"), f"{path}.id"),
            minutes=self.number(row.get("minutes"), f"{path}.minutes"),
            title=self.plain(row.get("title"), f"{path}.title"),
            actions=self.lines(row.get("actions"), f"{path}.actions"),
            pairs=self.each(row.get("pairs"), f"{path}.pairs", self.pair),
        )

    def pair(self, value: object, path: str) -> Pair:
        row = self.mapping(value, path, ("before", "now"))
        return Pair(
            before=self.plain(row.get("before"), f"{path}.before"),
            now=self.plain(row.get("now"), f"{path}.now"),
        )

    def checklist(self, value: object, path: str) -> Checklist:
        row = self.mapping({} if value is None else value, path, ("title", "about", "items"))
        return Checklist(
            title=self.text(row.get("title"), f"{path}.title", required=bool(row)),
            about=self.text(row.get("about"), f"{path}.about", required=False),
            items=self.each(row.get("items"), f"{path}.items", self.item),
        )

    def item(self, value: object, path: str) -> ItemDraft:
        row = self.mapping(value, path, ("id", "kind", "minutes", "title", "why", "actions"))
        return ItemDraft(
            key=self.key(row.get("id"), f"{path}.id"),
            kind=self.word(row.get("kind"), f"{path}.kind") or ItemKind.TICK,
            minutes=self.number(row.get("minutes"), f"{path}.minutes"),
            title=self.plain(row.get("title"), f"{path}.title"),
            why=self.text(row.get("why"), f"{path}.why", required=False),
            actions=self.lines(row.get("actions"), f"{path}.actions"),
        )

    def rules_of_use(self, value: object, path: str) -> RulesOfUse:
        row = self.mapping({} if value is None else value, path, ("version", "title", "lines"))
        return RulesOfUse(
            version=self.key(row.get("version"), f"{path}.version") if row else "",
            title=self.text(row.get("title"), f"{path}.title", required=bool(row)),
            lines=self.lines(row.get("lines"), f"{path}.lines") if row else (),
        )

    def test_out(self, value: object, path: str) -> TestOut:
        row = self.mapping(
            {} if value is None else value, path, ("about", "steps", "questions")
        )
        return TestOut(
            about=self.text(row.get("about"), f"{path}.about", required=bool(row)),
            steps=self.each(row.get("steps"), f"{path}.steps", self.word),
            questions=self.each(row.get("questions"), f"{path}.questions", self.probe),
        )

    def probe(self, value: object, path: str) -> Probe:
        row = self.mapping(value, path, ("q", "choices", "when"))
        return Probe(
            question=self.asked(row, path), when=self.word(row.get("when"), f"{path}.when")
        )

    def completion(self, value: object, path: str) -> Completion:
        row = self.mapping(value, path, ("title", "body", "confidence", "survey"))
        return Completion(
            title=self.plain(row.get("title"), f"{path}.title"),
            body=self.plain(row.get("body"), f"{path}.body"),
            confidence=self.text(row.get("confidence"), f"{path}.confidence", required=False),
            survey=self.each(row.get("survey"), f"{path}.survey", self.survey),
        )

    def survey(self, value: object, path: str) -> SurveyQuestion:
        row = self.mapping(value, path, ("id", "type", "q"))
        return SurveyQuestion(
            key=self.key(row.get("id"), f"{path}.id"),
            type=self.word(row.get("type"), f"{path}.type", required=True),
            question=self.plain(row.get("q"), f"{path}.q"),
        )

    def reason(self, value: object, path: str) -> Reason:
        row = self.mapping(value, path, ("id", *LANGUAGES))
        return Reason(key=self.key(row.get("id"), f"{path}.id"), text=self.text(row, path))

    def paper_sheet(self, value: object, path: str) -> PaperSheet:
        row = self.mapping({} if value is None else value, path, ("steps", "contents", "note"))
        return PaperSheet(
            steps=self.each(row.get("steps"), f"{path}.steps", self.word),
            contents=self.each(row.get("contents"), f"{path}.contents", self.word),
            note=self.text(row.get("note"), f"{path}.note", required=False),
        )

    def readings(self, value: object) -> tuple[WordReading, ...]:
        rows = self.mapping({} if value is None else value, "readings")
        return tuple(
            WordReading(word, self.word(reading, f"readings.{word}", required=True))
            for word, reading in sorted(rows.items())
        )

    def error(self, value: object, path: str) -> ErrorDraft:
        row = self.mapping(value, path, ERROR_FIELDS)
        return ErrorDraft(
            key=self.key(row.get("id"), f"{path}.id"),
            step=self.word(row.get("step"), f"{path}.step", required=True),
            source=self.word(row.get("source"), f"{path}.source"),
            sentence=self.plain(row.get("sentence"), f"{path}.sentence"),
            also=self.each(row.get("also"), f"{path}.also", self.word),
            meaning=self.plain(row.get("meaning"), f"{path}.meaning"),
            attempt=self.plain(row.get("try"), f"{path}.try"),
            call=self.word(row.get("call"), f"{path}.call", required=True),
            fine=self.switch(row.get("fine"), f"{path}.fine", missing=False),
            it=self.text(row.get("it"), f"{path}.it", required=False),
        )

    def flags(self, value: object) -> tuple[FlagDefinition, ...]:
        rows = self.mapping({} if value is None else value, "flags")
        return tuple(self.flag(key, row, n) for n, (key, row) in enumerate(rows.items(), 1))

    def flag(self, key: str, value: object, position: int) -> FlagDefinition:
        path = f"flags.{key}"
        row = self.mapping(value, path, ("values", "default", "note"))
        return FlagDefinition(
            key=self.key(key, path),
            values=self.each(row.get("values"), f"{path}.values", self.word),
            default=self.word(row.get("default"), f"{path}.default", required=True),
            note=self.word(row.get("note"), f"{path}.note"),
            position=position,
        )

    def variables(self, value: object) -> tuple[VariableDefinition, ...]:
        rows = self.mapping({} if value is None else value, "variables")
        return tuple(self.variable(key, row, n) for n, (key, row) in enumerate(rows.items(), 1))

    def variable(self, key: str, value: object, position: int) -> VariableDefinition:
        """Read a variable: named fields, or the short form [example, "source, note"]."""
        path = f"variables.{key}"
        if isinstance(value, list):
            example, source, *_rest = [*value, "", ""]
            value = {"example": example, "source": source}
        row = self.mapping(value, path, ("example", "example_en", "source", "note"))
        source = self.word(row.get("source"), f"{path}.source", required=True)
        named = _SOURCE.fullmatch(source)
        return VariableDefinition(
            key=self.key(key, path),
            example=self.word(row.get("example"), f"{path}.example", required=True),
            source=named[1] if named else source,
            example_en=self.word(row.get("example_en"), f"{path}.example_en"),
            note=self.word(row.get("note"), f"{path}.note") or (named[2] if named else ""),
            position=position,
        )
