"""What a page asks about a guide: in one language, filtered by flags, filled with words.

Published editions never change, so each is read once a process and kept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q

from kitting.guides.models import Edition, Step, StepNote, Trouble
from kitting.guides.rules import ANY_STEP, LANGUAGES, fill, matches
from kitting.guides.states import CheckType, EditionState, Milestone
from kitting.lib.finder import best
from kitting.lib.ruby import Readings, aloud, marked
from kitting.site.queries import own_readings
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from kitting.guides.rules import GuideDraft

KEPT_EDITIONS = 16
TROUBLE = "trouble-"
# What fits so much worse than the best is not shown beside it.
NEAR_BEST = 1.0

# What a check needs to know where its guide leaves it open.
CHECK_DEFAULTS: dict[str, dict[str, Any]] = {
    CheckType.IME_PRACTICE: {"expects": "{practice_word}OK123"},
    CheckType.LEAVE_AND_RETURN: {"seconds_away": 3},
    CheckType.OS_VERSION: {"minimum": "{min_os_milestone}"},
}


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


@dataclass(frozen=True, slots=True)
class _Kept:
    """One edition with everything below it."""

    edition: Edition
    steps: tuple[Step, ...]
    troubles: dict[int, tuple[Trouble, ...]]
    lessons: tuple[Any, ...]
    readings: Readings


_kept: dict[int, _Kept] = {}
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
    edition = _edition(edition_id).edition
    return [
        text.get(language) or text.get(other, "")
        for text, until in found.get((edition.guide_id, key), [])
        if until is None or edition.number < until
    ]


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
    edition_id = edition_id or _published_id()
    return Readings(own_readings()) if edition_id is None else _edition(edition_id).readings


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
        for step in _steps(_edition(edition_id), flags)
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
    kept = _edition(edition_id)
    steps = _steps(kept, flags)
    keys = [step.key for step in steps]
    if key not in keys:
        raise StepNotFoundError(key)
    at = keys.index(key)
    step = steps[at]
    say = _Voice(words, language)
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
    kept = _edition(edition_id)
    say = _Voice(words, language)
    steps = _steps(kept, flags)
    lines = [(step.phase, _line(step, number, say)) for number, step in enumerate(steps, 1)]
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
    say = _Voice(words, language)
    return [
        LessonView(
            key=lesson.key,
            title=say.text(lesson.title),
            minutes=lesson.minutes,
            actions=say.lines(lesson.actions, flags),
            pairs=[(say.text(pair["before"]), say.text(pair["now"])) for pair in lesson.pairs],
        )
        for lesson in _edition(edition_id).lessons
    ]


def prepare_list(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> ChecklistView:
    """Return what is done on the old PC the day before (no query once the edition is kept)."""
    return _checklist(_edition(edition_id).edition.prepare, flags, _Voice(words, language))


def return_list(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> ChecklistView:
    """Return what is left once the device can be used (no query once the edition is kept)."""
    return _checklist(_edition(edition_id).edition.returns, flags, _Voice(words, language))


def _checklist(data: Mapping[str, Any], flags: Mapping[str, str], say: _Voice) -> ChecklistView:
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
    data = _edition(edition_id).edition.rules_of_use
    if not data.get("lines"):
        return None
    say = _Voice(words, language)
    title, lines = say.text(data["title"]), say.lines(data["lines"], flags)
    shown = "\n".join([data["version"], title, *lines])
    return RulesView(data["version"], title, lines, hashlib.sha256(shown.encode()).hexdigest())


def test_out(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> TestView | None:
    """Return the short test, where the guide has one (no query once the edition is kept).

    Questions are as those of a quiz: number, question and choices (number, text, correct, reason).
    """
    kept = _edition(edition_id)
    data = kept.edition.test_out
    keys = {step.key for step in _steps(kept, flags)} & set(data.get("steps", []))
    if not keys:
        return None
    say = _Voice(words, language)
    asked = [row["question"] for row in data["questions"] if matches(row["when"], flags)]
    return TestView(say.text(data["about"]), frozenset(keys), _questions(asked, say))


def completion(edition_id: int, words: Mapping[str, str], language: str) -> CompletionView:
    """Return the last page (no query once the edition is kept)."""
    data = _edition(edition_id).edition.completion
    say = _Voice(words, language)
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
    say = _voice(language, words)
    rows = _edition(edition_id).edition.stuck_reasons
    return [(row["key"], say.text(row["text"])) for row in rows]


# --- for lists and messages: the site's own words are looked up only where a text needs them ------


def step_lines(edition_id: int, language: str) -> list[StepLine]:
    """Return every step of an edition, whatever the flags; `number` is its place in the edition."""
    say = _Voice(_SiteWords(language), language)
    return [_line(step, step.position, say) for step in _edition(edition_id).steps]


def step_title(edition_id: int | None, key: str) -> dict[str, str]:
    """Return the title of a step in both languages; empty if there is no such step."""
    steps = _edition(edition_id).steps if edition_id else ()
    title = next((step.title for step in steps if step.key == key), None)
    if title is None:
        return {}
    return {code: _Voice(_SiteWords(code), code).text(title) for code in LANGUAGES}


def step_name(
    edition_id: int | None, key: str, language: str, *, words: Mapping[str, str] | None = None
) -> str:
    """Return the title of a step in one language; empty if there is no such step.

    With the site's `words` at hand a list of titles costs no query once the edition is kept.
    """
    steps = _edition(edition_id).steps if edition_id else ()
    title = next((step.title for step in steps if step.key == key), None)
    return _voice(language, words).text(title) if title else ""


def trouble_choices(
    edition_id: int, key: str, flags: Mapping[str, str], language: str
) -> list[tuple[str, str]]:
    """Return a step's own troubles as choices of "I need help": trouble-<index> and the symptom."""
    say = _Voice(_SiteWords(language), language)
    return [
        (f"{TROUBLE}{trouble.position}", say.text(trouble.symptom))
        for trouble in _troubles(_edition(edition_id), key)
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
    say = _voice(language, words)
    return next(
        (
            say.text(trouble.symptom)
            for trouble in _troubles(_edition(edition_id), key)
            if f"{TROUBLE}{trouble.position}" == choice
        ),
        "",
    )


def errors(
    edition_id: int | None, language: str, *, words: Mapping[str, str] | None = None
) -> list[ErrorView]:
    """Return the errors an edition knows, the published one where none is named, in its order."""
    edition_id = edition_id or _published_id()
    say = _voice(language, words)
    return [_error(row, say, edition_id) for row in _errors(edition_id)]


def find_errors(
    edition_id: int | None,
    typed: str,
    language: str,
    *,
    words: Mapping[str, str] | None = None,
) -> list[ErrorView]:
    """Return the errors that fit what somebody typed from the screen, best first.

    Both languages count, kana for kanji, and what ChromeOS adds to a sentence.
    """
    edition_id = edition_id or _published_id()
    say, readings = _voice(language, words), readings_of(edition_id)
    ways = {typed, aloud(typed, readings)}
    found = [(best(ways, _said_in(row, readings)), row) for row in _errors(edition_id)]
    ranked = sorted((pair for pair in found if pair[0]), key=lambda pair: -pair[0])
    sure = [pair for pair in ranked if pair[0] >= ranked[0][0] - NEAR_BEST]
    return [_error(row, say, edition_id) for _fit, row in sure]


def error_view(
    edition_id: int | None, key: str, language: str, *, words: Mapping[str, str] | None = None
) -> ErrorView | None:
    """Return one error an edition knows."""
    edition_id = edition_id or _published_id()
    say = _voice(language, words)
    rows = (row for row in _errors(edition_id) if row["key"] == key)
    return next((_error(row, say, edition_id) for row in rows), None)


def _published_id() -> int | None:
    edition = published_edition()
    return edition.pk if edition else None


def _errors(edition_id: int | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _edition(edition_id).edition.errors if edition_id else []
    return rows


def _said_in(row: dict[str, Any], readings: Readings) -> list[str]:
    sentences = [*row["sentence"].values(), *row["also"]]
    return [*sentences, *(aloud(text, readings) for text in sentences)]


def _error(row: dict[str, Any], say: _Voice, edition_id: int | None) -> ErrorView:
    other = "en" if say.language == "ja" else "ja"
    step = "" if row["step"] == ANY_STEP else row["step"]
    return ErrorView(
        key=row["key"],
        step=step,
        step_title=step_name(edition_id, step, say.language, words=say.words),
        sentence=say.text(row["sentence"]),
        other=_Voice(say.words, other).text(row["sentence"]),
        meaning=say.text(row["meaning"]),
        attempt=say.text(row["attempt"]),
        call=row["call"],
        fine=row["fine"],
        for_it=say.text(row["it"]),
    )


class _SiteWords(Mapping[str, str]):
    """The site's words in a language, read (one query) when the first is needed."""

    def __init__(self, language: str) -> None:
        self._language = language

    @cached_property
    def _words(self) -> dict[str, str]:
        return site_words(language=self._language)

    def __getitem__(self, key: str) -> str:
        return self._words[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)


@dataclass(frozen=True, slots=True)
class _Voice:
    """Says a bilingual text in one language, with the words filled in."""

    words: Mapping[str, str]
    language: str

    def text(self, value: Mapping[str, str]) -> str:
        """Return the text; in the other language where the wished one is missing.

        Readings its author marked go along (`Marked`); as a string it is the plain text.
        """
        first, second = ("ja", "en") if self.language == "ja" else ("en", "ja")
        said = value.get(first) or value.get(second) or ""
        return marked(said, lambda part: fill(part, self.words))

    def lines(self, rows: list[dict[str, str]], flags: Mapping[str, str]) -> list[str]:
        return [self.text(row) for row in rows if matches(row.get("when", ""), flags)]


def _voice(language: str, words: Mapping[str, str] | None) -> _Voice:
    return _Voice(_SiteWords(language) if words is None else words, language)


def _edition(edition_id: int) -> _Kept:
    kept = _kept.get(edition_id)
    if kept is None:
        kept = _read(edition_id)
        if kept.edition.state != EditionState.DRAFT:
            if len(_kept) >= KEPT_EDITIONS:
                _kept.clear()
            _kept[edition_id] = kept
    return kept


def _read(edition_id: int) -> _Kept:
    """Read an edition and everything below it (four queries)."""
    edition = Edition.objects.get(pk=edition_id)
    troubles: dict[int, list[Trouble]] = {}
    for trouble in Trouble.objects.filter(step__edition=edition_id).order_by("position"):
        troubles.setdefault(trouble.step_id, []).append(trouble)
    return _Kept(
        edition=edition,
        steps=tuple(edition.steps.order_by("position")),
        troubles={step_id: tuple(rows) for step_id, rows in troubles.items()},
        lessons=tuple(edition.lessons.order_by("position")),
        readings=Readings({**own_readings(), **edition.readings}),
    )


def _line(step: Step, number: int, say: _Voice) -> StepLine:
    return StepLine(
        key=step.key,
        number=number,
        title=say.text(step.title),
        minutes=step.minutes,
        required=step.required,
        milestone=step.milestone,
    )


def _troubles(kept: _Kept, key: str) -> tuple[Trouble, ...]:
    step = next((step for step in kept.steps if step.key == key), None)
    return kept.troubles.get(step.pk, ()) if step else ()


def _steps(kept: _Kept, flags: Mapping[str, str]) -> list[Step]:
    return [step for step in kept.steps if matches(step.when, flags)]


def _phases(kept: _Kept, steps: list[Step]) -> list[dict[str, Any]]:
    """Return the phases that have a step, in order."""
    used = {step.phase for step in steps}
    return [phase for phase in kept.edition.phases if phase["key"] in used]


def _phase_on_page(kept: _Kept, steps: list[Step], step: Step, say: _Voice) -> PhaseOnPage:
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


def _check(step: Step, say: _Voice) -> dict[str, Any]:
    """Return what a check needs, in one language.

    Keys, where the check has them: fallback, expects, minimum, seconds_away, also (type, minimum) and
    questions, each with number, question and choices (number, text, correct, reason).
    """
    data = {**CHECK_DEFAULTS.get(step.check_type, {}), **step.check_data}
    check = {name: _said(value, say) for name, value in data.items() if name != "questions"}
    if "questions" in data:
        check["questions"] = _questions(data["questions"], say)
    return check


def _questions(rows: Iterable[Mapping[str, Any]], say: _Voice) -> list[dict[str, Any]]:
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


def _said(value: Any, say: _Voice) -> Any:
    if isinstance(value, dict):
        return {name: _said(item, say) for name, item in value.items()}
    return fill(value, say.words) if isinstance(value, str) else value


# --- on paper -------------------------------------------------------------------------------------


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
    kept = _edition(edition_id)
    wanted = kept.edition.paper_sheet.get("steps", [])
    say = _Voice(words, language)
    return PaperView(
        title=say.text(kept.edition.title),
        note=say.text(kept.edition.paper_sheet.get("note") or {}),
        steps=[
            step_page(edition_id, step.key, flags, words, language)
            for step in _steps(kept, flags)
            if step.key in wanted
        ],
    )


def all_pages(
    edition_id: int, flags: Mapping[str, str], words: Mapping[str, str], language: str
) -> list[StepPage]:
    """Return every step that applies with all its texts (no query once the edition is kept)."""
    return [
        step_page(edition_id, step.key, flags, words, language)
        for step in _steps(_edition(edition_id), flags)
    ]


# --- a guide that nobody's progress is kept of ----------------------------------------------------


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
    say = _voice(language, words)

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
