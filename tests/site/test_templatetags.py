"""What the small filters promise."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils.safestring import mark_safe

from kitting.templatetags.kitto import (
    before_bracket,
    code,
    has_picture,
    marker,
    nobreak,
    percent,
    picture_words,
    pieces,
    share,
)


def test_words_with_a_hyphen_stay_on_one_line():
    assert nobreak("職場の Wi-Fi につなぐ") == '職場の <span class="nb">Wi-Fi</span> につなぐ'


def test_a_figure_stays_with_its_unit():
    assert nobreak("30 秒待っても") == '<span class="nb">30 秒</span>待っても'
    assert nobreak("約10分") == '約<span class="nb">10分</span>'


def test_a_very_long_word_may_break():
    long = "very-long-name-of-a-network-2026"
    assert nobreak(long) == long


def test_a_word_of_the_device_is_marked_in_both_languages():
    assert marker("「接続」を押します。") == '「<b class="ui">接続</b>」を押します。'
    assert nobreak(marker("**「接続」**を、<b>Wi-Fi で</b>")) == (
        '<strong>「<b class="ui">接続</b>」</strong>を、&lt;b&gt;<span class="nb">Wi-Fi</span> で&lt;/b&gt;'
    )
    assert marker('**Press "Connect".**') == (
        '<strong>Press &quot;<b class="ui">Connect</b>&quot;.</strong>'
    )
    assert marker('Press "Connect".') == 'Press &quot;<b class="ui">Connect</b>&quot;.'


@pytest.mark.parametrize("change", [nobreak, marker])
def test_text_from_outside_is_escaped(change):
    assert "<script>" not in change("「<script>alert(1)</script>」Wi-Fi")
    assert change("a & b") == "a &amp; b"


@pytest.mark.parametrize("change", [nobreak, marker])
def test_tags_of_safe_text_are_left_alone(change):
    safe = mark_safe('<a href="/x-y" title="「x」">次へ</a>')
    assert change(safe) == safe


def test_the_filters_chain_without_escaping_twice():
    page = Template("{% load kitto %}{{ text|marker|nobreak }}")
    assert page.render(Context({"text": "「Wi-Fi」 & 2 回"})) == (
        '「<b class="ui"><span class="nb">Wi-Fi</span></b>」 &amp; <span class="nb">2 回</span>'
    )


def test_nothing_becomes_an_empty_text():
    assert nobreak(None) == marker(None) == code(None) == ""


def test_a_code_is_shown_as_on_the_label():
    assert code("K7M39QXP") == "K7M3-9QXP"
    assert code("K7M3-9QXP") == "K7M3-9QXP"


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (1874, 2650, "70.7%"),
        (2649, 2650, "99.9%"),
        (2650, 2650, "100%"),
        (1, 99999, "0.1%"),
        (0, 5, "0%"),
        (0, 0, "\N{EN DASH}"),
    ],
)
def test_a_share_never_says_all_or_none_too_early(part, whole, text):
    assert percent(part, whole) == text


def test_a_share_for_a_drawing_has_a_point_in_every_language():
    assert share(1, 8) == "12.50%"
    assert share(1, 0) == "0.00%"


def test_a_bar_is_filled_exactly_and_shows_the_smallest_piece():
    bar = pieces(done=1874, now=412, help=7, none=357)
    assert [piece.kind for piece in bar] == ["done", "now", "help", "none"]
    assert sum(float(piece.width.rstrip("%")) for piece in bar) == pytest.approx(100, abs=0.05)
    assert bar[2].width == "0.80%"


def test_a_bar_leaves_out_what_is_nothing():
    assert [piece.kind for piece in pieces(done=3)] == ["done"]
    assert pieces() == []


def test_a_picture_is_promised_only_where_one_is_drawn():
    drawn = [path.stem for path in (settings.BASE_DIR / "templates" / "art").iterdir()]
    assert drawn
    assert all(has_picture(key) for key in drawn)
    assert not has_picture("lesson-screenshot")
    assert not has_picture(None)


def test_words_in_a_picture_are_pressed_together_only_where_they_are_too_wide():
    assert "textLength" not in picture_words("始める", 10, 20, 20, 100)
    assert 'textLength="100"' in picture_words("ユーザー補助機能", 10, 20, 20, 100)
    assert "&lt;b&gt;" in picture_words("<b>", 10, 20, 20, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("027-000-0000（夜・休日も可）", "027-000-0000"),
        ("027-000-0000 (day and night)", "027-000-0000"),
        (None, ""),
    ],
)
def test_a_phone_in_a_picture_stands_without_its_hours(text, said):
    assert before_bracket(text) == said
