from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.finder import best, fold, likeness

SENTENCE = "サーバーに接続できませんでした。別のネットワーク"


@pytest.mark.parametrize(
    "typed",
    [
        *("接続できません", "ｻｰﾊﾞｰ", "さーばー", "サーバ に 接続", "ネットワーク サーバー"),
        "画面に「サーバーに接続できませんでした。別のネットワークを選んでください」と出ました",
        "サーバに接続できませんてした。別のネトワーク",
    ],
)
def test_width_spaces_parts_order_and_small_mistakes_do_no_harm(typed):
    assert likeness(typed, SENTENCE) > 0


@pytest.mark.parametrize("typed", ["", "サ", "印刷できない", "。。。", "xyz"])
def test_something_else_is_not_found(typed):
    assert likeness(typed, SENTENCE) == 0


def test_letters_may_be_capitals():
    assert likeness("NOT AUTHORIZED", "is not authorized to use") > 1


def test_a_whole_sentence_wins_over_a_part_and_a_long_one_over_a_short_one():
    typed = "このデバイスを使用する権限がありません"
    assert likeness(typed, "使用する権限がありません") > likeness(typed, "権限が")
    assert likeness(typed, "権限が") > likeness("権限が", typed)


def test_the_best_way_to_say_it_counts():
    assert best(["せつぞく"], ["接続", "せつぞく"]) > 1
    assert best([], ["接続"]) == 0


@given(st.text(), st.text())
def test_nothing_typed_breaks_it(typed, sentence):
    assert likeness(typed, sentence) >= 0
    assert fold(fold(typed)) == fold(fold(fold(typed)))
