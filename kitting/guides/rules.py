"""What a guide is: read from its file, checked, shown where its conditions hold, filled with words."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from kitting.guides.states import Call, CheckType, ItemKind, Milestone, ProblemKind, ReadOn
from kitting.lib.ruby import align, bad_marks, has_kanji, marked
from kitting.site.rules import FlagDefinition, VariableDefinition
from kitting.site.states import VariableSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

T = TypeVar("T")

LANGUAGES = ("ja", "en")
LONGEST_CONDITION = 200
LONGEST_EXAMPLE = 200
MOST_MINUTES = 240

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_VALUE = re.compile(r"[A-Za-z0-9_.-]{1,40}")
_BRACED = re.compile(r"\{([^{}]*)\}")
_COMPARISON = re.compile(r"([a-z][a-z0-9_]*) ?(==|!=) ?([A-Za-z0-9_.-]+)")
_SOURCE = re.compile(r"([a-z]+)[\s,:;]*(.*)", re.DOTALL)


# --- words ---------------------------------------------------------------------------------------


def fill(text: str, words: Mapping[str, str]) -> str:
    """Put the site's and the device's words into a text.

    A name nobody gave a word for stays visible as it is. Words are put in once: braces inside a word
    stay braces. Escaping is the template's part.
    """
    return _VARIABLE.sub(lambda found: str(words.get(found[1], found[0])), text)


# --- conditions ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """One flag and the value it must or must not have."""

    flag: str
    is_equal: bool
    value: str


@lru_cache(maxsize=512)
def parse_when(when: str) -> tuple[tuple[Comparison, ...], ...] | None:
    """Return the alternatives of a condition, each a row of comparisons that must all hold.

    `and` binds tighter than `or`. Nothing written means always: one empty row. None if unreadable.
    """
    text = " ".join(when.split())
    if not text:
        return ((),)
    rows = []
    for alternative in text.split(" or "):
        found = [_COMPARISON.fullmatch(part) for part in alternative.split(" and ")]
        row = tuple(Comparison(m[1], m[2] == "==", m[3]) for m in found if m)
        if len(row) < len(found):
            return None
        rows.append(row)
    return tuple(rows)


def matches(when: str, flags: Mapping[str, str]) -> bool:
    """Tell whether a condition holds for a site's flags.

    What cannot be read holds: a line too many does less harm than a missing one.
    """
    alternatives = parse_when(when)
    return alternatives is None or any(
        all((flags.get(c.flag, "") == c.value) is c.is_equal for c in row)
        for row in alternatives
    )


# --- the guide as its file says it ---------------------------------------------------------------


# A part whose name differs in the file carries that name; "" stands for no name of its own.


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


# --- reading -------------------------------------------------------------------------------------


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
ANY_STEP = "any"


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


PREPARING = (ItemKind.TICK, ItemKind.MACROS, ItemKind.TIME)
RETURNING = (ItemKind.TICK, ItemKind.OLD_PC, ItemKind.RULES)


# --- checking ------------------------------------------------------------------------------------


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
        for name in _BRACED.findall(text):
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
            if not _VALUE.fullmatch(value):
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
