from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.lines import broken


def wide(text: str) -> float:
    """Measure as a fixed-width font would: Latin is half as wide."""
    return sum(0.5 if character < "\u0250" else 1.0 for character in text)


def test_closing_marks_do_not_begin_a_line_and_opening_ones_do_not_end_it():
    assert broken("画面に「日本語」と出ます。", 4, wide) == [
        "画面に",
        "「日本",
        "語」と出",
        "ます。",
    ]


def test_words_of_the_device_stay_whole():
    assert broken("Wi-Fi と Chromebook です", 6, wide) == ["Wi-Fi と", "Chromebook", "です"]


def test_a_word_wider_than_the_line_is_cut_where_it_must_be():
    assert broken("kit.asahi.example.jp", 4, wide) == ["kit.asah", "i.exampl", "e.jp"]


def test_nothing_makes_no_line():
    assert broken("", 10, wide) == []
    assert broken("  ", 10, wide) == []


@given(
    st.text(st.sampled_from("あ漢。、「」（）ab1- \n→"), max_size=40),
    st.integers(min_value=2, max_value=12),
)
def test_every_letter_stands_on_some_line_and_no_line_is_too_wide(text, width):
    lines = broken(text, width, wide)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert all(wide(line) <= width for line in lines)
