"""Codes that can be typed, browsers that have a name."""

from __future__ import annotations

import pytest

from kitting.handoff import rules
from tests.handoff.conftest import CHROMEBOOK, PHONE

EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36 Edg/140.0"


@pytest.mark.parametrize(
    "typed",
    ["12345678", "1234-5678", " 1234 5678 ", "\uff11\uff12\uff13\uff14-5678", "1234ー5678"],
)
def test_a_code_may_be_typed_in_any_way(typed: str) -> None:
    assert rules.plain_code(typed) == "12345678"


def test_a_code_keeps_its_zeros() -> None:
    assert rules.shown(rules.make_code(lambda _most: 42)) == "0000-0042"


@pytest.mark.parametrize(
    ("user_agent", "name", "system"),
    [
        (CHROMEBOOK, "Chrome", "Chromebook"),
        (PHONE, "Safari", "iPhone"),
        (EDGE, "Edge", "Windows"),
        ("curl/8", "", ""),
    ],
)
def test_a_browser_is_named_as_people_know_it(user_agent: str, name: str, system: str) -> None:
    assert (rules.browser_name(user_agent), rules.system_name(user_agent)) == (name, system)
