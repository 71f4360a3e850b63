"""Sentences on the Chromebook's screen, and what to do about each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kitting.guides.queries.kept import kept_edition, published_id, readings_of
from kitting.guides.queries.lists import step_name
from kitting.guides.queries.shapes import ErrorView
from kitting.guides.queries.voice import Voice, sentences_of, voice
from kitting.guides.rules.shapes import ANY_STEP
from kitting.lib.finder import best
from kitting.lib.ruby import aloud

if TYPE_CHECKING:
    from collections.abc import Mapping

# What fits so much worse than the best is not shown beside it.
NEAR_BEST = 1.0


def errors(
    edition_id: int | None, language: str, *, words: Mapping[str, str] | None = None
) -> list[ErrorView]:
    """Return the errors an edition knows, the published one where none is named, in its order."""
    edition_id = edition_id or published_id()
    say = voice(language, words)
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
    edition_id = edition_id or published_id()
    say, readings = voice(language, words), readings_of(edition_id)
    ways = {typed, aloud(typed, readings)}
    found = [(best(ways, sentences_of(row, readings)), row) for row in _errors(edition_id)]
    ranked = sorted((pair for pair in found if pair[0]), key=lambda pair: -pair[0])
    sure = [pair for pair in ranked if pair[0] >= ranked[0][0] - NEAR_BEST]
    return [_error(row, say, edition_id) for _fit, row in sure]


def error_view(
    edition_id: int | None, key: str, language: str, *, words: Mapping[str, str] | None = None
) -> ErrorView | None:
    """Return one error an edition knows."""
    edition_id = edition_id or published_id()
    say = voice(language, words)
    rows = (row for row in _errors(edition_id) if row["key"] == key)
    return next((_error(row, say, edition_id) for row in rows), None)


def _errors(edition_id: int | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = kept_edition(edition_id).edition.errors if edition_id else []
    return rows


def _error(row: dict[str, Any], say: Voice, edition_id: int | None) -> ErrorView:
    other = "en" if say.language == "ja" else "ja"
    step = "" if row["step"] == ANY_STEP else row["step"]
    return ErrorView(
        key=row["key"],
        step=step,
        step_title=step_name(edition_id, step, say.language, words=say.words),
        sentence=say.text(row["sentence"]),
        other=Voice(say.words, other).text(row["sentence"]),
        meaning=say.text(row["meaning"]),
        attempt=say.text(row["attempt"]),
        call=row["call"],
        fine=row["fine"],
        for_it=say.text(row["it"]),
    )
