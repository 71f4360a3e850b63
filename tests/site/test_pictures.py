"""One drawing a step: it is there, it says in both languages what it shows, it keeps to the theme."""

from __future__ import annotations

import re
from itertools import product
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from tests.factories import shipped_guide

ART = settings.BASE_DIR / "templates" / "art"
STEPS = [step.key for step in shipped_guide().steps]
WORDS = {
    "asset_tag": "CB-000123",
    "wifi_name": "asahi-staff",
    "account_domain": "asahi.example.jp",
    "guide_url": "kit.example.lg.jp",
    "practice_word": "前橋",
    "practice_romaji": "maebashi",
    "lost_phone": "027-000-0000（夜・休日も可）",
}
FLAGS = (
    {},
    {
        "wifi_auth": "peap",
        "enrollment": "user_enrolls",
        "pin_allowed": "true",
        "fingerprint_allowed": "true",
        "keyboard": "us",
    },
)
LEAST_LETTERS = 16  # of 500: on a phone 358 px wide that is 11.5 px
# A step's number, a key's name, what the device shows in either language.
SAME_IN_BOTH = re.compile(r"[\x20-\x7e…•+=]*|日本語|英数|かな|あ|あ A")


def drawn(key: str, language: str, flags: dict[str, str]) -> ET.Element:
    with translation.override(language):
        text = render_to_string(f"art/{key}.html", {"words": WORDS, "flags": flags})
    return ET.fromstring(text)  # our own template


def words_in(picture: ET.Element) -> list[str]:
    return [str(text.text) for text in picture.iter("text")]


def test_every_step_of_the_shipped_guide_is_drawn_and_nothing_else() -> None:
    assert sorted(path.stem for path in ART.iterdir()) == sorted(STEPS)


@pytest.mark.parametrize("key", STEPS)
def test_its_alternative_is_whole_sentences_in_both_languages(key: str) -> None:
    said = {code: drawn(key, code, {}).attrib["aria-label"] for code in ("ja", "en")}
    assert said["ja"].endswith("。")
    assert re.search(r"[ぁ-ん]", said["ja"])
    assert said["en"].endswith(".")
    assert said["en"].isascii() or "あ" in said["en"]
    assert len(said["en"].split()) >= 8


@pytest.mark.parametrize("key", STEPS)
def test_its_words_are_in_the_readers_language_and_large_enough(key: str) -> None:
    known = set(WORDS.values()) | {"027-000-0000"}
    for language, flags in product(("ja", "en"), FLAGS):
        picture = drawn(key, language, flags)
        for text in picture.iter("text"):
            assert float(text.attrib["font-size"]) >= LEAST_LETTERS
        for word in words_in(picture):
            if language == "en":
                assert word in known or SAME_IN_BOTH.fullmatch(word), word


@pytest.mark.parametrize("key", STEPS)
def test_it_has_no_colour_and_no_style_of_its_own(key: str) -> None:
    for flags in FLAGS:
        for part in drawn(key, "ja", flags).iter():
            assert not {"fill", "stroke", "style", "id"} & set(part.attrib)


@pytest.mark.parametrize("key", STEPS)
def test_words_of_this_site_stand_where_the_drawing_names_them(key: str) -> None:
    source = (ART / f"{key}.html").read_text(encoding="utf-8")
    named = re.findall(r"picture_words words\.(\w+)", source)
    shown = {word for flags in FLAGS for word in words_in(drawn(key, "ja", flags))}
    assert all(WORDS[name] in shown or name == "lost_phone" for name in named)
