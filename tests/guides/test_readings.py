"""What the shipped guide promises to people who want readings above its kanji."""

from __future__ import annotations

import pytest

from kitting.guides.actions import load_guide
from kitting.guides.queries.kept import readings_of
from kitting.guides.queries.pages import step_page
from kitting.guides.rules.checking import japanese_of
from kitting.guides.rules.reading import read_guide
from kitting.guides.rules.shapes import Beside
from kitting.lib.ruby import ALL_KANJI, Marked, Readings, has_kanji, pieces
from kitting.site.queries import own_readings
from tests.guides.small import small_guide


def bare(texts, readings):
    """Return the pieces of texts whose kanji have no reading."""
    return sorted(
        {
            piece.base
            for text in texts
            for piece in pieces(text, readings, above=ALL_KANJI)
            if piece.reading is None and has_kanji(piece.base)
        }
    )


def test_every_kanji_of_the_shipped_guide_has_a_reading(shipped):
    readings = Readings({e.word: e.reading for e in shipped.readings})
    texts = japanese_of(shipped)
    assert len(texts) > 300
    assert bare(texts, readings) == [], "load_guide --propose-readings lists what is missing"


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        *(("空のまま", "から"), ("箱の中", "はこ"), ("日本語", "にほん"), ("長押し", "ながお")),
        *(("何も押さずに", "なに"), ("何回でも", "なんかい"), ("ふたを開けます", "あ")),
        *(("「開けました」", "ひら"), ("明日の朝", "あした"), ("その 1 台だけ", "だい")),
        *(("3 本の指", "ぼん"), ("2 本の指", "ほん"), ("1 本の指", "ぽん"), ("30 分", "ぷん")),
        *(
            ("情報政策課", "じょうほう"),
            ("職員番号", "しょくいん"),
            ("窓口に来ました", "まどぐち"),
        ),
    ],
)
def test_words_with_several_readings_are_read_as_they_are_meant(shipped, text, reading):
    readings = Readings({e.word: e.reading for e in shipped.readings})
    found = [p.reading for p in pieces(text, readings, above=ALL_KANJI) if p.reading]
    assert found[0] == reading


def test_two_lists_never_read_a_word_in_two_ways(shipped):
    own = own_readings()
    assert [e for e in shipped.readings if own.get(e.word, e.reading) != e.reading] == []


@pytest.mark.django_db
def test_an_edition_brings_its_own_words_and_its_marks(now):
    document = small_guide()
    document["steps"][0]["title"]["ja"] = "{市|いち}の市"
    draft = read_guide(document, Beside(readings={"市": "し"}))
    edition = load_guide(draft=draft, now=now, publish=True).edition
    title = step_page(edition.pk, "one", {}, {}, "ja").title
    assert title == "市の市"
    assert isinstance(title, Marked)
    found = pieces(title, readings_of(edition.pk), above=ALL_KANJI)
    assert [p.reading for p in found] == ["いち", None, "し"]


@pytest.mark.django_db
def test_before_a_journey_begins_the_published_words_hold(small):
    assert readings_of(None) is readings_of(small.pk)
