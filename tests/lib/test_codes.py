"""Box codes survive reading aloud, typing and scanning, or are refused with the reason."""

# ruff: noqa: RUF001  # characters that look alike are what is tested

import random
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kitting.lib.codes import ALPHABET, CodeError, is_valid, make_code, parse, shown

SEEDS = st.integers(0, 2**32)
# Printed in the guide and on the sample labels.
PRINTED = ("K7M3-9QXP", "YD53-6H89", "WKHE-PX6J", "PM4N-2WHS", "HNSY-ERVB", "2QT4-7TMD")


def code_of(seed: int) -> str:
    return make_code(random.Random(seed).choice)


@pytest.mark.parametrize("printed", PRINTED)
def test_printed_codes_are_valid(printed):
    assert shown(parse(printed)) == printed


def test_alphabet_has_29_characters_that_nobody_mixes_up():
    assert len(set(ALPHABET)) == 29
    assert not set(ALPHABET) & set("01ILOUZ")


def test_two_codes_differ():
    assert len({make_code() for _ in range(1000)}) == 1000


@given(SEEDS)
def test_made_codes_are_valid_and_read_back_from_the_label(seed):
    code = code_of(seed)
    assert is_valid(code)
    assert parse(shown(code)) == code


@given(SEEDS)
def test_every_single_wrong_character_is_noticed(seed):
    code = code_of(seed)
    for place in range(8):
        for other in set(ALPHABET) - {code[place]}:
            assert not is_valid(code[:place] + other + code[place + 1 :])


@given(SEEDS)
def test_every_swap_of_two_places_is_noticed(seed):
    code = code_of(seed)
    for one, two in combinations(range(8), 2):
        swapped = list(code)
        swapped[one], swapped[two] = code[two], code[one]
        assert code[one] == code[two] or not is_valid("".join(swapped))


@pytest.mark.parametrize(
    "typed",
    [
        "K7M39QXP",
        "k7m3-9qxp",
        " K7M3 9QXP\n",
        "Ｋ７Ｍ３－９ＱＸＰ",
        "ｋ７ｍ３ー９ｑｘｐ",
        "K7M3ｰ9QXP",
        "K7M3・9QXP",
        "K7M3･9QXP",
        "K7M3‐9QXP",
        "K7M3–9QXP",
        "K7M3—9QXP",
        "K7M3―9QXP",
        "K7M3−9QXP",
        "K7M3─9QXP",
        "K7M3〜9QXP",
        "K7M3_9QXP",
        "K7M3\u00ad9QXP",
        "K7M3\u200b9QXP\ufeff",
        "K7M3\u30009QXP",
        "HTTPS://HOST/D/K7M39QXP",
        "https://kit.city.example.jp/d/k7m3-9qxp/",
        "http://192.0.2.7:8000/d/K7M39QXP?from=/d/label#top",
        "ｈｔｔｐｓ：／／ｈｏｓｔ／ｄ／ｋ７ｍ３９ｑｘｐ",
        "https://d/d/K7M39QXP",
        "/d/K7M39QXP",
        "d/K7M39QXP",
    ],
)
def test_one_code_is_read_however_it_comes(typed):
    assert parse(typed) == "K7M39QXP"


@given(st.text() | st.text("K7M39QXP-ー／/dD ０1", max_size=14))
def test_any_text_is_a_valid_code_or_refused(text):
    try:
        code = parse(text)
    except CodeError:
        return
    assert is_valid(code)


@pytest.mark.parametrize(
    ("typed", "reason", "characters"),
    [
        ("", "length", ()),
        ("K7M3-9QX", "length", ()),
        ("K7M3-9QXPP", "length", ()),
        ("CB-000123", "characters", ("0", "1")),
        ("https://host/", "length", (":", "/", "O")),
        ("K7M3-9QX0", "characters", ("0",)),
        ("KOM3-0ILO", "characters", ("O", "0", "I", "L")),
        ("K7M3-9QX箱", "characters", ("箱",)),
        ("7KM3-9QXP", "check", ()),
    ],
)
def test_what_is_no_code_is_refused_with_its_reason(typed, reason, characters):
    with pytest.raises(CodeError) as refused:
        parse(typed)
    assert (refused.value.reason, refused.value.characters) == (reason, characters)


@pytest.mark.parametrize("text", ["", "k7m39qxp", "K7M3-9QXP", "K7M39QXP ", "K7M39QX"])
def test_only_the_stored_form_is_valid(text):
    assert not is_valid(text)
