"""A guide's words in one language, filled with the site's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from kitting.guides.queries.shapes import StepLine
from kitting.guides.rules.words import fill, matches
from kitting.lib.ruby import Readings, aloud, marked
from kitting.site.queries import words as site_words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kitting.guides.models import Step


def sentences_of(row: dict[str, Any], readings: Readings) -> list[str]:
    """Return all that an error may be found by: its sentences, and how they are read."""
    sentences = [*row["sentence"].values(), *row["also"]]
    return [*sentences, *(aloud(text, readings) for text in sentences)]


class SiteWords(Mapping[str, str]):
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
class Voice:
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


def voice(language: str, words: Mapping[str, str] | None) -> Voice:
    """Return the voice of a site in one language."""
    return Voice(SiteWords(language) if words is None else words, language)


def step_line(step: Step, number: int, say: Voice) -> StepLine:
    """Return a step as one line of a list."""
    return StepLine(
        key=step.key,
        number=number,
        title=say.text(step.title),
        minutes=step.minutes,
        required=step.required,
        milestone=step.milestone,
    )


def filled(value: Any, say: Voice) -> Any:
    """Return plain values with every variable in them filled."""
    if isinstance(value, dict):
        return {name: filled(item, say) for name, item in value.items()}
    return fill(value, say.words) if isinstance(value, str) else value
