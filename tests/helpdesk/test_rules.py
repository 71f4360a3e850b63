"""The order of a round and the words of an answer used again."""

from __future__ import annotations

from kitting.helpdesk.rules import fill_in, stops, unknown_names


def test_a_round_begins_where_the_most_urgent_person_is_and_goes_to_each_place_once():
    rows = [("b", 1), ("a", 2), ("b", 3), ("c", 4), ("a", 5)]
    assert stops(rows, place=lambda row: row[0]) == [
        ("b", [("b", 1), ("b", 3)]),
        ("a", [("a", 2), ("a", 5)]),
        ("c", [("c", 4)]),
    ]


def test_a_name_nobody_knows_is_found_before_it_is_sent():
    assert unknown_names("{step}です。{foo}と{foo}と{it_phone}", ["step", "it_phone"]) == [
        "foo"
    ]


def test_a_word_that_is_missing_leaves_no_braces_behind():
    assert fill_in("会議室 {meeting} {step}", {"step": "Wi-Fi"}) == "会議室  Wi-Fi"


def test_braces_inside_a_word_stay_braces():
    assert fill_in("{step}", {"step": "{it_phone}"}) == "{it_phone}"
