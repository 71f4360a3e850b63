from __future__ import annotations

import re

import pytest

from kitting.lib.ruby import (
    ALL_KANJI,
    Marked,
    Piece,
    Readings,
    align,
    aloud,
    annotated,
    as_yomi,
    bad_marks,
    grade_of,
    marked,
    pieces,
    read_list,
    school_kanji,
)

WORDS = Readings(
    {
        "端末": "たんまつ",
        "開く": "ひらく",
        "受け取り": "うけとり",
        "情報": "じょうほう",
        "人": "ひと",
        "1 人": "ひとり",
        "画面": "がめん",
    }
)


def shown(text: str, above: int = ALL_KANJI) -> str:
    found = pieces(text, WORDS, above=above)
    return "".join(p.base if p.reading is None else f"[{p.base}|{p.reading}]" for p in found)


def test_the_school_list_has_the_counts_of_the_table_of_2020() -> None:
    assert [len(line) for line in school_kanji()] == [80, 160, 200, 202, 193, 191]
    assert len(set("".join(school_kanji()))) == 1026


def test_the_kanji_that_changed_their_grade_in_2020_stand_in_the_new_one() -> None:
    assert {grade_of(k) for k in "茨媛岡潟岐熊香佐埼崎滋鹿縄井沖栃奈梨阪阜賀群徳富城"} == {4}
    assert {grade_of(k) for k in "囲紀喜救型航告殺士史象賞貯停堂得毒費粉脈歴"} == {5}
    assert {grade_of(k) for k in "胃腸恩券承舌銭退敵俵預"} == {6}
    assert grade_of("端") == 7


def test_a_word_gets_its_reading_above_the_kanji_only() -> None:
    assert shown("端末を開く") == "[端末|たんまつ]を[開|ひら]く"
    assert shown("受け取りました") == "[受|う]け[取|と]りました"


def test_only_words_with_a_kanji_above_the_grade_get_a_reading() -> None:
    assert shown("端末の画面を開く", above=6) == "[端末|たんまつ]の画面を開く"
    assert shown("情報の画面", above=4) == "[情報|じょうほう]の画面"


def test_a_word_nobody_reviewed_stays_as_it_is() -> None:
    assert pieces("未知の語", WORDS, above=ALL_KANJI) == [Piece("未知の語")]


def test_half_a_word_gets_no_reading() -> None:
    assert shown("他人の人") == "他人の[人|ひと]"


def test_a_mark_of_the_author_wins_over_the_list() -> None:
    text = marked("あの{人|じん}は人です")
    assert text == "あの人は人です"
    assert shown(text) == "あの[人|じん]は[人|ひと]です"


def test_words_are_filled_in_between_the_marks_and_never_into_them() -> None:
    text = marked("{市|し}の{name}", lambda part: part.replace("{name}", "端末"))
    assert shown(text) == "[市|し]の[端末|たんまつ]"
    assert not isinstance(marked("{name}"), Marked)


def test_a_mark_without_kanji_or_with_more_than_kana_is_named() -> None:
    assert bad_marks("{かな|かな}と{市|shi}と{市|し}") == ["{かな|かな}", "{市|shi}"]


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        *(
            ("3 分", "ぷん"),
            ("5分", "ふん"),
            ("10 分", "ぷん"),
            ("2 本", "ほん"),
            ("3 本", "ぼん"),
        ),
        *(("3 日", "か"), ("11日", "にち"), ("10分間", "ぷんかん"), ("2 回目", "かいめ")),
        *(("1 本", "ぽん"), ("2 人", "にん"), ("21 人", "にん"), ("30 秒", "びょう")),
    ],
)
def test_what_counts_is_read_after_its_figure(text: str, reading: str) -> None:
    assert pieces(text, WORDS, above=ALL_KANJI)[-1].reading == reading


def test_one_person_is_read_as_a_whole_but_not_at_the_end_of_a_greater_figure() -> None:
    assert shown("1 人") == "[1 人|ひとり]"
    assert shown("21 人") == "21 [人|にん]"
    assert shown("人") == "[人|ひと]"


def test_a_reading_that_does_not_fit_its_word_is_none() -> None:
    assert align("開く", "ひらけ") is None
    assert align("端末", "tanmatsu") is None


def test_html_keeps_its_tags_and_attributes_and_shows_readings_in_its_text() -> None:
    html = '<a title="端末" href="/端末">端末</a><svg><title>端末</title></svg><img alt="画面">'
    found = annotated(html, WORDS, above=ALL_KANJI)
    assert re.sub(r'<span class="yo">(.*?)</span>', r"\1", found) == (
        '<a title="端末" href="/端末"><ruby>端末<rt aria-hidden="true">たんまつ</rt></ruby></a>'
        '<svg><title>端末</title></svg><img alt="画面">'
    )


def test_other_languages_and_fields_are_left_alone() -> None:
    html = '<b lang="en">端末<b>画面</b>端末</b><textarea>端末</textarea><option>端末</option>'
    assert annotated(html, WORDS, above=ALL_KANJI) == html


def test_a_figure_in_a_tag_of_its_own_still_counts() -> None:
    found = annotated("<b>3</b> 分", WORDS, above=ALL_KANJI)
    assert "ぷん" in found


def test_the_authors_mark_shows_only_where_its_kanji_is_above_the_grade() -> None:
    html = as_yomi("{上|じょう}と{端|はし}")
    assert html == '<span data-yomi="じょう">上</span>と<span data-yomi="はし">端</span>'
    assert annotated(html, WORDS, above=6).startswith("上と<ruby>端<rt")


def test_a_list_is_read_line_by_line_with_remarks():
    assert read_list("# words\n端末: たんまつ  # a device\n3 本: 3 ぼん\n\n空:\n") == {
        "端末": "たんまつ",
        "3 本": "3 ぼん",
    }


def test_a_text_is_read_aloud_with_its_readings() -> None:
    assert aloud("端末を開く", WORDS) == "たんまつをひらく"
